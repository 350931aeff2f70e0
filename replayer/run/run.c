/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's loop around one process tree:
 *
 *            ┌──────── SIGCHLD ──► waitpid ──► tracer (stops, ends)
 *   poll ────┼──────── pipes ────► digest, kept output; stdin is fed
 *            ├──────── time ─────► limit: sample, kill; grace over: kill
 *            └──────── channel ──► dearth is gone: kill, end
 *
 * It is over when waitpid() says ECHILD: no traced process and, this worker being the
 * subreaper of all its descendants, no other either. Nothing is read from the arena
 * before.
 */
#include "run.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "copies.h"
#include "debugger.h"
#include "error.h"
#include "evidence.h"
#include "namespace.h"
#include "output_check.h"
#include "remains.h"
#include "session.h"
#include "text.h"
#include "written.h"

#define MS            1000000ull
/* What outlives the first process may still print for a moment: shells' background jobs.
 */
#define GRACE_NS      (500 * MS)
#define HEARTBEAT_NS  (50 * MS) /* session_poll() wants 100 ms at most */
#define KILL_AGAIN_NS (20 * MS) /* processes that were just being made */
#define GIVE_UP_NS                                                                       \
    (10000 * MS) /* a process that not even SIGKILL ends: a stuck driver \
                                    */

/* --- before --- */

static int open_stdio(struct run *run, int stdio[3]) {
    struct execution *x = run->x;
    stdio[0] = stdio[1] = stdio[2] = -1;
    int err = feed_begin(&run->feed, x->options, &stdio[0]);
    if (err || x->options->keep_stdio)
        return err;
    err = capture_begin(&x->output, x->options->stdout_cap, 0, &stdio[1]);
    return err ? err : capture_begin(&x->errors, 0, OBSERVATION_STDERR_BYTES, &stdio[2]);
}

static void close_stdio(const int stdio[3]) {
    for (int i = 0; i < 3; i++)
        if (stdio[i] >= 0)
            close(stdio[i]);
}

static int start(struct run *run, struct launch *launch) {
    struct execution *x = run->x;
    const struct runner_options *options = x->options;
    struct debugger debugger = {0};
    *launch = (struct launch){
        .exe = options->exe,
        .argv = options->argv,
        .envp = x->envp,
        .cwd = scratch_cwd(x->scratch),
        .root_fd = scratch_root(x->scratch),
        .terminal_fd = options->keep_stdio ? options->terminal_fd : -1,
        .memory_limit = options->memory_limit,
        .place = options->place,
        .stdin_path =
            options->stdin_is_pipe || options->debugger ? NULL : options->stdin_path,
        .stdin_offset = options->stdin_offset,
        .traced = x->traced,
        .dies_with_parent = !x->traced && !x->own_pids,
        .stand_in = true,
        .parent_word = &x->session->arena->worker_pid,
        .trace_options = tracer_options(run->exits, run->openings || run->follow),
        .calls = run->openings || run->follow,
    };
    int err = options->debugger ? debugger_init(&debugger, options, x->envp) : 0;
    if (!err && options->debugger) {
        launch->exe = debugger.exe;
        launch->argv = debugger.argv;
        launch->envp = options->envp;
    }
    if (!err)
        err = open_stdio(run, launch->stdio);
    if (!err) {
        namespace_shuffle_pids();
        run->started = clock_mono_ns();
        err = launch_start(launch, &run->first);
        run->parent = launch->parent;
        close_stdio(launch->stdio);
    }
    debugger_deinit(&debugger);
    return err;
}

/* --- during --- */

/* Its own signal; or the SIGABRT with which its handler ends the program. */
static bool is_end_of(const struct observation *seen, int sig) {
    return sig == seen->crash.signal || (sig == SIGABRT && seen->crash.code > 0);
}

static void note_end(struct run *run, pid_t pid, int status) {
    struct observation *seen = run->seen;
    if (seen->crash.signal && (uint32_t)pid == seen->crash.pid)
        seen->crash.fatal = WIFSIGNALED(status) && is_end_of(seen, WTERMSIG(status));
    const struct shm_fault *fault = &run->x->session->arena->faults[0];
    if (__atomic_load_n(&fault->fired, __ATOMIC_ACQUIRE) &&
        (uint32_t)pid == fault->fired_pid) {
        seen->proof.end_known = true;
        seen->proof.end_status = status;
    }
    if (pid != run->first)
        return;
    run->first_ended = true;
    run->status = status;
    uint64_t now = clock_mono_ns();
    seen->end.duration_ns = now - run->started;
    run->ended = now;
    run->starved_at_end = run->tracer.starved_ns;
}

