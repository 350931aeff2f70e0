/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: join_names() forgets the copy when the answer cannot be had. What it keeps in a pool
 * of its own, from mmap(), is no leak: the pool lives on, though main() has lost it.
 * Fixed: frees the copy.
 *
 * expect: copy_name once=reported sticky=reported
 * expect: make_answer once=reported sticky=reported
 * expect: make_name once=reported sticky=reported
 * expect fixed: make_answer once=reported sticky=reported
 * leaks: make_answer copy_name
 */
#include <sys/mman.h>

#include "program.h"

#define POOL_BYTES 65536

OWN_FRAME char *make_name(void) {
    return opaque(malloc(40));
}

OWN_FRAME char *copy_name(const char *name) {
    char *copy = opaque(malloc(strlen(name) + 1));
    return copy ? strcpy(copy, name) : NULL;
}

OWN_FRAME char *make_answer(void) {
    return opaque(malloc(4000));
}

OWN_FRAME int fill_pool(char **pool) {
    for (int i = 0; i < 3; i++) {
        if (!(pool[i] = make_name()))
            return -1;
        snprintf(pool[i], 40, "name %d", i);
    }
    return 0;
}

OWN_FRAME int join_names(char **pool) {
    char *copy = copy_name(pool[1]);
    if (!copy)
        return -1;
    char *answer = make_answer();
    if (!answer) {
#ifdef FIXED
        free(copy);
#endif
        return -1;
    }
    snprintf(answer, 4000, "%s and %s\n", pool[0], copy);
    fputs(answer, stdout);
    free(answer);
    free(copy);
    return 0;
}

OWN_FRAME int work(void) {
    char **pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool == MAP_FAILED || fill_pool(pool) < 0 || join_names(pool) < 0)
        return -1;
    for (int i = 0; i < 3; i++)
        free(pool[i]);
    return 0;
}

int main(void) {
    if (work() == 0)
        return 0;
    fputs("out of memory\n", stderr);
    return 1;
}
