/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's rows of attempts: the fault, the proof, how it ended, its stacks and leaks.
 *
 *   ledger_attempt() ─► attempt                             by a whole program
 *                   └─► unchecked_attempt ─ ledger_check() ─► attempt   by a copy, when its
 *                                                             original has ended as it should
 *   several in one transaction (a batch); a kill loses those of the last 50 ms
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chance_row.h"
#include "failed.h"
#include "frames.h"
#include "json.h"
#include "ledger_private.h"
#include "session.h"
#include "session_leaks.h"
#include "text.h"

/* What a row of `attempt` is written with; a column that nothing is bound to is NULL. */
#define ATTEMPT_COLUMNS(X)                                                               \
    LEDGER_END_COLUMNS(X)                                                                \
    ATTEMPT_OWN_COLUMNS(X)
#define ATTEMPT_OWN_COLUMNS(X)                                                           \
    X(ATTEMPT_REPLAY_ID, "replay_id")                                                    \
    X(ATTEMPT_SITE_ID, "site_id")                                                        \
    X(ATTEMPT_OCCURRENCE, "occurrence")                                                  \
    X(ATTEMPT_MODE, "mode")                                                              \
    X(ATTEMPT_BURST, "burst")                                                            \
    X(ATTEMPT_HOW, "how")                                                                \
    X(ATTEMPT_REPEAT, "repeat")                                                          \
    X(ATTEMPT_VERDICT, "verdict")                                                        \
    X(ATTEMPT_SEVERITY, "severity")                                                      \
    X(ATTEMPT_POLICY, "policy")                                                          \
    X(ATTEMPT_FIRED, "fired")                                                            \
    X(ATTEMPT_HITS, "hits")                                                              \
    X(ATTEMPT_FIRED_SIZE, "fired_size")                                                  \
    X(ATTEMPT_FIRED_PID, "fired_pid")                                                    \
    X(ATTEMPT_FIRED_TID, "fired_tid")                                                    \
    X(ATTEMPT_FIRED_EXE, "fired_exe")                                                    \
    X(ATTEMPT_ALSO_FAILED, "also_failed")                                                \
    X(ATTEMPT_STDOUT_BYTES, "stdout_bytes")                                              \
    X(ATTEMPT_STDOUT_DIGEST, "stdout_digest")                                            \
    X(ATTEMPT_STDOUT_SAME, "stdout_same")                                                \
    X(ATTEMPT_FILES_SAME, "files_same")                                                  \
    X(ATTEMPT_STDERR_TAIL, "stderr_tail")                                                \
    X(ATTEMPT_CRASH_SIGNAL, "crash_signal")                                              \
    X(ATTEMPT_CRASH_CODE, "crash_code")                                                  \
    X(ATTEMPT_CRASH_ADDRESS, "crash_address")                                            \
    X(ATTEMPT_CRASH_PID, "crash_pid")                                                    \
    X(ATTEMPT_CRASH_EXE, "crash_exe")                                                    \
    X(ATTEMPT_CRASH_STACK_ID, "crash_stack_id")                                          \
    X(ATTEMPT_STARTED_UNIX_NS, "started_unix_ns")                                        \
    X(ATTEMPT_LEAKED, "leaked")                                                          \
    X(ATTEMPT_LEAKED_BYTES, "leaked_bytes")                                              \
    X(ATTEMPT_SILENT, "silent")                                                          \
    X(ATTEMPT_OUTPUT_CHECK, "output_check")                                              \
    X(ATTEMPT_SAMPLE_STACK_ID, "sample_stack_id")                                        \
    X(ATTEMPT_UNDER, "under")                                                            \
    X(ATTEMPT_SECOND_SITE_ID, "second_site_id")                                          \
    X(ATTEMPT_SECOND_OCCURRENCE, "second_occurrence")                                    \
    X(ATTEMPT_DAMAGE, "damage")                                                          \
    X(ATTEMPT_DAMAGE_WHERE, "damage_where")                                              \
    X(ATTEMPT_DAMAGE_SIZE, "damage_size")                                                \
    X(ATTEMPT_DAMAGE_OFFSET, "damage_offset")                                            \
    X(ATTEMPT_DAMAGE_SITE_ID, "damage_site_id")                                          \
    X(ATTEMPT_DIFFERS, "differs")                                                        \
    X(ATTEMPT_HANG, "hang")                                                              \
    X(ATTEMPT_HANG_CALL, "hang_call")                                                    \
    X(ATTEMPT_THREAD, "thread")                                                          \
    X(ATTEMPT_CALL, "call")                                                              \
    X(ATTEMPT_ARMED, "armed")                                                            \
    X(ATTEMPT_ROUNDS, "rounds")                                                          \
    X(ATTEMPT_CHANCE, "chance")                                                          \
    X(ATTEMPT_FAILED, "failed")                                                          \
    X(ATTEMPT_EXPLORED, "explored")                                                      \
    X(ATTEMPT_INFERRED, "inferred")                                                      \
    X(ATTEMPT_CAUSE, "cause")                                                            \
    X(ATTEMPT_BOUNDARY, "boundary")                                                      \
    X(ATTEMPT_LAST_SITE_ID, "last_site_id")                                              \
    X(ATTEMPT_SCOPE, "scope")                                                            \
    X(ATTEMPT_SPARED, "spared")                                                          \
    X(ATTEMPT_UNSURE, "unsure")
