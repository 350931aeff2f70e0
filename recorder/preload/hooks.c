/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocation functions as the program calls them.
 *
 *   hook_begin   re-entry flag, thread, site, fault ─► HOOK_RECORD | PASS | DENY | PRIVATE
 *   the real function (RTLD_NEXT), the flag at REENTRY_REAL
 *   hook_end     event, flag down
 *
 * Order of events (shm.h, I1): free before the real free, malloc after the real malloc,
 * realloc both: a recorder that logs realloc only afterwards pairs a block that another
 * thread already got with the wrong call.
 *
 * What goes wrong without the flag: malloc() here → libunwind → malloc() here → ...; and
 * a signal handler that allocates while we are between two stores of an event.
 *
 * errno is what the real function left; only an ordered failure sets it.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>

#include "boot.h"
#include "fault.h"
#include "fault_snapshot.h"
#include "guard.h"
#include "hooks.h"
#include "leak.h"
#include "local.h"
#include "marks.h"
#include "module.h"
#include "node.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "ring.h"
#include "sample.h"
#include "scope.h"
#include "stamp.h"
#include "thread.h"
#include "unwind.h"

struct real real;

enum hook {
    HOOK_RECORD,  /* call the real function, then hook_end() */
    HOOK_PASS,    /* call the real function, nothing else */
    HOOK_DENY,    /* an ordered failure: return it */
    HOOK_PRIVATE, /* serve from boot.c: ld.so before the real one is known, or libunwind
                   */
    HOOK_SKIP, /* not in the sample: call the real function, flag held; that it fails is an event all the same */
    HOOK_COPY, /* in a snapshot's copy: nothing but a lasting failure is of interest */
};

struct call {
    struct thread *thread;
    uint64_t size;
    uint32_t node;
    uint8_t op;
    uint16_t aux; /* log2 of the alignment asked for, 0 = none */
    uint64_t old; /* realloc, SHM_LEAKS: what leak_take() said of the old block */
};

/* The hook's own frame and return address: must be evaluated in the hook itself. */
#define CALLER &UNWIND_CALLER

/* --- entering and leaving --- */

static inline bool is_live(const struct thread *thread) {
    return thread && load_relaxed(&thread->live) == THREAD_LIVE;
}

static COLD enum hook enter_first(struct thread **thread) {
    if (preload.copy) {
        reentry_set(REENTRY_NONE);
        return HOOK_COPY;
    }
    process_start();
    if (preload.state == PRELOAD_ON)
        *thread = thread_attach();
    if (*thread)
        return HOOK_RECORD;
    reentry_set(REENTRY_NONE);
    return HOOK_PASS;
}

static COLD enum hook enter_nested(uintptr_t frame, struct thread **thread) {
    if (preload.state == PRELOAD_STARTING || tls.reentry == REENTRY_PRIVATE) {
        preload.boot_events += preload.state == PRELOAD_STARTING;
        return HOOK_PRIVATE;
    }
    if (reentry_is_stale((void *)frame)) {
        reentry_take((void *)frame);
        *thread = tls.thread;
        return is_live(*thread) ? HOOK_RECORD : enter_first(thread);
    }
    if (tls.reentry == REENTRY_OURS && local &&
        load_acquire(&local->state) == LOCAL_READY)
        count_up(lost);
    return HOOK_PASS;
}

/* Has the user switched recording off? All that the arena is read for then. */
static inline bool is_paused(void) {
    const struct shm_header *arena = preload.arena;
    return likely(arena) && load_relaxed(&arena->paused);
}

/* Return: HOOK_RECORD with the re-entry flag held and *thread set, else HOOK_PASS, _PRIVATE or _COPY. */
static inline enum hook enter(uintptr_t frame, struct thread **thread) {
    if (unlikely(tls.reentry != REENTRY_NONE))
        return enter_nested(frame, thread);
    if (unlikely(is_paused())) {
        sample_pause();
        return HOOK_PASS;
    }
    reentry_take((void *)frame);
    *thread = tls.thread;
    if (likely(is_live(*thread)))
        return HOOK_RECORD;
    *thread = NULL;
    return enter_first(thread);
}

