/* SPDX-License-Identifier: Apache-2.0 */
/* A recording of a sample: see sample.c. */
#ifndef DEARTH_PRELOAD_SAMPLE_H
#define DEARTH_PRELOAD_SAMPLE_H

#include "reentry.h"
#include "thread.h"
#include "unwind.h"

#define SAMPLE_PAGE_BITS 12u
#define SAMPLE_PAGES     65536u
#define SAMPLE_BUCKET    8u    /* slots: a cache line */
#define SAMPLE_NEAR      4096u /* slots of the first table: 32 KiB */
#define SAMPLE_FAR                                                                       \
    (1u << 20) /* of the second, mapped when that is too small: 8 MiB, where used */

/* Which blocks of the process are in the sample. Zero in a forked child: those that it inherits are its parent's. */
struct sampled {
    uint16_t
        pages[SAMPLE_PAGES];    /* blocks on the pages of that number, modulo the table */
    uint64_t near[SAMPLE_NEAR]; /* their addresses, 0 = free */
};

/** Map what sampling needs; on success preload.sampled is set. Return: false when there is no memory. */
bool sample_start(uint64_t bytes);
/** Map what may be needed later, before the program forbids itself to ask. */
void sample_prepare(void);
/** Make it what the kernel makes of it in a forked child: zero. */
void sample_wipe(void);

/**
 * Is a call for @n bytes in the sample? Its bytes are counted either way.
 * Context: re-entry flag held; @thread is the caller's.
 */
bool sample_takes(struct thread *thread, uint64_t n);

/** The block at @p is in the sample from now on. Context: before its event is published. */
void sample_watch(const void *p);
/** It is not any more. Return: whether it was. Context: any; before the real function that ends it. */
bool sample_forget_slow(const void *p);

static inline uint16_t *sample_page(struct sampled *sampled, const void *p) {
    return &sampled->pages[((uintptr_t)p >> SAMPLE_PAGE_BITS) & (SAMPLE_PAGES - 1)];
}

/** The same; most pages have none. Context: preload.sampled. */
static inline bool sample_forget(const void *p) {
    if (likely(!load_relaxed(sample_page(preload.sampled, p))))
        return false;
    return sample_forget_slow(p);
}

/* An empty block must have a chance, too. */
static inline uint64_t sample_weighed(uint64_t n) {
    return n + !n;
}

/**
 * Is a call for @n bytes known not to be in the sample, by what its thread has of its own alone? Its bytes are
 * counted then, and the re-entry flag is held: an allocator that allocates through itself (glibc's reallocarray(),
 * many a calloc()) asks for the same bytes twice. A handler that interrupts this may undo a count: of some bytes.
 * Context: any call of a hook; false when not all is recorded by samples.
 */
static inline bool sample_skips(uint64_t n, const struct caller *caller) {
    if (likely(!preload.sampled))
        return false;
    struct thread *thread = tls.thread;
    if (unlikely(tls.reentry != REENTRY_NONE || !thread))
        return false;
    uint64_t left = thread->sample_left;
    n = sample_weighed(n);
    if (unlikely(n >= left))
        return false;
    thread->sample_left = left - n;
    reentry_take((void *)caller->frame);
    reentry_set(REENTRY_REAL);
    return true;
}

/**
 * Nothing is recorded: what is left to this thread is drawn anew afterwards. Calls that would have been in the
 * sample left it too small, so that the first one later would nearly always be.
 */
static inline void sample_pause(void) {
    struct thread *thread = preload.sampled ? tls.thread : NULL;
    if (thread)
        thread->sample_left = 0;
}

#endif