enum {
    ATTEMPT_FIRST = LEDGER_END_LAST - 1,
    ATTEMPT_OWN_COLUMNS(STORE_COLUMN_ENUM) ATTEMPT_ID
};

static const char insert_attempt[] = "INSERT INTO %s (" ATTEMPT_COLUMNS(
    STORE_COLUMN_SQL) "id) VALUES (" ATTEMPT_COLUMNS(STORE_COLUMN_PLACE) "?)";

#define LEAK_COLUMNS(X)                                                                  \
    X(LEAK_ATTEMPT_ID, "attempt_id")                                                     \
    X(LEAK_BLOCKS, "blocks")                                                             \
    X(LEAK_BYTES, "bytes")                                                               \
    X(LEAK_DIRECT, "direct")
enum { LEAK_FIRST = 0, LEAK_COLUMNS(STORE_COLUMN_ENUM) LEAK_SITE_KEY };

static int prepare_attempt(struct store *store, const char *table, sqlite3_stmt **out) {
    AUTO_FREE char *sql = text_format(insert_attempt, table);
    return store_prepare(store, sql, out);
}

int ledger_prepare_attempts(struct ledger *l) {
    int r = prepare_attempt(l->store, "attempt", &l->attempt);
    if (r == 0)
        r = prepare_attempt(l->store, "unchecked_attempt", &l->unchecked);
    if (r == 0)
        r = store_prepare(
            l->store, "INSERT INTO attempt SELECT * FROM unchecked_attempt WHERE id = ?1",
            &l->check);
    if (r == 0)
        r = store_prepare(
            l->store,
            "INSERT INTO leak (" LEAK_COLUMNS(
                STORE_COLUMN_SQL) "site_id) "
                                  "SELECT " LEAK_COLUMNS(
                                      STORE_COLUMN_PLACE) "id FROM site WHERE key = ?",
            &l->leak);
    if (r == 0)
        r = store_prepare(l->store, "DELETE FROM unchecked_attempt WHERE id = ?1",
                          &l->drop_checked);
    if (r == 0)
        r = store_prepare(l->store, "UPDATE attempt SET explored = 1 WHERE id = ?1",
                          &l->explored);
    if (r == 0)
        r = store_prepare(l->store, "SELECT id FROM site WHERE key = ?1", &l->site);
    if (r == 0)
        r = store_prepare(l->store,
                          "SELECT path FROM module WHERE build_id = ?1 ORDER BY id "
                          "LIMIT 1",
                          &l->module);
    return r;
}

/* --- rows --- */

static const char *remember_path(struct ledger *l, const struct crash_frame *f,
                                 const char *path) {
    struct ledger_path new = {.build_id_bytes = f->build_id_bytes,
                              .path = text_dup(path)};
    memcpy(new.build_id, f->build_id, f->build_id_bytes);
    l->paths = text_grow(l->paths, l->n_paths, sizeof new);
    l->paths[l->n_paths++] = new;
    return new.path;
}

