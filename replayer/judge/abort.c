/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of abort(): see abort.h. Pure. */
#include "abort.h"

#include <string.h>

#include "attribution.h"
#include "catalogue.h"
#include "text.h"

void abort_stacks_deinit(struct failed_stacks *failed) {
    for (uint32_t i = 0; i < failed->n; i++)
        frames_deinit(&failed->stacks[i]);
    failed->n = 0;
}

static bool is_of_runtime(const struct catalogue *c, const struct frame *f,
                          const char *exe) {
    enum attributed_to to = attribution_class(c, f->module, exe);
    return to == ATTRIBUTED_LIBC || to == ATTRIBUTED_LIBSTDCXX || to == ATTRIBUTED_LOADER;
}

static bool is_machinery(const struct catalogue *c, const struct frame *f) {
    return catalogue_frame(c, 1u << CATALOGUE_MACHINERY, f);
}

/* The first frame that is not how a process ends. */
static uint32_t skip_end(const struct catalogue *c, const struct frame *end, uint32_t n) {
    uint32_t i = 0;
    while (i < n && is_machinery(c, &end[i]))
        i++;
    return i;
}

/* --- where the two stacks part --- */

/* The supervisor and the target may know a module by two names of one file: libx.so.1, libx.so.1.0.4. */
static bool same_module(const char *a, const char *b) {
    a = text_basename(a), b = text_basename(b);
    const char *so_a = strstr(a, ".so"), *so_b = strstr(b, ".so");
    size_t n_a = so_a ? (size_t)(so_a - a) : strlen(a);
    size_t n_b = so_b ? (size_t)(so_b - b) : strlen(b);
    return n_a == n_b && strncmp(a, b, n_a) == 0;
}

static bool is_on(const struct frames *failed, const struct frame *f, uint32_t *at) {
    for (uint32_t i = 0; i < failed->n; i++)
        if (!failed->items[i].inlined && failed->items[i].offset == f->offset &&
            same_module(failed->items[i].module, f->module)) {
            *at = i;
            return true;
        }
    return false;
}

/* Is everything inside of the function whose call is @at an allocator's, a library's or a runtime's?
 * Then that function is the one that asked for memory. */
static bool is_asker(const struct catalogue *c, const struct frames *failed, uint32_t at,
                     const char *exe) {
    uint32_t own = at; /* the function's physical frame is the next inner one */
    while (own > 0 && failed->items[own - 1].inlined)
        own--;
    if (own == 0)
        return true;
    for (uint32_t i = 0; i + 1 < own; i++) /* also what was inlined into it */
        if (!is_of_runtime(c, &failed->items[i], exe) &&
            !catalogue_frame(c,
                             1u << CATALOGUE_ALLOCATOR | 1u << CATALOGUE_LIBRARY |
                                 1u << CATALOGUE_MACHINERY,
                             &failed->items[i]))
            return false;
    return true;
}

enum relation {
    RELATION_UNKNOWN, /* nothing in common: another thread's, or another process's */
    RELATION_BELOW,   /* who asked for memory is still at work */
    RELATION_TOLD, /* a function on the way out ends it, by itself or through a way out */
    RELATION_LATER, /* in a call that was made after the failed one was over */
};

static bool is_way_out(const struct catalogue *c, const struct frame *f) {
    return catalogue_frame(c, 1u << CATALOGUE_WAY_OUT, f);
}

/* @direct: nothing lies between the function where they part and abort() */
static enum relation relate(const struct catalogue *c, const struct frames *failed,
                            const struct frame *end, uint32_t n, const char *exe,
                            bool *direct) {
    uint32_t first = skip_end(c, end, n), common = 0, at = 0;
    while (common < n && !is_on(failed, &end[common], &at))
        common++;
    *direct = false;
    if (common == n || first == n)
        return RELATION_UNKNOWN;
    if (common <= first || is_asker(c, failed, at, exe))
        return RELATION_BELOW;
    /* what does nothing but end it is as if its caller did */
    while (first + 1 < common && end[first].straight)
        first++;
    *direct = first + 1 == common;
    for (uint32_t i = first; i + 1 < common; i++)
        if (!is_of_runtime(c, &end[i], exe) && !is_way_out(c, &end[i]))
            return RELATION_LATER;
    return RELATION_TOLD;
}

