/* SPDX-License-Identifier: Apache-2.0 */
/* What each architecture has of its own: arch/<name>/unwind_<name>.c. */
#ifndef DEARTH_PRELOAD_UNWIND_FAST_H
#define DEARTH_PRELOAD_UNWIND_FAST_H

#include "unwind.h"

/**
 * Walk by cached rules, re-using the thread's last walk.
 * Return: the innermost frame (in thread->frames), NULL when the stack could not be
 * interned; *walked is false when libunwind must do it.
 */
struct frame *unwind_fast(struct thread *thread, const struct caller *caller,
                          bool *walked);

/** Forget every cached rule: a module was unloaded. */
void unwind_forget(void);
/** Fit the rule cache to what this process is for. Context: preload.flags are known. */
void unwind_start(void);

/** Does the stack end properly at @address (its caller is undefined by its CFI)? */
bool unwind_is_outermost(uintptr_t address);

#endif