static void emit(const struct call *call, uint8_t kind, const void *p, uint16_t aux) {
    if (!(preload.flags & SHM_EVENTS))
        return;
    struct ring_entry entry = {.address = (uintptr_t)p,
                               .size = call->size,
                               .node = call->node,
                               .kind = kind,
                               .op = call->op,
                               .aux = aux | marks_aux()};
    ring_emit(call->thread, stamp_after_loads(), &entry);
}

/* --- allocating calls --- */

static void count_site(const struct call *call) {
    struct shm_node *node = node_at(call->node);
    add_relaxed(&node->count, 1);
    add_relaxed(&node->bytes, call->size);
}

/*
 * Who recurses until its stack is used up may meet a lasting failure a hundred thousand times, each time with as many
 * frames as are kept. The first stack that was cut stands for those of the calls that come from it. Much further in
 * is another stack.
 */
static bool is_deeper(const struct thread *thread, const struct caller *caller) {
    const uintptr_t most = 64u << 20;
    return thread->cut_sp - caller->sp - 1 < most;
}

/* And will it be refused memory, whatever its stack? */
static COLD bool is_refused(const struct thread *thread, const struct caller *caller) {
    return load_relaxed(&preload.sticky) && !marks_forbid() &&
           !(preload.flags & (SHM_EVENTS | SHM_COUNT_SITES)) && is_deeper(thread, caller);
}

/* A call that a lasting failure meets was not looked at so far. */
static COLD void note_failed(struct call *call, const struct caller *caller) {
    struct thread *thread = call->thread;
    if (!call->node && thread->cut_sp && is_deeper(thread, caller))
        return;
    if (!call->node)
        call->node = unwind_site(thread, caller, call->op);
    bool cut = thread->last_flags & SHM_NODE_TRUNCATED;
    thread->cut_sp = cut && !scope_given() ? caller->sp : 0;
    fault_note_last(call->node);
}

static inline enum hook hook_begin(struct call *call, const struct caller *caller,
                                   uint8_t op, uint64_t size) {
    *call = (struct call){.op = op, .size = size};
    enum hook how = enter(caller->frame, &call->thread);
    if (unlikely(how == HOOK_COPY)) {
        fault_note_progress(caller->address);
        return !marks_forbid() && fault_lasting(NULL, 0) ? HOOK_DENY : HOOK_PASS;
    }
    if (unlikely(how != HOOK_RECORD))
        return how;
    if (unlikely(preload.sampled) && !sample_takes(call->thread, size)) {
        reentry_set(REENTRY_REAL);
        return HOOK_SKIP;
    }
    uint32_t flags = preload.flags;
    if (flags & SHM_SKIP_UNWIND && fault_skips(caller->address)) {
        if (!(flags & SHM_EVENTS) && !load_relaxed(&preload.arena->any_fired)) {
            reentry_set(REENTRY_NONE);
            return HOOK_PASS;
        }
    } else if (likely(!call->thread->cut_sp) || !is_refused(call->thread, caller)) {
        call->node = unwind_site(call->thread, caller, op);
    }
    if (flags & SHM_COUNT_SITES && call->node && !marks_forbid())
        count_site(call);
    if (flags & SHM_SNAPSHOT && fault_snapshot_due(call->thread, call->node, size)) {
        reentry_set(REENTRY_NONE);
        return HOOK_DENY;
    }
    if (flags & SHM_FAULTS && fault_due(call->thread, call->node, size)) {
        note_failed(call, caller);
        emit(call, SHM_EV_INJECTED, NULL, ENOMEM);
        reentry_set(REENTRY_NONE);
        return HOOK_DENY;
    }
    reentry_set(REENTRY_REAL);
    return HOOK_RECORD;
}

static inline bool watches_leaks(void) {
    return unlikely(preload.flags & SHM_LEAKS);
}

/* The real function was called without an event: what it gave is followed, not judged. */
static inline void *passed(void *p, uint64_t size) {
    if (watches_leaks())
        leak_add(p, size, 0);
    return p;
}

/* Failures are few, and what a recording is looked through for. */
static COLD void note_unsampled(uint8_t op, uint64_t size, const struct caller *caller,
                                int error) {
    struct call call = {.op = op, .size = size};
    int saved = errno;
    if (enter(caller->frame, &call.thread) == HOOK_RECORD) {
        call.node = unwind_site(call.thread, caller, op);
        emit(&call, SHM_EV_FAIL, NULL, (uint16_t)(error & SHM_AUX_VALUE));
        reentry_set(REENTRY_NONE);
    }
    errno = saved;
}

