/*
 * The loop of a replay: orders out, observations in, one attempt row each.
 *
 *   snapshots  faults that copies of a running program may get, in batches   first, if asked for
 *   urgent   repeats of bad verdicts, retries        next: a finding is whole early
 *   plan     the faults, in their order              next
 *   guarded  what looked suspicious, once more with guarded blocks (guarding.h)
 *   late     attempts that passed their time limit   last, when nothing else runs, with a
 *            longer limit: a busy machine is no hang; if it ends now, that counts
 *   doubted  other output than the baseline's        until a run without a fault, made
 *            after them (a control), says that it is not the clock which has moved on
 *
 * With --depth 2 the pairs come after the plan, in the same loop.
 *
 * Invariant: each task is in one of the lists, with the runner, or settled; `done` counts
 * the plan's faults whose series of executions is settled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "confirm.h"
#include "error.h"
#include "guarding.h"
#include "replay_private.h"
#include "snapshot.h"
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
#define CONTROL_FACTOR 20u /* of the baseline's duration, from one control to the next */
#define MIN_CONTROL_NS 2000000000u
#define MAX_RETRIES    4u /* of a fault whose site only some runs reach */
#define GUARDED_FACTOR 5u /* times the limit: every stack is walked, every block filled */
#define GUARDED_RUNS   2u /* without a fault, before the first guarded attempt */
#define MAX_LOST       3u /* times that a worker may die with the same attempt */
/* Hash seeds and address layouts make the number of calls vary from run to run (perl: 1243 or 1244)
 * beyond what a few baseline runs show; one in so many is no sign of a disturbed original. */
#define CALLS_VARY     100u
/* Being copied takes the original a millisecond or a few; on a busy machine many times that. */
#define COPIED_NS      50000000u
/* A snapshot run costs a run of the whole program: auto wants something to save. */
#define WORTH_A_BATCH  4u
/* Copies that write files end their original; with fewer results than this for each such end
 * (after a few), a rerun for each fault is as cheap. */
#define WORTH_A_SPOIL  3u
#define SPOILS_ALLOWED 4u
/* What copies showed counts when their original has ended well. A replay that is to stop waits for
 * that, with no more copies: for twice what a run takes, at most so long, and a second. */
#define STOP_MOST_NS   5000000000u
#define STOP_EXTRA_NS  1000000000u

struct task {
    struct order order;
    uint32_t site;    /* index */
    bool bad;         /* some execution of its series was bad */
    uint32_t retries; /* of an unreached fault */
    bool is_late;
    uint64_t limit_ns; /* of the execution under way */
    uint32_t lost;
    struct batch *batch;         /* flying in a snapshot run */
    struct confirm_group *group; /* its rerun confirms a snapshot's verdict ... */
    int64_t confirms;            /* ... this attempt's, and those of its group */
    enum verdict last;  /* of the execution before this one; VERDICT_NONE = none */
    bool disagrees;     /* two executions of the series had different verdicts */
    uint64_t plain_end; /* guarded: guarding_end() of the plain execution */
    /* the execution that passed its limit, until the longer one decides */
    struct observation first;
    struct judgement first_judgement;
    struct observation doubted; /* until a control has run */
    bool is_control;
};

struct task_list {
    struct task **items;
    uint32_t n, head, capacity;
};

/* One snapshot run. */
struct batch {
    bool flying;
    uint32_t n_results;
    struct confirm_member *members; /* [n_results]: void when its original diverges */
};
#define BATCH_TAG (1ull << 63)
/* Whether the program bears guarded blocks is found out when it is first asked. */
enum guarded_state { GUARDED_UNKNOWN, GUARDED_ON_TRIAL, GUARDED_FIT, GUARDED_REFUSED };

struct drive {
    struct replay *replay;
    struct task_list urgent, late, doubted;
    struct task_list snapshots; /* faults for snapshot runs */
    struct task_list reruns;    /* what snapshots refused */
    struct batch **batches;
    uint32_t n_batches, n_flying_batches;
    uint32_t n_spoils, n_spoilt_results;
    struct confirm confirm;
    struct task_list guarded;
    struct guarding guarding;
    enum guarded_state guarded_state;
    uint32_t guarded_runs; /* of the trial, that have ended */
    uint32_t guarded_hung; /* guarded attempts that passed their limit: not judged */
    bool pairs;            /* of replay->pairs, not of the plan */
    bool chance;           /* replay->options->runs executions by chance instead */
    uint32_t n_unfired;    /* by chance: nothing failed */
    uint32_t next_fault;   /* or pair */
    struct task **flying;  /* by tag */
    uint32_t n_flying, n_tags;
    uint32_t first_free; /* no tag below is free */
    uint64_t *unreached; /* by site: an occurrence that never came up; 0 = none */
    bool late_phase, stopping;
    uint64_t give_up_ns; /* stopping: originals that are not done by then are left */
    uint32_t n_hung;     /* settled as hung */
    bool early_wrong;    /* something that passed the shorter limit did end */
    uint64_t control_ns; /* when the last control was started; 0 = none was */
    uint32_t covered;    /* doubted ones that were there then */
    bool control_flying;
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
    if (task) {
        observation_deinit(&task->first);
        observation_deinit(&task->doubted);
    }
    free(task);
}

