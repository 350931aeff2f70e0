/* SPDX-License-Identifier: Apache-2.0 */
/* Attribution: the rules of attribution.h. Pure. */
#include "attribution.h"

#include <string.h>

#include "catalogue.h"

const char *attribution_name(enum attributed_to to) {
    static const char *const names[] = {NULL,        "program", "library", "libc",
                                        "libstdc++", "loader",  "harness"};
    return names[to];
}

/* --- classes of modules --- */

enum attributed_to attribution_class(const struct catalogue *c, const char *module,
                                     const char *exe) {
    const struct frame frame = {.module = module};
    if (exe && strcmp(module, exe) == 0)
        return ATTRIBUTED_PROGRAM;
    const struct catalogue_section *s = catalogue_frame(
        c, 1u << CATALOGUE_LIBC | 1u << CATALOGUE_CXX | 1u << CATALOGUE_LOADER, &frame);
    return !s                          ? ATTRIBUTED_LIBRARY
           : s->kind == CATALOGUE_LIBC ? ATTRIBUTED_LIBC
           : s->kind == CATALOGUE_CXX  ? ATTRIBUTED_LIBSTDCXX
                                       : ATTRIBUTED_LOADER;
}

static bool is_runtime(const struct catalogue *c, const struct frame *f,
                       const char *exe) {
    enum attributed_to to = attribution_class(c, f->module, exe);
    return to == ATTRIBUTED_LIBC || to == ATTRIBUTED_LIBSTDCXX ||
           to == ATTRIBUTED_LOADER || strcmp(f->module, "[vdso]") == 0;
}

/* --- machinery: frames that say how it ended, not where --- */

static const char *name_of(const struct frame *f) {
    return frame_plain_name(f->linkage_name ? f->linkage_name : f->function);
}

static bool is_machinery(const struct catalogue *c, const struct frame *f) {
    return catalogue_frame(c, 1u << CATALOGUE_MACHINERY | 1u << CATALOGUE_HARNESS, f);
}

/* Functions whose crash on a pointer is the mistake of whoever handed it over. */
static bool reads_what_it_is_given(const struct catalogue *c, const struct frame *f) {
    return !name_of(f) || catalogue_frame(c, 1u << CATALOGUE_READER, f);
}

/* --- the rules --- */

static bool is_allocators_entry(const struct frame *f) {
    static const char *const entries[] = {
        "malloc", "calloc",   "realloc",       "reallocarray",  "free",
        "cfree",  "memalign", "aligned_alloc", "posix_memalign"};
    const char *name = name_of(f);
    for (size_t i = 0; name && i < sizeof entries / sizeof *entries; i++)
        if (strcmp(name, entries[i]) == 0)
            return true;
    return false;
}

/* How many frames lie in the C library's allocator, whatever its functions inside are called. */
static uint32_t skip_allocator(const struct catalogue *c, const struct frame *frames,
                               uint32_t n) {
    uint32_t inside = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (attribution_class(c, frames[i].module, NULL) != ATTRIBUTED_LIBC)
            break;
        if (is_allocators_entry(&frames[i]))
            inside = i + 1;
    }
    return inside;
}

static uint32_t skip_machinery(const struct catalogue *c, const struct frame *frames,
                               uint32_t n) {
    /* A handler that aborts hides the place: what lies under the signal frame counts. */
    uint32_t i = 0;
    for (uint32_t k = 0; k < n; k++) {
        const char *name = name_of(&frames[k]);
        if (name && (strcmp(name, "__restore_rt") == 0 ||
                     strcmp(name, "__kernel_rt_sigreturn") == 0))
            i = k + 1;
    }
    i += skip_allocator(c, frames + i, n - i);
    while (i < n && is_machinery(c, &frames[i]))
        i++;
    return i;
}

/* First frame from @i on that is not in the C library, the C++ runtime or the loader. */
static uint32_t skip_runtime(const struct catalogue *c, const struct frame *frames,
                             uint32_t n, uint32_t i, const char *exe) {
    while (i < n && is_runtime(c, &frames[i], exe))
        i++;
    return i;
}