void ledger_forget_paths(struct ledger *l) {
    for (uint32_t i = 0; i < l->n_paths; i++)
        free(l->paths[i].path);
    free(l->paths);
    l->paths = NULL;
    l->n_paths = 0;
}

/* The supervisor sees the file behind a mapping (libjq.so.1.0.4), the target the name it
 * was loaded by (libjq.so.1): one module must have one name, the recording's. */
static const char *known_path(struct ledger *l, const struct crash_frame *f) {
    if (!f->build_id_bytes)
        return f->module ? f->module : "[anon]";
    for (uint32_t i = 0; i < l->n_paths; i++)
        if (l->paths[i].build_id_bytes == f->build_id_bytes &&
            memcmp(l->paths[i].build_id, f->build_id, f->build_id_bytes) == 0)
            return l->paths[i].path;
    const char *path = NULL;
    sqlite3_bind_blob(l->module, 1, f->build_id, (int)f->build_id_bytes, SQLITE_STATIC);
    if (sqlite3_step(l->module) == SQLITE_ROW)
        path = remember_path(l, f, store_column_text(l->module, 0));
    sqlite3_reset(l->module);
    return path ? path : f->module ? f->module : "[anon]";
}

static int compare_frames(const struct crash_frame *a, const struct crash_frame *b) {
    int module = strcmp(a->module ? a->module : "", b->module ? b->module : "");
    return module ? module : a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* A stack too deep to be read whole ends somewhere in its recursion, by chance. Cut it where the smallest frame
 * that recurs does so first: then the same recursion ends the same way every time, and one round of it is seen.
 * Return: how many frames to keep; @n = all. */
static uint32_t cut_recursion(const struct crash_frame *all, uint32_t n) {
    uint32_t best = n;
    for (uint32_t i = 1; i < n; i++) {
        bool recurs = false;
        for (uint32_t k = 0; k < i && !recurs; k++)
            recurs = compare_frames(&all[i], &all[k]) == 0;
        if (recurs && (best == n || compare_frames(&all[i], &all[best]) < 0))
            best = i;
    }
    return best == n ? n : best + 1;
}

/* Without dearth, a call of the program's leads to the allocator, and nothing of ours is on the stack: neither the
 * hook nor libunwind, which it asks. Return: how many frames are left, in @out, room for @n. */
static uint32_t leave_out_ours(const struct crash_frame *all, uint32_t n,
                               struct crash_frame *out) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *module = all[i].module ? all[i].module : "";
        if (!frame_module_is_ours(module)) {
            out[kept++] = all[i];
            continue;
        }
        while (kept && out[kept - 1].module &&
               strncmp(text_basename(out[kept - 1].module), "libunwind", 9) == 0)
            kept--;
    }
    return kept;
}

/* Of a frame's number, from 1, in @all: the one that it has in the database. */
static uint32_t stored_number(const struct crash_frame *all, uint32_t number) {
    struct crash_frame kept[OBSERVATION_MAX_FRAMES];
    return number <= OBSERVATION_MAX_FRAMES ? leave_out_ours(all, number, kept) : 0;
}

static int64_t store_stack(struct ledger *l, const struct crash_frame *seen,
                           uint32_t n_seen) {
    struct crash_frame all[OBSERVATION_MAX_FRAMES];
    uint32_t n_all = n_seen > OBSERVATION_MAX_FRAMES ? OBSERVATION_MAX_FRAMES : n_seen;
    bool whole = n_all < OBSERVATION_MAX_FRAMES;
    n_all = leave_out_ours(seen, n_all, all);
    if (!n_all)
        return 0;
    if (!l->stacks && !(l->stacks = session_stacks_new(l->store)))
        return -EIO;
    uint32_t n = whole ? n_all : cut_recursion(all, n_all);
    struct session_frame *frames = text_alloc(n * sizeof *frames);
    for (uint32_t i = 0; i < n; i++) {
        const struct crash_frame *f = &all[i];
        frames[i] = (struct session_frame){.build_id_bytes = f->build_id_bytes,
                                           .module = known_path(l, f),
                                           .offset = f->offset};
        memcpy(frames[i].build_id, f->build_id, sizeof frames[i].build_id);
    }
    int64_t id = n < n_all ? session_store_loop(l->stacks, frames, n)
                           : session_store_stack(l->stacks, frames, n);
    free(frames);
    return id;
}

