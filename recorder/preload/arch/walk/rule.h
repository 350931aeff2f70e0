/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the fast path: how to get from a return address to its caller, in one word, so that an entry
 * of the cache can be read without a lock. How the word is laid out is the processor's (ARCH_WALK).
 */
#ifndef DEARTH_PRELOAD_RULE_H
#define DEARTH_PRELOAD_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"

enum rule_kind {
    RULE_NONE = 0, /* libunwind must do it */
    RULE_SP,       /* CFA = sp + offset */
    RULE_FP,       /* CFA = frame pointer + offset */
    RULE_DRAP,     /* CFA = *(frame pointer + offset): a frame that realigned its stack */
    RULE_SIGNAL,   /* the kernel's: registers are in the ucontext at sp */
    RULE_END,      /* outermost: its return address is undefined */
};

typedef uint64_t rule_bits;

#include ARCH_WALK

/**
 * Evaluate the CFI of a return address.
 * Return: its rule; RULE_NONE (0) when one word cannot say it.
 * Context: any; reads the module's .eh_frame, calls nothing that locks or allocates.
 */
rule_bits rule_evaluate(uintptr_t address);

#endif