/* A stand-in parent was stopped, or is gone. Without a tracer the end of its child is known from it
 * alone. */
static void note_parent(struct run *run, int parent_status) {
    int status;
    if (WIFSTOPPED(parent_status)) {
        run->seen->outward |= 1ull << (WSTOPSIG(parent_status) - 1);
        run->disturbed = true;
        kill(run->parent, SIGCONT); /* else it would never end */
        return;
    }
    run->parent = 0;
    run->disturbed |= !run->first_ended;
    run->seen->outward |= launch_signals();
    if (WIFSIGNALED(parent_status) && !run->kill_started)
        run->seen->outward |= 1ull << (WTERMSIG(parent_status) - 1);
    if (!run->x->traced && !run->first_ended && launch_end(&status))
        note_end(run, run->first, status);
}

/* Something of the original's while a copy of it runs: was that the copy's doing? */
static void watch_original(struct run *original, pid_t pid, int status) {
    siginfo_t info;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        original->disturbed = true;
    else if (WIFSTOPPED(status) && status >> 16 == 0 &&
             ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) == 0 &&
             (info.si_code == SI_USER || info.si_code == SI_TKILL ||
              info.si_code == SI_QUEUE))
        original->disturbed |= !tracer_knows(&original->tracer, info.si_pid);
}

/* Whose process is it? What a copy has just made may stop before its parent's event says so. */
static struct run *owner_of(struct run *run, pid_t pid) {
    if (!run->original || tracer_knows(&run->tracer, pid))
        return run;
    if (!tracer_knows(&run->original->tracer, pid) &&
        tracer_knows(&run->tracer, tracer_parent(pid)))
        return run;
    return run->original;
}

static void reap(struct run *run) {
    struct run *whole = run->original ? run->original : run;
    for (;;) {
        int status;
        struct rusage usage;
        pid_t pid = wait4(-1, &status, __WALL | WNOHANG | WUNTRACED, &usage);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            run->all_ended = true;
        if (pid <= 0)
            break;
        if (pid == run->command && WIFSTOPPED(status))
            continue;
        if (pid == run->command) {
            run->command = 0;
            run->command_status = status;
            continue;
        }
        if (pid == whole->parent) {
            note_parent(whole, status);
            continue;
        }
        if (WIFSTOPPED(status) && !run->x->traced)
            continue; /* its own business */
        struct run *owner = owner_of(run, pid);
        if (run->original && owner == run->original)
            watch_original(owner, pid, status);
        if (pid == owner->first)
            owner->usage_first = usage;
        if (tracer_handle(&owner->tracer, pid, status))
            note_end(owner, pid, status);
    }
    /* a copy is gone when its processes are, whatever its original does */
    if (run->original && run->first_ended && run->tracer.n == 0)
        run->all_ended = true;
}

static void kill_tree(struct run *run, uint64_t now) {
    if (!run->kill_started)
        run->kill_started = now;
    feed_end(&run->feed);
    if (run->original)
        tracer_kill_known(&run->tracer);
    else
        tracer_kill(&run->tracer);
}

void run_kill(struct run *run) {
    kill_tree(run, clock_mono_ns());
}

int run_sample_hang(struct run *run) {
    int err = 0;
    run->hang.sampled = false;
    while (!err && !run->first_ended && !hang_is_seen(run, clock_mono_ns()))
        err = run_turn(run, clock_mono_ns() + HEARTBEAT_NS);
    return err;
}

/* Has it printed too much, hung, or left processes behind? Says so in the observation. */
static bool must_end(struct run *run, uint64_t now) {
    uint64_t most = run->x->output_limit;
    const struct tracer *tracer = &run->tracer;
    uint64_t printed = run->output->total + run->errors->total;
    bool runaway = most && printed > most;
    if (run->first_ended) {
        uint64_t starved = tracer->starved_ns - run->starved_at_end;
        uint64_t grace = run->patience_ns ? run->patience_ns : GRACE_NS;
        run->seen->end.left_processes =
            runaway || hang_is_over(now, run->ended, grace, starved);
        if (run->seen->end.left_processes)
            remains_processes(tracer, run->parent, run->seen);
        return run->seen->end.left_processes;
    }
    if (run->original && run->command_output->total > COPIES_MOST_RELAYED)
        return true; /* nobody says whether its reader would have taken so much */
    if (tracer->survived) {
        run->seen->end.survived = true;
        run->seen->end.duration_ns = now - run->started;
        return true;
    }
    if (!runaway && !run->hang.endless &&
        (!run->limit_ns ||
         !hang_is_over(now, run->started, run->limit_ns, tracer->starved_ns) ||
         hang_is_slow(run, now)))
        return false;
    if (!hang_is_seen(run, now))
        return false;
    run->seen->end.timed_out = true;
    run->seen->end.duration_ns = now - run->started;
    return true;
}

