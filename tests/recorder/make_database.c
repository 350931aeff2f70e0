/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_database FILE [--events N] [--seed S] [--live N] [--truth FILE] [--shift N]: a
 * database with two recordings whose every number is known, made without recording
 * anything.
 *
 *   simulated heap ──► event_chunk (through the chunk writer)     what is under test
 *         └──────────► site_stat, recording; --truth: a table of plain rows    what it must say
 *
 * Process 1 has three threads and N events; process 2 (its child) one thread and N / 10;
 * the second recording one process with N / 4. Sites: 40 stacks with functions, files and
 * lines. Times are multiples of 1024 ns, which chunks keep exactly. --shift moves the
 * code of one module, so that exact keys differ and portable ones do not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "error.h"
#include "op.h"
#include "shm.h"
#include "store.h"
#include "text.h"

#define N_SITES 40
#define STEP_NS 1024

struct block {
    uint64_t number, size, address, time;
    uint32_t thread;
    int site;
};

struct stat {
    uint64_t count, failed, bytes, min_size, max_size, frees, peak_bytes, live_blocks,
        live_bytes, temporary, lifetime_ns, cross, first_ns, last_ns;
};

struct heap {
    struct block *live;
    size_t n_live, max_live;
    struct stat stats[N_SITES];
    uint64_t number, now, last_allocation[4], allocations, frees, failed, bytes,
        live_bytes, peak_bytes, peak_ns;
};

static uint64_t random_state;
static struct store *store, *truth;
static sqlite3_stmt *insert_truth, *insert_chunk;
static int64_t site_ids[N_SITES];
static const uint32_t site_ops[] = {SHM_OP_MALLOC, SHM_OP_CALLOC, SHM_OP_REALLOC,
                                    SHM_OP_POSIX_MEMALIGN};

/* xorshift64*. Source: S. Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled", 2016. */
static uint64_t next_random(uint64_t below) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 2685821657736338717ull >> 11) % below;
}

static void must(int r) {
    if (r < 0)
        exit(1);
}

static void run(struct store *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void run(struct store *s, const char *format, ...) {
    char *sql = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&sql, format, args) < 0)
        exit(1);
    va_end(args);
    must(store_exec(s, sql));
    free(sql);
}

/* --- sites: main → work_I → leaf_J, in two modules --- */

static void hex_of(struct dearth_key key, char out[static 33]) {
    text_key(key, out);
}

static void make_sites(uint64_t shift) {
    char hex[33];
    run(store,
        "INSERT INTO module(id, build_id, path) VALUES (1, x'aa%02x', '/opt/prog'),"
        " (2, x'bb', '/usr/lib/libleaf.so.1')",
        (unsigned)shift & 0xff);
    for (int i = 0; i < N_SITES; i++) {
        int work = i / 4, stack = 1 + 3 * i, frame = 1 + 3 * i;
        struct dearth_key key = {.lo = 1000 + (uint64_t)i + shift * 7919, .hi = 1};
        hex_of(key, hex);
        run(store,
            "INSERT INTO frame(id, module_id, offset, resolved) VALUES (%d, 1, %llu, 1),"
            " (%d, 1, %llu, 1), (%d, 2, %d, 1)",
            frame, (unsigned long long)(0x1000 + (uint64_t)i * 16 + shift), frame + 1,
            (unsigned long long)(0x9000 + (uint64_t)i * 16 + shift), frame + 2,
            0x500 + i);
        run(store,
            "INSERT INTO symbol(frame_id, inline_index, function, file, line) VALUES "
            "(%d, 0, 'main', '/src/main.c', %d), (%d, 0, 'step_%d', '/src/work.c', %d), "
            "(%d, 1, 'work_%d', '/src/work.c', %d)",
            frame, 10 + i, frame + 1, work, 50 + work, frame + 1, work, 100 + work);
        run(store,
            "INSERT INTO stack VALUES (%d, NULL, %d, 1, x'%032x'), (%d, %d, %d, 2, "
            "x'%032x'), (%d, %d, %d, 3, x'%032x')",
            stack, frame, (int)shift * 3000 + stack, stack + 1, stack, frame + 1,
            (int)shift * 3000 + stack + 1, stack + 2, stack + 1, frame + 2,
            (int)shift * 3000 + stack + 2);
        run(store,
            "INSERT OR IGNORE INTO location(id, module_id, offset, function, file, line, "
            "name) VALUES (%d, 1, %llu, 'work_%d', '/src/work.c', %d, '/src/work.c:%d')",
            work + 1, (unsigned long long)(0x9000 + (uint64_t)work * 64 + shift), work,
            100 + work, 100 + work);
        run(store,
            "INSERT INTO site(id, key, op, stack_id, location_id, portable_key) VALUES "
            "(%d, x'%s', '%s', %d, %d, x'%032x')",
            i + 1, hex, op_name(site_ops[i % 4]), stack + 2, work + 1, 0x7000 + i);
        site_ids[i] = i + 1;
    }
}

