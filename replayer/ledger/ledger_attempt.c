/*
 * The ledger's rows of attempts: the fault, the proof, how it ended, its stacks and leaks.
 *
 *   ledger_attempt() ─► attempt                             by a whole program
 *                   └─► unchecked_attempt ─ ledger_check() ─► attempt   by a copy, when its
 *                                                             original has ended as it should
 *   several in one transaction (a batch); a kill loses those of the last 50 ms
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chance.h"
#include "clock.h"
#include "json.h"
#include "ledger_private.h"
#include "session.h"
#include "text.h"

/* A commit costs about as much as ten rows. What a kill may lose is what ended within this time. */
#define BATCH_NS 50000000u

static int prepare_attempt(struct store *store, const char *table, sqlite3_stmt **out) {
    AUTO_FREE char *sql = text_format(
        "INSERT INTO %s (replay_id, site_id, occurrence, mode, burst, how, repeat, "
        "verdict, severity, policy, fired, hits, fired_size, fired_pid, fired_tid, "
        "fired_exe, also_failed, exit_code, exit_signal, timed_out, duration_ns, cpu_ns, "
        "stdout_bytes, stdout_digest, stdout_same, files_same, stderr_tail, "
        "crash_signal, crash_code, crash_address, crash_pid, crash_exe, crash_stack_id, "
        "started_unix_ns, leaked, leaked_bytes, silent, output_check, sample_stack_id, "
        "under, second_site_id, second_occurrence, damage, damage_where, damage_size, "
        "damage_offset, damage_site_id, differs, hang, hang_call, id, thread, call, "
        "armed, rounds, chance, failed, explored) VALUES (?1, ?2, ?3, ?4, ?5, ?34, ?6, "
        "?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, "
        "?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?35, ?36, ?37, ?38, ?39, "
        "?40, ?41, ?42, ?43, ?44, ?45, ?46, (SELECT id FROM site WHERE key = ?47), ?48, "
        "?49, ?50, ?51, ?52, ?53, ?54, ?55, ?56, ?57, 0)",
        table);
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
        r = store_prepare(l->store,
                          "INSERT INTO leak (attempt_id, site_id, blocks, bytes, direct) "
                          "SELECT ?1, id, ?3, ?4, ?5 FROM site WHERE key = ?2",
                          &l->leak);
    if (r == 0)
        r = store_prepare(l->store,
                          "SELECT path FROM module WHERE build_id = ?1 ORDER BY id "
                          "LIMIT 1",
                          &l->module);
    return r;
}

/* --- batches --- */

static int begin_batch(struct ledger *l) {
    if (l->batch_ns)
        return 0;
    int r = store_begin(l->store);
    if (r < 0)
        return r;
    l->batch_ns = clock_mono_ns();
    /* other replays may store attempts in the same database; until the commit none does */
    int64_t last = store_int(l->store,
                             "SELECT max((SELECT coalesce(max(id), 0) FROM attempt), "
                             "(SELECT coalesce(max(id), 0) FROM unchecked_attempt))",
                             0);
    if (last > l->last_attempt)
        l->last_attempt = last;
    return 0;
}

static void drop_batch(struct ledger *l) {
    store_rollback(l->store);
    l->batch_ns = 0;
}

int ledger_due_ms(const struct ledger *l) {
    if (!l->batch_ns)
        return -1;
    uint64_t passed = clock_mono_ns() - l->batch_ns;
    return passed >= BATCH_NS ? 0 : (int)((BATCH_NS - passed) / 1000000u) + 1;
}

int ledger_flush(struct ledger *l) {
    if (!l->batch_ns)
        return 0;
    int r = store_commit(l->store);
    if (r < 0)
        drop_batch(l);
    l->batch_ns = 0;
    return r;
}

/* --- rows --- */

/* The supervisor sees the file behind a mapping (libjq.so.1.0.4), the target the name it
 * was loaded by (libjq.so.1): one module must have one name, the recording's. Return:
 * owned. */
static char *known_path(struct ledger *l, const struct crash_frame *f) {
    const char *path = f->module ? f->module : "[anon]";
    char *known = NULL;
    if (f->build_id_bytes) {
        sqlite3_bind_blob(l->module, 1, f->build_id, (int)f->build_id_bytes,
                          SQLITE_STATIC);
        if (sqlite3_step(l->module) == SQLITE_ROW)
            known = text_dup(store_column_text(l->module, 0));
        sqlite3_reset(l->module);
    }
    return known ? known : text_dup(path);
}

