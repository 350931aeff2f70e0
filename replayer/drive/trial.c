/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baseline runs: the program without faults, more than once, under conditions in which it
 * ends as it did when it was recorded. A tracer that changes the program's behaviour would put
 * its own mark on every verdict, so it is left away then.
 *
 *   traced ──differs──► untraced ──differs──► back to traced, said aloud
 *
 * The isolation stays the one that was asked for: a program that minds it may be one that
 * finds what its first run has left and now removes the rest. Under a weaker one it would.
 */
#include "trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "isolation.h"
#include "output_check.h"
#include "reach.h"
#include "replay_private.h"
#include "session.h"
#include "store.h"
#include "text.h"
#include "tracing.h"
#include "under.h"

#define STDOUT_CAP          (1u << 20)
#define TRIAL_OUTPUT_LIMIT  (1ull << 32)
/* More output than this is a runaway, for example an error message in an endless loop. */
#define MIN_OUTPUT_LIMIT    (1u << 20)
#define OUTPUT_LIMIT_FACTOR 8u
#define MIN_TRIAL_NS        60000000000u /* until the baseline is known */
#define MIN_TIME_LIMIT_NS   2000000000u
#define TIME_LIMIT_FACTOR   10u
#define TIME_LIMIT_EXTRA_NS 1000000000u

struct recorded_end {
    bool known;
    int exit_code, exit_signal;
    uint64_t duration_ns;
};

#define END_COLUMNS(X)                                                                   \
    X(END_EXIT_CODE, "coalesce(exit_code, -1)")                                          \
    X(END_EXIT_SIGNAL, "coalesce(exit_signal, 0)")                                       \
    X(END_DURATION_NS, "coalesce(duration_ns, 0)")                                       \
    X(END_KNOWN, "exit_code IS NOT NULL OR exit_signal IS NOT NULL")                     \
    X(END_UNWIND_FALLBACKS, "coalesce(unwind_fallbacks, 1)")
enum { END_COLUMNS(STORE_COLUMN_ENUM) };

static int read_recorded_end(struct replay *r, struct recorded_end *out) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int err = store_prepare(r->store,
                            STORE_SELECT(END_COLUMNS) "FROM recording WHERE id = ?1", &s);
    if (err < 0)
        return err;
    sqlite3_bind_int64(s, 1, r->recording_id);
    if (sqlite3_step(s) == SQLITE_ROW) {
        *out = (struct recorded_end){
            .exit_code = sqlite3_column_int(s, END_EXIT_CODE),
            .exit_signal = sqlite3_column_int(s, END_EXIT_SIGNAL),
            .duration_ns = (uint64_t)sqlite3_column_int64(s, END_DURATION_NS),
            .known = sqlite3_column_int(s, END_KNOWN)};
        r->fallbacks = (uint64_t)sqlite3_column_int64(s, END_UNWIND_FALLBACKS);
    }
    return 0;
}

static void forget_runs(struct replay *r) {
    baseline_deinit(&r->baseline);
    for (uint32_t i = 0; i < r->n_runs; i++)
        observation_deinit(&r->runs[i]);
    free(r->runs);
    r->runs = NULL;
    r->n_runs = 0;
}

static uint64_t most_output(const struct replay *r) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < r->n_runs; i++) {
        uint64_t bytes = r->runs[i].output.stdout_bytes + r->runs[i].output.stderr_bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static uint64_t most_cpu(const struct replay *r) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < r->n_runs; i++)
        most = r->runs[i].end.cpu_ns > most ? r->runs[i].end.cpu_ns : most;
    return most;
}

/* opening it costs more than the rest of what our library does at its start */
static bool spares_libunwind(const struct replay *r) {
    return r->fallbacks == 0;
}

