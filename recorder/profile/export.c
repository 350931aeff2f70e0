/* SPDX-License-Identifier: Apache-2.0 */
/* `dearth export`: a recording for other people's tools. See export.h. */
#include "export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "error.h"
#include "event_reader.h"
#include "idmap.h"
#include "op.h"
#include "output.h"
#include "shm.h"

enum format { FORMAT_COLLAPSED, FORMAT_PPROF, FORMAT_SPEEDSCOPE, FORMAT_CSV };

struct request {
    int format, cost;
    int64_t recording;
    const char *output;
    bool keep_private;
};

void export_add_frame(struct text *t, const struct frame *frame) {
    if (frame->function)
        text_add(t, frame->function);
    else
        text_addf(t, "%s+0x%llx", text_basename(frame->module),
                  (unsigned long long)frame->offset);
}

const char *export_program(const struct profile_item *item) {
    return text_basename(item->name);
}

/* --- collapsed --- */

/* `;` separates frames and a line ends a stack: neither may be part of a name. */
static void add_collapsed(struct text *t, const char *name) {
    size_t start = t->n;
    text_add_name(t, name);
    for (; start < t->n; start++)
        if (t->data[start] == ';')
            t->data[start] = ':';
}

static int collapse(struct export *e, const struct profile_item *item,
                    struct text *line) {
    AUTO_FRAMES struct frames frames = {0};
    int r = frames_load(e->frames, item->stack_id, &frames);
    if (r < 0)
        return r;
    add_collapsed(line, export_program(item));
    for (uint32_t i = frames.n; i-- > 0;) {
        AUTO_TEXT struct text name = {0};
        export_add_frame(&name, &frames.items[i]);
        text_add(line, ";");
        add_collapsed(line, name.data);
    }
    if (!frames.n)
        text_add(line, ";(stack not known)");
    text_add(line, ";");
    add_collapsed(line, item->op);
    return 0;
}

int export_collapsed(struct export *e, FILE *out) {
    AUTO_PROFILE struct profile lines = {0};
    for (uint32_t i = 0; i < e->profile.n_items; i++) {
        AUTO_TEXT struct text line = {0};
        uint64_t cost = profile_cost(&e->profile.items[i].n, e->cost);
        int r = cost ? collapse(e, &e->profile.items[i], &line) : 0;
        if (r < 0)
            return r;
        if (cost) /* `count` holds whatever the cost is: it only has to add up */
            profile_item(&lines, line.data, "")->n.count += cost;
    }
    profile_sort(&lines, PROFILE_BY_KEY);
    for (uint32_t i = 0; i < lines.n_items; i++)
        fprintf(out, "%s %llu\n", lines.items[i].key,
                (unsigned long long)lines.items[i].n.count);
    return 0;
}

/* --- csv --- */

struct names { /* of threads, processes, sites, by row id */
    struct idmap pids, tids, keys;
    char (*hex)[DEARTH_KEY_HEX + 1];
};

/* Columns of its statements. */
enum { IDS_ROW, IDS_ID };

static int read_ids(struct store *store, const char *sql, int64_t recording,
                    struct idmap *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(store, sql, &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, recording);
    while (sqlite3_step(q) == SQLITE_ROW)
        idmap_put(out, sqlite3_column_int64(q, IDS_ROW), sqlite3_column_int64(q, IDS_ID));
    return 0;
}

#define SITE_COLUMNS(X)                                                                  \
    X(SITE_ID, "id")                                                                     \
    X(SITE_KEY, "key")
enum { SITE_COLUMNS(STORE_COLUMN_ENUM) };

static int read_keys(struct store *store, struct names *n) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(store, STORE_SELECT(SITE_COLUMNS) "FROM site", &q);
    int64_t count = store_int(store, "SELECT count(*) FROM site", 0), at = 0;
    if (r < 0)
        return r;
    n->hex = text_alloc((size_t)count * sizeof *n->hex);
    for (; sqlite3_step(q) == SQLITE_ROW && at < count; at++) {
        text_key(store_column_key(q, SITE_KEY), n->hex[at]);
        idmap_put(&n->keys, sqlite3_column_int64(q, SITE_ID), at);
    }
    return 0;
}

