/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the database to a report's values. */
#ifndef DEARTH_REPORT_ROWS_H
#define DEARTH_REPORT_ROWS_H

#include <sqlite3.h>
#include <stddef.h>

struct report_data;
struct report_fields;

/** Make room for one more item of @size. @items: a pointer to the array, which free() frees.
 * Return: the new item, zeroed. */
void *report_rows_append(void *items, size_t *n, size_t size);

/** What to do with the row that a statement stands on. @state: the caller's. */
typedef void report_row(struct report_data *data, sqlite3_stmt *s, void *state);

/** Run a query to its end. @doing: for the message when it fails, "reading sites".
 * Return: 0, or negative errno after a message. */
int report_rows_read(struct report_data *data, const char *sql, const char *doing,
                     report_row *row, void *state);

/** The same with the columns of a table of fields. @from: "FROM ..." */
int report_rows_select(struct report_data *data, const struct report_fields *fields,
                       const char *from, const char *doing, report_row *row, void *state);

/** The same into an array of the table's structs. @items: a pointer to it, as report_rows_append(). */
int report_rows_load(struct report_data *data, const struct report_fields *fields,
                     const char *from, const char *doing, void *items, size_t *n);

#endif
