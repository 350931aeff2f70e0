/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of former files: see before_store.h. */
#include "before_store.h"

#include <string.h>

#include "before.h"
#include "store.h"
#include "text.h"

#define FORMER_COLUMNS(X)                                                                \
    X(FORMER_PATH, "path")                                                               \
    X(FORMER_MODE, "mode")                                                               \
    X(FORMER_UID, "uid")                                                                 \
    X(FORMER_GID, "gid")                                                                 \
    X(FORMER_MODIFIED_NS, "modified_ns")                                                 \
    X(FORMER_CONTENT, "content")
enum { FORMER_COLUMNS(STORE_COLUMN_ENUM) };
/* The same as parameters, and the last. */
enum {
    PUT_PATH = 1,
    PUT_MODE,
    PUT_UID,
    PUT_GID,
    PUT_MODIFIED_NS,
    PUT_CONTENT,
    PUT_RECORDING_ID
};

static int put_row(struct store *store, sqlite3_stmt *s, int64_t recording_id,
                   const struct before_file *f) {
    store_bind_text(s, PUT_PATH, f->path);
    sqlite3_bind_int64(s, PUT_MODE, f->mode);
    sqlite3_bind_int64(s, PUT_UID, f->uid);
    sqlite3_bind_int64(s, PUT_GID, f->gid);
    sqlite3_bind_int64(s, PUT_MODIFIED_NS, f->modified_ns);
    if (f->n)
        sqlite3_bind_blob64(s, PUT_CONTENT, f->data, f->n, SQLITE_STATIC);
    sqlite3_bind_int64(s, PUT_RECORDING_ID, recording_id);
    return store_step_done(store, s);
}

int before_store(struct store *store, int64_t recording_id, const struct before *before) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (!before->n)
        return 0;
    int r = store_prepare(
        store,
        "INSERT INTO former_file (" FORMER_COLUMNS(
            STORE_COLUMN_SQL) "recording_id) VALUES (" FORMER_COLUMNS(STORE_COLUMN_PLACE) "?)",
        &s);
    if (r == 0)
        r = store_begin(store);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < before->n && r == 0; i++)
        r = put_row(store, s, recording_id, &before->files[i]);
    if (r == 0)
        r = store_commit(store);
    if (r < 0)
        store_rollback(store);
    return r;
}

static void take_row(struct before *before, sqlite3_stmt *s) {
    const char *path = store_column_text(s, FORMER_PATH);
    struct before_file *f = before_add(before, path ? path : "");
    f->mode = (uint32_t)sqlite3_column_int64(s, FORMER_MODE);
    f->uid = (uint32_t)sqlite3_column_int64(s, FORMER_UID);
    f->gid = (uint32_t)sqlite3_column_int64(s, FORMER_GID);
    f->modified_ns = sqlite3_column_int64(s, FORMER_MODIFIED_NS);
    f->n = (uint64_t)sqlite3_column_bytes(s, FORMER_CONTENT);
    if (f->n) {
        f->data = text_alloc(f->n);
        memcpy(f->data, sqlite3_column_blob(s, FORMER_CONTENT), f->n);
        before->bytes += f->n;
    }
}

int before_load(struct store *store, int64_t recording_id, struct before *before) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step = SQLITE_DONE;
    int r = store_prepare(store,
                          STORE_SELECT(FORMER_COLUMNS) "FROM former_file WHERE "
                                                       "recording_id = ?1 ORDER BY path",
                          &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, recording_id);
    while ((step = sqlite3_step(s)) == SQLITE_ROW)
        take_row(before, s);
    return step == SQLITE_DONE ? 0 : store_error(store, "reading former files");
}
