/* SPDX-License-Identifier: Apache-2.0 */
/* Which shards of a suite a database has: see store_shards.h. */
#include "store_shards.h"

#include <stdbool.h>
#include <stdio.h>

#include "store.h"
#include "unit.h"

int store_shards_put(struct store *store, int64_t suite, uint32_t i, uint32_t n) {
    AUTO_FREE char *sql = text_format(
        "INSERT INTO note(recording_id, kind, text, subject) SELECT %1$lld, 'shard', 'this "
        "part of the suite''s targets is done', '%2$u/%3$u' WHERE NOT EXISTS (SELECT 1 FROM "
        "note WHERE recording_id = %1$lld AND kind = 'shard' AND subject = '%2$u/%3$u')",
        (long long)suite, i, n);
    return store_exec(store, sql);
}

#define SHARD_COLUMNS(X) X(SHARD_SUBJECT, "DISTINCT subject")
enum { SHARD_COLUMNS(STORE_COLUMN_ENUM) };

static const char shards_sql[] = STORE_SELECT(
    SHARD_COLUMNS) "FROM note WHERE kind = 'shard' AND recording_id = " UNIT_NEWEST_SUITE
                   " ORDER BY CAST(substr(subject, "
                   "instr(subject, '/') + 1) AS INTEGER), CAST(subject AS INTEGER)";

static void add_range(uint32_t from, uint32_t to, uint32_t n, struct text *out) {
    for (uint32_t i = from; i < to; i++)
        text_addf(out, "%s%u/%u", out->n ? ", " : "", i, n);
}

/* One way in which the suite was divided. */
struct division {
    uint32_t of, next; /* parts; the first that has not been seen */
    bool whole;        /* this one, or one before, has all of its parts */
    size_t before;     /* length of what is said of others */
};

static void end_division(struct division *d, struct text *out) {
    add_range(d->next, d->of + 1, d->of, out);
    d->whole |= d->of && out->n == d->before;
}

int store_shards_missing(struct store *store, struct text *out) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    struct division d = {.next = 1, .before = out->n};
    const size_t start = out->n;
    uint32_t i, n;
    int seen = 0, step = SQLITE_DONE, r = store_prepare(store, shards_sql, &q);
    while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
        const char *subject = store_column_text(q, SHARD_SUBJECT);
        if (!subject || sscanf(subject, "%u/%u", &i, &n) != 2 || !i || i > n)
            continue;
        if (n != d.of) { /* divided in another way, too */
            end_division(&d, out);
            d = (struct division){n, 1, d.whole, out->n};
        }
        add_range(d.next, i, n, out);
        d.next = i + 1;
        seen++;
    }
    end_division(&d, out);
    if (d.whole && out->n > start) /* nothing is left of any other */
        out->data[out->n = start] = 0;
    if (r < 0)
        return r;
    return step == SQLITE_DONE ? seen : store_error(store, "reading notes");
}