static int read_names(struct export *e, struct names *n) {
    int64_t id = e->heading.recording_id;
    int r = read_ids(e->store, "SELECT id, pid FROM process WHERE recording_id = ?1", id,
                     &n->pids);
    if (r == 0)
        r = read_ids(e->store,
                     "SELECT t.id, t.tid FROM thread t JOIN process p ON p.id = "
                     "t.process_id WHERE p.recording_id = ?1",
                     id, &n->tids);
    return r == 0 ? read_keys(e->store, n) : r;
}

static void names_deinit(struct names *n) {
    idmap_deinit(&n->pids);
    idmap_deinit(&n->tids);
    idmap_deinit(&n->keys);
    free(n->hex);
}

static void print_event(FILE *out, const struct names *n, const struct allocation *a) {
    int64_t pid = 0, tid = 0, key = 0;
    const struct chunk_event *e = &a->event;
    bool failed = e->kind == SHM_EV_FAIL || e->kind == SHM_EV_INJECTED ||
                  e->kind == SHM_EV_REALLOC_FAIL;
    idmap_get(&n->pids, a->process_id, &pid);
    idmap_get(&n->tids, a->thread_id, &tid);
    fprintf(out, "%lld,%lld,%llu,%llu,%s,%s,%llu,0x%llx,%s,", (long long)pid,
            (long long)tid, (unsigned long long)a->number, (unsigned long long)e->time_ns,
            event_kind_name(e->kind), op_name(e->op), (unsigned long long)e->size,
            (unsigned long long)e->address,
            idmap_get(&n->keys, e->site, &key) ? n->hex[key] : "");
    if (e->reference != CHUNK_NONE)
        fprintf(out, "%llu", (unsigned long long)e->reference);
    fprintf(out, ",");
    if (failed)
        fprintf(out, "%u", e->aux);
    fprintf(out, "\n");
}

int export_csv(struct export *e, FILE *out) {
    struct names names = {0};
    struct event_filter filter = EVENT_FILTER_ALL;
    struct event_reader *reader = NULL;
    struct allocation a;
    AUTO_FREE char *message = NULL;
    filter.recording_id = e->heading.recording_id;
    int r = read_names(e, &names);
    if (r == 0 && (r = event_reader_new(e->store->db, &filter, &reader, &message)) < 0)
        error_print(r, "%s: %s", e->store->path, message ? message : "out of memory");
    if (r == 0) {
        fputs("pid,tid,number,time_ns,kind,op,size,address,site_key,reference,error\n",
              out);
        while (!ferror(out) && (r = event_reader_next(reader, &a)) > 0)
            print_event(out, &names, &a);
        if (r < 0)
            error_print(r, "%s: %s", e->store->path, event_reader_message(reader));
    }
    event_reader_free(reader);
    names_deinit(&names);
    return r < 0 ? r : 0;
}

/* --- the command --- */

/* @pprof: has all costs at once. */
static int load_stacks(struct export *e, bool pprof) {
    struct idmap at_peak = {0};
    struct profile_filter filter = {.recording_id = e->heading.recording_id};
    int r = 0;
    bool events = strcmp(e->heading.detail, "events") == 0;
    if (e->cost == PROFILE_TEMPORARY && e->heading.sample_bytes)
        return error_print(
            0, "recording %lld is a sample, of which no block is called temporary",
            (long long)e->heading.recording_id);
    if (e->cost == PROFILE_AT_PEAK && !events)
        return error_print(
            0,
            "recording %lld has only counts per site (--detail=sites); what "
            "was live at its peak is not known: take --cost live or bytes, or record "
            "with --detail=events",
            (long long)e->heading.recording_id);
    if (e->cost == PROFILE_AT_PEAK || (pprof && events)) {
        r = profile_at_peak(e->store, e->heading.recording_id, e->heading.peak_ns,
                            &at_peak);
        filter.at_peak = &at_peak;
        e->at_peak = true;
    }
    if (r == 0)
        r = profile_load(e->store, &filter, PROFILE_BY_STACK, &e->profile);
    idmap_deinit(&at_peak);
    profile_sort(&e->profile, PROFILE_BY_KEY);
    return r == 0 ? frames_reader_new(e->store, &e->frames) : r;
}

