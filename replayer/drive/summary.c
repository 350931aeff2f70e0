/* SPDX-License-Identifier: Apache-2.0 */
/* What the user reads of a replay: the plan (stdout), the end (stderr). */
#include "summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "isolation.h"
#include "replay_private.h"
#include "survivor.h"
#include "terminal.h"
#include "text.h"

/* --- the plan --- */

/* "; 3 sites were done before ...; 2 sites left out: filtered" */
static void add_left_out(const struct plan *plan, struct text *line) {
    uint32_t counts[N_REASONS] = {0};
    for (uint32_t i = 0; i < plan->n_left_out; i++)
        counts[plan->left_out[i].reason]++;
    if (plan->n_done_sites)
        text_addf(line, "; %u sites were done before (--retest does them again)",
                  plan->n_done_sites);
    for (enum reason i = REASON_TESTED + 1; i < N_REASONS; i++)
        if (counts[i])
            text_addf(line, "; %u sites left out: %s", counts[i], reason_name(i));
}

void summary_announce(const struct replay *r) {
    AUTO_TEXT struct text line = {0};
    char limit[24];
    if (r->chance.probability > 0) {
        error_info("%llu executions, %d at a time, with seeds from %llu on: each call of "
                   "%s fails with probability %g",
                   (unsigned long long)r->options->runs, r->jobs,
                   (unsigned long long)r->chance.seed,
                   r->chance.n_sites ? "the chosen sites" : "any site",
                   r->chance.probability);
        return;
    }
    if (r->plan.n_faults)
        text_addf(&line, "%u faults at %u sites to try, %d at a time, time limit %s each",
                  r->plan.n_faults, r->plan.n_planned_sites, r->jobs,
                  text_duration(r->time_limit_ns, limit));
    else
        text_add(&line, "nothing to try");
    add_left_out(&r->plan, &line);
    error_info("%s", line.data);
}

void summary_plan(const struct replay *r) {
    printf("%6s  %-16s  %-6s %10s %10s  %s\n", "order", "site", "mode", "occurrence",
           "size", "location");
    for (uint32_t i = 0; i < r->plan.n_faults; i++) {
        const struct plan_fault *f = &r->plan.faults[i];
        const struct plan_site *s = &r->sites.list[f->site];
        char key[DEARTH_KEY_HEX + 1], size[16], of[48];
        text_key(s->key, key);
        snprintf(of, sizeof of, "%llu/%llu", (unsigned long long)f->occurrence,
                 (unsigned long long)s->count);
        AUTO_TEXT struct text place = {0};
        text_add_name(&place, r->sites.locations[f->site]);
        printf("%6u  %.16s  %-6s %10s %10s  %s", i + 1, key, fault_mode_name(f->mode), of,
               text_bytes(s->max_size, size), place.data);
        if (f->call)
            printf(" (call %llu of the run)", (unsigned long long)f->call);
        printf("\n");
    }
    fflush(stdout);
    AUTO_TEXT struct text line = {0};
    text_addf(&line, "%u faults at %u sites", r->plan.n_faults, r->plan.n_planned_sites);
    add_left_out(&r->plan, &line);
    error_info("%s", line.data);
}

/* --- the end --- */

struct tally {
    uint32_t testable, tested, unreached, open; /* open: of --quick, not tested */
    uint32_t verdicts[N_VERDICTS];              /* sites by worst verdict */
};

