/* SPDX-License-Identifier: Apache-2.0 */
/* From a recording to its scope: see scoping.h. */
#include "scoping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "namer.h"
#include "sites.h"
#include "store.h"
#include "text.h"

struct module {
    struct scope_module scope; /* what points into this is owned */
    char *path;
    uint8_t build_id[32];
    uint32_t build_id_bytes;
    bool content_id;
    struct scope_function *functions;
    uint32_t n_functions;
};

struct work {
    const struct scoping *asked;
    struct sites sites;
    struct plan_frame *frames; /* those of sites; not their strings */
    uint32_t n_frames;
    struct module *modules;
    uint32_t n_modules;
};

static void work_deinit(struct work *w) {
    for (uint32_t i = 0; i < w->n_modules; i++) {
        struct module *m = &w->modules[i];
        for (uint32_t k = 0; k < m->n_functions; k++) {
            free((void *)m->functions[k].function);
            free((void *)m->functions[k].linkage_name);
            free((void *)m->functions[k].file);
        }
        free(m->functions);
        free(m->path);
    }
    free(w->modules);
    free(w->frames);
    sites_deinit(&w->sites);
}

/* Those of the recording: a later run would find others in the same database. */
static void keep_frames(struct work *w) {
    const struct plan_input *in = &w->sites.input;
    AUTO_FREE bool *used = text_alloc(in->n_frames + 1);
    AUTO_FREE bool *seen = text_alloc(in->n_stacks + 1);
    for (uint32_t i = 0; i < in->n_sites; i++)
        for (uint32_t at = in->sites[i].stack; at && !seen[at - 1];
             at = in->stacks[at - 1].parent) {
            seen[at - 1] = true;
            used[in->stacks[at - 1].frame] = true;
        }
    w->frames = text_alloc((in->n_frames + 1) * sizeof *w->frames);
    for (uint32_t i = 0; i < in->n_frames; i++)
        if (used[i])
            w->frames[w->n_frames++] = in->frames[i];
}

/* --- modules --- */

#define MODULE_COLUMNS(X)                                                                \
    X(MODULE_PATH, "path")                                                               \
    X(MODULE_BUILD_ID, "build_id")                                                       \
    X(MODULE_CONTENT_ID, "content_id")
enum { MODULE_COLUMNS(STORE_COLUMN_ENUM) };

static bool is_wanted(const struct work *w, struct dearth_key key) {
    for (uint32_t i = 0; i < w->n_modules; i++)
        if (key_equal(w->modules[i].scope.key, key))
            return false;
    for (uint32_t i = 0; i < w->n_frames; i++)
        if (key_equal(w->frames[i].module_key, key))
            return true;
    return false;
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
        struct module m = {.content_id = sqlite3_column_int(q, MODULE_CONTENT_ID) != 0};
        if (bytes > sizeof m.build_id || !is_wanted(w, key))
            continue;
        m.scope.key = key;
        m.path = text_dup(store_column_text(q, MODULE_PATH));
        m.build_id_bytes = (uint32_t)bytes;
        if (bytes)
            memcpy(m.build_id, id, bytes);
        w->modules = text_grow(w->modules, w->n_modules, sizeof *w->modules);
        w->modules[w->n_modules++] = m;
    }
    return step == SQLITE_DONE ? 0 : store_error(w->asked->store, "reading modules");
}

/* --- their functions --- */

#define UNSIZED_BYTES 4096u /* assembly, of which nothing says where it ends */

/* The physical function is the last line. A name at the same place as another's end is another's. */
static void add_function(struct module *m, const struct symbol_line *lines, uint32_t n) {
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

static bool take_module(struct namer *namer, struct module *m) {
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
    for (uint32_t i = 0; i < w->n_modules; i++) {
        const struct module *m = &w->modules[i];
        jobs[i] = (struct namer_job){.wanted = {.path = m->path,
                                                .build_id = m->build_id,
                                                .build_id_bytes = m->build_id_bytes,
                                                .content_id = m->content_id},
                                     .functions = true};
    }
    for (uint32_t next = 0; next < w->n_modules;) {
        struct namer *namer;
        int signal, r = namer_new(jobs + next, w->n_modules - next, &namer);
        if (r < 0)
            return r;
        while (next < w->n_modules && take_module(namer, &w->modules[next]))
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
        if (!w->modules[i].scope.known && w->modules[i].path[0] == '/')
            text_addf(&t, "%s%s", t.n ? ", " : "", w->modules[i].path);
    if (left_out)
        text_addf(&t, "%s%u more for lack of room", t.n ? ", " : "", left_out);
    return t.n ? text_take(&t) : NULL;
}

static void make(struct work *w, struct shm_scope **out, char **unknown) {
    struct scope_module *modules = text_alloc((w->n_modules + 1) * sizeof *modules);
    uint32_t left_out;
    for (uint32_t i = 0; i < w->n_modules; i++) {
        modules[i] = w->modules[i].scope;
        modules[i].path = w->modules[i].path;
        modules[i].functions = w->modules[i].functions;
        modules[i].n_functions = w->modules[i].n_functions;
    }
    const struct scope_input in = {.frames = w->frames,
                                   .n_frames = w->n_frames,
                                   .modules = modules,
                                   .n_modules = w->n_modules,
                                   .catalogue = w->asked->catalogue,
                                   .exe = w->asked->exe};
    *out = scope_make(&in, w->asked->rule, &left_out);
    *unknown = name_unknown(w, left_out);
    free(modules);
}

int scoping_make(const struct scoping *asked, struct shm_scope **out, char **unknown) {
    struct work w = {.asked = asked};
    *out = NULL;
    *unknown = NULL;
    if (!scope_is_given(asked->rule))
        return 0;
    int r = sites_load(asked->store, asked->recording_id, 0, NULL, true, &w.sites);
    if (r == 0) {
        keep_frames(&w);
        r = load_modules(&w);
    }
    if (r == 0)
        r = read_functions(&w);
    if (r == 0)
        make(&w, out, unknown);
    work_deinit(&w);
    return r;
}
