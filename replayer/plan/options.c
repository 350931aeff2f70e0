/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked of a replay: defaults, and the text that the database keeps. */
#include "options.h"

#include <unistd.h>

#include "chance_row.h"
#include "json.h"
#include "process_stat.h"
#include "text.h"

void options_init(struct replay_options *o) {
    *o = (struct replay_options){.baseline_runs = 3,
                                 .repeat = 2,
                                 .isolation = ISOLATION_AUTO,
                                 .traced = true,
                                 .summary = true};
    o->plan.mode = PLAN_BOTH;
    o->plan.occurrence = PLAN_FIRST;
    o->ready_timeout_ns = 30000000000u;
    o->loop_ns = 1000000000u;
}

static const char *leaks_name(enum replay_leaks leaks) {
    static const char *const names[] = {"location", "site", "off"};
    return names[leaks];
}

static void add_list(struct json *j, const char *name, const char *const *items,
                     uint32_t n) {
    json_open(j, name, '[');
    for (uint32_t i = 0; i < n; i++)
        json_text(j, NULL, items[i]);
    json_close(j, ']');
}

char *options_text(const struct replay_options *o) {
    static const char *const occurrences[] = {"first", "last", "all", "log2", "nth"};
    static const char *const modes[] = {"once", "sticky", "both"};
    static const char *const hows[] = {"auto", "rerun", "snapshot", "sweep"};
    static const char *const guards[] = {"auto", "all", "off"};
    struct text out = {0};
    struct json j = {.out = &out, .compact = true};
    json_open(&j, NULL, '{');
    if (o->plan.n_own) {
        add_list(&j, "own", o->plan.own, o->plan.n_own);
        add_list(&j, "not_own", o->plan.not_own, o->plan.n_not_own);
    }
    add_list(&j, "in", o->plan.in, o->plan.n_in);
    add_list(&j, "not_in", o->plan.not_in, o->plan.n_not_in);
    add_list(&j, "site", o->plan.sites, o->plan.n_sites);
    json_bool(&j, "untested", o->plan.untested);
    json_bool(&j, "retest", o->plan.retest);
    json_int(&j, "min_size", (int64_t)o->plan.min_size);
    json_text(&j, "occurrence", occurrences[o->plan.occurrence]);
    if (o->plan.occurrence == PLAN_NTH)
        json_int(&j, "nth", (int64_t)o->plan.nth);
    if (o->plan.call_first) {
        json_int(&j, "nth_first", (int64_t)o->plan.call_first);
        json_int(&j, "nth_last", (int64_t)o->plan.call_last);
    }
    if (o->chance.probability > 0) {
        AUTO_FREE char *chance = chance_row_text(&o->chance);
        json_raw(&j, "chance", chance);
        json_int(&j, "runs", (int64_t)o->runs);
    }
    json_text(&j, "changed_since", o->plan.changed_since);
    json_text(&j, "demand", o->plan.demand);
    json_text(&j, "repository", o->plan.repository);
    json_text(&j, "from_symbol", o->plan.from_symbol);
    json_text(&j, "until_symbol", o->plan.until_symbol);
    json_text(&j, "thread", thread_role_name(o->plan.thread));
    json_text(&j, "mode", o->plan.burst ? "burst" : modes[o->plan.mode]);
    if (o->plan.burst)
        json_int(&j, "burst", o->plan.burst);
    json_int(&j, "depth", o->plan.depth > 1 ? 2 : 1);
    json_int(&j, "limit", (int64_t)o->plan.limit);
    json_int(&j, "shard", o->plan.shard);
    json_int(&j, "n_shards", o->plan.n_shards);
    json_text(&j, "how", hows[o->how]);
    if (o->quick)
        json_bool(&j, "quick", true);
    json_text(&j, "guard", guards[o->guarding]);
    json_text(&j, "output_check", o->output_check);
    if (o->share_signals)
        json_bool(&j, "share_signals", true);
    if (o->share_ipc)
        json_bool(&j, "share_ipc", true);
    if (o->how == REPLAY_SWEEP) {
        json_text(&j, "drive", o->drive);
        json_text(&j, "health", o->health);
        json_int(&j, "ready_timeout_ns", (int64_t)o->ready_timeout_ns);
        json_int(&j, "loop_ns", (int64_t)o->loop_ns);
    }
    json_int(&j, "repeat", o->repeat);
    json_int(&j, "baseline_runs", o->baseline_runs);
    json_text(&j, "leaks", leaks_name(o->leaks));
    json_int(&j, "time_limit_ns", (int64_t)o->time_limit_ns);
    json_int(&j, "time_budget_ns", (int64_t)o->time_budget_ns);
    json_open(&j, "policies", '[');
    for (uint32_t i = 0; i < o->n_policies; i++)
        json_text(&j, NULL, o->policies[i]);
    json_close(&j, ']');
    struct process_stat self; /* whose replay it is; a reused pid has another start */
    bool known = process_stat_read(getpid(), &self) == 0;
    json_int(&j, "pid", getpid());
    json_int(&j, "pid_start", known ? (int64_t)self.start : 0);
    json_close(&j, '}');
    return text_take(&out);
}
