/* SPDX-License-Identifier: Apache-2.0 */
/* From a recording to its scope: see scoping.h. */
#include "scoping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "harness.h"
#include "namer.h"
#include "sites.h"
#include "store.h"
#include "text.h"

struct scoping_module {
    struct scope_module scope; /* what points into this is owned */
    char *path;
    uint8_t build_id[32];
    uint32_t build_id_bytes;
    bool content_id, looked_up;
    struct scope_function *functions;
    uint32_t n_functions;
    uint8_t *asks; /* scope_asks(); NULL = not asked yet */
    bool asks_runtime;
};

struct work {
    const struct scoping *asked;
    struct sites
        sites; /* frames of the recording: a later run would find others in the same database */
    struct scoping_modules *known; /* where those of `modules` are */
    struct scoping_module **modules;
    uint32_t n_modules;
};

static void module_free(struct scoping_module *m) {
    for (uint32_t k = 0; k < m->n_functions; k++) {
        free((void *)m->functions[k].function);
        free((void *)m->functions[k].linkage_name);
        free((void *)m->functions[k].file);
    }
    free(m->functions);
    free(m->asks);
    free(m->path);
    free(m);
}

void scoping_modules_deinit(struct scoping_modules *modules) {
    for (uint32_t i = 0; i < modules->n; i++)
        module_free(modules->list[i]);
    free(modules->list);
    *modules = (struct scoping_modules){0};
}

static void work_deinit(struct work *w) {
    free(w->modules);
    sites_deinit(&w->sites);
}

/* --- modules --- */

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PATH, "path")                                                               \
    X(MODULE_BUILD_ID, "build_id")                                                       \
    X(MODULE_CONTENT_ID, "content_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

static bool is_wanted(const struct work *w, struct dearth_key key) {
    for (uint32_t i = 0; i < w->n_modules; i++)
        if (key_equal(w->modules[i]->scope.key, key))
            return false;
    for (uint32_t i = 0; i < w->sites.input.n_frames; i++)
        if (key_equal(w->sites.frames[i].module_key, key))
            return true;
    return false;
}

/* The same build at the same path, or a new one that nothing is known of yet. */
static struct scoping_module *find_module(struct scoping_modules *known,
                                          struct dearth_key key, const char *path) {
    for (uint32_t i = 0; i < known->n; i++)
        if (key_equal(known->list[i]->scope.key, key) &&
            strcmp(known->list[i]->path, path) == 0)
            return known->list[i];
    struct scoping_module *m = text_alloc(sizeof *m);
    m->scope.key = key;
    m->path = text_dup(path);
    known->list = text_grow(known->list, known->n, sizeof(struct scoping_module *));
    known->list[known->n++] = m;
    return m;
}

static int load_modules(struct work *w) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int step,
        r = store_prepare(w->asked->store,
                          STORE_SELECT(MODULE_COLUMNS) "FROM module ORDER BY id", &q);
    if (r < 0)
        return r;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        size_t bytes = (size_t)sqlite3_column_bytes(q, MODULE_BUILD_ID);
        const void *id = sqlite3_column_blob(q, MODULE_BUILD_ID);
        struct dearth_key key = key_module(id, bytes);
        if (bytes > sizeof w->modules[0]->build_id || !is_wanted(w, key))
            continue;
        struct scoping_module *m =
            find_module(w->known, key, store_column_text(q, MODULE_PATH));
        m->content_id = sqlite3_column_int(q, MODULE_CONTENT_ID) != 0;
        m->build_id_bytes = (uint32_t)bytes;
        if (bytes)
            memcpy(m->build_id, id, bytes);
        w->modules = text_grow(w->modules, w->n_modules, sizeof(struct scoping_module *));
        w->modules[w->n_modules++] = m;
    }
    return step == SQLITE_DONE ? 0 : store_error(w->asked->store, "reading modules");
}

/* --- their functions --- */

#define UNSIZED_BYTES 4096u /* assembly, of which nothing says where it ends */

/* The physical function is the last line. A name at the same place as another's end is another's. */
static void add_function(struct scoping_module *m, const struct symbol_line *lines,
                         uint32_t n) {
    const struct symbol_line *last = n ? &lines[n - 1] : NULL;
    uint64_t end = last ? last->start + (last->size ? last->size : UNSIZED_BYTES) : 0;
    struct scope_function *before =
        m->n_functions ? &m->functions[m->n_functions - 1] : NULL;
    if (!last || !last->start || (before && last->start <= before->start))
        return;
    if (before && before->end > last->start)
        before->end = last->start;
    m->functions = text_grow(m->functions, m->n_functions, sizeof *m->functions);
    m->functions[m->n_functions++] = (struct scope_function){
        .start = last->start,
        .end = end,
        .function = last->function ? text_dup(last->function) : NULL,
        .linkage_name = last->linkage_name ? text_dup(last->linkage_name) : NULL,
        .file = last->file ? text_dup(last->file) : NULL};
}

