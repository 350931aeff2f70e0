/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth record`: see record.h.
 *
 *   find program ─► session (arena) ─► database, row 'running' ─► start
 *        ─► rounds of the collector until everybody has ended ─► symbols ─► row 'complete'
 *
 * Invariant: the row is committed before the program starts, and every later state of the
 * file is a valid database: whatever ends dearth, what was committed can be read.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "catalogue.h"
#include "catalogue_store.h"
#include "clock.h"
#include "collector.h"
#include "commands.h"
#include "controlled.h"
#include "error.h"
#include "interrupt.h"
#include "keeper.h"
#include "last_room.h"
#include "program.h"
#include "record_row.h"
#include "resolve.h"
#include "session.h"
#include "signals.h"
#include "standard_input.h"
#include "store.h"
#include "store_folder.h"
#include "tee.h"
#include "text.h"

#define BUSY_WAIT_NS      500000u   /* while events flow */
#define IDLE_WAIT_NS      20000000u /* at most, when none do */
#define SPARSE_ROUND      10000u    /* events of a sample: a third of the first room */
#define FULL_ROUND        100000u   /* events: do not wait at all */
#define SAY_WAITING_NS    1000000000u
#define GRACE_NS          100000000u /* for a child that was forked but has not registered */
#define STARVED_NS        3000000000u
#define WAL_PAGES         "PRAGMA wal_autocheckpoint = 4000"
#define READY_BLOCKS      16u /* 1 MiB: what a small program needs, and its children */
#define DEFAULT_CAP       (64ull << 20)
#define MOST_SAMPLE_BYTES (1ull << 40)

struct run {
    const struct record_options *options;
    char **argv;
    char *path;  /* of the program */
    char *shown; /* the same, as the user named it */
    struct record_stdin input;
    struct session *session;
    struct store *store;
    int64_t id;
    struct tee *tee;
    struct program program;
    struct driven driven;
    struct controlled controlled;
    uint8_t
        *input_copy; /* what standard input has carried when the recording was ended */
    struct collector *collector;
    struct keeper *keeper;   /* NULL: names are not wanted */
    uint64_t clock_ahead_ns; /* of the session's clock to CLOCK_MONOTONIC, modulo 2^64 */
    int failed;              /* negative errno: nothing is recorded any more */
    int last_room;           /* last_room_take() */
    bool started;
};

struct record_options record_defaults(void) {
    return (struct record_options){.output = STORE_DEFAULT_PATH,
                                   .stdin_cap = DEFAULT_CAP,
                                   .driven.ready_timeout_ns = 30000000000u,
                                   .driven.drive_timeout_ns = 600000000000u};
}

/* --- before --- */

/* As shm_header.only_exe has them. Return: 0 or -EINVAL after a message. */
static int list_globs(const struct cli_list *globs, char list[SHM_ONLY_BYTES]) {
    size_t at = 0;
    for (size_t i = 0; i < globs->n; i++) {
        size_t n = strlen(globs->items[i]) + 1;
        if (n == 1)
            return error_print(-EINVAL,
                               "record: --only-exe takes a glob, such as 'cc1*'");
        if (at + n >= SHM_ONLY_BYTES)
            return error_print(-EINVAL, "record: --only-exe: more than %u bytes of globs",
                               SHM_ONLY_BYTES - 1);
        memcpy(list + at, globs->items[i], n);
        at += n;
    }
    list[at] = 0;
    return 0;
}

static int open_session(struct run *run) {
    char only_exe[SHM_ONLY_BYTES] = {0};
    int r = list_globs(&run->options->only_exe, only_exe);
    if (r < 0)
        return r;
    struct session_options options = {
        .flags = SHM_EVENTS | (run->options->drop ? SHM_DROP_WHEN_FULL : 0) |
                 (run->options->no_argv ? SHM_NO_ARGV : 0) |
                 (run->options->units ? SHM_SEEN : 0),
        .max_depth = (uint32_t)run->options->max_depth,
        .sample_bytes = run->options->sample_bytes,
        .only_exe = only_exe,
        .ready_blocks = READY_BLOCKS};
    return session_new(&options, &run->session);
}

static int open_store(struct run *run) {
    const char *path = run->options->output ? run->options->output : STORE_DEFAULT_PATH;
    AUTO_FREE char *file = NULL;
    int r = store_folder_is(path) ? store_folder_new_file(path, &file) : 0;
    if (r == 0)
        r = store_new(file ? file : path, STORE_CREATE, &run->store);
    if (r == 0)
        r = store_exec(run->store, WAL_PAGES);
    return r;
}

/* A log that was not there before has no old pages in it: that its first one is on the disk before the second
 * matters to nobody. Source: sqlite3WalFrames(), on syncHeader */
static int begin_log(struct run *run, bool begun) {
    if (!run->store->placed)
        return 0;
    return store_exec(run->store,
                      begun ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = OFF");
}

static int prepare(struct run *run, const char *name) {
    int r = program_find(name, &run->path, &run->shown);
    standard_input_fill();
    standard_input_look(&run->input);
    if (r == 0)
        r = open_session(run);
    if (r == 0)
        r = open_store(run);
    if (r == 0)
        r = begin_log(run, false);
    if (r == 0) {
        session_start_clock(run->session); /* a new database took some time */
        struct record_start start = {.options = run->options,
                                     .argv = run->argv,
                                     .exe = run->path,
                                     .input = &run->input,
                                     .session = run->session};
        run->id = record_row_start(run->store, &start);
        r = begin_log(run, true);
        r = run->id < 0 ? (int)run->id : r;
    }
    if (r == 0 &&
        run->options
            ->suite_id) { /* before anything is in it: it is never taken for a suite */
        AUTO_FREE char *sql =
            text_format("UPDATE recording SET suite_id = %" PRId64 " WHERE id = %" PRId64,
                        run->options->suite_id, run->id);
        r = store_exec(run->store, sql);
    }
    if (r == 0 && run->options->catalogue)
        r = catalogue_save(run->options->catalogue, run->store);
    if (r == 0) {
        struct collector_options options = {.session = run->session,
                                            .store = run->store,
                                            .recording_id = run->id,
                                            .keep_events = !run->options->sites_only,
                                            .sample_bytes = run->options->sample_bytes,
                                            .units = run->options->units};
        r = collector_new(&options, &run->collector);
    }
    if (r == 0) {
        run->controlled.session = run->session;
        run->controlled.store = run->store;
        run->controlled.recording_id = run->id;
        r = controlled_begin(&run->controlled, run->options->start_paused);
    }
    if (r == 0 && !run->options->no_symbols)
        run->keeper = keeper_new(run->session, run->path);
    if (r == 0)
        run->last_room = last_room_take(run->store->path);
    return r;
}

static int start_program(struct run *run) {
    int stdin_fd = -1, r = 0;
    AUTO_FREE char **env = session_environment(run->session, environ);
    if (strcmp(run->input.kind, "pipe") == 0)
        r = tee_new(run->options->stdin_cap, &run->tee, &stdin_fd);
    if (r == 0)
        r = program_start(&run->program, run->shown, run->argv, env, stdin_fd);
    if (stdin_fd >= 0)
        close(stdin_fd);
    run->started = r == 0;
    if (r == 0 && run->tee)
        r = tee_start(run->tee);
    return r;
}

/* The program was not started: take the row back. A database that this run made stays, empty: others
 * may have opened it by now. */
static void undo(struct run *run) {
    if (run->id > 0)
        record_row_remove(run->store, run->id);
}

/* --- while it runs --- */

/* The database cannot be written any more: let the program go on without us. */
static void give_up(struct run *run, int err) {
    run->failed = err;
    session_detach(run->session);
    error_warn("recording has stopped; the program goes on");
}

struct pace {
    uint64_t wait_ns;    /* before the next round */
    uint64_t ended_ns;   /* when the program was first seen to have ended */
    uint64_t quiet_ns;   /* since when nobody that we record is there */
    uint64_t starved_ns; /* since when a target waits for memory that cannot be had */
    bool said;
};

static uint64_t now_ns(const struct run *run) {
    uint64_t ticks, ns;
    session_now(run->session, &ticks, &ns);
    return ns + 1;
}

static void check_starved(struct run *run, struct pace *pace, uint64_t n_events) {
    if (run->failed || !collector_starved(run->collector) || n_events) {
        pace->starved_ns = 0;
        return;
    }
    uint64_t now = now_ns(run);
    if (!pace->starved_ns)
        pace->starved_ns = now;
    if (now - pace->starved_ns < STARVED_NS)
        return;
    session_detach(run->session);
    int why = collector_starved(run->collector);
    error_warn("%s: no room for more shared memory (%s): from here on events are lost",
               run->session->directory,
               why == -ENOBUFS ? "too many processes or sites at once" : strerror(-why));
}

/* Has everything ended that could still write events? */
static bool all_over(struct run *run, struct pace *pace) {
    if (!run->program.ended)
        return false;
    uint64_t now = now_ns(run);
    uint32_t alive = run->failed ? 0 : collector_n_alive(run->collector);
    if (!pace->ended_ns)
        pace->ended_ns = now;
    if (alive || !pace->quiet_ns)
        pace->quiet_ns = now;
    if (run->program.childless || run->program.interrupted)
        return true;
    if (run->program.had_children && now - pace->quiet_ns > GRACE_NS)
        return true;
    if (!pace->said && now - pace->ended_ns > SAY_WAITING_NS) {
        pace->said = true;
        error_info(
            "the program has ended; waiting for %u process%s that it started; Ctrl-C "
            "ends the recording",
            alive ? alive : 1, alive > 1 ? "es" : "");
    }
    return false;
}

/* @sampled: rings fill slowly, and whoever waits for a block wakes us */
static void set_pace(struct pace *pace, uint64_t n_events, bool sampled) {
    if (n_events >= FULL_ROUND)
        pace->wait_ns = 0;
    else if (sampled && n_events < SPARSE_ROUND)
        pace->wait_ns = IDLE_WAIT_NS;
    else if (n_events)
        pace->wait_ns = BUSY_WAIT_NS;
    else if (pace->wait_ns < IDLE_WAIT_NS)
        pace->wait_ns += pace->wait_ns / 4 + BUSY_WAIT_NS / 4;
}

static void follow(struct run *run) {
    struct pace pace = {0};
    driven_start(&run->driven, &run->options->driven, now_ns(run));
    while (!run->controlled.ending && !all_over(run, &pace)) {
        uint64_t n_events = 0;
        const int fds[] = {collector_fd(run->collector), controlled_fd(&run->controlled)};
        driven_step(&run->driven, &run->program, now_ns(run));
        program_wait(&run->program, fds, pace.wait_ns);
        int asked =
            controlled_step(&run->controlled, run->failed ? NULL : run->collector);
        if (asked < 0)
            give_up(run, asked);
        if (run->failed) {
            pace.wait_ns = IDLE_WAIT_NS;
            continue;
        }
        int r = collector_round(run->collector, &n_events);
        if (r < 0)
            give_up(run, r);
        check_starved(run, &pace, n_events);
        set_pace(&pace, n_events, run->options->sample_bytes);
    }
    if (!run->controlled.ending)
        driven_end(&run->driven);
}

/* The recording was ended, the program was not: we are still its parent, pass signals on to it, and end as it
 * does. */
static void outlive(struct run *run) {
    const int none[] = {-1, -1};
    while (!run->program.ended) {
        driven_step(&run->driven, &run->program, clock_mono_ns() + run->clock_ahead_ns);
        program_wait(&run->program, none, IDLE_WAIT_NS);
    }
    driven_end(&run->driven);
    program_done(&run->program);
    if (run->tee)
        tee_stop(run->tee, &run->input.data, &run->input.n, &run->input.truncated);
}

/* Everybody is gone, or the user does not want to wait: take what is left. */
static void finish(struct run *run) {
    uint64_t n;
    run->clock_ahead_ns = now_ns(run) - clock_mono_ns();
    if (run->controlled.ending)
        session_pause(run->session, true);
    if (run->program.interrupted || run->controlled.ending)
        session_detach(run->session);
    for (int i = 0; i < 4 && !run->failed; i++)
        run->failed = collector_round(run->collector, &n);
    if (!run->failed)
        run->failed = collector_finish(run->collector, run->program.childless);
    if (run->tee && run->controlled.ending)
        tee_copy(run->tee, &run->input_copy, &run->input.n, &run->input.truncated);
    else if (run->tee)
        tee_stop(run->tee, &run->input.data, &run->input.n, &run->input.truncated);
    if (run->input_copy)
        run->input.data = run->input_copy;
}

/* --- after --- */

/* Return: whether what was recorded is not all that was allocated. */
static bool note_oddities(struct run *run, const struct collector_totals *t) {
    struct record_notes notes = {run->store, run->id};
    bool unseen = record_note_unseen(&notes, run->session);
    if (run->options->only_exe.n)
        record_note_left_out(&notes, run->session, t->processes);
    if (!t->processes && run->options->only_exe.n)
        ; /* said just now */
    else if (!t->processes)
        record_note(
            &notes, "no_process", run->path,
            "the recorder did not come up in %s: nothing was recorded (is preloading "
            "forbidden here, or LD_PRELOAD cleared by a wrapper?)",
            run->path);
    else if (!t->events && !t->events_lost && !unseen && !run->controlled.was_off &&
             !run->options->sample_bytes)
        record_note(
            &notes, "no_events", run->path,
            "%s made no call of malloc and its like: it allocates nothing, or has "
            "its own allocator inside",
            run->path);
    if (t->events_lost)
        record_note(&notes, "events_lost", NULL,
                    "%" PRIu64 " events were lost: the recording is not exact",
                    t->events_lost);
    record_note_limits(&notes, t);
    record_note_stacks(&notes, t);
    if (t->rings_damaged)
        record_note(&notes, "rings_damaged", NULL, RECORD_NOTE_DAMAGED, t->rings_damaged);
    if (session_unlinked(run->session))
        record_note(&notes, "session_removed", NULL,
                    "the folder of the shared memory was removed while the program ran: "
                    "what was started after that is not recorded");
    if (t->processes_lost)
        record_note(&notes, "processes_lost", NULL,
                    "%" PRIu64
                    " process%s not recorded: more than %u were alive at once, the "
                    "shared memory was full, or nobody read it any more",
                    t->processes_lost, t->processes_lost == 1 ? " was" : "es were",
                    SHM_MAX_PROCESSES);
    if (run->program.exit_signal == SIGSYS)
        record_note(&notes, "sigsys", run->path,
                    "%s ended by SIGSYS: its sandbox (seccomp) met a system call that it "
                    "does not allow. If it does not end so without dearth, that was one "
                    "of the recorder's own, in a filter put on without libc's help",
                    run->path);
    if (run->program.interrupted)
        record_note(&notes, "interrupted", NULL,
                    "the recording was ended while processes were still running");
    return unseen;
}

static int store_end(struct run *run, const struct collector_totals *t) {
    struct record_end end = {.totals = t,
                             .program = &run->program,
                             .input = &run->input,
                             .session = run->session,
                             .going_on = run->controlled.ending,
                             .interrupted = run->program.interrupted};
    if (!run->failed)
        run->failed = controlled_end(&run->controlled, run->collector);
    if (!run->failed) {
        end.unseen = note_oddities(run, t);
        run->failed = record_row_end(run->store, run->id, &end);
    }
    run->last_room = last_room_give(run->last_room);
    if (!run->failed)
        return 0;
    end.interrupted = true;
    end.made = collector_made(run->collector);
    return record_row_salvage(run->store, run->id, &end);
}

static int conclude(struct run *run) {
    struct collector_totals totals = collector_totals(run->collector);
    int r = store_end(run, &totals);
    bool going_on = run->controlled.ending;
    if (!going_on)
        program_done(&run->program);
    run->collector = collector_free(run->collector);
    keeper_stop(run->keeper);
    run->session = session_free(run->session);
    controlled_ended(&run->controlled, r == 0 && !run->failed);
    if (run->failed)
        return run->failed;
    /* signals wait for nobody while the program runs: whoever asked for the end looks them up */
    if (r == 0 && !run->options->no_symbols && !going_on)
        r = resolve_store(run->store, isatty(STDERR_FILENO) && !error_quiet());
    if (r == 0 && !run->options->no_summary)
        record_summary(run->store, run->id, &totals);
    return r;
}

static void run_deinit(struct run *run) {
    run->last_room = last_room_give(run->last_room);
    keeper_free(run->keeper); /* it reads the session */
    controlled_deinit(&run->controlled);
    collector_free(run->collector);
    free(run->input_copy);
    tee_free(run->tee);
    session_free(run->session);
    store_free(run->store);
    free(run->input.path);
    free(run->path);
    free(run->shown);
}

int record_run(const struct record_options *options, int argc, char **argv,
               int64_t *recording_id, int *status) {
    struct run run = {.options = options, .argv = argv, .last_room = -1};
    (void)argc;
    program_ignore_file_limit();
    int r = prepare(&run, argv[0]);
    if (interrupt_wanted()) /* which may be why something failed */
        r = interrupt_status();
    if (r == 0)
        r = start_program(&run);
    if (run.started) {
        if (r < 0)
            give_up(&run, r);
        follow(&run);
        finish(&run);
        *recording_id = run.id;
        r = conclude(&run);
        if (run.controlled.ending)
            outlive(&run);
        *status = driven_ended_it(&run.driven) ? 0 : program_status(&run.program);
        r = r == 0 && run.driven.failed ? run.driven.failed : r;
    } else {
        undo(&run);
        if (interrupt_wanted())
            error_print(-EINTR, "interrupted before the program was started");
    }
    run_deinit(&run);
    return r;
}

/* --- the command --- */

int command_record_signal(void) {
    return signals_end_wanted();
}

static int64_t made; /* by the last command_record() */

int64_t command_record_id(void) {
    return made;
}

_Static_assert(SHM_DEFAULT_DEPTH == 512, "as the help of --max-depth says");

int command_record(int argc, char **argv) {
    struct record_options o = record_defaults();
    int on_full = 0, detail = -1, n, status = 0;
    uint64_t sample = UINT64_MAX;
    bool symbols = true, with_argv = true;
    struct cli_list catalogues = {0};
    const struct cli_option table[] = {
        {'o', "output", CLI_TEXT, &o.output, "FILE|DIR/",
         "database to add the recording to, made if need be (default: dearth.db); DIR/: "
         "a new one in that folder, for many recordings at once",
         NULL, false},
        {0, "on-full", CLI_CHOICE, &on_full, NULL,
         "when the program allocates faster than can be stored: make it wait (exact, the "
         "default) or drop events and count them",
         "wait|drop", false},
        {0, "detail", CLI_CHOICE, &detail, NULL,
         "store every event (the default), or only the sums per site, for runs of days: "
         "calls, failures, bytes, sizes, frees, lifetimes, peak and live bytes of each "
         "site and process stay exact, and the database grows with the sites, processes "
         "and threads and not with time; single allocations, their times and threads, "
         "and what was live at the peak of all sites are not kept",
         "events|sites", false},
        {0, "sample", CLI_BYTES, &sample, "BYTES",
         "record a sample, for production: each byte that is asked for is looked at with "
         "probability 1/BYTES, and what is seen stands for the rest: numbers are "
         "estimates, kept as with --detail=sites. Nothing of a sample is tested or "
         "untested: it cannot be replayed. 512K is a good start",
         NULL, false},
        {0, "only-exe", CLI_LIST, &o.only_exe, "GLOB",
         "record only programs whose path or file name matches, as in --only-exe 'cc1*' "
         "-- make; others run as ever, and what they start is looked at again (may be "
         "repeated)",
         NULL, false},
        {0, "argv", CLI_FLAG, &with_argv, NULL,
         "store command lines (the default; --no-argv leaves them out, and a replay must "
         "be given the command again)",
         NULL, true},
        {0, "env", CLI_LIST, &o.env, "NAME",
         "store the value of this environment variable; no other is stored (may be "
         "repeated)",
         NULL, false},
        {0, "wrapper", CLI_LIST, &o.wrappers, "GLOB",
         "functions that only pass allocations on, as xmalloc does: their callers are "
         "the locations (may be repeated)",
         NULL, false},
        {0, "catalogue", CLI_LIST, &catalogues, "FILE",
         "what your functions are known for, beside the built-in catalogue: "
         "dearth-catalogue(5); it is kept in the database (may be repeated)",
         NULL, false},
        {0, "max-depth", CLI_INT, &o.max_depth, "N",
         "frames of a stack that are kept, 8 to 16384 (default: 512)", NULL, false},
        {0, "stdin-cap", CLI_BYTES, &o.stdin_cap, "BYTES",
         "how much of a pipe on standard input is stored for replays (default: 64 MiB)",
         NULL, false},
        {0, "drive", CLI_TEXT, &o.driven.drive, "COMMAND",
         "for a program that does not end: run this shell command, a client, and then "
         "end the program with SIGTERM",
         NULL, false},
        {0, "health", CLI_TEXT, &o.driven.health, "COMMAND",
         "with --drive or --stop-after: first wait until this shell command ends with 0",
         NULL, false},
        {0, "ready-timeout", CLI_DURATION, &o.driven.ready_timeout_ns, "TIME",
         "how long --health may take to succeed (30 s)", NULL, false},
        {0, "drive-timeout", CLI_DURATION, &o.driven.drive_timeout_ns, "TIME",
         "how long --drive may take; then it and what it started are killed, and the "
         "program is ended (10 min)",
         NULL, false},
        {0, "stop-after", CLI_DURATION, &o.driven.stop_after_ns, "TIME",
         "end the program with SIGTERM after this time, counted from the end of --drive",
         NULL, false},
        {0, "start-paused", CLI_FLAG, &o.start_paused, NULL,
         "record nothing until 'dearth control DB start' says so: for a server that is to "
         "warm up first; see 'dearth control --help'",
         NULL, false},
        {0, "symbols", CLI_FLAG, &symbols, NULL,
         "look up functions and lines at the end (the default; --no-symbols leaves it to "
         "the next command)",
         NULL, true},
        {0}};
    const struct cli_command command = {
        "record", "[OPTIONS] -- PROGRAM [ARGUMENTS]",
        "Run a program and record every allocation of it and of all processes it starts, "
        "with stack, size, time and end.",
        "The program has the terminal, standard input, output and exit status for "
        "itself. What was recorded is committed at least every ten seconds; when dearth "
        "itself is killed, 'dearth recover' completes the recording. Status 125 says "
        "that dearth failed, 126 that the program is not executable, 127 that it was not "
        "found, 128 + N that signal N ended it.",
        table};
    made = 0;
    int r = cli_parse(&command, argc, argv, true, &n);
    if (r == CLI_RUN && n == 0)
        r = error_print(-EINVAL, "record: no program given (see 'dearth record --help')");
    if (r == CLI_RUN && o.max_depth && (o.max_depth < 8 || o.max_depth > 16384))
        r = error_print(-EINVAL, "record: --max-depth takes 8 to 16384, not %" PRId64,
                        o.max_depth);
    if (r == CLI_RUN && sample != UINT64_MAX && (!sample || sample > MOST_SAMPLE_BYTES))
        r = error_print(-EINVAL, "record: --sample takes 1 byte to 1 TiB");
    if (r == CLI_RUN && sample != UINT64_MAX && detail == 0)
        r = error_print(-EINVAL, "record: of a sample only sums per site are kept: "
                                 "--sample and --detail=events exclude each other");
    o.sample_bytes = sample == UINT64_MAX ? 0 : sample;
    o.drop = on_full == 1;
    o.sites_only = detail == 1 || o.sample_bytes;
    o.no_argv = !with_argv;
    o.no_symbols = !symbols;
    if (r == CLI_RUN && catalogues.n) /* for the database; the built-in one is not kept */
        o.catalogue = catalogue_new();
    for (size_t i = 0; r == CLI_RUN && i < catalogues.n; i++)
        r = catalogue_add_file(o.catalogue, catalogues.items[i]) < 0 ? -EINVAL : r;
    if (r == CLI_RUN) {
        interrupt_install();
        r = record_run(&o, n, argv + 1, &made, &status);
    } else if (r == CLI_DONE)
        status = EXIT_OK, r = 0;
    cli_list_deinit(&o.env);
    cli_list_deinit(&o.wrappers);
    cli_list_deinit(&o.only_exe);
    cli_list_deinit(&catalogues);
    catalogue_free(o.catalogue);
    return r < 0 ? EXIT_RECORD_FAILED : r > 0 ? r : status;
}
