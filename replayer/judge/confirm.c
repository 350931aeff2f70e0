/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of verdicts to be confirmed: see confirm.h. Pure. */
#include "confirm.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Frames of the crash that make a place: the failing function and who called it, so that one
 * strlen(NULL) is not another's. */
#define PLACE_FRAMES 3u

void confirm_deinit(struct confirm *c) {
    for (uint32_t i = 0; i < c->n; i++) {
        free(c->groups[i]->members);
        free(c->groups[i]);
    }
    free(c->groups);
    *c = (struct confirm){0};
}

static void add(struct text *to, const void *data, size_t n) {
    text_add_n(to, data, n);
}

static struct dearth_key key_of(int64_t location, const struct confirm_member *member,
                                const struct observation *seen,
                                const struct judgement *j) {
    AUTO_TEXT struct text t = {0};
    add(&t, &location, sizeof location);
    add(&t, &j->verdict, sizeof j->verdict);
    if (j->policy)
        text_add(&t, j->policy);
    for (uint32_t i = 0;
         i < seen->crash.n_frames && i < PLACE_FRAMES &&
         j->verdict != VERDICT_HUNG; /* a sample of a loop is anywhere in it */
         i++) {
        const struct crash_frame *f = &seen->crash.frames[i];
        add(&t, f->build_id, f->build_id_bytes);
        add(&t, &f->offset, sizeof f->offset);
    }
    if (!seen->crash.n_frames || j->verdict == VERDICT_HUNG)
        add(&t, &member->order.mode, sizeof member->order.mode);
    return key_hash(t.data, t.n);
}

struct confirm_group *confirm_join(struct confirm *c, const struct confirm_member *member,
                                   int64_t location, const struct observation *seen,
                                   const struct judgement *judgement) {
    struct dearth_key key = key_of(location, member, seen, judgement);
    struct confirm_group *g = NULL;
    for (uint32_t i = 0; i < c->n && !g; i++)
        if (key_equal(c->groups[i]->key, key))
            g = c->groups[i];
    if (!g) {
        c->groups = text_realloc(c->groups, (c->n + 1) * sizeof(struct confirm_group *));
        g = c->groups[c->n++] = text_alloc(sizeof *g);
        *g = (struct confirm_group){.key = key, .verdict = judgement->verdict};
    }
    g->members = text_realloc(g->members, (g->n_members + 1) * sizeof *g->members);
    g->members[g->n_members++] = *member;
    return g;
}

bool confirm_is_pressing(uint64_t wanted_ns, uint64_t run_ns, uint64_t left_ns,
                         uint64_t all_ns) {
    uint64_t most = all_ns / 2;
    if (!wanted_ns)
        return false;
    wanted_ns += run_ns;
    return left_ns <= (wanted_ns < most ? wanted_ns : most);
}
