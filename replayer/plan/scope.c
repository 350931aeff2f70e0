/* SPDX-License-Identifier: Apache-2.0 */
/* What a lasting failure takes: see scope.h. Pure. */
#include "scope.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "json.h"
#include "own.h"
#include "shm.h"
#include "text.h"

/* --- the rule --- */

bool scope_is_given(const struct scope_rule *rule) {
    return rule->n_own || rule->n_in || rule->n_not_in || rule->target;
}

static void add_list(struct json *j, const char *name, const char *const *items,
                     uint32_t n) {
    if (!n)
        return;
    json_open(j, name, '[');
    for (uint32_t i = 0; i < n; i++)
        json_text(j, NULL, items[i]);
    json_close(j, ']');
}

char *scope_text(const struct scope_rule *rule) {
    struct text out = {0};
    struct json j = {.out = &out, .compact = true};
    if (!scope_is_given(rule))
        return NULL;
    json_open(&j, NULL, '{');
    add_list(&j, "own", rule->own, rule->n_own);
    add_list(&j, "not_own", rule->not_own, rule->n_not_own);
    add_list(&j, "in", rule->in, rule->n_in);
    add_list(&j, "not_in", rule->not_in, rule->n_not_in);
    if (rule->target)
        json_text(&j, "tree", rule->tree);
    json_close(&j, '}');
    return text_take(&out);
}

struct dearth_key scope_key(const char *text) {
    return text ? key_hash(text, strlen(text)) : (struct dearth_key){0};
}

static const char *const *read_list(const cJSON *object, const char *name, uint32_t *n) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(object, name);
    char **items = NULL;
    *n = 0;
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        if (!cJSON_IsString(item))
            continue;
        items = text_grow(items, *n, sizeof *items);
        items[(*n)++] = text_dup(item->valuestring);
    }
    return (const char *const *)items;
}

void scope_parse(const char *text, struct scope_rule *out) {
    cJSON *object = text ? cJSON_Parse(text) : NULL;
    *out = (struct scope_rule){0};
    if (!object)
        return;
    const cJSON *tree = cJSON_GetObjectItemCaseSensitive(object, "tree");
    out->own = read_list(object, "own", &out->n_own);
    out->not_own = read_list(object, "not_own", &out->n_not_own);
    out->in = read_list(object, "in", &out->n_in);
    out->not_in = read_list(object, "not_in", &out->n_not_in);
    out->target = tree != NULL;
    out->tree = cJSON_IsString(tree) ? text_dup(tree->valuestring) : NULL;
    cJSON_Delete(object);
}

static void free_list(const char *const *items, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        free((void *)items[i]);
    free((void *)items);
}

void scope_rule_deinit(struct scope_rule *rule) {
    free_list(rule->own, rule->n_own);
    free_list(rule->not_own, rule->n_not_own);
    free_list(rule->in, rule->n_in);
    free_list(rule->not_in, rule->n_not_in);
    free((void *)rule->tree);
    *rule = (struct scope_rule){0};
}

/* --- what frames are --- */

/* The recording's frames, then one for each module, which has no function, then one for each function. */
struct all {
    struct plan_input input;
    struct plan_frame *frames;
    const char **names; /* of functions: function, linkage name, file */
    uint32_t first_module, first_function;
    uint8_t *asks;    /* by frame */
    uint8_t *classes; /* by frame */
};

static uint32_t count_functions(const struct scope_input *in) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->n_modules; i++)
        n += in->modules[i].n_functions;
    return n;
}

/* @names: of three */
static struct plan_frame frame_of(const struct scope_module *m, uint32_t function,
                                  const char **names) {
    static const uint32_t no_line = 0;
    const struct scope_function *f = &m->functions[function];
    names[0] = f->function;
    names[1] = f->linkage_name;
    names[2] = f->file;
    return (struct plan_frame){.module = m->path,
                               .module_key = m->key,
                               .functions = names,
                               .linkage = names + 1,
                               .files = names + 2,
                               .lines = &no_line,
                               .n_symbols = 1,
                               .start = f->start,
                               .offset = f->start + 1};
}

