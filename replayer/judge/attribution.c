/* SPDX-License-Identifier: Apache-2.0 */
/* Attribution: the rules of attribution.h. Pure. */
#include "attribution.h"

#include <string.h>

const char *attribution_name(enum attributed_to to) {
    static const char *const names[] = {NULL,   "program",   "library",
                                        "libc", "libstdc++", "loader"};
    return names[to];
}

/* --- classes of modules --- */

/* "libc.so.6", "libc-2.31.so": @stem, then a dot or a dash and a digit. */
static bool is_library(const char *name, const char *stem) {
    size_t n = strlen(stem);
    if (strncmp(name, stem, n) != 0)
        return false;
    return name[n] == '.' || (name[n] == '-' && name[n + 1] >= '0' && name[n + 1] <= '9');
}

enum attributed_to attribution_class(const char *module, const char *exe) {
    static const char *const libc[] = {"libc",         "libm",          "libpthread",
                                       "librt",        "libdl",         "libresolv",
                                       "libnss_files", "libnss_dns",    "libutil",
                                       "libanl",       "libnss_compat", "libthread_db"};
    static const char *const cxx[] = {"libstdc++", "libc++", "libc++abi", "libgcc_s"};
    if (exe && strcmp(module, exe) == 0)
        return ATTRIBUTED_PROGRAM;
    const char *name = text_basename(module);
    if (strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld-musl", 7) == 0 ||
        is_library(name, "ld") || strncmp(name, "ld64.so", 7) == 0)
        return ATTRIBUTED_LOADER;
    for (size_t i = 0; i < sizeof libc / sizeof *libc; i++)
        if (is_library(name, libc[i]))
            return ATTRIBUTED_LIBC;
    for (size_t i = 0; i < sizeof cxx / sizeof *cxx; i++)
        if (is_library(name, cxx[i]))
            return ATTRIBUTED_LIBSTDCXX;
    return ATTRIBUTED_LIBRARY;
}

static bool is_runtime(const struct frame *f, const char *exe) {
    enum attributed_to to = attribution_class(f->module, exe);
    return to == ATTRIBUTED_LIBC || to == ATTRIBUTED_LIBSTDCXX ||
           to == ATTRIBUTED_LOADER || strcmp(f->module, "[vdso]") == 0;
}

/* --- machinery: frames that say how it ended, not where --- */

static bool any_glob(const char *const *globs, size_t n, const char *s) {
    for (size_t i = 0; s && i < n; i++)
        if (text_glob(globs[i], s))
            return true;
    return false;
}
#define ANY_GLOB(globs, s) any_glob(globs, sizeof(globs) / sizeof *(globs), s)

static const char *name_of(const struct frame *f) {
    return frame_plain_name(f->linkage_name ? f->linkage_name : f->function);
}

static bool is_machinery(const struct frame *f) {
    static const char *const functions[] = {
        /* how glibc ends a program */
        "raise",
        "gsignal",
        "abort",
        "pthread_kill*",
        "__pthread_kill*",
        "kill",

        "__assert*",
        "__libc_assert_fail",
        "__libc_message*",
        "__libc_fatal",
        "malloc_printerr*",
        "__malloc_assert",
        "__fortify_fail*",
        "__stack_chk_fail*",
        "__chk_fail",
        "__*_chk",
        "__restore_rt",
        "__kernel_rt_sigreturn",
        /* allocators */
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "free",
        "cfree",
        "posix_memalign",
        "aligned_alloc",
        "memalign",
        "__libc_malloc*",
        "__libc_calloc*",
        "__libc_realloc*",
        "__libc_free*",
        "_int_malloc",
        "_int_free*",
        "_int_realloc",
        "_int_memalign",
        "sysmalloc*",
        "unlink_chunk*",
        "tcache_*",
        "munmap_chunk*",
        "malloc_consolidate",
        "systrim*",
        /* C++: raising, terminating, operator new and delete */
        "__cxa_throw*",
        "_ZSt9terminatev",
        "_ZN10__cxxabiv1*",
        "_ZN9__gnu_cxx27__verbose*",
        "_ZSt*__throw_*",
        "_ZSt10unexpectedv",
        "__cxa_*",
        "_Unwind_*",
        "__gxx_personality*",
        "_ZSt21__glibcxx_assert*",
        "_Zn[wa]*",
        "_Zd[la]*",
        "__clang_call_terminate",
        /* Rust: panics, handle_alloc_error, the allocator's shims */
        "*handle_alloc_error*",
        "*rust_oom*",
        "*default_alloc_error_hook*",
        "__rust_*",
        "__rdl_*",
        "__rg_*",
        "rust_panic*",
        "rust_begin_unwind",
        "*core9panicking*",
        "*std9panicking*",
        "*3std*abort_internal*",
        "*3std7process5abort*",
        "*alloc7raw_vec*",
        "*sys_common9backtrace*",
        "*__rust_end_short_backtrace*",
        /* glib, python */
        "g_log*",
        "_g_log*",
        "g_assertion_message*",
        "g_return_if_fail*",
        "*Py_FatalError*",
        "fatal_error*",
        /* sanitizers */
        "__asan_*",
        "__interceptor_*",
        "__sanitizer_*",
        "*__asan*",
        "*__sanitizer*",
        "__ubsan_*",
        "__tsan_*",
        "__msan_*",
    };
    static const char *const modules[] = {
        "libdearth*",      "libasan.so*",      "libtsan.so*",     "libubsan.so*",
        "libjemalloc.so*", "libtcmalloc*.so*", "libmimalloc*.so*"};
    return ANY_GLOB(modules, text_basename(f->module)) || ANY_GLOB(functions, name_of(f));
}

