/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What depends on the processor. Nobody else asks which one it is: a folder here answers for it, and
 * where none does, none/ says what does without.
 *
 * A folder's arch_<name>.h must say, for code inside the target:
 *
 *   ARCH_HAS_WALK            walk/ walks most stacks; else libunwind walks all of them
 *   ARCH_WALK                header with what walk/ must know: register numbers, the layout of a rule
 *   ARCH_CALLER_SP           the stack pointer as it will be when the function that this stands in,
 *                            which has a frame pointer, has returned; 0 without a walk
 *   ARCH_CALL_BYTES          what a call puts on the stack: its return address, or nothing
 *   ARCH_UNWIND(name)        libunwind's own name of a function or variable
 *   ARCH_CLOCK               enum shm_clock: what the processor's counter is called; SHM_CLOCK_MONOTONIC_NS: none
 *   arch_counter()           that counter; it may be read ahead of loads before it
 *   ARCH_LOADS_IN_ORDER      no load passes an earlier one
 *   arch_wait_for_loads()    loads before it are complete when what follows it begins
 *   arch_code(stored)        the address of code that a return address names as it lies on a stack, where it
 *                            may be signed
 *   arch_pause()             in a loop that waits: some 20 ns or more
 *   arch_call(nr, ...)       a system call, without errno; an error as -errno
 *   arch_clone(flags)        clone() on the same stack, or -ENOSYS where nobody has tried that
 *   ARCH_RESTORER, _FLAG     of a signal handler that libc does not know of (sigaction(2))
 *   ARCH_N_SAVED             registers that a callee saves, at most 15
 *   arch_save_registers(to)  them, into an array of so many
 *   ARCH_TID_OFFSET          of glibc's struct pthread.tid from the thread pointer; 0 = not known
 *   ARCH_RELOC_SLOT, _GOT, _WORD   relocations that name a symbol (elf.h); -1 = not known
 *   ARCH_LIBC_FIRST          version of glibc's oldest symbols; ARCH_LIBC_ALIGNED: of aligned_alloc()
 *
 * and for dearth itself:
 *
 *   ARCH_COUNTER_FLAGS       words that /proc/cpuinfo's flags must have for the counter to be trusted;
 *                            "": it always is
 *   ARCH_MACHINE             e_machine of its programs (elf.h)
 *   ARCH_VALGRIND            Valgrind's program for memcheck
 *   ARCH_N_DWARF             registers of a crash's first frame, by DWARF number; 0: no stacks of crashes
 *   ARCH_DWARF_WORDS         of each, its place among the words of the kernel's NT_PRSTATUS
 *   ARCH_DWARF_SP            number of the stack pointer
 *   ARCH_PC_WORD             place of the program counter among those words
 *   ARCH_DWARF_PC            its number, -1 = it has none
 *   ARCH_DWARF_RETURN        of the register that a call leaves its return address in; -1 = on the stack
 *   ARCH_HAS_STEPS           programs may be stepped for a proof that they go round: replayer/run/endless.c knows its
 *                            instructions, and stepping changes none of them
 *   ARCH_PAC_REGSET          the kernel's register set that tells which bits of a return address a
 *                            signature takes (ptrace(2)); 0: none does
 *
 * arch_<name>.c has exit(), _exit() and its like, syscall(), dlsym() and dlvsym() as the program calls them (leak_exit.c,
 * sandbox.c, lookup.c); without it all but the second kind are libc's.
 */
#ifndef DEARTH_ARCH_H
#define DEARTH_ARCH_H

#include <stdint.h>

#if defined(__x86_64__)
#include "x86_64/arch_x86_64.h"
#elif defined(__aarch64__)
#include "aarch64/arch_aarch64.h"
#else
#include "none/arch_none.h"
#endif

/* What dearth takes for granted of every one of them. */
_Static_assert(sizeof(void *) == 8, "addresses have 64 bits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the arena is read as it is written");
_Static_assert(__atomic_always_lock_free(8, 0), "a signal handler may interrupt a store");
_Static_assert(ARCH_N_SAVED <= 15, "struct leak_context has room for them");

#endif
