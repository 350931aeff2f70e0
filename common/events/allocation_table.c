/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables `allocation` and `event` as an SQLite virtual-table module: see
 * allocation_table.h.
 *
 *   xBestIndex  which conditions can be used ──idxStr──► xFilter  struct event_filter
 *   xNext       event_reader_next()
 *   xColumn     struct allocation → value
 *
 * A filter made here is never narrower than the condition: SQLite checks every row again,
 * so types and comparisons are exactly SQLite's own. Runs in any program that loads the
 * extension: nothing is printed, nothing ends the program. Source:
 * https://www.sqlite.org/vtab.html
 */
#include "allocation_table.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_groups.h"
#include "event_reader.h"
#include "op.h"
#include "shm.h"
#include "sqlite_api.h"

enum column {
    COL_RECORDING,
    COL_PROCESS,
    COL_THREAD,
    COL_OP,
    COL_SIZE,
    COL_ADDRESS,
    COL_SITE,
    COL_TIME,
    COL_ALIGNMENT,
    COL_ERROR,
    COL_NUMBER,
    COL_CHUNK,
    N_SHARED,
    /* allocation */
    COL_FREED_NS = N_SHARED,
    COL_LIFETIME,
    COL_FREED_BY,
    COL_MOVED,
    COL_FAILED,
    COL_INJECTED,
    /* event */
    COL_KIND = N_SHARED,
    COL_REFERENCE,
    N_COLUMNS = COL_INJECTED + 1, /* of either, at most */
};
#define GROUPS_PLAN_BYTES (2 + EVENT_GROUPS_KEYS + N_COLUMNS)

#define SHARED_COLUMNS                                                                   \
    "recording_id INTEGER," /* row of recording */                                       \
    "process_id INTEGER,"   /* row of process */                                         \
    "thread_id INTEGER,"    /* row of thread: who called */                              \
    "op TEXT,"              /* 'malloc', 'calloc', ... */                                \
    "size INTEGER,"         /* bytes requested; 0 for frees */                           \
    "address INTEGER,"      /* of the block; 0 when the call failed */                   \
    "site_id INTEGER,"      /* row of site; NULL = not known, or a free */               \
    "time_ns INTEGER,"      /* since the start of the recording */                       \
    "alignment INTEGER,"    /* bytes asked for; NULL = the allocator's own */            \
    "error INTEGER,"        /* errno of a failed call, else NULL */                      \
    "number INTEGER,"       /* of the event within its process, from 0 */                \
    "chunk_id INTEGER,"     /* row of event_chunk it lies in */

static const char allocation_sql[] =
    "CREATE TABLE allocation(" SHARED_COLUMNS
    "freed_ns INTEGER,"    /* when it was freed, or realloc had moved it; NULL = never */
    "lifetime_ns INTEGER," /* freed_ns - time_ns */
    "freed_by INTEGER,"    /* row of thread: who freed it */
    "moved INTEGER,"       /* 1 = it ended by a realloc */
    "failed INTEGER,"      /* 1 = the call failed */
    "injected INTEGER)";   /* 1 = dearth made it fail */

static const char event_sql[] =
    "CREATE TABLE event(" SHARED_COLUMNS
    "kind TEXT," /* 'alloc', 'free', 'realloc', 'fail', 'realloc_fail', 'injected' */
    "reference INTEGER)"; /* number of the allocation that this call ends (free, realloc)
                             or leaves as it was (realloc_fail) */

/* Columns that need the end of an allocation: without them, frees need not be looked for. */
#define ENDS_COLUMNS                                                                     \
    (1ull << COL_FREED_NS | 1ull << COL_LIFETIME | 1ull << COL_FREED_BY |                \
     1ull << COL_MOVED)

/* Chunks decoded by all cursors of a connection: SELECT chunks_decoded(). */
struct module {
    bool events; /* the table `event` */
    uint64_t *decoded;
};

