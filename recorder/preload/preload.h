/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdearth_preload.so: the part of dearth that lives inside the target.
 *
 *   hooks.c    malloc() ... as the program calls them: enter, real function, leave
 *     ├─ thread.c   who calls: this thread's private state and its ring
 *     ├─ unwind.c   where from: stack → nodes (unwind_x86_64.c first, then libunwind)
 *     │    ├─ node.c    (parent, address) → node id, lock-free
 *     │    └─ module.c  address → (module, offset), build-ids
 *     ├─ fault.c    must this call fail? (marks.c: may it, by dearth.h?)
 *     ├─ snapshot.c must the process be copied here, and the copy fail?
 *     └─ ring.c     one event into the thread's ring
 *   guard.c    SHM_GUARD: canaries and poison, between the hooks and the real functions
 *   process.c  attach to the arena, notice fork, register this process
 *   exec.c     execve() ... and system(): take the library along
 *   binding.c  where other modules have their allocation functions from
 *   sandbox.c  seccomp: do without what the program may not ask for any more
 *   clock.c    stamps without a clock, where it may not be read
 *   sanitizer.c   not to be seen by AddressSanitizer's check of the library order
 *   exec_probe.c  can that program take it? (also compiled into `dearth`)
 *   leak*.c    live blocks, and which of them nothing points to at the end: see leak.h
 *   arena.c    take blocks     boot.c  memory for ld.so and libunwind, never the target's
 *
 * What lives where
 *
 *   struct preload   .data: copied by fork. Addresses, mappings, the sticky fault.
 *   struct local     MADV_WIPEONFORK: the kernel zeroes it in a forked child. So "zero" is
 *                    the state of a process that has not registered yet, and no hook can ever
 *                    use its parent's ring, node ids or thread states by mistake.
 *   struct thread    MADV_WIPEONFORK too, one per ring: no TLS destructor is needed, the next
 *                    thread takes over the slot of a dead one.
 *   struct tls       24 bytes of initial-exec TLS: the guard and the thread's address.
 *
 * Rules for everything in this folder: no heap, no lock, no stdio, no descriptor kept, no
 * libc call that sets errno or is a cancellation point (sys.h instead).
 */
#ifndef DEARTH_PRELOAD_H
#define DEARTH_PRELOAD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm.h"
#include "sys.h"

#define EXPORT      __attribute__((visibility("default")))
#define COLD        __attribute__((noinline, cold))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define load_relaxed(p)     __atomic_load_n(p, __ATOMIC_RELAXED)
#define load_acquire(p)     __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define add_relaxed(p, v)   __atomic_fetch_add(p, v, __ATOMIC_RELAXED)
#define or_relaxed(p, v)    __atomic_fetch_or(p, v, __ATOMIC_RELAXED)
#define swap(p, v)          __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL)
/** Compare and swap a plain integer. Return: whether it was @old and is @new now. */
#define cas(p, old, new)                                                                 \
    ({                                                                                   \
        __typeof__(*(p)) cas_old = (old);                                                \
        __atomic_compare_exchange_n(p, &cas_old, (new), false, __ATOMIC_ACQ_REL,         \
                                    __ATOMIC_ACQUIRE);                                   \
    })

/* --- the thread --- */

/* One frame of the last walk; see unwind_x86_64.c for what makes it reusable. */
struct frame {
    uintptr_t sp, ra, bp;
    uint32_t node;  /* of the stack from the root to here */
    uint32_t site;  /* node_site() of `node`, << 4 | op; 0 = not asked yet */
    uint32_t words; /* words read to get to this frame and the ones outward of it */
    uint32_t reserved;
};

/* A frame of the walk under way, and where its registers were read (0 = computed). */
struct fresh_frame {
    uintptr_t sp, ra, bp, sp_address, bp_address;
};

/* A word of the stack that the last walk depended on. */
struct stack_word {
    uintptr_t address, value;
};
#define UNWIND_WORDS_PER_FRAME 3u

