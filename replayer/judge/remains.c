/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that run on: see remains.h. */
#include "remains.h"

#include <stdio.h>

/* Without a fault each process has ended soon after the first one: with one it has as long as the whole
 * program takes, twice, before it is called left. */
#define PATIENCE_FACTOR   2u
#define PATIENCE_EXTRA_NS 1000000000u
#define LONGEST_NS        10000000000u /* of a program that is waited for so */

bool remains_has_children(const struct baseline *b, const struct observation *seen,
                          const struct judgement *j) {
    bool ordinary = j->verdict == VERDICT_HANDLED || j->verdict == VERDICT_REPORTED;
    if (!ordinary || seen->end.exit_signal || seen->end.timed_out ||
        !seen->end.left_processes || !seen->end.n_left || !b->n_runs)
        return false;
    for (uint32_t i = 0; i < b->n_runs; i++)
        if (b->runs[i].end.left_processes)
            return false;
    return true;
}

uint64_t remains_patience_ns(const struct baseline *b) {
    return b->duration_ns > LONGEST_NS
               ? 0
               : PATIENCE_FACTOR * b->duration_ns + PATIENCE_EXTRA_NS;
}

void remains_say_children(const struct observation *seen, uint64_t patience_ns,
                          struct judgement *out) {
    struct difference *d = &out->differences[0];
    *d = (struct difference){.what = "process", .how = "left_running"};
    snprintf(d->path, sizeof d->path, "%s", seen->end.left_exe ? seen->end.left_exe : "");
    int n = snprintf(d->detail, sizeof d->detail, "still there %.1f s after the program",
                     (double)patience_ns / 1e9);
    if (seen->end.n_left > 1 && n > 0)
        snprintf(d->detail + n, sizeof d->detail - (size_t)n, ", with %u more",
                 seen->end.n_left - 1);
    out->n_differences = 1;
    out->n_more = 0;
    out->severity = SEVERITY_WARNING;
    snprintf(out->reason, sizeof out->reason,
             "%s, but a process was left running: %.200s", verdict_name(out->verdict),
             d->path);
}
