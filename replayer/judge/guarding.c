/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of guarded attempts: guarding.h. */
#include "guarding.h"

#include <stdio.h>
#include <string.h>

#include "baseline.h"

void guarding_deinit(struct guarding *g) {
    idmap_deinit(&g->done);
}

/* Deliberate ends and hangs say nothing about memory; what was handled or reported looks well, but error
 * paths write to freed memory, or free it twice, without anything to be seen: a few of either are run as well. */
static bool is_suspicious(const struct guarding_case *c) {
    if (c->verdict == VERDICT_UNREACHED || c->verdict == VERDICT_HUNG)
        return false;
    return c->verdict == VERDICT_CRASHED || c->verdict == VERDICT_CORRUPTED ||
           c->verdict == VERDICT_DEGRADED || c->disagrees || c->caught;
}

bool guarding_wants(struct guarding *g, const struct guarding_case *c) {
    if (g->mode == GUARDING_OFF || c->verdict == VERDICT_UNREACHED)
        return false;
    if (g->mode == GUARDING_ALL)
        return true;
    int64_t done = 0, bit = 1ll << c->verdict;
    uint32_t *well = is_suspicious(c)                 ? NULL
                     : c->verdict == VERDICT_REPORTED ? &g->reported
                     : c->verdict == VERDICT_HANDLED  ? &g->handled
                                                      : NULL;
    if (!is_suspicious(c) && (!well || *well >= g->most_well))
        return false;
    idmap_get(&g->done, c->location, &done);
    if (done & bit)
        return false;
    idmap_put(&g->done, c->location, done | bit);
    if (well)
        ++*well;
    return true;
}

static void say(char *why, size_t n, const char *what) {
    snprintf(why, n, "%s", what);
}

bool guarding_refusal(const struct baseline *b, const struct observation *seen, char *why,
                      size_t n) {
    struct judgement unused = {0};
    char damage[120];
    if (seen->damage.kind) {
        damage_describe(&seen->damage, damage, sizeof damage);
        snprintf(why, n, "it damages its memory without any fault (%s)", damage);
    } else if (seen->end.timed_out) {
        say(why, n, "it does not end in time with them");
    } else if (b->status_stable && (seen->end.exit_code != b->exit_code ||
                                    seen->end.exit_signal != b->exit_signal)) {
        snprintf(why, n, "without any fault it ends with %s %d then",
                 seen->end.exit_signal ? "signal" : "status",
                 seen->end.exit_signal ? seen->end.exit_signal : seen->end.exit_code);
    } else if (baseline_stdout_same(b, seen, &unused) == 0) {
        say(why, n, "without any fault it prints something else then");
    } else if (baseline_files_same(b, seen, &unused) == 0) {
        say(why, n, "without any fault it writes other files then");
    } else {
        return false;
    }
    return true;
}

uint64_t guarding_end(enum verdict verdict, const struct observation *seen) {
    uint64_t hash = 0xcbf29ce484222325ull ^ verdict;
    for (uint32_t i = 0; i < seen->crash.n_frames; i++) {
        const struct crash_frame *f = &seen->crash.frames[i];
        for (const char *c = f->module ? f->module : ""; *c; c++)
            hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
        hash = (hash ^ f->offset) * 0x100000001b3ull;
    }
    return hash;
}
