/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: attempts that are committed together, since a commit waits for the disk. */
#include "clock.h"
#include "ledger_private.h"
#include "session.h"

/* A commit costs about as much as ten rows. What a kill may lose is what ended within this time. */
#define BATCH_NS 50000000u

int ledger_batch_begin(struct ledger *l) {
    if (l->batch_ns)
        return 0;
    int r = store_begin(l->store);
    if (r < 0)
        return r;
    l->batch_ns = clock_mono_ns();
    /* other replays may store attempts in the same database; until the commit none does */
    int64_t last = store_int(l->store,
                             "SELECT max((SELECT coalesce(max(id), 0) FROM attempt), "
                             "(SELECT coalesce(max(id), 0) FROM unchecked_attempt))",
                             0);
    if (last > l->last_attempt)
        l->last_attempt = last;
    return 0;
}

void ledger_batch_drop(struct ledger *l) {
    store_rollback(l->store);
    l->batch_ns = 0;
    l->stacks = session_stacks_free(l->stacks);
    ledger_forget_paths(l);
}

int ledger_due_ms(const struct ledger *l) {
    if (!l->batch_ns)
        return -1;
    uint64_t passed = clock_mono_ns() - l->batch_ns;
    return passed >= BATCH_NS ? 0 : (int)((BATCH_NS - passed) / 1000000u) + 1;
}

int ledger_flush(struct ledger *l) {
    if (!l->batch_ns)
        return 0;
    int r = store_commit(l->store);
    if (r < 0)
        ledger_batch_drop(l);
    l->batch_ns = 0;
    return r;
}