struct table {
    sqlite3_vtab base;
    sqlite3 *db;
    const struct module *module;
    double n_events; /* in the whole database, for the planner */
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct event_filter filter; /* its arrays are the cursor's */
    struct event_reader *reader;
    struct event_groups *groups; /* instead of a reader; NULL = rows as they come */
    struct allocation row;
    bool end;
};

/* --- connecting --- */

static double count_events(sqlite3 *db) {
    sqlite3_stmt *q = NULL;
    double n = 0;
    if (sqlite3_prepare_v2(db, "SELECT sum(n_events) FROM event_chunk", -1, &q, NULL) ==
            SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    return n;
}

static int table_connect(sqlite3 *db, void *module_pointer, int argc,
                         const char *const *argv, sqlite3_vtab **out, char **message) {
    const struct module *module = module_pointer;
    (void)argc, (void)argv, (void)message;
    int rc = sqlite3_declare_vtab(db, module->events ? event_sql : allocation_sql);
    if (rc != SQLITE_OK)
        return rc;
    struct table *t = sqlite3_malloc64(sizeof *t);
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct table){.db = db, .module = module, .n_events = count_events(db)};
    *out = &t->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *table) {
    sqlite3_free(table);
    return SQLITE_OK;
}

/* --- values --- */

/* A row's columns are numbers, of which column_result() makes SQLite's values; none is negative. */
#define NOTHING INT64_MIN /* NULL */

static int64_t number(uint64_t n) {
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static int64_t id(int64_t id) {
    return id ? id : NOTHING;
}

static bool call_failed(const struct chunk_event *e) {
    return e->kind == SHM_EV_FAIL || e->kind == SHM_EV_INJECTED ||
           e->kind == SHM_EV_REALLOC_FAIL;
}

static int64_t shared_value(const struct allocation *a, int column) {
    const struct chunk_event *e = &a->event;
    switch (column) {
    case COL_RECORDING:
        return a->recording_id;
    case COL_PROCESS:
        return a->process_id;
    case COL_THREAD:
        return id(a->thread_id);
    case COL_OP:
        return e->op;
    case COL_SIZE:
        return number(e->size);
    case COL_ADDRESS:
        return number(e->address);
    case COL_SITE:
        return id(e->site);
    case COL_TIME:
        return number(e->time_ns);
    case COL_ALIGNMENT:
        return !call_failed(e) && e->kind != SHM_EV_FREE && e->aux && e->aux < 63
                   ? (int64_t)1 << e->aux
                   : NOTHING;
    case COL_ERROR:
        return call_failed(e) ? e->aux : NOTHING;
    case COL_NUMBER:
        return number(a->number);
    case COL_CHUNK:
        return a->chunk_id;
    default:
        return NOTHING;
    }
}

static int64_t allocation_value(const struct allocation *a, int column) {
    switch (column) {
    case COL_FREED_NS:
        return a->ended ? number(a->ended_ns) : NOTHING;
    case COL_LIFETIME: /* both ends are rounded down: never below 0 */
        return !a->ended                        ? NOTHING
               : a->ended_ns > a->event.time_ns ? number(a->ended_ns - a->event.time_ns)
                                                : 0;
    case COL_FREED_BY:
        return id(a->ended_by);
    case COL_MOVED:
        return a->moved;
    case COL_FAILED:
        return call_failed(&a->event);
    case COL_INJECTED:
        return a->event.kind == SHM_EV_INJECTED;
    default:
        return NOTHING;
    }
}

static int64_t column_value(const struct allocation *a, int column, bool events) {
    if (column < N_SHARED)
        return shared_value(a, column);
    if (!events)
        return allocation_value(a, column);
    if (column == COL_KIND)
        return a->event.kind;
    return a->event.reference != CHUNK_NONE ? number(a->event.reference) : NOTHING;
}

static const char *column_name(int column, bool events, int64_t value) {
    return column == COL_OP               ? op_name((uint8_t)value)
           : events && column == COL_KIND ? event_kind_name((uint8_t)value)
                                          : NULL;
}

static int compare_values(int column, int64_t a, int64_t b, bool events) {
    const char *name = column_name(column, events, a);
    return name ? strcmp(name, column_name(column, events, b)) : (a > b) - (a < b);
}

static void column_result(sqlite3_context *context, int column, bool events,
                          int64_t value) {
    if (value == NOTHING)
        return;
    const char *name = column_name(column, events, value);
    if (name)
        sqlite3_result_text(context, name, -1, SQLITE_STATIC);
    else
        sqlite3_result_int64(context, value);
}

/* --- planning --- */

/* What a condition is to xFilter: two letters of idxStr for each argument. */
static char column_letter(int column) {
    switch (column) {
    case COL_RECORDING:
        return 'r';
    case COL_PROCESS:
        return 'p';
    case COL_THREAD:
        return 't';
    case COL_SITE:
        return 's';
    case COL_OP:
        return 'o';
    case COL_TIME:
        return 'n';
    case COL_SIZE:
        return 'z';
    case COL_CHUNK:
        return 'c';
    case COL_NUMBER:
        return '#';
    default:
        return 0;
    }
}

static char operator_letter(int column, int op) {
    bool range = column == COL_TIME || column == COL_SIZE || column == COL_NUMBER;
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return '=';
    case SQLITE_INDEX_CONSTRAINT_NE:
        return column == COL_CHUNK ? '!' : 0;
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
        return range ? '>' : 0;
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE:
        return range ? '<' : 0;
    default:
        return 0;
    }
}