/* The real function was called for what is not in the sample, and its own inner calls were none of it either. */
static inline void *skipped(uint8_t op, uint64_t size, const struct caller *caller,
                            void *p) {
    reentry_set(REENTRY_NONE);
    if (unlikely(!p))
        note_unsampled(op, size, caller, errno);
    return p;
}

static inline void *hook_end(struct call *call, void *p) {
    reentry_set(REENTRY_OURS);
    if (unlikely(preload.sampled) && p)
        sample_watch(p);
    if (watches_leaks())
        leak_add(p, call->size, call->node);
    if (unlikely(preload.flags & SHM_GUARD) && p)
        guard_site(p, call->node);
    emit(call, p ? SHM_EV_ALLOC : SHM_EV_FAIL, p,
         p ? call->aux : (uint16_t)(errno & SHM_AUX_VALUE));
    reentry_set(REENTRY_NONE);
    return p;
}

static COLD void *deny(void) {
    errno = ENOMEM;
    return NULL;
}

static COLD void *serve(size_t bytes, size_t alignment) {
    void *p = boot_malloc(bytes, alignment);
    if (!p && real.malloc)
        return passed(alignment ? real.memalign(alignment, bytes) : real.malloc(bytes),
                      bytes);
    return p ? p : deny();
}

static uint16_t log2_of(size_t alignment) {
    return alignment ? (uint16_t)(63 - __builtin_clzll(alignment)) : 0;
}

/* The body that all allocating hooks share: @REAL is the call of the real function, `caller` who called. */
#define ALLOCATE(OP, SIZE, ALIGNMENT, REAL)                                              \
    struct call call;                                                                    \
    switch (hook_begin(&call, caller, OP, SIZE)) {                                       \
    case HOOK_DENY:                                                                      \
        return deny();                                                                   \
    case HOOK_PRIVATE:                                                                   \
        return serve(SIZE, ALIGNMENT);                                                   \
    case HOOK_PASS:                                                                      \
        return passed(REAL, SIZE);                                                       \
    case HOOK_SKIP:                                                                      \
        return skipped(OP, SIZE, caller, REAL);                                          \
    default:                                                                             \
        call.aux = log2_of(ALIGNMENT);                                                   \
        return hook_end(&call, REAL);                                                    \
    }

/* Those that are called most: what is not in a sample is done with before registers are saved for the rest. */
static APART void *malloc_seen(size_t n, const struct caller *caller){
    ALLOCATE(SHM_OP_MALLOC, n, 0, real.malloc(n))}

EXPORT void *malloc(size_t n) {
    if (sample_skips(n, CALLER))
        return skipped(SHM_OP_MALLOC, n, CALLER, real.malloc(n));
    return malloc_seen(n, CALLER);
}

/* Too much for a size_t is the real function's to refuse; it must not look small here. */
static inline size_t product(size_t a, size_t b) {
    size_t n;
    return __builtin_mul_overflow(a, b, &n) ? SIZE_MAX : n;
}

static COLD void *serve_zeroed(size_t n) {
    void *p = serve(n, 0);
    return p ? __builtin_memset(p, 0, n) : NULL;
}

static APART void *calloc_seen(size_t a, size_t b, const struct caller *caller) {
    struct call call;
    switch (hook_begin(&call, caller, SHM_OP_CALLOC, product(a, b))) {
    case HOOK_DENY:
        return deny();
    case HOOK_PRIVATE:
        return serve_zeroed(product(a, b));
    case HOOK_PASS:
        return passed(real.calloc(a, b), product(a, b));
    case HOOK_SKIP:
        return skipped(SHM_OP_CALLOC, product(a, b), caller, real.calloc(a, b));
    default:
        return hook_end(&call, real.calloc(a, b));
    }
}

EXPORT void *calloc(size_t a, size_t b) {
    if (sample_skips(product(a, b), CALLER))
        return skipped(SHM_OP_CALLOC, product(a, b), CALLER, real.calloc(a, b));
    return calloc_seen(a, b, CALLER);
}

