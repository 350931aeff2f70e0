/* SPDX-License-Identifier: Apache-2.0 */
/* Has it hung, and what does it do meanwhile? See hang.h. */
#include "hang.h"

#include <poll.h>
#include <unistd.h>

#include "clock.h"
#include "endless.h"
#include "run.h"
#include "session.h"

/* On a busy machine limits are stretched by the time the tree waited for a processor, so that a
 * verdict does not depend on the load; but not for ever. */
#define STRETCH_MOST  10u
/* Who still does something new (prints what it usually prints, allocates in new places) is slow
 * and has not hung: up to so many times the limit. */
#define PROGRESS_MOST 5u
/* New within this part of the limit, counted from its end. */
#define PROGRESS_PART 4u
/* Less than this part of a processor is idle: a loop of short sleeps takes a few percent. */
#define IDLE_PART     4u
/* More often than that between the samples, which stop a thread once each, it went to sleep by
 * itself: however busy the machine is, a loop that never sleeps does not. */
#define NAPS          5u
/* More samples of who runs, so far apart: of a loop that spends a tenth of its time in its own function they
 * miss that once in 70 times, two samples in 5 of 6. */
#define LOOP_SAMPLES  40u
#define LOOP_GAP_MS   1

/* Who will have used up its stack within so many times the limit, at the pace of the samples, is waited for; */
#define RECURSION_MOST  20u
#define RECURSION_LIMIT 5000000000ull /* that of a program which has none of its own */
/* deeper by less between the samples may be a loop that calls something else once in a while, and would take too
 * long to the end of the usual 8 MiB. */
#define DEEPER_BYTES    16384u
#define DEEPER_GAP_NS   500000000ull /* until the next two samples */

#define DEADLOCK_THREADS 64 /* that are looked at one by one */
#define ASLEEP_AGAIN_MS  500
#define LOOKS            2 /* for a cycle */

bool hang_is_over(uint64_t now, uint64_t since, uint64_t limit_ns, uint64_t starved_ns) {
    if (starved_ns > (STRETCH_MOST - 1) * limit_ns)
        starved_ns = (STRETCH_MOST - 1) * limit_ns;
    return now >= since + limit_ns + starved_ns;
}

static struct hang_work look_at_work(const struct run *run) {
    const struct shm_progress *progress = &run->x->session->arena->progress;
    struct hang_work w = {.printed = run->output->total + run->errors->total,
                          .calls = __atomic_load_n(&progress->calls, __ATOMIC_RELAXED),
                          .run_ns = run->tracer.run_ns};
    for (uint32_t i = 0; i < SHM_PROGRESS_BITS / 64; i++)
        w.places += (uint64_t)__builtin_popcountll(
            __atomic_load_n(&progress->places[i], __ATOMIC_RELAXED));
    return w;
}

/* New: allocations in places where there was none yet, and output, as long as it is no more than
 * about what the program prints without a fault; an error message in a loop is nothing new. */
void hang_watch_work(struct run *run, uint64_t now) {
    struct hang_work w = look_at_work(run);
    uint64_t usual = 2 * run->x->usual_output + 4096;
    if (w.places > run->hang.work.places ||
        (w.printed > run->hang.work.printed && w.printed <= usual))
        run->hang.new_work_ns = now;
    if (w.places > run->hang.work.places || w.printed > run->hang.work.printed)
        run->hang.quiet_run_ns = w.run_ns;
    run->hang.work = w;
}

uint64_t hang_gap_ns(const struct run *run) {
    return run->hang.endless ? HANG_ENDLESS_GAP_NS : HANG_SAMPLE_GAP_NS;
}

/* For how much longer has it computed and done nothing else, and how closely is it looked at then? Who computes in
 * silence as a run without a fault does ends before the first look: a look costs a third of a second. Where that
 * run's time on a processor is known it says how long that is; the limit, of which a run takes a tenth at most, says
 * more on a busy machine, or when it was given. */
static bool is_round_due(const struct run *run, uint64_t *most_steps) {
    static const struct {
        uint64_t part, times, extra_ns, steps;
    } looks[LOOKS] = {{6, 2, 100000000, 1 << 13}, {3, 4, 300000000, 1 << 14}};
    uint32_t n = run->hang.n_steppings;
    if (n == LOOKS || run->tracer.n != 1)
        return false;
    uint64_t usual = run->x->usual_cpu_ns, least = run->limit_ns / looks[n].part,
             least_known = looks[n].times * usual + looks[n].extra_ns;
    if (usual && least_known < least)
        least = least_known;
    *most_steps = looks[n].steps;
    return run->tracer.run_ns - run->hang.quiet_run_ns > least;
}