static int start_runner(struct replay *r, bool traced, uint64_t limit_ns,
                        uint64_t output_limit) {
    const struct conditions *c = &r->conditions;
    struct runner_options o = conditions_options(c);
    o.jobs = r->jobs;
    o.time_limit_ns = limit_ns;
    o.stdout_cap = r->options->output_check ? OUTPUT_CHECK_BYTES : STDOUT_CAP;
    o.output_check = r->options->output_check;
    o.usual_output = most_output(r);
    o.usual_cpu_ns = most_cpu(r);
    o.baseline_exit_code = r->baseline.exit_code;
    o.baseline_stdout = r->baseline.stdout_data;
    o.baseline_stdout_bytes = r->baseline.stdout_kept;
    o.output_limit = output_limit;
    o.isolation = r->options->isolation;
    o.traced = traced;
    o.apart = (struct namespaces){.pids = !r->options->share_signals,
                                  .ipc = !r->options->share_ipc};
    o.sweep = r->options->how == REPLAY_SWEEP;
    o.drive = r->options->drive;
    o.health = r->options->health;
    o.ready_timeout_ns = r->options->ready_timeout_ns;
    o.loop_ns = r->options->loop_ns;
    o.no_libunwind = spares_libunwind(r);
    o.chance_sites = r->chance_sites;
    o.n_chance_sites = r->chance.n_sites;
    o.scope = r->scope;
    r->runner = runner_free(r->runner);
    r->traced = traced;
    r->runner_options = o;
    int err = runner_new(&o, &r->runner);
    if (err == 0)
        r->isolation = runner_tree(r->runner)->isolation;
    return err;
}

static uint64_t derive_output_limit(const struct replay *r) {
    return MIN_OUTPUT_LIMIT + OUTPUT_LIMIT_FACTOR * most_output(r);
}

/* The baseline is known now, and the limits with it. The workers that ran it go on, when nothing but limits is new
 * for them: to make others, with their private trees, costs as much as some runs of a small program. */
static int settle_runner(struct replay *r) {
    struct runner_options *o = &r->runner_options;
    uint64_t output_limit = derive_output_limit(r);
    if (o->sweep || o->output_check || o->traced != r->traced || o->jobs != r->jobs ||
        o->no_libunwind != spares_libunwind(r))
        return start_runner(r, r->traced, r->time_limit_ns, output_limit);
    o->time_limit_ns = r->time_limit_ns;
    o->output_limit = output_limit;
    o->usual_output = most_output(r);
    o->usual_cpu_ns = most_cpu(r);
    o->baseline_exit_code = r->baseline.exit_code;
    o->baseline_stdout = r->baseline.stdout_data;
    o->baseline_stdout_bytes = r->baseline.stdout_kept;
    runner_set_time_limit(r->runner, o->time_limit_ns);
    runner_set_usual(r->runner, o);
    return 0;
}

/* The error of a baseline run that says nothing about faults. */
static int check_run(const struct replay *r, const struct observation *seen) {
    char limit[24];
    if (seen->end.start_error == ETIMEDOUT && seen->served.driven)
        return error_print(
            -ETIMEDOUT,
            seen->served.loop
                ? "%s: without any fault it ended before it could be watched "
                  "(--loop-time), or --health did not succeed in time"
                : "%s: --health did not succeed within --ready-timeout "
                  "without any fault; is the command right, does the program "
                  "stay in the foreground, is its port free?",
            r->conditions.exe);
    if (seen->served.driven && !seen->served.outlived && !seen->served.unhealthy)
        return error_print(-EPIPE, "%s: without any fault it ended while it was %s",
                           r->conditions.exe, seen->served.loop ? "watched" : "driven");
    if (seen->served.driven && seen->end.timed_out)
        return error_print(
            -ETIMEDOUT,
            "%s: without any fault --drive or --health did not end in time; "
            "give them more with --timeout",
            r->conditions.exe);
    if (seen->end.start_error == ENOENT && r->isolation == ISOLATION_COPY &&
        access(r->conditions.exe, R_OK) < 0)
        return error_print(
            -EACCES,
            "%s: may be executed and not read, so that a private copy is without it; "
            "--isolation overlay copies nothing",
            r->conditions.exe);
    if (seen->end.start_error)
        return error_print_errno(-seen->end.start_error, "%s: cannot be started again",
                                 r->conditions.exe);
    if (seen->end.timed_out)
        return error_print(
            -ETIMEDOUT,
            "%s: did not end within %s without any fault; give it more with "
            "--timeout, or a smaller task (for a "
            "server: --how sweep)",
            r->conditions.exe, text_duration(seen->end.duration_ns, limit));
    if (!seen->proof.attached && r->under == UNDER_VALGRIND)
        return error_print(-ENOEXEC,
                           "%s: dearth's library did not come up in it under Valgrind; "
                           "leave --under out",
                           r->conditions.exe);
    if (!seen->proof.attached)
        return error_print(-ENOEXEC,
                           "%s: dearth's library did not come up in it; is it statically "
                           "linked or setuid? 'dearth record' says more",
                           r->conditions.exe);
    return 0;
}

