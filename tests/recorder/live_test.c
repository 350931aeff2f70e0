/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairing and sums, by table: one script of events a case, the numbers it must give; then
 * a long random run against a plain list of blocks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live.h"

#define MUST(condition)                                                                  \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: %s (case %s)\n", __FILE__, __LINE__, #condition,     \
                    current);                                                            \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)
static const char *current = "";

enum {
    A = SHM_EV_ALLOC,
    F = SHM_EV_FREE,
    X = SHM_EV_FAIL,
    B = SHM_EV_REALLOC_BEGIN,
    E = SHM_EV_REALLOC_END,
    R = SHM_EV_REALLOC_FAIL,
    END = 0
};
#define NONE (-1)

struct step {
    int kind;
    uint64_t address, size;
    uint32_t site, thread;
    int64_t reference; /* expected; NONE */
};

struct expect { /* of site 1 */
    uint64_t count, failed, bytes, frees, live_blocks, live_bytes, peak_bytes, temporary,
        cross, lifetime;
};

static const struct test {
    const char *name;
    struct step steps[12];
    struct expect want;
    uint64_t allocations, freed, inherited, replaced, peak;
} tests[] = {
    {"a temporary",
     {{A, 16, 10, 1, 1, NONE}, {F, 16, 0, 0, 1, 0}},
     {1, 0, 10, 1, 0, 0, 10, 1, 0, 100},
     1,
     1,
     0,
     0,
     10},
    {"an allocation in between",
     {{A, 16, 10, 1, 1, NONE}, {A, 32, 5, 2, 1, NONE}, {F, 16, 0, 0, 1, 0}},
     {1, 0, 10, 1, 0, 0, 10, 0, 0, 200},
     2,
     1,
     0,
     0,
     15},
    {"an allocation of another thread in between",
     {{A, 16, 10, 1, 1, NONE}, {A, 32, 5, 2, 2, NONE}, {F, 16, 0, 0, 1, 0}},
     {1, 0, 10, 1, 0, 0, 10, 1, 0, 200},
     2,
     1,
     0,
     0,
     15},
    {"freed by another thread",
     {{A, 16, 10, 1, 1, NONE}, {F, 16, 0, 0, 2, 0}},
     {1, 0, 10, 1, 0, 0, 10, 0, 1, 100},
     1,
     1,
     0,
     0,
     10},
    {"the address is used again",
     {{A, 16, 10, 1, 1, NONE},
      {F, 16, 0, 0, 1, 0},
      {A, 16, 30, 1, 1, NONE},
      {F, 16, 0, 0, 1, 2}},
     {2, 0, 40, 2, 0, 0, 30, 2, 0, 200},
     2,
     2,
     0,
     0,
     30},
    {"realloc moves",
     {{A, 16, 10, 1, 1, NONE},
      {B, 16, 0, 0, 1, NONE},
      {E, 64, 40, 1, 1, 0},
      {F, 64, 0, 0, 1, 1}},
     {2, 0, 50, 2, 0, 0, 40, 2, 0, 200},
     2,
     1,
     0,
     0,
     40},
    {"realloc: another thread takes the old address before the end is seen",
     {{A, 16, 10, 1, 1, NONE},
      {B, 16, 0, 0, 1, NONE},
      {A, 16, 7, 2, 2, NONE},
      {E, 64, 40, 1, 1, 0},
      {F, 16, 0, 0, 2, 1}},
     {2, 0, 50, 1, 1, 40, 40, 1, 0, 100},
     3,
     1,
     0,
     0,
     47},
    {"realloc fails: the old block lives on",
     {{A, 16, 10, 1, 1, NONE},
      {B, 16, 0, 0, 1, NONE},
      {R, 16, 99, 1, 1, 0},
      {F, 16, 0, 0, 1, 0}},
     {2, 1, 10, 1, 0, 0, 10, 1, 0, 300},
     1,
     1,
     0,
     0,
     10},
    {"realloc of NULL",
     {{A, 16, 10, 1, 1, NONE}},
     {1, 0, 10, 0, 1, 10, 10, 0, 0, 0},
     1,
     0,
     0,
     0,
     10},
    {"realloc cut off by the end",
     {{A, 16, 10, 1, 1, NONE}, {B, 16, 0, 0, 1, NONE}},
     {1, 0, 10, 0, 1, 10, 10, 0, 0, 0},
     1,
     0,
     0,
     0,
     10},
    {"failed calls have no block",
     {{X, 0, 1000, 1, 1, NONE}, {A, 16, 4, 1, 1, NONE}},
     {2, 1, 4, 0, 1, 4, 4, 0, 0, 0},
     1,
     0,
     0,
     0,
     4},
    {"a block of the parent process is freed",
     {{F, 16, 0, 0, 1, NONE}, {A, 16, 4, 1, 1, NONE}},
     {1, 0, 4, 0, 1, 4, 4, 0, 0, 0},
     1,
     1,
     1,
     0,
     4},
    {"a block of the parent process is resized",
     {{B, 16, 0, 0, 1, NONE}, {E, 16, 20, 1, 1, NONE}},
     {1, 0, 20, 0, 1, 20, 20, 0, 0, 0},
     1,
     0,
     1,
     0,
     20},
    {"a free was lost",
     {{A, 16, 10, 1, 1, NONE}, {A, 16, 3, 1, 1, NONE}},
     {2, 0, 13, 0, 1, 3, 10, 0, 0, 0},
     2,
     0,
     0,
     1,
     10},
    {"size 0",
     {{A, 16, 0, 1, 1, NONE}, {F, 16, 0, 0, 1, 0}},
     {1, 0, 0, 1, 0, 0, 0, 1, 0, 100},
     1,
     1,
     0,
     0,
     0},
};

