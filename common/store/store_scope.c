/* SPDX-License-Identifier: Apache-2.0 */
/* Globs that name something: see store_scope.h. */
#include "store_scope.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "frames.h"
#include "store.h"
#include "text.h"

#define N_NEAR     3
#define NAME_BYTES 64 /* of a name are compared */

struct near {
    char *name;
    size_t distance;
};

struct looking {
    const char *glob;
    char plain[NAME_BYTES + 1]; /* the glob without its wildcards */
    bool found;
    struct near near[N_NEAR]; /* the nearest first */
};

/* --- what is near --- */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Letters to change, add or take away. Source: Levenshtein, 1965; one row of the table is kept. */
static size_t distance(const char *a, const char *b) {
    size_t row[NAME_BYTES + 1], n = strnlen(b, NAME_BYTES);
    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; i < NAME_BYTES && a[i]; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t k = 1; k <= n; k++) {
            size_t change = corner + (tolower((unsigned char)a[i]) !=
                                      tolower((unsigned char)b[k - 1]));
            corner = row[k];
            row[k] = smaller(change, smaller(row[k], row[k - 1]) + 1);
        }
    }
    return row[n];
}

static bool is_kept(const struct looking *l, const char *name) {
    for (size_t i = 0; i < N_NEAR; i++)
        if (l->near[i].name && strcmp(l->near[i].name, name) == 0)
            return true;
    return false;
}

static void weigh(struct looking *l, const char *name) {
    if (!name || !*name || is_kept(l, name))
        return;
    size_t d = strcasestr(name, l->plain) ? 0 : distance(l->plain, name);
    struct near one = {text_dup(name), d};
    for (size_t i = 0; i < N_NEAR; i++) {
        if (l->near[i].name && l->near[i].distance <= one.distance)
            continue;
        struct near other = l->near[i];
        l->near[i] = one;
        one = other;
    }
    free(one.name);
}

static void add_near(const struct looking *l, struct text *out) {
    for (size_t i = 0; i < N_NEAR; i++)
        if (l->near[i].name) {
            text_add(out, i ? ", " : "; it has: ");
            text_add_name(out, l->near[i].name);
        }
}

/* --- looking --- */

#define NAME_COLUMNS(X)                                                                  \
    X(NAME_MODULE, "m.path")                                                             \
    X(NAME_FUNCTION, "y.function")                                                       \
    X(NAME_LINKAGE, "y.linkage_name")                                                    \
    X(NAME_FILE, "y.file")
enum { NAME_COLUMNS(STORE_COLUMN_ENUM) };

static const char names_sql[] = STORE_SELECT(
    NAME_COLUMNS) "FROM module m LEFT JOIN frame f ON f.module_id = m.id LEFT JOIN symbol "
                  "y ON y.frame_id = f.id";

static void look_at(struct looking *l, sqlite3_stmt *q) {
    const char *file = store_column_text(q, NAME_FILE);
    const struct frame frame = {.module = store_column_text(q, NAME_MODULE),
                                .function = store_column_text(q, NAME_FUNCTION),
                                .linkage_name = store_column_text(q, NAME_LINKAGE),
                                .file = file};
    l->found = frame_matches(&frame, l->glob);
    if (l->found)
        return;
    weigh(l, text_basename(frame.module));
    weigh(l, frame.function);
    weigh(l, file ? text_basename(file) : NULL);
    size_t n = 0;
    const char *crate = frame_crate(&frame, &n);
    AUTO_FREE char *name = crate ? text_format("%.*s", (int)n, crate) : NULL;
    weigh(l, name);
}

static void take_plain(struct looking *l) {
    size_t n = 0;
    for (const char *p = text_basename(l->glob); *p && n < NAME_BYTES; p++)
        if (!strchr("*?[]", *p))
            l->plain[n++] = *p;
}

static int look(struct store *store, struct looking *l) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step = SQLITE_DONE, r = store_prepare(store, names_sql, &q);
    take_plain(l);
    while (r == 0 && !l->found && (step = sqlite3_step(q)) == SQLITE_ROW)
        look_at(l, q);
    return r < 0 || l->found || step == SQLITE_DONE ? r
                                                    : store_error(store, "reading names");
}

int store_scope_check(struct store *store, const char *option, const char *const *globs,
                      size_t n) {
    AUTO_TEXT struct text missing = {0};
    size_t n_missing = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct looking l = {.glob = globs[i]};
        r = look(store, &l);
        if (r == 0 && !l.found) {
            text_say(&missing, "%s%s %s: no function, module or source file",
                     n_missing++ ? "; " : "", option, globs[i]);
            add_near(&l, &missing);
        }
        for (size_t k = 0; k < N_NEAR; k++)
            free(l.near[k].name);
    }
    if (r < 0 || !n_missing)
        return r;
    if (n_missing == n)
        return error_print(-ENOENT, "%s: %s", store->path, missing.data);
    error_info("%s: %s", store->path, missing.data);
    return 0;
}
