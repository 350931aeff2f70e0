/*
 * Folding baseline runs, and comparing an execution's output with them: see baseline.h.
 * Pure.
 *
 *   run 1   a b c        varying   0 1 0
 *   run 2   a x c   ──►
 *   attempt a ? c        same: equally many lines, and equal wherever varying is 0
 *
 * Limit: output longer than what the runner keeps is compared by its digest alone.
 */
#include "baseline.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Next line of data[*at..n), its '\n' included. Return: false at the end. */
static bool next_line(const uint8_t *data, uint64_t n, uint64_t *at, const uint8_t **line,
                      uint64_t *length) {
    if (*at >= n)
        return false;
    const uint8_t *end = memchr(data + *at, '\n', n - *at);
    *line = data + *at;
    *length = end ? (uint64_t)(end - *line) + 1 : n - *at;
    *at += *length;
    return true;
}

static uint64_t count_lines(const uint8_t *data, uint64_t n) {
    uint64_t lines = 0, at = 0, length;
    const uint8_t *line;
    while (next_line(data, n, &at, &line, &length))
        lines++;
    return lines;
}

static bool kept_whole(const struct observation *o) {
    return o->stdout_kept == o->stdout_bytes;
}

/* Mark in @varying (one byte a line of @a) the lines that differ from @b's.
 * Return: false when the number of lines differs. */
static bool mark_varying(const struct observation *a, const struct observation *b,
                         uint8_t *varying) {
    uint64_t at_a = 0, at_b = 0, length_a, length_b;
    const uint8_t *line_a, *line_b;
    for (uint64_t i = 0;; i++) {
        bool more_a =
            next_line(a->stdout_data, a->stdout_kept, &at_a, &line_a, &length_a);
        bool more_b =
            next_line(b->stdout_data, b->stdout_kept, &at_b, &line_b, &length_b);
        if (more_a != more_b)
            return false;
        if (!more_a)
            return true;
        if (length_a != length_b || memcmp(line_a, line_b, length_a) != 0)
            varying[i] = 1;
    }
}

static void fold_stdout(const struct observation *runs, uint32_t n,
                        struct baseline *out) {
    out->stdout_stable = true;
    bool whole = true;
    for (uint32_t i = 0; i < n; i++) {
        whole = whole && kept_whole(&runs[i]);
        if (memcmp(runs[i].stdout_digest, runs[0].stdout_digest, 16) != 0 ||
            runs[i].stdout_bytes != runs[0].stdout_bytes)
            out->stdout_stable = false;
    }
    out->stdout_comparable = out->stdout_stable;
    if (out->stdout_stable || !whole)
        return;
    uint64_t lines = count_lines(runs[0].stdout_data, runs[0].stdout_kept);
    uint8_t *varying = text_alloc(lines + 1);
    out->stdout_comparable = true;
    for (uint32_t i = 1; i < n && out->stdout_comparable; i++)
        out->stdout_comparable = mark_varying(&runs[0], &runs[i], varying);
    out->varying_lines = varying;
    out->n_lines = lines;
}

void baseline_fold(const struct observation *runs, uint32_t n, struct baseline *out) {
    *out = (struct baseline){
        .exit_code = runs[0].exit_code,
        .exit_signal = runs[0].exit_signal,
        .status_stable = true,
        .stdout_data = runs[0].stdout_data,
        .stdout_kept = runs[0].stdout_kept,
        .stderr_tail = runs[0].stderr_tail,
        .stderr_tail_n = runs[0].stderr_tail_n,
        .files_stable = true,
    };
    memcpy(out->stdout_digest, runs[0].stdout_digest, 16);
    memcpy(out->files_digest, runs[0].files_digest, 16);
    for (uint32_t i = 0; i < n; i++) {
        if (runs[i].exit_code != out->exit_code ||
            runs[i].exit_signal != out->exit_signal)
            out->status_stable = false;
        if (!runs[i].files_known ||
            memcmp(runs[i].files_digest, out->files_digest, 16) != 0)
            out->files_stable = false;
        if (runs[i].duration_ns > out->duration_ns)
            out->duration_ns = runs[i].duration_ns;
    }
    fold_stdout(runs, n, out);
}

void baseline_deinit(struct baseline *b) {
    free((void *)b->varying_lines);
    free(b->leaks);
    *b = (struct baseline){0};
}

/* Equal wherever the baseline's runs agree. */
static bool masked_same(const struct baseline *b, const struct observation *seen) {
    uint64_t at_a = 0, at_b = 0, length_a, length_b;
    const uint8_t *line_a, *line_b;
    for (uint64_t i = 0;; i++) {
        bool more_a =
            next_line(b->stdout_data, b->stdout_kept, &at_a, &line_a, &length_a);
        bool more_b =
            next_line(seen->stdout_data, seen->stdout_kept, &at_b, &line_b, &length_b);
        if (more_a != more_b)
            return false;
        if (!more_a)
            return true;
        if (i < b->n_lines && b->varying_lines[i])
            continue;
        if (length_a != length_b || memcmp(line_a, line_b, length_a) != 0)
            return false;
    }
}

int baseline_stdout_same(const struct baseline *b, const struct observation *seen) {
    if (!b->stdout_comparable)
        return -1;
    if (b->stdout_stable)
        return memcmp(b->stdout_digest, seen->stdout_digest, 16) == 0;
    return kept_whole(seen) && masked_same(b, seen);
}

int baseline_files_same(const struct baseline *b, const struct observation *seen) {
    if (!b->files_stable || !seen->files_known)
        return -1;
    return memcmp(b->files_digest, seen->files_digest, 16) == 0;
}
