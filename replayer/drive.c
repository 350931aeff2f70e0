/*
 * The loop of a replay: orders out, observations in, one attempt row each.
 *
 *   urgent   repeats of bad verdicts, retries        first: a finding is whole early
 *   plan     the faults, in their order              next
 *   late     attempts that passed their time limit   last, when nothing else runs, with a
 *            longer limit: a busy machine is no hang; if it ends now, that counts
 *
 * Invariant: each task is in one of the lists, with the runner, or settled; `done` counts
 * the plan's faults whose series of executions is settled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "replay_private.h"
#include "text.h"

#define LATE_LIMIT_FACTOR 3u
#define SPIN_FACTOR       10u /* times the baseline's processor time */
#define SPIN_EXTRA_NS     200000000u
#define HUNG_EXECUTIONS   2u /* each costs its whole time limit */
#define EARLY_AFTER                                                                      \
    4u /* hangs settled by the whole limit before a shorter one is tried */
#define EARLY_SURE 16u /* and before the shorter one may settle a hang by itself */
#define EARLY_FACTOR                                                                     \
    12u /* enough to use SPIN_FACTOR times the baseline's processor time */
#define EARLY_EXTRA_NS 500000000u
#define MAX_RETRIES    4u /* of a fault whose site only some runs reach */
#define MAX_LOST       3u /* times that a worker may die with the same attempt */

struct task {
    struct order order;
    uint32_t site;    /* index */
    bool bad;         /* some execution of its series was bad */
    uint32_t retries; /* of an unreached fault */
    bool is_late;
    uint64_t limit_ns; /* of the execution under way */
    uint32_t lost;
    /* the execution that passed its limit, until the longer one decides */
    struct observation first;
    struct judgement first_judgement;
};

struct task_list {
    struct task **items;
    uint32_t n, head, capacity;
};

struct drive {
    struct replay *replay;
    struct task_list urgent, late;
    uint32_t next_fault;
    struct task **flying; /* by tag */
    uint32_t n_flying, n_tags;
    uint64_t *unreached; /* by site: an occurrence that never came up; 0 = none */
    bool late_phase, stopping;
    uint32_t n_hung;  /* settled as hung */
    bool early_wrong; /* something that passed the shorter limit did end */
};

/* --- lists --- */

static void push(struct task_list *list, struct task *task) {
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->items = text_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->n++] = task;
}

static struct task *pop(struct task_list *list) {
    return list->head < list->n ? list->items[list->head++] : NULL;
}

static void free_task(struct task *task) {
    if (task)
        observation_deinit(&task->first);
    free(task);
}

static void free_list(struct task_list *list) {
    while (list->head < list->n)
        free_task(list->items[list->head++]);
    free(list->items);
}

/* --- what comes next --- */

static struct task *make_task(const struct replay *r, const struct plan_fault *f) {
    const struct plan_site *s = &r->sites.list[f->site];
    struct task *task = text_alloc(sizeof *task);
    task->site = f->site;
    task->bad = f->done > 0; /* only a series of repeats is left unfinished */
    task->order = (struct order){.site_id = s->id,
                                 .site = s->key,
                                 .leaf_module = s->leaf_module,
                                 .leaf_offset = s->leaf_offset,
                                 .occurrence = f->occurrence,
                                 .mode = f->mode,
                                 .burst = 1,
                                 .repeat = f->done};
    return task;
}

static struct task *next_planned(struct drive *d) {
    struct replay *r = d->replay;
    while (d->next_fault < r->plan.n_faults) {
        const struct plan_fault *f = &r->plan.faults[d->next_fault++];
        if (d->unreached[f->site] == f->occurrence) {
            r->progress.done++; /* the other mode has shown that it never comes up */
            continue;
        }
        return make_task(r, f);
    }
    return NULL;
}

static struct task *next_task(struct drive *d) {
    if (d->stopping)
        return NULL;
    struct task *task = pop(&d->urgent);
    if (!task)
        task = next_planned(d);
    if (!task && d->n_flying == 0 && d->late.head < d->late.n)
        d->late_phase = true;
    if (!task && d->late_phase)
        task = pop(&d->late);
    return task;
}

/*
 * A program with hundreds of hanging sites need not wait out the whole limit for each. Once some
 * have hung, first executions get a shorter limit, which is still many times what a run without
 * a fault takes; whoever passes it is run again with the whole limit. After more of them, and
 * never a contradiction, the shorter limit settles it too.
 */
