/* SPDX-License-Identifier: Apache-2.0 */
/* Judging calls of Rust's library: see rust_call.h. Pure. */
#include "rust_call.h"

#include <stdlib.h>
#include <string.h>

#include "location.h"
#include "text.h"

/* --- the judgement --- */

static bool is_of(const struct catalogue *c, enum catalogue_kind kind,
                  const struct frame *frame) {
    return catalogue_frame(c, 1u << kind, frame) != NULL;
}

enum rust_call rust_call_judge(const struct catalogue *c, const struct frame *below,
                               uint32_t n) {
    if (!n || !frame_is_rust(&below[0]))
        return RUST_CALL_FOREIGN;
    for (uint32_t i = 0; i < n; i++)
        if (is_of(c, CATALOGUE_FALLIBLE, &below[i]))
            return RUST_CALL_FALLIBLE;
    const struct frame *called = &below[n - 1];
    if (is_of(c, CATALOGUE_INFALLIBLE, called))
        return RUST_CALL_INFALLIBLE;
    if (is_of(c, CATALOGUE_EITHER, called))
        return RUST_CALL_UNKNOWN;
    return location_kind(c, called) == LOCATION_ALLOCATOR ? RUST_CALL_ITSELF
                                                          : RUST_CALL_INFALLIBLE;
}

bool rust_call_is_panic(const struct catalogue *c, const struct frame *below,
                        uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (is_of(c, CATALOGUE_PANIC, &below[i]))
            return true;
    return false;
}

static bool is_one_of(const char *function, const char *const *globs) {
    for (; function && *globs; globs++)
        if (text_glob(*globs, function))
            return true;
    return false;
}

uint32_t rust_call_printing(const struct frame *frames, uint32_t n) {
    static const char *const writes[] = {
        "<alloc::string::String as core::fmt::Write>::write_str*",
        "<alloc::string::String as core::fmt::Write>::write_char*", NULL};
    static const char *const makers[] = {
        "alloc::fmt::format*",
        "<* as alloc::string::ToString>::to_string*",
        "<* as alloc::string::SpecToString>::spec_to_string*",
        "<alloc::string::String as core::fmt::Write>::write_fmt*",
        "core::fmt::Write::write_fmt*",
        NULL};
    uint32_t i = 0;
    while (i < n && !is_one_of(frames[i].function, writes))
        i++;
    while (i < n && !is_one_of(frames[i].function, makers))
        i++;
    /* the outermost of those that call one another */
    while (i + 1 < n && is_one_of(frames[i + 1].function, makers))
        i++;
    return i < n ? i : 0;
}

/* --- names --- */

/* End of the bracketed thing at @s, behind its last bracket. "->" closes nothing. */
static const char *behind(const char *s) {
    int depth = 0;
    for (const char *start = s; *s; s++) {
        depth += *s == '<' || *s == '(' || *s == '[';
        depth -= (*s == '>' && (s == start || s[-1] != '-')) || *s == ')' || *s == ']';
        if (!depth)
            return s + 1;
    }
    return s;
}

/* `T` and `Self` stand for any type. */
static bool is_parameter(const char *s, const char *end) {
    size_t n = (size_t)(end - s);
    return (n == 1 && *s >= 'A' && *s <= 'Z') || (n == 4 && memcmp(s, "Self", 4) == 0);
}

/* What is inside `<Type as Trait>`, `<impl Trait for Type>`, `<Type>`: the type, or the trait where that says
 * more. @end: out */
static const char *type_in(const char *s, const char *closing, const char **end) {
    static const char *const marks[] = {" as ", " for "};
    *end = closing;
    for (const char *at = s; at < closing; at++) {
        if (strchr("<([", *at)) {
            at = behind(at) - 1;
            continue;
        }
        if (strncmp(at, marks[0], 4) == 0 && is_parameter(s, at))
            return at + 4;
        if (strncmp(at, marks[0], 4) == 0 && *end == closing)
            *end = at;
        if (strncmp(at, marks[1], 5) == 0 && strncmp(s, "impl ", 5) == 0)
            return at + 5;
    }
    return strncmp(s, "impl ", 5) == 0 ? s + 5 : s;
}

/* The last word of a type's path without its arguments: "Vec" of `alloc::vec::Vec<T>`; `[u8]` and `(A, B)` as
 * they are. */
static void add_type(const char *s, const char *end, struct text *out) {
    const char *word = s;
    while (s < end && strchr("&* ", *s))
        word = ++s;
    if (s < end && strchr("[(", *s)) {
        text_add_n(out, s, (size_t)(end - s));
        return;
    }
    while (s < end && *s != '<')
        if (strncmp(s, "::", 2) == 0)
            word = s += 2;
        else
            s++;
    text_add_n(out, word, (size_t)(s - word));
}

struct part {
    const char *start, *end;
};

/* Of a path, its parts between the outermost "::", the last two. Return: how many there are, 2 at most. */
static int last_parts(const char *function, struct part out[static 2]) {
    int n = 0;
    for (const char *s = function; *s;) {
        struct part part = {s, s};
        while (*s && strncmp(s, "::", 2) != 0)
            s = strchr("<([", *s) ? behind(s) : s + 1;
        part.end = s;
        s += *s ? 2 : 0;
        bool arguments = n && *part.start == '<' && part.start[1] != '{' &&
                         strncmp(part.start, "<impl ", 6) != 0;
        if (part.end == part.start || arguments || *part.start == '{')
            continue; /* `::<T>`, `{closure#0}` */
        if (n == 2)
            out[0] = out[1];
        out[n < 2 ? n++ : 1] = part;
    }
    return n;
}

void rust_call_add_name(const char *function, struct text *out) {
    struct part parts[2] = {{0}};
    int n = last_parts(function, parts);
    for (int i = 0; i < n; i++) {
        const char *start = parts[i].start, *end = parts[i].end;
        if (*start == '<' && end > start + 1)
            start = type_in(start + 1, end - 1, &end);
        text_add(out, i ? "::" : "");
        add_type(start, end, out);
    }
    if (!n)
        text_add(out, function);
}
