/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Knows what it does: makes a pseudo-random series of calls of every allocation function
 * and prints exactly how many there were, to hold a recording against.
 *
 * usage: oracle [CALLS [SEED]]   (default 5000 and 1); prints to standard error, with no
 * allocation: FUNCTION CALLS BYTES     one line a function; bytes as requested by calls
 * that succeeded failed CALLS             calls that no allocator can satisfy; BYTES
 * above leaves them out free CALLS               of blocks that were not NULL, realloc to
 * 0 left out live BLOCKS BYTES        never freed
 */
#include <malloc.h>
#include <stdint.h>
#include <unistd.h>

#include "program.h"

enum function {
    MALLOC,
    CALLOC,
    REALLOC,
    REALLOCARRAY,
    POSIX_MEMALIGN,
    ALIGNED_ALLOC,
    MEMALIGN,
    VALLOC,
    PVALLOC,
    N_FUNCTIONS
};
static const char *const names[] = {"malloc",       "calloc",         "realloc",
                                    "reallocarray", "posix_memalign", "aligned_alloc",
                                    "memalign",     "valloc",         "pvalloc"};
enum { SLOTS = 257 };
static struct {
    void *block;
    size_t size;
} slots[SLOTS];
static uint64_t state, calls[N_FUNCTIONS], bytes[N_FUNCTIONS], failed, freed;

static uint32_t draw(uint32_t below) { /* xorshift64*: Vigna, 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static void *call(enum function function, void *old, size_t n) {
    void *p = NULL;
    switch (function) {
    case MALLOC:
        return malloc(n);
    case CALLOC:
        return calloc(n, 1);
    case REALLOC:
        return realloc(old, n);
    case REALLOCARRAY:
        return reallocarray(old, n, 1);
    case POSIX_MEMALIGN:
        return posix_memalign(&p, 64, n) ? NULL : p;
    case ALIGNED_ALLOC:
        return aligned_alloc(32, n);
    case MEMALIGN:
        return memalign(128, n);
    case VALLOC:
        return valloc(n);
    default:
        return pvalloc(n);
    }
}

static void step(void) {
    int slot = (int)draw(SLOTS);
    size_t n = 1 + draw(draw(16) ? 400 : 70000);
    enum function function = draw(N_FUNCTIONS);
    int keeps = function == REALLOC || function == REALLOCARRAY;
    if (slots[slot].block && !keeps) {
        free(slots[slot].block);
        slots[slot].block = NULL;
        slots[slot].size = 0;
        freed++;
        return;
    }
    calls[function]++;
    if (draw(50) == 0) {
        failed++;
        if (opaque(call(function, slots[slot].block, SIZE_MAX / 2 - 4096)))
            _exit(40);
        return;
    }
    void *p = opaque(call(function, slots[slot].block, n));
    if (!p)
        _exit(41);
    memset(p, 7, n);
    bytes[function] += n;
    slots[slot].block = p;
    slots[slot].size = n;
}

static void print(const char *format, const char *name, uint64_t a, uint64_t b) {
    char line[100];
    int n = snprintf(line, sizeof line, format, name, a, b);
    if (write(2, line, (size_t)n) != n)
        _exit(42);
}

int main(int argc, char **argv) {
    long n = argc > 1 ? atol(argv[1]) : 5000;
    uint64_t live = 0, live_bytes = 0;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull : 1;
    while (n-- > 0)
        step();
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].block) {
            live++;
            live_bytes += slots[i].size;
        }
    for (int i = 0; i < N_FUNCTIONS; i++)
        print("%s %lu %lu\n", names[i], calls[i], bytes[i]);
    print("%s %lu\n", "failed", failed, 0);
    print("%s %lu\n", "free", freed, 0);
    print("%s %lu %lu\n", "live", live, live_bytes);
    return 0;
}
