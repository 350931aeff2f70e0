/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue behind policy.h, and how an end is matched against it. Pure.
 *
 *   1  stack,   telling entries     2  message, telling entries
 *   3  stack,   weak entries        4  message, weak entries
 *
 * A telling entry names its cause (std::bad_alloc); a weak one only says that somebody
 * gave up (std::terminate), so any telling evidence goes first. Within a pass the order
 * of the table decides: damage before assertions before deliberate ends.
 */
#include "policy.h"

#include <ctype.h>
#include <errno.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define DAMAGE     POLICY_DAMAGE
#define CRASH      POLICY_CRASH
#define DELIBERATE POLICY_DELIBERATE

static const struct policy catalogue[] = {
    /* A sanitizer's own refusal of an allocation comes before its reports of damage. */
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer: allocation-size-too-big"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer: calloc-overflow"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer: out-of-memory"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer: out of memory"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer: rss-limit-exceeded"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer failed to allocate"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer", "allocator is out of memory"},
     .any_exit = true},
    {"sanitizer out of memory",
     DELIBERATE,
     {0},
     {"Sanitizer's allocator is terminating"},
     .any_exit = true},

    {"sanitizer: fatal signal", CRASH, {0}, {"Sanitizer:DEADLYSIGNAL"}, .any_exit = true},
    {"sanitizer: fatal signal", CRASH, {0}, {"Sanitizer: SEGV "}, .any_exit = true},
    {"sanitizer: stack overflow",
     CRASH,
     {0},
     {"Sanitizer: stack-overflow"},
     .any_exit = true},
    {"sanitizer: null pointer",
     CRASH,
     {0},
     {"runtime error: ", "null pointer"},
     .any_exit = true},
    {"AddressSanitizer", DAMAGE, {0}, {"ERROR: AddressSanitizer:"}, .any_exit = true},
    {"HWAddressSanitizer", DAMAGE, {0}, {"ERROR: HWAddressSanitizer:"}, .any_exit = true},
    {"ThreadSanitizer", DAMAGE, {0}, {"WARNING: ThreadSanitizer:"}, .any_exit = true},
    {"MemorySanitizer", DAMAGE, {0}, {"WARNING: MemorySanitizer:"}, .any_exit = true},
    {"UndefinedBehaviorSanitizer", DAMAGE, {0}, {": runtime error: "}, .any_exit = true},

    {"heap damage", DAMAGE, {"dearth_damage_found"}, {0}}, /* preload/guard.c */

    {"AddressSanitizer", DAMAGE, {0}, {"SUMMARY: AddressSanitizer: "}, .any_exit = true},

    /* Valgrind's memcheck: what it says of a block is damage, a wild access else a crash. Source:
     * valgrind, memcheck/mc_errors.c, coregrind/m_signals.c. */
    {"Valgrind: use of a freed block",
     DAMAGE,
     {0},
     {"inside a block of size", "free'd"},
     .any_exit = true},
    {"Valgrind: access behind a block",
     DAMAGE,
     {0},
     {"==  Address 0x", " bytes after a block of size"},
     .any_exit = true},
    {"Valgrind: access before a block",
     DAMAGE,
     {0},
     {"==  Address 0x", " bytes before a block of size"},
     .any_exit = true},
    {"Valgrind: invalid free", DAMAGE, {0}, {"== Invalid free()"}, .any_exit = true},
    {"Valgrind: mismatched free",
     DAMAGE,
     {0},
     {"== Mismatched free()"},
     .any_exit = true},
    {"Valgrind: fatal signal",
     CRASH,
     {0},
     {"==  Access not within mapped region"},
     .any_exit = true},
    {"Valgrind: fatal signal",
     CRASH,
     {0},
     {"==  General Protection Fault"},
     .any_exit = true},
    {"Valgrind: fatal signal",
     CRASH,
     {0},
     {"== Jump to the invalid address"},
     .any_exit = true},
    {"Valgrind: uninitialised value",
     DAMAGE,
     {0},
     {"depends on uninitialised value"},
     .any_exit = true},
    {"Valgrind: uninitialised value",
     DAMAGE,
     {0},
     {"== Use of uninitialised value"},
     .any_exit = true},
    {"Valgrind: uninitialised value",
     DAMAGE,
     {0},
     {"== Syscall param ", "uninitialised byte"},
     .any_exit = true},
    {"Valgrind: overlapping copy",
     DAMAGE,
     {0},
     {"== Source and destination overlap"},
     .any_exit = true},
    {"Valgrind: invalid access",
     DAMAGE,
     {0},
     {"== Invalid write of size"},
     .any_exit = true},
    {"Valgrind: invalid access",
     DAMAGE,
     {0},
     {"== Invalid read of size"},
     .any_exit = true},

    /* glibc: malloc.c, debug/fortify_fail.c, debug/stack_chk_fail.c */
    {"heap damage", DAMAGE, {"malloc_printerr"}, {0}},
    {"heap damage", DAMAGE, {"__malloc_assert"}, {0}},
    {"stack smashing",
     DAMAGE,
     {"__stack_chk_fail*"},
     {"*** stack smashing detected ***"}},
    {"buffer overflow",
     DAMAGE,
     {"__fortify_fail*"},
     {"*** buffer overflow detected ***"}},
    {"buffer overflow", DAMAGE, {"__chk_fail"}, {0}},
    {"heap damage", DAMAGE, {0}, {"double free or corruption"}},
    {"heap damage", DAMAGE, {0}, {"free(): "}},
    {"heap damage", DAMAGE, {0}, {"munmap_chunk(): "}},
    {"heap damage", DAMAGE, {0}, {"mremap_chunk(): "}},
    {"heap damage", DAMAGE, {0}, {"malloc(): "}},
    {"heap damage", DAMAGE, {0}, {"malloc_consolidate(): "}},
    {"heap damage", DAMAGE, {0}, {"realloc(): invalid"}},
    {"heap damage", DAMAGE, {0}, {"tcache_thread_shutdown(): "}},
    {"heap damage", DAMAGE, {0}, {"corrupted size vs. prev_size"}},
    {"heap damage", DAMAGE, {0}, {"corrupted double-linked list"}},
    {"heap damage", DAMAGE, {0}, {"break adjusted to free malloc space"}},
    {"heap damage", DAMAGE, {0}, {"malloc assertion failure"}},
    {"heap damage", DAMAGE, {0}, {"sysmalloc: Assertion"}},
    /* other allocators */
    {"heap damage", DAMAGE, {0}, {"<jemalloc>", "double free"}},
    {"heap damage", DAMAGE, {0}, {"<jemalloc>", "corrupt"}},
    {"heap damage", DAMAGE, {0}, {"<jemalloc>", "invalid"}},
    {"heap damage", DAMAGE, {0}, {"<jemalloc>", "size mismatch"}},
    {"heap damage", DAMAGE, {0}, {"Attempt to free invalid pointer"}}, /* tcmalloc */
    {"heap damage", DAMAGE, {0}, {"mimalloc: error: ", "double free"}},
    {"heap damage", DAMAGE, {0}, {"mimalloc: error: ", "corrupt"}},
    {"heap damage", DAMAGE, {0}, {"mimalloc: error: ", "invalid"}},
    {"heap damage", DAMAGE, {0}, {"Scudo ERROR: "}},

    /* An assertion is the program's own statement that it has a bug. */
    {"assertion", CRASH, {"__assert_fail*"}, {"Assertion `", "failed"}},
    {"assertion", CRASH, {"__assert_perror_fail"}, {0}},
    {"assertion", CRASH, {"__libc_assert_fail"}, {0}},
    {"assertion", CRASH, {"__assert"}, {"Assertion failed: "}},
    {"assertion", CRASH, {"*__glibcxx_assert_fail*"}, {"Assertion '", "failed"}},
    {"assertion", CRASH, {"*__glibcxx_assert*"}, {0}},
    {"assertion", CRASH, {"g_assertion_message*"}, {":ERROR:", "assertion failed"}},
    {"assertion", CRASH, {"OPENSSL_die"}, {"OpenSSL internal error"}},
    {"assertion", CRASH, {"_dbus_real_assert*"}, {0}},

    {"rust handle_alloc_error",
     DELIBERATE,
     {"*handle_alloc_error*"},
     {"memory allocation of ", " bytes failed"}},
    {"rust handle_alloc_error", DELIBERATE, {"*rust_oom*"}, {0}},
    {"rust handle_alloc_error", DELIBERATE, {"*default_alloc_error_hook*"}, {0}},
    {"rust handle_alloc_error", DELIBERATE, {"__rust_alloc_error_handler"}, {0}},
    {"rust handle_alloc_error", DELIBERATE, {"__rdl_oom"}, {0}},
    {"rust handle_alloc_error", DELIBERATE, {"__rg_oom"}, {0}},

    /* libstdc++ prints the mangled name when it has no memory to demangle it */
    {"uncaught std::bad_alloc", DELIBERATE, {0}, {"instance of 'St9bad_alloc'"}},
    {"uncaught std::bad_alloc",
     DELIBERATE,
     {0},
     {"instance of 'St20bad_array_new_length'"}},
    {"uncaught std::bad_alloc",
     DELIBERATE,
     {"_ZSt9terminatev", "_Zn[wa]*"},
     {"instance of 'std::bad_alloc'"}},
    {"uncaught std::bad_alloc",
     DELIBERATE,
     {"_ZSt9terminatev", "_ZSt17__throw_bad_allocv"},
     {"uncaught exception of type std::bad_alloc"}},
    {"uncaught std::bad_alloc",
     DELIBERATE,
     {"_ZSt9terminatev", "_ZSt28__throw_bad_array_new_lengthv"},
     {"instance of 'std::bad_array_new_length'"}},
    {"uncaught std::bad_alloc",
     DELIBERATE,
     {"_ZSt9terminatev", "__cxa_throw_bad_array_new_length"},
     {"uncaught exception of type std::bad_array_new_length"}},
    {"uncaught std::bad_alloc",
     DELIBERATE,
     {"_ZSt9terminatev", "__cxa_allocate_exception"},
     {0}},

    {"glib g_malloc",
     DELIBERATE,
     {"g_malloc*", "*g_log*"},
     {"GLib", "failed to allocate"}},
    {"glib g_malloc", DELIBERATE, {"g_realloc*", "*g_log*"}, {0}},
    {"glib g_malloc", DELIBERATE, {"g_slice_*", "*g_log*"}, {0}},
    {"glib g_malloc", DELIBERATE, {"g_aligned_alloc*", "*g_log*"}, {0}},
    {"jq jv_mem_alloc", DELIBERATE, {"jv_mem_*"}, {"jq: error: cannot allocate memory"}},
    {"jq jv_mem_alloc", DELIBERATE, {"memory_exhausted"}, {0}},
    {"python fatal error", DELIBERATE, {"*Py_FatalError*"}, {"Fatal Python error"}},
    {"python fatal error", DELIBERATE, {"Py_ExitStatusException"}, {0}},
    {"v8 out of memory",
     DELIBERATE,
     {"*FatalProcessOutOfMemory*"},
     {"FATAL ERROR: ", "out of memory"}},
    {"v8 out of memory",
     DELIBERATE,
     {"*OOMErrorHandler*"},
     {"Fatal process out of memory"}},
    {"java out of memory", DELIBERATE, {0}, {"insufficient memory for the Java Runtime"}},
    {"perl out of memory", DELIBERATE, {"Perl_croak_no_mem*"}, {"Out of memory!"}},
    {"lua not enough memory",
     DELIBERATE,
     {"luaD_throw"},
     {"PANIC: unprotected error", "not enough memory"}},
    {"ocaml fatal error", DELIBERATE, {"caml_fatal_error*"}, {0}},
    {"tcl panic", DELIBERATE, {"Tcl_Panic*"}, {0}},
    {"gmp", DELIBERATE, {"__gmp_default_*"}, {"GNU MP: Cannot "}},
    {"redis zmalloc", DELIBERATE, {"zmalloc_default_oom"}, {"zmalloc: Out of memory"}},
    {"jemalloc xmalloc", DELIBERATE, {0}, {"<jemalloc>", "out of memory"}},
    {"xmalloc", DELIBERATE, {"xalloc_die"}, {0}},
    {"xmalloc", DELIBERATE, {"xmalloc*"}, {0}},
    {"xmalloc", DELIBERATE, {"xcalloc*"}, {0}},
    {"xmalloc", DELIBERATE, {"xrealloc*"}, {0}},
    {"xmalloc", DELIBERATE, {"x[nz2p]*alloc"}, {0}},
    {"xmalloc", DELIBERATE, {"xstrdup"}, {0}},
    {"xmalloc", DELIBERATE, {"xstrndup"}, {0}},
    {"xmalloc", DELIBERATE, {"xasprintf"}, {0}},
    {"xmalloc", DELIBERATE, {"xvasprintf"}, {0}},
    {"xmalloc", DELIBERATE, {"xmemdup*"}, {0}},
    {"xmalloc", DELIBERATE, {"*malloc_or_die*"}, {0}},
    {"xmalloc", DELIBERATE, {"*out_of_mem*"}, {0}},
    {"xmalloc", DELIBERATE, {"*outofmem*"}, {0}},
    {"xmalloc", DELIBERATE, {"*OutOfMemory*"}, {0}},

    {"rust panic", DELIBERATE, {"rust_panic"}, {"panicked at "}, .weak = true},
    {"glib g_error", DELIBERATE, {"*g_log*"}, {"-ERROR **"}, .weak = true},
    {"uncaught exception",
     DELIBERATE,
     {"_ZSt9terminatev"},
     {"terminate called "},
     .weak = true},
    {"uncaught exception", DELIBERATE, {0}, {"libc++abi: terminating"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"out of memory"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"cannot allocate"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"can't allocate"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"could not allocate"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"failed to allocate"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"allocation failed"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"allocation failure"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"memory exhausted"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"not enough memory"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"insufficient memory"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"malloc failed"}, .weak = true},
    {"out of memory", DELIBERATE, {0}, {"no memory"}, .weak = true},
};
#define N_CATALOGUE (sizeof catalogue / sizeof *catalogue)

