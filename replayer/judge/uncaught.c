/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of std::terminate(): see uncaught.h. Pure. */
#include "uncaught.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abort.h"
#include "attribution.h"
#include "catalogue.h"
#include "demangle.h"
#include "text.h"

#define TYPE_BYTES 100

struct end {
    const struct catalogue *catalogue;
    const struct failed_stacks *failed;
    const struct frame *frames;
    uint32_t n;
    const struct observation *seen;
};

static const char *name_at(const struct end *e, uint32_t i) {
    const char *name = i < e->n ? e->frames[i].linkage_name : NULL;
    return name ? name : "";
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* --- the type of the exception --- */

/* What stands in standard error between @before and @close, in a line that begins so. */
static bool said_between(const struct observation *o, const char *before, char close,
                         char type[static TYPE_BYTES]) {
    const char *at = o->output.stderr_tail, *end = at + o->output.stderr_tail_n;
    size_t n = strlen(before);
    for (; at && at < end; at++) {
        if ((size_t)(end - at) > n && strncmp(at, before, n) == 0) {
            const char *from = at + n;
            const char *to = memchr(from, close, (size_t)(end - from));
            if (!to || to == from)
                return false;
            snprintf(type, TYPE_BYTES, "%.*s", (int)(to - from), from);
            return true;
        }
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at)
            return false;
    }
    return false;
}

/* libstdc++'s function that threw it: std::__throw_out_of_range_fmt(char const*, ...). */
static bool thrown_by(const struct frame *f, char type[static TYPE_BYTES]) {
    static const char throws[] = "std::__throw_";
    const char *function = f->function;
    if (f->linkage_name && begins(f->linkage_name, "_Zn")) {
        snprintf(type, TYPE_BYTES, "std::bad_alloc");
        return true;
    }
    if (!function || !begins(function, throws))
        return false;
    function += sizeof throws - 1;
    size_t n = strcspn(function, "(");
    if (n > 4 && strncmp(function + n - 4, "_fmt", 4) == 0)
        n -= 4;
    snprintf(type, TYPE_BYTES, "std::%.*s", (int)n, function);
    return true;
}

/* "St9bad_alloc", "N3app5errorE", "5error", "i". A type of a user's may have one letter, too: then it is
 * "1i". */
static bool is_mangled(const char *type) {
    size_t n = strlen(type);
    return n == 1 || isdigit((unsigned char)type[0]) ||
           (begins(type, "St") && isdigit((unsigned char)type[2])) ||
           (type[0] == 'N' && type[n - 1] == 'E' &&
            (isdigit((unsigned char)type[1]) || begins(type + 1, "St")));
}

/* libstdc++ prints the mangled name when it has no memory to demangle it. */
static void demangle_type(char type[static TYPE_BYTES]) {
    static const char what[] = "typeinfo for ";
    AUTO_FREE char *symbol = is_mangled(type) ? text_format("_ZTI%s", type) : NULL;
    AUTO_FREE char *plain = symbol ? demangle(symbol, true) : NULL;
    if (plain && begins(plain, what))
        snprintf(type, TYPE_BYTES, "%s", plain + sizeof what - 1);
}

static bool find_type(const struct end *e, char type[static TYPE_BYTES]) {
    if (said_between(e->seen, "terminate called after throwing an instance of '", '\'',
                     type) ||
        said_between(e->seen, "libc++abi: terminating due to uncaught exception of type ",
                     '\n', type) ||
        said_between(e->seen, "libc++abi: terminating with uncaught exception of type ",
                     '\n', type)) {
        if (begins(e->seen->output.stderr_tail, "libc++abi"))
            type[strcspn(type, ":")] = 0;
        demangle_type(type);
        return true;
    }
    for (uint32_t i = 0; i + 1 < e->n; i++)
        if (strcmp(name_at(e, i), "__cxa_throw") == 0 &&
            thrown_by(&e->frames[i + 1], type))
            return true;
    if (!e->seen->crash.thrown.type[0])
        return false;
    snprintf(type, TYPE_BYTES, "%.*s", TYPE_BYTES - 1, e->seen->crash.thrown.type);
    demangle_type(type); /* the program's own handler has printed something else */
    return true;
}

/* Is what was found on the stack the exception of this type? */
static bool is_found(const struct end *e, const char *type) {
    char found[TYPE_BYTES];
    snprintf(found, sizeof found, "%.*s", TYPE_BYTES - 1, e->seen->crash.thrown.type);
    demangle_type(found);
    return found[0] && strcmp(found, type) == 0;
}