/* Does everybody sleep, and has nobody been woken since the last look? */
static bool is_asleep(struct run *run, uint64_t now) {
    struct hang_watch *h = &run->hang;
    bool was = h->asleep;
    uint64_t naps = h->asleep_naps;
    h->asleep = now >= h->next_asleep_ns && tracer_is_deadlocked(&run->tracer);
    h->asleep_naps = h->asleep ? tracer_naps(&run->tracer) : 0;
    return was && h->asleep && naps == h->asleep_naps;
}

static bool may_be_woken(struct run *run, uint64_t now) {
    pid_t tids[DEADLOCK_THREADS];
    int n = tracer_threads(&run->tracer, tids, DEADLOCK_THREADS);
    bool may = n == DEADLOCK_THREADS;
    for (int i = 0; i < n && !may; i++)
        may = endless_may_be_woken(tids[i], run->x->session->arena_path);
    /* back to sleep, where the samples are to find them */
    for (int i = 0; i < ASLEEP_AGAIN_MS && !may && !tracer_is_deadlocked(&run->tracer);
         i++)
        usleep(1000);
    may = may || !tracer_is_deadlocked(&run->tracer);
    run->hang.asleep = false; /* they were disturbed: look anew, but not soon */
    run->hang.next_asleep_ns = now + (now - run->started);
    return may;
}

static bool look_for_end(struct run *run, uint64_t now) {
    const struct execution *x = run->x;
    const struct shm_header *arena = x->session->arena;
    pid_t tid;
    uint64_t most_steps;
    bool may = x->traced && !x->options->sweep && run->limit_ns &&
               !run->tracer.openings && !run->tracer.follow && *run->tracer.armed &&
               arena->n_faults < 2 && !(arena->flags & SHM_CHANCE);
    if (run->hang.endless || !may)
        return run->hang.endless != HANG_UNKNOWN;
    if (is_asleep(run, now) && !may_be_woken(run, now))
        run->hang.endless = HANG_DEADLOCK;
    if (!is_round_due(run, &most_steps) || !tracer_wants_cpu(&run->tracer) ||
        tracer_threads(&run->tracer, &tid, 1) != 1)
        return run->hang.endless != HANG_UNKNOWN;
    run->hang.n_steppings++;
    bool counts;
    run->hang.endless =
        endless_goes_round(tid, x->session->arena_path, most_steps, &counts);
    if (counts)
        run->hang.n_steppings = LOOKS;
    return run->hang.endless != HANG_UNKNOWN;
}

/* What went on between the two samples. */
static enum hang name_hang(const struct run *run, uint64_t now) {
    const struct hang_work *was = &run->hang.sampled_work;
    struct hang_work w = look_at_work(run);
    uint64_t gap = now - run->hang.sampled_ns;
    if (w.printed > was->printed)
        return HANG_PRINTING;
    if (!run->x->traced)
        return HANG_UNKNOWN;
    bool little = w.run_ns - was->run_ns < gap / IDLE_PART;
    if (little && tracer_naps(&run->tracer) - run->hang.sampled_naps > NAPS)
        return HANG_POLLING;
    /* on a busy machine one may want a processor all the time and get little */
    bool idle = little && !(run->hang.sampled_busy && tracer_wants_cpu(&run->tracer));
    if (idle)
        return tracer_is_deadlocked(&run->tracer) ? HANG_DEADLOCK : HANG_BLOCKED;
    return w.calls > was->calls ? HANG_ALLOCATING : HANG_SPINNING;
}

/* In the time that this takes the program does little of its own: it does not count. */
bool hang_is_endless(struct run *run, uint64_t now) {
    uint64_t begun = clock_mono_ns(), starved_ns = run->tracer.starved_ns;
    uint32_t n_steppings = run->hang.n_steppings;
    bool endless = look_for_end(run, now);
    uint64_t taken = clock_mono_ns() - begun;
    if (run->hang.n_steppings !=
        n_steppings) { /* nor does what it waited for meanwhile */
        tracer_watch(&run->tracer, run->first);
        run->tracer.starved_ns = starved_ns;
    }
    run->started += taken;
    run->hang.new_work_ns += run->hang.new_work_ns ? taken : 0;
    return endless;
}