/* `site_id IN (...)` in one pass instead of one pass for each member. */
static bool take_set(sqlite3_index_info *info, int i, int column) {
#if SQLITE_VERSION_NUMBER >= 3038000
    if ((column == COL_SITE || column == COL_THREAD) &&
        sqlite3_libversion_number() >= 3038000 && sqlite3_vtab_in(info, i, -1)) {
        sqlite3_vtab_in(info, i, 1);
        return true;
    }
#else
    (void)info, (void)i, (void)column;
#endif
    return false;
}

/* How much of the chunks, and of the rows, one condition leaves: guesses, in the right
 * order. A pass for each row of another table must look dearer than one pass and look-ups
 * there. */
static void weigh(char column, char op, double *chunks, double *rows) {
    static const struct {
        char column;
        double chunks, rows;
    } weights[] = {{'r', .5, .5},  {'p', .3, .3},    {'t', .6, .2},
                   {'s', .7, .01}, {'o', 1, .3},     {'n', .5, .45},
                   {'z', .8, .3},  {'c', .01, .001}, {'#', .5, .5}};
    if (column == '#' && op == '=') { /* one event of one chunk */
        *chunks *= .02;
        *rows *= .0001;
        return;
    }
    for (size_t i = 0; i < sizeof weights / sizeof *weights && op != '!'; i++) {
        if (weights[i].column != column)
            continue;
        *chunks *= weights[i].chunks;
        *rows *= weights[i].rows;
    }
}

/* Few values, each in many rows: their groups are counted, not sorted. */
static bool makes_groups(int column, bool events) {
    switch (column) {
    case COL_RECORDING:
    case COL_PROCESS:
    case COL_THREAD:
    case COL_OP:
    case COL_SITE:
    case COL_ALIGNMENT:
    case COL_ERROR:
    case COL_CHUNK:
        return true;
    default:
        return events ? column == COL_KIND
                      : column == COL_FREED_BY || column == COL_MOVED ||
                            column == COL_FAILED || column == COL_INJECTED;
    }
}

/* GROUP BY and DISTINCT ask for rows of a group one after another, not in any order. What follows the
 * conditions in the plan: '|' or, where one row of each group will do, '!'; columns of the key; '|'; the
 * others that are asked for; each as a letter from 'A' on. Return: length, 0 = no groups. */
