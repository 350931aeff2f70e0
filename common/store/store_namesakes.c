/* SPDX-License-Identifier: Apache-2.0 */
/* Modules of one name: see store_namesakes.h. */
#include "store_namesakes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "text.h"

struct module {
    int64_t id;
    char *name, *path, *build;
    bool program, apart; /* apart: from another of its name */
};

struct modules {
    struct module *list;
    size_t n;
};

/* --- reading --- */

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_ID, "id")                                                                   \
    X(MODULE_PATH, "path")                                                               \
    X(MODULE_BUILD, "coalesce(hex(build_id), '')")                                       \
    X(MODULE_PROGRAM, "path IN (SELECT exe FROM process)")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

static char *name_of(const char *path) {
    char *name = text_dup(text_basename(path)), *so = strstr(name, ".so");
    if (so)
        *so = 0;
    return name;
}

static int by_name(const void *a, const void *b) {
    const struct module *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->path, y->path);
}

static int read_modules(struct store *store, struct modules *m) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step = SQLITE_DONE,
        r = store_prepare(store, STORE_SELECT(MODULE_COLUMNS) "FROM module", &q);
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
        const char *path = store_column_text(q, MODULE_PATH);
        m->list = text_grow(m->list, m->n, sizeof *m->list);
        m->list[m->n++] =
            (struct module){.id = sqlite3_column_int64(q, MODULE_ID),
                            .name = name_of(path),
                            .path = text_dup(path),
                            .build = text_dup(store_column_text(q, MODULE_BUILD)),
                            .program = sqlite3_column_int(q, MODULE_PROGRAM) != 0};
    }
    if (m->n)
        qsort(m->list, m->n, sizeof *m->list, by_name);
    return r < 0 || step == SQLITE_DONE ? r : store_error(store, "reading modules");
}

/* --- which are not the same --- */

enum { TOGETHER_ONE = 1, TOGETHER_OTHER };

/* Two libraries of one name are not of two releases when one process has both. Return: 1, 0, negative errno. */
static int are_together(struct store *store, const struct module *a,
                        const struct module *b) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(store,
                          "SELECT process_id FROM process_module WHERE module_id = ? "
                          "INTERSECT SELECT process_id FROM process_module WHERE "
                          "module_id = ? LIMIT 1",
                          &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, TOGETHER_ONE, a->id);
    sqlite3_bind_int64(q, TOGETHER_OTHER, b->id);
    return sqlite3_step(q) == SQLITE_ROW;
}

/* Return: as are_together(). */
static int are_apart(struct store *store, const struct module *a,
                     const struct module *b) {
    if (strcmp(a->path, b->path) == 0 || strcmp(a->build, b->build) == 0)
        return 0;
    return a->program && b->program ? 1 : are_together(store, a, b);
}

static int mark(struct store *store, struct modules *m) {
    int r = 0;
    for (size_t i = 0; i < m->n && r >= 0; i++)
        for (size_t k = i + 1;
             k < m->n && r >= 0 && strcmp(m->list[i].name, m->list[k].name) == 0; k++) {
            if (m->list[i].apart && m->list[k].apart)
                continue;
            if ((r = are_apart(store, &m->list[i], &m->list[k])) > 0)
                m->list[i].apart = m->list[k].apart = true;
        }
    return r < 0 ? r : 0;
}

/* --- by which folders --- */

/* Return: parts of two paths that are the same, counted from their ends; the names, which releases change, are one. */
static size_t common_parts(const char *a, const char *b) {
    size_t n = (size_t)(text_basename(a) - a), k = (size_t)(text_basename(b) - b),
           parts = 1;
    while (n && k) {
        size_t i = n - 1, j = k - 1; /* at a slash */
        while (i && j && a[i - 1] == b[j - 1] && a[i - 1] != '/')
            i--, j--;
        if ((i && a[i - 1] != '/') || (j && b[j - 1] != '/'))
            break;
        parts++;
        n = i, k = j;
    }
    return parts;
}

/* Return: the last @parts folders of @path. */
static char *last_folders(const char *path, size_t parts) {
    const char *end = text_basename(path), *at = end;
    if (at <= path + 1)
        return text_dup("/");
    at = --end;
    while (parts && at > path)
        if (*--at == '/' && --parts == 0)
            return text_format("%.*s", (int)(end - at - 1), at + 1);
    return text_format("%.*s", (int)(end - path), path);
}

static void name_folders(struct store_namesakes *out) {
    for (size_t i = 0; i < out->n; i++) {
        struct store_namesake *a = &out->items[i];
        size_t parts = 1;
        for (size_t k = 0; k < out->n; k++)
            if (strcmp(out->items[k].name, a->name) == 0 &&
                strcmp(out->items[k].build, a->build) != 0) {
                size_t same = common_parts(a->path, out->items[k].path);
                parts = same > parts ? same : parts;
            }
        a->folder = last_folders(a->path, parts);
    }
}

int store_namesakes_load(struct store *store, struct store_namesakes *out) {
    struct modules m = {0};
    *out = (struct store_namesakes){0};
    int r = read_modules(store, &m);
    if (r == 0)
        r = mark(store, &m);
    for (size_t i = 0; i < m.n && r == 0; i++) {
        const struct module *last = i ? &m.list[i - 1] : NULL;
        if (!m.list[i].apart ||
            (last && last->apart && strcmp(last->path, m.list[i].path) == 0))
            continue;
        out->items = text_grow(out->items, out->n, sizeof *out->items);
        out->items[out->n++] =
            (struct store_namesake){text_dup(m.list[i].name), text_dup(m.list[i].path),
                                    text_dup(m.list[i].build), NULL};
    }
    name_folders(out);
    for (size_t i = 0; i < m.n; i++) {
        free(m.list[i].name);
        free(m.list[i].path);
        free(m.list[i].build);
    }
    free(m.list);
    return r;
}

void store_namesakes_deinit(struct store_namesakes *namesakes) {
    for (size_t i = 0; i < namesakes->n; i++) {
        free(namesakes->items[i].name);
        free(namesakes->items[i].path);
        free(namesakes->items[i].build);
        free(namesakes->items[i].folder);
    }
    free(namesakes->items);
    *namesakes = (struct store_namesakes){0};
}

/* --- asking --- */

const char *store_namesakes_folder(const struct store_namesakes *namesakes,
                                   const char *path) {
    for (size_t i = 0; path && i < namesakes->n; i++)
        if (strcmp(namesakes->items[i].path, path) == 0)
            return namesakes->items[i].folder;
    return NULL;
}

bool store_namesakes_is_nearest(const struct store_namesakes *namesakes, const char *mine,
                                const char *path) {
    AUTO_FREE char *name = name_of(mine);
    size_t parts = common_parts(mine, path);
    for (size_t i = 0; i < namesakes->n; i++)
        if (strcmp(namesakes->items[i].name, name) == 0 &&
            common_parts(namesakes->items[i].path, path) > parts)
            return false;
    return true;
}

bool store_namesakes_is_one(const char *path, const char *other) {
    AUTO_FREE char *a = name_of(path);
    AUTO_FREE char *b = name_of(other);
    return strcmp(a, b) == 0;
}

bool store_namesakes_is_in(const char *path, const char *folder) {
    const char *base = text_basename(path);
    size_t n = strlen(folder), before = (size_t)(base - path);
    if (before < n + 1 || strncmp(base - 1 - n, folder, n) != 0)
        return false;
    return before == n + 1 || base[-2 - (ptrdiff_t)n] == '/';
}