bool hang_is_slow(const struct run *run, uint64_t now) {
    return run->hang.new_work_ns &&
           now - run->hang.new_work_ns < run->limit_ns / PROGRESS_PART &&
           !hang_is_over(now, run->started, PROGRESS_MOST * run->limit_ns,
                         run->tracer.starved_ns);
}

/* What a loop calls is on both samples when most of its time is spent there: who loops is seen only
 * where the call has returned. */
static void look_for_loop(struct run *run) {
    enum hang hang = run->seen->end.hang;
    if (hang != HANG_SPINNING && hang != HANG_ALLOCATING && hang != HANG_PRINTING &&
        hang != HANG_RECURSING)
        return; /* who waits is in that call all the time */
    uint64_t until =
        clock_mono_ns() + HANG_SAMPLE_GAP_NS; /* on a busy machine a stop takes long */
    for (uint32_t i = 0; i < LOOP_SAMPLES && clock_mono_ns() < until; i++) {
        poll(NULL, 0, LOOP_GAP_MS);
        tracer_sample_outer(&run->tracer);
    }
}

static void look_at_stack(const struct run *run, struct mappings_stack *out) {
    const struct hang_watch *h = &run->hang;
    if (!h->stack_tid || !mappings_stack(h->stack_tid, h->stack_pointer, out))
        *out = (struct mappings_stack){0};
}

/* Between the samples: is it deeper than ever? Then the next two samples are to show whether it goes on so, once
 * where it will not end in time. */
static bool goes_deeper(struct run *run, uint64_t now) {
    struct hang_watch *h = &run->hang;
    struct mappings_stack was = h->stack, is;
    look_at_stack(run, &is);
    if (h->endless || !was.used || is.used < was.used + DEEPER_BYTES) {
        h->n_deeper = 0;
        return false;
    }
    uint64_t left = is.most > is.used ? (is.most - is.used) / 1024 : 0;
    uint64_t end = now + left * (now - h->sampled_ns) / ((is.used - was.used) / 1024);
    uint64_t limit = run->limit_ns ? run->limit_ns : RECURSION_LIMIT;
    if (!h->n_deeper++)
        h->deeper_ns = h->sampled_ns;
    return h->n_deeper == 1 ||
           (is.most && !hang_is_over(end, h->deeper_ns, RECURSION_MOST * limit,
                                     run->limit_ns ? run->tracer.starved_ns : 0));
}

/* The samples are taken anew. */
static void forget_samples(struct run *run, uint64_t now) {
    tracer_forget_sample(&run->tracer);
    run->hang.sampled = false;
    run->hang.next_sample_ns = now + DEEPER_GAP_NS;
}

/* Past its limit, twice: two samples show the loop between them, and what it does in it. */
bool hang_is_seen(struct run *run, uint64_t now) {
    if (now < run->hang.next_sample_ns)
        return false;
    if (!run->hang.sampled) {
        run->hang.sampled = true;
        run->hang.sampled_ns = now;
        tracer_watch(&run->tracer, run->first);
        run->hang.sampled_work = look_at_work(run);
        run->hang.sampled_busy = tracer_wants_cpu(&run->tracer);
        run->hang.sampled_naps = tracer_naps(&run->tracer);
        if (run->x->traced) /* else attaching to it is the last thing before its end */
            tracer_sample(&run->tracer, run->first);
        run->hang.stack_pointer = 0;
        run->hang.stack_tid =
            run->x->traced ? tracer_failed_thread(&run->tracer, &run->hang.stack_pointer)
                           : run->first;
        look_at_stack(run, &run->hang.stack);
        return false;
    }
    if (now - run->hang.sampled_ns < hang_gap_ns(run))
        return false;
    tracer_watch(&run->tracer, run->first);
    if (goes_deeper(run, now)) {
        forget_samples(run, now);
        return false;
    }
    run->seen->end.endless = run->hang.endless != HANG_UNKNOWN;
    run->seen->end.hang = run->hang.endless    ? run->hang.endless
                          : run->hang.n_deeper ? HANG_RECURSING
                                               : name_hang(run, now);
    if (run->x->traced) {
        tracer_sample_again(&run->tracer);
        look_for_loop(run);
    } else
        tracer_sample(&run->tracer, run->first);
    return true;
}