/* --- stacks --- */

static bool frame_matches(const char *glob, const char *function) {
    if (!function)
        return false;
    if (text_glob(glob, function))
        return true;
    if (function[0] != '_' || (function[1] != 'Z' && function[1] != 'R'))
        return false;
    char *demangled = cplus_demangle(function, DMGL_AUTO | DMGL_ANSI);
    bool matches = demangled && text_glob(glob, demangled);
    free(demangled);
    return matches;
}

static bool stack_has(const char *glob, const struct crash_frame *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (frame_matches(glob, frames[i].function))
            return true;
    return false;
}

static bool matches_stack(const struct policy *p, const struct crash_frame *frames,
                          uint32_t n) {
    if (!p->symbols[0] || !stack_has(p->symbols[0], frames, n))
        return false;
    return !p->symbols[1] || stack_has(p->symbols[1], frames, n);
}

/* --- messages --- */

/* Find @needle in text[from..n), upper and lower case alike: "Out of memory" is spelt as
 * its author liked. Return: offset behind it, or 0. */
static uint64_t find_part(const char *text, uint64_t n, uint64_t from,
                          const char *needle) {
    uint64_t m = strlen(needle);
    for (uint64_t i = from; i + m <= n; i++)
        if (strncasecmp(text + i, needle, m) == 0)
            return i + m;
    return 0;
}

