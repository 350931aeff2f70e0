/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: see arch.h. */
#ifndef DEARTH_ARCH_X86_64_H
#define DEARTH_ARCH_X86_64_H

#include <stdint.h>
#include <sys/syscall.h>

#define ARCH_HAS_WALK       1
#define ARCH_WALK           "x86_64/walk_x86_64.h"
#define ARCH_CALLER_SP      ((uintptr_t)__builtin_frame_address(0) + 16)
#define ARCH_CALL_BYTES     8u
#define ARCH_UNWIND(name)   "_ULx86_64_" name
#define ARCH_CLOCK          SHM_CLOCK_TSC
#define ARCH_LOADS_IN_ORDER 1
#define ARCH_COUNTER_FLAGS  "constant_tsc", "nonstop_tsc"
#define ARCH_RELOC_SLOT     R_X86_64_JUMP_SLOT
#define ARCH_RELOC_GOT      R_X86_64_GLOB_DAT
#define ARCH_RELOC_WORD     R_X86_64_64
#define ARCH_LIBC_FIRST     "GLIBC_2.2.5"
#define ARCH_LIBC_ALIGNED   "GLIBC_2.16"
#define ARCH_TID_OFFSET                                                                  \
    720 /* the same in glibc from 2.4 on; compared before it is used */

static inline uint64_t arch_counter(void) {
    return __builtin_ia32_rdtsc();
}

static inline uintptr_t arch_code(uintptr_t stored) {
    return stored;
}

static inline void arch_wait_for_loads(void) {
    __builtin_ia32_lfence();
}

static inline void arch_pause(void) {
    __builtin_ia32_pause();
}

static inline long arch_call(long nr, long a, long b, long c, long d, long e, long f) {
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline long arch_clone(unsigned long flags) {
    return arch_call(SYS_clone, (long)flags, 0, 0, 0, 0, 0);
}

/* The kernel wants one; libc's is private. */
void arch_restorer(void);
#define ARCH_RESTORER      arch_restorer
#define ARCH_RESTORER_FLAG 0x04000000 /* SA_RESTORER */

/* rbx, rbp, r12 to r15. Source: System V ABI, AMD64 supplement, figure 3.4. */
#define ARCH_N_SAVED 6
#define arch_save_registers(to)                                                          \
    __asm__ volatile("mov %%rbx, 0(%0)\n mov %%rbp, 8(%0)\n mov %%r12, 16(%0)\n"         \
                     "mov %%r13, 24(%0)\n mov %%r14, 32(%0)\n mov %%r15, 40(%0)"         \
                     :                                                                   \
                     : "r"(to)                                                           \
                     : "memory")

#define ARCH_MACHINE  EM_X86_64
#define ARCH_VALGRIND "memcheck-amd64-linux"

/* rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15 rip, of the words of struct user_regs_struct.
 * Sources: System V ABI, AMD64 supplement, figure 3.36; Linux, asm/user_64.h. */
#define ARCH_N_DWARF      17
#define ARCH_DWARF_WORDS  10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16
#define ARCH_DWARF_SP     7
#define ARCH_PC_WORD      16
#define ARCH_DWARF_PC     16
#define ARCH_DWARF_RETURN (-1)
#define ARCH_PAC_REGSET   0
#define ARCH_HAS_STEPS    1

#endif
