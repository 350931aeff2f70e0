/* SPDX-License-Identifier: Apache-2.0 */
/* Allocates in every way there is, at the edges of what is allowed, and does nothing wrong to
 * it: guarded or not, it ends as it should. tests/replayer/guard.sh runs it.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define BLOCKS 400

static int broken;

static void check(int right, const char *what) {
    if (!right) {
        printf("broken: %s\n", what);
        broken = 1;
    }
}

/* To the last byte that malloc_usable_size() allows. */
static void use_whole(void *p, size_t asked, size_t alignment) {
    size_t n = malloc_usable_size(p);
    check(p && n >= asked && (uintptr_t)p % alignment == 0, "size and alignment");
    memset(p, 0x5a, n);
}

OWN_FRAME char *fill(void) {
    return opaque(malloc(33));
}

static void *each_way(void *unused) {
    static const size_t alignments[] = {8, 16, 32, 64, 256, 4096, 65536};
    void *p = NULL;
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++)
        for (size_t n = 0; n < 70; n += 7) {
            check(posix_memalign(&p, alignments[i], n) == 0, "posix_memalign");
            use_whole(p, n, alignments[i]);
            free(p);
            p = opaque(aligned_alloc(alignments[i], alignments[i] * (n % 2 + 1)));
            use_whole(p, alignments[i], alignments[i]);
            p = opaque(realloc(p, n + 1)); /* loses its alignment only */
            use_whole(p, n + 1, 16);
            free(p);
        }
    use_whole(p = opaque(valloc(10)), 10, 4096);
    free(p);
    use_whole(p = opaque(pvalloc(10)), 4096, 4096);
    free(p);
    unsigned char *zero = opaque(calloc(77, 3));
    for (size_t i = 0; i < 231; i++)
        check(zero[i] == 0, "calloc");
    free(zero);
    return unused;
}

static void grow(void) {
    unsigned char *p = NULL;
    size_t n = 0;
    for (; n < 300000; n = n * 5 / 3 + 1) {
        p = opaque(realloc(p, n + 1));
        p[n] = (unsigned char)n;
        check(n == 0 || p[0] == 0, "realloc keeps");
    }
    for (; n > 10; n /= 7)
        p = opaque(realloc(p, n));
    check(p[0] == 0, "realloc keeps when it shrinks");
    p = opaque(reallocarray(p, 10, 1000));
    check(opaque(realloc(p, 0)) == NULL, "realloc to nothing");
}

static void many(void) {
    char *blocks[BLOCKS] = {0};
    for (int round = 0; round < 12; round++)
        for (int i = round % 3; i < BLOCKS; i += 3) {
            free(blocks[i]);
            size_t n = (size_t)(i * 131 + round * 977) % 5000;
            blocks[i] = opaque(malloc(n));
            memset(blocks[i], i, n);
        }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    void *large = opaque(malloc(3 << 20));
    memset(large, 1, 3 << 20);
    free(large);
    free(NULL);
    free(opaque(malloc(0)));
    volatile size_t most = SIZE_MAX;
    check(opaque(malloc(most / 2 - 100)) == NULL, "too much");
    check(opaque(calloc(most / 4, 8)) == NULL, "far too much");
}

int main(void) {
    char *first = fill();
    if (!first)
        return 1;
    pthread_t threads[3];
    int started = 0;
    for (; started < 3; started++)
        if (pthread_create(&threads[started], NULL, each_way, NULL) != 0)
            return 2;
    each_way(NULL);
    grow();
    many();
    while (started--)
        pthread_join(threads[started], NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        free(first);
        grow();
        many();
        exit(broken);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        return 3;
    use_whole(first, 33, 16);
    free(first);
    puts(broken ? "broken" : "done");
    return broken;
}
