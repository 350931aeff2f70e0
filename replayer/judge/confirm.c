/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of verdicts to be confirmed: see confirm.h. Pure. */
#include "confirm.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Frames of the crash that make a place: the failing function and who called it, so that one
 * strlen(NULL) is not another's. */
#define PLACE_FRAMES     3u
/* Of a deliberate end: the function that gives up and who called it. Whose memory it could not get
 * makes no difference to how it ends. */
#define POLICY_FRAMES    2u
/* abort() lies no deeper than this: raise, pthread_kill and what they are made of; and std::terminate(), which
 * calls it. */
#define MACHINERY_FRAMES 8u

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

/* The first frame that is not the C library's or the C++ runtime's way to end a process. */
static uint32_t first_of_place(const struct observation *seen) {
    uint32_t first = 0;
    for (uint32_t i = 0; i < seen->crash.n_frames && i < MACHINERY_FRAMES; i++) {
        const char *function = seen->crash.frames[i].function;
        if (function &&
            (strcmp(function, "abort") == 0 || strcmp(function, "_ZSt9terminatev") == 0))
            first = i + 1;
    }
    return first;
}

/* Does the place alone say how it ends, from wherever memory was asked for? */
static bool is_place_enough(const struct observation *seen, const struct judgement *j,
                            uint32_t first) {
    return j->severity == SEVERITY_POLICY && j->policy && first < seen->crash.n_frames;
}

static struct dearth_key key_of(int64_t location, const struct confirm_member *member,
                                const struct observation *seen,
                                const struct judgement *j) {
    AUTO_TEXT struct text t = {0};
    enum fault_mode mode = seen->inferred ? MODE_ONCE : member->order.mode;
    uint32_t first = first_of_place(seen), n = PLACE_FRAMES;
    if (is_place_enough(seen, j, first)) {
        n = POLICY_FRAMES;
    } else {
        first = 0;
        add(&t, &location, sizeof location);
    }
    add(&t, &j->verdict, sizeof j->verdict);
    if (j->policy)
        text_add(&t, j->policy);
    for (uint32_t i = first;
         i < seen->crash.n_frames && i < first + n &&
         j->verdict != VERDICT_HUNG; /* a sample of a loop is anywhere in it */
         i++) {
        const struct crash_frame *f = &seen->crash.frames[i];
        add(&t, f->build_id, f->build_id_bytes);
        add(&t, &f->offset, sizeof f->offset);
    }
    if (!seen->crash.n_frames || j->verdict == VERDICT_HUNG)
        add(&t, &mode, sizeof mode);
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
        c->groups = text_grow(c->groups, c->n, sizeof(struct confirm_group *));
        g = c->groups[c->n++] = text_alloc(sizeof *g);
        *g = (struct confirm_group){.key = key, .verdict = judgement->verdict};
    }
    g->members = text_grow(g->members, g->n_members, sizeof *g->members);
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
