/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of sources for a line on a terminal. Where a program was built says nothing to who reads about it:
 *
 *   /home/me/src/project/lib/list.c                            lib/list.c
 *   /rustc/90c541806f23a127002de5b4038be731ba1458ca/library/…  library/…
 *
 * Nothing is cut unless short_path_use() was called.
 */
#ifndef DEARTH_SHORT_PATH_H
#define DEARTH_SHORT_PATH_H

/**
 * Cut what paths begin with.
 * @prefix: folder that a program's own sources have in common, with a '/' at its end; copied; NULL = there is none
 */
void short_path_use(const char *prefix);
/** Show them whole again. */
void short_path_forget(void);
/** What of @file is shown: @file or a part of it, its end. NULL gives NULL. */
const char *short_path(const char *file);
/** The folder that is cut; NULL = none. */
const char *short_path_folder(void);

/** The longest folder that @a and @b have in common. Return: bytes of it with its '/', 0 = none. */
unsigned long short_path_common(const char *a, const char *b);

#endif
