/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What copies showed is believed when whole programs show it too: confirm.c groups the verdicts,
 * here are their reruns. A rerun that disagrees takes back its group's, which are run one by one.
 */
#include "confirm_runs.h"

#include "drive.h"
#include "guarding_runs.h"
#include "queue.h"
#include "task.h"
#include "text.h"

struct task *confirm_runs_task(const struct confirm_member *member) {
    struct task *task = text_alloc(sizeof *task);
    task->site = member->site;
    task->order = member->order;
    task->order.repeat = 1;
    task->bad = true;
    task->confirms = member->attempt_id;
    return task;
}

void confirm_runs_ask(struct drive *d, const struct confirm_member *member,
                      const struct observation *seen, const struct judgement *j) {
    const struct replay *r = d->replay;
    if (j->severity <= SEVERITY_OK || !r->options->repeat)
        return;
    const struct plan_site *site = &r->sites.list[member->site];
    struct confirm_group *g =
        confirm_join(&d->confirm, member, sites_location(site), seen, j);
    bool first = g->n_members == 1;
    if (!first && g->state != CONFIRM_DOUBTED)
        return;
    g->wanted = plan_is_bad(j->verdict) ? (uint32_t)r->options->repeat : 1;
    struct task *task = confirm_runs_task(member);
    task->group = first ? g : NULL;
    task_push(&d->urgent, task);
}

uint64_t confirm_runs_wanted_ns(const struct drive *d) {
    const struct replay *r = d->replay;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < d->confirm.n; i++) {
        const struct confirm_group *g = d->confirm.groups[i];
        if (g->state != CONFIRM_NEW)
            continue;
        sum += g->verdict == VERDICT_HUNG ? r->time_limit_ns : r->baseline.duration_ns;
    }
    return sum / (uint64_t)r->jobs;
}

/* The snapshot's verdict gives way to the reruns', here and in all of its group. */
static int contradict(struct drive *d, struct task *task) {
    struct confirm_group *g = task->group;
    int err = 0;
    g->state = CONFIRM_DOUBTED;
    for (uint32_t i = 0; i < g->n_members && err == 0; i++) {
        const struct confirm_member *m = &g->members[i];
        bool believed = (err = ledger_forget(d->replay->ledger, m->attempt_id)) > 0;
        if (believed)
            err =
                ledger_refuse(d->replay->ledger, m->order.site_id, REFUSAL_CONTRADICTED);
        if (!believed || m->attempt_id == task->confirms)
            continue; /* a void batch has asked for its rerun, or this is it */
        struct task *other = confirm_runs_task(m);
        other->order.repeat = 0;
        other->bad = false;
        task_push(&d->urgent, other);
    }
    return err;
}

int confirm_runs_take(struct drive *d, struct task **task, const struct observation *seen,
                      enum verdict verdict) {
    struct task *t = *task;
    struct confirm_group *g = t->group;
    if (verdict == VERDICT_UNREACHED && t->retries++ < MAX_RETRIES) {
        *task = NULL;
        return queue_again(d, t);
    }
    if (verdict != g->verdict) {
        int err = contradict(d, t);
        t->group = NULL;
        t->bad = plan_is_bad(verdict);
        return err;
    }
    g->state = CONFIRM_CONFIRMED;
    *task = NULL;
    bool enough = ++g->agreed >= g->wanted ||
                  (verdict == VERDICT_HUNG && g->agreed + 1 >= HUNG_EXECUTIONS);
    if (!enough)
        return queue_again(d, t);
    if (d->guarding.mode != GUARDING_ALL)
        guarding_runs_consider(d, t, seen, verdict);
    task_free(t);
    return 0;
}