static void bind_tristate(sqlite3_stmt *s, int at, int value) {
    if (value >= 0)
        sqlite3_bind_int(s, at, value);
}

static void bind_scope(const struct ledger *l, sqlite3_stmt *s, const struct order *order,
                       const struct observation *o) {
    store_bind_text(s, ATTEMPT_SCOPE, ledger_scope(l, order));
    sqlite3_bind_int64(s, ATTEMPT_SPARED, (int64_t)o->proof.spared);
    sqlite3_bind_int64(s, ATTEMPT_UNSURE, (int64_t)o->proof.unsure);
}

static void bind_fault(sqlite3_stmt *s, const struct order *order,
                       const struct observation *o, const struct judgement *j) {
    sqlite3_bind_int64(s, ATTEMPT_SITE_ID, order->site_id);
    sqlite3_bind_int64(s, ATTEMPT_OCCURRENCE, (int64_t)order->occurrence);
    store_bind_text(s, ATTEMPT_MODE, fault_mode_name(order->mode));
    sqlite3_bind_int64(s, ATTEMPT_BURST, order->burst ? order->burst : 1);
    sqlite3_bind_int64(s, ATTEMPT_REPEAT, order->repeat);
    store_bind_text(s, ATTEMPT_VERDICT, verdict_name(j->verdict));
    store_bind_text(s, ATTEMPT_SEVERITY, severity_name(j->severity));
    store_bind_text(s, ATTEMPT_POLICY, j->policy);
    store_bind_text(s, ATTEMPT_CAUSE, j->cause[0] ? j->cause : NULL);
    sqlite3_bind_int(s, ATTEMPT_FIRED, o->proof.fired);
    sqlite3_bind_int64(s, ATTEMPT_HITS, (int64_t)o->proof.hits);
    if (o->proof.fired) {
        sqlite3_bind_int64(s, ATTEMPT_FIRED_SIZE, (int64_t)o->proof.size);
        sqlite3_bind_int64(s, ATTEMPT_FIRED_PID, o->proof.pid);
        sqlite3_bind_int64(s, ATTEMPT_FIRED_TID, o->proof.tid);
        store_bind_text(s, ATTEMPT_FIRED_EXE, o->proof.exe);
    }
    sqlite3_bind_int64(s, ATTEMPT_ALSO_FAILED, (int64_t)o->proof.also_failed);
    store_bind_text(s, ATTEMPT_HOW, how_name(o->how));
    store_bind_text(s, ATTEMPT_UNDER, under_name(order->under));
    store_bind_text(s, ATTEMPT_THREAD, thread_role_name(order->thread));
    if (order->call)
        sqlite3_bind_int64(s, ATTEMPT_CALL, (int64_t)order->call);
    if (o->served.driven) {
        store_bind_text(s, ATTEMPT_ARMED, order->at_start ? "start" : "serving");
        sqlite3_bind_int64(s, ATTEMPT_ROUNDS, order->rounds);
    }
    if (order->second_site_id) {
        sqlite3_bind_int64(s, ATTEMPT_SECOND_SITE_ID, order->second_site_id);
        sqlite3_bind_int64(s, ATTEMPT_SECOND_OCCURRENCE,
                           (int64_t)order->second_occurrence);
    }
}

/* Return: the row of the site with this key, or 0. */
static int64_t site_of(struct ledger *l, struct dearth_key key) {
    store_bind_key(l->site, 1, key);
    int64_t id =
        sqlite3_step(l->site) == SQLITE_ROW ? sqlite3_column_int64(l->site, 0) : 0;
    sqlite3_reset(l->site);
    return id;
}