static int plan_groups(const sqlite3_index_info *info, bool events,
                       char out[static GROUPS_PLAN_BYTES]) {
    int n = 0, kind = 0;
#if SQLITE_VERSION_NUMBER >= 3038000
    if (sqlite3_libversion_number() >= 3038000 && info->nOrderBy)
        kind = sqlite3_vtab_distinct((sqlite3_index_info *)info);
#endif
    if ((kind != 1 && kind != 2) || info->nOrderBy > (int)EVENT_GROUPS_KEYS)
        return 0;
    uint64_t keys = 0;
    out[n++] = kind == 2 ? '!' : '|';
    for (int i = 0; i < info->nOrderBy; i++) {
        int column = info->aOrderBy[i].iColumn;
        if (column < 0 || !makes_groups(column, events))
            return 0;
        keys |= 1ull << column;
        out[n++] = (char)('A' + column);
    }
    out[n++] = '|';
    int before = n;
    for (int column = 0; column < N_COLUMNS; column++)
        if (info->colUsed & 1ull << column && !(keys & 1ull << column))
            out[n++] = (char)('A' + column);
    return n - before <= (int)EVENT_GROUPS_CELLS ? n : 0;
}

static int table_best_index(sqlite3_vtab *base, sqlite3_index_info *info) {
    struct table *t = (struct table *)base;
    double chunks = 1, rows = 1;
    int n = 0;
    char *plan =
        sqlite3_malloc64(2 * (sqlite3_uint64)info->nConstraint + GROUPS_PLAN_BYTES + 1);
    if (!plan)
        return SQLITE_NOMEM;
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        char c = column < 0 ? 0 : column_letter(column);
        char op = operator_letter(column, info->aConstraint[i].op);
        if (!info->aConstraint[i].usable || !c || !op)
            continue;
        if (c == 'o' && sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
            continue;
        if (op == '=' && take_set(info, i, column))
            op = '@';
        weigh(c, op, &chunks, &rows);
        plan[2 * n] = c;
        plan[2 * n + 1] = op;
        info->aConstraintUsage[i].argvIndex = ++n;
    }
    int n_groups = plan_groups(info, t->module->events, plan + (size_t)2 * n);
    plan[2 * n + n_groups] = 0;
    info->orderByConsumed = n_groups > 0;
    info->idxStr = plan;
    info->needToFreeIdxStr = 1;
    info->idxNum = !t->module->events && (info->colUsed & ENDS_COLUMNS) != 0;
    info->estimatedCost = 1000 + t->n_events * chunks * (info->idxNum ? 2 : 1);
    info->estimatedRows = 1 + (sqlite3_int64)(t->n_events * rows);
    return SQLITE_OK;
}

/* --- filtering --- */

static void no_rows(struct event_filter *f) {
    f->min_ns = 1;
    f->max_ns = 0;
}

/* Narrow [min, max] by `column op value`; never by more than the condition says. */
static void narrow(struct event_filter *f, uint64_t *min, uint64_t *max, char op,
                   sqlite3_value *value) {
    int type = sqlite3_value_numeric_type(value);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return; /* text and blobs: SQLite's own check decides */
    double v = sqlite3_value_double(value);
    bool whole = type == SQLITE_INTEGER;
    uint64_t low = v <= 0        ? 0
                   : whole       ? (uint64_t)sqlite3_value_int64(value)
                   : v >= 0x1p63 ? (uint64_t)INT64_MAX
                                 : (uint64_t)floor(v);
    uint64_t high = whole         ? low
                    : v <= 0      ? 0
                    : v >= 0x1p63 ? (uint64_t)INT64_MAX
                                  : (uint64_t)ceil(v);
    if (high >= INT64_MAX)
        high = UINT64_MAX; /* larger ones are shown as INT64_MAX */
    if (v < 0 && op != '>')
        no_rows(f);
    if (op != '<' && low > *min)
        *min = low;
    if (op != '>' && high < *max)
        *max = high;
}

