/* SPDX-License-Identifier: Apache-2.0 */
/* What a database of dearth's is known by: its header has both. The tables are in store.sql. */
#ifndef DEARTH_STORE_ID_H
#define DEARTH_STORE_ID_H

#define STORE_APPLICATION_ID 0x44525448 /* "DRTH": PRAGMA application_id */
#define STORE_VERSION        12         /* of store.sql: PRAGMA user_version */

/* What SQLite appends to a database's name for the files that it keeps a part of it in. Source:
 * https://www.sqlite.org/tempfiles.html, 2 */
#define STORE_COMPANIONS "-wal", "-journal", "-shm"

#endif
