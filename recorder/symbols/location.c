/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of a location by the catalogue: see location.h. Pure.
 *
 * Rust's own library is told by the demangled path, once the mangled name says that it is Rust: `core::`
 * or `alloc::` may be anybody's namespace in C++.
 */
#include "location.h"

#include <string.h>

#define RULES_VERSION 4u /* raised when the rules below change, not the catalogue */

/* --- Rust --- */

/* Does a path, of a type or a trait, lie in one of the crates of Rust's library? */
static bool is_std(const struct catalogue *c, const char *path) {
    return catalogue_text(c, CATALOGUE_LIBRARY, FIELD_RUST, path);
}

/* A type that no user crate can have an inherent or foreign impl of: std's, a primitive,
 * a reference, a slice, a tuple, a bare parameter. */
static bool rust_type_is_std(const struct catalogue *c, const char *type, size_t n) {
    if (strchr("&*[(", *type) || strncmp(type, "dyn ", 4) == 0 || is_std(c, type))
        return true;
    for (size_t i = 0; i + 1 < n && type[i] != '<'; i++)
        if (type[i] == ':' && type[i + 1] == ':')
            return false;
    return *type != '<';
}

/* End of "<...>" at @s, on its '>'; "->" closes nothing. NULL when it does not end. */
static const char *closing(const char *s, const char **as) {
    int depth = 0;
    *as = NULL;
    for (const char *p = s; *p; p++) {
        depth += *p == '<' || *p == '(' || *p == '[';
        depth -= (*p == '>' && (p == s || p[-1] != '-')) || *p == ')' || *p == ']';
        if (depth == 0)
            return p;
        if (depth == 1 && strncmp(p, " as ", 4) == 0 && !*as)
            *as = p;
    }
    return NULL;
}

/* `<Type>::f`, `<Type as Trait>::f`: is it std's own code? `path::f` is the catalogue's to say. */
static bool rust_is_std(const struct catalogue *c, const char *function) {
    const char *as;
    const char *end = *function == '<' ? closing(function, &as) : NULL;
    if (!end)
        return false;
    const char *type = function + 1;
    if (!as)
        return rust_type_is_std(c, type, (size_t)(end - type));
    const char *trait = as + 4;
    if (!is_std(c, trait))
        return false; /* a trait of the user's */
    return catalogue_text(c, CATALOGUE_LIBRARY, FIELD_RUST_TRAIT, trait) ||
           rust_type_is_std(c, type, (size_t)(as - type));
}

/* --- the choice --- */

#define OWN       (1u << CATALOGUE_OWN)
#define ALLOCATOR (1u << CATALOGUE_ALLOCATOR)
#define LIBRARY                                                                          \
    (1u << CATALOGUE_LIBRARY | 1u << CATALOGUE_HARNESS | 1u << CATALOGUE_LIBC |          \
     1u << CATALOGUE_CXX | 1u << CATALOGUE_LOADER)

enum location_kind location_kind(const struct catalogue *c, const struct frame *frame) {
    if (catalogue_frame(c, OWN, frame))
        return LOCATION_USER;
    if (catalogue_frame(c, ALLOCATOR, frame))
        return LOCATION_ALLOCATOR;
    if (catalogue_frame(c, LIBRARY, frame) ||
        (frame->function && frame_is_rust(frame) && rust_is_std(c, frame->function)))
        return LOCATION_LIBRARY;
    return LOCATION_USER;
}

/* The C `main` that rustc writes around the program's own, and a stripped `_start`: known
 * by what they call. */
static bool is_start_up(const struct frame *frames, uint32_t i) {
    const char *callee = i ? frames[i - 1].function : NULL;
    if (!callee)
        return false;
    if (strncmp(callee, "__libc_start_main", 17) == 0)
        return true;
    return frames[i].function && strcmp(frames[i].function, "main") == 0 &&
           strncmp(callee, "std::rt::", 9) == 0;
}

/* jv_mem_alloc has 24 bytes, sqlite3MemMalloc 68, luaM_malloc_ 114, git's xrealloc 155. */
#define SHORT_BYTES 160u