/* Conditions on ids. A value that is no integer leaves the decision to SQLite. */
static bool integer(sqlite3_value *value, int64_t *out) {
    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER)
        return false;
    *out = sqlite3_value_int64(value);
    return true;
}

static int add_id(struct event_ids *ids, int64_t id) {
    if ((ids->n & (ids->n - 1)) == 0) { /* at 0, 1, 2, 4, 8 ...: double */
        int64_t *more = realloc(ids->items, (ids->n ? ids->n * 2 : 1) * sizeof *more);
        if (!more)
            return SQLITE_NOMEM;
        ids->items = more;
    }
    ids->items[ids->n++] = id;
    return SQLITE_OK;
}

/* `column = value`, or `column IN (set)` with op '@'. A second condition on one column is
 * left to SQLite. */
static int choose_ids(struct event_ids *ids, char op, sqlite3_value *value) {
    int64_t id;
    if (ids->given)
        return SQLITE_OK;
    if (op != '@') {
        if (!integer(value, &id))
            return SQLITE_OK;
        ids->given = true;
        return add_id(ids, id);
    }
#if SQLITE_VERSION_NUMBER >= 3038000
    sqlite3_value *member = NULL;
    int rc = sqlite3_vtab_in_first(value, &member);
    ids->given = true;
    for (; rc == SQLITE_OK && member; rc = sqlite3_vtab_in_next(value, &member))
        if (integer(member, &id) && add_id(ids, id) != SQLITE_OK)
            return SQLITE_NOMEM;
    return rc == SQLITE_OK || rc == SQLITE_DONE ? SQLITE_OK : rc;
#else
    return SQLITE_OK;
#endif
}

static void choose_op(struct event_filter *f, sqlite3_value *value) {
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return;
    const char *name = (const char *)sqlite3_value_text(value);
    uint32_t op = op_from_name(name);
    bool is_name = name && strcmp(op_name(op), name) == 0; /* "unknown" is one */
    uint32_t bit = is_name ? 1u << op : 1u << 31;
    f->ops = f->ops && f->ops != bit ? 1u << 31 : bit; /* two different ones: none */
}

static int apply(struct event_filter *f, char column, char op, sqlite3_value *value) {
    int64_t id;
    if (op != '@' && sqlite3_value_type(value) == SQLITE_NULL) {
        no_rows(f); /* a comparison with NULL is never true */
        return SQLITE_OK;
    }
    switch (column) {
    case 'r':
        f->recording_id = integer(value, &id) && !f->recording_id ? id : f->recording_id;
        return SQLITE_OK;
    case 'p':
        f->process_id = integer(value, &id) && !f->process_id ? id : f->process_id;
        return SQLITE_OK;
    case 'c':
        if (!integer(value, &id))
            return SQLITE_OK;
        if (op == '!')
            return add_id(&f->not_chunks, id);
        f->chunk_id = f->chunk_id ? f->chunk_id : id;
        return SQLITE_OK;
    case 't':
        return choose_ids(&f->threads, op, value);
    case 's':
        return choose_ids(&f->sites, op, value);
    case 'o':
        choose_op(f, value);
        return SQLITE_OK;
    case 'n':
        narrow(f, &f->min_ns, &f->max_ns, op, value);
        return SQLITE_OK;
    case '#':
        narrow(f, &f->min_number, &f->max_number, op, value);
        return SQLITE_OK;
    default:
        narrow(f, &f->min_size, &f->max_size, op, value);
        return SQLITE_OK;
    }
}

static int set_message(struct cursor *c, int err, const char *message) {
    sqlite3_free(c->base.pVtab->zErrMsg);
    c->base.pVtab->zErrMsg = sqlite3_mprintf("%s", message ? message : "out of memory");
    return err == -ENOMEM    ? SQLITE_NOMEM
           : err == -EBADMSG ? SQLITE_CORRUPT_VTAB
                             : SQLITE_ERROR;
}

static void filter_deinit(struct event_filter *f) {
    free(f->threads.items);
    free(f->sites.items);
    free(f->not_chunks.items);
    *f = (struct event_filter){0};
}

