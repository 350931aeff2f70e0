/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Databases: bytes of a real one are edited, or its rows, to values of any type; then one of the
 * commands that read is run on it. Whatever the file holds, the status is 0, 1 or 2, in bounded time
 * and memory.
 */
#include "database.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fuzz.h"
#include "store.h"
#include "store_id.h"
#include "text.h"

static char path[4096], other[4096];
static uint8_t *whole, *loose;
static size_t n_whole, n_loose;

static void prepare(void) {
    fuzz_silence();
    fuzz_keep_alarm();
    unsetenv("DEBUGINFOD_URLS");
    strcpy(path, fuzz_path("a.db"));
    strcpy(other, fuzz_path("b.db"));
    database_make(path, 0);
    whole = fuzz_read(path, &n_whole);
    database_make(path, 1);
    loose = fuzz_read(path, &n_loose);
}

static void clean(const char *base) {
    static const char *const endings[] = {"", STORE_COMPANIONS};
    for (size_t i = 0; i < 4; i++) {
        AUTO_FREE char *name = text_format("%s%s", base, endings[i]);
        unlink(name);
    }
}

/* Names of tables or of a table's columns. Return: the one that the input chooses; free() it. */
static char *choose(struct fuzz *f, sqlite3 *db, const char *list, const char *count) {
    sqlite3_stmt *q = NULL;
    int n = 0;
    if (sqlite3_prepare_v2(db, count, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    AUTO_FREE char *sql = text_format("%s LIMIT 1 OFFSET %u", list,
                                      (unsigned)(n > 0 ? fuzz_byte(f) % n : 0));
    char *name = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        name = text_dup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return name;
}

static char *value(struct fuzz *f, const char *column) {
    static const char *const values[] = {"NULL",
                                         "0",
                                         "1",
                                         "-1",
                                         "2",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "4294967296",
                                         "65536",
                                         "1e300",
                                         "-1e300",
                                         "''",
                                         "'x'",
                                         "x'00'",
                                         "x'ff00ff'",
                                         "zeroblob(1000)",
                                         "'{'",
                                         "'[[[]]]'",
                                         "'[\"a\",1,null]'",
                                         "'{\"probability\":1e300,\"sites\":1e300}'",
                                         "CAST(x'1b5b6d0aff' AS TEXT)",
                                         "char(8238)||char(155)",
                                         "replace(hex(zeroblob(5000)),'0','[')",
                                         "(SELECT max(id) FROM stack)",
                                         "(SELECT min(id) FROM site)",
                                         "'crashed'",
                                         "'sticky'",
                                         "'bug'",
                                         "'sweep'",
                                         "'chance'",
                                         "randomblob(16)",
                                         "'complete'"};
    uint8_t which = fuzz_byte(f);
    if (which >= 224)
        return text_format("\"%s\" + %d", column, (int)fuzz_byte(f) - 128);
    return text_dup(values[which % (sizeof values / sizeof *values)]);
}

static void edit_row(struct fuzz *f, sqlite3 *db) {
    AUTO_FREE char *table =
        choose(f, db, "SELECT name FROM sqlite_schema WHERE type = 'table'",
               "SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
    if (!table)
        return;
    AUTO_FREE char *list = text_format("SELECT name FROM pragma_table_info('%s')", table);
    AUTO_FREE char *count =
        text_format("SELECT count(*) FROM pragma_table_info('%s')", table);
    AUTO_FREE char *column = choose(f, db, list, count);
    if (!column)
        return;
    AUTO_FREE char *new = value(f, column);
    uint8_t rows = fuzz_byte(f);
    AUTO_FREE char *sql = NULL;
    if (rows < 64)
        sql = text_format("UPDATE OR IGNORE \"%s\" SET \"%s\" = %s", table, column, new);
    else if (rows < 72)
        sql = text_format("DELETE FROM \"%s\"", table);
    else
        sql = text_format(
            "UPDATE OR IGNORE \"%s\" SET \"%s\" = %s WHERE \"%s\" IS (SELECT \"%s\" "
            "FROM \"%s\" LIMIT 1 OFFSET %d)",
            table, column, new, column, column, table, rows % 32);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static void edit_rows(struct fuzz *f) {
    sqlite3 *db = NULL;
    fuzz_write(path, loose, n_loose);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        abort();
    sqlite3_exec(db, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN",
                 NULL, NULL, NULL);
    for (int i = 0; i < 8 && f->left; i++)
        edit_row(f, db);
    database_tighten(db);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
}

static const struct {
    int (*run)(int argc, char **argv);
    const char *words[8]; /* "@" = the database, "+" = another */
} commands[] = {
    {command_report, {"report", "@"}},
    {command_report, {"report", "--stacks", "--gate", "@"}},
    {command_report, {"report", "--format", "text", "--stacks", "@"}},
    {command_report, {"report", "--format", "text", "--brief", "@"}},
    {command_report, {"report", "--format", "markdown", "@"}},
    {command_report, {"report", "--format", "sarif", "@"}},
    {command_report, {"report", "--format", "junit", "@"}},
    {command_report, {"report", "--format", "lcov", "@"}},
    {command_view, {"view", "-o", "/dev/null", "@"}},
    {command_stats, {"stats", "--stacks", "@"}},
    {command_stats, {"stats", "--format", "json", "@"}},
    {command_stats, {"stats", "--by", "thread", "@"}},
    {command_stats, {"stats", "--sort", "realloc", "@"}},
    {command_stats, {"stats", "--leaks", "@"}},
    {command_diff, {"diff", "@", "@"}},
    {command_export, {"export", "@"}},
    {command_export, {"export", "--format", "speedscope", "@"}},
    {command_export, {"export", "--format", "pprof", "-o", "/dev/null", "@"}},
    {command_export, {"export", "--format", "csv", "@"}},
    {command_sql, {"sql", "@", "SELECT * FROM allocation"}},
    {command_sql, {"sql", "--format", "json", "@", "SELECT * FROM event"}},
    {command_merge, {"merge", "+", "@"}},
    {command_repro, {"repro", "--print", "@", "1"}},
    {command_replay, {"replay", "--dry-run", "@"}},
};

static void run(size_t which) {
    char *argv[9] = {NULL};
    int argc = 0;
    for (; argc < 8 && commands[which].words[argc]; argc++) {
        const char *word = commands[which].words[argc];
        argv[argc] = text_dup(word[0] == '@' ? path : word[0] == '+' ? other : word);
    }
    char *items[9];
    memcpy(items, argv, sizeof items); /* commands move them about */
    int status = commands[which].run(argc, argv);
    if (status < 0 || status > 2)
        abort();
    for (int i = 0; i < argc; i++)
        free(items[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n) {
    struct fuzz f = {input, n};
    if (!whole)
        prepare();
    size_t which = fuzz_byte(&f) % (sizeof commands / sizeof *commands);
    clean(path);
    if (fuzz_byte(&f) % 4) {
        edit_rows(&f);
    } else {
        size_t n_edited;
        AUTO_FREE uint8_t *edited = fuzz_edit(&f, whole, n_whole, &n_edited);
        fuzz_write(path, edited, n_edited);
    }
    run(which);
    clean(path);
    clean(other);
    return 0;
}
