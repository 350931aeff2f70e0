/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: empties the rings of all processes of a session and stores what was in
 * them.
 *
 *   rings ─ merged by time ─► live.c ─► common/events/chunk.c ─► event_chunk
 *     │                         └─ when a process ends ─► site_stat
 *     └─ processes, threads, modules, notes ─► rows of the same names
 *
 *   collector.c          rounds: clocks, merging, who has died
 *   watched.c            one process: threads, sites, its end
 *   rows.c               SQL
 *   circumstances.c      a suite: what a program needs to be run by itself, out of /proc
 *   collector_damage.c   what targets have written over by mistake
 *   collector_resume.c   going on where a killed collector was
 *
 * Invariant: a round takes the time T first, then looks at the rings, and uses events with
 * time <= T only; so a block's free is always seen before its next allocation (shm.h, I1).
 *
 * Who runs it: dearth, one thread. Nothing here waits.
 */
#ifndef DEARTH_COLLECTOR_H
#define DEARTH_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

struct store;
struct collector;

struct collector_options {
    struct session *session;
    struct store *store;
    int64_t recording_id;
    uint64_t
        sample_bytes; /* the session's: 0 = every call is recorded; not with keep_events */
    bool keep_events; /* write event_chunk rows */
    /* A suite: what each program that starts needs to be run by itself is kept, and it waits for that
     * (SHM_SEEN); NULL = no */
    const struct circumstances_options *units;
};

/* What collector_resume() found. */
struct collector_resumed {
    uint32_t processes; /* whose rows were not finished */
    uint32_t damaged;   /* rings that could not be read on */
};

/* What the columns of `recording` say, summed over all processes. */
struct collector_totals {
    uint64_t events, allocations, frees, failed, bytes;
    uint64_t peak_bytes, peak_ns, live_blocks, live_bytes;
    uint64_t events_lost, stacks_lost, stacks_truncated, stacks_incomplete;
    uint64_t unwind_fallbacks, boot_events, waited_ns, processes_lost;
    uint64_t inherited, replaced; /* see live.h */
    uint64_t unknown, unknown_bytes;
    uint64_t rings_damaged; /* rings, processes' blocks and headers found written over */
    uint32_t processes, threads, notes;
    uint32_t units, units_unread; /* circumstances.h; of which nothing could be read */
};

/** Return: 0 or a negative errno after a message. */
int collector_new(const struct collector_options *options, struct collector **out);
struct collector *collector_free(struct collector *collector); /* NULL allowed */

/**
 * Take up the recording where a killed collector has committed it last. Right after
 * collector_new(), on the session that session_attach() gave.
 * Return: 0 or a negative errno after a message.
 */
int collector_resume(struct collector *collector, struct collector_resumed *out);

/**
 * Take what the rings hold now, notice who came and who died, grow the arena.
 * @n_events: records taken, out
 * Return: 0, or a negative errno after a message (the database cannot be written). After
 * that only collector_totals(), collector_starved() and collector_free() make sense.
 */
int collector_round(struct collector *collector, uint64_t *n_events);

/** Commit what is in an open transaction. Return: 0 or a negative errno after a message. */
int collector_commit(struct collector *collector);

/** Write the rows of all that have done something since theirs were written, and commit:
 * every full segment that was read goes back. Return: as above. */
int collector_checkpoint(struct collector *collector);

/** Nothing was recorded for a while, and now will be again: what became of the blocks that were live is not
 * known (live_end_blocks()). Commits. Context: after a round. Return: as above. */
int collector_end_blocks(struct collector *collector);

/** A descriptor that is readable when a recorded process has died. */
int collector_fd(const struct collector *collector);

/** Recorded processes that have not ended. */
uint32_t collector_n_alive(const struct collector *collector);

/** Why targets wait for blocks that cannot be made: a negative errno, 0 = they do not. */
int collector_starved(const struct collector *collector);

/**
 * Store everything that is left.
 * @all_dead: nobody can be alive any more; otherwise those not seen dying end as
 * 'running' Return: 0 or a negative errno after a message.
 */
int collector_finish(struct collector *collector, bool all_dead);

/**
 * Calls that the program made, as far as rings tell: those that were taken, are still unread, or were
 * lost. For when the database cannot be written any more; nothing can be taken afterwards.
 */
uint64_t collector_made(struct collector *collector);

/** Sums so far; whole after collector_finish(). */
struct collector_totals collector_totals(const struct collector *collector);

#endif
