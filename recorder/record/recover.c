/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth recover`: completes recordings whose dearth was killed.
 *
 *   recording 'running' ─► its arena? ─ locked ──► still being recorded: refused
 *                              │      ─ gone ────► sums of what was committed
 *                              └ left ─► collector_resume() ─► rounds ─► rows ─► 'recovered'
 *
 * Nothing that a target wrote before dearth was killed is lost: ring segments are given
 * back only when what was in them is committed. What it did afterwards stands in its rings
 * until these are full; from then on it counts its losses.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector.h"
#include "commands.h"
#include "error.h"
#include "record_row.h"
#include "session.h"
#include "store.h"
#include "store_owner.h"
#include "text.h"

#define MOST_ROUNDS                                                                      \
    64 /* a target that still fills its last segments must not hold us up */

struct recovery {
    struct store *store;
    int64_t id;
    bool sites_only, piped;
    uint64_t sample_bytes;
    char *arena; /* path, NULL = the row names none */
};

static uint64_t events_stored(const struct recovery *r, const char *column) {
    AUTO_FREE char *sql = text_format(
        "SELECT total(%s) FROM process WHERE recording_id = %" PRId64, column, r->id);
    return (uint64_t)store_int(r->store, sql, 0);
}

/* --- out of the rings --- */

static int drain(struct collector *collector) {
    uint64_t n = 1;
    int r = 0, quiet = 0;
    for (int i = 0; r == 0 && quiet < 3 && i < MOST_ROUNDS; i++) {
        r = collector_round(collector, &n);
        quiet = n ? 0 : quiet + 1;
    }
    return r < 0 ? r : collector_finish(collector, false);
}

/* Ends are known by the last event, not by the time at which somebody looked. */
static int set_duration(const struct recovery *r) {
    AUTO_FREE char *sql = text_format(
        "UPDATE recording SET duration_ns = (SELECT max(max(coalesce(p.ended_ns, 0), "
        "coalesce((SELECT max(last_ns) FROM site_stat t WHERE t.process_id = p.id), 0))) "
        "FROM process p WHERE p.recording_id = recording.id) WHERE id = %" PRId64,
        r->id);
    return store_exec(r->store, sql);
}

static void note_rings(const struct recovery *r, const struct collector_totals *t,
                       uint64_t before, uint64_t unmatched) {
    const struct record_notes notes = {r->store, r->id};
    char taken[32], lost[32];
    record_note(
        &notes, "recovered", NULL,
        "dearth was killed while it recorded: %s events were taken from the shared "
        "memory afterwards, %s events were lost",
        text_count(t->events - before, taken), text_count(t->events_lost, lost));
    if (r->sample_bytes)
        record_note(&notes, "frees_unmatched", NULL,
                    "which blocks of the sample were live when dearth was killed is not "
                    "kept: frees, live blocks and peaks per site are those of the last "
                    "commit");
    else if (unmatched)
        record_note(&notes, "frees_unmatched", NULL,
                    "%" PRIu64
                    " frees after dearth was killed could not be matched to the "
                    "blocks that they end, which only --detail=events keeps: frees, live "
                    "blocks and peaks per site are those of the last commit",
                    unmatched);
    record_note_stacks(&notes, t);
    if (t->rings_damaged)
        record_note(&notes, "rings_damaged", NULL, RECORD_NOTE_DAMAGED, t->rings_damaged);
}

static void note_both(const struct recovery *r) {
    const struct record_notes notes = {r->store, r->id};
    AUTO_FREE char *sql = text_format("SELECT count(*) FROM process WHERE \"end\" = "
                                      "'running' AND recording_id = %" PRId64,
                                      r->id);
    int64_t running = store_int(r->store, sql, 0);
    if (running)
        record_note(&notes, "still_running", NULL,
                    "%" PRId64
                    " processes were not seen to end: what they did after this "
                    "is not recorded",
                    running);
    if (r->piped)
        record_note(&notes, "stdin_lost", NULL,
                    "standard input was a pipe, and what it carried died with dearth: "
                    "replays find it empty");
}

static int from_rings(const struct recovery *r, struct session *session) {
    struct collector_options options = {.session = session,
                                        .store = r->store,
                                        .recording_id = r->id,
                                        .sample_bytes = r->sample_bytes,
                                        .keep_events = !r->sites_only};
    struct collector *collector = NULL;
    struct collector_resumed resumed;
    uint64_t before = events_stored(r, "events");
    uint64_t inherited = events_stored(r, "inherited");
    int err = collector_new(&options, &collector);
    if (err == 0)
        err = collector_resume(collector, &resumed);
    if (err == 0)
        err = drain(collector);
    if (err == 0) {
        struct collector_totals t = collector_totals(collector);
        uint64_t unmatched = r->sites_only ? t.inherited - inherited : 0;
        struct record_stdin input = {.kind = "none"};
        struct record_end end = {.totals = &t,
                                 .input = &input,
                                 .session = session,
                                 .interrupted = collector_n_alive(collector) ||
                                                unmatched || t.rings_damaged};
        const struct record_notes notes = {r->store, r->id};
        end.unseen = record_note_unseen(&notes, session);
        err = record_row_end(r->store, r->id, &end);
        if (err == 0)
            err = set_duration(r);
        note_rings(r, &t, before, unmatched);
        note_both(r);
        if (err == 0)
            record_summary(r->store, r->id, &t);
    }
    collector_free(collector);
    return err;
}

/* --- out of the database alone --- */

static int from_disk(const struct recovery *r) {
    const struct record_notes notes = {r->store, r->id};
    AUTO_FREE char *sql = text_format(
        "UPDATE recording SET state = 'recovered', session = NULL, exact = 0, (events, "
        "allocations, frees, failed, bytes, live_blocks, live_bytes, events_lost, "
        "stacks_lost, stacks_truncated, stacks_incomplete, unwind_fallbacks, waited_ns) = "
        "(SELECT sum(events), sum(allocations), sum(frees), sum(failed), sum(bytes), "
        "sum(live_blocks), sum(live_bytes), sum(events_lost), sum(stacks_lost), "
        "sum(stacks_truncated), sum(stacks_incomplete), sum(unwind_fallbacks), "
        "sum(waited_ns) FROM process WHERE recording_id = recording.id) WHERE id = %" PRId64,
        r->id);
    AUTO_FREE char *marks =
        text_format("DELETE FROM ring_mark WHERE process_id IN (SELECT id FROM process "
                    "WHERE recording_id = %" PRId64 ")",
                    r->id);
    int err = store_exec(r->store, sql);
    if (err == 0)
        err = store_exec(r->store, marks);
    if (err < 0)
        return err;
    record_note(
        &notes, "recovered_without_memory", r->arena,
        "dearth was killed while it recorded, and the shared memory is gone: what "
        "was committed is here, what came after that (up to ten seconds, or 65536 "
        "records of a process) is lost");
    note_both(r);
    struct collector_totals t = {.events = events_stored(r, "events"),
                                 .allocations = events_stored(r, "allocations"),
                                 .frees = events_stored(r, "frees"),
                                 .failed = events_stored(r, "failed"),
                                 .bytes = events_stored(r, "bytes"),
                                 .live_blocks = events_stored(r, "live_blocks"),
                                 .live_bytes = events_stored(r, "live_bytes"),
                                 .processes = (uint32_t)events_stored(r, "1")};
    record_summary(r->store, r->id, &t);
    return 0;
}

/* --- one recording --- */

static int recover_one(const struct recovery *r) {
    struct session *session = NULL;
    int err = r->arena ? session_attach(r->arena, &session) : 1;
    if (err < 0)
        return err;
    err = err ? from_disk(r) : from_rings(r, session);
    /* What could not be written is still in the rings: leave them for another try. */
    if (err == 0)
        session_free(session);
    return err;
}

/* --- is the file whole? --- */

/* Pages that belong to the database and that its file does not hold whole. */
struct tail {
    int64_t page; /* bytes */
    int64_t first, n;
    bool *logged; /* [n] */
};

static int64_t big_endian(const uint8_t p[static 4]) {
    return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Read the header of frame @i of the log. Return: is it there, whole, and of this log? */
static bool read_frame(int fd, const uint8_t log[static 32], int64_t i, int64_t page,
                       uint8_t frame[static 24]) {
    off_t at = (off_t)(32 + i * (24 + page));
    uint8_t last;
    return pread(fd, frame, 24, at) == 24 && memcmp(frame + 8, log + 16, 8) == 0 &&
           pread(fd, &last, 1, (off_t)(at + 24 + page - 1)) == 1;
}

/* Find the pages of which the log has a copy that was committed: it stays there alone while a full
 * disk or a reader keeps it out of the file. Source: sqlite.org, WAL-mode File Format. */
static void find_logged(const struct tail *t, int fd) {
    uint8_t log[32], frame[24];
    int64_t committed = 0;
    if (pread(fd, log, sizeof log, 0) != sizeof log || big_endian(log + 8) != t->page)
        return;
    for (int64_t i = 0; read_frame(fd, log, i, t->page, frame); i++)
        if (big_endian(frame + 4))
            committed = i + 1;
    for (int64_t i = 0; i < committed && read_frame(fd, log, i, t->page, frame); i++) {
        int64_t k = big_endian(frame) - t->first;
        if (k >= 0 && k < t->n)
            t->logged[k] = true;
    }
}

/* Return: pages that are neither in the file nor in its log. */
static int64_t count_cut(struct tail *t, int log) {
    const int64_t locks =
        0x40000000 / t->page + 1; /* the page of the locks is never written */
    struct stat st;
    int64_t cut = 0, most = fstat(log, &st) == 0 ? st.st_size / t->page + 1 : 1;
    if (t->n > most) /* whatever a damaged header says */
        return t->n - most;
    t->logged = text_alloc((size_t)t->n * sizeof *t->logged);
    find_logged(t, log);
    for (int64_t k = 0; k < t->n; k++)
        cut += !t->logged[k] && t->first + k != locks;
    free(t->logged);
    return cut;
}

static int check_size(struct store *store, const char *path) {
    int64_t page = store_int(store, "PRAGMA page_size", 4096);
    int64_t pages = store_int(store, "PRAGMA page_count", 0);
    struct stat st;
    if (stat(path, &st) < 0 || st.st_size >= pages * page)
        return 0;
    struct tail t = {
        .page = page, .first = st.st_size / page + 1, .n = pages - st.st_size / page};
    int log = open(sqlite3_filename_wal(sqlite3_db_filename(store->db, "main")),
                   O_RDONLY | O_CLOEXEC);
    int64_t cut = count_cut(&t, log);
    if (log >= 0)
        close(log);
    if (!cut)
        return 0;
    return error_print(-EINVAL,
                       "%s: the file was cut off: it has %lld bytes of %lld, and %lld "
                       "pages of the rest are not in its log either: they are lost. Take "
                       "another copy of it; what can still be read: sqlite3 %s .recover",
                       path, (long long)st.st_size, (long long)(pages * page),
                       (long long)cut, path);
}

static int check_pages(struct store *store, const char *path) {
    if (store_int(store,
                  "SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check <> 'ok'",
                  1) == 0)
        return 0;
    return error_print(-EINVAL,
                       "%s: the file is damaged: it cannot be recovered by dearth; what "
                       "can still be read: sqlite3 %s .recover",
                       path, path);
}

/* A copy that was broken off, a file system that was repaired: SQLite reads what is there and misses
 * nothing. Nothing is written before it is known: folding the log into a file that was cut off would
 * give it its size back, with a hole. Return: 0, or negative after a message. */
static int check_whole(struct store *store, const char *path) {
    int r = store_exec(store, "BEGIN"); /* the log is not begun anew under our eyes */
    if (r < 0)
        return r;
    r = check_size(store, path);
    if (r == 0)
        r = check_pages(store, path);
    sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
    if (r < 0)
        store->ours = false; /* the log stays beside it, as it is */
    return r;
}

/* --- the command --- */

#define RUNNING_COLUMNS(X)                                                               \
    X(RUNNING_ID, "id")                                                                  \
    X(RUNNING_SITES_ONLY, "detail = 'sites'")                                            \
    X(RUNNING_PIPED, "stdin_kind = 'pipe'")                                              \
    X(RUNNING_SAMPLE_BYTES, "coalesce(sample_bytes, 0)")                                 \
    X(RUNNING_ARENA, "session")
enum { RUNNING_COLUMNS(STORE_COLUMN_ENUM) };

static int recover_all(struct store *store, const char *path) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r, n = 0;
    r = store_prepare(
        store,
        STORE_SELECT(RUNNING_COLUMNS) "FROM "
                                      "recording WHERE state = 'running' ORDER BY id",
        &s);
    while (r == 0 && sqlite3_step(s) == SQLITE_ROW) {
        const char *arena = store_column_text(s, RUNNING_ARENA);
        struct recovery recovery = {
            .store = store,
            .id = sqlite3_column_int64(s, RUNNING_ID),
            .sites_only = sqlite3_column_int(s, RUNNING_SITES_ONLY),
            .piped = sqlite3_column_int(s, RUNNING_PIPED),
            .sample_bytes = (uint64_t)sqlite3_column_int64(s, RUNNING_SAMPLE_BYTES),
            .arena = arena ? text_dup(arena) : NULL};
        sqlite3_reset(s); /* the next is the first that is left */
        r = recover_one(&recovery);
        free(recovery.arena);
        n++;
    }
    if (r == 0 && !n)
        error_info("%s: every recording in it is complete", path);
    return r;
}

int command_recover(int argc, char **argv) {
    bool trust = false;
    const struct cli_option options[] = {
        {0, "trust", CLI_FLAG, &trust, NULL,
         "recover into a database that others could have written, too"},
        {0}};
    const struct cli_command command = {
        "recover", "[FILE]",
        "Complete the recordings in FILE (default: dearth.db) whose dearth was killed.",
        "What the program had done before that is in the database or, up to the last "
        "event, in shared memory, which is kept until it is recovered, until the machine "
        "is restarted, or for a day after another dearth found it. The recording's state "
        "becomes 'recovered', and notes say what was taken from the memory and what was "
        "lost. The program itself is not touched: it may still run, unrecorded.\n\n"
        "Exit status 0, or 2 when dearth could not do its job, which includes a "
        "recording that is still going on.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    if (n > 1) {
        error_print(0, "recover: takes one database (see 'dearth recover --help')");
        return EXIT_CANNOT;
    }
    const char *path = n ? argv[1] : STORE_DEFAULT_PATH;
    AUTO_STORE struct store *store = NULL;
    AUTO_FREE char *stranger =
        trust || access(path, F_OK) < 0 ? NULL : store_stranger(path);
    r = store_new(path, STORE_WRITE, &store);
    if (r == 0 && stranger) /* it names shared memory, which is taken over and removed */
        r = error_print(-EPERM,
                        "%s: %s: it may name the memory of another recording of yours; "
                        "--trust takes what it names",
                        path, stranger);
    if (r == 0)
        r = check_whole(store, path);
    if (r == 0)
        r = recover_all(store, path);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
