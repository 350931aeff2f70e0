/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From recorded addresses to names: what `dearth record` and every later command run over
 * the store until nothing is left to do.
 *
 *   frame.resolved = 0 ─► symbols of its module ─► symbol rows        (per module)
 *   site.location_id, portable_key                                     (locate.c)
 *
 * Each module is one transaction, and so are the sites: interrupted, we go on where it
 * stopped. Names come from a process of their own (namer.h): when debug information makes it crash,
 * the symbol tables serve, and a note says so; when it has no memory, the next command tries again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "frames.h"
#include "interrupt.h"
#include "locate.h"
#include "namer.h"
#include "resolve.h"
#include "store.h"
#include "text.h"

/* --- progress --- */

struct progress {
    bool shown, wanted;
    uint64_t done, total, next_ns;
};

static void progress_init(struct progress *p, bool wanted, uint64_t total) {
    const char *urls = getenv("DEBUGINFOD_URLS");
    bool may_download = urls && *urls;
    *p = (struct progress){.wanted = wanted && !error_quiet() && isatty(STDERR_FILENO),
                           .total = total};
    p->next_ns =
        clock_mono_ns() + (may_download ? 0 : 400000000u); /* what is quick is silent */
}

static void progress_show(struct progress *p, const char *what) {
    if (!p->wanted || clock_mono_ns() < p->next_ns)
        return;
    char done[32], total[32];
    AUTO_TEXT struct text line = {0};
    text_say(&line, "dearth: names of %s of %s frames: %.60s", text_count(p->done, done),
             text_count(p->total, total), what);
    fprintf(stderr, "\r\033[K%s", line.data);
    p->shown = true;
    p->next_ns = clock_mono_ns() + 100000000u;
}

static void progress_end(struct progress *p) {
    if (p->shown)
        fputs("\r\033[K", stderr);
}

/* --- symbols --- */

struct pending { /* a frame without symbol rows */
    int64_t id, module;
    uint64_t offset;
};

struct module_row {
    int64_t id;
    char *path;
    uint8_t build_id[32];
    uint32_t build_id_bytes;
    bool content_id;
};

struct resolver {
    unsigned interrupts; /* interrupt_count() at the start */
    struct store *store;
    bool own_transaction;
    sqlite3_stmt *put_symbol, *mark_frame, *mark_module, *put_note;
    struct progress progress;
};

static int begin(struct resolver *r) {
    r->own_transaction = sqlite3_get_autocommit(r->store->db);
    return r->own_transaction ? store_begin(r->store) : 0;
}

static int commit(struct resolver *r) {
    return r->own_transaction ? store_commit(r->store) : 0;
}

static void roll_back(struct resolver *r) {
    if (r->own_transaction)
        store_rollback(r->store);
}

#define PENDING_COLUMNS(X)                                                               \
    X(PENDING_ID, "id")                                                                  \
    X(PENDING_MODULE_ID, "module_id")                                                    \
    X(PENDING_OFFSET, "\"offset\"")
enum { PENDING_COLUMNS(STORE_COLUMN_ENUM) };

