/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the ledger's writing half share.
 *
 *   ledger.c           the row of the replay, its notes, the sites that were left out
 *   ledger_baseline.c  runs without a fault
 *   ledger_attempt.c   attempts, with their stacks and leaks
 *   ledger_batch.c     what is committed together
 */
#ifndef DEARTH_LEDGER_PRIVATE_H
#define DEARTH_LEDGER_PRIVATE_H

#include "ledger.h"

struct ledger {
    struct store *store;
    int64_t replay_id, recording_id;
    char *scope; /* of attempts that last */
    sqlite3_stmt *attempt, *unchecked, *leak;
    sqlite3_stmt *check;  /* a row of unchecked_attempt becomes one of attempt */
    sqlite3_stmt *site;   /* row of a key */
    sqlite3_stmt *module; /* path under which a build-id is known */
    sqlite3_stmt *explored, *drop_checked;
    sqlite3_stmt *failed; /* stacks of calls that failed; made when needed */
    struct ledger_path {
        uint8_t build_id[32];
        uint32_t build_id_bytes;
        char *path;
    } * paths; /* what `module` has said; not kept over a rollback */
    uint32_t n_paths;
    struct frames_reader *reader;  /* made when needed */
    struct session_stacks *stacks; /* made when needed, not kept over a rollback */
    uint64_t batch_ns;             /* when the transaction under way began, 0 = none */
    uint64_t overwritten;          /* attempts that wrote over the shared memory */
    int64_t
        last_attempt; /* SQLite would give the id of a deleted row to the next one; those
                             who remember an attempt would mistake it */
};

/** Of the attempts of @order: what may fail after it; NULL = every call, or none. Owned by the ledger. */
static inline const char *ledger_scope(const struct ledger *ledger,
                                       const struct order *order) {
    bool lasts = order->mode == MODE_STICKY || order->mode == MODE_BURST;
    return lasts ? ledger->scope : NULL;
}

/** Begin a batch, if none is under way. Return: 0 or a negative errno after a message. */
int ledger_batch_begin(struct ledger *ledger);
/** What was written since it began is not. */
void ledger_batch_drop(struct ledger *ledger);

/** Paths of modules are asked for anew. */
void ledger_forget_paths(struct ledger *ledger);

/** Prepare the statements that attempts are written with. Return: 0 or a negative errno. */
int ledger_prepare_attempts(struct ledger *ledger);

/* How an execution ended, in the rows of both kinds of executions. */
#define LEDGER_END_COLUMNS(X)                                                            \
    X(LEDGER_EXIT_CODE, "exit_code")                                                     \
    X(LEDGER_EXIT_SIGNAL, "exit_signal")                                                 \
    X(LEDGER_TIMED_OUT, "timed_out")                                                     \
    X(LEDGER_DURATION_NS, "duration_ns")                                                 \
    X(LEDGER_CPU_NS, "cpu_ns")
enum { LEDGER_END_FIRST = 0, LEDGER_END_COLUMNS(STORE_COLUMN_ENUM) LEDGER_END_LAST };

/** Bind them to the first parameters of a statement. */
void ledger_bind_end(sqlite3_stmt *s, const struct observation *o);

/** Each counted site of @session that has @flags, for @owner by the statement @sql (owner,
 *  then count and site). Return: 0 or a negative errno. */
int ledger_count_sites(struct ledger *ledger, int64_t owner, struct session *session,
                       uint32_t flags, const char *sql);

#endif
