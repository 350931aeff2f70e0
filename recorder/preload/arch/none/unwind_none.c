/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines without a fast path of their own: libunwind walks every stack.
 */
#include "thread.h"
#include "unwind.h"

struct frame *unwind_fast(struct thread *thread, const struct caller *caller,
                          bool *walked) {
    (void)thread;
    (void)caller;
    *walked = false;
    return NULL;
}

uint32_t unwind_again(struct thread *thread, const struct caller *caller, uint32_t op) {
    (void)thread;
    (void)caller;
    (void)op;
    return 0;
}

void unwind_remember(struct thread *thread, const struct caller *caller, uint32_t site) {
    (void)thread;
    (void)caller;
    (void)site;
}

bool unwind_is_outermost(uintptr_t address) {
    (void)address;
    return true;
}

bool unwind_is_trampoline(uintptr_t address) {
    (void)address;
    return false;
}

void unwind_start(void) {
}

void unwind_forget(void) {
}