/* A replay keeps what every process did to the end of the run: in a crowd that has its limits. */
static int note_crowd(struct replay *r, const struct session *session) {
    uint64_t lost = session->arena->processes_lost;
    if (!lost || r->n_runs)
        return 0;
    AUTO_FREE char *text = text_format(
        "%" PRIu64 " of %" PRIu64 " processes found no room in the shared memory of a "
        "replay: calls that only they make are not failed",
        lost, lost + session->arena->n_processes);
    return ledger_note(r->ledger, "processes_lost", NULL, text);
}

static int take_run(struct replay *r, struct observation *seen,
                    const struct session *session) {
    int err = check_run(r, seen);
    if (err == 0)
        err = tracing_take(r, seen);
    if (err == 0)
        err = ledger_baseline(r->ledger, r->n_runs + 1, seen, (struct session *)session);
    if (err == 0)
        err = note_crowd(r, session);
    for (uint32_t i = 0; i < session_n_processes(session); i++) {
        const struct shm_process *process = session_process(session, i);
        r->fallbacks += process ? process->fallbacks : 1;
    }
    if (r->options->how == REPLAY_SWEEP)
        reach_driven(&r->reach, session);
    if (err < 0)
        observation_deinit(seen);
    else
        r->runs[r->n_runs++] = *seen;
    return err;
}

/* Return: REPLAY_INTERRUPTED, REPLAY_BUDGET or 0: go on. */
static int is_ended(const struct replay *r) {
    return interrupt_wanted()     ? REPLAY_INTERRUPTED
           : replay_time_is_up(r) ? REPLAY_BUDGET
                                  : 0;
}

/* A worker that dies takes its run with it, which is made again. Return: 0, or a negative errno after a message. */
static int take_lost(const struct replay *r, uint32_t *lost, uint64_t tag, int err) {
    if (tag == UINT64_MAX) /* it was no worker */
        return err;
    return ++*lost < RUNNER_MAX_LOST
               ? 0
               : error_print_errno(err, "%s: a run without a fault could not be made",
                                   r->conditions.exe);
}

/* A sweep: started and not driven yet. What it allocates by now, it allocates at its start. */
static int start_idle(struct replay *r) {
    const struct order idle = {.under = r->under, .idle = true};
    struct observation seen = {0};
    const struct session *session = NULL;
    uint32_t lost = 0;
    int n = runner_submit(r->runner, &idle, 0);
    while (n == 0 && !is_ended(r)) {
        uint64_t tag = UINT64_MAX;
        n = runner_wait(r->runner, 200, &tag, &seen, &session);
        if (n < 0 && (n = take_lost(r, &lost, tag, n)) == 0 && !is_ended(r))
            n = runner_submit(r->runner, &idle, 0);
    }
    if (n == 0)
        n = is_ended(r);
    else if (n > 0)
        n = check_run(r, &seen);
    if (n == 0)
        reach_started(&r->reach, session);
    observation_deinit(&seen);
    return n;
}

static bool ends_as_recorded(const struct replay *r, int code, int signal,
                             const struct recorded_end *end) {
    return r->options->how == REPLAY_SWEEP || !end->known ||
           (code == end->exit_code && signal == end->exit_signal);
}

