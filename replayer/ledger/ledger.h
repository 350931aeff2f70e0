/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: what a replay writes down in the database.
 *
 *   baseline runs ─► baseline, baseline_site             attempts ─► attempt, stack
 *
 * Every attempt is a transaction of its own: what was committed is never tried again.
 */
#ifndef DEARTH_LEDGER_H
#define DEARTH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"
#include "store.h"

struct session;

struct ledger;

struct ledger_start {
    int64_t recording_id;
    const char *options;   /* options_text() */
    const char *isolation; /* "overlay", "copy", "shared": of all that the replay runs */
    bool traced;
    int jobs;
    const char *scope; /* of attempts that last, scope_text(); NULL = none */
};
/** Row of `replay`, state 'running'. Return: 0 with @out, or a negative errno. */
int ledger_new(struct store *store, const struct ledger_start *start,
               struct ledger **out);
struct ledger *ledger_free(struct ledger *ledger); /* NULL allowed; returns NULL */
int64_t ledger_replay_id(const struct ledger *ledger);

/** Another way to run it was found to be better. Return: 0 or a negative errno. */
int ledger_set_traced(struct ledger *ledger, bool traced);

/** Forget the baseline rows of this replay (of a configuration that was given up). */
int ledger_forget_baselines(struct ledger *ledger);

/** One baseline run with the sites in its arena. Return: 0 or a negative errno. */
int ledger_baseline(struct ledger *ledger, uint32_t ordinal,
                    const struct observation *seen, struct session *session);

/** What all baseline runs together said. */
int ledger_folded(struct ledger *ledger, const struct baseline *b, uint64_t time_limit_ns,
                  uint64_t planned);

/**
 * One execution; by snapshot it counts only after ledger_check(). It is committed with those that follow within 50 ms, or by ledger_flush().
 * @attempt_id: out, may be NULL
 * Return: 0 or a negative errno; then those of the batch are lost with it.
 */
int ledger_attempt(struct ledger *ledger, const struct order *order,
                   const struct observation *seen, const struct judgement *judgement,
                   int64_t *attempt_id);

/**
 * The original of a snapshot's execution has ended as it should: the execution counts. To be followed
 * by ledger_flush(), so that it does with the others of its original or not at all.
 * Return: 0, also when it had been taken back, or a negative errno.
 */
int ledger_check(struct ledger *ledger, int64_t attempt_id);

/**
 * Take an execution back: it was shown to be no evidence.
 * Return: 1, 0 it had been taken back before, or a negative errno.
 */
int ledger_forget(struct ledger *ledger, int64_t attempt_id);

/** The copy that got this fault was ended while it went on. Return: 0 or a negative errno. */
int ledger_survivor(struct ledger *ledger, const struct order *order);

/** A site that no snapshot could test, and why (enum shm_refusal's name, or 'contradicted'). */
int ledger_refuse(struct ledger *ledger, int64_t site_id, const char *reason);
/** Make rows for the sites of @seen->leaks, which may be new: call it before
 * ledger_attempt(). Return: 0 or a negative errno. */
int ledger_leak_sites(struct ledger *ledger, const struct observation *seen,
                      struct session *session);

/** Make rows for the sites that failed by chance, some of which may be new: as above. */
int ledger_failed_sites(struct ledger *ledger, const struct observation *seen,
                        struct session *session);

/** Make rows for the sites that its end asks for: of the last call that failed, where that went wrong, and of
 * who allocated a damaged block. As above. */
int ledger_end_sites(struct ledger *ledger, const struct observation *seen,
                     struct session *session);

/** The stack of a site. @out: frames_deinit(). Return: 0 or a negative errno after a message. */
struct frames;
int ledger_site_stack(struct ledger *ledger, int64_t site_id, struct frames *out);

/**
 * The stacks of the calls that failed, where it is of interest: at an end by abort().
 * @out: abort_stacks_deinit(); left empty when they are not known
 */
struct failed_stacks;
void ledger_failed_stacks(struct ledger *ledger, const struct order *order,
                          const struct observation *seen, struct failed_stacks *out);

/** When the attempts that wait for it must be committed: ms from now, 0 = now, -1 = none wait. */
int ledger_due_ms(const struct ledger *ledger);
/** Commit them. Return: 0 or a negative errno. */
int ledger_flush(struct ledger *ledger);

/**
 * Write down the error-path sites that an attempt met after its failure.
 * @session: its arena, counted with SHM_COUNT_SITES
 * Return: 0 or a negative errno.
 */
int ledger_explored(struct ledger *ledger, int64_t attempt_id, struct session *session);

/** More was planned after the baseline: @n faults. */
int ledger_planned(struct ledger *ledger, uint64_t n);

/** A site that no attempt was made at, and why. */
int ledger_skip(struct ledger *ledger, int64_t site_id, enum reason reason);

/** Something the user must know. @subject may be NULL. */
int ledger_note(struct ledger *ledger, const char *kind, const char *subject,
                const char *text);

/** Close the row: @state 'complete', 'interrupted', 'budget'. */
int ledger_end(struct ledger *ledger, const char *state, uint64_t done,
               uint64_t duration_ns);

/** Replays left 'running' by a process that is gone become 'interrupted', without what was not
 * checked. */
int ledger_bury(struct store *store);

#endif
