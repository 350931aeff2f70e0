/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an end is matched against the catalogue. Pure.
 *
 *   1  stack,   telling sections    2  message, telling sections
 *   3  stack,   gave-up             4  message, gave-up
 *
 * A telling section names its cause (std::bad_alloc); a gave-up one only says that somebody did
 * (std::terminate), so any telling evidence goes first. Within a pass the order of the catalogue
 * decides: damage before assertions before deliberate ends.
 */
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abort.h"
#include "baseline.h"
#include "catalogue.h"
#include "demangle.h"
#include "text.h"
#include "uncaught.h"

#define TELLING (1u << CATALOGUE_DAMAGE | 1u << CATALOGUE_CRASH | 1u << CATALOGUE_POLICY)
#define GAVE_UP (1u << CATALOGUE_GAVE_UP)

struct end {
    const struct catalogue *catalogue;
    struct frame *frames; /* of the stack at the end; functions are owned */
    uint32_t n_frames;
    const struct observation *seen;
    const struct baseline *baseline;
    const struct failed_stacks *failed;
    bool later; /* who met the failure has said so and returned: the last words count */
};

/* --- stacks --- */

static char *demangled(const char *name) {
    char *plain = name ? demangle(name, false) : NULL;
    return plain ? plain : text_dup(name);
}

static void end_init(struct end *e) {
    const struct observation *o = e->seen;
    e->frames = text_alloc((o->crash.n_frames + 1) * sizeof *e->frames);
    for (uint32_t i = 0; i < o->crash.n_frames; i++)
        e->frames[e->n_frames++] = (struct frame){
            .function = demangled(o->crash.frames[i].function),
            .linkage_name = o->crash.frames[i].function,
            .module = o->crash.frames[i].module ? o->crash.frames[i].module : "",
            .offset = o->crash.frames[i].offset,
            .straight = o->crash.frames[i].straight};
}

static void end_deinit(struct end *e) {
    for (uint32_t i = 0; i < e->n_frames; i++)
        free((char *)e->frames[i].function);
    free(e->frames);
}

/* Does a function that a test harness calls itself say that something should have been? It is the
 * test's expectation that is not met without memory. */
static bool is_tests_own(const struct end *e) {
    uint32_t i = 0;
    while (i < e->n_frames &&
           catalogue_frame(e->catalogue, 1u << CATALOGUE_MACHINERY, &e->frames[i]))
        i++;
    return i && i + 1 < e->n_frames &&
           catalogue_frame(e->catalogue, 1u << CATALOGUE_HARNESS, &e->frames[i + 1]);
}

/* --- the passes --- */

static struct policy as_policy(const struct catalogue_section *s, bool any_exit) {
    enum policy_class class = s->kind == CATALOGUE_DAMAGE  ? POLICY_DAMAGE
                              : s->kind == CATALOGUE_CRASH ? POLICY_CRASH
                                                           : POLICY_DELIBERATE;
    return (struct policy){.name = s->name, .class = class, .any_exit = any_exit};
}

/* A line of a stack that the program prints, or of its end. */
static bool is_trailer(const char *line, size_t n) {
    static const char *const marks[] = {"0x", "bort"};
    if (!n || line[0] == ' ' || line[0] == '\t' || line[0] == '#')
        return true;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (memmem(line, n, marks[i], strlen(marks[i])))
            return true;
    return false;
}

/* The last line that says something, with its newline. */
static const char *last_line(const char *text, uint64_t n, uint64_t *length) {
    const char *end = text + n;
    while (end > text) {
        const char *line = end - 1;
        while (line > text && line[-1] != '\n')
            line--;
        *length = (uint64_t)(end - line);
        if (!is_trailer(line, *length - (end[-1] == '\n')))
            return line;
        end = line;
    }
    *length = n;
    return text;
}

static bool says(const struct end *e, const struct catalogue_section *s,
                 enum catalogue_field field) {
    const struct observation *o = e->seen;
    const struct baseline *b = e->baseline;
    const char *text = o->output.stderr_tail;
    uint64_t n = o->output.stderr_tail_n;
    bool gives_up = s->kind == CATALOGUE_POLICY || s->kind == CATALOGUE_GAVE_UP ||
                    s->kind == CATALOGUE_WAY_OUT;
    if (e->later && gives_up && field == FIELD_MESSAGE && n)
        text = last_line(text, n, &n);
    return catalogue_message(s, field, text, n, b->stderr_tail, b->stderr_tail_n);
}

static bool is_later(const struct end *e) {
    return abort_is_later(e->catalogue, e->failed, e->frames, e->n_frames,
                          e->seen->crash.exe);
}

