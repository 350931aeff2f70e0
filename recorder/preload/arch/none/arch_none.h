/* SPDX-License-Identifier: Apache-2.0 */
/* Machines without a folder of their own: see arch.h. Recordings are complete there, and slower; no
 * copies of a running program, no stacks of crashes. */
#ifndef DEARTH_ARCH_NONE_H
#define DEARTH_ARCH_NONE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define ARCH_HAS_WALK       0
#define ARCH_CALLER_SP      0
#define ARCH_CALL_BYTES     0u
#define ARCH_UNWIND(name)   "_UL_" name
#define ARCH_CLOCK          SHM_CLOCK_MONOTONIC_NS
#define ARCH_LOADS_IN_ORDER 0
#define ARCH_COUNTER_FLAGS  ""
#define ARCH_RELOC_SLOT     (-1) /* where other modules are bound to is not known */
#define ARCH_RELOC_GOT      (-1)
#define ARCH_RELOC_WORD     (-1)
#define ARCH_LIBC_FIRST     NULL
#define ARCH_LIBC_ALIGNED   NULL
#define ARCH_TID_OFFSET     0

static inline uint64_t arch_counter(void) {
    return 0;
}

static inline uintptr_t arch_code(uintptr_t stored) {
    return stored;
}

static inline void arch_wait_for_loads(void) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void arch_pause(void) {
    __asm__ volatile("" ::: "memory");
}

static inline long arch_call(long nr, long a, long b, long c, long d, long e, long f) {
    int saved = errno;
    long ret = syscall(nr, a, b, c, d, e, f);
    if (ret < 0)
        ret = -errno;
    errno = saved;
    return ret;
}

static inline long arch_clone(unsigned long flags) {
    (void)flags;
    return -ENOSYS;
}

#define ARCH_RESTORER      NULL
#define ARCH_RESTORER_FLAG 0

#define ARCH_N_SAVED            1
#define arch_save_registers(to) (*(to) = 0, __builtin_unwind_init())

#define ARCH_MACHINE  EM_NONE
#define ARCH_VALGRIND "memcheck"

#define ARCH_N_DWARF      0
#define ARCH_DWARF_WORDS  0
#define ARCH_DWARF_SP     0
#define ARCH_PC_WORD      0
#define ARCH_DWARF_PC     (-1)
#define ARCH_DWARF_RETURN 0
#define ARCH_PAC_REGSET   0
#define ARCH_HAS_STEPS    0

#endif
