/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdearth_preload.so: the part of dearth that lives inside the target.
 *
 *   hooks.c    malloc() ... as the program calls them: enter, real function, leave
 *     ├─ reentry.c  a call of our own making, or from a signal handler in the midst of one?
 *     ├─ thread.c   who calls: this thread's private state and its ring
 *     ├─ unwind.c   where from: stack → nodes (arch/ first, then libunwind)
 *     │    ├─ node.c    (parent, address) → node id, lock-free
 *     │    └─ module.c  address → (module, offset), build-ids
 *     ├─ fault.c    must this call fail? (marks.c: may it, by dearth.h?)
 *     │    ├─ fault_chance.c    by chance?
 *     │    ├─ fault_snapshot.c  must the process be copied here, and the copy fail?
 *     │    └─ scope.c           of what comes after a failure that lasts, is this call in the scope?
 *     ├─ stamp.c    when: by the processor's counter, or without a clock where none may be read
 *     ├─ sample.c   is this call in the sample? was this block?
 *     └─ ring.c     one event into the thread's ring
 *   guard.c    SHM_GUARD: canaries and poison, between the hooks and the real functions
 *   leak/      live blocks, and which of them nothing points to at the end: see leak.h
 *   process.c  attach to the arena, notice fork, register this process
 *   exec.c     execve() ... and system(): take the library along
 *   address.c  bind(): addresses that only one process may have
 *   binding.c  where other modules have their allocation functions from
 *   sandbox.c  seccomp: do without what the program may not ask for any more
 *   sanitizer.c   not to be seen by AddressSanitizer's check of the library order
 *   exec_probe.c  can that program take it? (also compiled into `dearth`)
 *   arena.c    take blocks     boot.c  memory for ld.so and libunwind, never the target's
 *   arch/      what depends on the processor
 *
 * What lives where
 *
 *   struct preload   .data: copied by fork. Addresses, mappings, the sticky fault.
 *   struct local     (local.h) MADV_WIPEONFORK: the kernel zeroes it in a forked child. So "zero" is
 *                    the state of a process that has not registered yet, and no hook can ever
 *                    use its parent's ring, node ids or thread states by mistake.
 *   struct thread    (thread.h) MADV_WIPEONFORK too, one per ring: no TLS destructor is needed, the
 *                    next thread takes over the slot of a dead one.
 *   struct tls       (thread.h) 24 bytes of initial-exec TLS: the re-entry flag, the marks and the
 *                    thread's address.
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
#define APART       __attribute__((noinline))
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

enum preload_state {
    PRELOAD_NEW = 0,
    PRELOAD_STARTING, /* dlsym() and the attaching are under way */
    PRELOAD_OFF,      /* no arena: we are not there */
    PRELOAD_ON,
    PRELOAD_ASIDE, /* not a program that is to be recorded; what it starts may be */
};

/* Who zeroes, in a forked child, what is to be zero there? */
enum preload_wiper {
    WIPER_KERNEL = 0,
    WIPER_HANDLER, /* a fork handler: Linux before 4.14 does not. A child by clone() stays its parent */
    WIPER_HOOKS, /* an emulator of a processor does not, and makes forks of vfork(), too: whoever finds
                      itself to be another process */
};

struct preload {
    uint32_t state; /* enum preload_state */
    uint32_t flags; /* enum shm_flag, as the header has them */
    uint32_t clock; /* enum shm_clock, or that of stamp.c */
    uint32_t max_depth;
    struct shm_header *arena;
    uint64_t arena_bytes;
    uint64_t nonce;        /* from here on as the header had them when it was mapped: */
    uint32_t blocks_total; /* the program may write over it */
    uint32_t orders_block;
    uint32_t proofs;
    uint32_t collector_pid;
    struct sampled *sampled; /* a recording of a sample: see sample.h; else NULL */
    uint64_t sample_bytes;   /* as the header has it */
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
    uint32_t wiper;           /* enum preload_wiper */
    uint32_t knows_pid;       /* it has asked for its process id */
    uint32_t copy; /* is a snapshot's copy, or a child of one: see fault_snapshot.c */
    uint32_t scope_block, scope_entries; /* see scope.c; 0 = every call is in it */
    uint32_t most;                       /* of a copy: as its order has it */
    char arena_path[SHM_PATH_BYTES];
    char library_path[SHM_PATH_BYTES]; /* ours: shm_header.preload_path */
};
extern struct preload preload;

#endif
