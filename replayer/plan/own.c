/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of a stack is the project's own: see own.h. Pure. */
#include "own.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "test_path.h"
#include "text.h"

#define NONE UINT32_MAX

/* --- tests by their names --- */

static bool is_rust_file(const char *file) {
    size_t n = file ? strlen(file) : 0;
    return n > 3 && strcmp(file + n - 3, ".rs") == 0;
}

/* Rust's tests stand beside what they test: "fnv::tests::one_byte", "krate::test::helper<T>". */
static bool function_is_rust_test(const char *function, const char *file) {
    if (!is_rust_file(file))
        return false;
    for (const char *at = function, *end; (end = strstr(at, "::")); at = end + 2) {
        const char *start = end;
        while (start > at && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
            start--;
        size_t k = (size_t)(end - start);
        if ((k == 4 || k == 5) && strncmp(start, "tests", k) == 0)
            return true;
    }
    return false;
}

/* --- frames --- */

/* Return: what of @path lies below the tree, NULL = it lies elsewhere. */
static const char *below(const char *tree, const char *path) {
    size_t n = tree ? strlen(tree) : 0;
    if (!n || !path || strncmp(path, tree, n) != 0 || path[n] != '/')
        return NULL;
    return path + n + 1;
}

bool own_is_test_frame(const char *tree, const struct plan_frame *f, uint32_t symbol) {
    const char *file = symbol < f->n_symbols ? f->files[symbol] : NULL;
    const char *function = file ? f->functions[symbol] : NULL;
    const char *rest = below(tree, file ? file : f->module);
    return (rest && test_path_is(rest)) ||
           (function && function_is_rust_test(function, file));
}

bool own_is_own(const struct own_options *o, const struct plan_frame *f,
                uint32_t symbol) {
    if (plan_symbol_matches(f, symbol, o->not_globs, o->n_not_globs))
        return false;
    if (o->n_globs)
        return plan_symbol_matches(f, symbol, o->globs, o->n_globs);
    const char *file = symbol < f->n_symbols ? f->files[symbol] : NULL;
    return below(o->tree, file ? file : f->module) &&
           !own_is_test_frame(o->tree, f, symbol);
}

/* Return: the outermost of a frame's functions that is own, inlined ones counted; NONE. */
static uint32_t outermost_own(const struct own_options *o, const struct plan_frame *f) {
    for (uint32_t s = f->n_symbols ? f->n_symbols : 1; s-- > 0;)
        if (own_is_own(o, f, s))
            return s;
    return NONE;
}

static bool is_in_scope(const struct own_options *o, const struct plan_frame *f) {
    uint32_t s = 0;
    do
        if (!o->n_in || plan_symbol_matches(f, s, o->in, o->n_in))
            return true;
    while (++s < f->n_symbols);
    return false;
}

static void add_line(const struct plan_frame *f, uint32_t s, struct text *t) {
    if (f->functions[s] && f->files[s] && f->lines[s])
        text_addf(t, "%s\n%s\n%u\n", f->functions[s], text_basename(f->files[s]),
                  f->lines[s]);
}

/* Of a frame up to its @last function, and of the call instruction: a line may have several. Within the function
 * that it lies in it is at the same place in every program that is made of the same source; of what is inlined
 * into another's function (a header's into a test's) each copy is one. */
static struct dearth_key frame_key(const struct plan_frame *f, uint32_t last) {
    AUTO_TEXT struct text t = {0};
    bool cut = f->n_symbols && last < f->n_symbols - 1;
    for (uint32_t s = 0; s < f->n_symbols && s <= last; s++)
        add_line(f, s, &t);
    if (!t.n || !f->start || f->offset < f->start) {
        uint64_t words[] = {f->module_key.lo, f->module_key.hi, f->offset};
        return key_hash(words, sizeof words);
    }
    if (cut)
        add_line(f, f->n_symbols - 1, &t);
    text_addf(&t, "+%llu", (unsigned long long)(f->offset - f->start));
    return key_hash(t.data, t.n);
}

struct own_frame {
    bool harness;
    uint32_t outermost; /* symbol, NONE */
    bool is_in;         /* the scope */
    struct dearth_key whole, cut;
};

/* --- stacks --- */

static struct dearth_key site_key(const struct plan_input *in,
                                  const struct own_frame *frames,
                                  const struct plan_site *site) {
    struct dearth_key key = {site->op, 0}, cut = {0, 0};
    bool is_in = false;
    for (uint32_t at = site->stack; at; at = in->stacks[at - 1].parent) {
        const struct own_frame *f = &frames[in->stacks[at - 1].frame];
        if (f->harness)
            break;
        if (f->outermost != NONE)
            cut = key_frame(key, f->cut, 0);
        is_in |= f->is_in;
        key = key_frame(key, f->whole, 0);
    }
    return is_in ? cut : (struct dearth_key){0, 0};
}

static int compare_keys(const void *a, const void *b) {
    return key_compare(*(const struct dearth_key *)a, *(const struct dearth_key *)b);
}

/* Modules with functions whose source is Rust's, sorted. @n: out. Return: free() it. */
static struct dearth_key *rust_modules(const struct plan_input *in, uint32_t *n) {
    struct dearth_key *keys = NULL;
    *n = 0;
    for (uint32_t i = 0; i < in->n_frames; i++)
        for (uint32_t s = 0; s < in->frames[i].n_symbols; s++) {
            if (!is_rust_file(in->frames[i].files[s]))
                continue;
            keys = text_grow(keys, *n, sizeof *keys);
            keys[(*n)++] = in->frames[i].module_key;
            break;
        }
    if (*n)
        qsort(keys, *n, sizeof *keys, compare_keys);
    return keys;
}

/* What has no source: where a program starts, and, in a module of Rust's, what came with the compiler (rustc's own
 * `main`, what its library is made with). They are on the stack of much that is not the project's. */
static bool is_given(const struct plan_frame *f, const struct dearth_key *rust,
                     uint32_t n) {
    if (f->n_symbols != 1 || f->files[0] || !f->functions[0])
        return false;
    return strcmp(f->functions[0], "_start") == 0 ||
           (n && bsearch(&f->module_key, rust, n, sizeof *rust, compare_keys));
}

/* Modules that have source files below the tree, sorted. @n: out. Return: free() it. */
static struct dearth_key *sourced_modules(const struct plan_input *in, const char *tree,
                                          uint32_t *n) {
    struct dearth_key *keys = text_alloc((in->n_frames + 1) * sizeof *keys);
    *n = 0;
    for (uint32_t i = 0; i < in->n_frames; i++) {
        bool found = false;
        for (uint32_t s = 0; s < in->frames[i].n_symbols; s++)
            found |= below(tree, in->frames[i].files[s]) != NULL;
        if (found)
            keys[(*n)++] = in->frames[i].module_key;
    }
    if (*n)
        qsort(keys, *n, sizeof *keys, compare_keys);
    return keys;
}

/* What has no source in a module with the project's: of a library without debug information that was linked in, most
 * of all a test harness. */
static bool is_foreign(const struct plan_frame *f, const struct dearth_key *sourced,
                       uint32_t n) {
    for (uint32_t s = 0; s < f->n_symbols; s++)
        if (f->files[s])
            return false;
    return n && bsearch(&f->module_key, sourced, n, sizeof *sourced, compare_keys);
}

/* By frame, without keys. Return: free() it. */
static struct own_frame *look_at_frames(const struct plan_input *in,
                                        const struct own_options *options) {
    uint32_t n_rust;
    AUTO_FREE struct dearth_key *rust = rust_modules(in, &n_rust);
    uint32_t n_sourced;
    AUTO_FREE struct dearth_key *sourced = sourced_modules(in, options->tree, &n_sourced);
    struct own_frame *frames = text_alloc((in->n_frames + 1) * sizeof *frames);
    for (uint32_t i = 0; i < in->n_frames; i++) {
        const struct plan_frame *f = &in->frames[i];
        bool given = is_given(f, rust, n_rust) || is_foreign(f, sourced, n_sourced);
        frames[i].outermost =
            !options->n_globs && given ? NONE : outermost_own(options, f);
        frames[i].is_in = is_in_scope(options, f);
        frames[i].harness = options->harness && options->harness[i] &&
                            (!options->n_globs || frames[i].outermost == NONE);
    }
    return frames;
}

void own_frames(const struct plan_input *in, const struct own_options *options,
                struct own_part *parts) {
    struct own_frame *frames = look_at_frames(in, options);
    for (uint32_t i = 0; i < in->n_frames; i++)
        parts[i] = (struct own_part){.own = frames[i].outermost != NONE,
                                     .in = frames[i].is_in,
                                     .harness = frames[i].harness};
    free(frames);
}

void own_targets(const struct plan_input *in, const struct own_options *options,
                 struct dearth_key *keys) {
    struct own_frame *frames = look_at_frames(in, options);
    for (uint32_t i = 0; i < in->n_frames; i++) {
        frames[i].whole = frame_key(&in->frames[i], NONE);
        if (frames[i].outermost != NONE)
            frames[i].cut = frame_key(&in->frames[i], frames[i].outermost);
    }
    for (uint32_t i = 0; i < in->n_sites; i++)
        keys[i] = in->sites[i].failable ? site_key(in, frames, &in->sites[i])
                                        : (struct dearth_key){0, 0};
    free(frames);
}
