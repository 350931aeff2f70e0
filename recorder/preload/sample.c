/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample of the calls, by size: each byte that is asked for is looked at with probability 1 / sample_bytes,
 * and a call with any of its bytes. So a call for n bytes is in the sample with probability
 * 1 - exp(-n / sample_bytes), independently of all others, and whoever reads it knows for how many it stands.
 *
 *   thread->sample_left   bytes to the next one that is looked at: exponentially distributed. What is left
 *        │                of it when a call is over is distributed just so (it has no memory), hence
 *        │                nothing is carried over when it is drawn anew
 *        ├─ n < left      not in the sample: left -= n, the real function, nothing else
 *        └─ else          unwound, published, its block watched
 *
 *   free(p) ─► pages[p's page] is 0: no block there is in the sample         nearly always
 *        └─► near, far: is p? then it is taken out and its end published, before the real free()
 *
 * The tables are hashes of two buckets for each address, so that looking is bounded. When both are full in
 * both tables the page's number is raised for good: its frees are published unseen, and dearth passes over
 * those of blocks that it does not know.
 *
 * Invariant: an address is entered after the real function gave it and taken out before the real function
 * takes it back, by whoever has it; so no two threads ever handle the same one.
 * No floating point: it would leave flags behind, or trap where a program wants that.
 *
 * Source: Poisson sampling by bytes as in tcmalloc (docs/sampling.md) and heapprofd.
 * Who runs it: any thread of the target.
 */
#include "sample.h"
#include "leak.h"
#include "preload.h"
#include "stamp.h"
#include "sys.h"

#define PAGE_FULL UINT16_MAX /* it is not known any more how many */

static uint64_t *far; /* [SAMPLE_FAR]; wiped in a forked child */

/* --- life --- */

static void *map_wiped(size_t bytes) {
    void *p = sys_mmap(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!p)
        return NULL;
    sys_madvise(p, bytes, MADV_WIPEONFORK);
    sys_madvise(p, bytes, MADV_NOHUGEPAGE);
    leak_own(p, bytes);
    return p;
}

bool sample_start(uint64_t bytes) {
    preload.sampled = map_wiped(sizeof *preload.sampled);
    preload.sample_bytes = bytes;
    return preload.sampled != NULL;
}

static uint64_t *far_table(void) {
    uint64_t *table = load_acquire(&far);
    if (table || sys_is_sandboxed)
        return table;
    size_t bytes = SAMPLE_FAR * sizeof *table;
    table = map_wiped(bytes);
    if (!table || cas(&far, NULL, table))
        return table;
    sys_munmap(table, bytes);
    return load_acquire(&far);
}

void sample_prepare(void) {
    if (preload.sampled)
        far_table();
}

void sample_wipe(void) {
    if (preload.sampled)
        __builtin_memset(preload.sampled, 0, sizeof *preload.sampled);
    if (far)
        __builtin_memset(far, 0, SAMPLE_FAR * sizeof *far);
}

/* --- which calls --- */

/* splitmix64. Source: https://prng.di.unimi.it/splitmix64.c */
static uint64_t draw(struct thread *thread) {
    if (!thread->sample_random)
        thread->sample_random = stamp_now() ^ (uint64_t)thread->tid << 32 ^
                                (uintptr_t)thread * 0x9e3779b97f4a7c15ull;
    uint64_t z = (thread->sample_random += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

#define FRACTION 32u /* bits */

/* log2 of @x > 0, times 2^FRACTION: the digits come by squaring. Source: Knuth, TAOCP 1, 1.2.2, exercise 25. */
static uint64_t log2_fixed(uint64_t x) {
    unsigned whole = 63u - (unsigned)__builtin_clzll(x);
    uint64_t log = whole, m = x << (63 - whole); /* 1 <= m / 2^63 < 2 */
    for (unsigned i = 0; i < FRACTION; i++) {
        unsigned __int128 square = (unsigned __int128)m * m;
        bool above = square >> 127;
        log = log << 1 | above;
        m = (uint64_t)(square >> (63 + above));
    }
    return log;
}

/* -ln(u) * sample_bytes, u uniform in (0, 1], rounded up: n is less than that as often as n is less than what
 * it was before. */
static uint64_t draw_gap(struct thread *thread) {
    const uint64_t ln2 = 2977044472u; /* ln(2) * 2^32 */
    uint64_t u = draw(thread);
    uint64_t minus_log2 = ((uint64_t)64 << FRACTION) - log2_fixed(u ? u : 1);
    unsigned __int128 gap =
        (unsigned __int128)minus_log2 * ln2 * preload.sample_bytes >> (FRACTION + 32);
    return gap < UINT64_MAX ? (uint64_t)gap + 1 : UINT64_MAX;
}

bool sample_takes(struct thread *thread, uint64_t n) {
    if (!thread->sample_left) /* it is new here, or in a forked child */
        thread->sample_left = draw_gap(thread);
    n = sample_weighed(n);
    if (n < thread->sample_left) {
        thread->sample_left -= n;
        return false;
    }
    thread->sample_left = draw_gap(thread);
    return true;
}

/* --- which blocks --- */

static uint64_t hash(uintptr_t address) {
    return (address >> 3) * 0x9e3779b97f4a7c15ull;
}

/* The two buckets of an address in a table of @slots. */
static uint64_t *bucket(uint64_t *table, uint32_t slots, uint64_t hash, int which) {
    uint64_t i = which ? hash >> 20 : hash >> 42;
    return table + (i & (slots / SAMPLE_BUCKET - 1)) * SAMPLE_BUCKET;
}

/* Put @to in place of @from. Return: whether there was one. */
static bool change(uint64_t *table, uint32_t slots, uintptr_t address, uint64_t from,
                   uint64_t to) {
    uint64_t h = hash(address);
    for (int which = 0; table && which < 2; which++) {
        uint64_t *slot = bucket(table, slots, h, which);
        for (uint32_t i = 0; i < SAMPLE_BUCKET; i++)
            if (load_relaxed(&slot[i]) == from && cas(&slot[i], from, to))
                return true;
    }
    return false;
}

/* One block more or less on a page. */
static void count_page(const void *p, int by) {
    uint16_t *page = sample_page(preload.sampled, p), n;
    do
        n = load_relaxed(page);
    while (n != PAGE_FULL && !cas(page, n, (uint16_t)(n + by)));
}

void sample_watch(const void *p) {
    uintptr_t address = (uintptr_t)p;
    count_page(p, 1);
    if (!change(preload.sampled->near, SAMPLE_NEAR, address, 0, address) &&
        !change(far_table(), SAMPLE_FAR, address, 0, address))
        store_relaxed(sample_page(preload.sampled, p), PAGE_FULL);
}

bool sample_forget_slow(const void *p) {
    uintptr_t address = (uintptr_t)p;
    if (change(preload.sampled->near, SAMPLE_NEAR, address, address, 0) ||
        change(load_acquire(&far), SAMPLE_FAR, address, address, 0)) {
        count_page(p, -1);
        return true;
    }
    return load_relaxed(sample_page(preload.sampled, p)) == PAGE_FULL;
}
