/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has a program hung, and what does it do meanwhile?
 *
 *   start ──────── limit ──► first sample ── HANG_SAMPLE_GAP_NS ──► second sample: it has hung
 *                    │
 *                    └ stretched by what it waited for a processor, and for as long as it still
 *                      does something new
 *
 * What it did between the two samples has a name: enum hang. Who runs is looked at some more times then, for the
 * outermost function that it comes back to.
 *
 * Who is deeper and deeper in a recursion meanwhile comes to the end of its stack, which is another thing than a hang:
 * it gets the time for that, if it is bearable, and the two samples are taken anew.
 *
 * Where it is proven that it will never end (endless.h), nobody waits for the limit, and the samples follow each
 * other at once.
 */
#ifndef DEARTH_HANG_H
#define DEARTH_HANG_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"
#include "mappings.h"

struct run;

/* Between the two samples of a program that seems to have hung. */
#define HANG_SAMPLE_GAP_NS  300000000ull
#define HANG_ENDLESS_GAP_NS 10000000ull /* of one that is known to */

/* What the tree has done so far. */
struct hang_work {
    uint64_t printed; /* bytes */
    uint64_t calls,
        places;      /* allocating calls after the fault; distinct places of those */
    uint64_t run_ns; /* on a processor */
};

/* Of one run. Zero is valid: nothing was looked at yet. */
struct hang_watch {
    struct hang_work work; /* when last looked at */
    uint64_t new_work_ns;  /* when it last did something new */
    bool sampled;          /* past its limit, the first sample is taken */
    uint64_t sampled_ns;
    struct hang_work sampled_work;
    bool sampled_busy;           /* some thread ran, or wanted to */
    uint64_t sampled_naps;       /* tracer_naps() */
    pid_t stack_tid;             /* whose stack is looked at, */
    uint64_t stack_pointer;      /* an address in it; 0 = it is the first thread's; */
    struct mappings_stack stack; /* at the first sample; used 0 = not known */
    uint32_t n_deeper;       /* times on end that it was deeper at the second sample, */
    uint64_t deeper_ns;      /* since then */
    uint64_t next_sample_ns; /* none before that */
    /* before its limit */
    uint64_t
        quiet_run_ns; /* tracer.run_ns when it last printed, or allocated in a new place */
    uint32_t n_steppings;    /* times that it was looked for a cycle */
    bool asleep;             /* when last looked at: a deadlock, to all appearances ... */
    uint64_t asleep_naps;    /* ... and tracer_naps() then */
    uint64_t next_asleep_ns; /* not to be disturbed again before that */
    enum hang endless;       /* it will never end: proven */
};

/** Is more than @limit_ns, less what it starved, over since @since? */
bool hang_is_over(uint64_t now, uint64_t since, uint64_t limit_ns, uint64_t starved_ns);

/** Look at what @run does: is it something new? */
void hang_watch_work(struct run *run, uint64_t now);

/** How long after the first sample the second one is due. */
uint64_t hang_gap_ns(const struct run *run);

/** Before its limit: is it proven that @run will never end (endless.h)? Context: once in a while, after
 * hang_watch_work(). */
bool hang_is_endless(struct run *run, uint64_t now);

/** Past its limit, does it still do something new? */
bool hang_is_slow(const struct run *run, uint64_t now);

/** Past its limit, or endless: take the next sample that is due. Return: both are taken, `seen->hang` says what
 * it does. */
bool hang_is_seen(struct run *run, uint64_t now);

#endif
