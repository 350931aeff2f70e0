/* SPDX-License-Identifier: Apache-2.0 */
/* The user's browser. */
#ifndef DEARTH_BROWSER_H
#define DEARTH_BROWSER_H

#include <stdbool.h>

/**
 * Open @what, an address or the path of a file that begins with '/', in the first of $BROWSER's commands that ends well (each
 * with %s in the place of @what, or before it; ':' between them), else with xdg-open.
 * @wait: until it has ended, with the terminal for itself; else it runs beside us
 * Return: 0, or a negative errno after a message.
 */
int browser_open(const char *what, bool wait);

#endif