static int load_pending(struct store *store, struct pending **out, uint64_t *n) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store,
        STORE_SELECT(PENDING_COLUMNS) "FROM frame WHERE "
                                      "resolved = 0 ORDER BY module_id, \"offset\"",
        &s);
    if (r < 0)
        return r;
    uint64_t capacity = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (*n == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            *out = text_realloc(*out, capacity * sizeof **out);
        }
        (*out)[(*n)++] =
            (struct pending){sqlite3_column_int64(s, PENDING_ID),
                             sqlite3_column_int64(s, PENDING_MODULE_ID),
                             (uint64_t)sqlite3_column_int64(s, PENDING_OFFSET)};
    }
    return rc == SQLITE_DONE ? 0 : store_error(store, "reading frames");
}

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PATH, "path")                                                               \
    X(MODULE_BUILD_ID, "build_id")                                                       \
    X(MODULE_CONTENT_ID, "content_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

static int load_module(struct store *store, int64_t id, struct module_row *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(store, STORE_SELECT(MODULE_COLUMNS) "FROM module WHERE id = ?1",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, id);
    *out = (struct module_row){.id = id};
    if (sqlite3_step(s) == SQLITE_ROW) {
        int n = sqlite3_column_bytes(s, MODULE_BUILD_ID);
        out->build_id_bytes = n > 32 ? 32 : (uint32_t)n;
        if (n > 0)
            memcpy(out->build_id, sqlite3_column_blob(s, MODULE_BUILD_ID),
                   out->build_id_bytes);
        out->content_id = sqlite3_column_int(s, MODULE_CONTENT_ID);
        out->path = text_dup(store_column_text(s, MODULE_PATH));
    }
    if (!out->path)
        out->path = text_dup("");
    return 0;
}

#define SYMBOL_COLUMNS(X)                                                                \
    X(SYMBOL_FRAME_ID, "frame_id")                                                       \
    X(SYMBOL_INLINE_INDEX, "inline_index")                                               \
    X(SYMBOL_FUNCTION, "function")                                                       \
    X(SYMBOL_LINKAGE_NAME, "linkage_name")                                               \
    X(SYMBOL_FILE, "file")                                                               \
    X(SYMBOL_LINE, "line")                                                               \
    X(SYMBOL_START, "start")
enum { SYMBOL_FIRST = 0, SYMBOL_COLUMNS(STORE_COLUMN_ENUM) SYMBOL_SIZE };

enum { NOTE_KIND = 1, NOTE_TEXT, NOTE_SUBJECT, NOTE_MODULE };
enum { MARK_SYMBOLS = 1, MARK_MODULE_ID };

static int write_frame(struct resolver *r, const struct pending *frame,
                       const struct symbol_line *lines, int n) {
    int result = 0;
    for (int i = 0; i < n && result == 0; i++) {
        sqlite3_bind_int64(r->put_symbol, SYMBOL_FRAME_ID, frame->id);
        sqlite3_bind_int64(r->put_symbol, SYMBOL_INLINE_INDEX, i);
        store_bind_text(r->put_symbol, SYMBOL_FUNCTION, lines[i].function);
        store_bind_text(r->put_symbol, SYMBOL_LINKAGE_NAME, lines[i].linkage_name);
        store_bind_text(r->put_symbol, SYMBOL_FILE, lines[i].file);
        if (lines[i].line)
            sqlite3_bind_int64(r->put_symbol, SYMBOL_LINE, lines[i].line);
        if (lines[i].start)
            sqlite3_bind_int64(r->put_symbol, SYMBOL_START, (int64_t)lines[i].start);
        if (lines[i].size)
            sqlite3_bind_int64(r->put_symbol, SYMBOL_SIZE, (int64_t)lines[i].size);
        result = store_step_done(r->store, r->put_symbol);
    }
    if (result == 0) {
        sqlite3_bind_int64(r->mark_frame, 1, frame->id);
        result = store_step_done(r->store, r->mark_frame);
    }
    return result;
}

static int put_note(struct resolver *r, const struct module_row *module, const char *kind,
                    const char *text) {
    store_bind_text(r->put_note, NOTE_TEXT, text);
    store_bind_text(r->put_note, NOTE_SUBJECT, module->path);
    sqlite3_bind_int64(r->put_note, NOTE_MODULE, module->id);
    store_bind_text(r->put_note, NOTE_KIND, kind);
    return store_step_done(r->store, r->put_note);
}

/* The user rebuilt or upgraded it since: say so for every recording that it is part of. */
static int note_stale(struct resolver *r, const struct module_row *module) {
    AUTO_FREE char *text =
        text_format("%s was changed after it was recorded; its functions "
                    "are shown as offsets: record again",
                    module->path);
    return put_note(r, module, "symbols_stale", text);
}

/* @tables: symbol tables were read instead */
static int note_broken(struct resolver *r, const struct module_row *module, int signal,
                       bool tables) {
    AUTO_FREE char *text = text_format(
        "reading the debug information of %s ended by signal %d: it is damaged, or "
        "there was too little memory; its functions are shown %s",
        module->path, signal, tables ? "without lines and inlined calls" : "as offsets");
    error_warn("%s", text);
    return put_note(r, module, "symbols_broken", text);
}

#define BROKEN_OFF 2 /* beside enum namer_outcome */

/* The user does not want to wait for symbols any more. */
static bool is_broken_off(const struct resolver *r) {
    return interrupt_count() != r->interrupts;
}

/* What one child gave; -EPIPE: it ended early. Return: 0, BROKEN_OFF or a negative errno. */
static int write_frames(struct resolver *r, struct namer *namer,
                        const struct module_row *module, const struct pending *frames,
                        uint64_t n) {
    int result = 0;
    for (uint64_t i = 0; i < n && result == 0; i++) {
        const struct symbol_line *lines = NULL;
        if (is_broken_off(r))
            return BROKEN_OFF;
        int n_lines = namer_next(namer, &lines);
        if (n_lines < 0 && is_broken_off(r)) /* which ends the wait for it */
            return BROKEN_OFF;
        result = n_lines < 0 ? n_lines : write_frame(r, &frames[i], lines, n_lines);
        if (i % 256 == 255)
            progress_show(&r->progress, text_basename(module->path));
    }
    return result;
}

/* Mark them as looked up, without names. */
static int write_nameless(struct resolver *r, const struct pending *frames, uint64_t n) {
    int result = 0;
    for (uint64_t i = 0; i < n && result == 0; i++)
        result = write_frame(r, &frames[i], NULL, 0);
    return result;
}

struct lookup { /* how it went */
    enum symbols_outcome outcome;
    const char *source;
    int signal;
};

/* Return: enum namer_outcome, BROKEN_OFF, or a negative errno; with NAMER_BROKEN rows are to be rolled back. */
static int look_up(struct resolver *r, const struct module_row *module,
                   const struct namer_job *job, const struct pending *frames,
                   struct lookup *out) {
    struct namer *namer;
    int result = namer_new(job, &namer);
    if (result < 0)
        return result;
    int written = write_frames(r, namer, module, frames, job->n);
    if (written == BROKEN_OFF) {
        namer_stop(namer);
        return BROKEN_OFF;
    }
    result = namer_end(namer, &out->outcome, &out->source, &out->signal);
    return written < 0 && written != -EPIPE ? written : result;
}

static int try_module(struct resolver *r, const struct module_row *module,
                      struct namer_job *job, const struct pending *frames) {
    struct lookup seen = {0}, again = {.source = "none"};
    int result = look_up(r, module, job, frames, &seen), signal = seen.signal;
    bool broken = result == NAMER_BROKEN;
    if (broken) {
        job->wanted.tables_only = true;
        if ((result = store_exec(r->store, "ROLLBACK TO module")) == 0)
            result = look_up(r, module, job, frames, &again);
        seen = again;
    }
    if (result == NAMER_BROKEN) {
        seen.source = "none";
        if ((result = store_exec(r->store, "ROLLBACK TO module")) == 0)
            result = write_nameless(r, frames, job->n);
    }
    if (result == 0 && broken)
        result = note_broken(r, module, signal, strcmp(seen.source, "none") != 0);
    if (result == 0 && seen.outcome == SYMBOLS_STALE)
        result = note_stale(r, module);
    if (result == 0) {
        sqlite3_bind_int64(r->mark_module, MARK_MODULE_ID, module->id);
        store_bind_text(r->mark_module, MARK_SYMBOLS, seen.source);
        result = store_step_done(r->store, r->mark_module);
    }
    return result;
}

static int resolve_module(struct resolver *r, const struct module_row *module,
                          const struct pending *frames, uint64_t n) {
    AUTO_FREE uint64_t *addresses = text_alloc(n * sizeof *addresses);
    for (uint64_t i = 0; i < n; i++)
        addresses[i] = frames[i].offset - 1; /* within the call */
    struct namer_job job = {.wanted = {module->path, module->build_id,
                                       module->build_id_bytes, module->content_id, false},
                            .addresses = addresses,
                            .n = n};
    progress_show(&r->progress, text_basename(module->path));
    int result = begin(r);
    if (result == 0)
        result = store_exec(r->store, "SAVEPOINT module");
    if (result == 0)
        result = try_module(r, module, &job, frames);
    if (result == BROKEN_OFF) /* the rest is looked up by the next command */
        result = 0;
    if (result == 0)
        result = store_exec(r->store, "RELEASE module");
    r->progress.done += n;
    if (result == 0)
        result = commit(r);
    if (result < 0)
        roll_back(r);
    return result;
}

static int prepare_resolver(struct resolver *r) {
    const struct {
        sqlite3_stmt **out;
        const char *sql;
    } all[] = {
        {&r->put_symbol,
         "INSERT OR REPLACE INTO symbol(" SYMBOL_COLUMNS(
             STORE_COLUMN_SQL) "size) VALUES (" SYMBOL_COLUMNS(STORE_COLUMN_PLACE) "?)"},
        {&r->mark_frame, "UPDATE frame SET resolved = 1 WHERE id = ?"},
        {&r->mark_module, "UPDATE module SET symbols = ? WHERE id = ?"},
        {&r->put_note,
         "INSERT INTO note(recording_id, kind, text, subject) SELECT DISTINCT "
         "p.recording_id, :kind, :text, :subject FROM process_module pm JOIN process p ON p.id = "
         "pm.process_id WHERE pm.module_id = :module AND NOT EXISTS (SELECT 1 FROM note n "
         "WHERE n.recording_id = p.recording_id AND n.kind = :kind AND n.subject = :subject)"},
    };
    int result = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && result == 0; i++)
        result = store_prepare(r->store, all[i].sql, all[i].out);
    return result;
}

static int resolve_symbols(struct store *store, bool progress) {
    AUTO_FREE struct pending *frames = NULL;
    uint64_t n = 0;
    int result = load_pending(store, &frames, &n);
    if (result < 0 || !n)
        return result;
    struct resolver r = {.store = store, .interrupts = interrupt_count()};
    progress_init(&r.progress, progress, n);
    result = prepare_resolver(&r);
    for (uint64_t first = 0, end; first < n && result == 0 && !is_broken_off(&r);
         first = end) {
        for (end = first; end < n && frames[end].module == frames[first].module; end++)
            ;
        struct module_row module = {0};
        result = load_module(store, frames[first].module, &module);
        if (result == 0)
            result = resolve_module(&r, &module, &frames[first], end - first);
        free(module.path);
    }
    progress_end(&r.progress);
    sqlite3_finalize(r.put_symbol);
    sqlite3_finalize(r.mark_frame);
    sqlite3_finalize(r.mark_module);
    sqlite3_finalize(r.put_note);
    return result;
}

int resolve_store(struct store *store, bool progress) {
    unsigned interrupts = interrupt_count();
    int r = resolve_symbols(store, progress);
    if (r < 0 || interrupts != interrupt_count())
        return r;
    return locate_sites(store);
}