#define UNWIND_MAX_DEPTH    16384u
#define UNWIND_SPARE_FRAMES 16u /* ours, which libunwind sees and we cut off */

/* Private to one thread (the owner of ring slot `slot`); wiped in a forked child. */
struct thread {
    uint32_t live; /* 0 after fork: attach again */
    uint32_t slot; /* number of its ring in the process */
    uint32_t tid;
    uint32_t head; /* records in the current segment; SHM_SEGMENT_EVENTS = none left */
    struct shm_segment *segment;
    struct shm_ring *ring;
    uint64_t seed;                /* shm_segment_seed() of the segment */
    uint64_t lost;                /* as in the ring: what it says may be overwritten */
    uint32_t made;                /* segments so far, likewise */
    uint32_t given;               /* of these, given back when it was last looked at */
    uint32_t serial;              /* of the thread within the process */
    uint32_t published;           /* `emitted` was told of a dropped ring */
    uint32_t spare_node;          /* an id whose race was lost: used for the next node */
    uint32_t generation;          /* of the modules, when `frames` was filled */
    uintptr_t stack_lo, stack_hi; /* pages of the stack known to be readable */
    uint32_t depth;               /* frames of the last walk, outermost first */
    uint32_t last_flags;          /* enum shm_node_flag of the last walk */
    struct frame *frames;         /* [max_depth] the last walk, outermost first */
    struct stack_word *words;     /* [3 * max_depth] what it read, in the same order */
    struct fresh_frame *fresh;    /* [max_depth + 1] the part of a walk not yet merged */
    void **addresses;             /* [max_depth + UNWIND_SPARE_FRAMES] for libunwind */
};

enum guard {
    GUARD_NONE = 0,
    GUARD_OURS, /* in our code: a hook entered now is a signal handler's; count it lost */
    GUARD_REAL, /* in the real function: its own inner calls are no events */
    GUARD_PRIVATE, /* in dlopen() or libunwind for us: serve memory from boot.c */
};

struct tls {
    uint32_t guard; /* enum guard */
    union {
        uint32_t marks; /* 0 = neither */
        struct {
            uint16_t inside, never; /* dearth_begin()s and dearth_never_begin()s open */
        };
    };
    void *guard_frame; /* frame of the hook that holds the guard */
    struct thread *thread;
};
extern __thread struct tls tls __attribute__((tls_model("initial-exec")));

/** Set the guard; the compiler may not move code of ours across (a signal would see it).
 */
static inline void guard_set(enum guard guard) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(volatile uint32_t *)&tls.guard = guard;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** Take the guard for the hook whose frame is @frame. A handler that runs between the
 * stores leaves its own frame there, hence the second one. */
static inline void guard_take(void *frame) {
    *(void *volatile *)&tls.guard_frame = frame;
    guard_set(GUARD_OURS);
    *(void *volatile *)&tls.guard_frame = frame;
}

/* --- the process --- */

enum preload_state {
    PRELOAD_NEW = 0,
    PRELOAD_STARTING, /* dlsym() and the attaching are under way */
    PRELOAD_OFF,      /* no arena: we are not there */
    PRELOAD_ON,
};

struct preload {
    uint32_t state; /* enum preload_state */
    uint32_t flags; /* enum shm_flag, as the header has them */
    uint32_t clock; /* enum shm_clock, or that of clock.c */
    uint32_t max_depth;
    struct shm_header *arena;
    uint64_t arena_bytes;
    uint64_t nonce;        /* from here on as the header had them when it was mapped: */
    uint32_t blocks_total; /* the program may write over it */
    uint32_t orders_block;
    uint32_t proofs;
    uint32_t collector_pid;
    /* after fork and before registering: the parent's */
    uint32_t process_block, process_serial, process_slot, process_pid;
    uint64_t pid_namespace;
    uint32_t sticky;      /* a sticky fault fired in this process or an ancestor */
    uint32_t burst_fault; /* index into faults[] */
    uint64_t burst_left;
    uint64_t explored;      /* calls looked at after the failure */
    uint32_t lasting_epoch; /* of the sticky fault or the burst; 0 when it is no sweep */
    uint64_t boot_events;
    uint32_t threaded; /* it, or a process that it descends from, had several threads */
    uint32_t forked_threaded; /* forked from a process that had several threads */
    uint32_t glibc_realloc;   /* realloc(p, 0) frees: glibc's own is the real one */
    uint32_t check_pid;       /* the kernel has no MADV_WIPEONFORK */
    uint32_t
        copy; /* this process is a snapshot's copy, or a child of one: see snapshot.c */
    char arena_path[SHM_PATH_BYTES];
    char library_path[SHM_PATH_BYTES]; /* ours: shm_header.preload_path */
};
extern struct preload preload;

