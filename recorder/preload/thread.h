/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: see thread.c. */
#ifndef DEARTH_PRELOAD_THREAD_H
#define DEARTH_PRELOAD_THREAD_H

#include "preload.h"

struct branch;
struct frame;
struct fresh_frame;
struct stack_word;

enum thread_live {
    THREAD_NEW = 0,
    THREAD_LIVE,
    THREAD_WATCHED, /* so, but it may be another process's by now (WIPER_HOOKS): ask thread_attach() */
};

/* Private to one thread (the owner of ring slot `slot`); wiped in a forked child. */
struct thread {
    uint32_t live; /* enum thread_live; 0 after fork: attach again */
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
    uint32_t
        met; /* its outermost frame that was walked anew, where it met the one before; UINT32_MAX = no such */
    uintptr_t cut_sp; /* of who was refused memory last, if that stack was cut; 0 = not */
#ifdef UNWIND_SELF_CHECK
    uint32_t walked; /* its frames, also when it may not be used again */
#endif
    uint64_t sample_left;      /* bytes until one is looked at, see sample.h */
    uint64_t sample_random;    /* 0 = not drawn yet */
    struct frame *frames;      /* [max_depth] the last walk, outermost first */
    struct stack_word *words;  /* [3 * max_depth] what it read, in the same order */
    struct fresh_frame *fresh; /* [max_depth + 1] the part of a walk not yet merged */
    struct branch *branches;   /* [UNWIND_BRANCHES] of recent walks */
    uint64_t n_branched;       /* so many were put there */
    void **addresses;          /* [max_depth + UNWIND_SPARE_FRAMES] for libunwind */
};

struct tls {
    uint32_t reentry; /* enum reentry */
    union {
        uint32_t marks; /* 0 = neither */
        struct {
            uint16_t inside, never; /* dearth_begin()s and dearth_never_begin()s open */
        };
    };
    void *reentry_frame; /* frame of the hook that holds the flag */
    struct thread *thread;
};
extern __thread struct tls tls __attribute__((tls_model("initial-exec")));

/** Tell the kernel @advice about the memory of @thread (and of no other). Return: whether it took it. */
bool thread_advise(struct thread *thread, int advice);
/** Make all of them what the kernel makes of them in a forked child: zero. */
void thread_wipe(void);
/** Map what the next threads need, before the program forbids itself to ask. */
void thread_prepare(void);

/**
 * State of the calling thread, its ring slot registered if it is not yet.
 * Return: NULL when there is none to be had (counted in shm_process.lost).
 * Context: re-entry flag held.
 */
struct thread *thread_attach(void);

/** State of whoever has or had ring @slot, NULL = none. */
struct thread *thread_of(uint32_t slot);

#endif