/* Functions whose crash on a pointer is the mistake of whoever handed it over. */
static bool reads_what_it_is_given(const struct frame *f) {
    static const char *const functions[] = {
        "*str*",           "*mem*",      "*wcs*",
        "*wmem*",          "*printf*",   "*scanf*",
        "*puts*",          "*putc*",     "*fwrite*",
        "*fread*",         "*gets*",     "*getc*",
        "*fflush*",        "*fclose*",   "*fseek*",
        "*ftell*",         "*fileno*",   "*setvbuf*",
        "*setbuf*",        "*rewind*",   "*ferror*",
        "*feof*",          "*getdelim*", "*getline*",
        "*qsort*",         "*bsearch*",  "*ato[ilf]*",
        "*readdir*",       "*closedir*", "*pthread_mutex_*",
        "*pthread_cond_*", "*regexec*",  "*regfree*",
        "*freeaddrinfo*",  "*write*",    "*pthread_join*",
        "_IO_*",           "index",      "rindex",
        "bcopy",           "bcmp",       "bzero",
    };
    const char *name = name_of(f);
    return !name || ANY_GLOB(functions, name);
}

/* --- the rules --- */

static uint32_t skip_machinery(const struct frame *frames, uint32_t n) {
    /* A handler that aborts hides the place: what lies under the signal frame counts. */
    uint32_t i = 0;
    for (uint32_t k = 0; k < n; k++) {
        const char *name = name_of(&frames[k]);
        if (name && (strcmp(name, "__restore_rt") == 0 ||
                     strcmp(name, "__kernel_rt_sigreturn") == 0))
            i = k + 1;
    }
    while (i < n && is_machinery(&frames[i]))
        i++;
    return i;
}

/* First frame from @i on that is not in the C library, the C++ runtime or the loader. */
static uint32_t skip_runtime(const struct frame *frames, uint32_t n, uint32_t i,
                             const char *exe) {
    while (i < n && is_runtime(&frames[i], exe))
        i++;
    return i;
}

/* Code in no file: what a wild pointer led to, or made by a compiler at run time. Whoever called it
 * is to blame, and has a name that stays. Return: @n when there is nobody. */
static uint32_t skip_nowhere(const struct frame *frames, uint32_t n, uint32_t i) {
    while (i < n && strcmp(frames[i].module, "[anon]") == 0)
        i++;
    return i;
}

static bool same_frame(const struct frame *a, const struct frame *b) {
    return a->offset == b->offset && strcmp(a->module, b->module) == 0;
}

/* Do both stacks go on with the same frames outwards? The folding of recursion has
 * shortened the fault's stack perhaps, so the two are compared only near the library. */
static bool same_call(const struct frame *fault, uint32_t n_fault, uint32_t f,
                      const struct frame *crash, uint32_t n_crash, uint32_t c) {
    uint32_t compared = 0;
    for (; compared < 8 && f < n_fault && c < n_crash; compared++, f++, c++)
        if (!same_frame(&fault[f], &crash[c]))
            return false;
    return compared > 0;
}

static struct attribution blame(const struct frame *place, const char *exe,
                                const char *why) {
    return (struct attribution){.to = attribution_class(place->module, exe),
                                .module = place->module,
                                .place = place,
                                .why = why};
}