/* First frame from @i on that is not a language's library compiled into the module that it is in: the
 * templates of C++, Rust's generics. Return: @i when all others are the library's. */
static uint32_t skip_library(const struct catalogue *c, const struct frame *frames,
                             uint32_t n, uint32_t i, const char *exe) {
    const uint32_t library = 1u << CATALOGUE_LIBRARY;
    uint32_t own = i;
    while (own < n && strcmp(frames[own].module, frames[i].module) == 0 &&
           catalogue_frame(c, library, &frames[own]))
        own++;
    return own < n && strcmp(frames[own].module, frames[i].module) == 0 &&
                   !is_runtime(c, &frames[own], exe)
               ? own
               : i;
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

static struct attribution blame(const struct catalogue *c, const struct frame *place,
                                const char *exe, const char *why) {
    return (struct attribution){.to = attribution_class(c, place->module, exe),
                                .module = place->module,
                                .place = place,
                                .why = why};
}

/* @out: index of who called the runtime, and handed it what it fell over. */
static struct attribution blame_caller(const struct catalogue *c,
                                       const struct frame *crash, uint32_t out,
                                       const char *exe) {
    struct attribution a = blame(c, &crash[out], exe, "handed it over to the runtime");
    a.called = &crash[out - 1];
    return a;
}

/* Nobody of the program's is on the stack, and yet it is the program's doing. */
static struct attribution blame_program(const struct catalogue *c,
                                        const struct frame *place, const char *exe,
                                        const char *why) {
    struct attribution a = blame(c, place, exe, why);
    if (exe) {
        a.to = ATTRIBUTED_PROGRAM;
        a.module = exe;
    }
    return a;
}

/* Who called the runtime when it was its own allocation that failed.
 * Return: that frame's index (@n: nobody did); 0 = somebody else's allocation failed. */
static uint32_t caller_of_own_allocation(const struct catalogue *c,
                                         const struct frame *fault, uint32_t n,
                                         const char *exe) {
    uint32_t in = 0;
    while (in < n && is_machinery(c, &fault[in]))
        in++;
    uint32_t out = skip_runtime(c, fault, n, in, exe);
    return out > in ? out : 0;
}

/* Does the stack end in a function that was handed something, before any code that starts a program or a
 * thread? Whoever called is not to be seen: longjmp() has left its stack for one that nobody stored, or
 * it was written over. */
static bool breaks_off(const struct catalogue *c, const struct frame *crash, uint32_t n,
                       uint32_t in) {
    return reads_what_it_is_given(c, &crash[in]) &&
           !catalogue_frame(c, 1u << CATALOGUE_LIBRARY | 1u << CATALOGUE_LOADER,
                            &crash[n - 1]);
}

/* Did the runtime, while the program started, fail to set aside what it lacks at the end? */
static bool is_reserve(const struct catalogue *c, const struct catalogue_section *reserve,
                       const struct frame *fault, uint32_t n, const char *exe) {
    uint32_t cxx = 0, others = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < reserve->n; k++)
            if (catalogue_line_names(&reserve->lines[k], &fault[i]))
                return true;
        cxx += attribution_class(c, fault[i].module, exe) == ATTRIBUTED_LIBSTDCXX;
        others += !is_runtime(c, &fault[i], exe) && !is_machinery(c, &fault[i]);
    }
    return cxx && !others;
}

/* Return: the innermost frame of the C++ runtime's, by its name where it is linked in; or NULL. */
static const struct frame *find_reserve(const struct catalogue *c,
                                        const struct frame *fault, uint32_t n_fault,
                                        const struct frame *crash, uint32_t n_crash,
                                        const char *exe) {
    const struct catalogue_section *s;
    for (uint32_t i = 0; (s = catalogue_section(c, i)); i++) {
        if (s->kind != CATALOGUE_RESERVE || !catalogue_stack(s, crash, n_crash) ||
            !is_reserve(c, s, fault, n_fault, exe))
            continue;
        for (uint32_t k = 0; k < n_crash; k++)
            if (catalogue_frame(c, 1u << CATALOGUE_CXX, &crash[k]) ||
                catalogue_stack(s, &crash[k], n_crash - k) !=
                    catalogue_stack(s, &crash[k + 1], n_crash - k - 1))
                return &crash[k];
    }
    return NULL;
}