/* --- the heap --- */

static void note_truth(int64_t process, const struct block *b,
                       const struct chunk_event *e, int64_t thread, uint64_t freed,
                       int64_t freed_by, int moved) {
    if (!truth)
        return;
    if (!e) { /* an end */
        run(truth,
            "UPDATE allocation SET freed_ns = %llu, freed_by = %lld, moved = %d WHERE "
            "process_id = %lld AND number = %llu",
            (unsigned long long)freed, (long long)freed_by, moved, (long long)process,
            (unsigned long long)b->number);
        return;
    }
    if (!insert_truth)
        must(store_prepare(
            truth,
            "INSERT INTO allocation(process_id, number, thread_id, op, size, "
            "address, site_id, time_ns, failed, injected, moved) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,0)",
            &insert_truth));
    bool failed = e->kind != SHM_EV_ALLOC && e->kind != SHM_EV_REALLOC_END;
    const int64_t values[] = {
        process,          (int64_t)b->number,        thread,  0,
        (int64_t)e->size, (int64_t)e->address,       e->site, (int64_t)e->time_ns,
        failed,           e->kind == SHM_EV_INJECTED};
    for (int i = 0; i < 10; i++)
        sqlite3_bind_int64(insert_truth, i + 1, values[i]);
    sqlite3_bind_text(insert_truth, 4, op_name(e->op), -1, SQLITE_STATIC);
    must(store_step_done(truth, insert_truth));
}

static void end_block(struct heap *h, size_t at, uint32_t thread, int freed) {
    struct block *b = &h->live[at];
    struct stat *s = &h->stats[b->site];
    s->frees++;
    s->live_blocks--;
    s->live_bytes -= b->size;
    s->lifetime_ns += h->now - b->time;
    s->cross += thread != b->thread;
    s->temporary += thread == b->thread && h->last_allocation[thread] == b->number + 1;
    h->live_bytes -= b->size;
    h->frees += (unsigned)freed;
    *b = h->live[--h->n_live];
}

static void begin_block(struct heap *h, const struct chunk_event *e, int site) {
    struct stat *s = &h->stats[site];
    h->live[h->n_live++] =
        (struct block){h->number, e->size, e->address, h->now, e->thread, site};
    s->live_blocks++;
    s->live_bytes += e->size;
    s->bytes += e->size;
    if (s->live_bytes > s->peak_bytes)
        s->peak_bytes = s->live_bytes;
    h->live_bytes += e->size;
    h->bytes += e->size;
    if (h->live_bytes > h->peak_bytes) {
        h->peak_bytes = h->live_bytes;
        h->peak_ns = h->now;
    }
    h->last_allocation[e->thread] = h->number + 1;
}

static void count_call(struct heap *h, const struct chunk_event *e, int site,
                       bool failed) {
    struct stat *s = &h->stats[site];
    if (!s->count || e->size < s->min_size)
        s->min_size = e->size;
    if (e->size > s->max_size)
        s->max_size = e->size;
    if (!s->count)
        s->first_ns = h->now;
    s->last_ns = h->now;
    s->count++;
    s->failed += failed;
    h->allocations += !failed;
    h->failed += failed;
}

