/* SPDX-License-Identifier: Apache-2.0 */
/* Making the database that is edited: see database.h. */
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chunk.h"
#include "fuzz.h"
#include "schema_sql.h"
#include "shm.h"
#include "store.h"
#include "store_id.h"
#include "text.h"

static void must(sqlite3 *db, int rc) {
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    dprintf(STDERR_FILENO, "SQLite: %s\n", sqlite3_errmsg(db));
    abort();
}

/* Without NOT NULL, so that what a damaged page can hold can be written by SQL. */
static char *loosen(const char *sql) {
    struct text t = {0};
    for (const char *at; (at = strstr(sql, " NOT NULL")); sql = at + 9)
        text_add_n(&t, sql, (size_t)(at - sql));
    text_add(&t, sql);
    return text_take(&t);
}

static void add_events(sqlite3 *db) {
    struct chunk_writer *w = chunk_writer_new(0);
    struct chunk_summary s;
    const uint8_t *data;
    size_t n;
    sqlite3_stmt *q = NULL;
    for (uint32_t i = 0; i < 200; i++) {
        struct chunk_event e = {.time_ns = i * 100ull,
                                .thread = 1,
                                .reference = i % 2 ? i - 1 : CHUNK_NONE,
                                .address = 0x5000 + i * 16ull,
                                .kind = i % 2 ? SHM_EV_FREE : SHM_EV_ALLOC,
                                .op = i % 2 ? SHM_OP_FREE : SHM_OP_MALLOC};
        if (!(i % 2)) {
            e.size = i;
            e.site = 1 + i % 5;
        }
        chunk_writer_add(w, &e);
    }
    if (chunk_writer_finish(w, &s, &data, &n) != 0)
        abort();
    must(db, sqlite3_prepare_v2(
                 db,
                 "INSERT INTO event_chunk SELECT NULL, max(id), 1, 0, 200, 0, 20000, "
                 "0, 198, ?1 FROM process",
                 -1, &q, NULL));
    sqlite3_bind_blob64(q, 1, data, n, SQLITE_TRANSIENT);
    must(db, sqlite3_step(q));
    sqlite3_finalize(q);
    chunk_writer_free(w);
}

void database_make(const char *path, int loose) {
    sqlite3 *db = NULL;
    size_t n;
    AUTO_FREE char *schema = loose ? loosen(schema_sql) : text_dup(schema_sql);
    AUTO_FREE char *rows = (char *)fuzz_read(FUZZ_SOURCE "/tests/data/report.sql", &n);
    AUTO_FREE char *ids =
        text_format("PRAGMA application_id = %d; PRAGMA user_version = %d",
                    STORE_APPLICATION_ID, STORE_VERSION);
    unlink(path);
    must(db, sqlite3_open(path, &db));
    /* Without its one huge stack, which takes most of the time of a report. */
    static const char trim[] =
        "DELETE FROM stack WHERE depth > 20; DELETE FROM symbol WHERE frame_id > 60;"
        "DELETE FROM frame WHERE id > 60 AND id NOT IN (SELECT frame_id FROM stack);"
        "UPDATE recording SET cwd = '/', exe = '/bin/sh';" /* so that repro --print goes on */
        "UPDATE site SET stack_id = 1 WHERE stack_id NOT IN (SELECT id FROM stack)";
    const char *const parts[] = {
        "PRAGMA synchronous = OFF; BEGIN", schema, ids, rows, trim, "COMMIT; VACUUM"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        must(db, sqlite3_exec(db, parts[i], NULL, NULL, NULL));
    add_events(db);
    sqlite3_close(db);
}

void database_tighten(sqlite3 *db) {
    sqlite3 *model = NULL;
    sqlite3_stmt *from = NULL, *to = NULL;
    must(model, sqlite3_open(":memory:", &model));
    must(model, sqlite3_exec(model, schema_sql, NULL, NULL, NULL));
    must(db, sqlite3_exec(db, "PRAGMA writable_schema = ON", NULL, NULL, NULL));
    must(model, sqlite3_prepare_v2(
                    model, "SELECT sql, name FROM sqlite_schema WHERE sql NOT NULL", -1,
                    &from, NULL));
    must(db, sqlite3_prepare_v2(db, "UPDATE sqlite_schema SET sql = ?1 WHERE name = ?2",
                                -1, &to, NULL));
    while (sqlite3_step(from) == SQLITE_ROW) {
        for (int i = 0; i < 2; i++)
            sqlite3_bind_text(to, i + 1, (const char *)sqlite3_column_text(from, i), -1,
                              SQLITE_TRANSIENT);
        must(db, sqlite3_step(to));
        sqlite3_reset(to);
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    sqlite3_close(model);
}
