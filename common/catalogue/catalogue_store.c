/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of `setting` that hold users' catalogues: see catalogue_store.h. */
#include "catalogue_store.h"

#include <string.h>

#include "catalogue.h"
#include "store.h"
#include "text.h"

#define PREFIX "catalogue " /* of setting.name */

static bool was_given(const struct catalogue *c, uint32_t n, const char *wanted) {
    const char *name;
    for (uint32_t i = 0; i < n; i++)
        if (catalogue_text_at(c, i, &name) && strcmp(name, wanted) == 0)
            return true;
    return false;
}

#define TEXTS_COLUMNS(X)                                                                 \
    X(TEXTS_NAME, "substr(name, length('" PREFIX "') + 1)")                              \
    X(TEXTS_VALUE, "CAST(value AS TEXT)")
enum { TEXTS_COLUMNS(STORE_COLUMN_ENUM) };

int catalogue_load(struct catalogue *c, struct store *store) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    uint32_t n = catalogue_texts(c);
    int step = SQLITE_DONE;
    int r =
        store_prepare(store,
                      STORE_SELECT(TEXTS_COLUMNS) "FROM setting WHERE name GLOB '" PREFIX
                                                  "*' ORDER BY name",
                      &s);
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = store_column_text(s, TEXTS_NAME),
                   *text = store_column_text(s, TEXTS_VALUE);
        if (name && text && !was_given(c, n, name))
            r = catalogue_add_text(c, name, text);
    }
    return r == 0 && step != SQLITE_DONE ? store_error(store, "reading the catalogue")
                                         : r;
}

enum { SAVE_NAME = 1, SAVE_VALUE };

static int save_one(struct store *store, const char *name, const char *text) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *key = text_format(PREFIX "%s", name);
    int r =
        store_prepare(store,
                      *text ? "INSERT OR REPLACE INTO setting(name, value) VALUES (?, ?)"
                            : "DELETE FROM setting WHERE name = ? AND ? IS NOT NULL",
                      &s);
    if (r < 0)
        return r;
    store_bind_text(s, SAVE_NAME, key);
    store_bind_text(s, SAVE_VALUE, text);
    return store_step_done(store, s);
}

int catalogue_save(const struct catalogue *c, struct store *store) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < catalogue_texts(c); i++) {
        const char *name, *text = catalogue_text_at(c, i, &name);
        r = save_one(store, name, text);
    }
    return r;
}
