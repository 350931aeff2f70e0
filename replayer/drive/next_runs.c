/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Next runs: see next_runs.h, and left.h for what they are judged by.
 *
 *   attempts (reported, and their files may do harm) ─► one of each location, few of each kind
 *        ─► again, as a whole program ─► what it wrote ─► a private tree made so (before.h)
 *        ─► the program there, without a fault ─► harm ─► once more: harm again ─► attempt row
 *
 * A kind of what is left (left_look) that a next run put right does so for every location.
 */
#include "next_runs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "before.h"
#include "error.h"
#include "left.h"
#include "session.h"
#include "task.h"
#include "text.h"
#include "usual.h"

#define LOCATIONS_OF_KIND 3u /* that are looked at while each does harm */
#define LEAST_LOOKS       3u
#define LOOKS_PER_HUNDRED                                                                \
    4u /* faults: of two executions each, and a third where it does harm */
#define FORMER_BYTES 65536u /* of a file, that is compared with what is in it now */

void next_runs_deinit(struct replay *r) {
    free(r->left.looks);
    r->left = (struct left_tally){0};
}

void next_runs_consider(struct replay *r, const struct task *task,
                        const struct observation *seen, const struct judgement *j) {
    const struct order *order = &task->order;
    struct left_tally *left = &r->left;
    uint32_t of_kind = 0;
    if (j->verdict != VERDICT_REPORTED || j->files_same != 0 || seen->inferred ||
        seen->output.checked || order->under != UNDER_PLAIN || order->second_site_id ||
        order->mode == MODE_CHANCE || r->isolation != ISOLATION_OVERLAY ||
        r->options->how == REPLAY_SWEEP)
        return;
    uint64_t kind = left_look(&r->baseline, seen);
    if (!kind || !left_is_whole(seen))
        return;
    const struct plan_site *site = &r->sites.list[task->site];
    int64_t location = sites_location(site);
    for (uint32_t i = 0; i < left->n_looks; i++) {
        struct next_look *l = &left->looks[i];
        of_kind += l->kind == kind;
        if (l->kind != kind || l->location != location)
            continue;
        if (order->mode == MODE_ONCE && l->order.mode != MODE_ONCE)
            l->order = *order; /* says more */
        return;
    }
    if (of_kind >= LOCATIONS_OF_KIND)
        return;
    left->looks = text_grow(left->looks, left->n_looks, sizeof *left->looks);
    left->looks[left->n_looks++] = (struct next_look){*order, location, kind};
}

/* --- trees --- */

static void copy_file(struct before *out, const char *path, uint32_t mode,
                      const uint8_t *data, uint64_t n) {
    struct before_file *f = before_add(out, path);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    f->mode = mode;
    f->uid = geteuid();
    f->gid = getegid();
    f->modified_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (!n)
        return;
    f->data = text_alloc(n);
    memcpy(f->data, data, n);
    f->n = n;
    out->bytes += n;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct before_file *)a)->path,
                  ((const struct before_file *)b)->path);
}

/* What attempts find, and what one of them wrote over it. */
static void make_tree(const struct replay *r, const struct observation *seen,
                      struct before *out) {
    const struct written_file *files = seen->output.files;
    uint32_t n = seen->output.n_files, k = 0;
    for (uint32_t i = 0; i < r->conditions.before.n; i++) {
        const struct before_file *b = &r->conditions.before.files[i];
        while (k < n && strcmp(files[k].path, b->path) < 0)
            k++;
        if (k < n && strcmp(files[k].path, b->path) == 0)
            continue;
        copy_file(out, b->path, b->mode, b->data, b->n);
        struct before_file *f = &out->files[out->n - 1];
        f->uid = b->uid, f->gid = b->gid, f->modified_ns = b->modified_ns;
    }
    for (uint32_t i = 0; i < n; i++)
        copy_file(out, files[i].path, files[i].mode, files[i].kept, files[i].n_kept);
    if (out->n)
        qsort(out->files, out->n, sizeof *out->files, by_path);
}

/* Return: what a real file holds, owned; NULL when it is long, or not to be had. */
static uint8_t *read_file(const char *path, uint64_t size) {
    int fd = size && size <= FORMER_BYTES
                 ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                 : -1;
    if (fd < 0)
        return NULL;
    uint8_t *data = text_alloc(size);
    bool whole = read(fd, data, size) == (ssize_t)size;
    close(fd);
    if (whole)
        return data;
    free(data);
    return NULL;
}

/* A file as attempts find it; its data is owned. */
static struct left_former former_of(const struct replay *r, const char *path) {
    const struct before *before = &r->conditions.before;
    struct stat st;
    for (uint32_t i = 0; i < before->n; i++) {
        const struct before_file *f = &before->files[i];
        if (strcmp(f->path, path) != 0)
            continue;
        uint8_t *data = f->n ? text_alloc(f->n) : NULL;
        if (f->n)
            memcpy(data, f->data, f->n);
        return (struct left_former){path, f->mode, f->n, data};
    }
    if (lstat(path, &st) < 0)
        return (struct left_former){.path = path};
    uint64_t size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    return (struct left_former){path, st.st_mode, size, read_file(path, size)};
}

static struct left_former *read_former(const struct replay *r,
                                       const struct observation *seen) {
    struct left_former *out = text_alloc((seen->output.n_files + 1) * sizeof *out);
    for (uint32_t i = 0; i < seen->output.n_files; i++)
        out[i] = former_of(r, seen->output.files[i].path);
    return out;
}