/* Limits that end it. Return: when to look again, at the latest. */
static uint64_t enforce(struct run *run, uint64_t now) {
    if (now - run->watched >= HEARTBEAT_NS) {
        run->watched = now;
        tracer_watch(&run->tracer, run->first);
        hang_watch_work(run, now);
        if (!run->first_ended && !run->kill_started)
            hang_is_endless(run, now);
        now = clock_mono_ns(); /* that may have taken a while */
    }
    if (run->kill_started || must_end(run, now)) {
        kill_tree(run, now);
        return now + KILL_AGAIN_NS;
    }
    uint64_t second_ns = run->hang.sampled_ns + hang_gap_ns(run);
    if (run->hang.sampled && now < second_ns)
        return now + HEARTBEAT_NS < second_ns ? now + HEARTBEAT_NS : second_ns;
    return now + HEARTBEAT_NS;
}

static void wait_for_something(struct run *run, uint64_t until) {
    struct execution *x = run->x;
    uint64_t now = clock_mono_ns();
    struct timespec timeout = {0};
    if (until > now) {
        timeout.tv_sec = (time_t)((until - now) / 1000000000u);
        timeout.tv_nsec = (long)((until - now) % 1000000000u);
    }
    struct pollfd fds[] = {
        {x->signal_fd, POLLIN, 0},
        {x->channel, (short)(run->awaiting ? POLLRDHUP | POLLIN : POLLRDHUP), 0},
        {run->output->fd, POLLIN, 0},
        {run->errors->fd, POLLIN, 0},
        {run->feed.fd, POLLOUT, 0},
        {run->command_output ? run->command_output->fd : -1, POLLIN, 0},
        {run->command_errors ? run->command_errors->fd : -1, POLLIN, 0},
    };
    if (ppoll(fds, sizeof fds / sizeof *fds, &timeout, NULL) <= 0)
        return;
    if (fds[0].revents)
        execution_take_signals(x);
    if (fds[1].revents & ~POLLIN) { /* dearth is gone: nobody wants to know how it ends */
        tracer_kill(&run->tracer);
        while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
            tracer_kill_descendants();
        scratch_free(x->scratch);
        _exit(1);
    }
    /* one read each, so that a program that only prints cannot keep us from our clock */
    if (fds[2].revents)
        capture_read(run->output, 1);
    if (fds[3].revents)
        capture_read(run->errors, 1);
    if (fds[4].revents)
        feed_write(&run->feed);
    if (fds[5].revents)
        capture_read(run->command_output, 1);
    if (fds[6].revents)
        capture_read(run->command_errors, 1);
}

int run_turn(struct run *run, uint64_t until) {
    reap(run);
    if (run->all_ended && !run->seen->end.timed_out)
        tracer_forget_sample(&run->tracer);
    if (run->all_ended)
        return 0;
    int err = run->copies ? copies_serve(run) : 0;
    if (err)
        return err;
    session_poll(run->x->session); /* no room is the target's loss, counted there */
    uint64_t next = copies_look_ns(run, enforce(run, clock_mono_ns()));
    if (run->kill_started && clock_mono_ns() - run->kill_started > GIVE_UP_NS)
        return error_print(-EIO,
                           "a process of an attempt cannot be killed (process %d "
                           "or one of its children)",
                           run->first);
    wait_for_something(run, next < until ? next : until);
    return 0;
}

int run_follow(struct run *run) {
    int err = 0;
    while (!err && !run->all_ended)
        err = run_turn(run, UINT64_MAX);
    return err;
}

/* --- after --- */

static uint64_t cpu_ns(const struct rusage *usage) {
    return ((uint64_t)usage->ru_utime.tv_sec + (uint64_t)usage->ru_stime.tv_sec) *
               1000000000u +
           ((uint64_t)usage->ru_utime.tv_usec + (uint64_t)usage->ru_stime.tv_usec) *
               1000u;
}

