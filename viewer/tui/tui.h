/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal view: the report's lists, to be searched and looked into. */
#ifndef DEARTH_TUI_H
#define DEARTH_TUI_H

#include "report_source.h"

/** Is it built in, and are standard input and output a terminal? Return: 0, or a negative errno after a message. */
int tui_check(void);

/**
 * Show it until the user has enough.
 * @source: show lines of the program's sources with findings; NULL = do not
 * Return: 0, 128 + a signal that ended it, or a negative errno after a message.
 */
int tui_run(const struct report_data *data, const struct report_source *source);

#endif
