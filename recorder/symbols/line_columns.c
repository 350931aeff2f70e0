/* SPDX-License-Identifier: Apache-2.0 */
/* Columns from the modules that ran: see line_columns.h. */
#include "line_columns.h"

#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "namer.h"
#include "store.h"
#include "text.h"

#define BUILD_ID_BYTES 32

struct module {
    char *path;
    uint8_t build_id[BUILD_ID_BYTES];
    struct line_column *items;
    uint32_t n;
    uint64_t *addresses;
};

static int by_module(const void *a, const void *b) {
    const struct line_column *x = a, *y = b;
    return (x->module_id > y->module_id) - (x->module_id < y->module_id);
}

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PATH, "path")                                                               \
    X(MODULE_BUILD_ID, "build_id")                                                       \
    X(MODULE_CONTENT_ID, "content_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

/* What the namer needs to know of it. */
static int load(struct store *store, struct module *m, struct namer_job *job) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(store, STORE_SELECT(MODULE_COLUMNS) "FROM module WHERE id = ?1",
                          &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, m->items[0].module_id);
    bool found = sqlite3_step(q) == SQLITE_ROW;
    int bytes = found ? sqlite3_column_bytes(q, MODULE_BUILD_ID) : 0;
    bytes = bytes > BUILD_ID_BYTES ? BUILD_ID_BYTES : bytes;
    if (bytes > 0)
        memcpy(m->build_id, sqlite3_column_blob(q, MODULE_BUILD_ID), (size_t)bytes);
    m->path = text_dup(found ? store_column_text(q, MODULE_PATH) : "");
    m->addresses = text_alloc((m->n + 1) * sizeof *m->addresses);
    for (uint32_t i = 0; i < m->n; i++)
        m->addresses[i] = m->items[i].offset - 1; /* within the call */
    *job = (struct namer_job){
        .wanted = {.path = m->path,
                   .build_id = m->build_id,
                   .build_id_bytes = (uint32_t)bytes,
                   .content_id = found && sqlite3_column_int(q, MODULE_CONTENT_ID)},
        .addresses = m->addresses,
        .n = m->n};
    return 0;
}

/* Return: 0; -EPIPE when the namer ended early. */
static int take(struct namer *namer, struct module *m) {
    struct namer_head head;
    int n = namer_head(namer, &head);
    for (uint32_t i = 0; n >= 0 && i < m->n; i++) {
        const struct symbol_line *lines = NULL;
        n = namer_next(namer, &lines);
        if (n > 0 && m->items[i].inline_index < (uint32_t)n)
            m->items[i].column = lines[m->items[i].inline_index].column;
    }
    return n < 0 ? n : 0;
}

/* What crashes the namer has no columns, nor have the modules behind it. */
static int look_up(struct module *modules, const struct namer_job *jobs, uint32_t n) {
    struct namer *namer = NULL;
    int signal = 0, r = namer_new(jobs, n, &namer);
    if (r < 0)
        return r;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = take(namer, &modules[i]);
    r = namer_end(namer, &signal);
    return r < 0 ? r : 0;
}

int line_columns_look_up(struct store *store, struct line_column *items, uint32_t n) {
    uint32_t n_modules = 0;
    int r = 0;
    if (!n)
        return 0;
    qsort(items, n, sizeof *items, by_module);
    struct module *modules = text_alloc(n * sizeof *modules);
    struct namer_job *jobs = text_alloc(n * sizeof *jobs);
    for (uint32_t i = 0; i < n; i++) {
        if (!i || items[i].module_id != items[i - 1].module_id)
            modules[n_modules++].items = &items[i];
        modules[n_modules - 1].n++;
    }
    for (uint32_t i = 0; r == 0 && i < n_modules; i++)
        r = load(store, &modules[i], &jobs[i]);
    if (r == 0)
        r = look_up(modules, jobs, n_modules);
    for (uint32_t i = 0; i < n_modules; i++) {
        free(modules[i].path);
        free(modules[i].addresses);
    }
    free(modules);
    free(jobs);
    return r;
}