EXPORT void *aligned_alloc(size_t alignment, size_t n) {
    const struct caller *caller = CALLER;
    ALLOCATE(SHM_OP_ALIGNED_ALLOC, n, alignment, real.aligned_alloc(alignment, n))
}

EXPORT void *memalign(size_t alignment, size_t n) {
    const struct caller *caller = CALLER;
    ALLOCATE(SHM_OP_MEMALIGN, n, alignment, real.memalign(alignment, n))
}

EXPORT void *valloc(size_t n) {
    const struct caller *caller = CALLER;
    ALLOCATE(SHM_OP_VALLOC, n, 4096, real.valloc(n))
}

EXPORT void *pvalloc(size_t n) {
    const struct caller *caller = CALLER;
    ALLOCATE(SHM_OP_PVALLOC, n, 4096, real.pvalloc(n))
}

/* Reports by its result; errno is not its business. */
static int posix_memalign_end(struct call *call, void **out, int result) {
    reentry_set(REENTRY_OURS);
    if (unlikely(preload.sampled) && result == 0)
        sample_watch(*out);
    if (watches_leaks() && result == 0)
        leak_add(*out, call->size, call->node);
    if (unlikely(preload.flags & SHM_GUARD) && result == 0)
        guard_site(*out, call->node);
    if (result == 0)
        emit(call, SHM_EV_ALLOC, *out, call->aux);
    else
        emit(call, SHM_EV_FAIL, NULL, (uint16_t)result);
    reentry_set(REENTRY_NONE);
    return result;
}

static int posix_memalign_passed(void *const *out, uint64_t size, int result) {
    if (result == 0)
        passed(*out, size);
    return result;
}

static int posix_memalign_skipped(uint64_t size, const struct caller *caller,
                                  int result) {
    reentry_set(REENTRY_NONE);
    if (unlikely(result))
        note_unsampled(SHM_OP_POSIX_MEMALIGN, size, caller, result);
    return result;
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t n) {
    struct call call;
    switch (hook_begin(&call, CALLER, SHM_OP_POSIX_MEMALIGN, n)) {
    case HOOK_DENY:
        return ENOMEM;
    case HOOK_PRIVATE:
        return (*out = serve(n, alignment)) ? 0 : ENOMEM;
    case HOOK_PASS:
        return posix_memalign_passed(out, n, real.posix_memalign(out, alignment, n));
    case HOOK_SKIP:
        return posix_memalign_skipped(n, CALLER, real.posix_memalign(out, alignment, n));
    default:
        call.aux = log2_of(alignment);
        return posix_memalign_end(&call, out, real.posix_memalign(out, alignment, n));
    }
}

/* --- what allocates by itself --- */

/* dearth.h: a program with memory of its own asks whether it has run out. */
EXPORT int dearth_should_fail(size_t n);
EXPORT int dearth_should_fail(size_t n) {
    struct call call;
    enum hook how = hook_begin(&call, CALLER, SHM_OP_SHOULD_FAIL, n);
    if (how == HOOK_RECORD) {
        reentry_set(REENTRY_OURS);
        emit(&call, SHM_EV_ASKED, NULL, 0);
        reentry_set(REENTRY_NONE);
    }
    return how == HOOK_DENY;
}

/* --- free --- */

/* A module that goes unrecorded takes its unwind rules along all the same. */
static COLD void module_freed_unseen(uintptr_t frame, const void *p) {
    uint32_t state = load_acquire(&local->state);
    if (tls.reentry != REENTRY_NONE || (state != LOCAL_READY && state != LOCAL_NEW))
        return;
    reentry_take((void *)frame);
    module_freed(p);
    reentry_set(REENTRY_NONE);
}

static inline bool is_loader(uintptr_t address) {
    return address - module_loader_start < module_loader_end - module_loader_start;
}

/* Publish the end of @p's life. The real function comes next, flag down. */
static inline void release(uintptr_t frame, uintptr_t address, void *p) {
    struct call call = {.op = SHM_OP_FREE};
    bool by_loader = is_loader(address);
    if (enter(frame, &call.thread) != HOOK_RECORD) {
        if (unlikely(by_loader) && is_paused())
            module_freed_unseen(frame, p);
        return;
    }
    if (unlikely(by_loader))
        module_freed(p);
    if (preload.flags & SHM_EVENTS) {
        struct ring_entry entry = {
            .address = (uintptr_t)p, .kind = SHM_EV_FREE, .op = SHM_OP_FREE};
        ring_emit(call.thread, stamp_after_loads(), &entry);
    }
    reentry_set(REENTRY_NONE);
}

