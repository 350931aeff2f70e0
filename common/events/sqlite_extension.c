/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loadable extension for the stock sqlite3 shell and every other SQLite program:
 *
 *   $ sqlite3 dearth.db
 *   sqlite> .load /usr/lib/x86_64-linux-gnu/dearth/dearth_sqlite
 *   sqlite> SELECT op, count(*), sum(size) FROM allocation GROUP BY op;
 */
#include "allocation_table.h"

#include <sqlite3ext.h>

/* Filled by SQLITE_EXTENSION_INIT2; every file of the extension calls through it. */
SQLITE_EXTENSION_INIT1

__attribute__((visibility("default"))) int
sqlite3_extension_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int sqlite3_extension_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
    (void)message;
    SQLITE_EXTENSION_INIT2(api)
    return allocation_table_register(db);
}
