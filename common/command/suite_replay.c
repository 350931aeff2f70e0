/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth suite replay`: each target in the cheapest unit that reaches it.
 *
 *   targets without a verdict ─ cover ─► units, the best first
 *      ▲                                   │ replay: proof, then faults
 *      └──── of a unit that is refused ◄───┴───► verdicts
 *
 * The targets of a unit that does not prove itself go to another that reaches them, in the end to the one
 * that started it: its parent reaches all that it does. So do those that a unit does not come to by itself,
 * though it comes to the others. Invariant: a target is tested when a failure at one of its sites has fired,
 * or it has a reason.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command_line.h"
#include "commands.h"
#include "demand.h"
#include "error.h"
#include "finding.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "shared.h"
#include "suite_private.h"
#include "suite_unit.h"
#include "text.h"

#define MODE_STICKY 1 /* index into the choices of --mode */

/* What so many programs do not come to by themselves is left to those that start them: the input of all alike is
 * missing, a file or a pipe, and each try costs a few runs. */
#define MISSES_ALIKE   2u
/* Then it is nobody's: it comes up in some runs and not in others. */
#define MISSES_MOST    8u
/* What so many programs were to fail that did not end by themselves as they do in the suite is left to the suite's own
 * command, which started them all: scripts that wait for one another end so one after the other. */
#define REFUSALS_ALIKE 4u

struct run {
    const struct suite_options *options;
    const char *database;
    struct suite *suite;
    struct suite_scope scope;
    struct suite_outcome *out;
    struct replay_shared *shared;
    bool *mine;        /* by target: of this shard */
    bool *tried;       /* by target: a unit was replayed for it, which came to it */
    uint32_t *missed;  /* by target: units that did not */
    uint32_t *refused; /* by target: units that were chosen for it, and refused */
    uint64_t *demand;  /* by target: calls that --demand asks for */
    bool by_site; /* units are chosen for further sites of targets, not for targets */
    uint64_t started_ns;
};

struct suite_scope suite_replay_scope(const struct suite_options *o) {
    return (struct suite_scope){.own = o->own.items,
                                .n_own = (uint32_t)o->own.n,
                                .not_own = o->not_own.items,
                                .n_not_own = (uint32_t)o->not_own.n,
                                .in = o->faults.in.items,
                                .n_in = (uint32_t)o->faults.in.n,
                                .not_in = o->faults.not_in.items,
                                .n_not_in = (uint32_t)o->faults.not_in.n,
                                .tree = o->tree,
                                .mode = o->faults.mode == MODE_STICKY ? "sticky" : "once",
                                .fresh = o->fresh};
}

/* --- the command line of one unit --- */

static bool is_ours(const struct cli_option *option) {
    return strcmp(option->name, "shard") == 0 || strcmp(option->name, "time-budget") == 0;
}

static void add_faults(struct command_line *line, const struct suite_options *o) {
    for (size_t i = 0; i < o->given.n; i++) {
        const char *out = o->given.items[i].option->out;
        if (out >= (const char *)&o->faults && out < (const char *)(&o->faults + 1) &&
            !is_ours(o->given.items[i].option))
            command_line_add(line, cli_given_text(&o->given.items[i]));
    }
    if (o->more_catalogues)
        command_line_add_list(line, "catalogue", &o->faults.catalogues);
    if (o->more_policies)
        command_line_add_list(line, "policy", &o->faults.policies);
}

/* A site of the target that the unit reaches. */
static uint32_t site_in(const struct suite *s, const struct suite_unit *u,
                        uint32_t target) {
    for (uint32_t i = 0; i < u->n_sites; i++)
        if (s->target_of[u->sites[i]] == target + 1)
            return u->sites[i];
    return s->targets[target].some_site;
}

/* What units are chosen for. */
static uint32_t n_aims(const struct run *run) {
    return run->by_site ? run->suite->sites.input.n_sites : run->suite->n_targets;
}

/* @unit_of: by target, or by site: run->by_site */
static void add_sites(struct command_line *line, const struct run *run, uint32_t unit,
                      const uint32_t *unit_of) {
    const struct suite *s = run->suite;
    char hex[DEARTH_KEY_HEX + 1];
    for (uint32_t i = 0; i < n_aims(run); i++) {
        if (unit_of[i] != unit + 1)
            continue;
        uint32_t site = run->by_site ? i : site_in(s, &s->units[unit], i);
        text_key(s->sites.list[site].key, hex);
        command_line_add(line, text_format("--site=%s", hex));
    }
}

static uint64_t time_left(const struct run *run) {
    uint64_t budget = run->options->faults.time_budget_ns,
             used = clock_mono_ns() - run->started_ns;
    return !budget ? UINT64_MAX : used < budget ? budget - used : 0;
}

static int run_line(const struct run *run, struct command_line *line,
                    struct replay_proof *proof) {
    const struct scope_rule lasting = suite_load_lasting(run->suite, &run->scope);
    int quiet = error_quiet();
    error_set_quiet(1);
    const struct replay_unit unit = {proof, &lasting, run->shared};
    int status = command_replay_unit(line->argc, line->argv, &unit);
    error_set_quiet(quiet);
    command_line_deinit(line);
    return status;
}

static int replay_unit(const struct run *run, uint32_t unit, const uint32_t *unit_of,
                       int64_t recording, struct replay_proof *proof) {
    struct command_line line = {0};
    uint64_t left = time_left(run);
    command_line_add(&line, text_dup("replay"));
    command_line_add(&line, text_dup("--no-summary"));
    command_line_add(&line, text_format("--recording=%lld", (long long)recording));
    if (run->options->fresh)
        command_line_add(&line, text_dup("--retest"));
    if (left != UINT64_MAX)
        command_line_add_time(&line, "time-budget", left);
    add_faults(&line, run->options);
    add_sites(&line, run, unit, unit_of);
    command_line_add(&line, text_dup("--"));
    command_line_add(&line, text_dup(run->database));
    return run_line(run, &line, proof);
}

/* --- one unit --- */

static char *why_refused(const struct replay_proof *proof, const struct suite_unit *u) {
    struct text t = {0};
    if (!proof->looked)
        text_add(&t, "it could not be run by itself");
    else if (!proof->ends)
        text_addf(&t, "by itself it does not end %s %d, as in the suite",
                  u->exit_signal ? "by signal" : "with status",
                  u->exit_signal ? u->exit_signal : u->exit_code);
    else
        text_addf(&t,
                  "by itself it reaches %u of the %u places that it reaches in the suite",
                  proof->reached, proof->n_sites);
    if (u->no_input)
        text_addf(&t, "; %s", u->no_input);
    return text_take(&t);
}

/* Return: what is to be told of a unit that proved itself; NULL = nothing. */
static char *what_is_missing(const struct replay_proof *proof,
                             const struct suite_unit *u) {
    if ((uint64_t)proof->reached * 100 >= (uint64_t)proof->n_sites * REPLAY_WHOLE_PERCENT)
        return NULL;
    AUTO_FREE char *some = why_refused(proof, u);
    return text_format("%s; the rest is for others", some);
}

static uint32_t count(uint32_t n_aims, const uint32_t *unit_of, uint32_t unit) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_aims; i++)
        n += unit_of[i] == unit + 1;
    return n;
}

static void tell(const struct run *run, uint32_t place, uint32_t n, uint32_t unit,
                 uint32_t n_aims, const char *what) {
    error_info("%u/%u %s: %u %s%s%s%s", place, n, run->suite->units[unit].command, n_aims,
               run->by_site ? "further caller" : "target", n_aims == 1 ? "" : "s",
               what ? ": " : "", what ? what : "");
}

/* From now on those sites of a unit that it does not come to by itself are not its own.
 * @aim: by target or site, set where the unit was replayed for it and came to it */
static void keep_reached(struct run *run, uint32_t unit, const uint32_t *unit_of,
                         const struct replay_proof *proof, bool *aim) {
    struct suite *s = run->suite;
    struct suite_unit *u = &s->units[unit];
    AUTO_FREE bool *reached = text_alloc(s->sites.input.n_sites + 1);
    for (uint32_t i = 0; i < u->n_sites; i++)
        reached[u->sites[i]] = proof->is_reached[i];
    for (uint32_t i = 0; i < n_aims(run); i++) {
        if (unit_of[i] != unit + 1)
            continue;
        aim[i] = reached[run->by_site ? i : site_in(s, u, i)];
        if (!aim[i] && !run->by_site)
            run->missed[i]++;
    }
    suite_load_keep(s, unit, reached);
}

/* @aim: as keep_reached() has it. Return: 0, 1 = refused, or a negative errno after a message. */
static int try_unit(struct run *run, uint32_t unit, const uint32_t *unit_of,
                    uint32_t place, uint32_t n, bool *aim) {
    struct suite *s = run->suite;
    struct suite_unit *u = &s->units[unit];
    AUTO_FREE struct dearth_key *keys = text_alloc((u->n_sites + 1) * sizeof *keys);
    AUTO_FREE bool *is_reached = text_alloc(u->n_sites + 1);
    struct replay_proof proof = {
        .sites = keys, .n_sites = u->n_sites, .is_reached = is_reached, .ends = true};
    for (uint32_t i = 0; i < u->n_sites; i++)
        keys[i] = s->sites.list[u->sites[i]].key;
    int64_t recording = suite_unit_recording(s, unit);
    int status = recording < 0 ? (int)recording
                               : replay_unit(run, unit, unit_of, recording, &proof);
    if (recording < 0)
        return (int)recording;
    bool holds =
        proof.looked && proof.ends &&
        (uint64_t)proof.reached * 100 >= (uint64_t)proof.n_sites * REPLAY_PROOF_PERCENT;
    if (status == EXIT_INTERRUPTED || interrupt_wanted()) {
        run->out->interrupted = true;
        return holds ? suite_unit_proved(s, unit, recording, proof.n_sites, proof.reached)
                     : 0;
    }
    if (!proof.looked && !time_left(run)) { /* nothing was found out about it */
        run->out->budget = true;
        return 0;
    }
    uint32_t n_targets = count(n_aims(run), unit_of, unit);
    if (holds && status == EXIT_OK) {
        AUTO_FREE char *missing = what_is_missing(&proof, u);
        tell(run, place, n, unit, n_targets, missing);
        keep_reached(run, unit, unit_of, &proof, aim);
        return suite_unit_proved(s, unit, recording, proof.n_sites, proof.reached);
    }
    if (holds) /* it has said why */
        return -EIO;
    AUTO_FREE char *reason = why_refused(&proof, u);
    tell(run, place, n, unit, n_targets, reason);
    run->out->refused++;
    int r = suite_unit_refuse(s, unit, recording, proof.reached, reason);
    return r < 0 ? r : 1;
}

/* --- all --- */

/* Which targets are this shard's: decided before anything runs, and by all shards alike. */
static void share(struct run *run) {
    struct suite *s = run->suite;
    const struct suite_options *o = run->options;
    struct cover cover;
    cover_choose(s->cover, s->n_units, s->n_targets, NULL, &cover);
    uint32_t *shard = text_alloc((cover.n + 1) * sizeof *shard);
    uint32_t *of_unit = text_alloc((s->n_units + 1) * sizeof *of_unit);
    if (o->shard.n)
        cover_share(s->cover, s->n_targets, &cover, o->shard.n, shard);
    for (uint32_t i = 0; i < cover.n; i++)
        of_unit[cover.order[i]] = shard[i];
    for (uint32_t t = 0; t < s->n_targets; t++)
        run->mine[t] =
            !o->shard.n ||
            (cover.unit_of[t] ? of_unit[cover.unit_of[t] - 1] : 0) + 1 == o->shard.i;
    free(shard);
    free(of_unit);
    cover_deinit(&cover);
}

static bool is_over(struct run *run) {
    if (interrupt_wanted())
        run->out->interrupted = true;
    else if (!time_left(run))
        run->out->budget = true;
    return run->out->interrupted || run->out->budget;
}

/* --- what production asks for --- */

static int load_demand(struct run *run) {
    struct demand wanted = {0}, here = {0};
    struct suite *s = run->suite;
    run->demand = text_alloc((s->n_targets + 1) * sizeof *run->demand);
    if (!run->options->faults.demand)
        return 0;
    int r = demand_load(run->options->faults.demand, &wanted);
    if (r == 0)
        r = demand_read(s->store, &here);
    for (uint32_t i = 0; r == 0 && i < s->sites.input.n_sites; i++)
        if (s->target_of[i])
            run->demand[s->target_of[i] - 1] +=
                demand_calls(&wanted, &here, s->sites.list[i].key);
    demand_deinit(&wanted);
    demand_deinit(&here);
    return r;
}

static uint64_t unit_demand(const struct run *run, const struct cover *cover,
                            uint32_t unit) {
    uint64_t sum = 0;
    for (uint32_t t = 0; t < run->suite->n_targets; t++)
        sum += cover->unit_of[t] == unit + 1 ? run->demand[t] : 0;
    return sum;
}

/* Those whose targets are asked for most go first; the others stay in their order. */
static void order_by_demand(const struct run *run, struct cover *cover) {
    if (!run->options->faults.demand)
        return;
    uint64_t *sums = text_alloc((cover->n + 1) * sizeof *sums);
    for (uint32_t i = 0; i < cover->n; i++) {
        uint32_t unit = cover->order[i], at = i;
        uint64_t sum = unit_demand(run, cover, unit);
        for (; at && sums[at - 1] < sum; at--) {
            sums[at] = sums[at - 1];
            cover->order[at] = cover->order[at - 1];
        }
        sums[at] = sum;
        cover->order[at] = unit;
    }
    free(sums);
}

/* It, or what it starts, has units inside. */
static bool is_large(const struct suite *s, uint32_t unit) {
    return s->cover[unit].is_tree || s->cover[unit].is_whole;
}

/* What each of these costs before its first failure, a dozen runs of all that it starts, is spent once when the
 * targets that others miss are known: they go last. Return: whether some of them wait. */
static bool leave_large(const struct suite *s, struct cover *cover) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < cover->n; i++)
        if (!is_large(s, cover->order[i]))
            cover->order[n++] = cover->order[i];
    bool wait = n && n < cover->n;
    cover->n = n ? n : cover->n;
    return wait;
}

/* One choice of units, and what they are chosen for. Return: 1 = some of it is left for others, 0, or -errno. */
static int run_round(struct run *run) {
    struct suite *s = run->suite;
    struct cover cover;
    bool again = false;
    int r = 0;
    bool *wanted = text_alloc(s->n_targets + 1);
    AUTO_FREE bool *reached = text_alloc(s->n_targets + 1);
    for (uint32_t t = 0; t < s->n_targets; t++) {
        wanted[t] = run->mine[t] && !run->tried[t] && !s->targets[t].n_tested &&
                    run->missed[t] < MISSES_MOST;
        if (wanted[t] && run->missed[t] >= MISSES_ALIKE)
            suite_load_leave_to_trees(s, t);
        if (wanted[t] && run->refused[t] >= REFUSALS_ALIKE)
            suite_load_leave_to_first(s, t);
    }
    cover_choose(s->cover, s->n_units, s->n_targets, wanted, &cover);
    again = leave_large(s, &cover);
    order_by_demand(run, &cover);
    for (uint32_t i = 0; i < cover.n && r >= 0 && !is_over(run); i++) {
        memset(reached, 0, s->n_targets);
        r = try_unit(run, cover.order[i], cover.unit_of, i + 1, cover.n, reached);
        run->out->run += r == 0;
        again |= r > 0;
        for (uint32_t t = 0; r > 0 && t < s->n_targets; t++)
            run->refused[t] += cover.unit_of[t] == cover.order[i] + 1;
        is_over(run); /* perhaps in the midst of that unit */
        for (uint32_t t = 0;
             r == 0 && !run->out->interrupted && !run->out->budget && t < s->n_targets;
             t++) {
            run->tried[t] |= reached[t];
            again |= !reached[t] && cover.unit_of[t] == cover.order[i] + 1;
        }
    }
    run->out->chosen += cover.n;
    free(wanted);
    cover_deinit(&cover);
    return r < 0 ? r : run->out->interrupted || run->out->budget ? 0 : again;
}

/* --- further contexts --- */

/* Up to so many sites of each target as are asked for; those that were tried count. */
static void want_contexts(const struct run *run, const bool *tried, bool *wanted) {
    const struct suite *s = run->suite;
    uint64_t most =
        run->options->contexts ? (uint64_t)run->options->contexts : UINT64_MAX;
    uint32_t *n = text_alloc((s->n_targets + 1) * sizeof *n);
    for (uint32_t i = 0; i < s->sites.input.n_sites; i++)
        if (s->target_of[i])
            n[s->target_of[i] - 1] += s->tested[i] || tried[i];
    for (uint32_t i = 0; i < s->sites.input.n_sites; i++) {
        uint32_t t = s->target_of[i];
        wanted[i] =
            t && run->mine[t - 1] && !s->tested[i] && !tried[i] && n[t - 1] < most;
        if (wanted[i])
            n[t - 1]++;
    }
    free(n);
}

/* Units by the sites that they reach. Return: free() it; what it points to is the suite's. */
static struct cover_unit *units_by_site(const struct suite *s) {
    struct cover_unit *units = text_alloc((s->n_units + 1) * sizeof *units);
    for (uint32_t i = 0; i < s->n_units; i++) {
        units[i] = s->cover[i];
        units[i].targets = s->units[i].sites;
        units[i].n_targets = s->units[i].n_sites;
    }
    return units;
}

/* Return: as run_round(). */
static int run_contexts_round(struct run *run, bool *tried) {
    struct suite *s = run->suite;
    uint32_t n_sites = s->sites.input.n_sites;
    struct cover cover;
    bool again = false;
    int r = 0;
    AUTO_FREE bool *wanted = text_alloc(n_sites + 1);
    AUTO_FREE bool *reached = text_alloc(n_sites + 1);
    AUTO_FREE struct cover_unit *units = units_by_site(s);
    want_contexts(run, tried, wanted);
    cover_choose(units, s->n_units, n_sites, wanted, &cover);
    for (uint32_t i = 0; i < cover.n && r >= 0 && !is_over(run); i++) {
        memset(reached, 0, n_sites);
        r = try_unit(run, cover.order[i], cover.unit_of, i + 1, cover.n, reached);
        run->out->run += r == 0;
        again |= r > 0;
        for (uint32_t k = 0; r == 0 && k < n_sites; k++) {
            tried[k] |= reached[k];
            again |= !reached[k] && cover.unit_of[k] == cover.order[i] + 1;
        }
    }
    cover_deinit(&cover);
    return r < 0 ? r : is_over(run) ? 0 : again;
}

/* When all targets are done; with what is left of the budget. */
static int run_contexts(struct run *run) {
    AUTO_FREE bool *tried = text_alloc(run->suite->sites.input.n_sites + 1);
    int r = suite_load_tested(run->suite, &run->scope);
    run->by_site = true;
    if (r == 0)
        while ((r = run_contexts_round(run, tried)) > 0)
            ;
    run->by_site = false;
    return r;
}

/* Long ones are left out: most of all the whole suite, which everything could be failed in. */
static void leave_out_long(struct suite *s, const struct suite_options *o) {
    for (uint32_t i = 0; i < s->n_units; i++) {
        struct suite_unit *u = &s->units[i];
        if (u->why_not || u->duration_ns <= o->unit_time_ns)
            continue;
        u->why_not = "it takes longer than --unit-time";
        s->cover[i].refused = true;
    }
}

/* --- among machines --- */

struct portion {
    uint32_t units, targets;
    uint64_t cost_ns;
};

static void print_portion(const struct suite_options *o, const char *database, int64_t i,
                          const struct portion *p) {
    char duration[24];
    AUTO_TEXT struct text file = {0};
    text_add_shell_shown(&file, database);
    if (o->json)
        printf("  {\"shard\":%lld,\"units\":%u,\"targets\":%u,\"cost_ns\":%llu}%s\n",
               (long long)i, p->units, p->targets, (unsigned long long)p->cost_ns,
               i < o->n_shards ? "," : "");
    else
        printf("%7u  %7u  %9s  dearth suite replay --shard %lld/%lld %s\n", p->units,
               p->targets, text_duration(p->cost_ns, duration), (long long)i,
               (long long)o->n_shards, file.data);
}

/* Return: by shard; free() it. */
static struct portion *measure(const struct suite *s, uint32_t n_shards) {
    struct cover cover;
    cover_choose(s->cover, s->n_units, s->n_targets, NULL, &cover);
    struct portion *portions = text_alloc((n_shards + 1) * sizeof *portions);
    uint32_t *shard = text_alloc((cover.n + 1) * sizeof *shard);
    cover_share(s->cover, s->n_targets, &cover, n_shards, shard);
    for (uint32_t i = 0; i < cover.n; i++) {
        struct portion *p = &portions[shard[i]];
        uint32_t n = count(s->n_targets, cover.unit_of, cover.order[i]);
        p->units++;
        p->targets += n;
        p->cost_ns += cover_cost(&s->cover[cover.order[i]], n);
    }
    free(shard);
    cover_deinit(&cover);
    return portions;
}

int suite_replay_plan(const struct suite_options *o, const char *database,
                      struct suite *s) {
    leave_out_long(s, o);
    struct portion *portions = measure(s, (uint32_t)o->n_shards);
    puts(o->json ? "["
                 : "  units  targets       time  command, each on a copy of the file");
    for (int64_t i = 1; i <= o->n_shards; i++)
        print_portion(o, database, i, &portions[i - 1]);
    if (o->json)
        puts("]");
    free(portions);
    return output_flush();
}

/* --- why not --- */

/* The unit that came closest to it, for the reason. */
static char *why_untested(const struct run *run, uint32_t target) {
    const struct suite *s = run->suite;
    const struct suite_unit *found = NULL;
    if (!run->mine[target])
        return text_dup("another shard's");
    if (run->tried[target] || run->missed[target] >= MISSES_MOST)
        return text_dup("the call did not come up again");
    for (uint32_t i = s->n_units; i-- > 0 && !found;)
        for (uint32_t k = 0; k < s->cover[i].n_targets; k++)
            if (s->cover[i].targets[k] == target && (!found || s->cover[i].refused))
                found = &s->units[i];
    if (run->out->interrupted || run->out->budget)
        return text_dup(run->out->budget ? "the time budget was used up" : "interrupted");
    return text_format("%s: %s", found ? found->command : "?",
                       !found           ? "no program reaches it"
                       : found->refused ? found->refused
                       : found->why_not ? found->why_not
                                        : "it was not tried");
}

/* Were all targets of this shard failed, or found not to be failable? */
static bool is_done(const struct run *run) {
    for (uint32_t t = 0; run->out->budget && t < run->suite->n_targets; t++)
        if (run->mine[t] && !run->suite->targets[t].n_tested)
            return false;
    return !run->out->interrupted;
}

/* All attempts of the database are read for it: not after each unit. */
static int derive_findings(struct store *store) {
    int64_t replay = store_int(store, "SELECT coalesce(max(id), 0) FROM replay", 0);
    return replay ? finding_derive(store, replay) : 0;
}

int suite_replay_run(const struct suite_options *options, const char *database,
                     struct suite *s, struct suite_outcome *out) {
    struct replay_shared shared = {0};
    struct run run = {.options = options,
                      .database = database,
                      .suite = s,
                      .scope = suite_replay_scope(options),
                      .out = out,
                      .shared = &shared,
                      .mine = text_alloc(s->n_targets + 1),
                      .tried = text_alloc(s->n_targets + 1),
                      .missed = text_alloc((s->n_targets + 1) * sizeof(uint32_t)),
                      .refused = text_alloc((s->n_targets + 1) * sizeof(uint32_t)),
                      .started_ns = clock_mono_ns()};
    *out = (struct suite_outcome){0};
    leave_out_long(s, options);
    share(&run);
    out->reused = s->n_reused;
    out->reused_from = s->reused_from;
    int r = load_demand(&run);
    if (r == 0 && !options->fresh)
        r = suite_unit_load_refused(s);
    if (r == 0)
        while ((r = run_round(&run)) > 0)
            ;
    run.scope.fresh = false;
    if (r == 0 && options->contexts != 1 && !is_over(&run))
        r = run_contexts(&run);
    int derived = derive_findings(s->store); /* also where a unit could not be replayed */
    r = r < 0 ? r : derived;
    if (r == 0)
        r = suite_load_tested(s, &run.scope);
    out->done = r == 0 && is_done(&run);
    out->reasons = text_alloc((s->n_targets + 1) * sizeof *out->reasons);
    for (uint32_t t = 0; r == 0 && t < s->n_targets; t++)
        out->reasons[t] = s->targets[t].n_tested ? NULL : why_untested(&run, t);
    out->duration_ns = clock_mono_ns() - run.started_ns;
    shared_deinit(&shared);
    free(run.demand);
    free(run.mine);
    free(run.tried);
    free(run.missed);
    free(run.refused);
    return r < 0 ? EXIT_CANNOT : out->interrupted ? EXIT_INTERRUPTED : EXIT_OK;
}

void suite_replay_deinit(struct suite_outcome *out, const struct suite *s) {
    for (uint32_t t = 0; out->reasons && t < s->n_targets; t++)
        free(out->reasons[t]);
    free(out->reasons);
    *out = (struct suite_outcome){0};
}