bool attribution_reserve(const struct catalogue *c, const struct frame *fault,
                         uint32_t n_fault, const struct frame *crash, uint32_t n_crash,
                         const char *exe) {
    return find_reserve(c, fault, n_fault, crash, n_crash, exe);
}

struct attribution attribution_decide(const struct catalogue *c,
                                      const struct frame *fault, uint32_t n_fault,
                                      const struct frame *crash, uint32_t n_crash,
                                      const char *exe) {
    if (!n_crash)
        return (struct attribution){0};
    const struct frame *reserve = find_reserve(c, fault, n_fault, crash, n_crash, exe);
    if (reserve)
        return (struct attribution){
            .to = ATTRIBUTED_LIBSTDCXX,
            .module = reserve->module,
            .place = reserve,
            .why = "its reserve could not be made when the program started"};
    uint32_t in = skip_machinery(c, crash, n_crash);
    if (in == n_crash)
        in = n_crash - 1; /* machinery all the way: the outermost is the best there is */
    uint32_t caller = skip_nowhere(crash, n_crash, in);
    bool nowhere = caller != in;
    if (caller < n_crash && !is_runtime(c, &crash[caller], exe)) {
        uint32_t own = skip_library(c, crash, n_crash, caller, exe);
        if (own > caller)
            return blame_caller(c, crash, own, exe);
        return blame(c, &crash[caller], exe,
                     nowhere ? "called what is no code of a file"
                             : "crashed in its own code");
    }
    uint32_t out = skip_runtime(c, crash, n_crash, caller, exe);
    uint32_t fault_out = caller_of_own_allocation(c, fault, n_fault, exe);
    if (out == n_crash && nowhere)
        /* the runtime called it: a thread or an exit handler of the program's */
        return blame_program(c, &crash[in], exe, "let the runtime call what is no code");
    if (out == n_crash && !fault_out && breaks_off(c, crash, n_crash, in))
        return blame_program(c, &crash[in], exe,
                             "handed over what no caller is to be known from");
    if (out == n_crash)
        return blame(c, &crash[in], exe, "no other code is on the stack");
    if (nowhere)
        return blame(c, &crash[out], exe, "handed the runtime what is no code of a file");
    const struct frame *entry = &crash[out - 1]; /* what the caller called */
    if (reads_what_it_is_given(c, entry) || !fault_out)
        return blame_caller(c, crash, out, exe);
    if (same_call(fault, n_fault, fault_out, crash, n_crash, out))
        return blame(c, &crash[in], exe,
                     "crashed in the call whose own allocation failed");
    if (out - in >= 2 && !reads_what_it_is_given(c, &crash[in]))
        return blame(c, &crash[in], exe, "stumbled over its own state");
    return blame_caller(c, crash, out, exe);
}

void attribution_of_harness(const struct catalogue *c, struct attribution *a) {
    if (a->place && catalogue_frame(c, 1u << CATALOGUE_HARNESS, a->place))
        a->to = ATTRIBUTED_HARNESS;
}

struct attribution attribution_hang(const struct catalogue *c, const struct frame *fault,
                                    uint32_t n_fault, const struct frame *loop,
                                    uint32_t n_loop, const char *exe) {
    uint32_t in = skip_nowhere(loop, n_loop, skip_machinery(c, loop, n_loop));
    uint32_t out = skip_runtime(c, loop, n_loop, in, exe);
    if (out == n_loop)
        return (struct attribution){0};
    uint32_t fault_out = caller_of_own_allocation(c, fault, n_fault, exe);
    if (out > in && fault_out && same_call(fault, n_fault, fault_out, loop, n_loop, out))
        return blame(c, &loop[in], exe, "hangs in the call whose own allocation failed");
    return blame(c, &loop[out], exe, "does not come back");
}