static int compare_sites(const void *x, const void *y) {
    const struct plan_site *a = x, *b = y;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Sites whose faults --quick has left open. */
struct open_sites {
    int64_t *ids;
    uint32_t n;
};

/* @sites is put into the order of ids. */
static struct tally count_verdicts(struct sites *sites, const struct open_sites *open) {
    struct tally t = {0};
    uint32_t n = sites->input.n_sites;
    enum verdict *worst = text_alloc((n + 1) * sizeof *worst);
    qsort(sites->list, n, sizeof *sites->list, compare_sites);
    for (uint32_t i = 0; i < sites->input.n_attempts; i++) {
        const struct plan_attempt *a = &sites->attempts[i];
        struct plan_site key = {.id = a->site_id};
        struct plan_site *s = bsearch(&key, sites->list, n, sizeof key, compare_sites);
        if (s && a->verdict > worst[s - sites->list])
            worst[s - sites->list] = a->verdict;
    }
    for (uint32_t i = 0; i < n; i++) {
        t.testable += sites->list[i].failable;
        if (survivor_is_open(open->ids, open->n, sites->list[i].id, worst[i])) {
            t.open++;
            continue;
        }
        t.verdicts[worst[i]]++;
        t.tested += worst[i] > VERDICT_UNREACHED;
        t.unreached += worst[i] == VERDICT_UNREACHED;
    }
    free(worst);
    return t;
}

static void print_verdicts(const struct tally *t) {
    AUTO_TEXT struct text line = {0};
    for (enum verdict v = N_VERDICTS - 1; v > VERDICT_NONE; v--)
        if (t->verdicts[v])
            text_addf(&line, "%s%u %s", line.n ? ", " : "", t->verdicts[v],
                      verdict_name(v));
    if (line.n)
        error_info("sites by worst verdict: %s", line.data);
}

static void print_coverage(const struct replay *r, const struct tally *t) {
    uint32_t reasons[N_REASONS] = {0};
    for (uint32_t i = 0; i < r->plan.n_left_out; i++)
        reasons[r->plan.left_out[i].reason]++;
    AUTO_TEXT struct text line = {0};
    text_addf(&line, "tested %u of %u testable sites", t->tested, t->testable);
    if (t->testable)
        text_addf(&line, " (%.1f %%)", 100.0 * t->tested / t->testable);
    uint32_t untested = t->testable - (t->tested < t->testable ? t->tested : t->testable);
    if (untested) {
        text_addf(&line, "; not tested: %u", untested);
        if (t->unreached)
            text_addf(&line, ", of these %u unreached", t->unreached);
        if (t->open)
            text_addf(&line, ", of these %u ended early", t->open);
        if (reasons[REASON_FILTERED])
            text_addf(&line, "; filtered in this replay: %u", reasons[REASON_FILTERED]);
    }
    error_info("%s", line.data);
}

/* What --quick has left open, in this replay or before. */
static int print_survivors(const struct replay *r, const char *replays) {
    struct survivor_counts n;
    AUTO_TEXT struct text line = {0};
    int err = survivor_count(r->store, replays, &n);
    if (err < 0 || (!n.open && !r->options->quick))
        return err;
    survivor_describe(&n, &line);
    error_info("quick: %s", line.data);
    return 0;
}

static void print_leaks(const struct replay *r) {
    const struct leak_tally *t = &r->leaks;
    if (!t->ran)
        return;
    AUTO_TEXT struct text line = {0};
    text_addf(&line, "leaks: looked at %u of %u faults, %s (%llu executions)", t->looked,
              t->places,
              r->options->leaks == REPLAY_LEAKS_LOCATION
                  ? "up to three of each location that ended in order"
                  : "each that ended in order",
              (unsigned long long)t->executions);
    if (t->unknown)
        text_addf(&line, ", %u did not say", t->unknown);
    text_addf(&line, "; %u lost blocks", t->leaking);
    error_info("%s", line.data);
}

#define FINDING_COLUMNS(X)                                                               \
    X(FINDING_ID, "f.id")                                                                \
    X(FINDING_VERDICT, "f.verdict || iif(f.leaked, ', leaked', '')")                     \
    X(FINDING_SEVERITY, "f.severity")                                                    \
    X(FINDING_LOCATION, "coalesce(l.name, '?')")                                         \
    X(FINDING_ATTRIBUTED_TO, "f.attributed_to")                                          \
    X(FINDING_MODULE, "f.attributed_module")                                             \
    X(FINDING_BAD, "f.bad")                                                              \
    X(FINDING_TRIED, "f.tried")
enum { FINDING_COLUMNS(STORE_COLUMN_ENUM) };

static const char findings_sql[] = STORE_SELECT(
    FINDING_COLUMNS) "FROM finding f "
                     "JOIN attempt a ON a.id = f.attempt_id JOIN replay r ON r.id = a.replay_id "
                     "LEFT JOIN location l ON l.id = f.location_id WHERE r.recording_id = ?1 "
                     "ORDER BY CASE f.severity WHEN 'bug' THEN 0 WHEN 'warning' THEN 1 WHEN 'look' THEN 2 "
                     "ELSE 3 END, f.id";

#define COUNT_COLUMNS(X)                                                                 \
    X(COUNT_SEVERITY, "f.severity")                                                      \
    X(COUNT_FINDINGS, "count(*)")                                                        \
    X(COUNT_PLACES, "count(DISTINCT coalesce(f.place, f.identity))")
enum { COUNT_COLUMNS(STORE_COLUMN_ENUM) };

static const char counts_sql[] = STORE_SELECT(
    COUNT_COLUMNS) "FROM finding f JOIN attempt a ON a.id = f.attempt_id JOIN replay r ON "
                   "r.id = a.replay_id WHERE r.recording_id = ?1 GROUP BY f.severity";

/* "44 bugs at 4 places, 1 warning" */
static int add_counts(const struct replay *r, struct text *line) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    uint32_t findings[N_SEVERITIES] = {0}, places[N_SEVERITIES] = {0};
    int err = store_prepare(r->store, counts_sql, &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, r->recording_id);
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *name = store_column_text(s, COUNT_SEVERITY);
        enum severity severity = severity_from_name(name);
        findings[severity] = (uint32_t)sqlite3_column_int64(s, COUNT_FINDINGS);
        places[severity] = (uint32_t)sqlite3_column_int64(s, COUNT_PLACES);
    }
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--) {
        if (!findings[i])
            continue;
        text_addf(line, "%s%u %s", line->n ? ", " : "", findings[i],
                  findings[i] == 1 ? severity_name(i) : severity_plural(i));
        if (findings[i] > 1)
            text_addf(line, " at %u place%s", places[i], places[i] == 1 ? "" : "s");
    }
    return 0;
}

