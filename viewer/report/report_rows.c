/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the database to a report's values: see report_rows.h. */
#include "report_rows.h"

#include <string.h>

#include "report_data.h"
#include "store.h"
#include "text.h"

void *report_rows_append(void *items, size_t *n, size_t size) {
    void **array = items;
    *array = text_grow(*array, *n, size);
    void *item = (char *)*array + (*n)++ * size;
    return memset(item, 0, size);
}

int report_rows_read(struct report_data *data, const char *sql, const char *doing,
                     report_row *row, void *state) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(data->store, sql, &s);
    int step = SQLITE_DONE;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        row(data, s, state);
    if (r)
        return r;
    return step == SQLITE_DONE ? 0 : store_error(data->store, doing);
}

int report_rows_select(struct report_data *data, const struct report_fields *fields,
                       const char *from, const char *doing, report_row *row,
                       void *state) {
    AUTO_TEXT struct text sql = {0};
    report_fields_select(fields, false, &sql);
    text_addf(&sql, "NULL %s", from);
    return report_rows_read(data, sql.data, doing, row, state);
}

struct loading {
    const struct report_fields *fields;
    void *items;
    size_t *n;
};

static void load_row(struct report_data *data, sqlite3_stmt *s, void *state) {
    struct loading *l = state;
    report_fields_read(l->fields, data, s,
                       report_rows_append(l->items, l->n, l->fields->size));
}

int report_rows_load(struct report_data *data, const struct report_fields *fields,
                     const char *from, const char *doing, void *items, size_t *n) {
    struct loading loading = {fields, items, n};
    return report_rows_select(data, fields, from, doing, load_row, &loading);
}
