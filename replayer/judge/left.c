/* SPDX-License-Identifier: Apache-2.0 */
/* Harm by what was left: see left.h. */
#include "left.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "expected.h"
#include "key.h"
#include "text.h"

static const struct written_file *find(const struct observation *o, const char *path) {
    for (uint32_t i = 0; i < o->output.n_files; i++)
        if (strcmp(o->output.files[i].path, path) == 0)
            return &o->output.files[i];
    return NULL;
}

/* --- is a next run worth while? --- */

static bool is_loss(const struct difference *d) {
    static const char *const how[] = {"left_behind", "removed", "empty", "truncated"};
    for (size_t i = 0; i < sizeof how / sizeof *how; i++)
        if (strcmp(d->how, how[i]) == 0)
            return true;
    return false;
}

/* The differences that may do harm come first in @out. Return: how many. */
static uint32_t find_losses(const struct baseline *b, const struct observation *seen,
                            struct difference *out) {
    uint32_t n = expected_compare(b->files, seen->output.files, seen->output.n_files, out,
                                  LEFT_MOST),
             losses = 0;
    for (uint32_t i = 0; i < n && i < LEFT_MOST; i++) {
        const struct written_file *f = find(seen, out[i].path);
        bool other =
            f && (strcmp(out[i].how, "content") == 0 || (f->existed && !f->mode));
        if (other || is_loss(&out[i]))
            out[losses++] = out[i];
    }
    return losses;
}

uint64_t left_look(const struct baseline *b, const struct observation *seen) {
    if (!b->files_known || !b->status_stable || !seen->output.files_known)
        return 0;
    AUTO_FREE struct difference *found = text_alloc(LEFT_MOST * sizeof *found);
    AUTO_TEXT struct text all = {0};
    uint32_t n = find_losses(b, seen, found);
    for (uint32_t i = 0; i < n; i++)
        text_addf(&all, "%s %s\n", found[i].how, found[i].path);
    return all.n ? key_hash(all.data, all.n).lo | 1 : 0;
}

bool left_is_whole(const struct observation *seen) {
    for (uint32_t i = 0; i < seen->output.n_files; i++) {
        const struct written_file *f = &seen->output.files[i];
        bool kept =
            S_ISREG(f->mode) || S_ISLNK(f->mode)
                ? f->n_kept == f->size
                : !f->mode || S_ISDIR(f->mode) || S_ISFIFO(f->mode) || S_ISSOCK(f->mode);
        if (!kept || f->hides)
            return false;
    }
    return true;
}

/* --- harm --- */

/* What is to be in a file when all went well: @path after a run without a fault and another one. */
static struct left_former wanted_of(const struct left_case *c,
                                    const struct left_former *former) {
    const struct written_file *f = find(c->control, former->path);
    f = f ? f : find(c->clean, former->path);
    return f ? (struct left_former){f->path, f->mode, f->size,
                                    f->n_kept == f->size ? f->kept : NULL}
             : *former;
}

/* Is all of what the file held in another one that was not there before? Moved, or put aside. */
static bool is_elsewhere(const struct observation *seen,
                         const struct left_former *former) {
    for (uint32_t i = 0; i < seen->output.n_files; i++) {
        const struct written_file *f = &seen->output.files[i];
        if (!f->existed && S_ISREG(f->mode) && f->size == former->size)
            return true;
    }
    return false;
}

/* How a file that was good is not any more. Return: a word of a difference, NULL = it is good. */
static const char *damage_of(const struct written_file *is,
                             const struct left_former *former,
                             const struct left_former *wanted) {
    if (!S_ISREG(former->mode) || !former->size || !S_ISREG(wanted->mode) ||
        !wanted->size)
        return NULL;
    if (!is->mode)
        return "removed";
    if (!S_ISREG(is->mode) || is->size >= former->size || is->size >= wanted->size)
        return NULL;
    if (!is->size)
        return "empty";
    bool half = wanted->data && is->n_kept == is->size &&
                memcmp(wanted->data, is->kept, is->size) == 0;
    return half ? "truncated" : NULL;
}

static void add(struct judgement *out, struct difference d) {
    if (out->n_differences < JUDGEMENT_DIFFERENCES)
        out->differences[out->n_differences++] = d;
    else
        out->n_more++;
}

/* Files that were good before, and that neither the attempt nor the next run left good. */
static void find_damage(const struct left_case *c, struct judgement *out) {
    for (uint32_t i = 0; i < c->seen->output.n_files; i++) {
        const struct written_file *f = &c->seen->output.files[i];
        const struct left_former *former = &c->former[i];
        const struct left_former wanted = wanted_of(c, former);
        const struct written_file *later = find(c->next, f->path);
        const char *how = f->existed ? damage_of(f, former, &wanted) : NULL;
        if (!how || !damage_of(later ? later : f, former, &wanted) ||
            is_elsewhere(c->seen, former))
            continue;
        struct difference d = {.what = "file", .how = how};
        snprintf(d.path, sizeof d.path, "%s", f->path);
        snprintf(d.detail, sizeof d.detail,
                 "%llu of %llu bytes, and the next run leaves it so",
                 (unsigned long long)f->size, (unsigned long long)wanted.size);
        add(out, d);
    }
}

/* The next run does not come to the end that every other one does. */
static void find_obstacle(const struct left_case *c, struct judgement *out) {
    const struct baseline *b = c->baseline;
    const struct observation *next = c->next;
    bool same =
        next->end.exit_code == b->exit_code && next->end.exit_signal == b->exit_signal;
    bool usual = c->control->end.exit_code == b->exit_code &&
                 c->control->end.exit_signal == b->exit_signal;
    if ((same && !next->end.timed_out) || !usual || !b->status_stable)
        return;
    AUTO_FREE struct difference *found = text_alloc(LEFT_MOST * sizeof *found);
    uint32_t n = find_losses(b, c->seen, found);
    for (uint32_t i = 0; i < n; i++) {
        if (next->end.timed_out) /* it waits for a lock, say */
            snprintf(found[i].detail, sizeof found[i].detail,
                     "the next run does not come to an end");
        else
            snprintf(found[i].detail, sizeof found[i].detail,
                     "the next run ends with %s %d",
                     next->end.exit_signal ? "signal" : "status",
                     next->end.exit_signal ? next->end.exit_signal : next->end.exit_code);
        add(out, found[i]);
    }
}

bool left_judge(const struct left_case *c, struct judgement *out) {
    if (c->control->end.timed_out || c->next->end.start_error ||
        c->control->end.start_error || !c->next->output.files_known ||
        !c->control->output.files_known)
        return false;
    out->n_differences = out->n_more = 0;
    if (!c->next->end.timed_out)
        find_damage(c, out);
    if (!out->n_differences)
        find_obstacle(c, out);
    if (!out->n_differences)
        return false;
    out->severity = SEVERITY_WARNING;
    snprintf(out->reason, sizeof out->reason, "reported, but %.200s %s",
             out->differences[0].path, difference_meaning(out->differences[0].how));
    return true;
}
