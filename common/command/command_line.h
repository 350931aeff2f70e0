/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines for commands of dearth's own, which check and suite run one after another. */
#ifndef DEARTH_COMMAND_LINE_H
#define DEARTH_COMMAND_LINE_H

#include <stdint.h>

#include "cli.h"

/* Zero is valid and empty. A command moves argv's items about, so that they are owned by another list. */
struct command_line {
    char **argv, **items; /* argc, and NULL */
    int argc;
};

/** Append @item, which it owns from then on. */
void command_line_add(struct command_line *line, char *item);
/** "--option=item" for each. */
void command_line_add_list(struct command_line *line, const char *option,
                           const struct cli_list *list);
/** "--option=SECONDSs"; nothing for 0. */
void command_line_add_time(struct command_line *line, const char *option, uint64_t ns);
void command_line_deinit(struct command_line *line);

#endif
