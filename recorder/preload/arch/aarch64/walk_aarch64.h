/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fast path must know of AArch64: see arch.h. A rule is
 *
 *   63  60 59                44 43                28 27                             0
 *   | kind | offset of x30 / 8  | offset of x29 / 8  | offset of the CFA             |
 *
 * A function may sign its return address before it stores it (pointer authentication). Its CFI tells in
 * which rows that is so; it is not followed, because arch_code() leaves an address alone that has no
 * signature.
 */
#ifndef DEARTH_PRELOAD_WALK_AARCH64_H
#define DEARTH_PRELOAD_WALK_AARCH64_H

/* DWARF register numbers. Source: DWARF for the Arm 64-bit Architecture, section 4.1. */
enum { REG_FP = 29, REG_SP = 31, REG_RA = 30 };

/* B: signed with the other key; G: a tagged stack. Neither has data. */
#define WALK_AUGMENTATIONS "BG"
/* DW_CFA_AARCH64_negate_ra_state, and with pc. Source: as above, section 4.4. */
static inline bool walk_ignores(uint8_t op) {
    return op == 0x2d || op == 0x2c;
}

/* mov x8, #SYS_rt_sigreturn; svc #0: in the vDSO, without CFI there since Linux 5.8. */
#define WALK_SIGRETURN 0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4
/* From the stack pointer there: siginfo_t, then the ucontext, whose registers begin with x0 behind
 * fault_address. Source: Linux, struct rt_sigframe, struct ucontext and struct sigcontext (arch/arm64). */
enum {
    WALK_SIGNAL_X0 = 128 + 176 + 8,
    WALK_SIGNAL_FP = WALK_SIGNAL_X0 + 29 * 8,
    WALK_SIGNAL_SP = WALK_SIGNAL_X0 + 31 * 8,
    WALK_SIGNAL_PC = WALK_SIGNAL_X0 + 32 * 8,
};

static inline rule_bits rule_make(enum rule_kind kind, int64_t cfa, int64_t fp,
                                  int64_t ra) {
    return (uint64_t)kind << 60 | (uint64_t)(uint16_t)(ra / 8) << 44 |
           (uint64_t)(uint16_t)(fp / 8) << 28 | ((uint64_t)cfa & 0xfffffff);
}

static inline enum rule_kind rule_kind(rule_bits rule) {
    return (enum rule_kind)(rule >> 60);
}

static inline int64_t rule_cfa_offset(rule_bits rule) {
    return (int64_t)(rule << 36) >> 36;
}

/* Offset from the CFA at which x29 was saved; 0 = it was not. */
static inline int64_t rule_fp_offset(rule_bits rule) {
    return (int16_t)(rule >> 28) * 8;
}

/* Offset from the CFA at which the return address lies. */
static inline int64_t rule_ra_offset(rule_bits rule) {
    return (int16_t)(rule >> 44) * 8;
}

/* A rule of three offsets as above. Return: 0 when they have no room in it. */
static inline rule_bits rule_of(enum rule_kind kind, int64_t cfa, int64_t fp,
                                int64_t ra) {
    const int64_t most_cfa = 1 << 27, most = 1 << 18;
    bool fits = cfa >= -most_cfa && cfa < most_cfa && fp >= -most && fp < most &&
                ra >= -most && ra < most && !(fp & 7) && !(ra & 7);
    return fits ? rule_make(kind, cfa, fp, ra) : 0;
}

#endif
