/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the stacks of failed calls: see failed.h. */
#include "failed.h"

#include <signal.h>

#include "frames.h"
#include "store.h"

static bool is_abort(const struct observation *seen) {
    return seen->crash.n_frames &&
           (seen->crash.signal == SIGABRT || seen->end.exit_signal == SIGABRT);
}

enum { FAILED_SITE_ID = 1, FAILED_HAS_LAST, FAILED_LAST_KEY };

int failed_prepare(struct store *store, sqlite3_stmt **out) {
    return store_prepare(store,
                         "SELECT stack_id FROM site WHERE id = :site OR (:has_last AND "
                         "key = :last) ORDER BY id <> :site LIMIT 2",
                         out);
}

int failed_load(struct store *store, sqlite3_stmt *s, struct frames_reader *reader,
                const struct order *order, const struct observation *seen,
                struct failed_stacks *out) {
    *out = (struct failed_stacks){0};
    if (order->site_id <= 0 || !is_abort(seen))
        return 0;
    /* any call after the first may be the one that is given up for */
    out->more = seen->proof.also_failed && !seen->proof.last_known;
    bool pair = order->second_site_id > 0;
    sqlite3_bind_int64(s, FAILED_SITE_ID, pair ? order->second_site_id : order->site_id);
    sqlite3_bind_int(s, FAILED_HAS_LAST, seen->proof.last_known);
    store_bind_key(s, FAILED_LAST_KEY, seen->proof.last);
    int step, r = 0;
    while (r == 0 && (step = sqlite3_step(s)) == SQLITE_ROW && out->n < 2)
        r = frames_load(reader, sqlite3_column_int64(s, 0), &out->stacks[out->n++]);
    if (r == 0 && step != SQLITE_ROW && step != SQLITE_DONE)
        r = store_error(store, "reading failed calls");
    sqlite3_reset(s);
    return r;
}
