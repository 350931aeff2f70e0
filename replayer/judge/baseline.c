/* SPDX-License-Identifier: Apache-2.0 */
/* Folding baseline runs, and comparing an execution's output with them: see baseline.h.
 * Pure. Limit: output longer than what the runner keeps is compared by its digest alone. */
#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expected.h"
#include "mask.h"
#include "span.h"
#include "text.h"

static bool kept_whole(const struct observation *o) {
    return o->output.stdout_kept == o->output.stdout_bytes;
}

static struct sample stdout_of(const struct observation *o) {
    return (struct sample){o->output.stdout_data, o->output.stdout_kept,
                           o->end.started_unix_ns};
}

static void fold_stdout(const struct observation *runs, uint32_t n,
                        struct baseline *out) {
    struct sample *samples = text_alloc(n * sizeof *samples);
    bool whole = true;
    out->stdout_stable = true;
    for (uint32_t i = 0; i < n; i++) {
        whole = whole && kept_whole(&runs[i]);
        samples[i] = stdout_of(&runs[i]);
        if (memcmp(runs[i].output.stdout_digest, runs[0].output.stdout_digest, 16) != 0 ||
            runs[i].output.stdout_bytes != runs[0].output.stdout_bytes)
            out->stdout_stable = false;
    }
    out->stdout_whole = whole;
    if (whole)
        out->stdout_mask = mask_new(samples, n, out->catalogue);
    out->stdout_comparable = out->stdout_stable || out->stdout_mask;
    free(samples);
}

void baseline_fold(const struct observation *runs, uint32_t n,
                   const struct catalogue *catalogue, struct baseline *out) {
    *out = (struct baseline){
        .exit_code = runs[0].end.exit_code,
        .exit_signal = runs[0].end.exit_signal,
        .status_stable = true,
        .stdout_data = runs[0].output.stdout_data,
        .stdout_kept = runs[0].output.stdout_kept,
        .stdout_bytes = runs[0].output.stdout_bytes,
        .stderr_tail = runs[0].output.stderr_tail,
        .stderr_tail_n = runs[0].output.stderr_tail_n,
        .files_known = true,
        .catalogue = catalogue,
        .runs = runs,
        .n_runs = n,
    };
    memcpy(out->stdout_digest, runs[0].output.stdout_digest, 16);
    for (uint32_t i = 0; i < n; i++) {
        if (runs[i].end.exit_code != out->exit_code ||
            runs[i].end.exit_signal != out->exit_signal)
            out->status_stable = false;
        out->files_known &= runs[i].output.files_known;
        out->outward |= runs[i].outward;
        if (runs[i].end.duration_ns > out->duration_ns)
            out->duration_ns = runs[i].end.duration_ns;
    }
    fold_stdout(runs, n, out);
    if (out->files_known)
        out->files = expected_new(runs, n);
}

void baseline_deinit(struct baseline *b) {
    free(b->leaks);
    mask_free(b->stdout_mask);
    expected_free(b->files);
    *b = (struct baseline){0};
}

/* --- comparing --- */

static void add_difference(struct judgement *out, const struct difference *d) {
    if (out->n_differences == JUDGEMENT_DIFFERENCES)
        out->n_more++;
    else
        out->differences[out->n_differences++] = *d;
}

static void say_stdout(const struct baseline *b, const struct observation *seen,
                       const struct text *why, struct judgement *out) {
    struct difference d = {.what = "stdout"};
    expected_describe((struct sample){b->stdout_data, b->stdout_kept}, b->stdout_bytes,
                      stdout_of(seen), seen->output.stdout_bytes, &d);
    if (why->n && strcmp(d.how, "empty") != 0) {
        d.how = strncmp(why->data, "truncated", 9) == 0 ? "truncated" : "content";
        snprintf(d.detail, sizeof d.detail, "%s", why->data);
    }
    add_difference(out, &d);
}

int baseline_stdout_same(const struct baseline *b, const struct observation *seen,
                         struct judgement *out) {
    if (!b->stdout_comparable)
        return -1;
    struct text why = {0};
    bool same = (b->stdout_stable &&
                 memcmp(b->stdout_digest, seen->output.stdout_digest, 16) == 0) ||
                (b->stdout_mask && kept_whole(seen) &&
                 mask_accepts(b->stdout_mask, stdout_of(seen), &why));
    if (!same)
        say_stdout(b, seen, &why, out);
    text_deinit(&why);
    return same;
}