static bool take_module(struct namer *namer, struct scoping_module *m) {
    struct namer_head head;
    const struct symbol_line *lines;
    if (namer_head(namer, &head) < 0)
        return false;
    for (uint64_t i = 0; i < head.n; i++) {
        int n = namer_next(namer, &lines);
        if (n < 0)
            return false;
        add_function(m, lines, (uint32_t)n);
    }
    m->scope.known = head.outcome == SYMBOLS_FOUND || head.outcome == SYMBOLS_KEPT;
    m->scope.inlines = strcmp(head.source, "dwarf") == 0;
    return true;
}

/* Debug information that is damaged ends the child: what comes after it is asked for by another one. */
static int read_functions(struct work *w) {
    AUTO_FREE struct namer_job *jobs = text_alloc((w->n_modules + 1) * sizeof *jobs);
    AUTO_FREE struct scoping_module **asked =
        text_alloc((w->n_modules + 1) * sizeof(struct scoping_module *));
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->n_modules; i++) {
        struct scoping_module *m = w->modules[i];
        if (m->looked_up)
            continue;
        m->looked_up = true;
        jobs[n] = (struct namer_job){.wanted = {.path = m->path,
                                                .build_id = m->build_id,
                                                .build_id_bytes = m->build_id_bytes,
                                                .content_id = m->content_id},
                                     .functions = true};
        asked[n++] = m;
    }
    for (uint32_t next = 0; next < n;) {
        struct namer *namer;
        int signal, r = namer_new(jobs + next, n - next, &namer);
        if (r < 0)
            return r;
        while (next < n && take_module(namer, asked[next]))
            next++;
        if ((r = namer_end(namer, &signal)) < 0)
            return r;
        next += r == NAMER_BROKEN; /* that one stays unknown */
    }
    return 0;
}

/* --- the whole --- */

static char *name_unknown(const struct work *w, uint32_t left_out) {
    struct text t = {0};
    for (uint32_t i = 0; i < w->n_modules; i++)
        if (!w->modules[i]->scope.known && w->modules[i]->path[0] == '/')
            text_addf(&t, "%s%s", t.n ? ", " : "", w->modules[i]->path);
    if (left_out)
        text_addf(&t, "%s%u more for lack of room", t.n ? ", " : "", left_out);
    return t.n ? text_take(&t) : NULL;
}

/* What is known of its functions, for as long as it is what another program's are. */
static const uint8_t *asks_of(struct scoping_module *m, const struct scope_input *in,
                              const struct scope_module *scope) {
    bool runtime = harness_is_of_runtime(in->catalogue, m->path, in->exe);
    if (m->asks && m->asks_runtime == runtime)
        return m->asks;
    free(m->asks);
    m->asks = scope_asks(in, scope);
    m->asks_runtime = runtime;
    return m->asks;
}

static void make(struct work *w, struct shm_scope **out, char **unknown) {
    struct scope_module *modules = text_alloc((w->n_modules + 1) * sizeof *modules);
    uint32_t left_out;
    for (uint32_t i = 0; i < w->n_modules; i++) {
        modules[i] = w->modules[i]->scope;
        modules[i].path = w->modules[i]->path;
        modules[i].functions = w->modules[i]->functions;
        modules[i].n_functions = w->modules[i]->n_functions;
    }
    const struct scope_input in = {.frames = w->sites.frames,
                                   .n_frames = w->sites.input.n_frames,
                                   .modules = modules,
                                   .n_modules = w->n_modules,
                                   .catalogue = w->asked->catalogue,
                                   .exe = w->asked->exe};
    for (uint32_t i = 0; i < w->n_modules; i++)
        modules[i].asks = asks_of(w->modules[i], &in, &modules[i]);
    *out = scope_make(&in, w->asked->rule, &left_out);
    *unknown = name_unknown(w, left_out);
    free(modules);
}

int scoping_make(const struct scoping *asked, struct shm_scope **out, char **unknown) {
    struct scoping_modules own = {0};
    struct work w = {.asked = asked, .known = asked->modules ? asked->modules : &own};
    *out = NULL;
    *unknown = NULL;
    if (!scope_is_given(asked->rule))
        return 0;
    int r = sites_load_frames(asked->store, asked->recording_id, &w.sites);
    if (r == 0)
        r = load_modules(&w);
    if (r == 0)
        r = read_functions(&w);
    if (r == 0)
        make(&w, out, unknown);
    work_deinit(&w);
    scoping_modules_deinit(&own);
    return r;
}