struct attribution attribution_ignored(const struct catalogue *c,
                                       const struct frame *fault, uint32_t n_fault,
                                       uint32_t at, const char *exe) {
    if (at >= n_fault || is_runtime(c, &fault[at], exe) || is_machinery(c, &fault[at]))
        return (struct attribution){0};
    return blame(c, &fault[at], exe, "went on after a call that failed");
}

/* Does it wait in there for anything to happen, as an event loop does? @system_call: its name, and what it waits
 * for behind a blank: "epoll_wait (3, [eventpoll])". */
static bool waits_for_events(const char *system_call) {
    static const char *const calls[] = {"poll",         "ppoll",        "select",
                                        "pselect6",     "epoll_wait",   "epoll_pwait",
                                        "epoll_pwait2", "io_getevents", "io_uring_enter"};
    size_t n = system_call ? strcspn(system_call, " ") : 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (n && strlen(calls[i]) == n && memcmp(system_call, calls[i], n) == 0)
            return true;
    return false;
}

struct attribution attribution_wait(const struct catalogue *c, const struct frame *fault,
                                    uint32_t n_fault, const struct frame *loop,
                                    uint32_t n_loop, const char *system_call,
                                    const char *exe) {
    uint32_t out = skip_runtime(c, loop, n_loop, skip_machinery(c, loop, n_loop), exe);
    if (!waits_for_events(system_call) || out == n_loop ||
        attribution_class(c, loop[out].module, exe) != ATTRIBUTED_LIBRARY)
        return (struct attribution){0};
    for (uint32_t i = 0; i < n_fault; i++)
        if (!is_runtime(c, &fault[i], exe) && !is_machinery(c, &fault[i]) &&
            strcmp(fault[i].module, loop[out].module) != 0)
            return blame(c, &fault[i], exe, "what it waits for was never begun");
    return (struct attribution){0};
}

/* Main stacks and threads' stacks lie at the upper end of the address space. */
#define STACKS_BEGIN (1ull << 46)

/* How many frames the outermost round of calls has: from where the outermost frame was before; 0 = no round. */
static uint32_t outermost_round(const struct frame *crash, uint32_t n) {
    for (uint32_t length = 1; length < n; length++)
        if (same_frame(&crash[n - 1 - length], &crash[n - 1]))
            return length;
    return 0;
}

/* The smallest frame of a round that is no runtime's: whichever frame the stack was cut at, it is the same. */
static const struct frame *stands_for(const struct catalogue *c,
                                      const struct frame *round, uint32_t n,
                                      const char *exe) {
    const struct frame *best = NULL;
    for (uint32_t i = 0; i < n; i++) {
        int module = best ? strcmp(round[i].module, best->module) : -1;
        if ((module < 0 || (module == 0 && round[i].offset < best->offset)) &&
            !is_runtime(c, &round[i], exe) && !is_machinery(c, &round[i]))
            best = &round[i];
    }
    return best;
}

const struct frame *attribution_recursion(const struct catalogue *c,
                                          const struct frame *crash, uint32_t n_crash,
                                          uint64_t address, const char *exe) {
    if (address < STACKS_BEGIN || !n_crash)
        return NULL;
    /* a whole stack begins where nothing comes round */
    uint32_t round = outermost_round(crash, n_crash);
    const struct frame *place =
        round ? stands_for(c, crash + n_crash - round, round, exe) : NULL;
    if (place)
        return place;
    for (uint32_t i = n_crash > 2 ? n_crash - 2 : 0; i < n_crash; i++) {
        const char *name = name_of(&crash[i]);
        if ((name && (strcmp(name, "_start") == 0 || strcmp(name, "main") == 0)) ||
            is_runtime(c, &crash[i], exe))
            return NULL;
    }
    return &crash[n_crash - 1];
}