enum local_state { LOCAL_NEW = 0, LOCAL_REGISTERING, LOCAL_READY, LOCAL_REFUSED };

struct module {
    uintptr_t start, end;
    uintptr_t bias;
    const void *link_map;
    struct dearth_key key;
    uint32_t index;     /* 1-based, as in shm_node.module */
    uint32_t ready;     /* stored last (release) */
    uint32_t dead;      /* unloaded: its nodes must not be found any more */
    uint32_t anonymous; /* the pseudo module of code in no file: every offset is 0 */
};
#define MODULES_MAX (SHM_MAX_MODULE_BLOCKS * SHM_MODULES_PER_BLOCK)

struct slot {
    uint64_t owner; /* claim count << 32 | tid */
};

/* What the process block says of us, kept where the program does not write by mistake. */
struct counts {
    uint64_t lost, nodes_lost, truncated, incomplete, fallbacks;
    uint32_t n_nodes, n_rings, n_threads;
};

struct local {
    uint32_t state; /* enum local_state */
    uint32_t pid;
    struct shm_process *process;
    uint32_t process_id; /* its block */
    uint32_t starved;    /* the last wait for a block was in vain */
    uint32_t n_modules;  /* handed out; valid when `ready` */
    uint32_t anonymous;  /* index of the pseudo module, 0 = not there yet */
    uint32_t slot_cursor;
    uint32_t index_used[4]; /* entries per level of the node index, see node.c */
    struct counts counts;
    struct shm_node *node_blocks[SHM_MAX_NODE_BLOCKS]; /* as in the process block */
    struct shm_module *module_blocks[SHM_MAX_MODULE_BLOCKS];
    struct shm_ring *ring_blocks[SHM_MAX_RING_BLOCKS];
    struct slot slots[SHM_MAX_RINGS];
    struct module modules[MODULES_MAX];
};
extern struct local *local; /* mapped once, shared with no one */

/* --- clock.c --- */

/* In preload.clock, beside enum shm_clock: no clock may be read, see there. */
#define CLOCK_ROUNDS 3u

/** The processor's counter, where enum shm_clock has one. */
static inline uint64_t clock_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    return 0;
#endif
}
/** Show in the process block what @own holds by now, whoever else is doing the same. */
#define show_count(own, shown)                                                           \
    for (__typeof__(*(own)) show_n = load_relaxed(own);;) {                              \
        store_relaxed(shown, show_n);                                                    \
        __typeof__(*(own)) show_now = load_relaxed(own);                                 \
        if (show_now == show_n)                                                          \
            break;                                                                       \
        show_n = show_now;                                                               \
    }
/** Count one more of local->counts.@name. Context: LOCAL_READY. */
#define count_up(name)                                                                   \
    do {                                                                                 \
        add_relaxed(&local->counts.name, 1);                                             \
        show_count(&local->counts.name, &local->process->name);                          \
    } while (0)

/** The moment, in the unit of shm_header.clock. */
uint64_t clock_ticks_slow(void);
static inline uint64_t clock_ticks(void) {
#if defined(__x86_64__)
    if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_TSC))
        return clock_counter();
#elif defined(__aarch64__)
    if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_CNTVCT))
        return clock_counter();
#endif
    return clock_ticks_slow();
}