static int compare_frames(const struct crash_frame *a, const struct crash_frame *b) {
    int module = strcmp(a->module ? a->module : "", b->module ? b->module : "");
    return module ? module : a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* A stack too deep to be read whole ends somewhere in its recursion, by chance. Cut it at the
 * outermost call of the smallest frame that recurs, so that the same recursion ends the same
 * way every time. Return: how many frames to keep. */
static uint32_t cut_recursion(const struct crash_frame *all, uint32_t n) {
    uint32_t best = n;
    if (n < OBSERVATION_MAX_FRAMES)
        return n;
    for (uint32_t i = 1; i < n; i++) {
        const struct crash_frame *f = &all[i];
        bool recurs = false;
        for (uint32_t k = 0; k < i && !recurs; k++)
            recurs = compare_frames(f, &all[k]) == 0;
        if (recurs && (best == n || compare_frames(f, &all[best]) <= 0))
            best = i;
    }
    return best == n ? n : best + 1;
}

static int64_t store_stack(struct ledger *l, const struct crash_frame *all,
                           uint32_t n_all) {
    if (!n_all)
        return 0;
    uint32_t n = cut_recursion(all, n_all);
    struct session_frame *frames = text_alloc(n * sizeof *frames);
    for (uint32_t i = 0; i < n; i++) {
        const struct crash_frame *f = &all[i];
        frames[i] = (struct session_frame){.build_id_bytes = f->build_id_bytes,
                                           .module = known_path(l, f),
                                           .offset = f->offset};
        memcpy(frames[i].build_id, f->build_id, sizeof frames[i].build_id);
    }
    int64_t id = session_store_stack(l->store, frames, n);
    for (uint32_t i = 0; i < n; i++)
        free((char *)frames[i].module);
    free(frames);
    return id;
}

static void bind_tristate(sqlite3_stmt *s, int at, int value) {
    if (value >= 0)
        sqlite3_bind_int(s, at, value);
}

static void bind_fault(sqlite3_stmt *s, const struct order *order,
                       const struct observation *o, const struct judgement *j) {
    sqlite3_bind_int64(s, 2, order->site_id);
    sqlite3_bind_int64(s, 3, (int64_t)order->occurrence);
    store_bind_text(s, 4, fault_mode_name(order->mode));
    sqlite3_bind_int64(s, 5, order->burst ? order->burst : 1);
    sqlite3_bind_int64(s, 6, order->repeat);
    store_bind_text(s, 7, verdict_name(j->verdict));
    store_bind_text(s, 8, severity_name(j->severity));
    store_bind_text(s, 9, j->policy);
    sqlite3_bind_int(s, 10, o->fired);
    sqlite3_bind_int64(s, 11, (int64_t)o->hits);
    if (o->fired) {
        sqlite3_bind_int64(s, 12, (int64_t)o->fired_size);
        sqlite3_bind_int64(s, 13, o->fired_pid);
        sqlite3_bind_int64(s, 14, o->fired_tid);
        store_bind_text(s, 15, o->fired_exe);
    }
    sqlite3_bind_int64(s, 16, (int64_t)o->also_failed);
    store_bind_text(s, 34, how_name(o->how));
    store_bind_text(s, 40, under_name(order->under));
    store_bind_text(s, 52, thread_role_name(order->thread));
    if (order->call)
        sqlite3_bind_int64(s, 53, (int64_t)order->call);
    if (o->served) {
        store_bind_text(s, 54, order->at_start ? "start" : "serving");
        sqlite3_bind_int64(s, 55, order->rounds);
    }
    if (order->second_site_id) {
        sqlite3_bind_int64(s, 41, order->second_site_id);
        sqlite3_bind_int64(s, 42, (int64_t)order->second_occurrence);
    }
}

static void bind_damage(sqlite3_stmt *s, const struct damage_seen *damage) {
    store_bind_text(s, 43, damage_name(damage->kind));
    store_bind_text(s, 44, damage_where_name(damage->where));
    if (damage->size)
        sqlite3_bind_int64(s, 45, (int64_t)damage->size);
    sqlite3_bind_int64(s, 46, damage->offset);
    if (damage->allocator_known)
        store_bind_key(s, 47, damage->allocator);
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

static void bind_result(sqlite3_stmt *s, const struct observation *o,
                        const struct judgement *j, int64_t crash_stack) {
    ledger_bind_end(s, 17, o);
    sqlite3_bind_int64(s, 22, (int64_t)o->stdout_bytes);
    sqlite3_bind_blob(s, 23, o->stdout_digest, 16, SQLITE_TRANSIENT);
    bind_tristate(s, 24, j->stdout_same);
    bind_tristate(s, 25, j->files_same);
    AUTO_FREE char *tail =
        text_utf8(o->stderr_tail ? o->stderr_tail : "", o->stderr_tail_n);
    store_bind_text(s, 26, tail);
    if (o->crash_signal) {
        sqlite3_bind_int(s, 27, o->crash_signal);
        sqlite3_bind_int(s, 28, o->crash_code);
        sqlite3_bind_int64(s, 29, (int64_t)o->crash_address);
    }
    if (o->crash_signal || crash_stack) {
        sqlite3_bind_int64(s, 30, o->crash_pid);
        store_bind_text(s, 31, o->crash_exe);
    }
    if (crash_stack)
        sqlite3_bind_int64(s, 32, crash_stack);
    sqlite3_bind_int64(s, 33, (int64_t)o->started_unix_ns);
    if (o->leaks_known) {
        sqlite3_bind_int64(s, 35, (int64_t)j->leaked_blocks);
        sqlite3_bind_int64(s, 36, (int64_t)j->leaked_bytes);
    }
    if (o->damage.kind)
        bind_damage(s, &o->damage);
    sqlite3_bind_int(s, 37, j->silent);
    if (o->output_checked)
        sqlite3_bind_int(s, 38, o->output_check);
    bind_differences(s, 48, j);
    if (o->timed_out) {
        store_bind_text(s, 49, hang_name(o->hang));
        store_bind_text(s, 50, o->hang_call[0] ? o->hang_call : NULL);
    }
}

/* ledger_leak_sites() has made their rows. */
static int store_leaks(struct ledger *l, int64_t attempt_id,
                       const struct observation *o) {
    int r = 0;
    for (uint32_t i = 0; i < o->n_leaks && r == 0; i++) {
        sqlite3_bind_int64(l->leak, 1, attempt_id);
        store_bind_key(l->leak, 2, o->leaks[i].site);
        sqlite3_bind_int64(l->leak, 3, (int64_t)o->leaks[i].blocks);
        sqlite3_bind_int64(l->leak, 4, (int64_t)o->leaks[i].bytes);
        sqlite3_bind_int64(l->leak, 5, (int64_t)o->leaks[i].direct);
        r = store_step_done(l->store, l->leak);
    }
    return r;
}

static bool is_left(const struct observation *o, struct dearth_key key) {
    for (uint32_t i = 0; i < o->n_leaks; i++)
        if (key_equal(o->leaks[i].site, key))
            return true;
    return false;
}

static int store_leak_sites(struct ledger *l, struct session *session,
                            const struct observation *o) {
    struct session_site_cache *cache = session_site_cache_new(session, l->store);
    if (!cache)
        return -EIO;
    int64_t r = 0;
    uint32_t at = session->arena->leaks;
    for (uint32_t i = 0; at && i < SHM_MAX_PROCESSES && r >= 0; i++) {
        const struct shm_leaks *leaks = session_block(session, at);
        const struct shm_process *process =
            leaks ? session_block(session, leaks->process) : NULL;
        for (uint32_t k = 0; process && k < leaks->n && k < SHM_LEAKS_MAX && r >= 0;
             k++) {
            uint32_t node_id = leaks->leaks[k].node;
            const struct shm_node *node = session_node(session, process, node_id);
            if (node && is_left(o, node->key))
                r = session_store_site(cache, process, node_id);
        }
        at = leaks ? leaks->next : 0;
    }
    session_site_cache_free(cache);
    return r < 0 ? (int)r : 0;
}

int ledger_leak_sites(struct ledger *l, const struct observation *seen,
                      struct session *session) {
    int r = seen->n_leaks ? begin_batch(l) : 0;
    if (r < 0 || !seen->n_leaks)
        return r;
    r = store_leak_sites(l, session, seen);
    if (r < 0)
        drop_batch(l);
    return r;
}

int ledger_failed_sites(struct ledger *l, const struct observation *seen,
                        struct session *session) {
    int64_t r = seen->n_failed ? begin_batch(l) : 0;
    if (r < 0 || !seen->n_failed)
        return (int)r;
    struct session_site_cache *cache = session_site_cache_new(session, l->store);
    const struct shm_chance *chance = &session->arena->chance;
    for (uint32_t i = 0; cache && i < SHM_CHANCE_LOG && r >= 0; i++) {
        const struct shm_chance_failed *f = &chance->failed[i];
        const struct shm_process *process =
            f->state && !seen->overwritten ? session_block(session, f->process) : NULL;
        if (process)
            r = session_store_site(cache, process, f->node);
    }
    if (!cache)
        r = -EIO;
    session_site_cache_free(cache);
    if (r < 0)
        drop_batch(l);
    return r < 0 ? (int)r : 0;
}

/* The site of the call that failed last, whose row ledger_failed_sites() has made. */
static int name_by_chance(struct ledger *l, const struct observation *seen,
                          struct order *order) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(l->store, "SELECT id FROM site WHERE key = ?1", &s);
    if (r < 0 || !seen->n_failed)
        return r < 0 ? r : -ENOENT;
    const struct failed_call *last = &seen->failed[seen->n_failed - 1];
    store_bind_key(s, 1, last->site);
    if (sqlite3_step(s) != SQLITE_ROW)
        return store_error(l->store, "looking for the site that failed");
    order->site_id = sqlite3_column_int64(s, 0);
    order->site = last->site;
    order->occurrence = last->occurrence ? last->occurrence : 1;
    return 0;
}

static void bind_chance(sqlite3_stmt *s, const struct order *order,
                        const struct observation *seen) {
    if (order->mode != MODE_CHANCE)
        return;
    AUTO_FREE char *chance = chance_text(&order->chance);
    AUTO_FREE char *failed = chance_failed_text(seen);
    store_bind_text(s, 56, chance);
    store_bind_text(s, 57, failed);
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
    int r = begin_batch(l);
    if (r == 0 && named.mode == MODE_CHANCE)
        r = name_by_chance(l, seen, &named);
    if (r < 0)
        return r;
    int64_t stack = store_stack(l, seen->crash_frames, seen->n_crash_frames);
    int64_t sample = store_stack(l, seen->sample_frames, seen->n_sample_frames);
    if (stack < 0 || sample < 0) {
        drop_batch(l);
        return (int)(stack < 0 ? stack : sample);
    }
    sqlite3_stmt *s = seen->how == HOW_SNAPSHOT ? l->unchecked : l->attempt;
    sqlite3_bind_int64(s, 1, l->replay_id);
    bind_fault(s, order, seen, judgement);
    bind_result(s, seen, judgement, stack);
    bind_chance(s, order, seen);
    if (sample)
        sqlite3_bind_int64(s, 39, sample);
    int64_t id = ++l->last_attempt;
    sqlite3_bind_int64(s, 51, id);
    r = store_step_done(l->store, s);
    if (attempt_id)
        *attempt_id = id;
    if (r == 0)
        r = store_leaks(l, id, seen);
    if (r == 0 && seen->overwritten)
        r = note_overwritten(l);
    if (r < 0)
        drop_batch(l);
    return r < 0 || ledger_due_ms(l) > 0 ? r : ledger_flush(l);
}

int ledger_check(struct ledger *l, int64_t attempt_id) {
    int r = begin_batch(l);
    if (r < 0)
        return r;
    AUTO_FREE char *sql = text_format("DELETE FROM unchecked_attempt WHERE id = %lld",
                                      (long long)attempt_id);
    sqlite3_bind_int64(l->check, 1, attempt_id);
    r = store_step_done(l->store, l->check);
    if (r == 0)
        r = store_exec(l->store, sql);
    if (r < 0)
        drop_batch(l);
    return r;
}

/* Sites of ordinary runs come up after a failure too: their rows say so. */
int ledger_explored(struct ledger *l, int64_t attempt_id, struct session *session) {
    int r = begin_batch(l);
    if (r == 0)
        r = ledger_count_sites(
            l, attempt_id, session, SHM_NODE_AFTER_FAULT,
            "INSERT INTO error_path (attempt_id, site_id, count) SELECT ?1, "
            "id, ?3 FROM site WHERE id = ?2 AND error_path "
            "ON CONFLICT DO UPDATE SET count = count + excluded.count");
    if (r == 0) {
        AUTO_FREE char *sql = text_format(
            "UPDATE attempt SET explored = 1 WHERE id = %lld", (long long)attempt_id);
        r = store_exec(l->store, sql);
    }
    if (r < 0)
        drop_batch(l);
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