static void read_output(struct run *run, struct observation *seen) {
    struct capture *output = run->output, *errors = run->errors;
    /* Every writer is dead: what is left is in the pipes. */
    capture_read(output, UINT64_MAX);
    capture_read(errors, UINT64_MAX);
    (run->unbranched ? capture_keep : capture_close)(output);
    (run->unbranched ? capture_keep : capture_close)(errors);
    seen->output.stdout_bytes = output->total;
    seen->output.stderr_bytes = errors->total;
    seen->output.stdout_kept = output->head_n;
    if (output->head_n) {
        seen->output.stdout_data = text_alloc(output->head_n + 1);
        memcpy(seen->output.stdout_data, output->head, output->head_n);
    }
    digest_end(&output->digest, seen->output.stdout_digest);
    seen->output.stderr_tail = capture_take_tail(errors, &seen->output.stderr_tail_n);
}

static void read_status(const struct run *run, struct observation *seen) {
    seen->end.exit_code = WIFEXITED(run->status) ? WEXITSTATUS(run->status) : -1;
    seen->end.exit_signal = WIFSIGNALED(run->status) ? WTERMSIG(run->status) : 0;
}

void run_finish(struct run *run) {
    struct execution *x = run->x;
    struct observation *seen = run->seen;
    struct rusage after;
    getrusage(RUSAGE_CHILDREN, &after);
    seen->end.cpu_ns = cpu_ns(&after) - cpu_ns(&run->usage_before);
    if (run->original && run->original->parent && !run->adopted)
        seen->end.cpu_ns += cpu_ns(&run->usage_first); /* its parent has not ended yet */
    read_status(run, seen);
    read_output(run, seen);
    seen->proof.overwritten = session_inspect(x->session) != x->damaged;
    evidence_proof(x->session, x->options->debugger || run->original ? 0 : run->first,
                   seen);
    if (seen->proof.overwritten) /* nothing else in there can be believed */
        return;
    if (!run->original && x->session->arena->flags & SHM_COUNT_SITES)
        evidence_calls(x->session, seen);
    if (x->session->arena->flags & SHM_LEAKS)
        evidence_leaks(x->session, seen);
    evidence_damage(x->session, seen);
    evidence_addresses(x->session, seen);
}

/* What was made for a program that did not come to run. */
static void give_up_start(struct run *run, int err) {
    run->seen->end.start_error = -err;
    run->seen->end.exit_code = -1;
    feed_end(&run->feed);
    capture_close(run->output);
    capture_close(run->errors);
}

void run_read_files(const struct execution *x, struct observation *seen) {
    struct written written = {0};
    seen->output.files_known = scratch_read(x->scratch, &written);
    seen->output.files = written.files;
    seen->output.n_files = written.n;
    written_digest(written.files, written.n, seen->output.files_digest);
}

int run_begin(struct run *run, uint64_t time_limit_ns) {
    struct execution *x = run->x;
    struct observation *seen = run->seen;
    struct launch *launch = &run->launch;
    *seen = (struct observation){.end.started_unix_ns = clock_unix_ns()};
    getrusage(RUSAGE_CHILDREN, &run->usage_before);
    int err = start(run, launch);
    if (err) {
        give_up_start(run, err);
        return 1;
    }
    seen->end.start_error = launch->error;
    x->traced = launch->traced;
    seen->end.trace_refused = x->options->traced && !x->options->debugger && !x->traced;
    run->limit_ns = x->options->debugger ? 0 : time_limit_ns;
    run->watched = run->started;
    run->tracer.traced = x->traced;
    run->tracer.armed = &x->session->arena->any_fired;
    run->tracer.faults = run->x->session->arena->faults;
    run->tracer.seen = seen;
    run->tracer.exits = run->exits;
    run->tracer.openings = run->openings;
    run->tracer.follow = run->follow;
    run->tracer.watches = run->x->session->arena->n_faults == 0 && !run->copies &&
                          !run->x->options->sweep &&
                          !(run->x->session->arena->flags & SHM_CHANCE);
    tracer_add(&run->tracer, run->first);
    return 0;
}

int run_end(struct run *run) {
    int err = run_follow(run);
    feed_end(&run->feed);
    tracer_deinit(&run->tracer);
    if (err)
        return err;
    run_finish(run);
    run_read_files(run->x, run->seen);
    bool touched = output_check_run(run->x, run->seen);
    namespace_clear_ipc();
    return scratch_clean(run->x->scratch, touched);
}

int run_whole(struct run *run, uint64_t time_limit_ns) {
    return run_begin(run, time_limit_ns) ? 0 : run_end(run);
}