/**
 * The moment, not earlier than the completion of every load before it.
 * A block that another thread freed, or allocated, was obtained by a load; were the stamp taken
 * ahead of it (the processor may), the collector could see the malloc before the free, or the free
 * before the malloc (shm.h, I1). A thread that is alone has its ring's order.
 */
static inline uint64_t clock_ticks_after(void) {
#if defined(__x86_64__)
    if (unlikely(load_relaxed(&local->counts.n_rings) > 1)) {
        __builtin_ia32_lfence(); /* no load passes an earlier one here: the count is no older */
        if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_TSC)) {
            uint64_t now = clock_counter();
            if (likely(load_relaxed(&preload.clock) == SHM_CLOCK_TSC))
                return now; /* else another thread has just left that clock: see clock.c */
        }
        return clock_ticks_slow();
    }
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
    return clock_ticks();
}

/**
 * Stamp events without reading a clock from here on, in this process and those that it forks.
 * Return: whether it did so before. Context: the clock may still be read; guard held.
 */
bool clock_leave(void);
/** Take back a clock_leave() that said true: nothing was forbidden. */
void clock_return(void);
/** Leave the clock if this process was born without. Context: it registers; guard held. */
void clock_check(void);
/** ns, by a clock that ticks in milliseconds, for which only memory is read. */
uint64_t clock_coarse_ns(void);

/* --- process.c --- */

/**
 * Find the real functions and the arena, once. Called by the first hook, which may be
 * ld.so's own malloc() long before our constructor.
 * Context: guard not held by this thread, or PRELOAD_STARTING (then it does nothing).
 */
void process_start(void);

/**
 * Make sure that this process has its block (it may be a fresh fork).
 * Return: whether it has one. Context: guard held.
 */
bool process_ready(void);

/** Leave a note for the user (enum shm_note_kind); dropped when all slots are taken. */
void process_note(uint32_t kind, const char *text);

/** This process's block if the caller runs in it and not in a vfork child, else NULL. */
struct shm_process *process_own(void);

/**
 * This process is about to end by its own will.
 * @told: 256 + its status; 0 = not known
 */
void process_leave(uint32_t told);

/** Find libc's clock, which needs no system call. Context: GUARD_PRIVATE. */
void process_find_clock(void);
/** Ask it. Return: whether it was found, and, in a sandbox, needs no system call. */
bool process_clock(clockid_t clock, struct timespec *out);

/* --- sandbox.c --- */

/** Find prctl(). Context: process_start(). */
void sandbox_start(void);

/* --- thread.c --- */

/** Map what the next threads need, before the program forbids itself to ask. */
void thread_prepare(void);

/**
 * State of the calling thread, its ring slot registered.
 * Return: NULL when there is none to be had (counted in shm_process.lost).
 * Context: guard held.
 */
struct thread *thread_attach(void);

/** State of whoever has or had ring @slot, NULL = none. */
struct thread *thread_of(uint32_t slot);

/** Is the stack that held the guard gone (a signal handler jumped out)? Then reset it. */
bool thread_guard_stale(void *frame);

/* --- ring.c --- */

struct ring_entry {
    uint64_t address, size;
    uint32_t node;
    uint8_t kind, op;
    uint16_t aux; /* without SHM_AUX_CHECK */
};

/** Get the next segment. Return: false when the event must be dropped (counted). */
bool ring_extend(struct thread *thread, unsigned kind);

/** Say how many records each ring of the process has. Context: it is about to end. */
void ring_finish(void);

/** Publish one event. Context: guard held; @thread is the caller's. */
static inline void ring_emit(struct thread *thread, uint64_t time,
                             const struct ring_entry *entry) {
    if (unlikely(thread->head >= SHM_SEGMENT_EVENTS) && !ring_extend(thread, entry->kind))
        return;
    struct shm_segment *segment = thread->segment;
    struct shm_event *event = &segment->records[thread->head];
    uint64_t rest = entry->node | (uint64_t)entry->kind << 32 |
                    (uint64_t)entry->op << 40 | (uint64_t)entry->aux << 48;
    event->time = time;
    event->address = entry->address;
    event->size = entry->size;
    rest |= shm_event_check(thread->seed, time, entry->address, entry->size, rest) << 56;
    __builtin_memcpy(&event->node, &rest, sizeof rest);
    store_release(&segment->head, ++thread->head);
}

