/* SPDX-License-Identifier: Apache-2.0 */
/* Signals on purpose: see usual.h. Pure. */
#include "usual.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

static bool is_made_code(const struct crash_frame *f) {
    return !f->module || strcmp(f->module, "[anon]") == 0;
}

/* A call to where there is no code, which no compiler at run time makes either. */
static bool is_wild(const struct caught_signal *s) {
    return s->n_frames && is_made_code(&s->frames[0]) &&
           s->address == s->frames[0].offset;
}

static uint32_t first_frame(const struct caught_signal *s, bool raised) {
    uint32_t i = 0;
    while (raised && i < s->n_frames && s->frames[i].module &&
           frame_module_is_libcs(s->frames[i].module))
        i++;
    return i;
}

uint32_t usual_first_frame(const struct caught_signal *s) {
    return first_frame(s, s->code <= 0);
}

/* Code that was made at run time lies elsewhere each time. @a: of a run without a fault; its frames may begin
 * where its place does. */
static bool same_place(const struct caught_signal *a, const struct caught_signal *b) {
    bool raised = b->code <= 0;
    uint32_t i = first_frame(a, raised), k = first_frame(b, raised), n = USUAL_FRAMES;
    if (a->signal != b->signal || i == a->n_frames || k == b->n_frames ||
        is_wild(a) != is_wild(b))
        return false;
    if (is_made_code(&a->frames[i]) && is_made_code(&b->frames[k]) && !is_wild(a))
        return true;
    for (; n && i < a->n_frames && k < b->n_frames; n--)
        if (!attempt_same_frame(&a->frames[i++], &b->frames[k++]))
            return false;
    return true;
}

/* More places than are kept: it comes up all over the program, which catches it. What children die of is no word about
 * one that is not to die. */
static bool is_everywhere(const struct observation *run, const struct caught_signal *s) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < run->n_caught; i++)
        n += run->caught[i].signal == s->signal && run->caught[i].code > 0 &&
             !run->caught[i].fatal;
    return n == OBSERVATION_CAUGHT && !s->fatal && !is_wild(s);
}

/* Memory that is there, but closed, is opened by a handler wherever it is met first: a barrier has no place. What a
 * failure leaves NULL or unset points to no memory, mostly. */
static bool is_closed_memory(const struct caught_signal *s) {
    return s->signal == SIGSEGV && s->code == SEGV_ACCERR && !s->fatal;
}

static bool is_barrier(const struct baseline *b, const struct observation *seen) {
    const struct caught_signal now = {.signal = seen->crash.signal,
                                      .code = seen->crash.code,
                                      .fatal = seen->crash.fatal};
    if (!is_closed_memory(&now) || seen->end.exit_signal || seen->crash.overflow)
        return false;
    for (uint32_t i = 0; i < b->n_runs; i++)
        for (uint32_t k = 0; k < b->runs[i].n_caught; k++)
            if (is_closed_memory(&b->runs[i].caught[k]))
                return true;
    return false;
}

static bool is_usual(const struct baseline *b, const struct caught_signal *s) {
    for (uint32_t i = 0; i < b->n_runs; i++) {
        const struct observation *run = &b->runs[i];
        if (is_everywhere(run, s))
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
    seen->crash.fatal = s->fatal;
    seen->crash.address = s->address;
    seen->crash.last = s->last;
    seen->crash.pid = s->pid;
    seen->crash.exe = s->exe;
    seen->crash.frames = s->frames;
    seen->crash.n_frames = s->n_frames;
    *s = (struct caught_signal){0};
}

/* Is there a later one by which the program itself ended? */
static bool is_ended_by(const struct observation *seen) {
    for (uint32_t i = 0; i < seen->n_caught; i++)
        if (seen->caught[i].fatal && seen->caught[i].signal == seen->end.exit_signal &&
            seen->caught[i].pid != seen->crash.pid)
            return true;
    return false;
}

/* What the program ended by is never usual. */
static bool may_be_usual(const struct observation *seen) {
    return seen->crash.fatal ? !seen->end.exit_signal || is_ended_by(seen)
                             : seen->crash.code > 0;
}

void usual_set_aside(const struct baseline *b, struct observation *seen) {
    while (seen->crash.signal && may_be_usual(seen)) {
        const struct caught_signal now = {.signal = seen->crash.signal,
                                          .code = seen->crash.code,
                                          .fatal = seen->crash.fatal,
                                          .address = seen->crash.address,
                                          .frames = seen->crash.frames,
                                          .n_frames = seen->crash.n_frames};
        if (!is_usual(b, &now) && !is_barrier(b, seen))
            return;
        struct caught_signal none = {0};
        put(seen, seen->n_caught ? &seen->caught[--seen->n_caught] : &none);
    }
}