static bool line_matches(const struct policy *p, const char *line, uint64_t n) {
    uint64_t at = find_part(line, n, 0, p->messages[0]);
    return at && (!p->messages[1] || find_part(line, n, at, p->messages[1]));
}

static bool matches_message(const struct policy *p, const char *text, uint64_t n) {
    if (!p->messages[0] || !text)
        return false;
    for (uint64_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        uint64_t length = end ? (uint64_t)(end - (text + at)) : n - at;
        if (line_matches(p, text + at, length))
            return true;
        at += length + 1;
    }
    return false;
}

const struct policy *policy_find_any_exit(const char *text, uint64_t text_n,
                                          const char *known, uint64_t known_n) {
    for (size_t i = 0; i < N_CATALOGUE; i++)
        if (catalogue[i].any_exit && matches_message(catalogue + i, text, text_n) &&
            !matches_message(catalogue + i, known, known_n))
            return catalogue + i;
    return NULL;
}

const struct policy *policy_find(const struct crash_frame *frames, uint32_t n,
                                 const char *text, uint64_t text_n, const char *known,
                                 uint64_t known_n, const struct policy *extra,
                                 uint32_t n_extra) {
    for (uint32_t i = 0; i < n_extra; i++)
        if (matches_stack(extra + i, frames, n))
            return extra + i;
    for (int weak = 0; weak <= 1; weak++) {
        for (size_t i = 0; i < N_CATALOGUE; i++)
            if (catalogue[i].weak == weak && matches_stack(catalogue + i, frames, n))
                return catalogue + i;
        for (size_t i = 0; i < N_CATALOGUE; i++)
            if (catalogue[i].weak == weak &&
                matches_message(catalogue + i, text, text_n) &&
                !matches_message(catalogue + i, known, known_n))
                return catalogue + i;
    }
    return NULL;
}

int policy_parse(const char *text, struct policy *out) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return -EINVAL;
    char *copy = text_dup(text);
    copy[equals - text] = '\0';
    *out = (struct policy){.name = copy,
                           .class = POLICY_DELIBERATE,
                           .symbols = {copy + (equals - text) + 1}};
    return 0;
}
