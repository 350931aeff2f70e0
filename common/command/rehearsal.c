/* SPDX-License-Identifier: Apache-2.0 */
/* Rehearsals: see rehearsal.h. Nothing of the user's is written to here. */
#include "rehearsal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "error.h"
#include "interrupt.h"
#include "program.h"
#include "record_row.h"
#include "reread.h"
#include "runner.h"
#include "standard_input.h"
#include "text.h"

#define DEFAULT_LIMIT_NS 60000000000u
#define SAY_AFTER_NS     2000000000u
#define OUTPUT_LIMIT     (1ull << 32)
#define OUTPUT_KEPT      4096u

extern char **environ;

static uint64_t limit_of(const struct rehearsal *r) {
    return r->limit_ns ? r->limit_ns : DEFAULT_LIMIT_NS;
}

/* Not traced: what is asked is what it does to files, and some do other things under a tracer. */
static int start(const struct rehearsal *r, const struct runner_options *like,
                 struct runner **out) {
    struct runner_options o = *like;
    o.jobs = 1;
    o.time_limit_ns = limit_of(r);
    o.stdout_cap = OUTPUT_KEPT;
    o.output_limit = OUTPUT_LIMIT;
    o.isolation = r->isolation;
    o.apart = r->apart;
    return runner_new(&o, out);
}

/* What the program prints there is not shown: somebody waits and sees nothing. */
static void say_waiting(uint64_t limit_ns) {
    char limit[24];
    error_info("the program runs in a private tree first, for at most %s, to show which "
               "files it changes; then it is recorded (--in-place does without)",
               text_duration(limit_ns, limit));
}

/* Return: 1 it has ended, 0 the user does not wait, or a negative errno. */
static int wait_for(struct runner *runner, uint64_t limit_ns, struct observation *seen) {
    const struct order no_fault = {.under = UNDER_PLAIN};
    const struct session *session;
    uint64_t tag;
    uint64_t begin_ns = clock_mono_ns();
    bool said = false;
    int n = runner_submit(runner, &no_fault, 0);
    while (n == 0 && !interrupt_wanted()) {
        n = runner_wait(runner, 200, &tag, seen, &session);
        if (n == 0 && !said && clock_mono_ns() - begin_ns > SAY_AFTER_NS) {
            said = true;
            say_waiting(limit_ns);
        }
    }
    return n;
}

static char *judge(const struct observation *seen, int ended, struct before *before) {
    char limit[24];
    AUTO_FREE char *why = NULL;
    if (ended < 0)
        return text_format("the run in a private tree before it failed: %s",
                           strerror(-ended));
    if (seen->end.start_error)
        return text_format("it cannot be started in a private tree: %s",
                           strerror(seen->end.start_error));
    if (seen->end.timed_out)
        return text_format("the run in a private tree before it had not ended after %s",
                           text_duration(seen->end.duration_ns, limit));
    if (!seen->output.files_known)
        return text_dup("what it writes cannot be told here");
    if (before_take(before, seen->output.files, seen->output.n_files, &why) == 0)
        return NULL;
    return text_dup(why);
}

static int interrupted(void) {
    error_print(-EINTR, "interrupted before the program was recorded: nothing of yours "
                        "was changed");
    return EXIT_INTERRUPTED;
}

static int run(const struct rehearsal *r, const struct runner_options *like,
               struct before *before, char **why) {
    struct runner *runner = NULL;
    struct observation seen = {0};
    if (start(r, like, &runner) < 0)
        return interrupt_wanted() ? interrupted() : EXIT_CANNOT;
    int ended = wait_for(runner, limit_of(r), &seen);
    runner_free(runner);
    int status = interrupt_wanted() ? interrupted() : EXIT_OK;
    if (status == EXIT_OK)
        *why = judge(&seen, ended, before);
    observation_deinit(&seen);
    return status;
}

/* Read to its end before either run: both get all of it. */
static int run_piped(const struct rehearsal *r, const struct runner_options *like,
                     struct before *before, char **why) {
    struct runner_options o = *like;
    struct reread piped = {0};
    int status = EXIT_CANNOT;
    if (reread_take(&piped) == 0) {
        o.stdin_path = piped.path;
        o.stdin_is_pipe = true;
        status = interrupt_wanted() ? interrupted() : EXIT_OK;
        if (piped.whole && status == EXIT_OK)
            status = run(r, &o, before, why);
        else
            *why = text_dup("standard input, a pipe, did not come to its end at once");
    }
    if (status == EXIT_OK && reread_give_back(&piped) < 0)
        status = EXIT_CANNOT;
    reread_deinit(&piped);
    return status;
}

int rehearsal_run(const struct rehearsal *r, struct before *before, char **why) {
    AUTO_FREE char *path = NULL, *shown = NULL, *cwd = getcwd(NULL, 0);
    struct record_stdin input = {0};
    *why = NULL;
    standard_input_fill();
    if (program_find(r->argv[0], &path, &shown) != 0)
        return EXIT_CANNOT;
    standard_input_look(&input);
    const struct runner_options like = {.argv = r->argv,
                                        .exe = path,
                                        .cwd = cwd ? cwd : "/",
                                        .envp = environ,
                                        .stdin_path = input.path,
                                        .stdin_offset = input.offset};
    int status = strcmp(input.kind, "pipe") == 0 ? run_piped(r, &like, before, why)
                                                 : run(r, &like, before, why);
    free(input.path);
    return status;
}
