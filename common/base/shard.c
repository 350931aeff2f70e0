/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of the work is this machine's: see shard.h. */
#include "shard.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* What engines call it, each as its manual has it: Slurm "Job Array Support", GitLab "Predefined CI/CD variables",
 * CircleCI and Buildkite "Parallelism", Kubernetes "Indexed Job", GNU parallel(1). */
static const struct engine {
    const char *index, *total; /* total NULL = it does not say */
    const char *first;         /* variable with the first index; NULL = `base` */
    const char *last;          /* variable with the last index; NULL = it has none */
    const char *step;          /* between indices; NULL = 1 */
    uint32_t base;
} engines[] = {
    {"DEARTH_SHARD", "DEARTH_SHARDS", NULL, NULL, NULL, 1},
    {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN",
     "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP", 1},
    {"CI_NODE_INDEX", "CI_NODE_TOTAL", NULL, NULL, NULL, 1},
    {"CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", NULL, NULL, NULL, 0},
    {"BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", NULL, NULL, NULL, 0},
    {"JOB_COMPLETION_INDEX", NULL, NULL, NULL, NULL, 0},
    {"PARALLEL_SEQ", NULL, NULL, NULL, NULL, 1},
};

static bool parse(const char *text, char end, uint32_t *out) {
    char *stop;
    errno = 0;
    unsigned long value = *text >= '0' && *text <= '9' ? strtoul(text, &stop, 10) : 0;
    if (*text < '0' || *text > '9' || *stop != end || errno || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* Return: 0, or -EINVAL after a message. */
static int read_variable(const char *name, uint32_t otherwise, uint32_t *out) {
    const char *value = name ? getenv(name) : NULL;
    *out = otherwise;
    return !value || parse(value, 0, out)
               ? 0
               : error_print(-EINVAL, "--shard auto: %s is '%s', not a number", name,
                             value);
}

/* An engine that does not say of how many needs @total. */
static bool is_here(const struct engine *e, uint32_t total) {
    return getenv(e->index) && (total || (e->total && getenv(e->total)));
}

/* A task that was lost and is started again alone is told about an array of one. */
static int check_whole(const struct engine *e, uint32_t total, uint32_t first,
                       uint32_t last, uint32_t step) {
    uint32_t n = 0;
    int r = read_variable(e->total, 0, &n);
    bool all =
        !e->last || !getenv(e->last) ||
        ((uint64_t)first + (uint64_t)step * (n - 1) == last && (n > 1 || first <= 1));
    if (r < 0 || !n || (all && (!total || n == total)))
        return r;
    return error_print(
        -EINVAL,
        "--shard auto: %s=%s and %s=%u: that is no whole array; for some of "
        "its tasks again, say which with DEARTH_SHARD (from 1 on) and "
        "DEARTH_SHARDS",
        e->index, getenv(e->index), e->total, n);
}

static int check(const struct engine *e, const struct shard *shard) {
    if (shard->n && shard->i && shard->i <= shard->n)
        return 0;
    return error_print(-EINVAL, "--shard auto: %s=%s is none of %u parts", e->index,
                       getenv(e->index), shard->n);
}

static int read_engine(const struct engine *e, uint32_t total, struct shard *out) {
    uint32_t index, first, last = 0, step;
    int r = read_variable(e->index, 0, &index);
    if (r == 0)
        r = read_variable(e->first, e->base, &first);
    if (r == 0)
        r = read_variable(e->last, 0, &last);
    if (r == 0)
        r = read_variable(e->step, 1, &step);
    if (r == 0)
        r = read_variable(total ? NULL : e->total, total, &out->n);
    if (r == 0)
        r = check_whole(e, total, first, last, step);
    if (r < 0)
        return r;
    bool fits = step && index >= first && (index - first) % step == 0;
    out->i = fits ? (index - first) / step + 1 : 0;
    return check(e, out);
}

/* @total: 0 = the engine says it */
static int from_environment(uint32_t total, struct shard *out) {
    for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
        if (is_here(&engines[i], total))
            return read_engine(&engines[i], total, out);
    return error_print(
        -EINVAL,
        total
            ? "--shard auto/%u: no number of this part in the environment: it has none of "
              "DEARTH_SHARD, SLURM_ARRAY_TASK_ID, CI_NODE_INDEX, CIRCLE_NODE_INDEX, "
              "BUILDKITE_PARALLEL_JOB, JOB_COMPLETION_INDEX, PARALLEL_SEQ"
            : "--shard auto: the environment does not say which part of how many: set "
              "DEARTH_SHARD (from 1 on) and DEARTH_SHARDS, or say --shard auto/N where "
              "only the number of the part is there",
        total);
}

int shard_parse(const char *text, struct shard *out) {
    uint32_t total = 0;
    *out = (struct shard){0};
    if (strcmp(text, "auto") == 0)
        return from_environment(0, out);
    if (strncmp(text, "auto/", 5) == 0 && parse(text + 5, 0, &total) && total)
        return from_environment(total, out);
    const char *slash = strchr(text, '/');
    if (slash && parse(text, '/', &out->i) && parse(slash + 1, 0, &out->n) && out->i &&
        out->i <= out->n)
        return 0;
    return error_print(-EINVAL, "--shard takes I/N, as 1/4, or auto, or auto/N, not '%s'",
                       text);
}
