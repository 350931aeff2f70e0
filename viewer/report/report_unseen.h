/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording could not see, and what follows from that: coverage says nothing, the gate does not pass. */
#ifndef DEARTH_REPORT_UNSEEN_H
#define DEARTH_REPORT_UNSEEN_H

#include "cli.h"
#include "report_data.h"

/** The words of --accept-unseen in the help of commands. */
#define REPORT_ACCEPT_HELP                                                               \
    "accept knowingly that what this module (path or file name) allocates past dearth "  \
    "is neither recorded nor tested; the report says so"

/**
 * Does a note say that something of the user's was not seen? A helper of the system's that cannot be recorded
 * (ldconfig, sudo) is said and no more: coverage is of the programs that were recorded.
 */
bool report_unseen_counts(const struct report_note *note);

/** Mark what the user accepts. @globs: of paths or file names, as for fnmatch(3) */
void report_unseen_accept(struct report_data *data, const struct cli_list *globs);

/** How many modules were not seen and not accepted: with one, coverage is void. */
size_t report_unseen_open(const struct report_data *data);

/** The first recording of a sample, in which nobody knows which sites there are; NULL = none. */
const struct report_recording *report_unseen_sample(const struct report_data *data);

/** Does coverage say nothing: by a module that was not seen, or by a sample? */
bool report_unseen_is_void(const struct report_data *data);

/** Append "2 modules allocate past dearth: lib.so, plugin.so" of those that count, and that a recording is a sample. */
void report_unseen_add(const struct report_data *data, struct text *out);

#endif
