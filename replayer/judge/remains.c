/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that run on, descriptors that stay open: see remains.h. */
#include "remains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "frames.h"
#include "text.h"

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

/* --- what is held --- */

static bool is_like(const struct open_item *a, const struct open_item *b) {
    return a->held == b->held && strcmp(a->exe, b->exe) == 0;
}

static bool is_same(const struct open_item *a, const struct open_item *b) {
    return is_like(a, b) && strcmp(a->what, b->what) == 0;
}

/* How many of them are @like @item? */
static uint32_t count(const struct open_item *items, uint32_t n,
                      bool (*like)(const struct open_item *, const struct open_item *),
                      const struct open_item *item) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        if (like(&items[i], item))
            sum += items[i].n;
    return sum;
}

/* Has a process of this program been seen at its end? */
static bool knows(const struct open_item *items, uint32_t n, const char *exe) {
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(items[i].exe, exe) == 0)
            return true;
    return false;
}

static void keep_most(struct open_item **usual, uint32_t *n,
                      const struct open_item *item) {
    for (uint32_t i = 0; i < *n; i++) {
        struct open_item *u = &(*usual)[i];
        if (!is_same(u, item))
            continue;
        u->n = item->n > u->n ? item->n : u->n;
        return;
    }
    *usual = text_grow(*usual, *n, sizeof **usual);
    (*usual)[(*n)++] = (struct open_item){.exe = text_dup(item->exe),
                                          .held = item->held,
                                          .what = text_dup(item->what),
                                          .n = item->n};
}

struct open_item *remains_usual(const struct observation *runs, uint32_t n_runs,
                                uint32_t *n) {
    struct open_item *usual = text_alloc(sizeof *usual);
    *n = 0;
    for (uint32_t i = 0; i < n_runs; i++) {
        if (!runs[i].open.known || runs[i].open.n == OBSERVATION_OPEN) {
            open_items_free(usual, *n);
            *n = 0;
            return NULL;
        }
        for (uint32_t k = 0; k < runs[i].open.n; k++)
            keep_most(&usual, n, &runs[i].open.items[k]);
    }
    return usual;
}

static bool is_more(const struct open_item *usual, uint32_t n_usual,
                    const struct observation *seen, const struct open_item *item) {
    uint32_t n = seen->open.n;
    return knows(usual, n_usual, item->exe) &&
           count(seen->open.items, n, is_same, item) >
               count(usual, n_usual, is_same, item) &&
           count(seen->open.items, n, is_like, item) >
               count(usual, n_usual, is_like, item);
}

uint64_t remains_more_open(const struct open_item *usual, uint32_t n_usual,
                           const struct observation *seen) {
    uint64_t fds = 0;
    for (uint32_t i = 0; usual && seen->open.known && i < seen->open.n; i++)
        if (is_more(usual, n_usual, seen, &seen->open.items[i]))
            fds |= seen->open.items[i].fds;
    return fds;
}

/* --- who could have closed it --- */

/* Stacks by their outermost frames. */
static bool same_crash(const struct crash_frame *a, const struct crash_frame *b) {
    return a->offset == b->offset &&
           strcmp(text_basename(a->module), text_basename(b->module)) == 0;
}

/* libx.so.1 and libx.so.1.0.4 are one file's names. */
static bool same_place(const struct crash_frame *a, const struct frame *b) {
    const char *x = text_basename(a->module), *y = text_basename(b->module);
    size_t n = strcspn(x, ".");
    return a->offset == b->offset && n == strcspn(y, ".") && strncmp(x, y, n) == 0;
}

/* How many of the outermost frames are the same, inlined ones not counted. */
static uint32_t common_with(const struct crash_frame *frames, uint32_t n,
                            const struct frames *failed) {
    uint32_t common = 0;
    for (uint32_t i = failed->n; i-- > 0 && common < n;) {
        if (failed->items[i].inlined)
            continue;
        if (!same_place(&frames[n - 1 - common], &failed->items[i]))
            return common;
        common++;
    }
    return common;
}

bool remains_ends_inside(const struct observation *seen, const struct frames *failed) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < failed->n; i++)
        n += !failed->items[i].inlined;
    /* the innermost frame is the call of malloc() itself, from which nothing else comes */
    return n > 1 && seen->open.n_end_frames &&
           common_with(seen->open.end_frames, seen->open.n_end_frames, failed) >= n - 1;
}

/* The function that opened it, or NULL: whoever could have closed it is still at work, or is main(). */
static const struct crash_frame *opener_that_lost(const struct open_item *item,
                                                  const struct observation *seen,
                                                  const struct frames *failed) {
    uint32_t n = item->n_frames, common = common_with(item->frames, n, failed), i = 0;
    if (!common || common >= n || !seen->open.n_end_frames ||
        frame_module_is_libcs(item->frames[n - common].module))
        return NULL;
    const struct crash_frame *end = seen->open.end_frames;
    uint32_t n_end = seen->open.n_end_frames, still = 0;
    while (still < common && still < n_end &&
           same_crash(&item->frames[n - 1 - still], &end[n_end - 1 - still]))
        still++;
    while (i < n - common && frame_module_is_libcs(item->frames[i].module))
        i++;
    return still >= common || i == n - common ? NULL : &item->frames[i];
}

/* How each kind is called: struct difference's `what` and `how`, and what is done to have it. */
static const char *const kinds[][3] = {
    [HELD_DESCRIPTOR] = {"descriptor", "left_open", "opened"},
    [HELD_LOCK] = {"lock", "left_locked", "locked"},
    [HELD_CHILD] = {"child", "left_unreaped", "made"}};

static void say_open(const struct open_item *item, const struct crash_frame *opener,
                     struct judgement *out) {
    const char *const *kind = kinds[item->held];
    AUTO_FREE char *plain = opener->function ? demangle(opener->function, false) : NULL;
    const char *name = plain ? plain : opener->function;
    struct difference *d = &out->differences[0];
    *d = (struct difference){.what = kind[0], .how = kind[1]};
    snprintf(d->path, sizeof d->path, "%s", item->what);
    if (name)
        snprintf(d->detail, sizeof d->detail, "%s in %.120s", kind[2], name);
    else
        snprintf(d->detail, sizeof d->detail, "%s in %.100s+0x%llx", kind[2],
                 text_basename(opener->module), (unsigned long long)opener->offset);
    out->n_differences = 1;
    out->n_more = 0;
    out->severity = SEVERITY_WARNING;
    snprintf(out->reason, sizeof out->reason, "%s, but %s%.180s %s",
             verdict_name(out->verdict),
             item->held == HELD_CHILD ? "the child process " : "", item->what,
             difference_meaning(kind[1]));
}

bool remains_is_lost(const struct open_item *usual, uint32_t n_usual,
                     const struct observation *seen, const struct frames *failed,
                     struct judgement *out) {
    bool ordinary = out->verdict == VERDICT_HANDLED ||
                    (out->verdict == VERDICT_REPORTED && seen->open.went_on);
    if (!ordinary || seen->end.exit_signal || !remains_more_open(usual, n_usual, seen))
        return false;
    for (uint32_t i = 0; i < seen->open.n; i++) {
        const struct open_item *item = &seen->open.items[i];
        const struct crash_frame *opener = is_more(usual, n_usual, seen, item)
                                               ? opener_that_lost(item, seen, failed)
                                               : NULL;
        if (!opener)
            continue;
        say_open(item, opener, out);
        return true;
    }
    return false;
}
