/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a database counts: `--own` and `--in` leave sites out whose stacks have no such frame, with all that was found
 * at them (of a suite, `dearth suite replay` was told what is own, and its targets are that);
 * `--blame` sets those findings apart that went wrong in other code, such as a library's tests; without it, a suite's
 * are set apart by the names of files.
 */
#ifndef DEARTH_REPORT_SCOPE_H
#define DEARTH_REPORT_SCOPE_H

#include "report_data.h"

/** After sites and findings are read, before they are counted. Return: 0 or negative errno after a message: a glob
 * names nothing in the database. */
int report_scope_apply(struct report_data *data, const struct report_choice *choice);

#define REPORT_IN_HELP                                                                   \
    "only sites that have a frame in this function, module or source file on their "     \
    "stack; coverage is of these (may be repeated)"
#define REPORT_OWN_HELP                                                                  \
    "the same for what is your own; of a suite its targets say that already"
#define REPORT_BLAME_HELP                                                                \
    "only findings count that went wrong in this function, module or source file: of a " \
    "crash or an abort its stack has such a frame, of others the stack that asked for "  \
    "memory; the rest is shown apart (may be repeated)"

#endif