/* Of a sample: there is none of it on @old's page, and nothing else to be seen to. */
static inline bool is_quiet(const void *old, const struct caller *caller) {
    return preload.sampled && likely(!load_relaxed(sample_page(preload.sampled, old))) &&
           likely(!boot_owns(old)) && likely(!is_loader(caller->address));
}

/* Return: whether the real function has anything to free. */
static inline bool freeing(void *p, const struct caller *caller) {
    if (unlikely(!p))
        return false;
    if (unlikely(boot_owns(p))) {
        boot_free(p);
        return false;
    }
    if (watches_leaks())
        leak_take(p);
    if (likely(!preload.sampled) || unlikely(sample_forget(p)))
        release(caller->frame, caller->address, p);
    else if (unlikely(is_loader(caller->address)))
        module_freed_unseen(caller->frame, p);
    return real.free != NULL;
}

static APART void free_seen(void *p, const struct caller *caller) {
    if (freeing(p, caller))
        real.free(p);
}

EXPORT void free(void *p) {
    if (is_quiet(p, CALLER))
        real.free(p);
    else
        free_seen(p, CALLER);
}

EXPORT void cfree(void *p);
EXPORT void cfree(void *p) {
    if (freeing(p, CALLER))
        real.free(p);
}

/* They mean free(p) (C23, 7.24.3.4). Most libcs have none, and a dlsym() that finds nothing leaves a message
 * in the program's heap, which its next one frees: by the program's own free(), which may be asking for ours. */
EXPORT void free_sized(void *p, size_t n);
EXPORT void free_sized(void *p, size_t n) {
    (void)n;
    if (freeing(p, CALLER))
        real.free(p);
}

EXPORT void free_aligned_sized(void *p, size_t alignment, size_t n);
EXPORT void free_aligned_sized(void *p, size_t alignment, size_t n) {
    (void)alignment;
    (void)n;
    if (freeing(p, CALLER))
        real.free(p);
}

EXPORT size_t malloc_usable_size(void *p) {
    if (unlikely(boot_owns(p)))
        return boot_size(p);
    return real.malloc_usable_size ? real.malloc_usable_size(p) : 0;
}

/* --- realloc --- */

static void emit_begin(const struct call *call, const void *old) {
    if (!(preload.flags & SHM_EVENTS))
        return;
    struct ring_entry entry = {
        .address = (uintptr_t)old, .kind = SHM_EV_REALLOC_BEGIN, .op = call->op};
    ring_emit(call->thread, stamp_after_loads(), &entry);
}

static void emit_free(const struct call *call, const void *old) {
    struct call gone = {.thread = call->thread, .op = SHM_OP_FREE};
    emit(&gone, SHM_EV_FREE, old, 0);
}

/* glibc frees for realloc(p, 0); that is known before the call. Other allocators may give
 * a block or free: which, shows only afterwards. */
static bool frees(const void *old, uint64_t size) {
    return old && !size && preload.glibc_realloc;
}

static COLD void leave_block(struct call *call, const void *old) {
    leak_moving(1);
    call->old = leak_take(old);
}

/* @stays: the old block lives on */
static COLD void enter_block(struct call *call, const void *old, bool stays, void *p) {
    if (p)
        leak_add(p, call->size, call->node);
    else if (stays)
        leak_put(old, call->old);
    leak_moving(-1);
}

/* @known: the old block, NULL when it has no event */
static void realloc_before(struct call *call, const void *old, const void *known) {
    reentry_set(REENTRY_OURS);
    if (watches_leaks())
        leave_block(call, old);
    if (frees(known, call->size))
        emit_free(call, known);
    else if (known)
        emit_begin(call, known);
    reentry_set(REENTRY_REAL);
}