static struct live_sum sum;

static int64_t feed(struct live *l, const struct step *s, uint64_t time, int *made) {
    struct shm_event e = {.address = s->address,
                          .size = s->size,
                          .kind = (uint8_t)s->kind,
                          .op = SHM_OP_MALLOC};
    struct live_input in = {.event = &e,
                            .time_ns = time,
                            .thread = s->thread,
                            .ring = s->thread - 1,
                            .site = s->site};
    struct chunk_event out;
    *made = live_apply(l, &in, &out);
    return *made && out.reference != CHUNK_NONE ? (int64_t)out.reference : NONE;
}

static void run_case(const struct test *t) {
    current = t->name;
    sum = (struct live_sum){0};
    struct live *l = live_new(&sum, 0);
    uint64_t time = 1000;
    for (const struct step *s = t->steps; s->kind != END; s++, time += 100) {
        int made;
        MUST(feed(l, s, time, &made) == s->reference);
        MUST(made == (s->kind != B));
        MUST(live_check(l));
    }
    uint64_t live_bytes = live_totals(l)->live_bytes;
    MUST(sum.bytes == live_bytes && sum.peak_bytes == t->peak);
    live_end(l);
    MUST(live_check(l) && sum.bytes == 0);
    const struct live_stat *s = live_stat(l, 1);
    const struct live_totals *all = live_totals(l);
    MUST(s->count == t->want.count && s->failed == t->want.failed);
    MUST(s->bytes == t->want.bytes && s->frees == t->want.frees);
    MUST(s->live_blocks == t->want.live_blocks && s->live_bytes == t->want.live_bytes);
    MUST(s->peak_bytes == t->want.peak_bytes && s->temporary == t->want.temporary);
    MUST(s->cross_thread_frees == t->want.cross && s->lifetime_ns == t->want.lifetime);
    MUST(s->first_thread == 1 && s->failable == s->count);
    MUST(all->allocations == t->allocations && all->frees == t->freed);
    MUST(all->inherited == t->inherited && all->replaced == t->replaced);
    MUST(!live_stat(l, 77));
    live_free(l);
}

/* What lived for longer than can be told lived for the longest. */
static void run_longest(void) {
    current = "lifetimes beyond 2^64";
    sum = (struct live_sum){0};
    struct live *l = live_new(&sum, 0);
    int made;
    for (uint64_t i = 0; i < 4; i++)
        feed(l, &(struct step){A, 16 + 16 * i, 10, 1, 1, NONE}, 1, &made);
    for (uint64_t i = 0; i < 4; i++) {
        feed(l, &(struct step){F, 16 + 16 * i, 0, 0, 1, (int64_t)i}, 1 + (6ull << 60),
             &made);
        MUST(live_stat(l, 1)->lifetime_ns ==
             (i < 2 ? (i + 1) * (6ull << 60) : UINT64_MAX));
    }
    live_free(l);
}

static uint64_t state = 88172645463325252ull;
static uint32_t draw(uint32_t below) { /* xorshift64*: Vigna, 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

#define SLOTS 5000
/* @apart: bytes from one place for a block to the next */
static void run_random(uint64_t apart, const char *name) {
    static struct { uint64_t address, index; } blocks[SLOTS];
    memset(blocks, 0, sizeof blocks);
    current = name;
    sum = (struct live_sum){0};
    struct live *l = live_new(&sum, 0);
    uint64_t index = 0;
    int made;
    for (int i = 0; i < 300000; i++) {
        uint32_t k = draw(SLOTS), thread = 1 + draw(4), site = 1 + draw(300);
        uint64_t address = 4096 + ((uint64_t)draw(3) << 40) + k * apart;
        if (!blocks[k].address) {
            feed(l, &(struct step){A, address, draw(100), site, thread, 0}, (uint64_t)i,
                 &made);
            blocks[k].address = address;
            blocks[k].index = index++;
        } else if (draw(4)) {
            MUST(feed(l, &(struct step){F, blocks[k].address, 0, 0, thread, 0},
                      (uint64_t)i, &made) == (int64_t)blocks[k].index);
            blocks[k].address = 0;
            index++;
        } else {
            feed(l, &(struct step){B, blocks[k].address, 0, 0, thread, 0}, (uint64_t)i,
                 &made);
            MUST(feed(l, &(struct step){E, address, 5, site, thread, 0}, (uint64_t)i,
                      &made) == (int64_t)blocks[k].index);
            blocks[k].address = address;
            blocks[k].index = index++;
        }
        if (i % 10000 == 0)
            MUST(live_check(l));
    }
    MUST(live_check(l) && live_totals(l)->events == index);
    MUST(live_totals(l)->replaced == 0 && live_totals(l)->inherited == 0);
    live_free(l);
}

int main(void) {
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        run_case(&tests[i]);
    run_longest();
    run_random(16, "random, as libc's malloc lays them");
    run_random(8, "random, eight bytes apart");
    run_random(3, "random, several to eight bytes");
    run_random(1 << 20, "random, far apart");
    return 0;
}
