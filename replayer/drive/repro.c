/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth repro`: show a finding again.
 *
 *   finding ─ attempt (the evidence) ─► order ─┐
 *   recording ─► conditions ──────────────────┼─► runner ─► observation ─► verdict: the same?
 *   replay ─► isolation, limit, baseline ─────┘
 *
 * The program runs as in the replay, its output captured and passed on when it ends: the
 * verdict rests on that output (a message of malloc's, a line that is missing), and it
 * must be reached in the same way to be compared. Under a debugger the terminal is the
 * user's and nothing is judged.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baseline.h"
#include "chance.h"
#include "cli.h"
#include "commands.h"
#include "conditions.h"
#include "error.h"
#include "frames.h"
#include "isolation.h"
#include "leaks.h"
#include "output.h"
#include "output_check.h"
#include "replay_private.h"
#include "report_text.h"
#include "runner.h"
#include "store.h"
#include "store_owner.h"
#include "text.h"
#include "trust.h"
#include "under.h"
#include "written.h"

#define DEFAULT_LIMIT_NS 60000000000u
#define STDOUT_CAP       (64u << 20)
#define OUTPUT_LIMIT     (256u << 20)

/* What the database knows about the finding. */
struct evidence {
    int64_t finding_id, recording_id, replay_id;
    char *verdict;  /* of the finding */
    char *shown;    /* of the attempt that is its evidence */
    char *location; /* of the fault, for people */
    char *op;
    char *second_op, *second_location; /* of a pair; else NULL */
    struct order order;
    enum isolation isolation; /* that the attempt had */
    struct namespaces apart;
    bool traced;
    uint64_t time_limit_ns;
    struct leaked_site *leaks; /* what it must leak again, the first above all */
    char **leak_places;
    uint32_t n_leaks;
    char *output_check; /* NULL = none */
    struct dearth_key *chance_sites;
    /* of a sweep */
    bool sweep;
    char *drive, *health; /* NULL = none */
    uint64_t ready_timeout_ns, loop_ns;
};

static void evidence_deinit(struct evidence *e) {
    free(e->verdict);
    free(e->shown);
    free(e->location);
    free(e->op);
    for (uint32_t i = 0; i < e->n_leaks; i++)
        free(e->leak_places[i]);
    free(e->leak_places);
    free(e->leaks);
    free(e->output_check);
    free(e->drive);
    free(e->health);
    free(e->second_op);
    free(e->chance_sites);
    free(e->second_location);
    *e = (struct evidence){0};
}

struct repro_options {
    const char *path;
    int64_t id, tries;
    bool gdb, print, trust;
    int valgrind;      /* --under valgrind, whatever the attempt ran under */
    int isolation;     /* enum isolation; whatever the attempt had */
    char *const *argv; /* of a program recorded with --no-argv */
};

/* --- reading --- */

#define EVIDENCE_COLUMNS(X)                                                              \
    X(EVIDENCE_RECORDING_ID, "r.recording_id")                                           \
    X(EVIDENCE_REPLAY_ID, "r.id")                                                        \
    X(EVIDENCE_FINDING_VERDICT, "f.verdict")                                             \
    X(EVIDENCE_SHOWN, "a.verdict")                                                       \
    X(EVIDENCE_SITE_ID, "a.site_id")                                                     \
    X(EVIDENCE_OCCURRENCE, "a.occurrence")                                               \
    X(EVIDENCE_MODE, "a.mode")                                                           \
    X(EVIDENCE_BURST, "a.burst")                                                         \
    X(EVIDENCE_KEY, "s.key")                                                             \
    X(EVIDENCE_OP, "s.op")                                                               \
    X(EVIDENCE_LEAF_MODULE, "m.build_id")                                                \
    X(EVIDENCE_LEAF_OFFSET, "fr.\"offset\"")                                             \
    X(EVIDENCE_ISOLATION, "r.isolation")                                                 \
    X(EVIDENCE_TRACED, "r.traced")                                                       \
    X(EVIDENCE_TIME_LIMIT_NS, "coalesce(r.time_limit_ns, 0)")                            \
    X(EVIDENCE_FUNCTION, "l.function")                                                   \
    X(EVIDENCE_FILE, "l.file")                                                           \
    X(EVIDENCE_LINE, "l.line")                                                           \
    X(EVIDENCE_MODULE, "lm.path")                                                        \
    X(EVIDENCE_OFFSET, "l.\"offset\"")                                                   \
    X(EVIDENCE_SECOND_SITE_ID, "a.second_site_id")                                       \
    X(EVIDENCE_SECOND_OCCURRENCE, "a.second_occurrence")                                 \
    X(EVIDENCE_SECOND_KEY, "s2.key")                                                     \
    X(EVIDENCE_SECOND_OP, "s2.op")                                                       \
    X(EVIDENCE_SECOND_LEAF_MODULE, "m2.build_id")                                        \
    X(EVIDENCE_SECOND_LEAF_OFFSET, "f2.\"offset\"")                                      \
    X(EVIDENCE_SECOND_FUNCTION, "l2.function")                                           \
    X(EVIDENCE_SECOND_FILE, "l2.file")                                                   \
    X(EVIDENCE_SECOND_LINE, "l2.line")                                                   \
    X(EVIDENCE_SECOND_MODULE, "lm2.path")                                                \
    X(EVIDENCE_SECOND_OFFSET, "l2.\"offset\"")                                           \
    X(EVIDENCE_UNDER, "a.under")                                                         \
    X(EVIDENCE_OUTPUT_CHECK, "json_extract(r.options, '$.output_check')")                \
    X(EVIDENCE_DRIVE, "json_extract(r.options, '$.drive')")                              \
    X(EVIDENCE_HEALTH, "json_extract(r.options, '$.health')")                            \
    X(EVIDENCE_READY_TIMEOUT_NS, "json_extract(r.options, '$.ready_timeout_ns')")        \
    X(EVIDENCE_LOOP_NS, "json_extract(r.options, '$.loop_ns')")                          \
    X(EVIDENCE_ARMED, "a.armed")                                                         \
    X(EVIDENCE_ROUNDS, "a.rounds")                                                       \
    X(EVIDENCE_THREAD, "a.thread")                                                       \
    X(EVIDENCE_CALL, "a.call")                                                           \
    X(EVIDENCE_CHANCE, "a.chance")                                                       \
    X(EVIDENCE_SHARE_SIGNALS, "json_extract(r.options, '$.share_signals')")              \
    X(EVIDENCE_SHARE_IPC, "json_extract(r.options, '$.share_ipc')")
enum { EVIDENCE_COLUMNS(STORE_COLUMN_ENUM) };

static const char evidence_sql[] = STORE_SELECT(
    EVIDENCE_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN replay r ON r.id = "
                      "a.replay_id JOIN site s ON s.id = a.site_id LEFT JOIN stack k ON k.id = s.stack_id "
                      "LEFT JOIN frame fr ON fr.id = k.frame_id LEFT JOIN module m ON m.id = fr.module_id "
                      "LEFT JOIN location l ON l.id = s.location_id LEFT JOIN module lm ON lm.id = "
                      "l.module_id LEFT JOIN site s2 ON s2.id = a.second_site_id LEFT JOIN stack k2 ON "
                      "k2.id = s2.stack_id LEFT JOIN frame f2 ON f2.id = k2.frame_id LEFT JOIN module m2 ON "
                      "m2.id = f2.module_id LEFT JOIN location l2 ON l2.id = s2.location_id LEFT JOIN "
                      "module lm2 ON lm2.id = l2.module_id WHERE f.id = ?1";

/* @at: the first of its columns */
static char *read_location(sqlite3_stmt *s, int at) {
    struct frame l = {.function = store_column_text(s, at),
                      .file = store_column_text(s, at + 1),
                      .line = (uint32_t)sqlite3_column_int64(s, at + 2),
                      .module = store_column_text(s, at + 3),
                      .offset = (uint64_t)sqlite3_column_int64(s, at + 4)};
    struct text t = {0};
    frame_add_location(l.module ? &l : NULL, &t);
    return text_take(&t);
}

static struct dearth_key read_module_key(sqlite3_stmt *s, int column) {
    return sqlite3_column_type(s, column) == SQLITE_NULL
               ? (struct dearth_key){0}
               : key_module(sqlite3_column_blob(s, column),
                            (size_t)sqlite3_column_bytes(s, column));
}

static void read_second(struct evidence *e, sqlite3_stmt *s) {
    e->order.second_site_id = sqlite3_column_int64(s, EVIDENCE_SECOND_SITE_ID);
    e->order.second_occurrence =
        (uint64_t)sqlite3_column_int64(s, EVIDENCE_SECOND_OCCURRENCE);
    e->order.second_site = store_column_key(s, EVIDENCE_SECOND_KEY);
    e->order.second_leaf_module = read_module_key(s, EVIDENCE_SECOND_LEAF_MODULE);
    e->order.second_leaf_offset =
        (uint64_t)sqlite3_column_int64(s, EVIDENCE_SECOND_LEAF_OFFSET);
    e->second_op = text_dup(store_column_text(s, EVIDENCE_SECOND_OP));
    e->second_location = read_location(s, EVIDENCE_SECOND_FUNCTION);
}

static void read_sweep(struct evidence *e, sqlite3_stmt *s) {
    const char *armed = store_column_text(s, EVIDENCE_ARMED);
    e->sweep = armed != NULL;
    if (!armed)
        return;
    e->drive = text_dup(store_column_text(s, EVIDENCE_DRIVE));
    e->health = text_dup(store_column_text(s, EVIDENCE_HEALTH));
    e->ready_timeout_ns = (uint64_t)sqlite3_column_int64(s, EVIDENCE_READY_TIMEOUT_NS);
    e->loop_ns = (uint64_t)sqlite3_column_int64(s, EVIDENCE_LOOP_NS);
    e->order.fresh = true;
    e->order.at_start = strcmp(armed, "start") == 0;
    e->order.rounds = (uint32_t)sqlite3_column_int64(s, EVIDENCE_ROUNDS);
}

static void read_row(struct evidence *e, sqlite3_stmt *s) {
    e->recording_id = sqlite3_column_int64(s, EVIDENCE_RECORDING_ID);
    e->replay_id = sqlite3_column_int64(s, EVIDENCE_REPLAY_ID);
    e->verdict = text_dup(store_column_text(s, EVIDENCE_FINDING_VERDICT));
    e->shown = text_dup(store_column_text(s, EVIDENCE_SHOWN));
    e->order = (struct order){
        .site_id = sqlite3_column_int64(s, EVIDENCE_SITE_ID),
        .site = store_column_key(s, EVIDENCE_KEY),
        .leaf_offset = (uint64_t)sqlite3_column_int64(s, EVIDENCE_LEAF_OFFSET),
        .occurrence = (uint64_t)sqlite3_column_int64(s, EVIDENCE_OCCURRENCE),
        .mode = fault_mode_from_name(store_column_text(s, EVIDENCE_MODE)),
        .burst = (uint32_t)sqlite3_column_int(s, EVIDENCE_BURST),
        .under = under_from_name(store_column_text(s, EVIDENCE_UNDER)),
        .thread = thread_role_from_name(store_column_text(s, EVIDENCE_THREAD)),
        .call = (uint64_t)sqlite3_column_int64(s, EVIDENCE_CALL)};
    e->order.leaf_module = read_module_key(s, EVIDENCE_LEAF_MODULE);
    chance_parse(store_column_text(s, EVIDENCE_CHANCE), &e->order.chance);
    e->op = text_dup(store_column_text(s, EVIDENCE_OP));
    e->isolation = isolation_from_name(store_column_text(s, EVIDENCE_ISOLATION));
    e->apart = (struct namespaces){.pids = !sqlite3_column_int(s, EVIDENCE_SHARE_SIGNALS),
                                   .ipc = !sqlite3_column_int(s, EVIDENCE_SHARE_IPC)};
    e->traced = sqlite3_column_int(s, EVIDENCE_TRACED) != 0;
    e->time_limit_ns = (uint64_t)sqlite3_column_int64(s, EVIDENCE_TIME_LIMIT_NS);
    e->output_check = text_dup(store_column_text(s, EVIDENCE_OUTPUT_CHECK));
    e->location = read_location(s, EVIDENCE_FUNCTION);
    read_sweep(e, s);
    if (sqlite3_column_type(s, EVIDENCE_SECOND_SITE_ID) != SQLITE_NULL)
        read_second(e, s);
}

#define LEAK_COLUMNS(X)                                                                  \
    X(LEAK_KEY, "s.key")                                                                 \
    X(LEAK_BLOCKS, "k.blocks")                                                           \
    X(LEAK_BYTES, "k.bytes")                                                             \
    X(LEAK_OP, "s.op")                                                                   \
    X(LEAK_PLACE, "l.name")
enum { LEAK_COLUMNS(STORE_COLUMN_ENUM) };

static void read_leak(struct evidence *e, sqlite3_stmt *s) {
    uint32_t n = e->n_leaks++;
    struct text place = {0};
    e->leaks = text_realloc(e->leaks, (n + 1ull) * sizeof *e->leaks);
    e->leak_places = text_realloc(e->leak_places, (n + 1ull) * sizeof *e->leak_places);
    e->leaks[n] =
        (struct leaked_site){.site = store_column_key(s, LEAK_KEY),
                             .blocks = (uint64_t)sqlite3_column_int64(s, LEAK_BLOCKS),
                             .bytes = (uint64_t)sqlite3_column_int64(s, LEAK_BYTES)};
    text_say(&place, "%s in %s", store_column_text(s, LEAK_OP),
             sqlite3_column_type(s, LEAK_PLACE) == SQLITE_NULL
                 ? "?"
                 : store_column_text(s, LEAK_PLACE));
    e->leak_places[n] = text_take(&place);
}

static int read_leaks(struct store *store, struct evidence *e) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step,
        r = store_prepare(
            store,
            STORE_SELECT(
                LEAK_COLUMNS) "FROM "
                              "finding f JOIN leak k ON k.attempt_id = f.attempt_id "
                              "JOIN site s ON s.id = k.site_id LEFT JOIN location l ON "
                              "l.id = s.location_id WHERE f.id = ?1 AND f.leaked = 1 "
                              "ORDER BY k.direct > 0 DESC, k.bytes DESC, s.key",
            &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, e->finding_id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        read_leak(e, s);
    e->order.leaks = e->n_leaks > 0;
    return step == SQLITE_DONE ? 0 : store_error(store, "reading leaks");
}

static int read_evidence(struct store *store, int64_t id, struct evidence *e) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store, evidence_sql, &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    int step = sqlite3_step(s);
    if (step == SQLITE_DONE)
        return error_print(
            -ENOENT,
            "%s: has no finding %lld; 'dearth report --format text %s' lists them",
            store->path, (long long)id, store->path);
    if (step != SQLITE_ROW)
        return store_error(store, "reading the finding");
    e->finding_id = id;
    read_row(e, s);
    r = e->order.chance.n_sites
            ? chance_load_sites(store, e->replay_id, &e->order.chance, &e->chance_sites)
            : 0;
    return r < 0 ? r : read_leaks(store, e);
}

static uint8_t *copy_blob(sqlite3_stmt *s, int column, uint64_t *n) {
    *n = (uint64_t)sqlite3_column_bytes(s, column);
    uint8_t *copy = text_alloc(*n + 1);
    if (*n)
        memcpy(copy, sqlite3_column_blob(s, column), *n);
    return copy;
}

static void copy_digest(sqlite3_stmt *s, int column, uint8_t out[16]) {
    if (sqlite3_column_bytes(s, column) == 16)
        memcpy(out, sqlite3_column_blob(s, column), 16);
}

#define RUN_COLUMNS(X)                                                                   \
    X(RUN_EXIT_CODE, "exit_code")                                                        \
    X(RUN_EXIT_SIGNAL, "exit_signal")                                                    \
    X(RUN_TIMED_OUT, "timed_out")                                                        \
    X(RUN_DURATION_NS, "duration_ns")                                                    \
    X(RUN_STDOUT, "stdout")                                                              \
    X(RUN_STDOUT_BYTES, "stdout_bytes")                                                  \
    X(RUN_STDOUT_DIGEST, "stdout_digest")                                                \
    X(RUN_STDERR, "stderr")                                                              \
    X(RUN_FILES_DIGEST, "files_digest")                                                  \
    X(RUN_ID, "id")
enum { RUN_COLUMNS(STORE_COLUMN_ENUM) };

static void read_run(sqlite3_stmt *s, struct observation *o) {
    o->proof.attached = true;
    o->end.exit_code = sqlite3_column_type(s, RUN_EXIT_CODE) == SQLITE_NULL
                           ? -1
                           : sqlite3_column_int(s, RUN_EXIT_CODE);
    o->end.exit_signal = sqlite3_column_int(s, RUN_EXIT_SIGNAL);
    o->end.timed_out = sqlite3_column_int(s, RUN_TIMED_OUT) != 0;
    o->end.duration_ns = (uint64_t)sqlite3_column_int64(s, RUN_DURATION_NS);
    o->output.stdout_data = copy_blob(s, RUN_STDOUT, &o->output.stdout_kept);
    o->output.stdout_bytes = (uint64_t)sqlite3_column_int64(s, RUN_STDOUT_BYTES);
    copy_digest(s, RUN_STDOUT_DIGEST, o->output.stdout_digest);
    o->output.stderr_tail = (char *)copy_blob(s, RUN_STDERR, &o->output.stderr_tail_n);
    o->output.stderr_bytes = o->output.stderr_tail_n;
    o->output.files_known = sqlite3_column_bytes(s, RUN_FILES_DIGEST) == 16;
    copy_digest(s, RUN_FILES_DIGEST, o->output.files_digest);
}

#define FILE_COLUMNS(X)                                                                  \
    X(FILE_PATH, "path")                                                                 \
    X(FILE_MODE, "mode")                                                                 \
    X(FILE_SIZE, "size")                                                                 \
    X(FILE_DIGEST, "digest")                                                             \
    X(FILE_EXISTED, "existed")
enum { FILE_COLUMNS(STORE_COLUMN_ENUM) };

/* By their digests: what they held is not stored, so that contents that vary are not
 * compared. */
static int read_files(struct store *store, int64_t baseline_id, struct observation *o) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store,
                          STORE_SELECT(FILE_COLUMNS) "FROM baseline_file WHERE "
                                                     "baseline_id = ?1 ORDER BY path",
                          &s);
    int step = SQLITE_DONE;
    if (r == 0)
        sqlite3_bind_int64(s, 1, baseline_id);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        o->output.files = text_realloc(o->output.files,
                                       (o->output.n_files + 1) * sizeof *o->output.files);
        struct written_file *f = &o->output.files[o->output.n_files++];
        *f = (struct written_file){.path = text_dup(store_column_text(s, FILE_PATH)),
                                   .mode = (uint32_t)sqlite3_column_int64(s, FILE_MODE),
                                   .size = (uint64_t)sqlite3_column_int64(s, FILE_SIZE),
                                   .existed = sqlite3_column_int(s, FILE_EXISTED) != 0};
        copy_digest(s, FILE_DIGEST, f->digest);
    }
    if (r == 0 && step != SQLITE_DONE)
        r = store_error(store, "reading the files of a baseline run");
    return r;
}

/* The runs without a fault of the replay that made the finding. @runs: free each and all.
 */
static int read_runs(struct store *store, int64_t replay_id, struct observation **runs,
                     uint32_t *n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r =
        store_prepare(store,
                      STORE_SELECT(RUN_COLUMNS) "FROM baseline"
                                                " WHERE replay_id = ?1 ORDER BY ordinal",
                      &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, replay_id);
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        *runs = text_realloc(*runs, (*n + 1) * sizeof **runs);
        (*runs)[*n] = (struct observation){0};
        read_run(s, &(*runs)[*n]);
        r = read_files(store, sqlite3_column_int64(s, RUN_ID), &(*runs)[(*n)++]);
        if (r < 0)
            return r;
    }
    if (step != SQLITE_DONE)
        return store_error(store, "reading baseline runs");
    return *n ? 0
              : error_print(
                    -ENODATA,
                    "%s: replay %lld has no baseline runs to compare with; replay again",
                    store->path, (long long)replay_id);
}

/* --- showing --- */

/* "malloc in f (f.c:3) fails, call 1 of site K, and ..." */
static void add_fault(const struct evidence *e, struct text *t) {
    char key[DEARTH_KEY_HEX + 1];
    text_key(e->order.site, key);
    text_say(t, "%s in %s fails, call %llu of site %s", e->op, e->location,
             (unsigned long long)e->order.occurrence, key);
    if (e->order.thread != THREAD_ANY)
        text_addf(t, " %s", thread_role_phrase(e->order.thread));
    if (e->order.mode == MODE_CHANCE)
        text_addf(t,
                  ", as the last of what fails by chance (dearth replay --probability %g "
                  "--seed %llu)",
                  e->order.chance.probability, (unsigned long long)e->order.chance.seed);
    if (e->order.call)
        text_addf(t, ", call %llu of the run", (unsigned long long)e->order.call);
    if (e->order.mode == MODE_STICKY)
        text_add(t, ", and every allocation after it");
    else if (e->order.mode == MODE_BURST)
        text_addf(t, ", and the %u allocations after it", e->order.burst - 1);
    if (!e->order.second_site_id)
        return;
    text_key(e->order.second_site, key);
    text_say(t, ", then %s in %s, call %llu of site %s after that", e->second_op,
             e->second_location, (unsigned long long)e->order.second_occurrence, key);
}

static void say_fault(const struct evidence *e) {
    AUTO_TEXT struct text t = {0};
    add_fault(e, &t);
    error_tell("finding %lld, %s: %s%s", (long long)e->finding_id, e->verdict, t.data,
               e->order.under == UNDER_GUARDED ? "; with guarded blocks" : "");
}

static void add_comment(struct text *t, const char *what, const char *command) {
    if (!command)
        return;
    text_addf(t, "# %s: sh -c ", what);
    text_add_shell_shown(t, command);
    text_add(t, "\n");
}

static void print_sweep(const struct evidence *e, struct text *t) {
    add_comment(t, "It serves when this ends with 0", e->health);
    add_comment(t, "It is driven by", e->drive);
    text_addf(t, "# The failure can come up %s; it is driven %u more times without.\n",
              e->order.at_start ? "from its start until it serves"
                                : "while it is driven, not at its start",
              e->drive ? e->order.rounds : 0);
}

static void add_isolation(const struct evidence *e, struct text *t) {
    if (e->isolation == ISOLATION_COPY || e->isolation == ISOLATION_SHARED)
        text_addf(t, " --isolation %s", isolation_name(e->isolation));
    text_add(t, "\n");
}

static void print_command(const struct evidence *e, const struct conditions *c,
                          const char *path) {
    AUTO_TEXT struct text t = {0};
    text_addf(&t, "# The recorded command, without the fault:\n(cd ");
    text_add_shell_shown(&t, c->cwd);
    text_add(&t, " && exec");
    for (char **a = c->argv; *a; a++) {
        text_add(&t, " ");
        text_add_shell_shown(&t, *a);
    }
    text_add(&t, c->stdin_path && !c->stdin_is_ours ? " <" : " </dev/null");
    if (c->stdin_path && !c->stdin_is_ours)
        text_add_shell_shown(&t, c->stdin_path);
    if (c->stdin_is_ours)
        text_add(&t, " # recorded with a pipe as its standard input");
    text_add(&t, ")\n# The fault: ");
    add_fault(e, &t);
    text_addf(&t, "; mode %s.\n", fault_mode_name(e->order.mode));
    if (e->sweep)
        print_sweep(e, &t);
    text_addf(&t, "# With the fault%s:\ndearth repro ",
              e->sweep ? "" : "; and stopped at the failing call");
    text_add_shell_shown(&t, path);
    text_addf(&t, " %lld", (long long)e->finding_id);
    add_isolation(e, &t);
    if (!e->sweep) {
        text_add(&t, "dearth repro --gdb ");
        text_add_shell_shown(&t, path);
        text_addf(&t, " %lld", (long long)e->finding_id);
        add_isolation(e, &t);
    }
    fputs(t.data, stdout);
}

/* What the program printed, on the same streams; then what is to be said about it. Return: 0, or a
 * negative errno after a message when standard output does not take it. */
static int pass_output(const struct observation *seen) {
    fwrite(seen->output.stdout_data, 1, seen->output.stdout_kept, stdout);
    int r = output_flush();
    if (seen->output.stderr_bytes > seen->output.stderr_tail_n)
        error_tell("the last %llu bytes of its stderr:",
                   (unsigned long long)seen->output.stderr_tail_n);
    fwrite(seen->output.stderr_tail, 1, seen->output.stderr_tail_n, stderr);
    if (seen->output.stderr_tail_n &&
        seen->output.stderr_tail[seen->output.stderr_tail_n - 1] != '\n')
        fputc('\n', stderr);
    return r;
}

static void say_end(const struct observation *seen) {
    char name[24];
    if (seen->served.driven && seen->served.unhealthy)
        error_tell("it lived but did not serve, and was stopped");
    else if (seen->served.driven && seen->served.outlived)
        error_tell("it lives; %s status %d",
                   seen->served.loop ? "its loop goes on,"
                                     : "the drive command ended with",
                   seen->end.exit_code);
    else if (seen->end.timed_out)
        error_tell("it was stopped: past its time limit");
    else if (seen->end.exit_signal)
        error_tell("it was killed by %s", signal_name(seen->end.exit_signal, name));
    else
        error_tell("it ended with status %d", seen->end.exit_code);
    AUTO_TEXT struct text t = {0};
    const uint32_t most = 12;
    if (seen->crash.signal && seen->crash.n_frames)
        text_say(&t, "dearth: %s at\n", signal_name(seen->crash.signal, name));
    else if (seen->crash.n_frames)
        text_add(&t, "dearth: it was at\n");
    for (uint32_t i = 0; i < seen->crash.n_frames && i < most; i++) {
        const struct crash_frame *f = &seen->crash.frames[i];
        text_say(&t, "    %s (%s+0x%llx)\n", f->function ? f->function : "?",
                 text_basename(f->module ? f->module : "?"),
                 (unsigned long long)f->offset);
    }
    if (seen->crash.n_frames > most)
        text_addf(&t, "    ... %u more\n", seen->crash.n_frames - most);
    if (t.n)
        fputs(t.data, stderr);
}

/* --- running --- */

/* Before anything runs. A weaker isolation is not taken over from the replay: it is for who runs
 * this to choose. */
static void say_isolation(const struct evidence *e, const struct conditions *c,
                          const struct tree_facts *tree) {
    const char *kind;
    AUTO_FREE char *text = isolation_warning(tree, c->cwd, &kind);
    if (text)
        error_warn("%s", text);
    if (e->isolation != tree->isolation)
        error_info("the attempt ran with --isolation %s, this runs with %s",
                   isolation_name(e->isolation), isolation_name(tree->isolation));
}

static int start(const struct repro_options *options, const struct evidence *e,
                 const struct conditions *c, const struct baseline *baseline,
                 struct runner **out) {
    struct runner_options o = conditions_options(c);
    o.jobs = 1;
    o.time_limit_ns = e->time_limit_ns ? e->time_limit_ns : DEFAULT_LIMIT_NS;
    o.stdout_cap = STDOUT_CAP;
    o.output_limit = OUTPUT_LIMIT;
    o.output_check = options->gdb ? NULL : e->output_check;
    if (o.output_check)
        o.stdout_cap = OUTPUT_CHECK_BYTES;
    o.baseline_stdout = baseline->stdout_data;
    o.baseline_stdout_bytes = baseline->stdout_kept;
    o.baseline_exit_code = baseline->exit_code;
    o.sweep = e->sweep;
    o.drive = e->drive;
    o.health = e->health;
    o.ready_timeout_ns = e->ready_timeout_ns;
    o.loop_ns = e->loop_ns;
    if (e->sweep)
        o.time_limit_ns *= 3; /* as in the replay, for a program of its own */
    o.isolation = (enum isolation)options->isolation;
    o.apart = e->apart;
    o.traced = e->traced && !options->gdb;
    o.keep_stdio = options->gdb;
    o.debugger = options->gdb ? "gdb" : NULL;
    o.chance_sites = e->chance_sites;
    o.n_chance_sites = e->order.chance.n_sites;
    int err = runner_new(&o, out);
    if (err == 0)
        say_isolation(e, c, runner_tree(*out));
    return err;
}

/* One execution. Return: 1 with @seen, 0 interrupted, or a negative errno after a
 * message. */
static int execute(struct runner *runner, const struct order *order,
                   struct observation *seen) {
    const struct session *session;
    uint64_t tag;
    int r = runner_submit(runner, order, 1);
    while (r == 0 && !interrupt_wanted())
        r = runner_wait(runner, 200, &tag, seen, &session);
    if (r > 0 && seen->end.start_error)
        r = error_print_errno(-seen->end.start_error,
                              "the program cannot be started again");
    return r;
}

static const struct leaked_site *find_leak(const struct observation *seen,
                                           struct dearth_key site) {
    for (uint32_t i = 0; i < seen->leaks.n; i++)
        if (key_equal(seen->leaks.sites[i].site, site))
            return &seen->leaks.sites[i];
    return NULL;
}

/* Did the block leak again that the others hang on? */
static bool judge_leaks(const struct evidence *e, const struct observation *seen) {
    if (!seen->leaks.known) {
        error_tell("what leaked is not known: %s", leaks_unknown_text(seen->leaks.state));
        return false;
    }
    for (uint32_t i = 0; i < e->n_leaks; i++) {
        const struct leaked_site *leak = find_leak(seen, e->leaks[i].site);
        char bytes[16];
        if (leak)
            error_tell("leaked: %llu block%s, %s, by %s",
                       (unsigned long long)leak->blocks, leak->blocks == 1 ? "" : "s",
                       text_bytes(leak->bytes, bytes), e->leak_places[i]);
    }
    const struct leaked_site *first = find_leak(seen, e->leaks[0].site);
    return first && first->blocks >= e->leaks[0].blocks;
}

/* Return: 1 shown, 0 not, or a negative errno. */
static int judge(const struct evidence *e, const struct baseline *baseline,
                 const struct observation *seen) {
    struct judgement j = verdict_judge(baseline, seen, NULL, 0);
    bool shown = strcmp(verdict_name(j.verdict), e->shown) == 0;
    int passed = pass_output(seen);
    if (seen->proof.fired)
        say_end(seen);
    error_tell("%s: %s%s%s", verdict_name(j.verdict), j.reason,
               j.policy ? "; policy " : "", j.policy ? j.policy : "");
    if (e->n_leaks)
        shown = judge_leaks(e, seen) && shown;
    for (uint32_t i = 1; i < j.n_differences; i++)
        error_tell("  and %s%s %s%s%s%s",
                   strcmp(j.differences[i].what, "file") == 0 ? ""
                                                              : j.differences[i].what,
                   j.differences[i].path, difference_meaning(j.differences[i].how),
                   j.differences[i].detail[0] ? " (" : "", j.differences[i].detail,
                   j.differences[i].detail[0] ? ")" : "");
    return passed < 0 ? passed : shown;
}

static int run_judged(const struct repro_options *options, const struct evidence *e,
                      struct runner *runner, const struct baseline *baseline) {
    int64_t tries = 0;
    int r = 0;
    while (r == 0 && tries < options->tries) {
        struct observation seen = {0};
        r = execute(runner, &e->order, &seen);
        tries++;
        if (r > 0)
            r = judge(e, baseline, &seen);
        else if (interrupt_wanted())
            r = error_print(-EINTR, "interrupted");
        observation_deinit(&seen);
    }
    if (r < 0)
        return r == -EINTR ? EXIT_INTERRUPTED : EXIT_CANNOT;
    if (r > 0)
        error_tell("finding %lld showed again", (long long)e->finding_id);
    else
        error_tell("finding %lld did not show again in %lld execution%s; recorded "
                   "was %s%s\n",
                   (long long)e->finding_id, (long long)tries, tries == 1 ? "" : "s",
                   e->shown, e->n_leaks ? " and leaked" : "");
    return r > 0 ? EXIT_OK : EXIT_GATE_FAILED;
}

static int run_debugged(const struct evidence *e, struct runner *runner) {
    struct observation seen = {0};
    error_tell("gdb stops when the allocation has failed; 'finish' twice leads to its "
               "caller\n");
    int r = execute(runner, &e->order, &seen);
    observation_deinit(&seen);
    return r > 0 ? EXIT_OK : interrupt_wanted() ? EXIT_INTERRUPTED : EXIT_CANNOT;
}

static int say_changed(struct store *store, int64_t recording_id) {
    AUTO_FREE char *path = NULL;
    int n = conditions_changed(store, recording_id, &path);
    if (n > 0)
        error_warn("%s is not the file that was recorded; the failure may not come up: "
                   "record and "
                   "replay again",
                   path);
    return n < 0 ? n : 0;
}

static int run(const struct repro_options *options, struct store *store,
               const struct evidence *e, const struct conditions *c) {
    struct observation *runs = NULL;
    struct baseline baseline = {0};
    struct runner *runner = NULL;
    uint32_t n = 0;
    int status = EXIT_CANNOT;
    bool ready = say_changed(store, e->recording_id) == 0 &&
                 (options->gdb || read_runs(store, e->replay_id, &runs, &n) == 0);
    if (ready && n)
        baseline_fold(runs, n, &baseline);
    if (ready && start(options, e, c, &baseline, &runner) == 0) {
        say_fault(e);
        status = options->gdb ? run_debugged(e, runner)
                              : run_judged(options, e, runner, &baseline);
    } else if (interrupt_wanted()) {
        status = EXIT_INTERRUPTED;
    }
    runner_free(runner);
    baseline_deinit(&baseline);
    for (uint32_t i = 0; i < n; i++)
        observation_deinit(&runs[i]);
    free(runs);
    return status;
}

/* As the attempt ran, or as --under says. */
static int prepare_under(const struct repro_options *options, struct evidence *e,
                         struct conditions *c) {
    AUTO_FREE char *said = NULL;
    if (options->valgrind && e->order.under != UNDER_VALGRIND) {
        e->order.under = UNDER_VALGRIND;
        e->time_limit_ns *= under_slowdown(UNDER_VALGRIND);
        e->traced = false;
    }
    if (e->sweep && (options->gdb || options->valgrind))
        return error_print(-EINVAL,
                           "finding %lld is of a program that serves: neither --gdb nor "
                           "--under valgrind can show it; --print says how to start and "
                           "drive it by hand",
                           (long long)e->finding_id);
    if (e->order.under == UNDER_VALGRIND && options->gdb)
        return error_print(-EINVAL, "--gdb cannot look into a program under Valgrind");
    int err = options->print ? 0 : under_apply(c, e->order.under, &said);
    if (said)
        error_tell("%s", said);
    return err;
}

/* Printing runs nothing. */
static int check_trust(const struct repro_options *options, struct store *store,
                       const char *stranger, const struct evidence *e) {
    const struct trust trust = {.store = store,
                                .stranger = stranger,
                                .recording_id = e->recording_id,
                                .replay_id = e->replay_id,
                                .drive = e->drive,
                                .health = e->health,
                                .output_check = options->gdb ? NULL : e->output_check,
                                .argv = options->argv,
                                .trusted = options->trust};
    return options->print ? 0 : trust_check(&trust);
}

static int repro(const struct repro_options *options) {
    AUTO_STORE struct store *store = NULL;
    struct evidence e = {0};
    struct conditions c = {0};
    int status = EXIT_CANNOT;
    AUTO_FREE char *stranger =
        access(options->path, F_OK) == 0 ? store_stranger(options->path) : NULL;
    if (store_new(options->path, STORE_READ, &store) == 0 &&
        read_evidence(store, options->id, &e) == 0 &&
        check_trust(options, store, stranger, &e) == 0 &&
        conditions_init(&c, store, e.recording_id, options->argv) == 0 &&
        prepare_under(options, &e, &c) == 0) {
        status = EXIT_OK;
        if (options->print)
            print_command(&e, &c, options->path);
        else
            status = run(options, store, &e, &c);
    }
    conditions_deinit(&c);
    evidence_deinit(&e);
    return status;
}

/* --- the command --- */

static int take_operands(struct repro_options *o, int n, char **operands) {
    char *end;
    if (n < 1 || n > 2)
        return error_print(-EINVAL,
                           "repro: takes a database and the number of a finding, or the "
                           "number alone (see 'dearth repro --help')");
    if (n == 2)
        o->path = operands[0];
    errno = 0;
    o->id = strtoll(operands[n - 1], &end, 10);
    if (end == operands[n - 1] || *end || errno || o->id < 1)
        return error_print(-EINVAL,
                           "repro: '%s' is not the number of a finding; 'dearth report "
                           "--format text' lists them",
                           operands[n - 1]);
    if (o->tries < 1 || o->tries > 1000000)
        return error_print(-EINVAL, "repro: --tries takes 1 or more");
    return 0;
}

int command_repro(int argc, char **argv) {
    struct repro_options o = {.path = STORE_DEFAULT_PATH, .tries = 1};
    int n_operands, n = 1;
    while (n < argc && strcmp(argv[n], "--") != 0)
        n++;
    if (n < argc && argv[n + 1])
        o.argv = argv + n + 1;
    const struct cli_option table[] = {
        {'g', "gdb", CLI_FLAG, &o.gdb, NULL,
         "run it in gdb, stopped where the allocation has failed; nothing is judged"},
        {0, "tries", CLI_INT, &o.tries, "N",
         "run it up to N times until it shows (default: 1)"},
        {0, "under", CLI_CHOICE, &o.valgrind, NULL,
         "run it as the attempt ran, or under Valgrind's memcheck", "recorded|valgrind"},
        {0, "isolation", CLI_CHOICE, &o.isolation, NULL,
         "how its files are kept apart from yours, as for 'dearth replay' (auto: "
         "overlay, whatever the attempt had)",
         "auto|overlay|copy|shared"},
        {0, "print", CLI_FLAG, &o.print, NULL,
         "print the recorded command and the fault; run nothing"},
        {0, "trust", CLI_FLAG, &o.trust, NULL,
         "run what is stored in a database that others could have written, too"},
        {0},
    };
    const struct cli_command command = {
        "repro", "[options] [FILE] ID [-- PROGRAM ARGUMENTS]",
        "Show a finding again: run the program once with the same failure.",
        "FILE is the database (default: " STORE_DEFAULT_PATH
        "), ID the finding's number in the report. PROGRAM ARGUMENTS are needed only "
        "when the recording was made with --no-argv. The program's output is passed on "
        "when it ends. Exit status: 0 it showed again, 1 it did not, 2 dearth could not "
        "do its job, 130 interrupted.",
        table};
    int r = cli_parse(&command, n, argv, false, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    if (r < 0 || take_operands(&o, n_operands, argv + 1) < 0)
        return EXIT_CANNOT;
    interrupt_install();
    return repro(&o);
}
