/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts of which findings were not derived yet: of a replay that goes on, or was killed. */
#ifndef DEARTH_BEHIND_H
#define DEARTH_BEHIND_H

/** SQL: is the row of `attempt` at hand one of these? Without the setting (an older dearth's database) they are where a
 * replay still says that it runs. Whoever derives findings writes it: finding.h. */
#define BEHIND_IS                                                                        \
    "id > coalesce((SELECT value FROM setting WHERE name = 'findings_of'), CASE WHEN "   \
    "EXISTS (SELECT 1 FROM replay WHERE state = 'running') THEN 0 ELSE (SELECT max(id) " \
    "FROM attempt) END)"

#endif