/* --- arena.c --- */

/**
 * Take a block; its content is undefined (it may be a recycled one).
 * Waits for the collector to make more unless it is gone or told otherwise.
 * @waited_ns: time spent waiting is added; may be NULL
 * Return: block id, 0 when there is none.
 */
uint32_t arena_take(uint64_t *waited_ns);
/** The same, all zeroes. */
uint32_t arena_take_zeroed(void);

void arena_sleep(long ns);

/** Whether nobody reads any more; finds out by itself when the heartbeat stopped. */
struct arena_watch {
    uint64_t since_ns;
    uint32_t heartbeat;
};
bool arena_abandoned(struct arena_watch *watch);

uint64_t arena_now_ns(void);

static inline void *arena_block(uint32_t id) {
    return (char *)preload.arena + (uint64_t)id * SHM_BLOCK_BYTES;
}

/** Give a block back that was taken and not shown to anybody. */
void arena_give_back(uint32_t id);

/** The block that *@known points to; takes and zeroes one if there is none yet.
 * @where: its place in shared memory, where readers look for it: named there
 * Return: NULL when there is none to be had. */
void *arena_install(uint32_t *where, void *known);

/* --- boot.c --- */

/** Memory outside the target's heap. Return: NULL when the area is used up. */
void *boot_malloc(size_t bytes, size_t alignment);
void boot_free(void *p);
size_t boot_size(const void *p);

#define BOOT_BYTES (1u << 20)
extern char boot_area[BOOT_BYTES];
static inline bool boot_owns(const void *p) {
    return (uintptr_t)p - (uintptr_t)boot_area < BOOT_BYTES;
}

/* --- unwind.c --- */

/* Where a hook was called from. */
struct caller {
    uintptr_t frame;   /* the hook's frame pointer: [frame] caller's, [frame + 8] ra */
    uintptr_t address; /* return address into the caller */
};

/** Open libunwind. Context: constructor, guard not held. */
void unwind_open(void);

/**
 * The site of a call: the stack from @caller outward, with leaf @op.
 * Return: node id, 0 when it could not be interned (counted).
 * Context: guard held.
 */
uint32_t unwind_site(struct thread *thread, const struct caller *caller, uint32_t op);

/** The same without a leaf: the innermost frame's node, 0 as above. */
uint32_t unwind_stack(struct thread *thread, const struct caller *caller);

/** libunwind's view from @caller outward. Return: addresses in thread->addresses +
 * *first. */
uint32_t unwind_reference(struct thread *thread, const struct caller *caller,
                          uint32_t *first);

/* --- unwind_<arch>.c --- */

/**
 * Walk by cached rules, re-using the thread's last walk.
 * Return: the innermost frame (in thread->frames), NULL when the stack could not be
 * interned; *walked is false when libunwind must do it.
 */
struct frame *unwind_fast(struct thread *thread, const struct caller *caller,
                          bool *walked);

/** Forget every cached rule: a module was unloaded. */
void unwind_forget(void);
/** Fit the rule cache to what this process is for. Context: preload.flags are known. */
void unwind_start(void);

/** Does the stack end properly at @address (its caller is undefined by its CFI)? */
bool unwind_is_outermost(uintptr_t address);

/* --- node.c --- */

/** Child of @parent (0 = root) for return address @address. Return: node id, 0 = full. */
uint32_t node_frame(struct thread *thread, uint32_t parent, uintptr_t address);
/** Site below @parent. @flags: enum shm_node_flag. Return: node id, 0 = full. */
uint32_t node_site(struct thread *thread, uint32_t parent, uint32_t op, uint32_t flags);