/* The runtime called it, and nobody else is on the stack: a thread or an exit handler of the
 * program's. */
static struct attribution blame_program(const struct frame *place, const char *exe) {
    struct attribution a = blame(place, exe, "let the runtime call what is no code");
    if (exe) {
        a.to = ATTRIBUTED_PROGRAM;
        a.module = exe;
    }
    return a;
}

/* Who called the runtime when it was its own allocation that failed.
 * Return: that frame's index (@n: nobody did); 0 = somebody else's allocation failed. */
static uint32_t caller_of_own_allocation(const struct frame *fault, uint32_t n,
                                         const char *exe) {
    uint32_t in = 0;
    while (in < n && is_machinery(&fault[in]))
        in++;
    uint32_t out = skip_runtime(fault, n, in, exe);
    return out > in ? out : 0;
}

struct attribution attribution_decide(const struct frame *fault, uint32_t n_fault,
                                      const struct frame *crash, uint32_t n_crash,
                                      const char *exe) {
    if (!n_crash)
        return (struct attribution){0};
    uint32_t in = skip_machinery(crash, n_crash);
    if (in == n_crash)
        in = n_crash - 1; /* machinery all the way: the outermost is the best there is */
    uint32_t caller = skip_nowhere(crash, n_crash, in);
    bool nowhere = caller != in;
    if (caller < n_crash && !is_runtime(&crash[caller], exe))
        return blame(&crash[caller], exe,
                     nowhere ? "called what is no code of a file"
                             : "crashed in its own code");
    uint32_t out = skip_runtime(crash, n_crash, caller, exe);
    if (out == n_crash)
        return nowhere ? blame_program(&crash[in], exe)
                       : blame(&crash[in], exe, "no other code is on the stack");
    if (nowhere)
        return blame(&crash[out], exe, "handed the runtime what is no code of a file");
    uint32_t fault_out = caller_of_own_allocation(fault, n_fault, exe);
    const struct frame *entry = &crash[out - 1]; /* what the caller called */
    if (reads_what_it_is_given(entry) || !fault_out)
        return blame(&crash[out], exe, "handed it over to the runtime");
    if (same_call(fault, n_fault, fault_out, crash, n_crash, out))
        return blame(&crash[in], exe, "crashed in the call whose own allocation failed");
    if (out - in >= 2 && !reads_what_it_is_given(&crash[in]))
        return blame(&crash[in], exe, "stumbled over its own state");
    return blame(&crash[out], exe, "handed it over to the runtime");
}

struct attribution attribution_hang(const struct frame *fault, uint32_t n_fault,
                                    const struct frame *loop, uint32_t n_loop,
                                    const char *exe) {
    uint32_t in = skip_nowhere(loop, n_loop, skip_machinery(loop, n_loop));
    uint32_t out = skip_runtime(loop, n_loop, in, exe);
    if (out == n_loop)
        return (struct attribution){0};
    uint32_t fault_out = caller_of_own_allocation(fault, n_fault, exe);
    if (out > in && fault_out && same_call(fault, n_fault, fault_out, loop, n_loop, out))
        return blame(&loop[in], exe, "hangs in the call whose own allocation failed");
    return blame(&loop[out], exe, "does not come back");
}

/* Main stacks and threads' stacks lie at the upper end of the address space. */
#define STACKS_BEGIN (1ull << 46)

const struct frame *attribution_recursion(const struct frame *crash, uint32_t n_crash,
                                          uint64_t address, const char *exe) {
    if (address < STACKS_BEGIN || !n_crash)
        return NULL;
    for (uint32_t i = n_crash > 2 ? n_crash - 2 : 0; i < n_crash; i++) {
        const char *name = name_of(&crash[i]);
        if ((name && (strcmp(name, "_start") == 0 || strcmp(name, "main") == 0)) ||
            is_runtime(&crash[i], exe))
            return NULL;
    }
    return &crash[n_crash - 1];
}

/* --- names --- */

void attribution_place(const struct frame *frame, struct text *out) {
    const char *module = text_basename(frame->module);
    const char *so = strstr(module, ".so");
    /* "libjq.so.1.0.4" and "libc-2.31.so" change with every release */
    size_t n = so ? (size_t)(so - module) : strlen(module);
    text_add_n(out, module, n);
    if (frame->function) {
        const char *function = frame_plain_name(frame->function);
        text_addf(out, "!%.*s", (int)strcspn(function, "("), function);
    } else {
        text_addf(out, "+0x%llx", (unsigned long long)frame->offset);
    }
}