static void free_list(struct task_list *list) {
    while (list->head < list->n)
        free_task(list->items[list->head++]);
    free(list->items);
}

/* --- what comes next --- */

struct order drive_order(const struct replay *r, const struct plan_fault *f) {
    const struct plan_site *s = &r->sites.list[f->site];
    return (struct order){.site_id = s->id,
                          .site = s->key,
                          .leaf_module = s->leaf_module,
                          .leaf_offset = s->leaf_offset,
                          .occurrence = f->occurrence,
                          .mode = f->mode,
                          .burst = f->mode == MODE_BURST ? r->options->plan.burst : 1,
                          .repeat = f->done,
                          .explore = f->explore,
                          .thread = r->options->plan.thread,
                          .call = f->call,
                          .under = r->under};
}

static struct task *make_task(const struct replay *r, const struct plan_fault *f) {
    struct task *task = text_alloc(sizeof *task);
    task->site = f->site;
    task->bad = f->bad;
    task->order = drive_order(r, f);
    return task;
}

static struct task *make_pair(const struct replay *r, const struct pair *p) {
    const struct plan_fault first = {.site = p->first,
                                     .occurrence = p->occurrence,
                                     .mode = MODE_ONCE,
                                     .done = p->done,
                                     .bad = p->bad};
    struct task *task = make_task(r, &first);
    task->order.second_site_id = p->second;
    task->order.second_site = p->key;
    task->order.second_leaf_module = p->leaf_module;
    task->order.second_leaf_offset = p->leaf_offset;
    task->order.second_occurrence = 1;
    return task;
}

/* The next seed that was not tried by an earlier replay. */
static struct task *next_chance(struct drive *d) {
    struct replay *r = d->replay;
    struct chance chance = r->chance;
    while (d->next_fault < r->options->runs) {
        chance.seed = r->chance.seed + d->next_fault++;
        if (chance_is_done(r, &chance) > 0) {
            r->progress.done++;
            continue;
        }
        struct task *task = text_alloc(sizeof *task);
        task->order = (struct order){.site_id = ORDER_BY_CHANCE,
                                     .mode = MODE_CHANCE,
                                     .occurrence = 1,
                                     .burst = 1,
                                     .under = r->under,
                                     .chance = chance};
        return task;
    }
    return NULL;
}

