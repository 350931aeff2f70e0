/* SPDX-License-Identifier: Apache-2.0 */
/* `dearth repro --gdb`: the command line of a debugger that stops where the allocation
 * fails. */
#ifndef DEARTH_DEBUGGER_H
#define DEARTH_DEBUGGER_H

#include "runner.h"

struct debugger {
    char *exe;   /* found in PATH */
    char **argv; /* NULL-terminated; every element is owned */
};

/**
 * @envp: environment of the program (with the preload library); the debugger itself gets
 * ours Return: 0, or -ENOENT after a message when there is no such debugger.
 */
int debugger_init(struct debugger *debugger, const struct runner_options *options,
                  char *const envp[]);
void debugger_deinit(struct debugger *debugger);

#endif
