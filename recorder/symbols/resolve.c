/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From recorded addresses to names: what `dearth record` and every later command run over
 * the store until nothing is left to do.
 *
 *   frame.resolved = 0 ─► names kept of its module (symbol_cache.h) ─┐
 *                      └► symbols of its module (namer.h) ───────────┴► symbol rows   (per module)
 *   site.location_id, portable_key                                     (locate.c)
 *
 * Each module is one transaction, and so are the sites: interrupted, we go on where it
 * stopped. What is not kept comes from a process of its own: when debug information makes it crash,
 * the symbol tables serve, and a note says so; when it has no memory, the next command tries again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "frames.h"
#include "interrupt.h"
#include "keeper.h"
#include "locate.h"
#include "namer.h"
#include "resolve.h"
#include "store.h"
#include "symbol_cache.h"
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

#define KEPT_MOST 8u /* files that were at one path, one after the other */

struct work { /* one module */
    struct module_row module;
    int kept[KEPT_MOST]; /* the keeper's */
    const struct pending *frames;
    uint64_t n;
    struct symbol_cache *cache;
    uint64_t *addresses;   /* that are not in it */
    struct namer_job *job; /* for those; NULL = there are none */
};

struct resolver {
    struct work *works;
    struct namer_job *jobs;
    uint64_t n_works, n_jobs;
    struct namer *namer;
    uint64_t namer_jobs; /* that it has to give */
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
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        *out = text_grow(*out, *n, sizeof **out);
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

/* Removed or replaced since it ran: its names are known all the same, or they are not. */
static int note_gone(struct resolver *r, const struct module_row *module, bool kept) {
    AUTO_FREE char *text = text_format(
        kept
            ? "%s was removed or changed while it was recorded; its names are those of the file that ran"
            : "%s was removed before its functions were looked up, or is not to be seen from here; they "
              "are shown as offsets",
        module->path);
    int result = put_note(r, module, kept ? "symbols_kept" : "symbols_gone", text);
    if (result == 0 && sqlite3_changes(r->store->db) && kept)
        error_info("%s", text);
    else if (result == 0 && sqlite3_changes(r->store->db))
        error_warn("%s", text);
    return result;
}

/* It may be executed, and not read. */
static bool is_unreadable(const struct module_row *module) {
    int fd = open(module->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY),
        err = errno;
    if (fd >= 0)
        close(fd);
    return fd < 0 && err == EACCES && access(module->path, F_OK) == 0;
}

static int note_unreadable(struct resolver *r, const struct module_row *module) {
    AUTO_FREE char *text =
        text_format("%s may not be read by this user: its functions are shown as offsets",
                    module->path);
    int result = put_note(r, module, "symbols_unreadable", text);
    if (result == 0 && sqlite3_changes(r->store->db))
        error_warn("%s", text);
    return result;
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

static uint64_t address_of(const struct pending *frame) {
    return frame->offset - 1; /* within the call */
}

/* The user does not want to wait for symbols any more. */
static bool is_broken_off(const struct resolver *r) {
    return interrupt_count() != r->interrupts;
}

/* The next address that the child was asked for; -EPIPE: it ended early. */
static int take_frame(struct resolver *r, struct work *w, const struct pending *frame,
                      const struct namer_head *head) {
    const struct symbol_line *lines = NULL;
    int n = namer_next(r->namer, &lines);
    if (n < 0)
        return n;
    if (head->files.n)
        symbol_cache_add(w->cache, address_of(frame), lines, (uint32_t)n);
    return write_frame(r, frame, lines, n);
}

/* Return: 0, BROKEN_OFF, -EPIPE when the child ended early, or another negative errno. */
static int write_frames(struct resolver *r, struct work *w,
                        const struct namer_head *head) {
    int result = 0;
    for (uint64_t i = 0; i < w->n && result == 0; i++) {
        const struct symbol_line *lines = NULL;
        uint32_t n = 0;
        if (is_broken_off(r))
            return BROKEN_OFF;
        if (symbol_cache_find(w->cache, address_of(&w->frames[i]), &lines, &n))
            result = write_frame(r, &w->frames[i], lines, (int)n);
        else
            result = take_frame(r, w, &w->frames[i], head);
        if (i % 256 == 255)
            progress_show(&r->progress, text_basename(w->module.path));
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

/* Ask for all modules that are left, or for the symbol tables of this one alone. */
static int ask(struct resolver *r, const struct work *w) {
    bool alone = w->job->wanted.tables_only;
    r->namer_jobs = alone ? 1 : r->n_jobs - (uint64_t)(w->job - r->jobs);
    return namer_new(w->job, r->namer_jobs, &r->namer);
}

/* Nobody wants to know any more. */
static void stop_asking(struct resolver *r) {
    if (r->namer)
        namer_stop(r->namer);
    r->namer = NULL;
}

/* Return: enum namer_outcome, BROKEN_OFF, or a negative errno; with NAMER_BROKEN rows are to be rolled back. */
static int look_up(struct resolver *r, struct work *w, struct lookup *out) {
    struct namer_head head = {.source = symbol_cache_source(w->cache)};
    int written = w->job && !r->namer ? ask(r, w) : 0;
    if (written < 0)
        return written;
    if (w->job)
        written = namer_head(r->namer, &head);
    if (written == 0)
        written = write_frames(r, w, &head);
    if (written == -EPIPE && is_broken_off(r)) /* which ends the wait for it */
        written = BROKEN_OFF;
    *out = (struct lookup){head.outcome, head.source, 0};
    if (written == BROKEN_OFF || (written < 0 && written != -EPIPE)) {
        stop_asking(r);
        return written;
    }
    if (w->job && head.files.n && written == 0)
        symbol_cache_save(w->cache, head.source, &head.files);
    if (!w->job || (written == 0 && --r->namer_jobs))
        return NAMER_WHOLE;
    struct namer *namer = r->namer;
    r->namer = NULL;
    return namer_end(namer, &out->signal);
}

static int try_module(struct resolver *r, struct work *w) {
    const struct module_row *module = &w->module;
    struct lookup seen = {0}, again = {.source = "none"};
    int result = look_up(r, w, &seen), signal = seen.signal;
    bool broken = result == NAMER_BROKEN;
    if (broken) {
        w->job->wanted.tables_only = true;
        if ((result = store_exec(r->store, "ROLLBACK TO module")) == 0)
            result = look_up(r, w, &again);
        seen = again;
    }
    if (result == NAMER_BROKEN) {
        seen.source = "none";
        if ((result = store_exec(r->store, "ROLLBACK TO module")) == 0)
            result = write_nameless(r, w->frames, w->n);
    }
    if (result == 0 && broken)
        result = note_broken(r, module, signal, strcmp(seen.source, "none") != 0);
    if (result == 0 && seen.outcome == SYMBOLS_STALE)
        result = note_stale(r, module);
    bool kept = seen.outcome == SYMBOLS_KEPT;
    bool gone = seen.outcome == SYMBOLS_GONE && module->path[0] == '/';
    if (result == 0 && gone && is_unreadable(module))
        result = note_unreadable(r, module);
    else if (result == 0 && (kept || gone))
        result = note_gone(r, module, kept);
    if (result == 0) {
        sqlite3_bind_int64(r->mark_module, MARK_MODULE_ID, module->id);
        store_bind_text(r->mark_module, MARK_SYMBOLS, seen.source);
        result = store_step_done(r->store, r->mark_module);
    }
    return result;
}

static int resolve_module(struct resolver *r, struct work *w) {
    progress_show(&r->progress, text_basename(w->module.path));
    int result = begin(r);
    if (result == 0)
        result = store_exec(r->store, "SAVEPOINT module");
    if (result == 0)
        result = try_module(r, w);
    if (result == BROKEN_OFF) /* the rest is looked up by the next command */
        result = 0;
    if (result == 0)
        result = store_exec(r->store, "RELEASE module");
    r->progress.done += w->n;
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

/* What is kept of a module, and what has to be asked for. */
static int plan_module(struct resolver *r, struct work *w) {
    const struct symbol_line *lines;
    uint32_t n_lines;
    struct module_row *module = &w->module;
    int result = load_module(r->store, w->frames[0].module, module);
    if (result < 0)
        return result;
    struct namer_job job = {.wanted = {.path = module->path,
                                       .build_id = module->build_id,
                                       .build_id_bytes = module->build_id_bytes,
                                       .content_id = module->content_id,
                                       .kept = w->kept}};
    job.wanted.n_kept = keeper_find(module->path, w->kept, KEPT_MOST);
    w->cache = symbol_cache_new(&job.wanted);
    job.addresses = w->addresses = text_alloc(w->n * sizeof *w->addresses);
    for (uint64_t i = 0; i < w->n; i++)
        if (!symbol_cache_find(w->cache, address_of(&w->frames[i]), &lines, &n_lines))
            w->addresses[job.n++] = address_of(&w->frames[i]);
    if (!job.n)
        return 0;
    w->job = &r->jobs[r->n_jobs++];
    *w->job = job;
    return 0;
}

static int plan(struct resolver *r, const struct pending *frames, uint64_t n) {
    uint64_t most = 1;
    int result = 0;
    for (uint64_t i = 1; i < n; i++)
        most += frames[i].module != frames[i - 1].module;
    r->works = text_alloc(most * sizeof *r->works);
    r->jobs = text_alloc(most * sizeof *r->jobs);
    for (uint64_t first = 0, end; first < n && result == 0; first = end) {
        for (end = first; end < n && frames[end].module == frames[first].module; end++)
            ;
        struct work *w = &r->works[r->n_works++];
        *w = (struct work){.frames = &frames[first], .n = end - first};
        result = plan_module(r, w);
    }
    return result;
}

static void resolver_deinit(struct resolver *r) {
    stop_asking(r);
    for (uint64_t i = 0; i < r->n_works; i++) {
        symbol_cache_free(r->works[i].cache);
        free(r->works[i].addresses);
        free(r->works[i].module.path);
    }
    free(r->works);
    free(r->jobs);
    sqlite3_finalize(r->put_symbol);
    sqlite3_finalize(r->mark_frame);
    sqlite3_finalize(r->mark_module);
    sqlite3_finalize(r->put_note);
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
    if (result == 0)
        result = plan(&r, frames, n);
    for (uint64_t i = 0; i < r.n_works && result == 0 && !is_broken_off(&r); i++)
        result = resolve_module(&r, &r.works[i]);
    progress_end(&r.progress);
    resolver_deinit(&r);
    return result;
}

int resolve_store(struct store *store, bool progress) {
    unsigned interrupts = interrupt_count();
    int r = resolve_symbols(store, progress);
    if (r < 0 || interrupts != interrupt_count())
        return r;
    return locate_sites(store);
}