/* Anybody may print glibc's words: where there is a stack, glibc itself must end it. */
static bool libc_says(const struct end *e, const struct catalogue_section *s) {
    return (!e->n_frames ||
            abort_is_libcs(e->catalogue, e->frames, e->n_frames, e->seen->crash.exe)) &&
           says(e, s, FIELD_LIBC_MESSAGE);
}

static bool fits(const struct end *e, const struct catalogue_section *s, bool by_stack,
                 struct policy *out) {
    bool stack = by_stack && catalogue_stack(s, e->frames, e->n_frames);
    bool report = !by_stack && says(e, s, FIELD_REPORT);
    if (!stack && !report &&
        (by_stack || (!says(e, s, FIELD_MESSAGE) && !libc_says(e, s))))
        return false;
    *out = as_policy(s, report);
    if (stack && s->kind == CATALOGUE_CRASH && is_tests_own(e))
        *out = (struct policy){.name = "test assertion", .class = POLICY_DELIBERATE};
    return true;
}

/* One pass over the sections [@from, @to) */
static bool pass(const struct end *e, uint32_t from, uint32_t to, uint32_t kinds,
                 bool by_stack, struct policy *out) {
    const struct catalogue_section *s;
    for (; from < to && (s = catalogue_section(e->catalogue, from)); from++)
        if (kinds >> s->kind & 1 && fits(e, s, by_stack, out))
            return true;
    return false;
}

static bool passes(const struct end *e, uint32_t from, uint32_t to, struct policy *out) {
    return pass(e, from, to, TELLING, true, out) ||
           pass(e, from, to, TELLING, false, out) ||
           pass(e, from, to, GAVE_UP, true, out) ||
           pass(e, from, to, GAVE_UP, false, out);
}

static bool terminated(const struct end *e, struct policy *out) {
    *out = (struct policy){.class = POLICY_CRASH};
    if (!uncaught_find(e->catalogue, e->failed, e->frames, e->n_frames, e->seen,
                       out->cause))
        return false;
    out->name = "std::terminate";
    return true;
}

bool policy_find(const struct catalogue *catalogue, const struct baseline *baseline,
                 const struct failed_stacks *failed, const struct observation *seen,
                 struct policy *out) {
    struct end e = {
        .catalogue = catalogue, .seen = seen, .baseline = baseline, .failed = failed};
    uint32_t users = catalogue_users(catalogue);
    end_init(&e);
    bool found = passes(&e, 0, users, out) || terminated(&e, out);
    e.later = is_later(&e);
    found = found || passes(&e, users, UINT32_MAX, out);
    end_deinit(&e);
    return found;
}

/* Does a line of standard error that is new fit a section of @kind? */
static bool some_section_says(const struct end *e, enum catalogue_kind kind) {
    const struct catalogue_section *s;
    for (uint32_t i = 0; (s = catalogue_section(e->catalogue, i)); i++)
        if (s->kind == kind && says(e, s, FIELD_MESSAGE))
            return true;
    return false;
}

enum abort_kind policy_find_check(const struct catalogue *catalogue,
                                  const struct baseline *baseline,
                                  const struct failed_stacks *failed,
                                  const struct observation *seen, struct policy *out) {
    struct end e = {
        .catalogue = catalogue, .seen = seen, .baseline = baseline, .failed = failed};
    end_init(&e);
    e.later = is_later(&e);
    const struct abort_words words = {
        .any = baseline_says_more(baseline, seen),
        .of_check = some_section_says(&e, CATALOGUE_CHECK),
        .of_way_out = some_section_says(&e, CATALOGUE_WAY_OUT),
    };
    enum abort_kind kind =
        abort_decide(catalogue, failed, e.frames, e.n_frames, seen->crash.exe, &words);
    end_deinit(&e);
    *out = (struct policy){.name = "own check", .class = POLICY_CRASH};
    snprintf(out->cause, sizeof out->cause, "%s",
             kind == ABORT_TOLD
                 ? "a caller of what failed gave up, without a word of memory"
                 : "a check of its own failed");
    return kind;
}

bool policy_find_any_exit(const struct catalogue *catalogue,
                          const struct baseline *baseline, const struct observation *seen,
                          struct policy *out) {
    struct end e = {.catalogue = catalogue, .seen = seen, .baseline = baseline};
    const struct catalogue_section *s;
    for (uint32_t i = 0; (s = catalogue_section(catalogue, i)); i++) {
        if (!says(&e, s, FIELD_REPORT))
            continue;
        *out = as_policy(s, true);
        return true;
    }
    return false;
}