static int write_out(struct export *e, const struct request *request, FILE *out) {
    switch (request->format) {
    case FORMAT_PPROF:
        return export_pprof(e, out);
    case FORMAT_SPEEDSCOPE:
        return export_speedscope(e, out);
    case FORMAT_CSV:
        return export_csv(e, out);
    default:
        return export_collapsed(e, out);
    }
}

static int write_file(struct export *e, const struct request *request) {
    AUTO_OUTPUT struct output *output = NULL;
    int r = output_new(request->output, request->keep_private, &output);
    if (r == 0)
        r = write_out(e, request, output_file(output));
    return r == 0 ? output_finish(output) : r;
}

static int run(struct export *e, const struct request *request, const char *path) {
    int64_t id;
    int r = profile_open(path, request->recording, &e->store, &id);
    if (r ==
        0) /* one for all that is read: a lock for each statement costs as much as it does */
        r = store_exec(e->store, "BEGIN");
    if (r < 0)
        return r;
    if ((r = heading_load(e->store, id, &e->heading)) < 0)
        return r;
    if (request->format == FORMAT_CSV) {
        if (strcmp(e->heading.detail, "events") != 0)
            return error_print(0,
                               "recording %lld has no single events (--detail=sites): "
                               "record with --detail=events",
                               (long long)id);
    } else if ((r = load_stacks(e, request->format == FORMAT_PPROF)) < 0) {
        return r;
    }
    r = write_file(e, request);
    if (r == 0 && e->heading.sample_bytes) { /* not all formats have a place to say so */
        AUTO_TEXT struct text t = {0};
        heading_add_exactness(&t, &e->heading);
        error_info("recording %lld is %s", (long long)id, t.data);
    }
    return r;
}

/* What must not be combined. Return: 0 or -EINVAL after a message. */
static int check_request(const struct request *q) {
    if (q->format == FORMAT_CSV && q->cost >= 0)
        return error_print(0, "export: csv has every event and takes no --cost");
    if (q->format == FORMAT_PPROF && !q->output && isatty(STDOUT_FILENO))
        return error_print(0, "export: pprof is binary; name a file with -o");
    return 0;
}

int command_export(int argc, char **argv) {
    struct request q = {.format = FORMAT_COLLAPSED, .cost = -1};
    const struct cli_option options[] = {
        {'f', "format", CLI_CHOICE, &q.format, NULL, "collapsed when not given",
         "collapsed|pprof|speedscope|csv"},
        {'c', "cost", CLI_CHOICE, &q.cost, NULL, "what a stack weighs (bytes)",
         PROFILE_COST_CHOICES},
        {'o', "output", CLI_TEXT, &q.output, "FILE", "standard output when not given"},
        {0, "private", CLI_FLAG, &q.keep_private, NULL, OUTPUT_PRIVATE_HELP},
        {'r', "recording", CLI_INT, &q.recording, "ID", "which recording (the newest)"},
        {0}};
    const struct cli_command command = {
        "export", "[options] [FILE]",
        "Write a recording in the format of another tool. FILE is dearth.db by default.",
        "collapsed: for flamegraph.pl and inferno, as in 'dearth export | flamegraph.pl "
        "> flame.svg'. pprof: for 'pprof -http' and everything that reads profile.proto; "
        "has all costs at once. speedscope: for https://www.speedscope.app. csv: every "
        "event.\n\n"
        "--cost count: calls; bytes: requested; peak: live when the recording was at its "
        "peak; live: never freed; temporary: calls whose block the same thread freed or "
        "moved with no allocation in between.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    if (n > 1 || check_request(&q) < 0) {
        if (n > 1)
            error_print(0, "export: one database at a time");
        return EXIT_CANNOT;
    }
    struct export e = {.cost = q.cost == PROFILE_PEAK ? PROFILE_AT_PEAK
                               : q.cost >= 0          ? (enum profile_cost)q.cost
                                                      : PROFILE_BYTES};
    r = run(&e, &q, n ? argv[1] : STORE_DEFAULT_PATH);
    frames_reader_free(e.frames);
    profile_deinit(&e.profile);
    heading_deinit(&e.heading);
    store_free(e.store);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