static uint64_t limit_of(const struct drive *d, const struct task *task) {
    const struct replay *r = d->replay;
    if (d->late_phase)
        return LATE_LIMIT_FACTOR * r->time_limit_ns;
    bool early = d->n_hung >= (task->is_late ? EARLY_SURE : EARLY_AFTER);
    uint64_t fastest = r->baseline.duration_ns;
    for (uint32_t i = 0; i < r->n_runs; i++)
        fastest = r->runs[i].duration_ns < fastest ? r->runs[i].duration_ns : fastest;
    uint64_t limit = EARLY_FACTOR * fastest + EARLY_EXTRA_NS;
    if (!early || d->early_wrong || r->options->time_limit_ns || limit > r->time_limit_ns)
        return r->time_limit_ns;
    return limit;
}

static int fly(struct drive *d, struct task *task) {
    task->limit_ns = limit_of(d, task);
    runner_set_time_limit(d->replay->runner, task->limit_ns);
    uint32_t tag = 0;
    while (tag < d->n_tags && d->flying[tag])
        tag++;
    if (tag == d->n_tags) {
        d->flying = text_realloc(d->flying, (d->n_tags + 1) * sizeof *d->flying);
        d->n_tags++;
    }
    d->flying[tag] = task;
    d->n_flying++;
    return runner_submit(d->replay->runner, &task->order, tag);
}

/* --- results --- */

static int settle(struct drive *d, struct task *task) {
    d->replay->progress.done++;
    free_task(task);
    return 0;
}

static int store_execution(struct drive *d, const struct task *task,
                           const struct observation *seen, const struct judgement *j) {
    struct progress *p = &d->replay->progress;
    p->executions++;
    p->verdicts[j->verdict]++;
    return ledger_attempt(d->replay->ledger, &task->order, seen, j, NULL);
}

static int again(struct drive *d, struct task *task) {
    task->order.repeat++;
    push(&d->urgent, task);
    return 0;
}

static bool was_planned(const struct replay *r, uint32_t site, uint64_t occurrence,
                        enum fault_mode mode) {
    for (uint32_t i = 0; i < r->sites.input.n_attempts; i++) {
        const struct plan_attempt *a = &r->sites.attempts[i];
        if (a->site_id == r->sites.list[site].id && a->occurrence == occurrence &&
            a->mode == mode)
            return true;
    }
    return r->options->plan.occurrence != PLAN_LAST &&
           r->options->plan.occurrence != PLAN_NTH;
}

/* A fault that never came up gets more chances: at the first occurrence when it was a later one,
 * and because runs differ (hash tables with random seeds grow when they like). */
static int retry_unreached(struct drive *d, struct task *task) {
    struct replay *r = d->replay;
    uint32_t chances = r->sites.in_baseline[task->site] ? MAX_RETRIES : 1;
    if (task->retries == 0 && task->order.occurrence > 1 &&
        !was_planned(r, task->site, 1, task->order.mode)) {
        task->retries++;
        task->order.occurrence = 1;
        task->order.repeat = 0;
        push(&d->urgent, task);
        return 0;
    }
    if (task->order.occurrence == 1 && task->retries < chances) {
        task->retries++;
        return again(d, task);
    }
    d->unreached[task->site] = task->order.occurrence;
    return settle(d, task);
}

/* A hang is settled by the longer limit: both executions count, or only the second. */
static int take_late(struct drive *d, struct task *task, const struct judgement *j) {
    int err = 0;
    if (j->verdict == VERDICT_HUNG) {
        err = store_execution(d, task, &task->first, &task->first_judgement);
        task->order.repeat++;
    }
    observation_deinit(&task->first);
    return err;
}

/* Is this hang the program's own doing, however busy the machine is? */
static bool is_own_doing(const struct replay *r, const struct task *task,
                         const struct observation *seen) {
    uint64_t cpu = 0;
    for (uint32_t i = 0; i < r->n_runs; i++)
        cpu = r->runs[i].cpu_ns > cpu ? r->runs[i].cpu_ns : cpu;
    bool runaway = seen->duration_ns < task->limit_ns;
    return runaway || seen->cpu_ns >= SPIN_FACTOR * cpu + SPIN_EXTRA_NS;
}

