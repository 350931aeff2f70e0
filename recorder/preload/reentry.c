/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The re-entry flag of a thread: taken on entering a hook, so that what runs on our behalf, or in a signal
 * handler meanwhile, is not recorded as the program's.
 *
 *   malloc() here → libunwind → malloc() here → ...      REENTRY_PRIVATE: served from boot.c
 *   malloc() here → the real malloc() → mmap() ...        REENTRY_REAL: no events
 *   malloc() here → signal handler → malloc() here        REENTRY_OURS: counted as lost
 *
 * Who runs it: the thread itself, in any signal handler.
 */
#include <signal.h>

#include "reentry.h"
#include "sys.h"
#include "thread.h"

/*
 * siglongjmp() out of a handler that had interrupted a hook leaves the flag set for
 * ever. A hook called from as far or further out on the same stack proves that the
 * frame that took it is gone. "The same stack": near, and not the alternate signal stack
 * (which may lie anywhere).
 */
bool reentry_is_stale(void *frame) {
    const uintptr_t near = 1u << 20;
    uintptr_t held = (uintptr_t)tls.reentry_frame, now = (uintptr_t)frame;
    if (tls.reentry == REENTRY_PRIVATE || !held || now < held || now - held > near)
        return false;
    stack_t alternate = {0};
    if (sys_is_sandboxed)
        return false;
    if (sys_call(SYS_sigaltstack, 0, (long)&alternate, 0, 0, 0, 0) < 0)
        return false;
    return !(alternate.ss_flags & SS_ONSTACK);
}