static void add_functions(struct all *all, const struct scope_module *m, uint32_t *n) {
    for (uint32_t i = 0; i < m->n_functions; i++, (*n)++) {
        const char **names = all->names + 3 * (size_t)(*n - all->first_function);
        all->frames[*n] = frame_of(m, i, names);
    }
}

/* enum harness_asks, and whether it is of a harness. */
#define ASKS_MASK       3u
#define ASKS_OF_HARNESS 4u
static uint8_t ask(const struct scope_input *in, const struct plan_frame *f) {
    return (uint8_t)(harness_asks(in->catalogue, in->exe, f) |
                     (harness_is_of(in->catalogue, f) ? ASKS_OF_HARNESS : 0u));
}

uint8_t *scope_asks(const struct scope_input *in, const struct scope_module *m) {
    uint8_t *asks = text_alloc(m->n_functions + 1);
    for (uint32_t i = 0; i < m->n_functions; i++) {
        const char *names[3];
        const struct plan_frame f = frame_of(m, i, names);
        asks[i] = ask(in, &f);
    }
    return asks;
}

static void ask_all(const struct scope_input *in, struct all *all) {
    uint32_t n = all->first_function;
    all->asks = text_alloc(all->input.n_frames + 1);
    for (uint32_t i = 0; i < all->first_function; i++)
        all->asks[i] = ask(in, &all->frames[i]);
    for (uint32_t i = 0; i < in->n_modules; i++) {
        const struct scope_module *m = &in->modules[i];
        uint8_t *known = m->asks ? NULL : scope_asks(in, m);
        memcpy(all->asks + n, m->asks ? m->asks : known, m->n_functions);
        n += m->n_functions;
        free(known);
    }
}

static void gather(const struct scope_input *in, struct all *all) {
    uint32_t functions = count_functions(in), n = in->n_frames;
    all->first_module = n;
    all->first_function = n + in->n_modules;
    all->frames =
        text_alloc((n + in->n_modules + (size_t)functions + 1) * sizeof *all->frames);
    all->names = text_alloc((3 * (size_t)functions + 1) * sizeof *all->names);
    if (n)
        memcpy(all->frames, in->frames, n * sizeof *in->frames);
    for (uint32_t i = 0; i < in->n_modules; i++)
        all->frames[n++] = (struct plan_frame){.module = in->modules[i].path,
                                               .module_key = in->modules[i].key};
    for (uint32_t i = 0; i < in->n_modules; i++)
        add_functions(all, &in->modules[i], &n);
    all->input.frames = all->frames;
    all->input.n_frames = n;
}

static bool matches(const struct plan_frame *f, const char *const *globs, uint32_t n,
                    const char *const *not_globs, uint32_t n_not) {
    uint32_t s = 0;
    do
        if (plan_symbol_matches(f, s, globs, n) &&
            !plan_symbol_matches(f, s, not_globs, n_not))
            return true;
    while (++s < f->n_symbols);
    return false;
}

static uint8_t class_of(const struct scope_rule *r, const struct plan_frame *f,
                        enum harness_asks asks) {
    bool is_in = matches(f, r->in, r->n_in, NULL, 0);
    bool is_own = matches(f, r->own, r->n_own, r->not_own, r->n_not_own);
    bool harness = asks == HARNESS_ASKS_HARNESS && !is_in && !is_own;
    return (is_in ? SHM_SCOPE_IN : 0) | (is_own ? SHM_SCOPE_OWN : 0) |
           (matches(f, r->not_in, r->n_not_in, NULL, 0) ? SHM_SCOPE_OUT : 0) |
           (asks == HARNESS_ASKS_NOT ? SHM_SCOPE_PASSES : 0) |
           (harness ? SHM_SCOPE_HARNESS : 0);
}