/* Make one event of a heap with @n_threads; @process and @first_thread are row ids. */
static struct chunk_event step(struct heap *h, uint32_t n_threads, int64_t process,
                               int64_t first_thread) {
    struct chunk_event e = {.time_ns = h->now, .reference = CHUNK_NONE};
    e.thread = 1 + (uint32_t)next_random(n_threads);
    size_t at = !h->n_live ? 0
                : next_random(3) == 0
                    ? next_random(h->n_live)
                    : h->n_live - 1 - next_random(h->n_live < 4 ? h->n_live : 4);
    if (h->n_live && (h->n_live >= h->max_live || next_random(100) < 38)) {
        e.kind = SHM_EV_FREE;
        e.op = SHM_OP_FREE;
        e.address = h->live[at].address;
        e.reference = h->live[at].number;
        note_truth(process, &h->live[at], NULL, 0, h->now, first_thread + e.thread - 1,
                   0);
        end_block(h, at, e.thread, 1);
        return e;
    }
    /* The later half of the sites comes up in the later half of the time alone. */
    int site = (int)next_random(h->number & 1u << 17 ? N_SITES : N_SITES / 2);
    e.op = (uint8_t)site_ops[site % 4];
    e.site = site_ids[site];
    e.size = next_random(20) == 0 ? 1000 + next_random(2000000) : next_random(300);
    e.address = 0x100000 + h->number * 16;
    uint64_t dice = next_random(1000);
    bool failed = dice < 4;
    e.kind = dice < 2 ? SHM_EV_FAIL : dice < 4 ? SHM_EV_INJECTED : SHM_EV_ALLOC;
    if (failed) {
        e.address = 0;
        e.aux = 12; /* ENOMEM */
    } else if (e.op == SHM_OP_POSIX_MEMALIGN) {
        e.aux = 6;
    } else if (e.op == SHM_OP_REALLOC && h->n_live) {
        e.kind = SHM_EV_REALLOC_END;
        e.reference = h->live[at].number;
    }
    count_call(h, &e, site, failed);
    struct block own = {.number = h->number};
    note_truth(process, &own, &e, first_thread + e.thread - 1, 0, 0, 0);
    if (e.kind == SHM_EV_REALLOC_END) {
        note_truth(process, &h->live[at], NULL, 0, h->now, first_thread + e.thread - 1,
                   1);
        end_block(h, at, e.thread, 0);
    }
    if (!failed)
        begin_block(h, &e, site);
    return e;
}

static void write_chunk(struct chunk_writer *writer, int64_t process, int ordinal) {
    struct chunk_summary s;
    const uint8_t *data;
    size_t n;
    if (!insert_chunk)
        must(store_prepare(
            store,
            "INSERT INTO event_chunk(process_id, ordinal, first_event, n_events,"
            " start_ns, end_ns, min_size, max_size, data) "
            "VALUES (?,?,?,?,?,?,?,?,?)",
            &insert_chunk));
    int r = chunk_writer_finish(writer, &s, &data, &n);
    must(r);
    if (r > 0)
        return;
    const uint64_t values[] = {(uint64_t)process, (uint64_t)ordinal, s.first_event,
                               s.n_events,        s.start_ns,        s.end_ns,
                               s.min_size,        s.max_size};
    for (int i = 0; i < 8; i++)
        sqlite3_bind_int64(insert_chunk, i + 1, (int64_t)values[i]);
    sqlite3_bind_blob64(insert_chunk, 9, data, n, SQLITE_STATIC);
    must(store_step_done(store, insert_chunk));
}

static void write_stats(const struct heap *h, int64_t recording, int64_t process) {
    for (int i = 0; i < N_SITES; i++) {
        const struct stat *s = &h->stats[i];
        if (s->count)
            run(store,
                "INSERT INTO site_stat VALUES (%lld,%lld,%lld, "
                "%llu,%llu,%llu,%llu,%llu,%llu,"
                "%llu,%llu,0,%llu,%llu,%llu,%llu,%llu,%llu,%llu,NULL,0,0,0)",
                (long long)recording, (long long)process, (long long)site_ids[i],
                (unsigned long long)s->count, (unsigned long long)s->failed,
                (unsigned long long)s->count, (unsigned long long)s->bytes,
                (unsigned long long)s->min_size, (unsigned long long)s->max_size,
                (unsigned long long)s->frees, (unsigned long long)s->peak_bytes,
                (unsigned long long)s->live_blocks, (unsigned long long)s->live_bytes,
                (unsigned long long)s->temporary, (unsigned long long)s->lifetime_ns,
                (unsigned long long)s->cross, (unsigned long long)s->first_ns,
                (unsigned long long)s->last_ns);
    }
}

/* Simulate one process; its heap's totals are left in @h. */
static void make_process(struct heap *h, int64_t recording, int64_t process,
                         int64_t first_thread, uint32_t n_threads, uint64_t events) {
    run(store,
        "INSERT INTO process(id, recording_id, ordinal, pid, origin, exe, started_ns, "
        "ended_ns, \"end\", events) VALUES (%lld, %lld, %d, %lld, '%s', '/opt/prog', 0, "
        "NULL, 'exit', %llu)",
        (long long)process, (long long)recording, process == 2 ? 2 : 1,
        5000 + (long long)process, process == 2 ? "fork" : "first",
        (unsigned long long)events);
    for (uint32_t i = 0; i < n_threads; i++)
        run(store,
            "INSERT INTO thread(id, process_id, serial, tid, started_ns) VALUES "
            "(%lld, %lld, %u, %lld, 0)",
            (long long)(first_thread + i), (long long)process, i + 1,
            9000 + (long long)(first_thread + i));
    struct chunk_writer *writer = chunk_writer_new(0);
    int ordinal = 0;
    for (; h->number < events; h->number++) {
        struct chunk_event e = step(h, n_threads, process, first_thread);
        if (chunk_writer_add(writer, &e))
            write_chunk(writer, process, ordinal++);
        h->now += STEP_NS * (1 + next_random(3));
    }
    if (chunk_writer_pending(writer))
        write_chunk(writer, process, ordinal);
    chunk_writer_free(writer);
    write_stats(h, recording, process);
    run(store, "UPDATE process SET ended_ns = %llu, parent_id = %s WHERE id = %lld",
        (unsigned long long)h->now, process == 2 ? "1" : "NULL", (long long)process);
}

