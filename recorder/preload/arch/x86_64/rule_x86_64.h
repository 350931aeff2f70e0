/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the x86-64 fast path: how to get from a return address to its caller.
 *
 * One word, so that an entry of the cache can be read without a lock:
 *
 *   63      56 55   48 47            32 31                             0
 *   | kind    |   0   | offset of rbp  | offset of the CFA              |
 */
#ifndef DEARTH_PRELOAD_RULE_X86_64_H
#define DEARTH_PRELOAD_RULE_X86_64_H

#include <stdint.h>

enum rule_kind {
    RULE_NONE = 0, /* libunwind must do it */
    RULE_SP,       /* CFA = sp + offset */
    RULE_BP,       /* CFA = rbp + offset */
    RULE_DRAP,     /* CFA = *(rbp + offset): a frame that realigned its stack */
    RULE_SIGNAL,   /* the kernel's: registers are in the ucontext at sp */
    RULE_END,      /* outermost: its return address is undefined */
};

typedef uint64_t rule_bits;

static inline rule_bits rule_make(enum rule_kind kind, int64_t cfa, int64_t bp) {
    return (uint64_t)kind << 56 | (uint64_t)(uint16_t)bp << 32 | (uint32_t)cfa;
}

static inline enum rule_kind rule_kind(rule_bits rule) {
    return (enum rule_kind)(rule >> 56);
}

static inline int64_t rule_cfa_offset(rule_bits rule) {
    return (int32_t)rule;
}

/* Offset from the CFA (RULE_DRAP: from rbp) at which rbp was saved; 0 = it was not. */
static inline int64_t rule_bp_offset(rule_bits rule) {
    return (int16_t)(rule >> 32);
}

/**
 * Evaluate the CFI of a return address.
 * Return: its rule; RULE_NONE (0) when one word cannot say it.
 * Context: any; reads the module's .eh_frame, calls nothing that locks or allocates.
 */
rule_bits rule_evaluate(uintptr_t address);

#endif
