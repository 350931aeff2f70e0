/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gdb must be itself, and the program must be as in any other attempt: so the library and
 * the arena are given to the program alone, by an exec-wrapper (`set environment` would
 * reach the shell that gdb starts programs with). The library calls
 * dearth_fault_injected() right before it returns NULL: a breakpoint there stops in the
 * failing call.
 */
#include "debugger.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "shm.h"
#include "text.h"

#define STOP_FUNCTION "dearth_fault_injected"

static char *find_program(const char *name) {
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? text_dup(name) : NULL;
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        AUTO_FREE char *file = text_format("%.*s/%s", (int)n, p, name);
        if (access(file, X_OK) == 0)
            return text_dup(file);
        p += n + (p[n] == ':');
    }
    return NULL;
}

static const char *value_of(char *const envp[], const char *name) {
    size_t n = strlen(name);
    for (; *envp; envp++)
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
            return *envp + n + 1;
    return "";
}

static char *wrapper_command(char *const envp[]) {
    struct text t = {0};
    text_add(&t, "set exec-wrapper env");
    static const char *const names[] = {SHM_ENV_ARENA, "LD_PRELOAD"};
    for (size_t i = 0; i < 2; i++) {
        AUTO_FREE char *pair = text_format("%s=%s", names[i], value_of(envp, names[i]));
        text_add(&t, " ");
        text_add_shell(&t, pair);
    }
    return text_take(&t);
}

static char *run_command(const struct runner_options *options) {
    struct text t = {0};
    text_add(&t, "run");
    if (options->stdin_path) {
        text_add(&t, " < ");
        text_add_shell(&t, options->stdin_path);
    }
    return text_take(&t);
}

int debugger_init(struct debugger *d, const struct runner_options *options,
                  char *const envp[]) {
    d->exe = find_program(options->debugger);
    if (!d->exe)
        return error_print(-ENOENT,
                           "there is no %s in PATH (install it, or leave out --gdb)",
                           options->debugger);
    size_t n_args = 0, n = 0;
    while (options->argv[n_args])
        n_args++;
    d->argv = text_alloc((n_args + 24) * sizeof *d->argv);
    d->argv[n++] = text_dup(options->debugger);
    d->argv[n++] = text_dup("-q");
    const char *const before[] = {"set breakpoint pending on", "set confirm off"};
    for (size_t i = 0; i < 2; i++) {
        d->argv[n++] = text_dup("-iex");
        d->argv[n++] = text_dup(before[i]);
    }
    char *const commands[] = {wrapper_command(envp), text_dup("break " STOP_FUNCTION),
                              run_command(options), text_dup("backtrace")};
    for (size_t i = 0; i < 4; i++) {
        d->argv[n++] = text_dup("-ex");
        d->argv[n++] = commands[i];
    }
    d->argv[n++] = text_dup("--args");
    d->argv[n++] = text_dup(options->exe);
    for (size_t i = 1; i < n_args; i++)
        d->argv[n++] = text_dup(options->argv[i]);
    return 0;
}

void debugger_deinit(struct debugger *d) {
    free(d->exe);
    for (size_t i = 0; d->argv && d->argv[i]; i++)
        free(d->argv[i]);
    free(d->argv);
    *d = (struct debugger){0};
}