/* Also one of the program's that is made from it (boost::wrapexcept<std::bad_alloc>). */
static bool is_bad_alloc(const struct end *e, const char *type) {
    return strstr(type, "bad_alloc") || strstr(type, "bad_array_new_length") ||
           (e->seen->crash.thrown.bad_alloc && is_found(e, type));
}

/* A mistake in the program, says the standard: [std.exceptions]. */
static bool is_logic_error(const struct end *e, const char *type) {
    static const char *const mistakes[] = {
        "std::logic_error",   "std::domain_error",      "std::invalid_argument",
        "std::length_error",  "std::out_of_range",      "std::bad_cast",
        "std::bad_any_cast",  "std::bad_typeid",        "std::bad_function_call",
        "std::bad_weak_ptr",  "std::future_error",      "std::bad_optional_access",
        "std::bad_exception", "std::bad_variant_access"};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        if (strcmp(type, mistakes[i]) == 0)
            return true;
    return e->seen->crash.thrown.logic_error && is_found(e, type);
}

/* --- who called std::terminate() --- */

static uint32_t find_terminate(const struct end *e) {
    uint32_t at = e->n;
    for (uint32_t i = 0; i < e->n; i++)
        if (strcmp(name_at(e, i), "_ZSt9terminatev") == 0)
            at = i;
    return at;
}

static bool is_of_cxx(const struct end *e, uint32_t i) {
    return attribution_class(e->catalogue, e->frames[i].module, e->seen->crash.exe) ==
           ATTRIBUTED_LIBSTDCXX;
}

/* The first frame above that is not a part of the runtime's own way there, which may have no name. Its
 * personality routine has a way of its own, past std::terminate(). */
static uint32_t caller_of(const struct end *e, uint32_t terminate) {
    uint32_t i = terminate < e->n ? terminate + 1 : 0;
    while (terminate == e->n && i < e->n && strcmp(name_at(e, i), "abort") != 0)
        i++;
    i += terminate == e->n;
    while (i < e->n &&
           (begins(name_at(e, i), "_ZN10__cxxabiv1") ||
            begins(name_at(e, i), "_ZSt11__terminatev") || /* where it is not inlined */
            begins(name_at(e, i), "__cxa_call_") || (!*name_at(e, i) && is_of_cxx(e, i))))
        i++;
    return i;
}

static void add_function(const struct end *e, uint32_t from_1, const char *before,
                         char cause[static CAUSE_BYTES]) {
    if (!from_1 || from_1 > e->n)
        return;
    const struct frame *f = &e->frames[from_1 - 1];
    struct text name = {0};
    if (f->function)
        text_add(&name, f->function);
    else
        frame_add(f, &name);
    size_t n = strlen(cause);
    snprintf(cause + n, CAUSE_BYTES - n, "%s%s", before, name.data);
    text_deinit(&name);
}

/* The personality routine found a function that lets nothing out. It is a defect where somebody further
 * out was ready; else the exception is as uncaught as it would be without. */
static bool left_noexcept(const struct end *e, char cause[static CAUSE_BYTES]) {
    char type[TYPE_BYTES] = "";
    bool known = find_type(e, type);
    if ((!known || is_bad_alloc(e, type)) && !e->seen->crash.caught_by)
        return false;
    snprintf(cause, CAUSE_BYTES, "%s cannot leave a noexcept function",
             known ? type : "an exception");
    add_function(e, e->seen->crash.boundary, ", ", cause);
    add_function(e, e->seen->crash.caught_by, "; there is a handler for it in ", cause);
    return true;
}

/* Does the exception's own message say that there was no memory, or @any thing that could not be done? */
static bool says_why(const struct end *e, bool any) {
    static const char before[] = "\n  what():  ";
    const struct observation *o = e->seen;
    const char *at = o->output.stderr_tail
                         ? memmem(o->output.stderr_tail, o->output.stderr_tail_n, before,
                                  sizeof before - 1)
                         : NULL;
    const struct catalogue_section *s;
    if (!at)
        return false;
    at += sizeof before - 1;
    const char *end = o->output.stderr_tail + o->output.stderr_tail_n;
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    for (uint32_t i = 0; (s = catalogue_section(e->catalogue, i)); i++)
        if (((any && s->kind == CATALOGUE_WAY_OUT) || s->kind == CATALOGUE_GAVE_UP) &&
            catalogue_message(s, FIELD_MESSAGE, at,
                              (uint64_t)((line_end ? line_end : end) - at), NULL, 0))
            return true;
    return false;
}

/* Libraries' templates are compiled into the program. */
static bool is_librarys(const struct end *e, uint32_t i) {
    static const char *const begin[] = {"_ZNSt", "_ZNKSt", "_ZSt", "_ZN9__gnu_cxx",
                                        "_Zn"};
    for (size_t k = 0; k < sizeof begin / sizeof *begin; k++)
        if (begins(name_at(e, i), begin[k]))
            return true;
    return is_of_cxx(e, i);
}