static int postpone(struct task_list *list, struct task *task, struct observation *seen,
                    const struct judgement *j) {
    task->first = *seen;
    task->first_judgement = *j;
    *seen = (struct observation){0};
    task->is_late = true;
    push(list, task);
    return 0;
}

/* Takes @task over. @seen stays the caller's (or is emptied). */
static int take_result(struct drive *d, struct task *task, struct observation *seen) {
    struct replay *r = d->replay;
    if (seen->start_error) {
        free_task(task);
        return error_print_errno(-seen->start_error, "%s: cannot be started again",
                                 r->conditions.exe);
    }
    struct judgement j =
        verdict_judge(&r->baseline, seen, r->options->policies, r->options->n_policies);
    bool hung = j.verdict == VERDICT_HUNG;
    if (hung && !task->is_late && !is_own_doing(r, task, seen))
        return postpone(&d->late, task, seen, &j);
    if (hung && !task->is_late && task->limit_ns < r->time_limit_ns)
        return postpone(&d->urgent, task, seen, &j);
    d->early_wrong |= task->is_late && !hung && !d->late_phase;
    int err = task->is_late ? take_late(d, task, &j) : 0;
    if (err == 0)
        err = store_execution(d, task, seen, &j);
    if (err < 0) {
        free_task(task);
        return err;
    }
    if (j.verdict == VERDICT_UNREACHED && !task->bad)
        return retry_unreached(d, task);
    task->bad |= plan_is_bad(j.verdict);
    bool more = task->bad && task->order.repeat < (uint32_t)r->options->repeat;
    bool hung_enough = hung && task->order.repeat + 1 >= HUNG_EXECUTIONS;
    d->n_hung += hung_enough;
    if (!more || hung_enough)
        return settle(d, task);
    task->is_late = false;
    return again(d, task);
}

static int take_lost(struct drive *d, struct task *task, int err) {
    if (++task->lost < MAX_LOST) {
        push(&d->urgent, task);
        return 0;
    }
    char key[DEARTH_KEY_HEX + 1];
    text_key(task->order.site, key);
    free_task(task);
    return error_print_errno(err, "site %.16s: the attempt could not be run", key);
}

/* --- the loop --- */

static int submit_all(struct drive *d) {
    int err = 0;
    while (err == 0 && runner_ready(d->replay->runner)) {
        struct task *task = next_task(d);
        if (!task)
            break;
        err = fly(d, task);
    }
    return err;
}

static int wait_one(struct drive *d) {
    struct observation seen = {0};
    const struct session *session = NULL;
    uint64_t tag = UINT64_MAX;
    int err = runner_wait(d->replay->runner, 200, &tag, &seen, &session);
    if (err == 0)
        return 0;
    struct task *task = tag < d->n_tags ? d->flying[tag] : NULL;
    if (!task) {
        observation_deinit(&seen);
        return err < 0 ? error_print_errno(err, "waiting for an attempt") : 0;
    }
    d->flying[tag] = NULL;
    d->n_flying--;
    err = err > 0 ? take_result(d, task, &seen) : take_lost(d, task, err);
    observation_deinit(&seen);
    return err;
}

static int loop(struct drive *d) {
    struct replay *r = d->replay;
    int outcome = REPLAY_DONE;
    for (;;) {
        int err = submit_all(d);
        if (err < 0)
            return err;
        if (d->n_flying == 0)
            return outcome;
        if ((err = wait_one(d)) < 0)
            return err;
        if (interrupt_wanted())
            return REPLAY_INTERRUPTED;
        if (r->options->time_budget_ns && !d->stopping &&
            progress_clock() - r->started_ns >= r->options->time_budget_ns) {
            d->stopping = true; /* what is in the air may land */
            outcome = REPLAY_BUDGET;
        }
        progress_show(&r->progress);
    }
}

int drive_run(struct replay *r) {
    struct drive d = {.replay = r};
    d.unreached = text_alloc((r->sites.input.n_sites + 1) * sizeof *d.unreached);
    int outcome = loop(&d);
    if (outcome == REPLAY_BUDGET && d.next_fault == r->plan.n_faults &&
        d.urgent.head == d.urgent.n && d.late.head == d.late.n)
        outcome = REPLAY_DONE; /* it was just enough */
    progress_clear(&r->progress);
    free_list(&d.urgent);
    free_list(&d.late);
    for (uint32_t i = 0; i < d.n_tags; i++)
        free_task(d.flying[i]);
    free(d.flying);
    free(d.unreached);
    return outcome;
}
