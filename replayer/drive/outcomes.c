/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that are the same to all other processes: see outcomes.h. */
#include "outcomes.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "drive.h"
#include "guarding_runs.h"
#include "settle.h"
#include "task.h"
#include "text.h"
#include "words.h"

#define WITNESSES 2u /* whole runs; one might be luck */

struct outcome_member {
    struct task *task;       /* NULL: out of our hands */
    struct observation seen; /* of the copy: its proof, nothing owned */
};

struct outcome {
    const struct batch *batch; /* NULL: its original has ended */
    struct dearth_key key;
    int status; /* of the copies, as wait() gives it */
    struct outcome_member *members;
    uint32_t n;
    uint32_t n_shown;
    /* by the first whole run */
    enum verdict verdict;
    int exit_code, exit_signal;
    uint8_t output[16], files[16];
};

bool outcomes_take(struct drive *d, struct task *task, const struct batch *batch,
                   const struct observation *seen) {
    struct outcome *o = NULL;
    if (key_equal(seen->proof.outcome, (struct dearth_key){0}))
        return false;
    for (uint32_t i = 0; i < d->n_outcomes && !o; i++)
        if (d->outcomes[i]->batch == batch &&
            key_equal(d->outcomes[i]->key, seen->proof.outcome))
            o = d->outcomes[i];
    if (!o) {
        o = text_alloc(sizeof *o);
        *o = (struct outcome){
            .batch = batch, .key = seen->proof.outcome, .status = seen->proof.end_status};
        d->outcomes = text_grow(d->outcomes, d->n_outcomes, sizeof *d->outcomes);
        d->outcomes[d->n_outcomes++] = o;
    }
    o->members = text_grow(o->members, o->n, sizeof *o->members);
    struct outcome_member *m = &o->members[o->n++];
    *m = (struct outcome_member){.task = task};
    m->seen.proof = seen->proof;
    m->seen.proof.exe = NULL;
    m->seen.end.started_unix_ns = seen->end.started_unix_ns;
    m->seen.end.duration_ns = seen->end.duration_ns;
    m->seen.end.cpu_ns = seen->end.cpu_ns;
    return true;
}

static int give_up(struct drive *d, struct outcome *o, const char *reason) {
    int err = 0;
    for (uint32_t i = 0; i < o->n && err == 0; i++) {
        struct task *task = o->members[i].task;
        o->members[i].task = NULL;
        if (task)
            err = batch_leave_to_rerun(d, task, reason);
    }
    return err;
}

static int send_witness(struct drive *d, struct outcome *o, uint32_t i) {
    struct task *task = o->members[i].task;
    o->members[i].task = NULL;
    task->outcome = o;
    return batch_leave_to_rerun(d, task, refusal_name(SHM_REFUSED_PARENT));
}

int outcomes_end(struct drive *d, const struct batch *batch, const char *reason) {
    int err = 0;
    for (uint32_t i = 0; i < d->n_outcomes && err == 0; i++) {
        struct outcome *o = d->outcomes[i];
        if (o->batch != batch)
            continue;
        o->batch = NULL;
        if (reason || o->n <= WITNESSES) {
            err = give_up(d, o, reason ? reason : refusal_name(SHM_REFUSED_PARENT));
            continue;
        }
        err = send_witness(d, o, 0);
        if (err == 0)
            err = send_witness(d, o, o->n - 1);
    }
    return err;
}

/* Is it the run that the copies stand for? A bad one is its own call's: where it crashed, or who went on, tells
 * nothing of another's. */
static bool is_of(const struct outcome *o, const struct observation *seen,
                  const struct judgement *j) {
    bool decided = j->verdict != VERDICT_UNREACHED && j->severity <= SEVERITY_OK &&
                   !j->unsure && seen->proof.fired && !seen->proof.overwritten;
    bool ended = seen->proof.end_known && seen->proof.end_status == o->status &&
                 !seen->end.left_processes;
    bool same = o->n_shown == 0 ||
                (o->verdict == j->verdict && o->exit_code == seen->end.exit_code &&
                 o->exit_signal == seen->end.exit_signal &&
                 memcmp(o->output, seen->output.stdout_digest, sizeof o->output) == 0 &&
                 memcmp(o->files, seen->output.files_digest, sizeof o->files) == 0);
    return decided && ended && same;
}

/* The copy's own proof; what the whole run showed. */
static int settle_member(struct drive *d, struct outcome_member *m,
                         const struct observation *whole, const struct judgement *j) {
    struct task *task = m->task;
    struct observation seen = *whole; /* owns nothing */
    m->task = NULL;
    seen.how = HOW_SNAPSHOT;
    seen.proof = m->seen.proof;
    seen.proof.fired = true;
    seen.proof.refusal = 0;
    seen.proof.exe = whole->proof.exe;
    seen.end.started_unix_ns = m->seen.end.started_unix_ns;
    seen.end.duration_ns = m->seen.end.duration_ns;
    seen.end.cpu_ns = m->seen.end.cpu_ns;
    int64_t id = 0;
    int err = settle_store(d, task, &seen, j, NULL, &id);
    if (err == 0)
        err = ledger_check(d->replay->ledger, id);
    if (err < 0) {
        task_free(task);
        return err;
    }
    guarding_runs_consider(d, task, &seen, j->verdict);
    return settle_done(d, task);
}

int outcomes_shown(struct drive *d, struct task *task, const struct observation *seen,
                   const struct judgement *j) {
    struct outcome *o = task->outcome;
    int err = 0;
    task->outcome = NULL;
    if (!is_of(o, seen, j))
        return give_up(d, o, refusal_name(SHM_REFUSED_PARENT));
    if (o->n_shown++ == 0) {
        o->verdict = j->verdict;
        o->exit_code = seen->end.exit_code;
        o->exit_signal = seen->end.exit_signal;
        memcpy(o->output, seen->output.stdout_digest, sizeof o->output);
        memcpy(o->files, seen->output.files_digest, sizeof o->files);
        return 0;
    }
    for (uint32_t i = 0; i < o->n && err == 0; i++)
        if (o->members[i].task)
            err = settle_member(d, &o->members[i], seen, j);
    return err < 0 ? err : ledger_flush(d->replay->ledger);
}

bool outcomes_are_settled(const struct drive *d) {
    for (uint32_t i = 0; i < d->n_outcomes; i++)
        for (uint32_t k = 0; k < d->outcomes[i]->n; k++)
            if (d->outcomes[i]->members[k].task)
                return false;
    return true;
}

void outcomes_free_all(struct drive *d) {
    for (uint32_t i = 0; i < d->n_outcomes; i++) {
        for (uint32_t k = 0; k < d->outcomes[i]->n; k++)
            task_free(d->outcomes[i]->members[k].task);
        free(d->outcomes[i]->members);
        free(d->outcomes[i]);
    }
    free(d->outcomes);
}