/* Of all the calls that failed. RELATION_UNKNOWN where no stack is known. */
static enum relation relate_all(const struct catalogue *c,
                                const struct failed_stacks *failed,
                                const struct frame *end, uint32_t n, const char *exe,
                                bool *direct) {
    enum relation closest = RELATION_UNKNOWN;
    *direct = false;
    for (uint32_t i = 0; failed && i < failed->n; i++) {
        bool at_once;
        enum relation r = relate(c, &failed->stacks[i], end, n, exe, &at_once);
        if (r != RELATION_UNKNOWN && (closest == RELATION_UNKNOWN || r < closest)) {
            closest = r;
            *direct = at_once;
        }
    }
    return closest;
}

bool abort_is_later(const struct catalogue *c, const struct failed_stacks *failed,
                    const struct frame *end, uint32_t n, const char *exe) {
    bool direct;
    return failed && !failed->more &&
           relate_all(c, failed, end, n, exe, &direct) == RELATION_LATER;
}

/* Does the program itself, whatever thread or process of it, both meet the failure and end? */
static bool is_same_program(const struct catalogue *c, const struct failed_stacks *failed,
                            const struct frame *end, uint32_t n, const char *exe) {
    for (uint32_t i = 0; exe && failed && i < failed->n; i++)
        for (uint32_t k = 0; k < failed->stacks[i].n; k++)
            if (same_module(failed->stacks[i].items[k].module, exe))
                for (uint32_t f = skip_end(c, end, n); f < n; f++)
                    if (same_module(end[f].module, exe))
                        return true;
    return false;
}

enum abort_kind abort_decide(const struct catalogue *c,
                             const struct failed_stacks *failed, const struct frame *end,
                             uint32_t n, const char *exe,
                             const struct abort_words *words) {
    bool direct;
    enum relation closest = relate_all(c, failed, end, n, exe, &direct);
    if (closest == RELATION_BELOW || (words->of_way_out && !words->of_check))
        return ABORT_GIVES_UP;
    bool more = failed && failed->more;
    bool elsewhere = words->any && is_same_program(c, failed, end, n, exe);
    if (closest == RELATION_UNKNOWN && !words->of_check && !elsewhere)
        return more ? ABORT_UNSURE : ABORT_GIVES_UP;
    if (!words->of_check && closest == RELATION_TOLD && !(direct && words->any))
        return ABORT_GIVES_UP;
    return more                                           ? ABORT_UNSURE
           : closest == RELATION_TOLD && !words->of_check ? ABORT_TOLD
                                                          : ABORT_CHECKED;
}

bool abort_is_answer(const struct catalogue *c, const struct failed_stacks *failed,
                     const struct frame *from, uint32_t n, const char *exe, bool told) {
    bool direct;
    for (uint32_t i = 0; failed && i < failed->n; i++) {
        enum relation r = relate(c, &failed->stacks[i], from, n, exe, &direct);
        if (r == RELATION_BELOW || (r == RELATION_TOLD && (told || !direct)))
            return true;
    }
    return false;
}

bool abort_is_within(const struct failed_stacks *failed, const struct frame *frame) {
    uint32_t at;
    for (uint32_t i = 0; failed && i < failed->n; i++)
        if (is_on(&failed->stacks[i], frame, &at))
            return true;
    return false;
}

bool abort_is_libcs(const struct catalogue *c, const struct frame *end, uint32_t n,
                    const char *exe) {
    for (uint32_t i = 0; i + 1 < n; i++) {
        const char *name = frame_plain_name(end[i].linkage_name);
        if (name && strcmp(name, "abort") == 0)
            return attribution_class(c, end[i + 1].module, exe) == ATTRIBUTED_LIBC;
    }
    return false;
}

bool abort_was_thrown(const struct catalogue *c, const struct failed_stacks *failed,
                      const char *exe) {
    const struct frames *last =
        failed && failed->n && !failed->more ? &failed->stacks[failed->n - 1] : NULL;
    return last && last->n &&
           attribution_class(c, last->items[0].module, exe) == ATTRIBUTED_LIBSTDCXX;
}
