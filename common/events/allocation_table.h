/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables over the compressed events, there in every connection that asks for them:
 *
 *   allocation   one row for each call that asked for memory, with when and by whom it
 * was freed event        one row for each call, frees too, in the order in which they
 * happened
 *
 *   SELECT * FROM allocation WHERE size > 1e6 AND time_ns BETWEEN 1e9 AND 2e9;
 *
 * Chunks that a condition on recording_id, process_id, thread_id, site_id, time_ns, size
 * or chunk_id rules out are not decoded; what the conditions name is filtered before
 * SQLite sees a row. Columns are described in allocation_table.c, beside their
 * declaration. GROUP BY and DISTINCT over columns of few values (site_id, thread_id, op, ...) sort
 * nothing; they keep up to 512 MiB, less after PRAGMA soft_heap_limit. `dearth sql` and the loadable extension (sqlite_extension.c) both register
 * them.
 */
#ifndef DEARTH_ALLOCATION_TABLE_H
#define DEARTH_ALLOCATION_TABLE_H

struct sqlite3;

/** Register both tables, and the function chunks_decoded(). Return: an SQLite result
 * code. */
int allocation_table_register(struct sqlite3 *db);

#endif