static void *realloc_after(struct call *call, const void *old, const void *known,
                           void *p) {
    reentry_set(REENTRY_OURS);
    if (watches_leaks())
        enter_block(call, old, old && call->size, p);
    if (unlikely(preload.flags & SHM_GUARD) && p)
        guard_site(p, call->node);
    if (unlikely(preload.sampled) && (p || known))
        sample_watch(p ? p : known);
    if (!known)
        emit(call, p ? SHM_EV_ALLOC : SHM_EV_FAIL, p, p ? 0 : (uint16_t)errno);
    else if (p)
        emit(call, SHM_EV_REALLOC_END, p, 0);
    else if (!frees(known, call->size))
        emit(call, SHM_EV_REALLOC_FAIL, known, (uint16_t)errno);
    if (known && !p && !call->size && !preload.glibc_realloc)
        emit_free(call, known); /* it was a free after all */
    reentry_set(REENTRY_NONE);
    return p;
}

/* What has an event of the old block: everything, or what was in the sample. */
static inline const void *known_block(const void *old) {
    return likely(!preload.sampled) || (old && sample_forget(old)) ? old : NULL;
}

/* The new block is not in the sample; the old one was when @known. */
static inline bool realloc_is_quiet(struct call *call, const void *known) {
    if (likely(!known))
        return true;
    reentry_set(REENTRY_OURS);
    emit_begin(call, known);
    reentry_set(REENTRY_REAL);
    return false;
}

static void *realloc_unsampled(struct call *call, const struct caller *caller,
                               const void *known, void *p) {
    reentry_set(REENTRY_OURS);
    if (p) {
        emit(call, SHM_EV_REALLOC_GONE, NULL, 0);
    } else {
        sample_watch(known);
        call->node = unwind_site(call->thread, caller, call->op);
        emit(call, SHM_EV_REALLOC_FAIL, known, (uint16_t)errno);
    }
    reentry_set(REENTRY_NONE);
    return p;
}

/* With a sample: realloc(p, 0) asks for nothing and is no call of a site. */
static inline bool realloc_ends(const struct caller *caller, void *old, uint64_t size) {
    if (likely(!preload.sampled) || size || !old)
        return false;
    if (sample_forget(old))
        release(caller->frame, caller->address, old);
    return true;
}

/* A block of ours grows: to the real allocator if that is known, else within boot.c. */
static COLD void *realloc_boot(void *old, size_t n) {
    void *p = malloc(n);
    size_t held = boot_size(old);
    if (p) {
        __builtin_memcpy(p, old, held < n ? held : n);
        boot_free(old);
    }
    return p;
}

/* Without an event; @call->node is 0. */
static void *realloc_passed(struct call *call, void *old, size_t n) {
    if (unlikely(preload.sampled) && old)
        sample_forget(old);
    if (!watches_leaks())
        return real.realloc(old, n);
    leave_block(call, old);
    void *p = real.realloc(old, n);
    enter_block(call, old, old && n, p);
    return p;
}

/* realloc(p, 0) is a free for the plan of faults too: nothing to fail. */
static inline enum hook realloc_begin(struct call *call, const struct caller *caller,
                                      const void *old, uint64_t size) {
    if (likely(size || !old))
        return hook_begin(call, caller, call->op, size);
    uint8_t op = call->op;
    *call = (struct call){.op = op};
    enum hook how = enter(caller->frame, &call->thread);
    if (unlikely(how == HOOK_COPY))
        return HOOK_PASS;
    if (how == HOOK_RECORD && !preload.glibc_realloc)
        call->node = unwind_site(call->thread, caller, op);
    return how;
}

static APART void *realloc_seen(void *old, size_t n, const struct caller *caller) {
    struct call call = {.op = SHM_OP_REALLOC};
    if (unlikely(old && boot_owns(old)))
        return realloc_boot(old, n);
    if (unlikely(realloc_ends(caller, old, n)))
        return real.realloc(old, n);
    const void *known;
    switch (realloc_begin(&call, caller, old, n)) {
    case HOOK_DENY:
        return deny();
    case HOOK_PRIVATE:
        return old ? realloc_passed(&call, old, n) : serve(n, 0);
    case HOOK_PASS:
        return realloc_passed(&call, old, n);
    case HOOK_SKIP:
        known = known_block(old);
        if (realloc_is_quiet(&call, known))
            return skipped(call.op, n, caller, real.realloc(old, n));
        return realloc_unsampled(&call, caller, known, real.realloc(old, n));
    default:
        known = known_block(old);
        realloc_before(&call, old, known);
        return realloc_after(&call, old, known, real.realloc(old, n));
    }
}

