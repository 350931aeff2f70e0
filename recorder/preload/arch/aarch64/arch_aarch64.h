/* SPDX-License-Identifier: Apache-2.0 */
/* AArch64: see arch.h. */
#ifndef DEARTH_ARCH_AARCH64_H
#define DEARTH_ARCH_AARCH64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define ARCH_HAS_WALK       1
#define ARCH_WALK           "aarch64/walk_aarch64.h"
#define ARCH_CALLER_SP      ((uintptr_t)__builtin_dwarf_cfa())
#define ARCH_CALL_BYTES     0u
#define ARCH_UNWIND(name)   "_ULaarch64_" name
#define ARCH_CLOCK          SHM_CLOCK_CNTVCT
#define ARCH_LOADS_IN_ORDER 0
#define ARCH_COUNTER_FLAGS  "" /* the architecture has it constant and shared */
#define ARCH_RELOC_SLOT     R_AARCH64_JUMP_SLOT
#define ARCH_RELOC_GOT      R_AARCH64_GLOB_DAT
#define ARCH_RELOC_WORD     R_AARCH64_ABS64
#define ARCH_LIBC_FIRST     "GLIBC_2.17"
#define ARCH_LIBC_ALIGNED   "GLIBC_2.17"
#define ARCH_TID_OFFSET     0

static inline uint64_t arch_counter(void) {
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
}

/* xpaclri takes the signature off; where there is no pointer authentication it is a nop. */
static inline uintptr_t arch_code(uintptr_t stored) {
    register uintptr_t x30 __asm__("x30") = stored;
    __asm__("hint #7" : "+r"(x30));
    return x30;
}

static inline void arch_wait_for_loads(void) {
    __asm__ volatile("isb" ::: "memory");
}

static inline void arch_pause(void) {
    __asm__ volatile("isb" ::: "memory");
}

static inline long arch_call(long nr, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}

static inline long arch_clone(unsigned long flags) {
    return arch_call(SYS_clone, (long)flags, 0, 0, 0, 0, 0);
}

#define ARCH_RESTORER      NULL /* the kernel has its own, in the vDSO */
#define ARCH_RESTORER_FLAG 0

/* x19 to x30. Source: Procedure Call Standard for the Arm 64-bit Architecture, section 6.1. */
#define ARCH_N_SAVED 12
#define arch_save_registers(to)                                                          \
    __asm__ volatile("stp x19, x20, [%0]\n stp x21, x22, [%0, #16]\n"                    \
                     "stp x23, x24, [%0, #32]\n stp x25, x26, [%0, #48]\n"               \
                     "stp x27, x28, [%0, #64]\n stp x29, x30, [%0, #80]"                 \
                     :                                                                   \
                     : "r"(to)                                                           \
                     : "memory")

#define ARCH_MACHINE  EM_AARCH64
#define ARCH_VALGRIND "memcheck-arm64-linux"

/* x0 ... x30, sp, of the words of struct user_pt_regs: x0 ... x30, sp, pc, pstate.
 * Source: DWARF for the Arm 64-bit Architecture, section 4.1. */
#define ARCH_N_DWARF 32
#define ARCH_DWARF_WORDS                                                                 \
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,    \
        23, 24, 25, 26, 27, 28, 29, 30, 31
#define ARCH_DWARF_SP     31
#define ARCH_PC_WORD      32
#define ARCH_DWARF_PC     (-1)
#define ARCH_DWARF_RETURN 30
#define ARCH_PAC_REGSET   0x406 /* NT_ARM_PAC_MASK */
#define ARCH_HAS_STEPS    0     /* a store-exclusive that is stepped always fails */

#endif
