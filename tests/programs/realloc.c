/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: every way of calling realloc() and reallocarray(), each checked against what
 * libc promises about contents, errno and the old block. Any difference made by an
 * interposed library is an exit status with the line number in it.
 *
 * expect: grow_block once=handled sticky=handled
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>

#include "program.h"

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "realloc.c:%d: %s\n", __LINE__, #condition);                 \
            exit(40);                                                                    \
        }                                                                                \
    } while (0)

/* Grows a block; the old block lives on where that fails. */
OWN_FRAME void *grow_block(void *old, size_t n) {
    void *bigger = opaque(realloc(old, n));
    return bigger ? bigger : old;
}

static void edge_cases(void) {
    volatile size_t huge = SIZE_MAX / 2 + 2;
    char *p = opaque(realloc(NULL, 10));
    if (!p)
        return;
    strcpy(p, "realloc");
    errno = 0;
    MUST(opaque(reallocarray(opaque(p), huge, 2)) == NULL && errno == ENOMEM);
    MUST(strcmp(p, "realloc") == 0);
    errno = 0;
    MUST(opaque(realloc(opaque(p), huge)) == NULL && errno == ENOMEM);
    MUST(strcmp(p, "realloc") == 0);
    errno = 0;
    MUST(opaque(calloc(huge, 2)) == NULL && errno == ENOMEM);
    errno = 77;
    free(p);
    MUST(errno == 77);
    free(NULL);
    MUST(errno == 77);
    p = opaque(malloc(100));
    MUST(!p || malloc_usable_size(p) >= 100);
    MUST(!p || realloc(opaque(p), 0) == NULL); /* glibc frees the block */
}

int main(void) {
    char first[8] = "kept it";
    char *block = opaque(malloc(8));
    if (!block)
        return 1;
    memcpy(block, first, 8);
    block = grow_block(block, 100);
    block = grow_block(block, 100000);
    block = grow_block(block, 5000000);
    block = grow_block(block, 16);
    MUST(memcmp(block, first, 8) == 0);
    free(block);
    edge_cases();
    puts("realloc keeps its promises");
    return 0;
}
