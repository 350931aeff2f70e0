/* SPDX-License-Identifier: Apache-2.0 */
/* The first look for leaks, by copies of a watched program. */
#ifndef DEARTH_LEAK_COPIES_H
#define DEARTH_LEAK_COPIES_H

struct pass;

/**
 * Look at what copies have had before. What they show to be clean is stored and settled; everything
 * else is left to whole programs.
 * Return: as drive_run(); REPLAY_BUDGET is the caller's to find.
 */
int leak_copies(struct pass *pass);

#endif