/* Of what is to prove itself, the first run says that it does not. */
static bool is_disproved(const struct replay *r, const struct recorded_end *end) {
    return r->options->proof && r->n_runs == 1 &&
           !ends_as_recorded(r, r->runs[0].end.exit_code, r->runs[0].end.exit_signal,
                             end);
}

/* Run the program options->baseline_runs times. */
static int run_baselines(struct replay *r, const struct recorded_end *end) {
    uint32_t wanted = (uint32_t)r->options->baseline_runs, submitted = 0, lost = 0;
    const struct order no_fault = {.under = r->under};
    r->runs = text_alloc(wanted * sizeof *r->runs);
    int idle = r->options->how == REPLAY_SWEEP ? start_idle(r) : 0;
    if (idle)
        return idle;
    while (r->n_runs < wanted) {
        int err = 0;
        /* the first alone: it may show that they cannot run beside each other */
        while (submitted < (r->n_runs ? wanted : 1) && err == 0 &&
               runner_ready(r->runner)) {
            err = runner_submit(r->runner, &no_fault, submitted);
            submitted += err == 0;
        }
        if (err < 0)
            return err;
        struct observation seen = {0};
        const struct session *session = NULL;
        uint64_t tag = UINT64_MAX;
        err = runner_wait(r->runner, 200, &tag, &seen, &session);
        if (err < 0) {
            err = take_lost(r, &lost, tag, err);
            submitted -= err == 0;
        } else if (err > 0 && !interrupt_wanted())
            err = take_run(r, &seen, session);
        else if (err > 0)
            observation_deinit(&seen);
        if (err >= 0 && is_ended(r) && (interrupt_wanted() || r->n_runs < wanted))
            return is_ended(r);
        if (err == 0 && r->n_runs == 1)
            err = replay_one_at_a_time(r, &r->runs[0]);
        if (err < 0)
            return err;
        if (is_disproved(r, end))
            wanted = 1;
    }
    baseline_fold(r->runs, r->n_runs, r->options->catalogue, &r->baseline);
    return 0;
}

static bool baseline_as_recorded(const struct replay *r, const struct recorded_end *end) {
    return ends_as_recorded(r, r->baseline.exit_code, r->baseline.exit_signal, end);
}

/* Before anything runs. */
static int say_isolation(const struct replay *r) {
    const char *kind;
    AUTO_FREE char *text =
        isolation_warning(runner_tree(r->runner), r->conditions.cwd, &kind);
    AUTO_FREE char *left_out = isolation_left_out(runner_tree(r->runner));
    AUTO_FREE char *not_before = isolation_not_before(runner_tree(r->runner));
    AUTO_FREE char *before = isolation_before(runner_tree(r->runner));
    int err = 0;
    if (before)
        error_info("attempts: %s", before);
    if (text) {
        error_warn("%s", text);
        err = ledger_note(r->ledger, kind, r->conditions.cwd, text);
    }
    if (not_before && err == 0) {
        error_warn("%s", not_before);
        err = ledger_note(r->ledger, "not_as_before", r->conditions.exe, not_before);
    }
    if (left_out && err == 0) {
        error_info("%s", left_out);
        err = ledger_note(r->ledger, "descriptors", r->conditions.exe, left_out);
    }
    return err;
}

static int try_conditions(struct replay *r, bool traced, uint64_t limit_ns,
                          const struct recorded_end *end) {
    forget_runs(r);
    int err = start_runner(r, traced, limit_ns, TRIAL_OUTPUT_LIMIT);
    if (err < 0)
        return err;
    if (!r->ledger) {
        AUTO_FREE char *options = options_text(r->options);
        struct ledger_start start = {
            r->recording_id, options, isolation_name(r->isolation),
            traced,          r->jobs, r->scope_text};
        err = ledger_new(r->store, &start, &r->ledger);
        if (err == 0)
            err = say_isolation(r);
    } else {
        err = ledger_forget_baselines(r->ledger);
        if (err == 0)
            err = ledger_set_traced(r->ledger, traced);
    }
    return err < 0 ? err : run_baselines(r, end);
}

