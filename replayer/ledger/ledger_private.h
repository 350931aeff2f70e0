/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the ledger's writing half share.
 *
 *   ledger.c           the row of the replay, its notes, the sites that were left out
 *   ledger_baseline.c  runs without a fault
 *   ledger_attempt.c   attempts, with their stacks and leaks, in batches
 */
#ifndef DEARTH_LEDGER_PRIVATE_H
#define DEARTH_LEDGER_PRIVATE_H

#include "ledger.h"

struct ledger {
    struct store *store;
    int64_t replay_id, recording_id;
    sqlite3_stmt *attempt, *unchecked, *leak;
    sqlite3_stmt *check;  /* a row of unchecked_attempt becomes one of attempt */
    sqlite3_stmt *site;   /* row of a key */
    sqlite3_stmt *module; /* path under which a build-id is known */
    sqlite3_stmt *explored, *drop_checked;
    struct session_stacks *stacks; /* made when needed, not kept over a rollback */
    uint64_t batch_ns;             /* when the transaction under way began, 0 = none */
    uint64_t overwritten;          /* attempts that wrote over the shared memory */
    int64_t
        last_attempt; /* SQLite would give the id of a deleted row to the next one; those
                             who remember an attempt would mistake it */
};

/** Prepare the statements that attempts are written with. Return: 0 or a negative errno. */
int ledger_prepare_attempts(struct ledger *ledger);

/** Bind how an execution ended: exit_code, exit_signal, timed_out, duration_ns, cpu_ns. */
void ledger_bind_end(sqlite3_stmt *s, int at, const struct observation *o);

/** Each counted site of @session that has @flags, for @owner by the statement @sql (?1 owner,
 *  ?2 site, ?3 count). Return: 0 or a negative errno. */
int ledger_count_sites(struct ledger *ledger, int64_t owner, struct session *session,
                       uint32_t flags, const char *sql);

#endif