EXPORT void *realloc(void *old, size_t n) {
    if (is_quiet(old, CALLER) && n && sample_skips(n, CALLER))
        return skipped(SHM_OP_REALLOC, n, CALLER, real.realloc(old, n));
    return realloc_seen(old, n, CALLER);
}

EXPORT void *reallocarray(void *old, size_t a, size_t b) {
    struct call call = {.op = SHM_OP_REALLOCARRAY};
    if (unlikely(old && boot_owns(old)))
        return realloc_boot(old, product(a, b));
    if (unlikely(realloc_ends(CALLER, old, product(a, b))))
        return real.reallocarray(old, a, b);
    const void *known;
    switch (realloc_begin(&call, CALLER, old, product(a, b))) {
    case HOOK_DENY:
        return deny();
    case HOOK_PRIVATE:
        return old ? realloc_passed(&call, old, product(a, b)) : serve(product(a, b), 0);
    case HOOK_PASS:
        return realloc_passed(&call, old, product(a, b));
    case HOOK_SKIP:
        known = known_block(old);
        if (realloc_is_quiet(&call, known))
            return skipped(call.op, product(a, b), CALLER, real.reallocarray(old, a, b));
        return realloc_unsampled(&call, CALLER, known, real.reallocarray(old, a, b));
    default:
        known = known_block(old);
        realloc_before(&call, old, known);
        return realloc_after(&call, old, known, real.reallocarray(old, a, b));
    }
}

/* --- the real functions --- */

#if __has_attribute(copy)
#define LIKE(name) , copy(name)
#else
#define LIKE(name)
#endif
#define OWN(name)                                                                        \
    static __typeof__(name) own_##name __attribute__((alias(#name) LIKE(name)));
OWN(malloc)
OWN(calloc)
OWN(realloc)
OWN(free)
OWN(memalign)
OWN(posix_memalign)
OWN(aligned_alloc)
OWN(reallocarray)
OWN(valloc)
OWN(pvalloc)
#undef OWN

void *hooks_for(void *real_function) {
#define GIVE(name)                                                                       \
    if (real_function == (void *)real.name)                                              \
        return (void *)own_##name;
    GIVE(malloc)
    GIVE(calloc)
    GIVE(realloc)
    GIVE(free)
    GIVE(memalign)
    GIVE(posix_memalign)
    GIVE(aligned_alloc)
    GIVE(reallocarray)
    GIVE(valloc)
    GIVE(pvalloc)
#undef GIVE
    return real_function;
}

static bool same_object(const void *a, const void *b) {
    struct object x, y;
    return module_find((uintptr_t)a, &x) && module_find((uintptr_t)b, &y) &&
           x.start == y.start;
}

/*
 * As the program's own calls are bound. dlsym() passes over what has old versions alone, such as
 * libc_malloc_debug.so, and dlvsym() over what has none, such as other allocators: whichever stops before
 * libc is right.
 */
static void *find_next(const char *name, const char *version, const void *in_libc) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!version || (found && !same_object(found, in_libc)))
        return found;
    void *versioned = dlvsym(RTLD_NEXT, name, version);
    return versioned ? versioned : found;
}
#define FIND_AT(name, version)                                                           \
    real.name = (__typeof__(real.name))find_next(#name, version, in_libc)
#define FIND(name) FIND_AT(name, ARCH_LIBC_FIRST)

void hooks_start(void) {
    const void *in_libc = dlsym(RTLD_NEXT, "getenv");
    FIND(calloc); /* before the others: dlsym() itself may need it */
    FIND(malloc);
    FIND(realloc);
    FIND(free);
    FIND(posix_memalign);
    FIND(memalign);
    FIND(valloc);
    FIND(pvalloc);
    FIND(malloc_usable_size);
    FIND_AT(aligned_alloc, ARCH_LIBC_ALIGNED);
    FIND_AT(reallocarray, NULL); /* later than any other way to them */
    preload.glibc_realloc = same_object((const void *)real.realloc, in_libc);
}
