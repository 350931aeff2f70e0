/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database file: opening, creating, migrating, refusing; small helpers over SQLite.
 * Tables and columns are described in schemas/store.sql, once; every part writes its own
 * SQL against them.
 */
#ifndef DEARTH_STORE_H
#define DEARTH_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "columns.h"
#include "key.h"
#include "store_id.h"

#define STORE_DEFAULT_PATH "dearth.db"
#define STORE_MAX_BYTES    (1 << 29) /* of one value: more than any part of dearth stores */

struct store {
    sqlite3 *db;
    char *path;
    bool reading;              /* STORE_READ */
    bool ours;                 /* found to be dearth's */
    bool placed;               /* this call made the file, with the schema in it */
    bool made_log;             /* there was no log beside the file before */
    bool immutable;            /* read without locks: see store_new() */
    int64_t bytes, changed_ns; /* immutable: size and time of the file when opened */
    uint64_t work;  /* STORE_READ: instructions of SQLite's machine so far, roughly */
    bool unbounded; /* store_unbound() */
};

enum store_mode {
    STORE_READ,   /* must exist; opened read-only */
    STORE_WRITE,  /* must exist */
    STORE_CREATE, /* made (0600) when it is not there or empty; never overwritten */
};

/**
 * Open a database and check that it is ours.
 * A file that is not SQLite, another program's database, or one with a newer schema is
 * refused by name; an older schema is migrated (a copy is not made: migrations are
 * transactions). One that holds more than the schema's tables, or others, is refused by name
 * (store_schema.h); neither views nor triggers run. WAL mode, foreign keys on, busy timeout 10 s.
 * Making one is atomic: killed on the way it leaves an empty file or database, which the next
 * STORE_CREATE completes; any number of processes may do so at once. Reading leaves no file behind:
 * what it needs beside the database goes when the last one closes it. Where none can be made
 * (this user may not write to its folder, or to the database) and no log waits to be read, the
 * file is read as it is, and a warning at the end says when somebody wrote to it meanwhile.
 * @path: as the user gave it; a folder stands for the join of the databases in it (store_folder.h)
 * @out: owned by the caller, store_free()
 * Return: 0, or a negative errno after a message.
 */
int store_new(const char *path, enum store_mode mode, struct store **out);

/** Let reading take as long as it takes: the statements to come are the user's own. Else what
 * takes more work than the size of the file explains ends with an error, for a file that was made
 * to hang its reader. */
void store_unbound(struct store *store);

/** Close, and take back what reading needed beside the file; NULL is allowed. Return: NULL. */
struct store *store_free(struct store *store);
static inline void store_free_pointer(struct store **s) {
    *s = store_free(*s);
}
#define AUTO_STORE __attribute__((cleanup(store_free_pointer)))

/** Run SQL without results (several statements allowed). Return: 0 or -EIO after a
 * message. */
int store_exec(struct store *store, const char *sql);

/** Print what SQLite says, naming the file. Return: -ENOSPC on a full disk, -EROFS, else
 * -EIO. */
int store_error(struct store *store, const char *doing);

/** Prepare one statement. Return: 0, or -EIO after a message. Finalize with
 * sqlite3_finalize(). */
int store_prepare(struct store *store, const char *sql, sqlite3_stmt **out);
static inline void store_finalize_pointer(sqlite3_stmt **s) {
    sqlite3_finalize(*s);
    *s = NULL;
}
#define AUTO_STMT __attribute__((cleanup(store_finalize_pointer)))

/** Step a statement that returns no row, then reset it and clear its bindings. Return: 0
 * or -EIO. */
int store_step_done(struct store *store, sqlite3_stmt *statement);

/** First column of the first row as integer, @fallback when there is no row or it is
 * NULL. */
int64_t store_int(struct store *store, const char *sql, int64_t fallback);

int store_begin(struct store *store); /* BEGIN IMMEDIATE */
int store_commit(struct store *store);
void store_rollback(struct store *store);

/** Bind a key as its 16-byte blob. */
void store_bind_key(sqlite3_stmt *statement, int index, struct dearth_key key);
/** NULL is bound as NULL; @text is copied. */
void store_bind_text(sqlite3_stmt *s, int at, const char *text);
/** Read a key column (all zero when NULL or of another size). */
struct dearth_key store_column_key(sqlite3_stmt *statement, int column);
/** Text column, or NULL; valid until the next step. */
const char *store_column_text(sqlite3_stmt *statement, int column);

/**
 * Newest recording id, or that which @wanted (> 0) names.
 * Return: the id, or -ENOENT after a message.
 */
int64_t store_recording(struct store *store, int64_t wanted);

#endif
