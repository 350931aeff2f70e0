/* SPDX-License-Identifier: Apache-2.0 */
/* Guarded blocks: see guard.c. What its two files share, and what hooks.c calls. */
#ifndef DEARTH_PRELOAD_GUARD_H
#define DEARTH_PRELOAD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* --- guard.c --- */

/** Put the guard between the hooks and the real functions. Context: process_start(). */
void guard_start(void);
/** @p was allocated at @node. Context: re-entry flag held. */
void guard_site(void *p, uint32_t node);
/** Look at every block that is left. Context: our destructor. */
void guard_end(void);

/* --- guard_map.c --- */

/** From now on @address is a live block. Return: false when there is no room for its bit. */
bool guard_map_add(uintptr_t address);
bool guard_map_is_live(uintptr_t address);
bool guard_map_is_freed(uintptr_t address);
/** Live → freed. Return: whether this call did it: of two frees only one is told so. */
bool guard_map_retire(uintptr_t address);
/** Freed → not ours. */
void guard_map_forget(uintptr_t address);
/** Live → not ours. */
void guard_map_remove(uintptr_t address);
/** The nearest block of ours, live or freed, that starts at or before @address; 0 = none near. */
uintptr_t guard_map_before(uintptr_t address);
/** Call @live, @freed for every block. Context: no other thread. */
void guard_map_each(void (*live)(uintptr_t), void (*freed)(uintptr_t));

#endif
