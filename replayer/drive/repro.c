/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth repro`: show a finding again.
 *
 *   finding ─ attempt (the evidence) ─► order ─┐
 *   recording ─► conditions ──────────────────┼─► runner ─► observation ─► verdict: the same?
 *   replay ─► isolation, limit, baseline ─────┘
 *
 * The program runs as in the replay, its output captured and passed on when it ends: the
 * verdict rests on that output (a message of malloc's, a line that is missing), and it
 * must be reached in the same way to be compared. Under a debugger the terminal is the
 * user's and nothing is judged.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "baseline.h"
#include "cli.h"
#include "commands.h"
#include "conditions.h"
#include "error.h"
#include "failed.h"
#include "frames.h"
#include "interrupt.h"
#include "isolation.h"
#include "leaks.h"
#include "output_check.h"
#include "repro_case.h"
#include "repro_text.h"
#include "runner.h"
#include "scoping.h"
#include "short_name.h"
#include "store.h"
#include "store_owner.h"
#include "text.h"
#include "trust.h"
#include "under.h"
#include "usual.h"

#define DEFAULT_LIMIT_NS 60000000000u
#define STDOUT_CAP       (64u << 20)
#define OUTPUT_LIMIT     (256u << 20)

struct repro_options {
    const char *path;
    int64_t id, tries;
    bool gdb, print, trust;
    int valgrind;      /* --under valgrind, whatever the attempt ran under */
    int isolation;     /* enum isolation; whatever the attempt had */
    char *const *argv; /* of a program recorded with --no-argv */
};

/* --- running --- */

/* Before anything runs. A weaker isolation is not taken over from the replay: it is for who runs
 * this to choose. */
static void say_isolation(const struct repro_case *e, const struct conditions *c,
                          const struct tree_facts *tree) {
    const char *kind;
    AUTO_FREE char *text = isolation_warning(tree, c->cwd, &kind);
    if (text)
        error_warn("%s", text);
    AUTO_FREE char *before = isolation_before(tree);
    AUTO_FREE char *not_before = isolation_not_before(tree);
    if (before)
        error_info("%s", before);
    if (not_before)
        error_warn("%s", not_before);
    if (e->isolation != tree->isolation)
        error_info("the attempt ran with --isolation %s, this runs with %s",
                   isolation_name(e->isolation), isolation_name(tree->isolation));
}

/* The same later calls fail as in the attempt: it is made from the same. */
static int make_scope(const struct repro_case *e, const struct conditions *c,
                      struct shm_scope **out) {
    AUTO_FREE char *unknown = NULL;
    const struct scoping scoping = {.store = e->store,
                                    .recording_id = e->recording_id,
                                    .rule = &e->scope,
                                    .catalogue = e->catalogue,
                                    .exe = c->exe};
    return scoping_make(&scoping, out, &unknown);
}

static int start(const struct repro_options *options, const struct repro_case *e,
                 const struct conditions *c, const struct baseline *baseline,
                 const struct shm_scope *scope, struct runner **out) {
    struct runner_options o = conditions_options(c);
    o.scope = scope;
    o.jobs = 1;
    o.time_limit_ns = e->time_limit_ns ? e->time_limit_ns : DEFAULT_LIMIT_NS;
    o.stdout_cap = STDOUT_CAP;
    o.output_limit = OUTPUT_LIMIT;
    o.output_check = options->gdb ? NULL : e->output_check;
    if (o.output_check)
        o.stdout_cap = OUTPUT_CHECK_BYTES;
    o.baseline_stdout = baseline->stdout_data;
    o.baseline_stdout_bytes = baseline->stdout_kept;
    o.baseline_exit_code = baseline->exit_code;
    o.sweep = e->sweep;
    o.drive = e->drive;
    o.health = e->health;
    o.ready_timeout_ns = e->ready_timeout_ns;
    o.loop_ns = e->loop_ns;
    if (e->sweep)
        o.time_limit_ns *= 3; /* as in the replay, for a program of its own */
    o.isolation = (enum isolation)options->isolation;
    o.apart = e->apart;
    o.traced = e->traced && !options->gdb;
    o.keep_stdio = options->gdb;
    o.debugger = options->gdb ? "gdb" : NULL;
    o.chance_sites = e->chance_sites;
    o.n_chance_sites = e->order.chance.n_sites;
    int err = runner_new(&o, out);
    if (err == 0)
        say_isolation(e, c, runner_tree(*out));
    return err;
}

/* One execution. Return: 1 with @seen, 0 interrupted, or a negative errno after a
 * message. */
static int execute(struct runner *runner, const struct order *order,
                   struct observation *seen) {
    const struct session *session;
    uint32_t lost = 0;
    int r = runner_submit(runner, order, 1);
    while (r == 0 && !interrupt_wanted()) {
        uint64_t tag = UINT64_MAX;
        r = runner_wait(runner, 200, &tag, seen, &session);
        if (r >= 0 || tag == UINT64_MAX)
            continue;
        r = ++lost < RUNNER_MAX_LOST
                ? runner_submit(runner, order, 1) /* its worker died */
                : error_print_errno(r, "the execution could not be run");
    }
    if (r > 0 && seen->end.start_error)
        r = error_print_errno(-seen->end.start_error,
                              "the program cannot be started again");
    return r;
}

static const struct leaked_site *find_leak(const struct observation *seen,
                                           struct dearth_key site) {
    for (uint32_t i = 0; i < seen->leaks.n; i++)
        if (key_equal(seen->leaks.sites[i].site, site))
            return &seen->leaks.sites[i];
    return NULL;
}

/* Did the block leak again that the others hang on? */
static bool judge_leaks(const struct repro_case *e, const struct observation *seen) {
    if (!seen->leaks.known) {
        error_tell("what leaked is not known: %s", leaks_unknown_text(seen->leaks.state));
        return false;
    }
    for (uint32_t i = 0; i < e->n_leaks; i++) {
        const struct leaked_site *leak = find_leak(seen, e->leaks[i].site);
        char bytes[16];
        if (leak)
            error_tell("leaked: %llu block%s, %s, by %s",
                       (unsigned long long)leak->blocks, leak->blocks == 1 ? "" : "s",
                       text_bytes(leak->bytes, bytes), e->leak_places[i]);
    }
    const struct leaked_site *first = find_leak(seen, e->leaks[0].site);
    return first && first->blocks >= e->leaks[0].blocks;
}

static struct judgement judge_again(const struct repro_case *e,
                                    const struct baseline *baseline,
                                    const struct observation *seen) {
    struct frames_reader *reader = NULL;
    struct failed_stacks failed = {0};
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (frames_reader_new(e->store, &reader) == 0 && failed_prepare(e->store, &s) == 0)
        failed_load(e->store, s, reader, &e->order, seen, &failed);
    struct judgement j = verdict_judge(baseline, &failed, seen, e->catalogue);
    abort_stacks_deinit(&failed);
    frames_reader_free(reader);
    return j;
}

/* Return: 1 shown, 0 not, or a negative errno. */
static int judge(const struct repro_case *e, const struct baseline *baseline,
                 const struct observation *seen) {
    struct judgement j = judge_again(e, baseline, seen);
    bool shown = strcmp(verdict_name(j.verdict), e->shown) == 0;
    int passed = repro_text_output(seen);
    if (seen->proof.fired)
        repro_text_end(seen);
    error_tell("%s: %s%s%s", verdict_name(j.verdict), j.reason,
               j.policy ? "; policy " : "", j.policy ? j.policy : "");
    if (e->n_leaks)
        shown = judge_leaks(e, seen) && shown;
    for (uint32_t i = 1; i < j.n_differences; i++)
        error_tell("  and %s%s %s%s%s%s",
                   strcmp(j.differences[i].what, "file") == 0 ? ""
                                                              : j.differences[i].what,
                   j.differences[i].path, difference_meaning(j.differences[i].how),
                   j.differences[i].detail[0] ? " (" : "", j.differences[i].detail,
                   j.differences[i].detail[0] ? ")" : "");
    return passed < 0 ? passed : shown;
}

static bool has_caught(const struct baseline *b, int signal) {
    for (uint32_t i = 0; i < b->n_runs; i++)
        for (uint32_t k = 0; k < b->runs[i].n_caught; k++)
            if (b->runs[i].caught[k].signal == signal)
                return true;
    return false;
}

/* What runs without a fault caught is stored by its place, in older databases without its code, and a barrier has none
 * (usual.c): where one may have come up, a run of now tells. @plain: it, from the first time on. Return: as execute(). */
static int set_aside_barriers(const struct repro_case *e, struct runner *runner,
                              const struct baseline *baseline, struct observation *plain,
                              struct observation *seen) {
    const struct order no_fault = {.under = e->order.under};
    const struct baseline now = {.runs = plain, .n_runs = 1};
    if (e->sweep || !seen->crash.signal || seen->crash.fatal ||
        !has_caught(baseline, seen->crash.signal))
        return 1;
    int r = plain->n_caught ? 1 : execute(runner, &no_fault, plain);
    if (r > 0)
        usual_set_aside(&now, seen);
    return r;
}

static int run_judged(const struct repro_options *options, const struct repro_case *e,
                      struct runner *runner, const struct baseline *baseline) {
    struct observation plain = {0};
    int64_t tries = 0;
    int r = 0;
    while (r == 0 && tries < options->tries) {
        struct observation seen = {0};
        r = execute(runner, &e->order, &seen);
        tries++;
        if (r > 0)
            usual_set_aside(baseline, &seen);
        if (r > 0)
            r = set_aside_barriers(e, runner, baseline, &plain, &seen);
        if (r > 0)
            r = judge(e, baseline, &seen);
        else if (interrupt_wanted())
            r = error_print(-EINTR, "interrupted");
        observation_deinit(&seen);
    }
    observation_deinit(&plain);
    if (r < 0)
        return r == -EINTR ? EXIT_INTERRUPTED : EXIT_CANNOT;
    if (r > 0)
        error_tell("finding %lld showed again", (long long)e->finding_id);
    else
        error_tell("finding %lld did not show again in %lld execution%s; recorded "
                   "was %s%s\n",
                   (long long)e->finding_id, (long long)tries, tries == 1 ? "" : "s",
                   e->shown, e->n_leaks ? " and leaked" : "");
    return r > 0 ? EXIT_OK : EXIT_GATE_FAILED;
}

static int run_debugged(const struct repro_case *e, struct runner *runner) {
    struct observation seen = {0};
    error_tell("gdb stops when the allocation has failed; 'finish' twice leads to its "
               "caller\n");
    int r = execute(runner, &e->order, &seen);
    observation_deinit(&seen);
    return r > 0 ? EXIT_OK : interrupt_wanted() ? EXIT_INTERRUPTED : EXIT_CANNOT;
}

static int say_changed(struct store *store, int64_t recording_id) {
    AUTO_FREE char *path = NULL;
    int n = conditions_changed(store, recording_id, &path);
    if (n > 0)
        error_warn("%s is not the file that was recorded; the failure may not come up: "
                   "record and "
                   "replay again",
                   path);
    return n < 0 ? n : 0;
}

static int run(const struct repro_options *options, struct store *store,
               const struct repro_case *e, const struct conditions *c) {
    struct observation *runs = NULL;
    struct baseline baseline = {0};
    struct runner *runner = NULL;
    AUTO_FREE struct shm_scope *scope = NULL;
    uint32_t n = 0;
    int status = EXIT_CANNOT;
    bool ready = say_changed(store, e->recording_id) == 0 &&
                 make_scope(e, c, &scope) == 0 &&
                 (options->gdb || repro_case_runs(store, e->replay_id, &runs, &n) == 0);
    if (ready && n)
        baseline_fold(runs, n, e->catalogue, &baseline);
    if (ready && start(options, e, c, &baseline, scope, &runner) == 0) {
        repro_text_fault(e);
        status = options->gdb ? run_debugged(e, runner)
                              : run_judged(options, e, runner, &baseline);
    } else if (interrupt_wanted()) {
        status = EXIT_INTERRUPTED;
    }
    runner_free(runner);
    baseline_deinit(&baseline);
    for (uint32_t i = 0; i < n; i++)
        observation_deinit(&runs[i]);
    free(runs);
    return status;
}

/* As the attempt ran, or as --under says. */
static int prepare_under(const struct repro_options *options, struct repro_case *e,
                         struct conditions *c) {
    AUTO_FREE char *said = NULL;
    if (options->valgrind && e->order.under != UNDER_VALGRIND) {
        e->order.under = UNDER_VALGRIND;
        e->time_limit_ns *= under_slowdown(UNDER_VALGRIND);
        e->traced = false;
    }
    if (e->sweep && (options->gdb || options->valgrind))
        return error_print(-EINVAL,
                           "finding %lld is of a program that serves: neither --gdb nor "
                           "--under valgrind can show it; --print says how to start and "
                           "drive it by hand",
                           (long long)e->finding_id);
    if (e->order.under == UNDER_VALGRIND && options->gdb)
        return error_print(-EINVAL, "--gdb cannot look into a program under Valgrind");
    int err = options->print ? 0 : under_apply(c, e->order.under, &said);
    if (said)
        error_tell("%s", said);
    return err;
}

/* Printing runs nothing. */
static int check_trust(const struct repro_options *options, struct store *store,
                       const char *stranger, const struct repro_case *e) {
    const struct trust trust = {.store = store,
                                .stranger = stranger,
                                .recording_id = e->recording_id,
                                .replay_id = e->replay_id,
                                .drive = e->drive,
                                .health = e->health,
                                .output_check = options->gdb ? NULL : e->output_check,
                                .argv = options->argv,
                                .trusted = options->trust};
    return options->print ? 0 : trust_check(&trust);
}

static int repro(const struct repro_options *options) {
    AUTO_STORE struct store *store = NULL;
    struct repro_case e = {0};
    struct conditions c = {0};
    int status = EXIT_CANNOT;
    AUTO_FREE char *stranger =
        access(options->path, F_OK) == 0 ? store_stranger(options->path) : NULL;
    if (store_new(options->path, STORE_READ, &store) == 0 &&
        repro_case_read(store, options->id, &e) == 0 &&
        check_trust(options, store, stranger, &e) == 0 &&
        conditions_init(&c, store, e.recording_id, options->argv) == 0 &&
        prepare_under(options, &e, &c) == 0) {
        status = EXIT_OK;
        if (options->print)
            repro_text_command(&e, &c, options->path);
        else
            status = run(options, store, &e, &c);
    }
    conditions_deinit(&c);
    repro_case_deinit(&e);
    return status;
}

/* --- the command --- */

static int take_operands(struct repro_options *o, int n, char **operands) {
    char *end;
    if (n < 1 || n > 2)
        return error_print(-EINVAL,
                           "repro: takes a database and the number of a finding, or the "
                           "number alone (see 'dearth repro --help')");
    if (n == 2)
        o->path = operands[0];
    errno = 0;
    o->id = strtoll(operands[n - 1], &end, 10);
    if (end == operands[n - 1] || *end || errno || o->id < 1)
        return error_print(-EINVAL,
                           "repro: '%s' is not the number of a finding; 'dearth report "
                           "--format text' lists them",
                           operands[n - 1]);
    if (o->tries < 1 || o->tries > 1000000)
        return error_print(-EINVAL, "repro: --tries takes 1 or more");
    return 0;
}

int command_repro(int argc, char **argv) {
    struct repro_options o = {.path = STORE_DEFAULT_PATH, .tries = 1};
    int n_operands, n = 1;
    while (n < argc && strcmp(argv[n], "--") != 0)
        n++;
    if (n < argc && argv[n + 1])
        o.argv = argv + n + 1;
    const struct cli_option table[] = {
        {'g', "gdb", CLI_FLAG, &o.gdb, NULL,
         "run it in gdb, stopped where the allocation has failed; nothing is judged"},
        {0, "tries", CLI_INT, &o.tries, "N",
         "run it up to N times until it shows (default: 1)"},
        {0, "under", CLI_CHOICE, &o.valgrind, NULL,
         "run it as the attempt ran, or under Valgrind's memcheck", "recorded|valgrind"},
        {0, "isolation", CLI_CHOICE, &o.isolation, NULL,
         "how its files are kept apart from yours, as for 'dearth replay' (auto: "
         "overlay, whatever the attempt had)",
         "auto|overlay|copy|shared"},
        SHORT_NAME_OPTION,
        {0, "print", CLI_FLAG, &o.print, NULL,
         "print the recorded command and the fault; run nothing"},
        {0, "trust", CLI_FLAG, &o.trust, NULL,
         "run what is stored in a database that others could have written, too"},
        {0},
    };
    const struct cli_command command = {
        "repro", "[options] [FILE] ID [-- PROGRAM ARGUMENTS]",
        "Show a finding again: run the program once with the same failure.",
        "FILE is the database (default: " STORE_DEFAULT_PATH
        "), ID the finding's number in the report. PROGRAM ARGUMENTS are needed only "
        "when the recording was made with --no-argv. The program's output is passed on "
        "when it ends. Exit status: 0 it showed again, 1 it did not, 2 dearth could not "
        "do its job, 130 interrupted.",
        table};
    int r = cli_parse(&command, n, argv, false, &n_operands);
    if (r == CLI_DONE)
        return EXIT_OK;
    if (r < 0 || take_operands(&o, n_operands, argv + 1) < 0)
        return EXIT_CANNOT;
    interrupt_install();
    return repro(&o);
}