static int copy_ids(struct event_ids *to, const struct event_ids *from) {
    *to = *from;
    to->items = from->n ? malloc(from->n * sizeof *from->items) : NULL;
    if (from->n && !to->items)
        return -ENOMEM;
    if (from->n)
        memcpy(to->items, from->items, from->n * sizeof *from->items);
    return 0;
}

/* Readers take their filter's arrays over, and there may be several, one after another. */
static int open_reader(void *context, struct event_reader **out) {
    struct cursor *c = context;
    struct table *t = (struct table *)c->base.pVtab;
    struct event_filter f = c->filter;
    char *message = NULL;
    int r = copy_ids(&f.threads, &c->filter.threads);
    r |= copy_ids(&f.sites, &c->filter.sites);
    r |= copy_ids(&f.not_chunks, &c->filter.not_chunks);
    *out = NULL;
    if (r < 0) {
        filter_deinit(&f);
        return -ENOMEM;
    }
    r = event_reader_new(t->db, &f, out, &message);
    if (r < 0)
        set_message(c, r, message);
    free(message);
    return r;
}

static void close_reader(void *context, struct event_reader *reader, int r) {
    struct cursor *c = context;
    struct table *t = (struct table *)c->base.pVtab;
    *t->module->decoded += event_reader_decoded(reader);
    if (r < 0)
        set_message(c, r, r == -ENOMEM ? NULL : event_reader_message(reader));
    event_reader_free(reader);
}

static int result_of(struct cursor *c, int r) {
    c->end = r <= 0;
    if (r >= 0)
        return SQLITE_OK;
    return r == -ENOMEM    ? SQLITE_NOMEM
           : r == -EBADMSG ? SQLITE_CORRUPT_VTAB
                           : SQLITE_ERROR;
}

static int cursor_next(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    struct table *t = (struct table *)base->pVtab;
    if (c->groups)
        return result_of(c, event_groups_next(c->groups));
    uint64_t before = event_reader_decoded(c->reader);
    int r = event_reader_next(c->reader, &c->row);
    *t->module->decoded += event_reader_decoded(c->reader) - before;
    c->end = r <= 0;
    return r < 0 ? set_message(c, r, event_reader_message(c->reader)) : SQLITE_OK;
}

static void end_rows(struct cursor *c) {
    c->reader = event_reader_free(c->reader);
    c->groups = event_groups_free(c->groups);
    filter_deinit(&c->filter);
}

/* @plan: what plan_groups() wrote */
static int open_groups(struct cursor *c, const char *plan) {
    const struct table *t = (const struct table *)c->base.pVtab;
    struct event_groups_source source = {.distinct = *plan == '!',
                                         .value = column_value,
                                         .compare = compare_values,
                                         .events = t->module->events,
                                         .open = open_reader,
                                         .close = close_reader,
                                         .context = c};
    sqlite3_int64 soft = sqlite3_soft_heap_limit64(-1);
    if (soft > 0 && (uint64_t)soft < EVENT_GROUPS_BYTES)
        source.most_bytes = (uint64_t)soft;
    for (plan++; *plan != '|'; plan++)
        source.keys[source.n_keys++] = *plan - 'A';
    for (plan++; *plan; plan++)
        source.cells[source.n_cells++] = *plan - 'A';
    return event_groups_new(&source, &c->groups);
}

