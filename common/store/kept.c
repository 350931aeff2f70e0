/* SPDX-License-Identifier: Apache-2.0 */
/* What was never freed: see kept.h. */
#include "kept.h"

#include "store.h"
#include "words.h"

enum { UNKNOWN_RECORDING_ID = 1, UNKNOWN_KIND };

void kept_add_hint(struct text *out, const struct kept *kept, uint64_t end_ns) {
    char buf[24];
    if (kept->frees == 0 && kept->live_blocks == 1)
        text_add(out, "one block, kept");
    else if (kept->frees == 0)
        text_add(out, "none was freed");
    else
        text_say(out, "%.1f %% kept",
                 100.0 * (double)kept->live_blocks /
                     (double)(kept->live_blocks + kept->frees));
    /* Blocks of the run's last hundredth may just have been in use when it ended. */
    if (end_ns && kept->last_ns >= end_ns - end_ns / 100)
        text_add(out, ", still asked for at the end");
    else if (end_ns > kept->last_ns)
        text_say(out, ", last asked for %s before the end",
                 text_duration(end_ns - kept->last_ns, buf));
}

int kept_unknown(struct store *store, int64_t recording_id, char **module) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    *module = NULL;
    int r = store_prepare(store,
                          "SELECT subject FROM note WHERE recording_id = ? AND kind = ? "
                          "ORDER BY id LIMIT 1",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, UNKNOWN_RECORDING_ID, recording_id);
    store_bind_text(s, UNKNOWN_KIND, unseen_name(UNSEEN_BOUND_ELSEWHERE));
    if (sqlite3_step(s) == SQLITE_ROW)
        *module = text_dup(store_column_text(s, 0));
    return 0;
}