static void free_former(struct left_former *former, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        free((void *)former[i].data);
    free(former);
}

/* --- runs --- */

bool next_runs_one(struct runner *runner, const struct order *order,
                   struct observation *out) {
    uint64_t tag;
    const struct session *session;
    int err = runner_submit(runner, order, 0);
    while (err == 0 && !interrupt_wanted())
        err = runner_wait(runner, 200, &tag, out, &session);
    return err > 0;
}

/* Once without a fault, in the tree that @seen left. Return: as next_runs_one(). */
static bool run_in_tree(const struct replay *r, const struct observation *seen,
                        struct observation *out) {
    struct before tree = {0};
    struct runner *runner = NULL;
    struct runner_options o = r->runner_options;
    const struct order order = {0};
    make_tree(r, seen, &tree);
    o.before = &tree;
    o.jobs = 1;
    bool known = runner_new(&o, &runner) == 0 && !runner_tree(runner)->not_before[0] &&
                 next_runs_one(runner, &order, out);
    runner_free(runner);
    before_deinit(&tree);
    return known;
}

/* What a run without a fault does in the tree of another one: once for all. */
static bool know_control(struct replay *r) {
    struct left_tally *left = &r->left;
    if (!left->control_known && left_is_whole(&r->runs[0]))
        left->control_known = run_in_tree(r, &r->runs[0], &left->control);
    return left->control_known;
}

static bool is_harm(struct replay *r, const struct observation *seen,
                    struct judgement *j) {
    struct observation next = {0};
    bool harm = false;
    if (run_in_tree(r, seen, &next)) {
        struct left_former *former = read_former(r, seen);
        const struct left_case c = {&r->baseline,     seen,        &next,
                                    &r->left.control, &r->runs[0], former};
        harm = left_judge(&c, j);
        free_former(former, seen->output.n_files);
    }
    observation_deinit(&next);
    return harm;
}

struct judgement next_runs_judge(struct replay *r, const struct order *order,
                                 struct observation *seen) {
    usual_set_aside(&r->baseline, seen);
    return replay_judge(r, order, seen);
}

/* Return: 1 it does harm, 0, or a negative errno after a message. */
static int look_at(struct replay *r, const struct next_look *look) {
    struct observation seen = {0};
    struct order order = look->order;
    int err = 0;
    order.repeat++;
    order.leaks = order.explore = false;
    bool known = next_runs_one(r->runner, &order, &seen);
    struct judgement j = {0};
    if (known)
        j = next_runs_judge(r, &order, &seen);
    bool harm = known && j.verdict == VERDICT_REPORTED && left_is_whole(&seen) &&
                left_look(&r->baseline, &seen) == look->kind && know_control(r) &&
                is_harm(r, &seen, &j) &&
                is_harm(r, &seen, &j); /* twice: what varies is none */
    if (harm)
        err = ledger_attempt(r->ledger, &order, &seen, &j, NULL);
    r->progress.executions += harm && err >= 0;
    observation_deinit(&seen);
    return err < 0 ? err : harm;
}

static bool is_refuted(const uint64_t *refuted, uint32_t n, uint64_t kind) {
    for (uint32_t i = 0; i < n; i++)
        if (refuted[i] == kind)
            return true;
    return false;
}

bool next_looks_explain(const struct next_look *looks, uint32_t n, const bool *shown,
                        uint32_t at) {
    for (uint32_t i = 0; i < n && looks[at].order.mode != MODE_ONCE; i++)
        if (shown[i] && looks[i].kind == looks[at].kind &&
            looks[i].order.mode == MODE_ONCE)
            return true;
    return false;
}

int next_looks_compare(const void *a, const void *b) {
    const struct next_look *x = a, *y = b;
    int mode = (x->order.mode != MODE_ONCE) - (y->order.mode != MODE_ONCE);
    return mode ? mode : x->location < y->location ? -1 : x->location > y->location;
}

static bool is_over(const struct replay *r) {
    return interrupt_wanted() || replay_time_is_up(r);
}

int next_runs(struct replay *r) {
    uint32_t most = LEAST_LOOKS + r->progress.planned * LOOKS_PER_HUNDRED / 100;
    uint32_t n_refuted = 0, looked = 0;
    AUTO_FREE uint64_t *refuted = text_alloc((r->left.n_looks + 1) * sizeof *refuted);
    int err = 0;
    AUTO_FREE bool *harms = text_alloc((r->left.n_looks + 1) * sizeof *harms);
    if (r->left.n_looks)
        qsort(r->left.looks, r->left.n_looks, sizeof *r->left.looks, next_looks_compare);
    runner_set_time_limit(r->runner, r->time_limit_ns);
    for (uint32_t i = 0; i < r->left.n_looks && looked < most && err >= 0; i++) {
        const struct next_look *look = &r->left.looks[i];
        if (is_over(r))
            break;
        if (is_refuted(refuted, n_refuted, look->kind) ||
            next_looks_explain(r->left.looks, r->left.n_looks, harms, i))
            continue;
        looked++;
        err = look_at(r, look);
        harms[i] = err > 0;
        if (err == 0)
            refuted[n_refuted++] = look->kind;
    }
    observation_deinit(&r->left.control);
    r->left.control_known = false;
    if (err >= 0)
        err = ledger_flush(r->ledger);
    return err < 0 ? err : interrupt_wanted() ? REPLAY_INTERRUPTED : REPLAY_DONE;
}
