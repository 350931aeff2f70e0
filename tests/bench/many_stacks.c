/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many_stacks N: ask for memory from N stacks, as a large program would: a tree of callers, eight
 * ways at each step and eleven below main(), each site asked two to nine times; most of it is given back
 * soon, some at the end, some never.
 */
#include <stdint.h>
#include <stdlib.h>

#define LEVELS 7
#define KEPT   4096

typedef void step(uint32_t path);
static step *const steps[LEVELS][8];
static void *kept[KEPT];
static uint32_t state = 1;

static uint32_t next(void) {
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

static __attribute__((noinline)) void ask(uint32_t path) {
    uint32_t n = 2 + path % 8;
    for (uint32_t i = 0; i < n; i++) {
        void *block = malloc(16 + next() % 2048 * (path % 64 == 0 ? 64 : 1));
        uint32_t at = next() % KEPT;
        if (path % 97 && i + 1 < n) {
            free(kept[at]);
            kept[at] = block;
        } else if (path % 97) {
            free(block);
        }
    }
}

/* No function calls itself: recursion is one stack. */
#define STEP(l, d)                                                                       \
    static __attribute__((noinline)) void step_##l##_of_##d(uint32_t path) {             \
        if (l + 1 < LEVELS)                                                              \
            steps[(l + 1) % LEVELS][path >> 3 * (l + 1) & 7](path);                      \
        else                                                                             \
            ask(path);                                                                   \
        __asm__ volatile(""); /* no tail call */                                         \
    }
/* clang-format off */
#define LEVEL(l)                                                                         \
    STEP(l, 0) STEP(l, 1) STEP(l, 2) STEP(l, 3) STEP(l, 4) STEP(l, 5) STEP(l, 6) STEP(l, 7)
LEVEL(0) LEVEL(1) LEVEL(2) LEVEL(3) LEVEL(4) LEVEL(5) LEVEL(6)
#define NAMES(l)                                                                         \
    {step_##l##_of_0, step_##l##_of_1, step_##l##_of_2, step_##l##_of_3,                 \
     step_##l##_of_4, step_##l##_of_5, step_##l##_of_6, step_##l##_of_7}
    /* clang-format on */
    static step *const steps[LEVELS][8] = {NAMES(0), NAMES(1), NAMES(2), NAMES(3),
                                           NAMES(4), NAMES(5), NAMES(6)};

int main(int argc, char **argv) {
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    for (uint32_t path = 0; path < n; path++)
        steps[0][path & 7](path);
    for (uint32_t i = 0; i < KEPT; i++)
        free(kept[i]);
    return 0;
}