/* Did the library fail to get memory in the very call in which it throws? */
static bool is_of_librarys_call(const struct end *e, uint32_t i) {
    while (i < e->n && is_librarys(e, i))
        i++;
    return i < e->n && abort_is_within(e->failed, &e->frames[i]);
}

/* Thrown by the program, or the library that it called, in the place of std::bad_alloc, or of the NULL that it
 * was given? */
static bool is_answer(const struct end *e, const char *type) {
    uint32_t by = 0;
    while (by < e->n && strcmp(name_at(e, by), "__cxa_throw") != 0)
        by++;
    by++;
    if (is_logic_error(e, type))
        return false;
    if (by >= e->n) /* thrown on: who threw it first has returned */
        return says_why(e, false);
    if (is_librarys(e, by)) /* std::thread could not start one: std::system_error */
        return is_of_librarys_call(e, by);
    for (uint32_t i = by; i < e->n; i++)
        if (begins(name_at(e, i), "_Znw") || begins(name_at(e, i), "_Zna"))
            return false; /* a new_handler's */
    const char *exe = e->seen->crash.exe;
    bool told = abort_was_thrown(e->catalogue, e->failed, exe) || says_why(e, true);
    return abort_is_answer(e->catalogue, e->failed, e->frames + by, e->n - by, exe, told);
}

static bool uncaught(const struct end *e, char cause[static CAUSE_BYTES]) {
    char type[TYPE_BYTES];
    if (!find_type(e, type) || is_bad_alloc(e, type) || is_answer(e, type))
        return false;
    snprintf(cause, CAUSE_BYTES, "uncaught %s", type);
    return true;
}

static bool says(const struct observation *o, const char *what) {
    return o->output.stderr_tail &&
           memmem(o->output.stderr_tail, o->output.stderr_tail_n, what, strlen(what));
}

/* Is the personality routine at work, and was std::terminate() called by it? The program's own handler may
 * lie in between. */
static bool is_within_personality(const struct end *e) {
    for (uint32_t i = 0; i < e->n; i++)
        if (begins(name_at(e, i), "__gxx_personality") ||
            begins(name_at(e, i), "__clang_call_terminate"))
            return true;
    return false;
}

/* `throw;` where there is nothing to throw on. */
static bool rethrew_nothing(const struct end *e, char cause[static CAUSE_BYTES]) {
    if (!says(e->seen, "terminate called without an active exception"))
        return false;
    snprintf(cause, CAUSE_BYTES, "an exception was thrown on where there is none");
    return true;
}

/* Called by a function itself: by design, perhaps, where malloc() gave it NULL; where operator new threw
 * and nobody caught it yet, a destructor is at work. */
static bool called(const struct end *e, uint32_t caller, char cause[static CAUSE_BYTES]) {
    bool thread = begins(name_at(e, caller), "_ZNSt6thread");
    bool under_way = says(e->seen, "terminate called without an active exception") &&
                     abort_was_thrown(e->catalogue, e->failed, e->seen->crash.exe);
    if (!thread && !under_way)
        return uncaught(e, cause); /* caught, and ended for it */
    snprintf(cause, CAUSE_BYTES, "%s",
             thread ? "a std::thread that is joinable was destroyed"
                    : "std::terminate() while an exception passed: a std::thread that is "
                      "joinable was destroyed, or a function is noexcept");
    return true;
}

bool uncaught_find(const struct catalogue *catalogue, const struct failed_stacks *failed,
                   const struct frame *end, uint32_t n, const struct observation *seen,
                   char cause[static CAUSE_BYTES]) {
    const struct end e = {catalogue, failed, end, n, seen};
    uint32_t terminate = find_terminate(&e), by = caller_of(&e, terminate);
    const char *name = name_at(&e, by);
    cause[0] = 0;
    if (is_within_personality(&e) ||
        (by > 0 && begins(name_at(&e, by - 1), "__cxa_call_unexpected")))
        return left_noexcept(&e, cause);
    if (terminate == n) /* its name is not known, or there is no stack */
        return uncaught(&e, cause);
    if (begins(name, "__cxa_rethrow") && rethrew_nothing(&e, cause))
        return true;
    if (begins(name, "__cxa_throw") || begins(name, "__cxa_rethrow") ||
        begins(name, "_ZSt17rethrow_exception"))
        return uncaught(&e, cause);
    if (begins(name, "__cxa_") || begins(name, "_Zn")) /* pure virtual; no memory; new */
        return false;
    return called(&e, by, cause);
}
