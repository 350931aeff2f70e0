/* SPDX-License-Identifier: Apache-2.0 */
/* Signals on purpose: see usual.h. Pure. */
#include "usual.h"

#include <stdlib.h>
#include <string.h>

static bool is_made_code(const struct crash_frame *f) {
    return !f->module || strcmp(f->module, "[anon]") == 0;
}

static bool same_frame(const struct crash_frame *a, const struct crash_frame *b) {
    return a->offset == b->offset &&
           strcmp(a->module ? a->module : "", b->module ? b->module : "") == 0;
}

/* A call to where there is no code, which no compiler at run time makes either. */
static bool is_wild(const struct caught_signal *s) {
    return s->n_frames && is_made_code(&s->frames[0]) &&
           s->address == s->frames[0].offset;
}

/* Code that was made at run time lies elsewhere each time. */
static bool same_place(const struct caught_signal *a, const struct caught_signal *b) {
    uint32_t n = a->n_frames < b->n_frames ? a->n_frames : b->n_frames;
    if (a->signal != b->signal || !n || is_wild(a) != is_wild(b))
        return false;
    if (is_made_code(&a->frames[0]) && is_made_code(&b->frames[0]) && !is_wild(a))
        return true;
    for (uint32_t i = 0; i < n && i < USUAL_FRAMES; i++)
        if (!same_frame(&a->frames[i], &b->frames[i]))
            return false;
    return true;
}

/* More places than are kept: it comes up all over the program. */
static bool is_everywhere(const struct observation *run, int signal) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < run->n_caught; i++)
        n += run->caught[i].signal == signal;
    return n == OBSERVATION_CAUGHT;
}

static bool is_usual(const struct baseline *b, const struct caught_signal *s) {
    for (uint32_t i = 0; i < b->n_runs; i++) {
        const struct observation *run = &b->runs[i];
        if (is_everywhere(run, s->signal) && !is_wild(s))
            return true;
        for (uint32_t k = 0; k < run->n_caught; k++)
            if (same_place(&run->caught[k], s))
                return true;
    }
    return false;
}

static void put(struct observation *seen, struct caught_signal *s) {
    crash_frames_free(seen->crash.frames, seen->crash.n_frames);
    free(seen->crash.exe);
    seen->crash.signal = s->signal;
    seen->crash.code = s->code;
    seen->crash.address = s->address;
    seen->crash.last = s->last;
    seen->crash.pid = s->pid;
    seen->crash.exe = s->exe;
    seen->crash.frames = s->frames;
    seen->crash.n_frames = s->n_frames;
    *s = (struct caught_signal){0};
}

void usual_set_aside(const struct baseline *b, struct observation *seen) {
    while (seen->crash.signal && !seen->crash.fatal && seen->crash.code > 0) {
        const struct caught_signal now = {.signal = seen->crash.signal,
                                          .address = seen->crash.address,
                                          .frames = seen->crash.frames,
                                          .n_frames = seen->crash.n_frames};
        if (!is_usual(b, &now))
            return;
        struct caught_signal none = {0};
        put(seen, seen->n_caught ? &seen->caught[--seen->n_caught] : &none);
    }
}