static void make_recording(int64_t id, uint64_t events, size_t live) {
    struct heap a = {.max_live = live}, b = {.max_live = live};
    a.live = text_alloc((live + 1) * sizeof *a.live);
    b.live = text_alloc((live + 1) * sizeof *b.live);
    run(store,
        "INSERT INTO recording(id, state, started_unix_ns, argv, exe, cwd, clock, "
        "tool_version) VALUES (%lld, 'running', %lld, '[\"/opt/prog\",\"a b\"]', "
        "'/opt/prog', '/', 'tsc', 'test')",
        (long long)id, 1700000000000000000ll + (long long)(random_state >> 12));
    make_process(&a, id, id == 1 ? 1 : 3, id == 1 ? 1 : 5, id == 1 ? 3 : 1, events);
    b.now = a.now; /* when the first has ended */
    if (id == 1)
        make_process(&b, id, 2, 4, 1, events / 10);
    const struct heap *top = b.peak_bytes > a.peak_bytes ? &b : &a;
    run(store,
        "UPDATE recording SET state = 'complete', duration_ns = %llu, exit_code = 0, "
        "exact = 1, events = %llu, allocations = %llu, frees = %llu, failed = %llu, "
        "bytes = %llu, peak_bytes = %llu, peak_ns = %llu, live_blocks = %zu, live_bytes "
        "= %llu, events_lost = 0, stacks_lost = 0, stacks_truncated = 0, "
        "stacks_incomplete = 0 WHERE id = %lld",
        (unsigned long long)b.now, (unsigned long long)(a.number + b.number),
        (unsigned long long)(a.allocations + b.allocations),
        (unsigned long long)(a.frees + b.frees),
        (unsigned long long)(a.failed + b.failed),
        (unsigned long long)(a.bytes + b.bytes), (unsigned long long)top->peak_bytes,
        (unsigned long long)top->peak_ns, a.n_live + b.n_live,
        (unsigned long long)(a.live_bytes + b.live_bytes), (long long)id);
    free(a.live);
    free(b.live);
}

int main(int argc, char **argv) {
    uint64_t events = 200000, live = 5000, shift = 0;
    const char *truth_path = NULL;
    random_state = 88172645463325252ull;
    for (int i = 2; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--events") == 0)
            events = n;
        else if (strcmp(argv[i], "--seed") == 0)
            random_state += n * 0x9e3779b97f4a7c15ull;
        else if (strcmp(argv[i], "--live") == 0)
            live = n;
        else if (strcmp(argv[i], "--shift") == 0)
            shift = n;
        else if (strcmp(argv[i], "--truth") == 0)
            truth_path = argv[i + 1];
        else
            argc = 0;
    }
    if (argc < 2)
        return error_print(0, "make_database FILE [--events N] [--seed S] [--live N] "
                              "[--shift N] [--truth FILE]") < 0;
    must(store_new(argv[1], STORE_CREATE, &store));
    if (truth_path) {
        must(store_new(truth_path, STORE_CREATE, &truth));
        run(truth,
            "CREATE TABLE allocation(process_id INTEGER, number INTEGER, thread_id "
            "INTEGER, op TEXT, size INTEGER, address INTEGER, site_id INTEGER, time_ns "
            "INTEGER, freed_ns INTEGER, freed_by INTEGER, moved INTEGER, failed "
            "INTEGER, injected INTEGER, PRIMARY KEY(process_id, number)) WITHOUT ROWID; "
            "BEGIN");
    }
    must(store_begin(store));
    make_sites(shift);
    make_recording(1, events, live);
    if (!truth)
        make_recording(2, events / 4, live);
    must(store_commit(store));
    if (truth)
        must(store_commit(truth));
    sqlite3_finalize(insert_chunk);
    sqlite3_finalize(insert_truth);
    store_free(store);
    store_free(truth);
    return 0;
}