static bool is_short(const struct frame *frame) {
    return !frame->function && frame->size && frame->size <= SHORT_BYTES;
}

/* Is the nameless frame @i, or the next one out, called by an allocator of its module? Or is @i short,
 * and called by one itself: mrb_realloc ◄ mrb_realloc_simple ◄ the allocator that was set? */
static bool serves_allocator(const struct frame *frames, const enum location_kind *kinds,
                             uint32_t n, uint32_t i) {
    if (frames[i].function)
        return i + 1 < n && frames[i].size && frames[i].size <= SHORT_BYTES &&
               frames[i + 1].module_id == frames[i].module_id &&
               kinds[i + 1] == LOCATION_ALLOCATOR;
    for (uint32_t k = i + 1; k < n && k <= i + 2; k++) {
        if (frames[k].module_id != frames[i].module_id)
            return false;
        if (frames[k].function)
            return kinds[k] == LOCATION_ALLOCATOR;
    }
    return false;
}

/* The user's frame at @i, or the one that a short nameless wrapper there is called by. */
static uint32_t skip_short(const struct frame *frames, const enum location_kind *kinds,
                           uint32_t n, uint32_t i) {
    for (int skipped = 0; skipped < 2 && is_short(&frames[i]); skipped++) {
        uint32_t next = i + 1;
        if (next >= n || kinds[next] != LOCATION_USER || is_start_up(frames, next) ||
            frames[next].module_id != frames[i].module_id)
            break;
        i = next;
    }
    return i;
}

uint32_t location_pick(const struct frame *frames, const enum location_kind *kinds,
                       uint32_t n) {
    uint32_t library = n;
    for (uint32_t i = 0; i < n; i++) {
        enum location_kind kind = kinds[i];
        if (kind == LOCATION_USER && is_start_up(frames, i))
            kind = LOCATION_LIBRARY;
        if (kind == LOCATION_USER && serves_allocator(frames, kinds, n, i))
            kind = LOCATION_ALLOCATOR;
        if (kind == LOCATION_USER)
            return skip_short(frames, kinds, n, i);
        if (kind == LOCATION_LIBRARY && library == n)
            library = i;
    }
    if (library < n)
        return library;
    return n ? n - 1 : 0; /* wrappers all the way: the outermost was called by somebody */
}

void location_add_name(const struct frame *frame, struct text *out) {
    if (frame->file && frame->line) {
        text_addf(out, "%s:%u", frame->file, frame->line);
        if (frame->function)
            text_addf(out, " (%s)", frame->function);
        return;
    }
    text_add(out, text_basename(frame->module));
    uint64_t offset = frame->offset;
    if (frame->function) {
        text_addf(out, "!%s", frame->function);
        offset -= frame->start <= offset ? frame->start : 0;
    }
    text_addf(out, "+0x%llx", (unsigned long long)offset);
}

/* --- portable keys --- */

struct dearth_key location_portable_start(const char *op) {
    return key_hash(op, strlen(op));
}

static struct dearth_key chain(struct dearth_key a, char tag, struct dearth_key b) {
    uint64_t words[5] = {(uint64_t)tag, a.lo, a.hi, b.lo, b.hi};
    return key_hash(words, sizeof words);
}

struct dearth_key location_portable_add(struct dearth_key callers,
                                        const struct frame *frame) {
    if (frame->function)
        return chain(callers, 'n', key_hash(frame->function, strlen(frame->function)));
    AUTO_TEXT struct text module = {0};
    frame_add_module(frame, &module);
    return chain(callers, 'm', key_hash(module.data ? module.data : "", module.n));
}

struct dearth_key location_portable_end(struct dearth_key names, uint32_t ordinal) {
    return chain(names, 'o', (struct dearth_key){ordinal, 0});
}

struct dearth_key location_rules_key(const struct catalogue *c) {
    struct dearth_key key = catalogue_key(c, OWN | ALLOCATOR | LIBRARY);
    return chain((struct dearth_key){RULES_VERSION, 0}, 'c', key);
}
