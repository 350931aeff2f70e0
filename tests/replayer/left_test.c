/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt left in files: what may do harm, and what does. */
#include "left.h"

#include <string.h>
#include <sys/stat.h>

#include "baseline.h"
#include "check.h"
#include "text.h"

/* A run's file: NULL = as it was, "-" = gone. */
static void add(struct observation *o, const char *path, const char *text, bool existed) {
    if (!text)
        return;
    o->output.files =
        text_grow(o->output.files, o->output.n_files, sizeof *o->output.files);
    struct written_file *f = &o->output.files[o->output.n_files++];
    *f = (struct written_file){.path = text_dup(path), .existed = existed};
    if (strcmp(text, "-") == 0)
        return;
    f->mode = S_IFREG | 0600;
    f->size = f->n_kept = strlen(text);
    f->kept = (uint8_t *)text_dup(text);
    memset(f->digest, 0, sizeof f->digest);
    memcpy(f->digest, text, f->size < 16 ? f->size : 16);
}

struct row {
    const char *name;
    const char *clean;   /* "config" after a run without a fault */
    const char *seen;    /* after the attempt */
    const char *scratch; /* of the attempt's: "scratch", that was not there */
    const char *next;    /* "config" after the next run */
    int next_code, control_code;
    bool worth, harm;
};

/* It was "one two" before. */
static const struct row rows[] = {
    {"as it was", NULL, NULL, NULL, NULL, 0, 0, false, false},
    {"empty", NULL, "", NULL, NULL, 0, 0, true, true},
    {"empty, written anew next time", NULL, "", NULL, "one two", 0, 0, true, false},
    {"half", NULL, "one", NULL, NULL, 0, 0, true, true},
    {"shorter, and another text", NULL, "two", NULL, NULL, 0, 0, true, false},
    {"half of the new text", "new text", "new", NULL, NULL, 0, 0, true, true},
    {"longer", NULL, "one two three", NULL, NULL, 0, 0, true, false},
    {"gone", NULL, "-", NULL, NULL, 0, 0, true, true},
    {"gone, as without the fault", "-", "-", NULL, NULL, 0, 0, false, false},
    {"empty, as without the fault", "", "", NULL, NULL, 0, 0, false, false},
    {"put aside", NULL, "-", "one two", NULL, 0, 0, true, false},
    {"scratch file", NULL, NULL, "x", NULL, 0, 0, true, false},
    {"scratch file in the way", NULL, NULL, "x", NULL, 2, 0, true, true},
    {"in the way of every second run", NULL, NULL, "x", NULL, 2, 2, true, false},
};

static void test_row(const struct row *r) {
    struct observation clean = {.output.files_known = true}, seen = clean, next = clean,
                       control = clean;
    struct baseline b = {0};
    struct judgement j = {0};
    add(&clean, "config", r->clean, true);
    add(&seen, "config", r->seen, true);
    add(&seen, "scratch", r->scratch, false);
    add(&next, "config", r->next, true);
    next.end.exit_code = r->next_code;
    control.end.exit_code = r->control_code;
    baseline_fold(&clean, 1, NULL, &b);
    struct left_former former[2] = {{0}};
    for (uint32_t i = 0; i < seen.output.n_files; i++)
        former[i] = strcmp(seen.output.files[i].path, "config") == 0
                        ? (struct left_former){"config", S_IFREG | 0600, 7,
                                               (const uint8_t *)"one two"}
                        : (struct left_former){.path = "scratch"};
    const struct left_case c = {&b, &seen, &next, &control, &clean, former};
    CHECK(r->name, (left_look(&b, &seen) != 0) == r->worth);
    CHECK(r->name, left_judge(&c, &j) == r->harm);
    CHECK(r->name, (j.severity == SEVERITY_WARNING) == r->harm);
    CHECK(r->name, left_is_whole(&seen));
    baseline_deinit(&b);
    observation_deinit(&clean);
    observation_deinit(&seen);
    observation_deinit(&next);
    observation_deinit(&control);
}

static void test_whole(void) {
    struct observation seen = {.output.files_known = true};
    add(&seen, "long", "0123456789", false);
    seen.output.files[0].n_kept = 5;
    CHECK("not kept whole", !left_is_whole(&seen));
    observation_deinit(&seen);
}

int main(void) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        test_row(&rows[i]);
    test_whole();
    return check_result();
}
