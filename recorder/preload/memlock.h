/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that lock their memory: see memlock.c. */
#ifndef DEARTH_PRELOAD_MEMLOCK_H
#define DEARTH_PRELOAD_MEMLOCK_H

#include <stddef.h>

/* The program has locked the memory that is yet to be mapped. */
extern int sys_is_locked;
/** Map @n private bytes that are not locked. Return: NULL when there is no way left. */
void *memlock_map(size_t n);

/** Find mlockall(). Context: process_start(). */
void memlock_start(void);

#endif
