/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that filter their system calls: see sandbox.c. */
#ifndef DEARTH_PRELOAD_SANDBOX_H
#define DEARTH_PRELOAD_SANDBOX_H

#include <stdint.h>

/* The program has put a filter between itself and the kernel: only memory may be asked for then. */
extern int sys_is_sandboxed;
/* In a thread that may not even ask for memory. */
extern __thread int sandbox_is_strict __attribute__((tls_model("initial-exec")));

/** sys_readable() and sys_gettid() without a system call. */
int sandbox_readable(const void *p);
uint32_t sandbox_tid(void);

/** Find prctl(). Context: process_start(). */
void sandbox_start(void);

/* --- what syscall() jumps to (arch/<name>/arch_<name>.c) --- */

typedef long sandbox_syscall(long, long, long, long, long, long, long);
/** When it is asked for seccomp or prctl. */
__attribute__((visibility("hidden"))) sandbox_syscall sandbox_forbidding_syscall;
/** When it is asked for anything else. */
extern __attribute__((visibility("hidden"))) sandbox_syscall *sandbox_next_syscall;

#endif