/* Of a suite: own.h says what is a part of what its tests come to. */
static void classify_targets(const struct scope_rule *r, struct all *all) {
    bool *harness = text_alloc(all->input.n_frames + 1);
    struct own_part *parts = text_alloc((all->input.n_frames + 1) * sizeof *parts);
    for (uint32_t i = 0; i < all->input.n_frames; i++)
        harness[i] = all->asks[i] & ASKS_OF_HARNESS;
    const struct own_options own = {.globs = r->own,
                                    .n_globs = r->n_own,
                                    .not_globs = r->not_own,
                                    .n_not_globs = r->n_not_own,
                                    .in = r->in,
                                    .n_in = r->n_in,
                                    .tree = r->tree,
                                    .harness = harness};
    own_frames(&all->input, &own, parts);
    for (uint32_t i = 0; i < all->input.n_frames; i++)
        all->classes[i] =
            (uint8_t)((all->classes[i] & (SHM_SCOPE_OUT | SHM_SCOPE_PASSES)) |
                      (parts[i].own ? SHM_SCOPE_OWN : 0) |
                      (parts[i].in ? SHM_SCOPE_IN : 0) |
                      (parts[i].harness ? SHM_SCOPE_END : 0));
    free(parts);
    free(harness);
}

static void classify(const struct scope_rule *r, struct all *all) {
    all->classes = text_alloc(all->input.n_frames + 1);
    for (uint32_t i = 0; i < all->input.n_frames; i++)
        all->classes[i] =
            class_of(r, &all->frames[i], (enum harness_asks)(all->asks[i] & ASKS_MASK));
    if (r->target)
        classify_targets(r, all);
}

/* --- addresses --- */

struct entries {
    uint64_t *items; /* as struct shm_scope has them */
    uint32_t n;
    uint8_t last; /* classes in force */
};

/* From the return address @offset on. Ascending. */
static void add(struct entries *e, uint64_t offset, uint8_t classes) {
    if (classes == e->last)
        return;
    uint64_t entry = offset << SHM_SCOPE_CLASS_BITS | classes;
    bool same = e->n && e->items[e->n - 1] >> SHM_SCOPE_CLASS_BITS == offset;
    if (!same)
        e->items = text_grow(e->items, e->n++, sizeof *e->items);
    e->items[e->n - 1] = entry;
    e->last = classes;
}

/* A recorded return address. */
struct known {
    uint64_t offset;
    uint8_t classes;
};

