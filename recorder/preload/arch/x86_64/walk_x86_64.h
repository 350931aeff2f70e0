/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fast path must know of x86-64: see arch.h. A rule is
 *
 *   63      56 55   48 47            32 31                             0
 *   | kind    |   0   | offset of rbp  | offset of the CFA              |
 */
#ifndef DEARTH_PRELOAD_WALK_X86_64_H
#define DEARTH_PRELOAD_WALK_X86_64_H

/* DWARF register numbers. Source: System V ABI, AMD64 supplement, figure 3.36. */
enum { REG_FP = 6, REG_SP = 7, REG_RA = 16 };

#define WALK_AUGMENTATIONS ""
static inline bool walk_ignores(uint8_t op) {
    (void)op;
    return false;
}

/* mov $SYS_rt_sigreturn, %rax; syscall: in libc and wherever else a handler returns to. */
#define WALK_SIGRETURN 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05
/* From the stack pointer there. Source: Linux, struct rt_sigframe and struct sigcontext_64 (arch/x86). */
enum { WALK_SIGNAL_FP = 120, WALK_SIGNAL_SP = 160, WALK_SIGNAL_PC = 168 };

static inline rule_bits rule_make(enum rule_kind kind, int64_t cfa, int64_t fp) {
    return (uint64_t)kind << 56 | (uint64_t)(uint16_t)fp << 32 | (uint32_t)cfa;
}

static inline enum rule_kind rule_kind(rule_bits rule) {
    return (enum rule_kind)(rule >> 56);
}

static inline int64_t rule_cfa_offset(rule_bits rule) {
    return (int32_t)rule;
}

/* Offset from the CFA (RULE_DRAP: from rbp) at which rbp was saved; 0 = it was not. */
static inline int64_t rule_fp_offset(rule_bits rule) {
    return (int16_t)(rule >> 32);
}

/* Offset from the CFA at which the return address lies. */
static inline int64_t rule_ra_offset(rule_bits rule) {
    (void)rule;
    return -8;
}

/* A rule of three offsets as above. Return: 0 when they have no room in it. */
static inline rule_bits rule_of(enum rule_kind kind, int64_t cfa, int64_t fp,
                                int64_t ra) {
    bool fits = cfa >= INT32_MIN && cfa <= INT32_MAX && fp >= INT16_MIN &&
                fp <= INT16_MAX && ra == -8;
    return fits ? rule_make(kind, cfa, fp) : 0;
}

#endif