/* Are there recordings, and all of them without events? An empty answer would be a lie. */
static bool sums_alone(sqlite3 *db) {
    sqlite3_stmt *s = NULL;
    bool alone =
        sqlite3_prepare_v2(db,
                           "SELECT count(*) > 0 AND total(detail = 'events') = 0 "
                           "FROM recording",
                           -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW && sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return alone;
}

static int cursor_filter(sqlite3_vtab_cursor *base, int ends, const char *plan, int argc,
                         sqlite3_value **argv) {
    struct cursor *c = (struct cursor *)base;
    struct table *t = (struct table *)base->pVtab;
    struct event_filter *f = &c->filter;
    end_rows(c);
    *f = (struct event_filter)EVENT_FILTER_ALL;
    f->allocations_only = !t->module->events;
    f->ends = ends != 0;
    if (sums_alone(t->db))
        return set_message(
            c, -ENOENT,
            "no single events are stored: the recordings here were made with "
            "--detail=sites, and this needs --detail=events");
    int rc = SQLITE_OK;
    for (int i = 0; i < argc && rc == SQLITE_OK; i++)
        rc = apply(f, plan[2 * i], plan[2 * i + 1], argv[i]);
    if (rc != SQLITE_OK)
        return rc;
    const char *groups = plan + 2 * (size_t)argc;
    int r = *groups ? open_groups(c, groups) : open_reader(c, &c->reader);
    return r < 0 ? result_of(c, r) : cursor_next(base);
}

static int cursor_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out) {
    (void)table;
    struct cursor *c = sqlite3_malloc64(sizeof *c);
    if (!c)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    *out = &c->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base) {
    struct cursor *c = (struct cursor *)base;
    end_rows(c);
    sqlite3_free(c);
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *base) {
    return ((struct cursor *)base)->end;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context,
                         int column) {
    const struct cursor *c = (const struct cursor *)base;
    bool events = ((const struct table *)base->pVtab)->module->events;
    column_result(context, column, events,
                  c->groups ? event_groups_value(c->groups, column)
                            : column_value(&c->row, column, events));
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    struct cursor *c = (struct cursor *)base;
    const struct allocation *a = &c->row;
    if (c->groups)
        return set_message(c, -EINVAL,
                           "no rowid is known of rows that are grouped: process_id and "
                           "number name an event");
    *out = (sqlite3_int64)((uint64_t)a->process_id << 40 | (a->number & 0xffffffffffull));
    return SQLITE_OK;
}

/* --- registering --- */

/* xCreate is NULL: the tables are there without CREATE VIRTUAL TABLE, in read-only files
 * too. */
static const sqlite3_module methods = {
    .xConnect = table_connect,
    .xDisconnect = table_disconnect,
    .xBestIndex = table_best_index,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_filter,
    .xNext = cursor_next,
    .xEof = cursor_eof,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

struct modules {
    uint64_t decoded;
    struct module allocation, event;
    int references;
};

static void release(void *module_pointer) {
    const struct module *m = module_pointer;
    /* `decoded` is the first member of the struct that both modules lie in. */
    struct modules *all = (struct modules *)m->decoded;
    if (--all->references == 0)
        sqlite3_free(all);
}

static void release_function(void *all_pointer) {
    struct modules *all = all_pointer;
    if (--all->references == 0)
        sqlite3_free(all);
}

static void chunks_decoded(sqlite3_context *context, int argc, sqlite3_value **argv) {
    const struct modules *all = sqlite3_user_data(context);
    (void)argc, (void)argv;
    sqlite3_result_int64(context, number(all->decoded));
}

int allocation_table_register(sqlite3 *db) {
    struct modules *all = sqlite3_malloc64(sizeof *all);
    if (!all)
        return SQLITE_NOMEM;
    *all = (struct modules){.event.events = true, .references = 3};
    all->allocation.decoded = all->event.decoded = &all->decoded;
    /* Each of these calls its destructor also when it fails. */
    int rc =
        sqlite3_create_module_v2(db, "allocation", &methods, &all->allocation, release);
    if (rc != SQLITE_OK) {
        release_function(all), release_function(all);
        return rc;
    }
    rc = sqlite3_create_module_v2(db, "event", &methods, &all->event, release);
    if (rc != SQLITE_OK) {
        release_function(all);
        return rc;
    }
    return sqlite3_create_function_v2(db, "chunks_decoded", 0, SQLITE_UTF8, all,
                                      chunks_decoded, NULL, NULL, release_function);
}
