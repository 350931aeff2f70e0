/* SPDX-License-Identifier: Apache-2.0 */
/* Names of places: see place.h. Pure. */
#include "place.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

void place_add_exact(const struct frame *frame, struct text *out) {
    frame_add_module(frame, out);
    if (frame->function) {
        const char *function = frame_plain_name(frame->function);
        text_addf(out, "!%.*s", (int)strcspn(function, "("), function);
    } else {
        text_addf(out, "+0x%llx", (unsigned long long)frame->offset);
    }
}

static bool ends_with(const char *name, size_t n, const char *end) {
    size_t k = strlen(end);
    return n > k && memcmp(name + n - k, end, k) == 0;
}

/* Length without one of @ends, or 0. */
static size_t without(const char *name, size_t n, const char *const *ends) {
    for (; *ends; ends++)
        if (ends_with(name, n, *ends))
            return n - strlen(*ends);
    return 0;
}

/* What a compiler makes of a part of a function, or for some of its callers: GCC's and LLVM's. */
static size_t without_clone(const char *name) {
    static const char *const clones[] = {".part.", ".isra.",     ".constprop.", ".cold",
                                         ".llvm.", ".lto_priv.", " [clone "};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof clones / sizeof *clones; i++) {
        const char *at = strstr(name, clones[i]);
        if (at && at > name && (size_t)(at - name) < n)
            n = (size_t)(at - name);
    }
    return n;
}

/* "A::operator()(int) const" is A::operator(); "(anonymous namespace)::f(int)" keeps its first part. */
static size_t without_parameters(const char *name, size_t n) {
    static const char *const after[] = {" const", " &", " &&", " volatile", NULL};
    int depth = 0;
    for (size_t k; (k = without(name, n, after));)
        n = k;
    if (!ends_with(name, n, ")") || ends_with(name, n, "operator()"))
        return n;
    for (size_t i = n; i-- > 1;) {
        depth += name[i] == ')';
        depth -= name[i] == '(';
        if (!depth)
            return i;
    }
    return n;
}

/*
 * glibc's variants for a processor, of which one is chosen when the program starts. The weak ones say
 * something only behind another, or behind the underscores of the C library's own.
 * Source: glibc, sysdeps/{x86_64,aarch64}/multiarch/ifunc-impl-list.c
 */
static size_t without_processor(const char *name, size_t n) {
    static const char *const strong[] = {
        "_evex512", "_evex",   "_no_vzeroupper", "_avx512vl", "_avx512f", "_avx512",
        "_avx2",    "_avx",    "_sse2",          "_sse3",     "_ssse3",   "_sse4_1",
        "_sse4_2",  "_sse42",  "_sse41",         "_rtm",      "_erms",    "_movbe",
        "_fma4",    "_fma",    "_asimd",         "_neon",     "_sve",     "_mte",
        "_mops",    "_falkor", "_thunderx2",     "_thunderx", "_kunpeng", "_a64fx",
        NULL};
    static const char *const weak[] = {"_unaligned", "_aligned", "_generic", NULL};
    size_t sure = strncmp(name, "__", 2) == 0 ? without(name, n, weak) : 0;
    for (size_t at = n, k;;) {
        if ((k = without(name, at, strong)))
            sure = at = k;
        else if ((k = without(name, at, weak)))
            at = k;
        else
            return sure ? sure : n;
    }
}

void place_add(const struct frame *frame, struct text *out) {
    struct frame of = *frame;
    if (!frame->function) {
        place_add_exact(frame, out);
        return;
    }
    const char *name = frame_plain_name(frame->function);
    size_t clone = without_clone(name), n = without_parameters(name, clone);
    size_t common = without_processor(name, n);
    if (common < n) /* "__strcmp_evex" is strcmp */
        for (; common > 2 && *name == '_'; common--, n--)
            name++;
    of.function = "";
    place_add_exact(&of, out);
    text_add_n(out, name, common < n ? common : n);
}

bool place_is(const char *place, const struct frame *frame) {
    AUTO_TEXT struct text name = {0};
    place_add(frame, &name);
    for (int field = 0; field < 2; field++) { /* behind the verdict, and a signal */
        place = place ? strchr(place, '|') : NULL;
        place += place != NULL;
        if (place && strncmp(place, name.data, name.n) == 0 &&
            (!place[name.n] || place[name.n] == '|'))
            return true;
    }
    return false;
}
