/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a program of a suite, or what runs it, which tests there are: it is run, unrecorded, and what it prints is
 * taken. */
#ifndef DEARTH_SUITE_ASK_H
#define DEARTH_SUITE_ASK_H

#include <stdint.h>

#include "text.h"

struct suite_question {
    const char *exe, *cwd;
    char *const *argv;
    char *const *envp;
    char *const *more; /* NAME=VALUE, instead of those of envp; NULL = none */
    uint64_t limit_ns; /* then it and all of its process group are killed */
};

/**
 * @out: its standard output, up to some MiB
 * Return: its exit status; negative: it cannot be started, was killed, or took too long. In silence: what cannot
 * be asked is left as it is.
 */
int suite_ask(const struct suite_question *question, struct text *out);

#endif
