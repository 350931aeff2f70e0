/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth merge`: one database from several, without losing an attempt: shards of a
 * replay on several machines, recordings of several hosts.
 *
 *   for each input, each table in order of dependence:
 *     row ──references through the maps──► the same row in OUT ──► map of its id
 *                                          (found by what makes it unique, or inserted)
 *
 * A map holds the id in OUT: positive for a row that is new there, negative for one that
 * was there. What belongs to a recording that is there already (the same moment, program
 * and folder) is not copied again; replays, attempts and findings are matched one by one,
 * since two copies of one database may each have gone on. Ids inside event chunks are
 * rewritten. One transaction an input: an error leaves OUT as it was before that input.
 *
 * Shards are copies of one database: of hundreds of thousands of rows each has a few of its own. What
 * looking a row up gave is remembered for the next input (merge_memory.h); only rows that are not known so are
 * read whole, and of what belongs to another row only what belongs to a new one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chunk.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "file_mark.h"
#include "finding.h"
#include "idmap.h"
#include "merge.h"
#include "merge_memory.h"
#include "store.h"
#include "store_namesakes.h"
#include "store_owner.h"
#include "store_shards.h"
#include "text.h"

enum table {
    NO_TABLE = -1,
    T_MODULE,
    T_FRAME,
    T_SYMBOL,
    T_STACK,
    T_LOCATION,
    T_SITE,
    T_SETTING,
    T_RECORDING,
    T_PROCESS,
    T_PROCESS_MODULE,
    T_THREAD,
    T_RING_MARK, /* copied and forgotten: forget_sessions() */
    T_SITE_STAT,
    T_EVENT_CHUNK,
    T_REPLAY,
    T_NOTE,
    T_BASELINE,
    T_BASELINE_SITE,
    T_ATTEMPT,
    T_FINDING,
    T_FINDING_ATTEMPT,
    T_SKIPPED,
    T_ERROR_PATH,
    T_LEAK,
    T_REFUSED,
    T_SURVIVOR,
    T_BASELINE_FILE,
    T_ENVIRONMENT,
    T_UNIT,
    T_UNIT_RUN,
    T_TARGET,
    T_TARGET_SITE,
    T_FORMER_FILE,
    T_BASELINE_SIGNAL,
    T_TEST,
    T_TEST_SITE,
    N_TABLES
};

struct reference {
    const char *column;
    enum table table;
};

struct rule {
    const char *name;
    const char *order; /* of reading: what is referred to comes first */
    /* Column through which a row belongs to another: rows of old owners are not copied. */
    const char *owner;
    /* Finds the row in OUT: id, whether it counts as old, and perhaps whether there is anything to update. Named parameters are
     * columns; with the same ones a row that was old, with nothing to update, is so again, whatever was merged in between.
     * NULL = never there (with an owner), or kept apart by its primary key
     * (INSERT OR IGNORE). */
    const char *find;
    const char *update; /* of a row that was found; :id is its id */
    bool has_id;
    struct reference references[7]; /* ended by a NULL column */
};

/* In order of dependence. */
static const struct rule rules[N_TABLES] = {
    [T_MODULE] =
        {"module",
         "id",
         NULL,
         "SELECT id, 1, symbols IS NULL FROM module WHERE build_id = :build_id AND path = "
         ":path",
         "UPDATE module SET symbols = coalesce(symbols, :symbols) WHERE id = :id",
         true,
         {{NULL}}},
    /* A frame counts as old when its symbols are there: else this input's are taken. */
    [T_FRAME] =
        {"frame",
         "id",
         NULL,
         "SELECT id, resolved, resolved < :resolved FROM frame WHERE module_id = :module_id AND offset = "
         ":offset",
         "UPDATE frame SET resolved = max(resolved, :resolved) WHERE id = :id",
         true,
         {{"module_id", T_MODULE}}},
    [T_SYMBOL] =
        {"symbol", "frame_id", "frame_id", NULL, NULL, false, {{"frame_id", T_FRAME}}},
    [T_STACK] = {"stack",
                 "depth, id",
                 NULL,
                 "SELECT id, 1 FROM stack WHERE key = :key",
                 NULL,
                 true,
                 {{"parent_id", T_STACK}, {"frame_id", T_FRAME}}},
    [T_LOCATION] = {"location",
                    "id",
                    NULL,
                    "SELECT id, 1 FROM location WHERE name = :name",
                    NULL,
                    true,
                    {{"module_id", T_MODULE}}},
    [T_SITE] =
        {"site",
         "id",
         NULL,
         "SELECT id, 1, location_id IS NULL OR portable_key IS NULL OR error_path > "
         ":error_path FROM site WHERE key = :key",
         "UPDATE site SET location_id = coalesce(location_id, :location_id), "
         "portable_key = coalesce(portable_key, :portable_key), error_path = "
         "min(error_path, :error_path) WHERE id = :id",
         true,
         {{"stack_id", T_STACK}, {"location_id", T_LOCATION}}},
    [T_SETTING] = {"setting", "name", NULL, NULL, NULL, false, {{NULL}}},
    [T_RECORDING] =
        {"recording",
         "id",
         NULL,
         "SELECT id, 1 FROM recording WHERE started_unix_ns = :started_unix_ns "
         "AND exe = :exe AND cwd = :cwd AND argv IS :argv",
         NULL,
         true,
         {{"suite_id", T_RECORDING}}},
    [T_PROCESS] = {"process",
                   "id",
                   "recording_id",
                   NULL,
                   NULL,
                   true,
                   {{"recording_id", T_RECORDING}, {"parent_id", T_PROCESS}}},
    [T_PROCESS_MODULE] = {"process_module",
                          "rowid",
                          "process_id",
                          NULL,
                          NULL,
                          false,
                          {{"process_id", T_PROCESS}, {"module_id", T_MODULE}}},
    [T_THREAD] =
        {"thread", "id", "process_id", NULL, NULL, true, {{"process_id", T_PROCESS}}},
    [T_RING_MARK] = {"ring_mark",
                     "process_id",
                     "process_id",
                     NULL,
                     NULL,
                     false,
                     {{"process_id", T_PROCESS}}},
    [T_SITE_STAT] = {"site_stat",
                     "recording_id",
                     "recording_id",
                     NULL,
                     NULL,
                     false,
                     {{"recording_id", T_RECORDING},
                      {"process_id", T_PROCESS},
                      {"site_id", T_SITE},
                      {"first_thread_id", T_THREAD}}},
    [T_EVENT_CHUNK] = {"event_chunk",
                       "process_id, ordinal",
                       "process_id",
                       NULL,
                       NULL,
                       true,
                       {{"process_id", T_PROCESS}}},
    [T_REPLAY] = {"replay",
                  "id",
                  NULL,
                  "SELECT id, 1 FROM replay WHERE recording_id = :recording_id AND "
                  "started_unix_ns = :started_unix_ns AND options = :options",
                  NULL,
                  true,
                  {{"recording_id", T_RECORDING}}},
    [T_NOTE] =
        {"note",
         "id",
         NULL,
         "SELECT id, 1 FROM note WHERE recording_id IS :recording_id AND replay_id IS "
         ":replay_id AND kind = :kind AND text = :text AND subject IS :subject",
         NULL,
         true,
         {{"recording_id", T_RECORDING}, {"replay_id", T_REPLAY}}},
    [T_BASELINE] =
        {"baseline",
         "id",
         NULL,
         "SELECT id, 1 FROM baseline WHERE replay_id = :replay_id AND ordinal = "
         ":ordinal",
         NULL,
         true,
         {{"replay_id", T_REPLAY}}},
    [T_BASELINE_SITE] = {"baseline_site",
                         "baseline_id",
                         "baseline_id",
                         NULL,
                         NULL,
                         false,
                         {{"baseline_id", T_BASELINE}, {"site_id", T_SITE}}},
    [T_ATTEMPT] =
        {"attempt",
         "id",
         NULL,
         "SELECT id, 1 FROM attempt WHERE site_id = :site_id AND replay_id = "
         ":replay_id AND occurrence = :occurrence AND mode = :mode AND burst = "
         ":burst AND how = :how AND under = :under AND thread = :thread AND repeat = "
         ":repeat AND started_unix_ns = "
         ":started_unix_ns",
         NULL,
         true,
         {{"replay_id", T_REPLAY},
          {"site_id", T_SITE},
          {"crash_stack_id", T_STACK},
          {"sample_stack_id", T_STACK},
          {"second_site_id", T_SITE},
          {"last_site_id", T_SITE},
          {"damage_site_id", T_SITE}}},
    /* The same finding in two shards: its rate is that of both, unless its evidence was
       there, perhaps with the folders of what OUT has two of (store_namesakes.h). */
    [T_FINDING] =
        {"finding",
         "id",
         NULL,
         "SELECT id, 1 FROM finding WHERE identity = :identity UNION ALL SELECT f.id, 1 FROM "
         "finding f JOIN finding_attempt l ON l.finding_id = f.id WHERE NOT "
         ":attempt_id_is_new AND l.attempt_id = :attempt_id AND substr(f.identity, 1, "
         "length(:identity) + 4) = :identity || '" FINDING_WITHIN "' LIMIT 1",
         "UPDATE finding SET bad = bad + :bad, tried = tried + :tried, unreached = "
         "unreached + :unreached WHERE id = :id AND :attempt_id_is_new",
         true,
         {{"replay_id", T_REPLAY},
          {"location_id", T_LOCATION},
          {"attempt_id", T_ATTEMPT}}},
    [T_FINDING_ATTEMPT] = {"finding_attempt",
                           "finding_id",
                           NULL,
                           NULL,
                           NULL,
                           false,
                           {{"finding_id", T_FINDING}, {"attempt_id", T_ATTEMPT}}},
    [T_SKIPPED] = {"skipped",
                   "replay_id",
                   NULL,
                   NULL,
                   NULL,
                   false,
                   {{"replay_id", T_REPLAY}, {"site_id", T_SITE}}},
    [T_ERROR_PATH] = {"error_path",
                      "attempt_id",
                      "attempt_id",
                      NULL,
                      NULL,
                      false,
                      {{"attempt_id", T_ATTEMPT}, {"site_id", T_SITE}}},
    [T_LEAK] = {"leak",
                "attempt_id",
                "attempt_id",
                NULL,
                NULL,
                false,
                {{"attempt_id", T_ATTEMPT}, {"site_id", T_SITE}}},
    [T_REFUSED] = {"refused",
                   "replay_id",
                   NULL,
                   NULL,
                   NULL,
                   false,
                   {{"replay_id", T_REPLAY}, {"site_id", T_SITE}}},
    [T_SURVIVOR] = {"survivor",
                    "replay_id",
                    NULL,
                    NULL,
                    NULL,
                    false,
                    {{"replay_id", T_REPLAY}, {"site_id", T_SITE}}},
    [T_BASELINE_FILE] = {"baseline_file",
                         "baseline_id",
                         "baseline_id",
                         NULL,
                         NULL,
                         false,
                         {{"baseline_id", T_BASELINE}}},
    [T_ENVIRONMENT] = {"environment",
                       "id",
                       NULL,
                       "SELECT id, 1 FROM environment WHERE digest = :digest",
                       NULL,
                       true,
                       {{NULL}}},
    [T_UNIT] =
        {"unit",
         "id",
         NULL,
         "SELECT id, 1 FROM unit WHERE recording_id = :recording_id AND ordinal = :ordinal",
         NULL,
         true,
         {{"recording_id", T_RECORDING}, {"environment_id", T_ENVIRONMENT}}},
    /* Refused on one machine, proved on another: both are told. */
    [T_UNIT_RUN] =
        {"unit_run",
         "id",
         NULL,
         "SELECT id, 1 FROM unit_run WHERE unit_id = :unit_id AND recording_id IS "
         ":recording_id AND reason IS :reason",
         "UPDATE unit_run SET reached = :reached WHERE id = :id AND reached < :reached",
         true,
         {{"unit_id", T_UNIT}, {"recording_id", T_RECORDING}}},
    [T_TARGET] =
        {"target",
         "id",
         NULL,
         "SELECT id, 1, ('tested' IN (state, :state) AND (state <> 'tested' OR reason IS NOT "
         "NULL)) OR contexts_tested < :contexts_tested FROM target WHERE recording_id = "
         ":recording_id AND key = :key",
         "UPDATE target SET reason = CASE WHEN 'tested' IN (state, :state) THEN NULL ELSE "
         "reason END, state = CASE WHEN 'tested' IN (state, :state) THEN 'tested' ELSE "
         "state END, contexts_tested = max(contexts_tested, :contexts_tested) WHERE id = "
         ":id",
         true,
         {{"recording_id", T_RECORDING}}},
    [T_TARGET_SITE] = {"target_site",
                       "target_id",
                       "target_id",
                       NULL,
                       NULL,
                       false,
                       {{"target_id", T_TARGET}, {"site_id", T_SITE}}},
    [T_FORMER_FILE] = {"former_file",
                       "rowid",
                       "recording_id",
                       NULL,
                       NULL,
                       false,
                       {{"recording_id", T_RECORDING}}},
    [T_BASELINE_SIGNAL] = {"baseline_signal",
                           "baseline_id",
                           "baseline_id",
                           NULL,
                           NULL,
                           false,
                           {{"baseline_id", T_BASELINE}}},
    [T_TEST] = {"test",
                "id",
                NULL,
                "SELECT id, 1 FROM test WHERE recording_id = :recording_id AND unit_id = "
                ":unit_id AND whole_id IS :whole_id AND harness = :harness AND name = "
                ":name",
                NULL,
                true,
                {{"recording_id", T_RECORDING},
                 {"unit_id", T_UNIT},
                 {"whole_id", T_UNIT}}},
    [T_TEST_SITE] = {"test_site",
                     "test_id",
                     "test_id",
                     NULL,
                     NULL,
                     false,
                     {{"test_id", T_TEST}, {"site_id", T_SITE}}},
};

#define MAX_COLUMNS 128

struct merge_buffer {
    struct chunk_event events[CHUNK_MAX_EVENTS];
    struct merge_memory memory; /* of what OUT has */
    int64_t version;            /* of OUT, when that was so: others may write to it */
    struct text content;        /* scratch of content_of() */
};

struct merge {
    struct store *out, *in;
    struct idmap maps[N_TABLES];
    uint64_t added[N_TABLES], found[N_TABLES];
    bool same_sites; /* the ids of sites are the same in both */
    char *stranger;  /* why the commands of this input are not trusted; NULL = they are */
    struct merge_buffer *buffer;
};

/* A statement whose parameters are columns, by name; looked up once, not for each row. */
struct named {
    sqlite3_stmt *q;
    int n;
    struct parameter {
        enum { BIND_ID, BIND_IS_NEW, BIND_COLUMN } what;
        int column;
    } parameters[MAX_COLUMNS];
};

/* One table of one input. */
struct copy {
    struct merge *merge;
    enum table table;
    sqlite3_stmt *read, *insert;
    struct named find, update;
    int n_columns, owner, id; /* owner, id: column, -1 = none */
    enum table refers[MAX_COLUMNS];
    bool fresh[MAX_COLUMNS]; /* of this row: the row referred to is new in OUT */
    sqlite3_value *values[MAX_COLUMNS]; /* of this row; references are in `ids` */
    int64_t ids[MAX_COLUMNS];           /* 0 = NULL */
};

/* --- preparing --- */

static int column_named(sqlite3_stmt *q, const char *name) {
    for (int i = 0; name && i < sqlite3_column_count(q); i++)
        if (strcmp(sqlite3_column_name(q, i), name) == 0)
            return i;
    return -1;
}

static char *insert_sql(const struct copy *c) {
    struct text columns = {0};
    AUTO_TEXT struct text values = {0};
    for (int i = 0; i < c->n_columns; i++) {
        if (i == c->id)
            continue;
        text_addf(&columns, "%s\"%s\"", columns.n ? "," : "",
                  sqlite3_column_name(c->read, i));
        text_addf(&values, "%s?%d", values.n ? "," : "", i + 1);
    }
    char *sql = text_format("INSERT OR %s INTO %s(%s) VALUES (%s)",
                            rules[c->table].has_id ? "ABORT" : "IGNORE",
                            rules[c->table].name, columns.data, values.data);
    text_deinit(&columns);
    return sql;
}

/* Look up which columns of `read` its parameters are. */
static void find_parameters(const struct copy *c, struct named *out) {
    out->n = sqlite3_bind_parameter_count(out->q);
    for (int i = 0; i < out->n && i < MAX_COLUMNS; i++) {
        const char *name = sqlite3_bind_parameter_name(out->q, i + 1) + 1;
        size_t n = strlen(name);
        struct parameter *p = &out->parameters[i];
        bool is_new = n > 7 && strcmp(name + n - 7, "_is_new") == 0;
        AUTO_FREE char *column = text_format("%.*s", (int)(is_new ? n - 7 : n), name);
        p->what = is_new ? BIND_IS_NEW : strcmp(name, "id") == 0 ? BIND_ID : BIND_COLUMN;
        p->column = p->what == BIND_ID ? 0 : column_named(c->read, column);
    }
}

static int prepare_named(struct copy *c, const char *sql, struct named *out) {
    int r = sql ? store_prepare(c->merge->out, sql, &out->q) : 0;
    if (r == 0 && sql)
        find_parameters(c, out);
    return r;
}

/* Look up what the columns of `read` are. */
static int find_columns(struct copy *c) {
    const struct rule *rule = &rules[c->table];
    c->n_columns = sqlite3_column_count(c->read);
    if (c->n_columns > MAX_COLUMNS)
        return error_print(0, "%s: table %s has %d columns", c->merge->in->path,
                           rule->name, c->n_columns);
    c->owner = column_named(c->read, rule->owner);
    c->id = rule->has_id ? column_named(c->read, "id") : -1;
    for (int i = 0; i < c->n_columns; i++) {
        c->refers[i] = NO_TABLE;
        for (const struct reference *f = rule->references; f->column; f++)
            if (strcmp(sqlite3_column_name(c->read, i), f->column) == 0)
                c->refers[i] = f->table;
    }
    return 0;
}

/* The rows to read: all, or those whose @column is one of @ids, a JSON array. */
static int prepare_read(struct copy *c, const char *column, const struct text *ids) {
    const struct rule *rule = &rules[c->table];
    AUTO_FREE char *where =
        column ? text_format("WHERE %s IN (SELECT value FROM json_each(?1)) ", column)
               : text_dup("");
    AUTO_FREE char *sql =
        text_format("SELECT * FROM %s %sORDER BY %s", rule->name, where, rule->order);
    int r = store_prepare(c->merge->in, sql, &c->read);
    if (r == 0 && column)
        sqlite3_bind_text64(c->read, 1, ids->data, ids->n, SQLITE_STATIC, SQLITE_UTF8);
    return r;
}

static int prepare_write(struct copy *c) {
    const struct rule *rule = &rules[c->table];
    AUTO_FREE char *insert = insert_sql(c);
    int r = store_prepare(c->merge->out, insert, &c->insert);
    if (r == 0)
        r = prepare_named(c, rule->find, &c->find);
    return r == 0 ? prepare_named(c, rule->update, &c->update) : r;
}

/* To read of each row what it is found by alone, in whatever order. */
static int prepare_recall(struct copy *c) {
    const struct rule *rule = &rules[c->table];
    AUTO_TEXT struct text columns = {0};
    int r = store_prepare(c->merge->out, rule->find, &c->find.q);
    if (r < 0)
        return r;
    for (int i = 1; i <= sqlite3_bind_parameter_count(c->find.q); i++)
        text_addf(&columns, ",\"%s\"", sqlite3_bind_parameter_name(c->find.q, i) + 1);
    AUTO_FREE char *sql = text_format("SELECT id%s FROM %s", columns.data, rule->name);
    if ((r = store_prepare(c->merge->in, sql, &c->read)) < 0 || (r = find_columns(c)) < 0)
        return r;
    find_parameters(c, &c->find);
    return 0;
}

static void copy_deinit(struct copy *c) {
    sqlite3_finalize(c->read);
    sqlite3_finalize(c->find.q);
    sqlite3_finalize(c->insert);
    sqlite3_finalize(c->update.q);
}

/* --- one row --- */

/* Most rows of a copy of OUT do: nothing else of them is read. */
static bool is_of_old(const struct copy *c) {
    int64_t mapped = 0;
    if (c->owner < 0 || sqlite3_column_type(c->read, c->owner) == SQLITE_NULL)
        return false;
    return !idmap_get(&c->merge->maps[c->refers[c->owner]],
                      sqlite3_column_int64(c->read, c->owner), &mapped) ||
           mapped < 0;
}

/* Read the row, references mapped. Return: 0, 1 = belongs to what is not copied, -EINVAL. */
static int read_row(struct copy *c) {
    if (is_of_old(c))
        return 1;
    for (int i = 0; i < c->n_columns; i++) {
        int64_t id = sqlite3_column_int64(c->read, i), mapped = 0;
        c->values[i] = sqlite3_column_value(c->read, i);
        c->ids[i] = 0;
        c->fresh[i] = false;
        if (c->refers[i] == NO_TABLE || sqlite3_column_type(c->read, i) == SQLITE_NULL)
            continue;
        bool there = idmap_get(&c->merge->maps[c->refers[i]], id, &mapped);
        if (!there)
            return error_print(
                0, "%s: is damaged: %s.%s names row %lld of %s, which is not there",
                c->merge->in->path, rules[c->table].name, sqlite3_column_name(c->read, i),
                (long long)id, rules[c->refers[i]].name);
        c->ids[i] = llabs(mapped);
        c->fresh[i] = mapped > 0;
    }
    return 0;
}

static void bind_column(const struct copy *c, sqlite3_stmt *q, int parameter,
                        int column) {
    if (c->refers[column] == NO_TABLE)
        sqlite3_bind_value(q, parameter, c->values[column]);
    else if (c->ids[column])
        sqlite3_bind_int64(q, parameter, c->ids[column]);
    else
        sqlite3_bind_null(q, parameter);
}

/* Bind :column, :column_is_new and :id. */
static void bind_named(const struct copy *c, const struct named *named, int64_t id) {
    for (int i = 0; i < named->n; i++) {
        const struct parameter *p = &named->parameters[i];
        if (p->what == BIND_ID)
            sqlite3_bind_int64(named->q, i + 1, id);
        else if (p->what == BIND_IS_NEW)
            sqlite3_bind_int(named->q, i + 1, c->fresh[p->column]);
        else
            bind_column(c, named->q, i + 1, p->column);
    }
}

enum { FOUND_ID, FOUND_OLD, FOUND_OTHER }; /* columns of the rules' queries */

/* Find the row in OUT. Return: 0 and @id (0 = not there), @old and whether it is to be updated, or -EIO. */
static int find_row(struct copy *c, int64_t *id, bool *old, bool *other) {
    *id = 0;
    *other = c->update.q != NULL;
    if (!c->find.q)
        return 0;
    bind_named(c, &c->find, 0);
    int rc = sqlite3_step(c->find.q);
    if (rc == SQLITE_ROW) {
        *id = sqlite3_column_int64(c->find.q, FOUND_ID);
        *old = sqlite3_column_int(c->find.q, FOUND_OLD) != 0;
        if (sqlite3_column_count(c->find.q) > FOUND_OTHER)
            *other = sqlite3_column_int(c->find.q, FOUND_OTHER) != 0;
    }
    sqlite3_reset(c->find.q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE
               ? 0
               : store_error(c->merge->out, "looking up");
}

/* --- rows of former inputs --- */

static void add_value(const struct copy *c, struct text *t, int column) {
    int type = c->refers[column] != NO_TABLE ? SQLITE_INTEGER
                                             : sqlite3_column_type(c->read, column);
    int64_t id = c->ids[column];
    double real;
    int n;
    text_add_n(t, (const char *)&type, sizeof type);
    switch (type) {
    case SQLITE_INTEGER:
        if (c->refers[column] == NO_TABLE)
            id = sqlite3_column_int64(c->read, column);
        text_add_n(t, (const char *)&id, sizeof id);
        break;
    case SQLITE_FLOAT:
        real = sqlite3_column_double(c->read, column);
        text_add_n(t, (const char *)&real, sizeof real);
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        n = sqlite3_column_bytes(c->read, column);
        text_add_n(t, (const char *)&n, sizeof n);
        if (n)
            text_add_n(t, sqlite3_column_blob(c->read, column), (size_t)n);
        break;
    default:
        break;
    }
}

/* Hash of all that find_row() goes by. */
static struct dearth_key content_of(const struct copy *c) {
    struct text *t = &c->merge->buffer->content;
    t->n = 0;
    text_add_n(t, (const char *)&c->table, sizeof c->table);
    for (int i = 0; i < c->find.n; i++)
        add_value(c, t, c->find.parameters[i].column);
    return key_hash(t->data, t->n);
}

static bool can_recall(enum table table) {
    const struct rule *rule = &rules[table];
    return rule->has_id && rule->find && !strstr(rule->find, "_is_new");
}

static void remember(const struct copy *c, int64_t id) {
    if (can_recall(c->table))
        merge_memory_put(&c->merge->buffer->memory, content_of(c), id);
}

/* Map the rows that former inputs had as well. Return: 0 and @ids of the others, a JSON array, or a negative
 * errno after a message. */
static int recall_rows(struct copy *c, struct text *ids) {
    struct merge *m = c->merge;
    int rc = SQLITE_DONE, r = prepare_recall(c);
    text_add(ids, "[");
    while (r == 0 && (rc = sqlite3_step(c->read)) == SQLITE_ROW) {
        int64_t from = sqlite3_column_int64(c->read, c->id), id = 0;
        if ((r = read_row(c)) == 0)
            id = merge_memory_get(&m->buffer->memory, content_of(c));
        m->found[c->table] += id != 0;
        if (id)
            idmap_put(&m->maps[c->table], from, -id);
        else if (r == 0)
            text_addf(ids, "%s%lld", ids->n > 1 ? "," : "", (long long)from);
    }
    text_add(ids, "]");
    return r == 0 && rc != SQLITE_DONE ? store_error(m->in, "reading") : r;
}

/* --- copying --- */

/* The blob with the ids of sites as they are in OUT. A chunk that cannot be read is kept
 * as it is, and said so: it is no reason to lose the rest. */
static int bind_chunk(struct copy *c, int column) {
    struct merge *m = c->merge;
    struct chunk_event *events = m->buffer->events;
    uint64_t first;
    uint32_t n;
    int size = sqlite3_column_bytes(c->read, column);
    const uint8_t *blob = sqlite3_column_blob(c->read, column);
    if (m->same_sites)
        return 0;
    if (chunk_read(blob, (size_t)size, events, &first, &n) < 0) {
        error_warn("%s: event chunk %lld is damaged; it is copied as it is", m->in->path,
                   (long long)sqlite3_column_int64(c->read, c->id));
        return 0;
    }
    struct chunk_writer *writer = chunk_writer_new(first);
    struct chunk_summary summary;
    const uint8_t *data;
    size_t n_data;
    for (uint32_t i = 0; i < n; i++) {
        int64_t site = 0;
        if (events[i].site && idmap_get(&m->maps[T_SITE], events[i].site, &site))
            site = llabs(site);
        events[i].site = site;
        chunk_writer_add(writer, &events[i]);
    }
    int r = chunk_writer_finish(writer, &summary, &data, &n_data);
    if (r == 0)
        sqlite3_bind_blob64(c->insert, column + 1, data, n_data, SQLITE_TRANSIENT);
    else
        r = error_print(-EIO, "%s: an event chunk cannot be compressed", m->out->path);
    chunk_writer_free(writer);
    return r;
}

/* Whose commands these are must not be lost by merging them: the first reason stays. */
static void bind_stranger(struct copy *c, int column) {
    const struct merge *m = c->merge;
    if (!m->stranger || sqlite3_column_type(c->read, column) != SQLITE_NULL)
        return;
    char *reason =
        text_format("it was merged from %s, which %s", m->in->path, m->stranger);
    sqlite3_bind_text(c->insert, column + 1, reason, -1, free);
}

static int insert_row(struct copy *c) {
    for (int i = 0; i < c->n_columns; i++)
        if (i != c->id)
            bind_column(c, c->insert, i + 1, i);
    if (c->table == T_RECORDING || c->table == T_REPLAY)
        bind_stranger(c, column_named(c->read, "stranger"));
    int r = c->table == T_EVENT_CHUNK ? bind_chunk(c, column_named(c->read, "data")) : 0;
    return r < 0 ? r : store_step_done(c->merge->out, c->insert);
}

static int copy_row(struct copy *c) {
    struct merge *m = c->merge;
    int64_t id, from = c->id < 0 ? 0 : sqlite3_column_int64(c->read, c->id);
    bool old = false, other = false;
    int r = read_row(c);
    if (r != 0)
        return r < 0 ? r : 0;
    if ((r = find_row(c, &id, &old, &other)) < 0)
        return r;
    if (id) {
        m->found[c->table]++;
        idmap_put(&m->maps[c->table], from, old ? -id : id);
        if (old && !other)
            remember(c, id);
        if (!other)
            return 0;
        bind_named(c, &c->update, id);
        return store_step_done(m->out, c->update.q);
    }
    if ((r = insert_row(c)) < 0)
        return r;
    m->added[c->table] += (uint64_t)sqlite3_changes(m->out->db);
    if (c->id >= 0)
        idmap_put(&m->maps[c->table], from, sqlite3_last_insert_rowid(m->out->db));
    return 0;
}

/* The rows whose @column is one of @ids, a JSON array; NULL = all. */
static int copy_rows(struct merge *m, enum table table, const char *column,
                     const struct text *ids) {
    struct copy c = {.merge = m, .table = table};
    int rc = SQLITE_DONE, r = prepare_read(&c, column, ids);
    if (r == 0)
        r = find_columns(&c);
    if (r == 0)
        r = prepare_write(&c);
    while (r == 0 && (rc = sqlite3_step(c.read)) == SQLITE_ROW)
        r = copy_row(&c);
    if (r == 0 && rc != SQLITE_DONE)
        r = store_error(m->in, "reading");
    copy_deinit(&c);
    return r;
}

/* Those that no former input had. */
static int copy_others(struct merge *m, enum table table) {
    struct copy c = {.merge = m, .table = table};
    AUTO_TEXT struct text ids = {0};
    int r = recall_rows(&c, &ids);
    copy_deinit(&c);
    return r == 0 && ids.n > 2 ? copy_rows(m, table, "id", &ids) : r;
}

/* Those that belong to rows that are new in OUT. */
static int copy_owned(struct merge *m, enum table table, enum table owner) {
    const struct idmap *map = &m->maps[owner];
    AUTO_TEXT struct text ids = {0};
    size_t n = 0;
    text_add(&ids, "[");
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key && map->slots[i].value > 0)
            text_addf(&ids, "%s%lld", n++ ? "," : "", (long long)map->slots[i].key);
    text_add(&ids, "]");
    return n == map->n ? copy_rows(m, table, NULL, NULL)
           : n         ? copy_rows(m, table, rules[table].owner, &ids)
                       : 0;
}

static enum table owner_of(enum table table) {
    const struct rule *rule = &rules[table];
    for (const struct reference *f = rule->references; rule->owner && f->column; f++)
        if (strcmp(f->column, rule->owner) == 0)
            return f->table;
    return NO_TABLE;
}

static int copy_table(struct merge *m, enum table table) {
    enum table owner = owner_of(table);
    if (owner != NO_TABLE)
        return copy_owned(m, table, owner);
    return m->buffer->memory.n && can_recall(table) ? copy_others(m, table)
                                                    : copy_rows(m, table, NULL, NULL);
}

/* --- one input --- */

static bool sites_kept_ids(const struct merge *m) {
    const struct idmap *map = &m->maps[T_SITE];
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key && llabs(map->slots[i].value) != map->slots[i].key)
            return false;
    return true;
}

static int copy_tables(struct merge *m) {
    for (enum table t = 0; t < N_TABLES; t++) {
        if (t == T_EVENT_CHUNK)
            m->same_sites = sites_kept_ids(m);
        int r = copy_table(m, t);
        if (r < 0)
            return r;
    }
    return 0;
}

static void tell(const struct merge *m, const char *path) {
    const struct {
        uint64_t n;
        const char *one, *many;
    } added[] = {{m->added[T_RECORDING], "recording", "recordings"},
                 {m->added[T_REPLAY], "replay", "replays"},
                 {m->added[T_ATTEMPT], "attempt", "attempts"},
                 {m->added[T_FINDING], "finding", "findings"}};
    AUTO_TEXT struct text t = {0};
    char buf[32];
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        text_addf(&t, "%s%s %s", i ? ", " : "", text_count(added[i].n, buf),
                  added[i].n == 1 ? added[i].one : added[i].many);
    error_info("%s: added %s; recordings there already: %llu", path, t.data,
               (unsigned long long)m->found[T_RECORDING]);
}

#define TEXTS_COLUMNS(X)                                                                 \
    X(TEXTS_NAME, "name")                                                                \
    X(TEXTS_VALUE, "value")
enum { TEXTS_COLUMNS(STORE_COLUMN_ENUM) };
enum { OTHER_NAME = 1, OTHER_VALUE };

/* Where both have a catalogue of one name, OUT's stays: an attempt of the input may have been judged by
 * what is not there any more. */
static int say_other_catalogues(const struct merge *m) {
    AUTO_STMT sqlite3_stmt *in = NULL;
    AUTO_STMT sqlite3_stmt *out = NULL;
    int step = SQLITE_DONE;
    int r = store_prepare(
        m->in, STORE_SELECT(TEXTS_COLUMNS) "FROM setting WHERE name GLOB 'catalogue *'",
        &in);
    if (r == 0)
        r = store_prepare(m->out, "SELECT 1 FROM setting WHERE name = ? AND value <> ?",
                          &out);
    while (r == 0 && (step = sqlite3_step(in)) == SQLITE_ROW) {
        sqlite3_bind_value(out, OTHER_NAME, sqlite3_column_value(in, TEXTS_NAME));
        sqlite3_bind_value(out, OTHER_VALUE, sqlite3_column_value(in, TEXTS_VALUE));
        if (sqlite3_step(out) == SQLITE_ROW)
            error_warn("%s: its %s differs from that of %s, which stays", m->in->path,
                       store_column_text(in, TEXTS_NAME), m->out->path);
        sqlite3_reset(out);
    }
    return r == 0 && step != SQLITE_DONE ? store_error(m->in, "reading") : r;
}

/* Only the database that is recorded into says how far the shared memory was read. */
static int forget_sessions(struct merge *m) {
    const struct idmap *map = &m->maps[T_RECORDING];
    int r = 0;
    for (size_t i = 0; i < map->capacity && r == 0; i++) {
        if (!map->slots[i].key || map->slots[i].value <= 0)
            continue; /* was in OUT before */
        long long id = (long long)map->slots[i].value;
        AUTO_FREE char *sql = text_format(
            "UPDATE recording SET session = NULL WHERE id = %lld AND session IS NOT "
            "NULL; DELETE FROM ring_mark WHERE process_id IN (SELECT id FROM process "
            "WHERE recording_id = %lld)",
            id, id);
        r = store_exec(m->out, sql);
    }
    return r;
}

struct merge_buffer *merge_buffer_new(void) {
    return text_alloc(sizeof(struct merge_buffer));
}

struct merge_buffer *merge_buffer_free(struct merge_buffer *buffer) {
    if (buffer) {
        merge_memory_deinit(&buffer->memory);
        text_deinit(&buffer->content);
    }
    free(buffer);
    return NULL;
}

static bool are_findings_same(const struct merge *m) {
    return m->added[T_ATTEMPT] &&
           (m->found[T_FINDING] ||
            store_int(
                m->out,
                "SELECT count(*) FROM finding WHERE instr(identity, '" FINDING_WITHIN
                "')",
                0) > 0);
}

/* What is remembered of OUT was true when the last input was committed: has anybody else written since? */
static void check_memory(struct merge *m) {
    int64_t version = store_int(m->out, "PRAGMA data_version", -1);
    if (version != m->buffer->version)
        merge_memory_deinit(&m->buffer->memory);
    m->buffer->version = version;
}

int merge_add(struct store *out, const char *path, struct merge_buffer *buffer,
              bool quiet) {
    struct merge m = {.out = out, .buffer = buffer};
    m.stranger = store_stranger(path);
    int r = store_new(path, STORE_READ, &m.in);
    if (r < 0) {
        free(m.stranger);
        return r;
    }
    /* A read transaction: one state of an input that is being written to. */
    if ((r = store_exec(m.in, "BEGIN")) == 0 && (r = store_begin(out)) == 0) {
        check_memory(&m);
        bool behind = finding_is_behind(m.in) || finding_is_behind(out);
        r = copy_tables(&m);
        if (r == 0) /* attempts are numbered anew */
            r = finding_store_reach(out, !behind);
        if (r == 0)
            r = forget_sessions(&m);
        if (r == 0)
            r = say_other_catalogues(&m);
        if (r == 0)
            r = store_commit(out);
        if (r < 0) {
            merge_memory_deinit(&buffer->memory); /* of what is not there after all */
            store_rollback(out);
        }
    }
    if (r == 0 && !quiet)
        tell(&m, path);
    if (r == 0 && m.stranger && (m.added[T_RECORDING] || m.added[T_REPLAY]))
        error_warn("%s: %s: what it holds is replayed with --trust alone", path,
                   m.stranger);
    for (int i = 0; i < N_TABLES; i++)
        idmap_deinit(&m.maps[i]);
    free(m.stranger);
    store_free(m.in);
    return r == 0 && are_findings_same(&m) ? MERGE_SAME_FINDINGS : r;
}

/* What each input calls by one name may be two: store_namesakes.h. */
int merge_finish(struct store *out) {
    struct store_namesakes namesakes;
    int64_t replay = store_int(out, "SELECT max(id) FROM replay", 0);
    int r = store_namesakes_load(out, &namesakes);
    if (r == 0 && namesakes.n && replay > 0)
        r = finding_derive(out, replay);
    store_namesakes_deinit(&namesakes);
    return r;
}

/* OUT must be none of the inputs. */
static int check_paths(const char *out, char **inputs, int n) {
    struct stat a, b;
    for (int i = 0; i < n; i++)
        if (stat(out, &a) == 0 && stat(inputs[i], &b) == 0 && file_mark_is_one(&a, &b))
            return error_print(
                0, "merge: %s is both the result and an input; name only the others",
                inputs[i]);
    return 0;
}

/* A machine that was lost, or has not done all of its part. */
static int say_missing(struct store *out) {
    AUTO_TEXT struct text missing = {0};
    int r = store_shards_missing(out, &missing);
    if (r > 0 && missing.n)
        error_warn(
            "%s: of the suite's shards these are missing, or have not done all: %s; "
            "run 'dearth suite replay --shard' for each on a copy of what was "
            "recorded, and merge it",
            out->path, missing.data);
    return r < 0 ? r : 0;
}

int command_merge(int argc, char **argv) {
    static const struct cli_option options[] = {{0}};
    const struct cli_command command = {
        "merge", "OUT INPUT...",
        "Add databases to OUT, which is made when it is not there.",
        "For shards of a replay ('dearth replay --shard') and recordings of several "
        "machines. Modules, stacks, sites and locations are matched by their keys; a "
        "recording that is there already is not doubled; no attempt is lost. Inputs are "
        "not changed. Running it twice changes nothing.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    if (n < 2) {
        error_print(
            0,
            "merge: name the result and at least one input (see 'dearth merge --help')");
        return EXIT_CANNOT;
    }
    AUTO_STORE struct store *out = NULL;
    struct merge_buffer *buffer = merge_buffer_new();
    r = check_paths(argv[1], argv + 2, n - 1);
    if (r == 0)
        r = store_new(argv[1], STORE_CREATE, &out);
    bool same = false;
    for (int i = 2; i <= n && r >= 0; i++) {
        r = merge_add(out, argv[i], buffer, false);
        same |= r == MERGE_SAME_FINDINGS;
    }
    merge_buffer_free(buffer);
    if (r >= 0)
        r = same ? merge_finish(out) : 0;
    if (r == 0)
        r = say_missing(out);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