bool baseline_stdout_alike(const struct baseline *b, const struct observation *seen) {
    if (!b->stdout_whole || !kept_whole(seen))
        return false;
    AUTO_FREE struct sample *samples = text_alloc(b->n_runs * sizeof *samples);
    for (uint32_t i = 0; i < b->n_runs; i++)
        samples[i] = stdout_of(&b->runs[i]);
    return mask_alike(samples, b->n_runs, b->catalogue, stdout_of(seen));
}

void baseline_describe_masks(const struct baseline *b, struct text *out) {
    struct text how = {0};
    if (b->stdout_mask)
        mask_describe(b->stdout_mask, &how);
    if (how.n)
        text_addf(out, "standard output is compared loosely: %s", how.data);
    else if (!b->stdout_comparable)
        text_add(out, "standard output is not compared: runs without a fault have too "
                      "little of it in common");
    text_deinit(&how);
    if (b->files)
        expected_describe_masks(b->files, out);
}

int baseline_files_same(const struct baseline *b, const struct observation *seen,
                        struct judgement *out) {
    if (!b->files_known || !seen->output.files_known)
        return -1;
    struct difference differences[JUDGEMENT_DIFFERENCES];
    uint32_t n = expected_compare(b->files, seen->output.files, seen->output.n_files,
                                  differences, JUDGEMENT_DIFFERENCES);
    for (uint32_t i = 0; i < n && i < JUDGEMENT_DIFFERENCES; i++)
        add_difference(out, &differences[i]);
    out->n_more += n > JUDGEMENT_DIFFERENCES ? n - JUDGEMENT_DIFFERENCES : 0;
    return n == 0;
}

/* A tail that was cut begins in the middle of a line. */
static struct sample whole_lines(const struct observation *o) {
    struct sample s = {(const uint8_t *)o->output.stderr_tail, o->output.stderr_tail_n};
    const uint8_t *end =
        o->output.stderr_bytes > s.n && s.n ? memchr(s.data, '\n', s.n) : NULL;
    if (end) {
        s.n -= (uint64_t)(end + 1 - s.data);
        s.data = end + 1;
    }
    return s;
}

/* Does one of @words begin here? In ASCII, whatever the case. */
static bool begins_one(const uint8_t *at, uint64_t n, const char *const *words) {
    for (; *words; words++) {
        uint64_t i = 0;
        while ((*words)[i] && i < n && (at[i] | 0x20) == ((*words)[i] | 0x20))
            i++;
        if (!(*words)[i])
            return true;
    }
    return false;
}

/* Words of a line that says of itself that not all is well. Every line of every attempt is asked: by first letters. */
static bool is_complaint(struct span line) {
    static const char *const a[] = {"alloc", "abort", NULL};
    static const char *const c[] = {"cannot", "can't", "could not", "couldn't", NULL};
    static const char *const e[] = {"error", "enomem", "exhausted", NULL};
    static const char *const f[] = {"fail", NULL}, *const m[] = {"memory", NULL};
    static const char *const n[] = {"not ok", NULL}, *const u[] = {"unable", NULL};
    static const char *const w[] = {"warning", NULL};
    static const char *const *const words[32] = {
        ['a' & 31] = a, ['c' & 31] = c, ['e' & 31] = e, ['f' & 31] = f,
        ['m' & 31] = m, ['n' & 31] = n, ['u' & 31] = u, ['w' & 31] = w};
    for (uint64_t i = 0; i < line.n; i++)
        if (line.data[i] >= 'A' && words[line.data[i] & 31] &&
            begins_one(line.data + i, line.n - i, words[line.data[i] & 31]))
            return true;
    return false;
}

bool baseline_complains(const struct baseline *b, const struct observation *seen) {
    AUTO_FREE struct sample *samples = text_alloc((b->n_runs + 1) * sizeof *samples);
    for (uint32_t i = 0; i < b->n_runs; i++)
        samples[i] = stdout_of(&b->runs[i]);
    struct spans more = mask_more(samples, b->n_runs, stdout_of(seen), is_complaint);
    free(more.items);
    return more.n > 0;
}

bool baseline_says_more(const struct baseline *b, const struct observation *seen) {
    struct sample *samples = text_alloc((b->n_runs + 1) * sizeof *samples);
    for (uint32_t i = 0; i < b->n_runs; i++)
        samples[i] = whole_lines(&b->runs[i]);
    bool more = mask_says_more(samples, b->n_runs, whole_lines(seen));
    free(samples);
    return more;
}
