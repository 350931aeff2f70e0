/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a run for each allocation can do: a preload library that makes one call of malloc, calloc or
 * realloc fail, or with 0 counts them. What each_call.sh compares `dearth check` with. No stacks, no verdicts, one process.
 *
 *   NTH_CALL=N   number of the call that fails, from 1; 0 or none: count, and write the number to $NTH_COUNT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

static unsigned long calls, wanted;

static int fails(void) {
    if (__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) != wanted)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n) {
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t n) {
    return n && fails() ? NULL : __libc_realloc(block, n);
}

__attribute__((constructor)) static void start(void) {
    const char *number = getenv("NTH_CALL");
    wanted = number ? strtoul(number, NULL, 10) : 0; /* those of before are past */
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("NTH_COUNT");
    FILE *file = path && !wanted ? fopen(path, "wx") : NULL;
    if (!file)
        return;
    fprintf(file, "%lu\n", calls);
    fclose(file);
}