static int compare_known(const void *a, const void *b) {
    const struct known *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Return: free() it. */
static struct known *known_of(const struct all *all, const struct scope_module *m,
                              uint32_t *n) {
    struct known *list = NULL;
    *n = 0;
    for (uint32_t i = 0; i < all->first_module; i++) {
        if (!key_equal(all->frames[i].module_key, m->key))
            continue;
        list = text_grow(list, *n, sizeof *list);
        list[(*n)++] = (struct known){all->frames[i].offset, all->classes[i]};
    }
    if (*n)
        qsort(list, *n, sizeof *list, compare_known);
    return list;
}

/* A piece of a module between recorded addresses. */
struct walk {
    const struct scope_module *module;
    const uint8_t *classes; /* of its functions */
    uint8_t elsewhere;      /* classes of what is in none of them */
    uint8_t vague;          /* SHM_SCOPE_NEARLY, or 0 */
    uint32_t next;          /* function */
};

/* What is not recorded, from return address @from up to @to. */
static void add_between(struct walk *w, struct entries *e, uint64_t from, uint64_t to) {
    while (from < to) {
        while (w->next < w->module->n_functions &&
               w->module->functions[w->next].end < from)
            w->next++;
        const struct scope_function *f =
            w->next < w->module->n_functions ? &w->module->functions[w->next] : NULL;
        bool inside = f && f->start < from; /* the call instruction lies before it */
        add(e, from, inside ? w->classes[w->next] | w->vague : w->elsewhere);
        from = inside ? f->end + 1 : f && f->start + 1 < to ? f->start + 1 : to;
    }
}

static struct entries entries_of(const struct all *all, const struct scope_module *m,
                                 uint32_t first_function, uint8_t module_classes) {
    uint32_t n;
    AUTO_FREE struct known *known = known_of(all, m, &n);
    struct walk w = {.module = m,
                     .classes = all->classes + first_function,
                     .elsewhere = module_classes | (m->known ? 0 : SHM_SCOPE_NEARLY),
                     .vague = m->inlines ? SHM_SCOPE_NEARLY : 0};
    struct entries e = {.last = w.elsewhere};
    uint64_t from = 0;
    for (uint32_t i = 0; i < n; i++) {
        add_between(&w, &e, from, known[i].offset);
        add(&e, known[i].offset, known[i].classes);
        from = known[i].offset + 1;
    }
    add_between(&w, &e, from, UINT64_MAX >> SHM_SCOPE_CLASS_BITS);
    return e;
}

/* --- the whole --- */

static struct shm_scope *lay_out(const struct scope_input *in, const struct all *all,
                                 struct entries *lists, uint32_t *left_out) {
    uint64_t n = 0;
    uint32_t most = in->n_modules < SHM_SCOPE_MODULES ? in->n_modules : SHM_SCOPE_MODULES;
    *left_out = in->n_modules - most;
    for (uint32_t i = 0; i < most; i++) {
        if (n + lists[i].n > SHM_SCOPE_ENTRIES) {
            lists[i].n = 0;
            (*left_out)++;
        }
        n += lists[i].n;
    }
    struct shm_scope *scope = text_alloc(sizeof *scope + n * sizeof scope->entries[0]);
    for (uint32_t i = 0; i < most; i++) {
        const struct scope_module *m = &in->modules[i];
        uint8_t classes = all->classes[all->first_module + i];
        bool whole = m->known && (lists[i].n || !lists[i].items);
        scope->modules[i] = (struct shm_scope_module){
            .key = m->key,
            .first = scope->n_entries,
            .n = lists[i].n,
            .classes = classes | (whole ? 0u : (uint32_t)SHM_SCOPE_NEARLY)};
        if (lists[i].n)
            memcpy(scope->entries + scope->n_entries, lists[i].items,
                   lists[i].n * sizeof scope->entries[0]);
        scope->n_entries += lists[i].n;
    }
    scope->n_modules = most;
    return scope;
}

struct shm_scope *scope_make(const struct scope_input *in, const struct scope_rule *rule,
                             uint32_t *left_out) {
    struct all all = {0};
    gather(in, &all);
    ask_all(in, &all);
    classify(rule, &all);
    struct entries *lists = text_alloc((in->n_modules + 1) * sizeof *lists);
    uint32_t function = all.first_function;
    for (uint32_t i = 0; i < in->n_modules; i++) {
        lists[i] = entries_of(&all, &in->modules[i], function,
                              all.classes[all.first_module + i]);
        function += in->modules[i].n_functions;
    }
    struct shm_scope *scope = lay_out(in, &all, lists, left_out);
    bool own = rule->n_own || rule->target, is_in = rule->n_in != 0;
    scope->wanted = (own ? SHM_SCOPE_OWN : 0u) | (is_in ? SHM_SCOPE_IN : 0u);
    bool harness = false; /* where no frame is of one, there is none */
    for (uint32_t i = 0; i < all.input.n_frames && !harness; i++)
        harness = all.classes[i] & SHM_SCOPE_HARNESS;
    scope->doubts =
        (rule->n_not_in ? SHM_SCOPE_OUT : 0u) | (harness ? SHM_SCOPE_HARNESS : 0u);
    for (uint32_t i = 0; i < in->n_modules; i++)
        free(lists[i].items);
    free(lists);
    free(all.frames);
    free(all.names);
    free(all.asks);
    free(all.classes);
    return scope;
}