static struct task *next_planned(struct drive *d) {
    struct replay *r = d->replay;
    if (d->chance)
        return next_chance(d);
    if (d->pairs)
        return d->next_fault < r->pairs.n ? make_pair(r, &r->pairs.list[d->next_fault++])
                                          : NULL;
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

/* Guarded runs without a fault first, once; then the attempts that wait for them. */
static struct task *next_guarded(struct drive *d) {
    if (d->guarded.head == d->guarded.n)
        return NULL;
    if (d->guarded_state == GUARDED_FIT)
        return pop(&d->guarded);
    if (d->guarded_state != GUARDED_UNKNOWN)
        return NULL;
    d->guarded_state = GUARDED_ON_TRIAL;
    for (uint32_t i = 0; i < GUARDED_RUNS; i++) {
        struct task *task = text_alloc(sizeof *task);
        task->order.under = UNDER_GUARDED;
        push(&d->urgent, task);
    }
    return pop(&d->urgent);
}

/* Controls are cheap against what runs between them. */
static bool control_is_due(const struct drive *d) {
    uint64_t every = CONTROL_FACTOR * d->replay->baseline.duration_ns;
    every = every > MIN_CONTROL_NS ? every : MIN_CONTROL_NS;
    return d->doubted.head < d->doubted.n && !d->control_flying &&
           (!d->control_ns || progress_clock() - d->control_ns >= every);
}

static struct task *make_control(struct drive *d) {
    if (d->doubted.head == d->doubted.n || d->control_flying)
        return NULL;
    struct task *task = text_alloc(sizeof *task);
    task->is_control = true;
    d->control_flying = true;
    d->control_ns = progress_clock();
    d->covered = d->doubted.n;
    return task;
}

static struct task *next_fault(struct drive *d) {
    if (d->stopping)
        return NULL;
    struct task *task = pop(&d->urgent);
    if (!task)
        task = pop(&d->reruns);
    if (!task)
        task = next_planned(d);
    if (!task)
        task = next_guarded(d);
    if (!task && d->n_flying == 0 && d->n_flying_batches == 0 && d->late.head < d->late.n)
        d->late_phase = true;
    if (!task && d->late_phase)
        task = pop(&d->late);
    return task;
}

static struct task *next_task(struct drive *d) {
    struct task *task = control_is_due(d) ? make_control(d) : next_fault(d);
    return task ? task : make_control(d);
}

/*
 * A program with hundreds of hanging sites need not wait out the whole limit for each. Once some
 * have hung, first executions get a shorter limit, which is still many times what a run without
 * a fault takes; whoever passes it is run again with the whole limit. After more of them, and
 * never a contradiction, the shorter limit settles it too.
 */
static uint64_t limit_of(const struct drive *d, const struct task *task) {
    const struct replay *r = d->replay;
    if (task->order.under == UNDER_GUARDED)
        return GUARDED_FACTOR * r->time_limit_ns;
    if (d->late_phase || task->is_control)
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

/* Return: the tag under which @task flies. */
static uint32_t take_off(struct drive *d, struct task *task) {
    uint32_t tag = d->first_free;
    while (tag < d->n_tags && d->flying[tag])
        tag++;
    if (tag == d->n_tags) {
        d->flying = text_realloc(d->flying, (d->n_tags + 1) * sizeof *d->flying);
        d->n_tags++;
    }
    d->first_free = tag + 1;
    d->flying[tag] = task;
    d->n_flying++;
    return tag;
}

static struct task *land(struct drive *d, uint64_t tag) {
    struct task *task = tag < d->n_tags ? d->flying[tag] : NULL;
    if (task) {
        d->flying[tag] = NULL;
        d->n_flying--;
        d->first_free = tag < d->first_free ? (uint32_t)tag : d->first_free;
    }
    return task;
}

static int fly(struct drive *d, struct task *task) {
    task->limit_ns = limit_of(d, task);
    runner_set_time_limit(d->replay->runner, task->limit_ns);
    uint32_t tag = take_off(d, task);
    return runner_submit(d->replay->runner, &task->order, tag);
}

/* --- results --- */

static int settle(struct drive *d, struct task *task) {
    d->replay->progress.done++;
    free_task(task);
    return 0;
}

/* @session: of an execution whose arena is still there, else NULL */
static int store_execution(struct drive *d, struct task *task,
                           const struct observation *seen, const struct judgement *j,
                           struct session *session, int64_t *attempt_id) {
    struct replay *r = d->replay;
    r->progress.executions++;
    r->progress.verdicts[j->verdict]++;
    int err = ledger_attempt(r->ledger, &task->order, seen, j, attempt_id);
    if (err < 0 || !session || !task->order.explore || !seen->fired ||
        !plan_is_explorable(j->verdict))
        return err;
    task->order.explore = false;
    return ledger_explored(r->ledger, *attempt_id, session);
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
    if (r->sites.input.windows) /* only chosen calls may fail */
        return true;
    return r->options->plan.occurrence != PLAN_LAST &&
           r->options->plan.occurrence != PLAN_NTH;
}

/* A fault that never came up gets more chances: at the first occurrence when it was a later one,
 * and because runs differ (hash tables with random seeds grow when they like). */
static int retry_unreached(struct drive *d, struct task *task) {
    struct replay *r = d->replay;
    uint32_t chances = r->sites.in_baseline[task->site] ? MAX_RETRIES : 1;
    if (task->order.second_site_id) {
        if (task->retries++ > 0)
            return settle(d, task);
        return again(d, task);
    }
    if (task->retries == 0 && task->order.occurrence > 1 &&
        !was_planned(r, task->site, 1, task->order.mode)) {
        task->retries++;
        task->order.occurrence = 1;
        task->order.repeat = 0;
        push(&d->urgent, task);
        return 0;
    }
    if ((task->order.occurrence == 1 || r->sites.input.windows) &&
        task->retries < chances) {
        task->retries++;
        return again(d, task);
    }
    d->unreached[task->site] = task->order.occurrence;
    return settle(d, task);
}

/* A hang is settled by the longer limit: both executions count, or only the second. */
static int take_late(struct drive *d, struct task *task, const struct judgement *j) {
    int err = 0;
    int64_t attempt;
    if (j->verdict == VERDICT_HUNG) {
        err = store_execution(d, task, &task->first, &task->first_judgement, NULL,
                              &attempt);
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
    return runaway || seen->hang == HANG_DEADLOCK ||
           seen->cpu_ns >= SPIN_FACTOR * cpu + SPIN_EXTRA_NS;
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

/* --- guarded --- */

/* The plain executions of @task's fault are over. */
static void consider_guarded(struct drive *d, const struct task *task,
                             const struct observation *seen, enum verdict verdict) {
    const struct plan_site *site = &d->replay->sites.list[task->site];
    if (d->guarded_state == GUARDED_REFUSED || task->order.under != UNDER_PLAIN ||
        task->order.mode == MODE_CHANCE)
        return;
    bool ordinary = verdict == VERDICT_HANDLED || verdict == VERDICT_REPORTED;
    const struct guarding_case c = {
        .location = site->location ? site->location : -site->id,
        .verdict = verdict,
        .disagrees = task->disagrees,
        .caught = ordinary && seen->crash_signal && seen->crash_code > 0};
    if (!guarding_wants(&d->guarding, &c))
        return;
    struct task *guarded = text_alloc(sizeof *guarded);
    guarded->site = task->site;
    guarded->order = task->order;
    guarded->order.repeat = 0;
    guarded->order.under = UNDER_GUARDED;
    guarded->plain_end = guarding_end(verdict, seen);
    push(&d->guarded, guarded);
}

/* A guarded run without a fault. */
static int take_guarded_run(struct drive *d, const struct observation *seen) {
    struct replay *r = d->replay;
    char why[160];
    if (d->guarded_state != GUARDED_ON_TRIAL)
        return 0;
    if (!guarding_refusal(&r->baseline, seen, why, sizeof why)) {
        if (++d->guarded_runs == GUARDED_RUNS)
            d->guarded_state = GUARDED_FIT;
        return 0;
    }
    d->guarded_state = GUARDED_REFUSED;
    for (struct task *task; (task = pop(&d->guarded));)
        free_task(task);
    AUTO_FREE char *text = text_format(
        "%s cannot be run with guarded blocks: %s; silent damage to memory is "
        "not looked for",
        r->conditions.exe, why);
    progress_clear(&r->progress);
    error_warn("%s", text);
    return ledger_note(r->ledger, "guard_refused", r->conditions.exe, text);
}

/* Only what the guard shows with proof counts: a fault that did not come up, or a limit that
 * was passed, may be its own doing. Takes @task over. */
static int take_guarded(struct drive *d, struct task *task,
                        const struct observation *seen) {
    struct replay *r = d->replay;
    if (task->order.site_id == 0) {
        free_task(task);
        return take_guarded_run(d, seen);
    }
    struct judgement j =
        verdict_judge(&r->baseline, seen, r->options->policies, r->options->n_policies);
    d->guarded_hung += j.verdict == VERDICT_HUNG;
    if (j.verdict == VERDICT_HUNG || j.verdict == VERDICT_UNREACHED) {
        free_task(task);
        return 0;
    }
    r->progress.guarded++;
    int err = store_execution(d, task, seen, &j, NULL, NULL);
    bool more = plan_is_bad(j.verdict) &&
                guarding_end(j.verdict, seen) != task->plain_end &&
                task->order.repeat < (uint32_t)r->options->repeat;
    if (err == 0 && more)
        return again(d, task);
    free_task(task);
    return err;
}

/* --- snapshots --- */

static struct task *rerun_of(const struct confirm_member *member) {
    struct task *task = text_alloc(sizeof *task);
    task->site = member->site;
    task->order = member->order;
    task->order.repeat = 1;
    task->bad = true;
    task->confirms = member->attempt_id;
    return task;
}

/* No copy got this fault: a whole program will. */
static int leave_to_rerun(struct drive *d, struct task *task, const char *reason) {
    task->batch = NULL;
    push(&d->reruns, task);
    return ledger_refuse(d->replay->ledger, task->order.site_id, reason);
}

static int take_refusal(struct drive *d, struct task *task,
                        const struct observation *seen) {
    if (d->stopping) { /* no copy may have been made for that alone */
        task->batch = NULL;
        push(&d->snapshots, task);
        return 0;
    }
    const char *reason = snapshot_refusal_name((enum shm_refusal)seen->refusal);
    if (reason)
        return leave_to_rerun(d, task, reason);
    if (++task->lost >= MAX_LOST)
        return leave_to_rerun(d, task, snapshot_refusal_name(SHM_REFUSED_FILES));
    task->batch = NULL;
    push(&d->snapshots, task); /* its original had to be ended before it came up */
    return 0;
}

/* What must be run again before it is believed. */
static void ask_confirmation(struct drive *d, const struct confirm_member *member,
                             const struct observation *seen, const struct judgement *j) {
    const struct replay *r = d->replay;
    if (j->severity <= SEVERITY_OK || !r->options->repeat)
        return;
    const struct plan_site *site = &r->sites.list[member->site];
    struct confirm_group *g = confirm_join(
        &d->confirm, member, site->location ? site->location : -site->id, seen, j);
    bool first = g->n_members == 1;
    if (!first && g->state != CONFIRM_DOUBTED)
        return;
    g->wanted = plan_is_bad(j->verdict) ? (uint32_t)r->options->repeat : 1;
    struct task *task = rerun_of(member);
    task->group = first ? g : NULL;
    push(&d->urgent, task);
}

static int take_snapshot(struct drive *d, struct task *task,
                         const struct observation *seen, const struct judgement *j) {
    struct batch *batch = task->batch;
    if (!seen->fired)
        return take_refusal(d, task, seen);
    int64_t id = 0;
    int err = store_execution(d, task, seen, j, NULL, &id);
    const struct confirm_member member = {task->order, task->site, id};
    uint32_t n = batch->n_results++;
    batch->members = text_realloc(batch->members, (n + 1) * sizeof *batch->members);
    batch->members[n] = member;
    d->n_spoilt_results++;
    if (err == 0)
        ask_confirmation(d, &member, seen, j);
    /* what is to be confirmed first is asked for then */
    if (j->severity <= SEVERITY_OK || !d->replay->options->repeat ||
        d->guarding.mode == GUARDING_ALL)
        consider_guarded(d, task, seen, j->verdict);
    settle(d, task);
    return err;
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
            err = ledger_refuse(d->replay->ledger, m->order.site_id, "contradicted");
        if (!believed || m->attempt_id == task->confirms)
            continue; /* a void batch has asked for its rerun, or this is it */
        struct task *other = rerun_of(m);
        other->order.repeat = 0;
        other->bad = false;
        push(&d->urgent, other);
    }
    return err;
}

/* @task: set to NULL when it is done with. Return: 0 or a negative errno. */
static int take_confirmation(struct drive *d, struct task **task,
                             const struct observation *seen, enum verdict verdict) {
    struct task *t = *task;
    struct confirm_group *g = t->group;
    if (verdict == VERDICT_UNREACHED && t->retries++ < MAX_RETRIES) {
        *task = NULL;
        return again(d, t);
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
    if (!enough) {
        t->is_late = false;
        return again(d, t);
    }
    if (d->guarding.mode != GUARDING_ALL)
        consider_guarded(d, t, seen, verdict);
    free_task(t);
    return 0;
}

/* Did the original behave as if it had not been copied? */
static bool has_diverged(const struct replay *r, const struct observation *seen) {
    const struct baseline *b = &r->baseline;
    struct judgement j = {0};
    if (seen->refusal == SHM_REFUSED_FILES) /* ended by us: as far as it came */
        return b->stdout_stable && seen->stdout_kept <= b->stdout_kept &&
               seen->stdout_kept &&
               memcmp(seen->stdout_data, b->stdout_data, seen->stdout_kept) != 0;
    if (seen->timed_out || (b->status_stable && (seen->exit_code != b->exit_code ||
                                                 seen->exit_signal != b->exit_signal)))
        return true;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < r->n_runs; i++) {
        least = r->runs[i].calls < least ? r->runs[i].calls : least;
        most = r->runs[i].calls > most ? r->runs[i].calls : most;
    }
    uint64_t slack = most - least + most / CALLS_VARY + 1;
    return seen->calls + slack < least || seen->calls > most + slack ||
           baseline_stdout_same(b, seen, &j) == 0 ||
           baseline_files_same(b, seen, &j) == 0;
}

/* What its copies showed counts from now on. */
static int check_batch(struct drive *d, const struct batch *batch) {
    int err = 0;
    for (uint32_t i = 0; i < batch->n_results && err == 0; i++)
        err = ledger_check(d->replay->ledger, batch->members[i].attempt_id);
    return err < 0 ? err : ledger_flush(d->replay->ledger);
}

/* What its copies showed is no evidence: their faults are for whole programs. */
static int void_batch(struct drive *d, struct batch *batch, const char *reason) {
    int err = 0;
    for (uint32_t i = 0; i < batch->n_results && err >= 0; i++) {
        const struct confirm_member *m = &batch->members[i];
        err = ledger_forget(d->replay->ledger, m->attempt_id);
        if (err == 0)
            continue; /* contradicted: it has its rerun */
        if (err < 0)
            break;
        struct task *task = rerun_of(m);
        task->order.repeat = 0;
        task->bad = false;
        d->replay->progress.done--;
        err = leave_to_rerun(d, task, reason);
    }
    return err;
}

static void free_batch(struct batch *batch) {
    free(batch->members);
    free(batch);
}

/* The original is at its end, and with it its batch. */
static int end_batch(struct drive *d, uint64_t tag, const struct observation *seen) {
    struct batch *batch = d->batches[tag & ~BATCH_TAG];
    batch->flying = false;
    d->n_flying_batches--;
    d->n_spoils += seen->refusal == SHM_REFUSED_FILES;
    return has_diverged(d->replay, seen) ? void_batch(d, batch, "diverged")
                                         : check_batch(d, batch);
}

/* Its worker died: what is still up there has no result, and nobody knows how its original ended. */
static int lose_batch(struct drive *d, uint64_t tag) {
    struct batch *batch = d->batches[tag & ~BATCH_TAG];
    batch->flying = false;
    d->n_flying_batches--;
    error_warn("a snapshot run broke off; its faults are left to rerun");
    int err = void_batch(d, batch, "limit");
    for (uint32_t i = 0; i < d->n_tags && err == 0; i++)
        if (d->flying[i] && d->flying[i]->batch == batch)
            err = leave_to_rerun(d, land(d, i), "limit");
    return err;
}

static int compare_tasks(const void *a, const void *b) {
    const struct order *x = &(*(struct task *const *)a)->order,
                       *y = &(*(struct task *const *)b)->order;
    if (!key_equal(x->site, y->site))
        return memcmp(&x->site, &y->site, sizeof x->site);
    if (x->occurrence != y->occurrence)
        return x->occurrence < y->occurrence ? -1 : 1;
    return (int)x->mode - (int)y->mode;
}

/* The share of a worker of what waits for snapshots: whole sites, every n-th of them. */
static uint32_t draw_share(struct drive *d, uint32_t shares, struct task **out) {
    struct task_list *list = &d->snapshots;
    struct task **left = text_alloc((list->n - list->head + 1) * sizeof *left);
    uint32_t n = 0, n_left = 0, sites = 0;
    for (uint32_t i = list->head; i < list->n; i++) {
        struct task *task = list->items[i];
        sites += i == list->head || task->site != list->items[i - 1]->site;
        if (sites % shares == 1 % shares && n < SHM_MAX_ORDERS)
            out[n++] = task;
        else
            left[n_left++] = task;
    }
    memcpy(list->items, left, n_left * sizeof *left);
    list->head = 0;
    list->n = n_left;
    free(left);
    return n;
}

static int fly_batch(struct drive *d) {
    struct replay *r = d->replay;
    struct task_list *list = &d->snapshots;
    qsort(list->items + list->head, list->n - list->head, sizeof(struct task *),
          compare_tasks);
    struct task **tasks = text_alloc((list->n - list->head + 1) * sizeof(struct task *));
    uint32_t n = draw_share(d, (uint32_t)r->jobs - d->n_flying_batches, tasks);
    struct batch *batch = text_alloc(sizeof *batch);
    struct tagged_order *orders = text_alloc((n + 1) * sizeof *orders);
    batch->flying = true;
    for (uint32_t i = 0; i < n; i++) {
        tasks[i]->batch = batch;
        tasks[i]->limit_ns = r->time_limit_ns;
        orders[i] = (struct tagged_order){take_off(d, tasks[i]), tasks[i]->order};
    }
    d->batches = text_realloc(d->batches, (d->n_batches + 1) * sizeof(struct batch *));
    d->batches[d->n_batches] = batch;
    d->n_flying_batches++;
    runner_set_time_limit(r->runner, r->time_limit_ns);
    int err = runner_submit_snapshots(r->runner, orders, n, BATCH_TAG | d->n_batches++,
                                      r->time_limit_ns + (uint64_t)n * COPIED_NS);
    free(orders);
    free(tasks);
    return err;
}

static bool snapshots_pay(const struct drive *d) {
    return d->n_spoils < SPOILS_ALLOWED ||
           d->n_spoilt_results >= WORTH_A_SPOIL * d->n_spoils;
}

/* Return: 1 a batch is on its way, 0 there is nothing for one, or a negative errno. */
static int next_batch(struct drive *d) {
    struct task_list *list = &d->snapshots;
    if (list->head == list->n || d->stopping)
        return 0;
    int err = 0;
    if (!snapshots_pay(d)) {
        for (struct task *task; err == 0 && (task = pop(list));)
            err = leave_to_rerun(d, task, snapshot_refusal_name(SHM_REFUSED_FILES));
        return err;
    }
    err = fly_batch(d);
    return err < 0 ? err : 1;
}

/* Everything planned that a snapshot can do. */
static void collect_snapshots(struct drive *d) {
    const struct replay *r = d->replay;
    enum replay_how how = r->options->how;
    bool wanted = how == REPLAY_SNAPSHOT ||
                  (how == REPLAY_AUTO && r->plan.n_faults >= WORTH_A_BATCH);
    if (d->pairs || d->chance || !wanted || r->under != UNDER_PLAIN ||
        r->options->plan.thread != THREAD_ANY || !r->traced ||
        r->isolation != ISOLATION_OVERLAY)
        return;
    for (; d->next_fault < r->plan.n_faults; d->next_fault++) {
        const struct plan_fault *f = &r->plan.faults[d->next_fault];
        push(f->done || f->explore ? &d->reruns : &d->snapshots, make_task(r, f));
    }
}

/* Takes @task over. @seen stays the caller's (or is emptied). */
static int settle_result(struct drive *d, struct task *task, struct observation *seen,
                         struct session *session) {
    struct replay *r = d->replay;
    if (task->order.under == UNDER_GUARDED)
        return take_guarded(d, task, seen);
    struct judgement j =
        verdict_judge(&r->baseline, seen, r->options->policies, r->options->n_policies);
    if (task->batch)
        return take_snapshot(d, task, seen, &j);
    if (task->order.mode == MODE_CHANCE && !seen->fired) {
        d->n_unfired++;
        return settle(d, task);
    }
    bool hung = j.verdict == VERDICT_HUNG;
    if (hung && !task->is_late && !is_own_doing(r, task, seen))
        return postpone(&d->late, task, seen, &j);
    if (hung && !task->is_late && task->limit_ns < r->time_limit_ns)
        return postpone(&d->urgent, task, seen, &j);
    d->early_wrong |= task->is_late && !hung && !d->late_phase;
    int64_t attempt;
    int err = task->is_late ? take_late(d, task, &j) : 0;
    if (err == 0)
        err = store_execution(d, task, seen, &j, session, &attempt);
    if (err < 0) {
        free_task(task);
        return err;
    }
    if (task->group)
        err = take_confirmation(d, &task, seen, j.verdict);
    if (err < 0)
        free_task(task);
    if (err < 0 || !task)
        return err;
    if (j.verdict == VERDICT_UNREACHED && !task->bad)
        return retry_unreached(d, task);
    task->bad |= plan_is_bad(j.verdict);
    bool more = task->bad && task->order.repeat < (uint32_t)r->options->repeat;
    bool hung_enough = hung && task->order.repeat + 1 >= HUNG_EXECUTIONS;
    d->n_hung += hung_enough;
    task->disagrees |= task->last && task->last != j.verdict;
    task->last = j.verdict;
    if (!more || hung_enough) {
        consider_guarded(d, task, seen, j.verdict);
        return settle(d, task);
    }
    task->is_late = false;
    return again(d, task);
}

/* Does a run without a fault show what the baseline does not? */
static bool is_news(const struct replay *r, const struct observation *seen) {
    struct judgement j = {0};
    return !baseline_stdout_same(&r->baseline, seen, &j) ||
           !baseline_files_same(&r->baseline, seen, &j) ||
           (r->baseline.status_stable && (seen->exit_code != r->baseline.exit_code ||
                                          seen->exit_signal != r->baseline.exit_signal));
}

/* One more run that an attempt is compared with. @seen is taken over. */
static int widen_baseline(struct replay *r, struct observation *seen,
                          const struct session *session) {
    int err = ledger_baseline(r->ledger, r->n_runs + 1, seen, (struct session *)session);
    if (err < 0)
        return err;
    r->runs = text_realloc(r->runs, (r->n_runs + 1) * sizeof *r->runs);
    r->runs[r->n_runs++] = *seen;
    *seen = (struct observation){0};
    baseline_deinit(&r->baseline);
    baseline_fold(r->runs, r->n_runs, &r->baseline);
    return 0;
}

/* A control that did not end by itself says nothing about output. */
static int take_control(struct drive *d, struct observation *seen,
                        const struct session *session) {
    int err = 0;
    d->control_flying = false;
    if (session && !seen->timed_out && !seen->start_error && seen->attached &&
        is_news(d->replay, seen))
        err = widen_baseline(d->replay, seen, session);
    while (err >= 0 && d->doubted.head < d->covered) {
        struct task *task = pop(&d->doubted);
        struct observation doubted = task->doubted;
        task->doubted = (struct observation){0};
        err = settle_result(d, task, &doubted, NULL);
        observation_deinit(&doubted);
    }
    return err;
}

static int take_result(struct drive *d, struct task *task, struct observation *seen,
                       struct session *session) {
    struct replay *r = d->replay;
    if (seen->start_error) {
        free_task(task);
        return error_print_errno(-seen->start_error, "%s: cannot be started again",
                                 r->conditions.exe);
    }
    if (seen->output_checked && seen->output_check != 0 && seen->output_check != 1) {
        free_task(task);
        return -EINVAL; /* the worker has said why */
    }
    int err = task->order.mode == MODE_CHANCE && session
                  ? ledger_failed_sites(r->ledger, seen, session)
                  : 0;
    if (err < 0) {
        free_task(task);
        return err;
    }
    struct judgement j =
        verdict_judge(&r->baseline, seen, r->options->policies, r->options->n_policies);
    if (j.verdict != VERDICT_DEGRADED || seen->output_checked || task->batch)
        return settle_result(d, task, seen, session);
    task->doubted = *seen;
    *seen = (struct observation){0};
    push(&d->doubted, task);
    return 0;
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
        err = next_batch(d);
        if (err) {
            err = err < 0 ? err : 0;
            continue;
        }
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
    int due_ms = ledger_due_ms(d->replay->ledger);
    int err =
        runner_wait(d->replay->runner, due_ms < 0 ? 200 : due_ms, &tag, &seen, &session);
    if (err == 0)
        return ledger_due_ms(d->replay->ledger) == 0 ? ledger_flush(d->replay->ledger)
                                                     : 0;
    if (tag != UINT64_MAX && tag & BATCH_TAG) {
        err = err > 0 ? end_batch(d, tag, &seen) : lose_batch(d, tag);
        observation_deinit(&seen);
        return err;
    }
    struct task *task = land(d, tag);
    if (!task) {
        observation_deinit(&seen);
        return err < 0 ? error_print_errno(err, "waiting for an attempt") : 0;
    }
    if (task->is_control) {
        free_task(task);
        err = take_control(d, &seen, err > 0 ? session : NULL);
    } else {
        err = err > 0 ? take_result(d, task, &seen, (struct session *)session)
                      : take_lost(d, task, err);
    }
    observation_deinit(&seen);
    return err;
}

static void stop(struct drive *d) {
    uint64_t runs = 2 * d->replay->baseline.duration_ns;
    if (!d->stopping)
        d->give_up_ns = progress_clock() + STOP_EXTRA_NS +
                        (runs < STOP_MOST_NS ? runs : STOP_MOST_NS);
    d->stopping = true; /* what is in the air may land */
}

static int loop(struct drive *d) {
    struct replay *r = d->replay;
    int outcome = REPLAY_DONE;
    for (;;) {
        int err = submit_all(d);
        if (err < 0)
            return err;
        if (d->n_flying == 0 && d->n_flying_batches == 0)
            return outcome;
        if (d->stopping && d->n_flying_batches && progress_clock() >= d->give_up_ns)
            return outcome;
        if ((err = wait_one(d)) < 0)
            return err;
        if (interrupt_wanted()) {
            outcome = REPLAY_INTERRUPTED;
            if (!d->n_flying_batches)
                return outcome;
            stop(d);
        }
        if (r->options->time_budget_ns && !d->stopping &&
            progress_clock() - r->started_ns >= r->options->time_budget_ns) {
            outcome = REPLAY_BUDGET;
            stop(d);
        }
        if (d->stopping && d->n_flying_batches)
            runner_stop_snapshots(r->runner);
        progress_show(&r->progress);
    }
}

/* What there is to do, when it is not the plan. */
enum source { SOURCE_PLAN, SOURCE_PAIRS, SOURCE_CHANCE };

static void say_unfired(const struct drive *d) {
    if (d->n_unfired)
        error_info("in %u of the executions no call failed by chance; they say nothing",
                   d->n_unfired);
}

static int drive(struct replay *r, enum source source) {
    bool pairs = source == SOURCE_PAIRS;
    struct drive d = {.replay = r,
                      .pairs = pairs,
                      .chance = source == SOURCE_CHANCE,
                      .guarding = {.mode = r->guarding}};
    uint32_t n = d.chance ? (uint32_t)r->options->runs
                 : pairs  ? r->pairs.n
                          : r->plan.n_faults;
    d.unreached = text_alloc((r->sites.input.n_sites + 1) * sizeof *d.unreached);
    collect_snapshots(&d);
    int outcome = loop(&d);
    int err = ledger_flush(r->ledger);
    if (err < 0 && outcome >= 0)
        outcome = err;
    if (outcome == REPLAY_BUDGET && d.next_fault == n && d.urgent.head == d.urgent.n &&
        d.late.head == d.late.n && d.reruns.head == d.reruns.n &&
        d.snapshots.head == d.snapshots.n && d.doubted.head == d.doubted.n &&
        !d.n_flying_batches && d.guarded.head == d.guarded.n)
        outcome = REPLAY_DONE; /* it was just enough */
    progress_clear(&r->progress);
    free_list(&d.urgent);
    free_list(&d.late);
    free_list(&d.reruns);
    free_list(&d.snapshots);
    confirm_deinit(&d.confirm);
    for (uint32_t i = 0; i < d.n_batches; i++)
        free_batch(d.batches[i]);
    free(d.batches);
    free_list(&d.guarded);
    guarding_deinit(&d.guarding);
    if (d.guarded_hung)
        error_info("%u guarded executions passed their time limit and were not judged",
                   d.guarded_hung);
    say_unfired(&d);
    free_list(&d.doubted);
    for (uint32_t i = 0; i < d.n_tags; i++)
        free_task(d.flying[i]);
    free(d.flying);
    free(d.unreached);
    return outcome;
}

int drive_run(struct replay *r) {
    return drive(r, SOURCE_PLAN);
}

int drive_pairs(struct replay *r) {
    return drive(r, SOURCE_PAIRS);
}

int drive_chance(struct replay *r) {
    return drive(r, SOURCE_CHANCE);
}
