/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks: what goes in comes out, for a simulated program and for arbitrary events;
 * damaged bytes are refused and never lead out of bounds (worth most under ASan).
 *
 * usage: chunk_test [ROUNDS]    more rounds of damage than the default
 *        chunk_test bench       size and speed for the simulated program
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chunk.h"
#include "shm.h"

#include "check.h"

static uint64_t state = 88172645463325252ull;
static uint32_t draw(uint32_t below) { /* xorshift64*: Vigna, 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % below;
}
static uint64_t wide(void) {
    return (uint64_t)draw(1u << 31) << 40 ^ (uint64_t)draw(1u << 31) << 18 ^
           draw(1u << 31);
}

static struct chunk_event seen[CHUNK_MAX_EVENTS];

/* --- a program: threads, loops of temporaries, long-lived blocks, reallocs, a real heap --- */

#define LIVE 20000
static struct {
    void *block;
    uint64_t size, index;
} live[LIVE];

static void sim_event(struct chunk_event *e, uint64_t index) {
    static uint64_t now;
    static uint32_t thread = 1;
    static int pending = -1; /* a temporary to free next */
    now += 30 + draw(200);
    if (draw(200) == 0)
        thread = 1 + draw(4);
    *e = (struct chunk_event){.time_ns = now, .thread = thread, .reference = CHUNK_NONE};
    int slot = pending >= 0 ? pending : (int)draw(LIVE);
    bool long_lived = draw(3) == 0;
    if (live[slot].block && (pending >= 0 || draw(4))) {
        e->kind = SHM_EV_FREE;
        e->op = SHM_OP_FREE;
        e->address = (uintptr_t)live[slot].block;
        e->reference = live[slot].index;
        free(live[slot].block);
        live[slot].block = NULL;
        pending = -1;
        return;
    }
    uint32_t site = draw(400);
    e->site = 1000 + site * site / 400;
    e->size = site % 5 ? 16 + site % 40 * 8 : 1 + draw(2000);
    if (live[slot].block) {
        e->kind = SHM_EV_REALLOC_END;
        e->op = SHM_OP_REALLOC;
        e->reference = live[slot].index;
        live[slot].block = realloc(live[slot].block, e->size);
    } else {
        e->kind = SHM_EV_ALLOC;
        e->op = site % 7 ? SHM_OP_MALLOC : SHM_OP_CALLOC;
        live[slot].block = malloc(e->size);
        pending = long_lived ? -1 : slot;
    }
    live[slot].size = e->size;
    live[slot].index = index;
    e->address = (uintptr_t)live[slot].block;
}

static void wild_event(struct chunk_event *e, uint64_t index) {
    static const uint8_t kinds[] = {SHM_EV_ALLOC,       SHM_EV_FREE,
                                    SHM_EV_FAIL,        SHM_EV_INJECTED,
                                    SHM_EV_REALLOC_END, SHM_EV_REALLOC_FAIL};
    *e = (struct chunk_event){
        .time_ns = draw(2) ? wide() : draw(1000),
        .address = draw(2) ? wide() : draw(64) * 8,
        .size = draw(3) ? draw(100) : wide(),
        .reference = draw(3) || !index
                         ? CHUNK_NONE
                         : index - 1 - draw((uint32_t)(index < 3000 ? index : 3000)),
        .site = draw(2) ? (int64_t)wide() : draw(3),
        .thread = draw(3) ? 1 : (uint32_t)wide(),
        .aux = (uint16_t)(draw(2) ? wide() : 0),
        .kind = kinds[draw(sizeof kinds)],
        .op = (uint8_t)draw(256)};
    if (e->kind == SHM_EV_FREE)
        e->site = 0, e->size = 0;
    if (e->kind == SHM_EV_ALLOC)
        e->reference = CHUNK_NONE;
    if (e->kind == SHM_EV_FAIL || e->kind == SHM_EV_INJECTED)
        e->reference = CHUNK_NONE, e->address = 0;
}

static bool same(const struct chunk_event *a, const struct chunk_event *b,
                 uint64_t unit) {
    return a->time_ns / unit * unit == b->time_ns && a->address == b->address &&
           a->size == b->size && a->reference == b->reference && a->site == b->site &&
           a->thread == b->thread && a->aux == b->aux && a->kind == b->kind &&
           a->op == b->op;
}

/* The unit is in the blob, after two varints. */
static uint64_t unit_of(const uint8_t *data) {
    const uint8_t *p = data + 4;
    for (int i = 0; i < 2; i++)
        while (*p++ & 0x80)
            ;
    return 1ull << *p;
}

typedef void make_event(struct chunk_event *e, uint64_t index);

static void check_chunk(const struct chunk_event *in, const struct chunk_summary *s,
                        const uint8_t *data, size_t n) {
    uint64_t first;
    uint32_t count;
    uint8_t *exact = malloc(n); /* so that ASan sees a read past the end */
    memcpy(exact, data, n);
    MUST(chunk_read(exact, n, seen, &first, &count) == 0);
    MUST(first == s->first_event && count == s->n_events);
    uint64_t unit = unit_of(exact);
    for (uint32_t i = 0; i < count; i++) {
        MUST(same(&in[i], &seen[i], unit));
        MUST(in[i].time_ns >= s->start_ns && in[i].time_ns <= s->end_ns);
    }
    free(exact);
}

/* Write chunks of the given sizes (0 = as large as they get) and read each back. */
static void test_round_trip(make_event *make, const uint32_t *sizes, int n_chunks) {
    static struct chunk_event in[CHUNK_MAX_EVENTS];
    uint64_t index = 77;
    struct chunk_writer *w = chunk_writer_new(index);
    for (int c = 0; c < n_chunks; c++) {
        uint32_t limit = sizes[c] ? sizes[c] : CHUNK_MAX_EVENTS, n = 0;
        int full = 0;
        while (n < limit) {
            make(&in[n], index++);
            full = chunk_writer_add(w, &in[n++]);
            MUST(full == (n == CHUNK_MAX_EVENTS));
        }
        struct chunk_summary s;
        const uint8_t *data;
        size_t bytes;
        MUST(chunk_writer_pending(w) == n);
        MUST(chunk_writer_finish(w, &s, &data, &bytes) == 0);
        MUST(s.first_event == index - n);
        check_chunk(in, &s, data, bytes);
        MUST(chunk_writer_finish(w, &s, &data, &bytes) == 1);
    }
    chunk_writer_free(w);
}

static void test_damage(make_event *make, uint32_t events, int rounds) {
    struct chunk_writer *w = chunk_writer_new(0);
    struct chunk_summary s;
    const uint8_t *data;
    size_t n;
    uint64_t first;
    uint32_t count;
    for (uint32_t i = 0; i < events; i++) {
        struct chunk_event e;
        make(&e, i);
        chunk_writer_add(w, &e);
    }
    MUST(chunk_writer_finish(w, &s, &data, &n) == 0);
    for (size_t cut = 0; cut < n; cut += 1 + n / 500) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, data, cut);
        MUST(chunk_read(copy, cut, seen, &first, &count) == -EBADMSG);
        copy[cut] = 0;
        free(copy);
    }
    int refused = 0;
    for (int i = 0; i < rounds; i++) {
        uint8_t *copy = malloc(n);
        memcpy(copy, data, n);
        for (uint32_t k = draw(4) + 1; k--;) {
            uint32_t at = draw(2) ? draw((uint32_t)n) : draw(n < 64 ? (uint32_t)n : 64);
            copy[at] = draw(2) ? (uint8_t)draw(256) : copy[at] ^ (uint8_t)(1u << draw(8));
        }
        int r = chunk_read(copy, n, seen, &first, &count);
        MUST(r == 0 || r == -EBADMSG);
        refused += r != 0;
        free(copy);
    }
    MUST(refused > 0);
    chunk_writer_free(w);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int bench(void) {
    const uint32_t n = 64 * CHUNK_MAX_EVENTS;
    struct chunk_event *in = malloc(n * sizeof *in);
    struct chunk_writer *w = chunk_writer_new(0);
    size_t total = 0;
    double writing = 0, reading = 0;
    for (uint32_t i = 0; i < n; i++)
        sim_event(&in[i], i);
    for (uint32_t i = 0; i < n;) {
        struct chunk_summary s;
        const uint8_t *data;
        size_t bytes;
        uint64_t first;
        uint32_t count;
        double t = seconds();
        while (!chunk_writer_add(w, &in[i++]))
            ;
        chunk_writer_finish(w, &s, &data, &bytes);
        double u = seconds();
        MUST(chunk_read(data, bytes, seen, &first, &count) == 0);
        writing += u - t;
        reading += seconds() - u;
        total += bytes;
    }
    printf("%u events, %.3f bytes an event, written %.1f M/s, read %.1f M/s\n", n,
           (double)total / n, n / writing / 1e6, n / reading / 1e6);
    chunk_writer_free(w);
    free(in);
    return 0;
}

int main(int argc, char **argv) {
    const uint32_t small[] = {1, 2, 3, 10, 100, 1000, 1}, large[] = {0, 5000, 0};
    int rounds = argc > 1 ? atoi(argv[1]) : 300;
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
        return bench();
    for (int i = 0; i < 20; i++) {
        test_round_trip(sim_event, small, 7);
        test_round_trip(wild_event, small, 7);
    }
    test_round_trip(sim_event, large, 3);
    test_round_trip(wild_event, large, 3);
    test_damage(wild_event, 1, rounds);
    test_damage(wild_event, 40, 10 * rounds);
    test_damage(sim_event, 300, 10 * rounds);
    test_damage(wild_event, 3000, rounds);
    test_damage(sim_event, CHUNK_MAX_EVENTS, rounds / 10 + 1);
    return 0;
}
