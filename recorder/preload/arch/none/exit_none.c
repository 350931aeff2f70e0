/* SPDX-License-Identifier: Apache-2.0 */
/*
 * _exit() and its like on machines without a stub of their own: our frame counts as the program's, since
 * what its callee-saved registers held may lie there.
 */
#include <stdlib.h>
#include <unistd.h>

#include "leak.h"
#include "preload.h"

#define LEAVE(name, to)                                                                  \
    EXPORT void name(int status) {                                                       \
        struct leak_context here = {.sp = (uintptr_t)&here};                             \
        arch_save_registers(here.registers);                                             \
        to(status, (uintptr_t)__builtin_frame_address(0), &here);                        \
    }

LEAVE(_exit, leak_exit_now)
LEAVE(_Exit, leak_exit_c99)
LEAVE(quick_exit, leak_exit_quick)