static void describe_end(int code, int signal, char out[static 32]) {
    snprintf(out, 32, signal ? "signal %d" : "status %d", signal ? signal : code);
}

static int say_different(struct replay *r, const struct recorded_end *end) {
    char recorded[32], now[32];
    describe_end(end->exit_code, end->exit_signal, recorded);
    describe_end(r->baseline.exit_code, r->baseline.exit_signal, now);
    AUTO_FREE char *text = text_format(
        "without any fault the program ends with %s, but the recording ended with %s: "
        "something around it has changed, perhaps by the recorded run itself%s; verdicts "
        "compare with the former",
        now, recorded,
        r->isolation == ISOLATION_OVERLAY
            ? ", or it minds being run in a private tree (--isolation copy makes "
              "everything outside of its working folder real)"
            : "");
    error_warn("%s", text);
    return ledger_note(r->ledger, "baseline_differs", r->conditions.exe, text);
}

static int find_conditions(struct replay *r, const struct recorded_end *end) {
    /* the signals that a tracer sees are Valgrind's, not the program's */
    bool traced = r->options->traced && r->under != UNDER_VALGRIND;
    uint64_t limit = r->options->time_limit_ns;
    if (!limit) {
        limit = 20 * end->duration_ns + 10000000000u;
        limit = limit > MIN_TRIAL_NS ? limit : MIN_TRIAL_NS;
        limit *= under_slowdown(r->under);
    }
    int err = try_conditions(r, traced, limit, end);
    if (!err && !r->options->traced)
        err = tracing_left_out(r, "--no-trace");
    traced = r->traced;
    if (err || baseline_as_recorded(r, end))
        return err;
    if (traced) {
        err = try_conditions(r, false, limit, end);
        if (!err && baseline_as_recorded(r, end))
            return tracing_left_out(r,
                                    "under a tracer the program ends otherwise than it "
                                    "was recorded");
        if (err)
            return err;
        if (!r->options->proof) /* which is refused now */
            err = try_conditions(r, true, limit, end);
    }
    if (err)
        return err;
    if (r->options->proof) {
        r->options->proof->looked = true;
        r->options->proof->ends = false;
        return REPLAY_REFUSED;
    }
    return say_different(r, end);
}

static uint64_t derive_limit(const struct replay *r) {
    if (r->options->time_limit_ns)
        return r->options->time_limit_ns;
    uint64_t limit = TIME_LIMIT_FACTOR * r->baseline.duration_ns + TIME_LIMIT_EXTRA_NS;
    return limit > MIN_TIME_LIMIT_NS ? limit : MIN_TIME_LIMIT_NS;
}

/* Return: REPLAY_BUDGET, or a negative errno. */
static int say_no_time(struct replay *r) {
    char time[24];
    AUTO_FREE char *text = text_format(
        "the time budget of %s was over before the program had run without a fault as "
        "often as is needed (%u of %d): no fault was tried; give it more",
        text_duration(r->options->time_budget_ns, time), r->n_runs,
        r->options->baseline_runs);
    error_warn("%s", text);
    int err = r->ledger ? ledger_note(r->ledger, "no_time", r->conditions.exe, text) : 0;
    return err < 0 ? err : REPLAY_BUDGET;
}

int trial_run(struct replay *r) {
    struct recorded_end end = {0};
    int err = read_recorded_end(r, &end);
    if (err == 0)
        err = find_conditions(r, &end);
    if (err == REPLAY_BUDGET)
        return say_no_time(r);
    if (err)
        return err;
    if (!r->baseline.status_stable) {
        static const char text[] =
            "the program's exit status differs between runs without "
            "any fault; an attempt counts as reported when it is not 0";
        error_warn("%s", text);
        err = ledger_note(r->ledger, "unstable_status", r->conditions.exe, text);
    }
    r->time_limit_ns = derive_limit(r);
    if (err == 0)
        err = settle_runner(r);
    return err;
}