static void bind_damage(struct ledger *l, sqlite3_stmt *s,
                        const struct damage_seen *damage) {
    store_bind_text(s, ATTEMPT_DAMAGE, damage_name(damage->kind));
    store_bind_text(s, ATTEMPT_DAMAGE_WHERE, damage_where_name(damage->where));
    if (damage->size)
        sqlite3_bind_int64(s, ATTEMPT_DAMAGE_SIZE, (int64_t)damage->size);
    sqlite3_bind_int64(s, ATTEMPT_DAMAGE_OFFSET, damage->offset);
    int64_t allocator = damage->allocator_known ? site_of(l, damage->allocator) : 0;
    if (allocator)
        sqlite3_bind_int64(s, ATTEMPT_DAMAGE_SITE_ID, allocator);
}

/* NULL when everything is as without the fault. */
static void bind_differences(sqlite3_stmt *s, int at, const struct judgement *j) {
    struct text out = {0};
    struct json json = {.out = &out, .compact = true};
    if (!j->n_differences)
        return;
    json_open(&json, NULL, '[');
    for (uint32_t i = 0; i < j->n_differences; i++) {
        const struct difference *d = &j->differences[i];
        json_open(&json, NULL, '{');
        json_text(&json, "what", d->what);
        json_text(&json, "how", d->how);
        json_text(&json, "path", d->path[0] ? d->path : NULL);
        json_text(&json, "detail", d->detail[0] ? d->detail : NULL);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    sqlite3_bind_text(s, at, out.data, -1, SQLITE_TRANSIENT);
    text_deinit(&out);
}

/* The kernel says where an instruction went wrong; where it does not know, as for an address that no pointer can
 * have, and where the signal was sent, there is a 0 that says nothing. Source: sigaction(2), SI_KERNEL */
static bool has_address(const struct observation *o) {
    return o->crash.code > 0 && (o->crash.code != SI_KERNEL || o->crash.address);
}

static void bind_result(struct ledger *l, sqlite3_stmt *s, const struct observation *o,
                        const struct judgement *j, int64_t crash_stack) {
    ledger_bind_end(s, o);
    if (o->crash.boundary)
        sqlite3_bind_int64(s, ATTEMPT_BOUNDARY,
                           stored_number(o->crash.frames, o->crash.boundary));
    sqlite3_bind_int64(s, ATTEMPT_STDOUT_BYTES, (int64_t)o->output.stdout_bytes);
    sqlite3_bind_blob(s, ATTEMPT_STDOUT_DIGEST, o->output.stdout_digest, 16,
                      SQLITE_TRANSIENT);
    bind_tristate(s, ATTEMPT_STDOUT_SAME, j->stdout_same);
    bind_tristate(s, ATTEMPT_FILES_SAME, j->files_same);
    AUTO_FREE char *tail = text_utf8(o->output.stderr_tail ? o->output.stderr_tail : "",
                                     o->output.stderr_tail_n);
    store_bind_text(s, ATTEMPT_STDERR_TAIL, tail);
    if (o->crash.signal) {
        sqlite3_bind_int(s, ATTEMPT_CRASH_SIGNAL, o->crash.signal);
        sqlite3_bind_int(s, ATTEMPT_CRASH_CODE, o->crash.code);
        if (has_address(o))
            sqlite3_bind_int64(s, ATTEMPT_CRASH_ADDRESS, (int64_t)o->crash.address);
    }
    if (o->crash.signal || crash_stack) {
        sqlite3_bind_int64(s, ATTEMPT_CRASH_PID, o->crash.pid);
        store_bind_text(s, ATTEMPT_CRASH_EXE, o->crash.exe);
    }
    if (crash_stack)
        sqlite3_bind_int64(s, ATTEMPT_CRASH_STACK_ID, crash_stack);
    sqlite3_bind_int64(s, ATTEMPT_STARTED_UNIX_NS, (int64_t)o->end.started_unix_ns);
    if (o->leaks.known) {
        sqlite3_bind_int64(s, ATTEMPT_LEAKED, (int64_t)j->leaked_blocks);
        sqlite3_bind_int64(s, ATTEMPT_LEAKED_BYTES, (int64_t)j->leaked_bytes);
    }
    if (o->damage.kind)
        bind_damage(l, s, &o->damage);
    sqlite3_bind_int(s, ATTEMPT_SILENT, j->silent);
    sqlite3_bind_int(s, ATTEMPT_EXPLORED, 0);
    sqlite3_bind_int(s, ATTEMPT_INFERRED, o->inferred);
    if (o->output.checked)
        sqlite3_bind_int(s, ATTEMPT_OUTPUT_CHECK, o->output.check);
    bind_differences(s, ATTEMPT_DIFFERS, j);
    if (o->end.timed_out) {
        store_bind_text(s, ATTEMPT_HANG, hang_name(o->end.hang));
        store_bind_text(s, ATTEMPT_HANG_CALL,
                        o->end.hang_call[0] ? o->end.hang_call : NULL);
    }
}

/* ledger_leak_sites() has made their rows. */
static int store_leaks(struct ledger *l, int64_t attempt_id,
                       const struct observation *o) {
    int r = 0;
    for (uint32_t i = 0; i < o->leaks.n && r == 0; i++) {
        sqlite3_bind_int64(l->leak, LEAK_ATTEMPT_ID, attempt_id);
        store_bind_key(l->leak, LEAK_SITE_KEY, o->leaks.sites[i].site);
        sqlite3_bind_int64(l->leak, LEAK_BLOCKS, (int64_t)o->leaks.sites[i].blocks);
        sqlite3_bind_int64(l->leak, LEAK_BYTES, (int64_t)o->leaks.sites[i].bytes);
        sqlite3_bind_int64(l->leak, LEAK_DIRECT, (int64_t)o->leaks.sites[i].direct);
        r = store_step_done(l->store, l->leak);
    }
    return r;
}

static bool is_left(const struct observation *o, struct dearth_key key) {
    for (uint32_t i = 0; i < o->leaks.n; i++)
        if (key_equal(o->leaks.sites[i].site, key))
            return true;
    return false;
}

static int store_leak_sites(struct ledger *l, struct session *session,
                            const struct observation *o) {
    struct session_site_cache *cache = session_site_cache_new(session, l->store);
    if (!cache)
        return -EIO;
    int64_t r = 0;
    struct session_leaks at = {0};
    for (const struct shm_leaks *leaks;
         r >= 0 && (leaks = session_leaks_next(session, &at));) {
        const struct shm_process *process = session_block(session, leaks->process);
        uint32_t n = process ? session_leaks_entries(leaks) : 0;
        for (uint32_t k = 0; k < n && r >= 0; k++) {
            uint32_t node_id = leaks->leaks[k].node;
            const struct shm_node *node = session_node(session, process, node_id);
            if (node && is_left(o, node->key))
                r = session_store_site(cache, process, node_id);
        }
    }
    session_site_cache_free(cache);
    return r < 0 ? (int)r : 0;
}

int ledger_leak_sites(struct ledger *l, const struct observation *seen,
                      struct session *session) {
    int r = seen->leaks.n ? ledger_batch_begin(l) : 0;
    if (r < 0 || !seen->leaks.n)
        return r;
    r = store_leak_sites(l, session, seen);
    if (r < 0)
        ledger_batch_drop(l);
    return r;
}

void ledger_failed_stacks(struct ledger *l, const struct order *order,
                          const struct observation *seen, struct failed_stacks *out) {
    *out = (struct failed_stacks){0};
    if (seen->crash.n_frames &&
        (l->failed || failed_prepare(l->store, &l->failed) == 0) &&
        (l->reader || frames_reader_new(l->store, &l->reader) == 0))
        failed_load(l->store, l->failed, l->reader, order, seen, out);
}

int ledger_site_stack(struct ledger *l, int64_t site_id, struct frames *out) {
    *out = (struct frames){0};
    int r = l->reader ? 0 : frames_reader_new(l->store, &l->reader);
    AUTO_FREE char *sql =
        text_format("SELECT stack_id FROM site WHERE id = %lld", (long long)site_id);
    return r < 0 ? r : frames_load(l->reader, store_int(l->store, sql, 0), out);
}

static int store_site_of_end(struct ledger *l, struct session *session,
                             struct session_site_cache *cache, struct dearth_key key,
                             uint32_t process_id, uint32_t node) {
    if (site_of(l, key))
        return 0;
    const struct shm_process *process = session_block(session, process_id);
    return process ? session_store_site(cache, process, node) : 0;
}

/* Only of what went wrong: the others are many, and nobody asks. */
int ledger_end_sites(struct ledger *l, const struct observation *seen,
                     struct session *session) {
    const bool last = seen->proof.last_known && seen->crash.signal;
    const bool block = seen->damage.allocator_known;
    if (!last && !block)
        return 0;
    int64_t r = ledger_batch_begin(l);
    if (r < 0)
        return (int)r;
    struct session_site_cache *cache = session_site_cache_new(session, l->store);
    r = cache ? 0 : -EIO;
    if (r >= 0 && last)
        r = store_site_of_end(l, session, cache, seen->proof.last,
                              seen->proof.last_process, seen->proof.last_node);
    if (r >= 0 && block)
        r = store_site_of_end(l, session, cache, seen->damage.allocator,
                              session->arena->damage.process,
                              session->arena->damage.node);
    session_site_cache_free(cache);
    if (r < 0)
        ledger_batch_drop(l);
    return r < 0 ? (int)r : 0;
}

int ledger_failed_sites(struct ledger *l, const struct observation *seen,
                        struct session *session) {
    int64_t r = seen->proof.n_failed ? ledger_batch_begin(l) : 0;
    if (r < 0 || !seen->proof.n_failed)
        return (int)r;
    struct session_site_cache *cache = session_site_cache_new(session, l->store);
    const struct shm_chance *chance = &session->arena->chance;
    for (uint32_t i = 0; cache && i < SHM_CHANCE_LOG && r >= 0; i++) {
        const struct shm_chance_failed *f = &chance->failed[i];
        const struct shm_process *process = f->state && !seen->proof.overwritten
                                                ? session_block(session, f->process)
                                                : NULL;
        if (process)
            r = session_store_site(cache, process, f->node);
    }
    if (!cache)
        r = -EIO;
    session_site_cache_free(cache);
    if (r < 0)
        ledger_batch_drop(l);
    return r < 0 ? (int)r : 0;
}

/* The site of the call that failed last, whose row ledger_failed_sites() has made. */
static int name_by_chance(struct ledger *l, const struct observation *seen,
                          struct order *order) {
    if (!seen->proof.n_failed)
        return -ENOENT;
    const struct failed_call *last = &seen->proof.failed[seen->proof.n_failed - 1];
    order->site_id = site_of(l, last->site);
    if (!order->site_id)
        return store_error(l->store, "looking for the site that failed");
    order->site = last->site;
    order->occurrence = last->occurrence ? last->occurrence : 1;
    return 0;
}

static void bind_chance(sqlite3_stmt *s, const struct order *order,
                        const struct observation *seen) {
    if (order->mode != MODE_CHANCE)
        return;
    AUTO_FREE char *chance = chance_row_text(&order->chance);
    AUTO_FREE char *failed = chance_row_failed(seen);
    store_bind_text(s, ATTEMPT_CHANCE, chance);
    store_bind_text(s, ATTEMPT_FAILED, failed);
}

static void bind_last(struct ledger *l, sqlite3_stmt *s, const struct observation *seen) {
    int64_t last =
        seen->proof.last_known && seen->crash.signal ? site_of(l, seen->proof.last) : 0;
    if (last)
        sqlite3_bind_int64(s, ATTEMPT_LAST_SITE_ID, last);
}

/* Said once. */
static int note_overwritten(struct ledger *l) {
    return l->overwritten++
               ? 0
               : ledger_note(
                     l, "arena_overwritten", NULL,
                     "after an injected failure the program wrote over the memory "
                     "that it shares with dearth (a stray write, or a write through "
                     "a wild pointer): such attempts were made twice, and have a "
                     "verdict only where a proof out of its reach says that the "
                     "call failed; what they leaked is not known");
}

int ledger_attempt(struct ledger *l, const struct order *given,
                   const struct observation *seen, const struct judgement *judgement,
                   int64_t *attempt_id) {
    struct order named = *given;
    const struct order *order = &named;
    int r = ledger_batch_begin(l);
    if (r == 0 && named.mode == MODE_CHANCE)
        r = name_by_chance(l, seen, &named);
    if (r < 0)
        return r;
    int64_t stack = store_stack(l, seen->crash.frames, seen->crash.n_frames);
    int64_t sample =
        store_stack(l, seen->crash.sample_frames, seen->crash.n_sample_frames);
    if (stack < 0 || sample < 0) {
        ledger_batch_drop(l);
        return (int)(stack < 0 ? stack : sample);
    }
    sqlite3_stmt *s = seen->how == HOW_SNAPSHOT ? l->unchecked : l->attempt;
    sqlite3_bind_int64(s, ATTEMPT_REPLAY_ID, l->replay_id);
    bind_fault(s, order, seen, judgement);
    bind_scope(l, s, order, seen);
    bind_result(l, s, seen, judgement, stack);
    bind_chance(s, order, seen);
    bind_last(l, s, seen);
    if (sample)
        sqlite3_bind_int64(s, ATTEMPT_SAMPLE_STACK_ID, sample);
    int64_t id = ++l->last_attempt;
    sqlite3_bind_int64(s, ATTEMPT_ID, id);
    r = store_step_done(l->store, s);
    if (attempt_id)
        *attempt_id = id;
    if (r == 0)
        r = store_leaks(l, id, seen);
    if (r == 0 && seen->proof.overwritten)
        r = note_overwritten(l);
    if (r < 0)
        ledger_batch_drop(l);
    return r < 0 || ledger_due_ms(l) > 0 ? r : ledger_flush(l);
}

int ledger_check(struct ledger *l, int64_t attempt_id) {
    int r = ledger_batch_begin(l);
    if (r < 0)
        return r;
    sqlite3_bind_int64(l->check, 1, attempt_id);
    sqlite3_bind_int64(l->drop_checked, 1, attempt_id);
    r = store_step_done(l->store, l->check);
    if (r == 0)
        r = store_step_done(l->store, l->drop_checked);
    if (r < 0)
        ledger_batch_drop(l);
    return r;
}

/* Sites of ordinary runs come up after a failure too: their rows say so. */
int ledger_explored(struct ledger *l, int64_t attempt_id, struct session *session) {
    int r = ledger_batch_begin(l);
    if (r == 0)
        r = ledger_count_sites(
            l, attempt_id, session, SHM_NODE_AFTER_FAULT,
            "INSERT INTO error_path (attempt_id, count, site_id) SELECT ?, "
            "?, id FROM site WHERE id = ? AND error_path "
            "ON CONFLICT DO UPDATE SET count = count + excluded.count");
    if (r == 0) {
        sqlite3_bind_int64(l->explored, 1, attempt_id);
        r = store_step_done(l->store, l->explored);
    }
    if (r < 0)
        ledger_batch_drop(l);
    return r < 0 || ledger_due_ms(l) > 0 ? r : ledger_flush(l);
}

/* The id is not given away again (see last_attempt), so that being told twice does no harm. */
int ledger_forget(struct ledger *l, int64_t attempt_id) {
    AUTO_FREE char *sql = text_format("DELETE FROM leak WHERE attempt_id = %1$lld; "
                                      "DELETE FROM error_path WHERE attempt_id = %1$lld; "
                                      "DELETE FROM attempt WHERE id = %1$lld",
                                      (long long)attempt_id);
    AUTO_FREE char *unchecked = text_format(
        "DELETE FROM unchecked_attempt WHERE id = %lld", (long long)attempt_id);
    int r = store_exec(l->store, sql);
    int n = sqlite3_changes(l->store->db);
    if (r == 0)
        r = store_exec(l->store, unchecked);
    return r < 0 ? r : n + sqlite3_changes(l->store->db) > 0;
}