/** Map room for more nodes than a program usually has. */
void node_prepare(void);
/** @id: one that node_frame() or node_site() has given */
static inline struct shm_node *node_at(uint32_t id) {
    return &load_acquire(
        &local->node_blocks[id / SHM_NODES_PER_BLOCK])[id % SHM_NODES_PER_BLOCK];
}
/** The same for one that was read in shared memory. Return: NULL when there is none. */
static inline struct shm_node *node_checked(uint32_t id) {
    return id / SHM_NODES_PER_BLOCK < SHM_MAX_NODE_BLOCKS &&
                   load_acquire(&local->node_blocks[id / SHM_NODES_PER_BLOCK])
               ? node_at(id)
               : NULL;
}

/* --- module.c --- */

/** Module of a code address. Return: never NULL except when the table is full. */
const struct module *module_at(uintptr_t address);
static inline const struct module *module_by_index(uint32_t index) {
    return &local->modules[index - 1];
}
/** ld.so frees @p: if that is a link map, its module is gone. Context: guard held. */
void module_freed(const void *p);
/** Changes whenever a module was unloaded. */
extern uint32_t module_generation;
/** Code of ld.so: where module_freed()'s callers are. */
extern uintptr_t module_loader_start, module_loader_end;
/** Find ld.so and _dl_find_object, Context: process_start(). */
void module_start(void);

/* What the loader knows about the object around an address. */
struct object {
    uintptr_t start, end, bias;
    const void *link_map;
    const char *path;
    const uint8_t *eh_frame_hdr; /* NULL: none */
};
/** Return: whether @address is in an object that ld.so knows. */
bool module_find(uintptr_t address, struct object *object);

/* --- fault.c --- */

/**
 * Decide whether this call must fail and record the proof if so.
 * Return: whether it fails. Context: guard held.
 */
bool fault_due(struct thread *thread, uint32_t node, uint64_t size);

/** SHM_SKIP_UNWIND: can no fault match a call from @address? */
bool fault_skips(uintptr_t address);

/** An allocating call after a fault fired: counted, with the place it comes from. */
void fault_note_progress(uintptr_t address);

/** Prove that fault @index fired: the fields of faults[index] are complete. */
void fault_prove(uint32_t index);

/** Does a sticky fault or a burst that fired before take this call too? Counts it. */
bool fault_lasting(void);

/** Where `dearth repro --gdb` stops: a failure is about to be returned. */
EXPORT void dearth_fault_injected(void);

/* --- chance.c --- */

/** SHM_CHANCE: must this call fail? Writes down which. Context: guard held. */
bool chance_due(struct thread *thread, uint32_t node, uint64_t size);

/* --- snapshot.c --- */

/**
 * SHM_SNAPSHOT: copy this process for every order that is due at this call.
 * Return: true in a copy, whose call must fail; false in the original.
 * Context: guard held.
 */
bool snapshot_due(uint32_t node, uint64_t size);

/* --- marks.c --- */

/** Does the program forbid it here, by dearth.h? */
static inline bool marks_forbid(void) {
    return unlikely(tls.never) || (unlikely(preload.flags & SHM_MARKED) && !tls.inside);
}

/** The same for an event: bits of its `aux`. */
static inline uint16_t marks_aux(void) {
    return likely(!tls.marks) ? 0
                              : (uint16_t)((tls.never ? SHM_AUX_NEVER : 0) |
                                           (tls.inside ? SHM_AUX_INSIDE : 0));
}

/* --- exec.c --- */

/** Find the real exec functions. Context: process_start(). */
void exec_start(void);

/* --- address.c --- */

void address_start(void);

/* --- sanitizer.c --- */

/** Find libc's dl_iterate_phdr(). Context: process_start(). */
void sanitizer_start(void);
/** Be in the list of libraries again. Context: constructor. */
void sanitizer_show(void);

/* --- hooks.c --- */

/** Find the real functions. Context: process_start(). */
void hooks_start(void);

struct real {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*reallocarray)(void *, size_t, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    void (*free_sized)(void *, size_t);
    void (*free_aligned_sized)(void *, size_t, size_t);
    size_t (*malloc_usable_size)(void *);
};
extern struct real real;

#endif
