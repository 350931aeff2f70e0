/* SPDX-License-Identifier: Apache-2.0 */
/* From where: see unwind.c. */
#ifndef DEARTH_PRELOAD_UNWIND_H
#define DEARTH_PRELOAD_UNWIND_H

#include "thread.h"

/* One frame of the last walk; see arch/walk/unwind_walk.c for what makes it reusable. */
struct frame {
    uintptr_t sp, ra, fp;
    uint32_t node;     /* of the stack from the root to here */
    uint32_t site;     /* node_site() of `node`, << 4 | op; 0 = not asked yet */
    uint32_t words;    /* words read to get to this frame and the ones outward of it */
    uint32_t needs_fp; /* 0 = where the walk goes from here does not depend on fp */
};

/* A frame of the walk under way, and where its registers were read (0 = computed). */
struct fresh_frame {
    uintptr_t sp, ra, fp, sp_address, fp_address, ra_address;
    uint32_t
        by_fp; /* the step to it, begun at least, read the frame pointer of the one before */
};

/* A word of the stack that the last walk depended on. */
struct stack_word {
    uintptr_t address, value;
};
#define UNWIND_WORDS_PER_FRAME 3u

/*
 * The inner end of a walk that is likely to come again: from a hook's caller to frame `base` of the last
 * walk, and the words that led there. See arch/walk/unwind_walk.c.
 */
#define UNWIND_BRANCH_WORDS 8u
#define UNWIND_BRANCH_SETS  64u /* of a thread; a power of two */
#define UNWIND_BRANCH_WAYS                                                               \
    2u /* in each: from one place, as often called from two others */
#define UNWIND_BRANCHES (UNWIND_BRANCH_SETS * UNWIND_BRANCH_WAYS)
struct branch {
    uintptr_t sp, ra, fp; /* of the caller; sp 0 = none */
    uintptr_t base_sp, base_ra, base_fp;
    uint32_t base, node; /* of the frame that it met: its place in `frames`, its node */
    uint32_t generation;
    uint32_t site; /* << 4 | op */
    uint32_t n_words, needs_fp;
    uint16_t offsets[UNWIND_BRANCH_WORDS]; /* of the words, from sp, in words */
    uintptr_t values[UNWIND_BRANCH_WORDS];
};

#define UNWIND_MAX_DEPTH    16384u
#define UNWIND_SPARE_FRAMES 16u /* ours, which libunwind sees and we cut off */

/* Where a hook was called from. */
struct caller {
    uintptr_t frame;   /* the hook's frame pointer: [frame] caller's, [frame + 8] ra */
    uintptr_t address; /* return address into the caller */
    uintptr_t sp;      /* the caller's stack pointer when it is back there */
};

/* Of the function that this stands in: not of one that it is inlined into by chance. */
#define UNWIND_CALLER                                                                    \
    (struct caller) {                                                                    \
        (uintptr_t) __builtin_frame_address(0), (uintptr_t)__builtin_return_address(0),  \
            ARCH_CALLER_SP                                                               \
    }

/** Open libunwind. Context: constructor, re-entry flag not held. */
void unwind_open(void);

/**
 * The site of a call: the stack from @caller outward, with leaf @op.
 * Return: node id, 0 when it could not be interned (counted).
 * Context: re-entry flag held.
 */
uint32_t unwind_site(struct thread *thread, const struct caller *caller, uint32_t op);

/** The same without a leaf: the innermost frame's node, 0 as above. */
uint32_t unwind_stack(struct thread *thread, const struct caller *caller);

/** libunwind's view from @caller outward, in the addresses that the fast path has. Return: how many there
 * are in thread->addresses + *first. */
uint32_t unwind_reference(struct thread *thread, const struct caller *caller,
                          uint32_t *first);

/* --- arch/walk/unwind_walk.c, arch/none/unwind_none.c --- */

/**
 * Walk by cached rules, re-using the thread's last walk.
 * Return: the innermost frame (in thread->frames), NULL when the stack could not be
 * interned; *walked is false when libunwind must do it.
 */
struct frame *unwind_fast(struct thread *thread, const struct caller *caller,
                          bool *walked);

/**
 * The site of a call from where the thread's last walk led, or from where an earlier one branched off it.
 * Return: 0 when it is not known without a walk. Context: re-entry flag held.
 */
uint32_t unwind_again(struct thread *thread, const struct caller *caller, uint32_t op);

/** What the walk of unwind_fast() that has just returned came to, for unwind_again(). @site: << 4 | op, as in struct frame */
void unwind_remember(struct thread *thread, const struct caller *caller, uint32_t site);

/** Forget every cached rule: a module was unloaded. */
void unwind_forget(void);
/** Map the pages of the rule cache that every process needs. */
void unwind_start(void);

/** Does the stack end properly at @address (its caller is undefined by its CFI)? */
bool unwind_is_outermost(uintptr_t address);
/** Is it where signal handlers return to? Where no rules are known: false. */
bool unwind_is_trampoline(uintptr_t address);

#endif