#define FINDINGS_SHOWN 8

static int print_findings(const struct replay *r) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_TEXT struct text lines = {0}, counts = {0};
    terminal_use(STDERR_FILENO);
    int err = store_prepare(r->store, findings_sql, &s);
    if (err == 0)
        err = add_counts(r, &counts);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, r->recording_id);
    uint32_t shown = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *severity = store_column_text(s, FINDING_SEVERITY);
        if (!severity || strcmp(severity, "policy") == 0 || shown++ >= FINDINGS_SHOWN)
            continue;
        const char *module = store_column_text(s, FINDING_MODULE);
        text_addf(&lines, "  %4lld  ", (long long)sqlite3_column_int64(s, FINDING_ID));
        terminal_say(&lines, strcmp(severity, "bug") == 0 ? COLOR_BUG : COLOR_WARNING,
                     "%-9s", store_column_text(s, FINDING_VERDICT));
        text_say(&lines, " %d/%d  %s%s%s\n", sqlite3_column_int(s, FINDING_BAD),
                 sqlite3_column_int(s, FINDING_TRIED),
                 store_column_text(s, FINDING_LOCATION), module ? "  in " : "",
                 module ? module : "");
    }
    if (shown > FINDINGS_SHOWN)
        text_addf(&lines, "        and %u more\n", shown - FINDINGS_SHOWN);
    error_info("findings: %s", counts.n ? counts.data : "nothing");
    if (lines.n && !error_quiet())
        fputs(lines.data, stderr);
    if (shown)
        error_info("'dearth repro ID' shows one again");
    return 0;
}

#define HOW_COLUMNS(X) X(HOW_HOW, "how") X(HOW_SITES, "count(DISTINCT site_id)")
enum { HOW_COLUMNS(STORE_COLUMN_ENUM) };

/* What was picked, and why not a snapshot. */
static int print_how(const struct replay *r) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_TEXT struct text line = {0};
    int err = store_prepare(
        r->store,
        STORE_SELECT(
            HOW_COLUMNS) "FROM attempt WHERE replay_id = ?1 "
                         "GROUP BY how UNION ALL SELECT 'no ' || reason, count(*), NULL FROM refused WHERE "
                         "replay_id = ?1 GROUP BY reason",
        &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, ledger_replay_id(r->ledger));
    uint32_t n = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *what = store_column_text(s, HOW_HOW);
        bool refused = strncmp(what, "no ", 3) == 0;
        text_addf(&line, refused ? "; no snapshot of %2$lld: %1$s" : "%3$s%2$lld by %1$s",
                  refused ? refusal_meaning(what + 3) : what,
                  (long long)sqlite3_column_int64(s, HOW_SITES), n++ ? ", " : "");
    }
    if (n > 1 || (line.n && r->options->how != REPLAY_RERUN))
        error_info("sites: %s", line.data);
    return 0;
}

void summary_go_on(const struct replay *r) {
    error_tell("interrupted; what was done is kept: 'dearth replay %s' goes on where "
               "this stopped",
               r->store->path);
}

int summary_print(const struct replay *r, enum replay_outcome outcome) {
    char time[24], faults[32];
    struct sites sites;
    int err = sites_load(r->store, r->recording_id, ledger_replay_id(r->ledger), NULL,
                         false, &sites);
    if (err < 0)
        return err;
    AUTO_FREE char *replays = text_format(
        "(SELECT id FROM replay WHERE recording_id = %lld)", (long long)r->recording_id);
    struct open_sites open = {0};
    err = survivor_open_sites(r->store, replays, &open.ids, &open.n);
    struct tally t = count_verdicts(&sites, &open);
    free(open.ids);
    if (err < 0) {
        sites_deinit(&sites);
        return err;
    }
    bool chance = r->chance.probability > 0;
    error_info("%s: %s of %u %s in %s (%llu executions, %d at a time, tree: %s%s)",
               outcome == REPLAY_DONE     ? "replayed"
               : outcome == REPLAY_BUDGET ? "time is up"
                                          : "interrupted",
               text_count(r->progress.done, faults),
               chance ? (uint32_t)r->options->runs : r->plan.n_faults + r->pairs.n,
               chance ? "executions by chance" : "faults",
               text_duration(clock_mono_ns() - r->started_ns, time),
               (unsigned long long)r->progress.executions, r->jobs,
               isolation_name(r->isolation), r->traced ? "" : ", not traced");
    if (r->progress.guarded)
        error_info("of these executions %llu with guarded blocks",
                   (unsigned long long)r->progress.guarded);
    print_verdicts(&t);
    print_coverage(r, &t);
    err = print_survivors(r, replays);
    if (err == 0)
        err = print_how(r);
    print_leaks(r);
    if (err == 0)
        err = print_findings(r);
    if (outcome != REPLAY_DONE)
        error_info("'dearth replay %s' goes on where this stopped", r->store->path);
    else
        error_info("next: dearth report %s", r->store->path);
    sites_deinit(&sites);
    return err;
}
