/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of known numbers and sizes, each kind in a function of its own; what is right is counted by a recording
 * of all of them.
 *
 *   small    200000 of 64 bytes, freed at once      kept     20000 of 500 bytes, never freed
 *   zeroed   20000 of 30 * 10 bytes, calloc         aligned  20000 of 256 bytes, posix_memalign
 *   grown    20000 from 200 to 2000 bytes, realloc; every second one back to 300
 *   multiple 20000 of 20 * 11 bytes, reallocarray, which glibc's makes of its realloc
 *   passed   4 threads make 20000 each of 200 bytes, main frees them
 *   child    8 forked children make and free 4000 each of 300 bytes, and free what their parent had
 *   large    20 of 1 MiB                            refused  3 that cannot be had
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define KEPT   20000
#define PASSED 20000
static void *blocks[KEPT], *passed_blocks[4][PASSED];

OWN_FRAME void *small(void) {
    return opaque(malloc(64));
}

OWN_FRAME void *kept(void) {
    return opaque(malloc(500));
}

OWN_FRAME void *zeroed(void) {
    return opaque(calloc(30, 10));
}

OWN_FRAME void *multiple(void) {
    return opaque(reallocarray(NULL, 20, 11));
}

OWN_FRAME void *aligned(void) {
    void *p = NULL;
    return posix_memalign(&p, 64, 256) == 0 ? opaque(p) : NULL;
}

OWN_FRAME void *first(void) {
    return opaque(malloc(200));
}

OWN_FRAME void *grown(void *p) {
    return opaque(realloc(p, 2000));
}

OWN_FRAME void *shrunk(void *p) {
    return opaque(realloc(p, 300));
}

OWN_FRAME void *passed(void *made) {
    for (int i = 0; i < PASSED; i++)
        ((void **)made)[i] = opaque(malloc(200));
    return NULL;
}

OWN_FRAME void *child(void) {
    return opaque(malloc(300));
}

OWN_FRAME void *large(void) {
    return opaque(malloc(1 << 20));
}

OWN_FRAME void *refused(void *old) {
    return opaque(realloc(opaque(old), PTRDIFF_MAX));
}

static void fork_children(void) {
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            for (int k = 0; k < 4000; k++)
                free(child());
            for (int k = 0; k < KEPT; k++)
                free(blocks[k]);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
}

int main(void) {
    pthread_t threads[4];
    for (int i = 0; i < 200000; i++)
        free(small());
    for (int i = 0; i < KEPT; i++)
        blocks[i] = kept();
    for (int i = 0; i < 20000; i++) {
        void *p = grown(first());
        free(zeroed());
        free(multiple());
        free(aligned());
        free(i % 2 ? shrunk(p) : p);
    }
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, passed, passed_blocks[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < PASSED; k++)
            free(passed_blocks[i][k]);
    fork_children();
    for (int i = 0; i < 20; i++)
        free(large());
    void *block = opaque(malloc(100000)); /* it stays when it cannot grow */
    for (int i = 0; i < 3; i++)
        if (refused(block))
            return 1;
    free(block);
    return 0;
}
