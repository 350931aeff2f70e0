/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody watches a recording while it runs: a lock on a byte behind the arena's end, which nothing waits for, that the
 * collector asks about, and that goes with its owner.
 */
#ifndef DEARTH_SESSION_WATCH_H
#define DEARTH_SESSION_WATCH_H

#include <stdbool.h>

struct session;

/** Watch. @arena: path of the arena, as the database has it; NULL is allowed. Return: a descriptor, or -1: it cannot be done. */
int session_watch_begin(const char *arena);
void session_watch_end(int watch); /* -1 is allowed */

/** Does anybody? */
bool session_is_watched(const struct session *session);

#endif
