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
#include "execution.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "debugger.h"
#include "error.h"
#include "evidence.h"
#include "launch.h"
#include "namespace.h"
#include "output_check.h"
#include "run.h"
#include "session.h"
#include "snapshot.h"
#include "text.h"
#include "written.h"

#define MS            1000000ull
/* What outlives the first process may still print for a moment: shells' background jobs.
 */
#define GRACE_NS      (500 * MS)
#define HEARTBEAT_NS  (50 * MS) /* session_poll() wants 100 ms at most */
#define KILL_AGAIN_NS (20 * MS) /* processes that were just being made */
/* On a busy machine limits are stretched by the time the tree waited for a processor, so that a
 * verdict does not depend on the load; but not for ever. */
#define STRETCH_MOST  10u
/* Who still does something new (prints what it usually prints, allocates in new places) is slow
 * and has not hung: up to so many times the limit. */
#define PROGRESS_MOST 5u
/* New within this part of the limit, counted from its end. */
#define PROGRESS_PART 4u
/* Between the two samples of a program that seems to have hung. */
#define SAMPLE_GAP_NS (300 * MS)
/* Less than this part of a processor is idle: a loop of short sleeps takes a few percent. */
#define IDLE_PART     4u
/* More often than that between the samples, which stop a thread once each, it went to sleep by
 * itself: however busy the machine is, a loop that never sleeps does not. */
#define NAPS          5u
#define GIVE_UP_NS                                                                       \
    (10000 * MS) /* a process that not even SIGKILL ends: a stuck driver \
                                    */

uint64_t run_now_ns(void) {
    return clock_mono_ns();
}

int execution_init(struct execution *x, const struct runner_options *options,
                   struct session *session, int channel) {
    *x = (struct execution){.options = options, .session = session, .channel = channel};
    x->output.fd = x->errors.fd = x->copy_output.fd = x->copy_errors.fd = -1;
    x->traced = options->traced && !options->debugger;
    x->no_libunwind = options->no_libunwind;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    x->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (x->signal_fd < 0)
        return error_print_errno(-errno, "cannot watch over processes (signalfd)");
    x->envp = session_environment(session, options->envp);
    return 0;
}

/* --- before --- */

/* Guarded executions and those that look for leaks walk every stack: a block has a site. */
static uint32_t arm_flags(const struct execution *x, const struct order *order) {
    bool guarded = order->under == UNDER_GUARDED;
    /* stacks of the error path must be whole: they were not compared with the recording's */
    bool no_libunwind = x->no_libunwind && !order->explore && !order->second_site_id;
    uint32_t flags = order->site_id ? SHM_FAULTS : SHM_COUNT_SITES;
    if (order->mode == MODE_CHANCE)
        flags |= SHM_CHANCE | SHM_COUNT_SITES;
    else if (guarded)
        flags |= SHM_GUARD;
    else if (order->leaks)
        flags |= SHM_LEAKS;
    else if (order->site_id)
        flags |= SHM_SKIP_UNWIND | (order->explore ? SHM_COUNT_SITES : 0) |
                 (no_libunwind ? SHM_NO_LIBUNWIND : 0);
    if (x->options->marked)
        flags |= SHM_MARKED;
    if (order->under == UNDER_VALGRIND)
        flags |= SHM_VALGRIND;
    return flags;
}

static void arm_chance(struct execution *x, const struct order *order) {
    const struct runner_options *o = x->options;
    double threshold = order->chance.probability * 0x1p64;
    const struct shm_chance chance = {
        .threshold = threshold < 0x1p64 ? (uint64_t)threshold : UINT64_MAX,
        .seed = order->chance.seed,
        .interval = order->chance.interval,
        .times = order->chance.times,
        .space = order->chance.space};
    session_set_chance(x->session, &chance);
    session_set_fault(x->session, NULL);
    if (!o->n_chance_sites)
        return;
    struct shm_order *chosen = text_alloc(o->n_chance_sites * sizeof *chosen);
    for (uint32_t i = 0; i < o->n_chance_sites; i++)
        chosen[i].site = o->chance_sites[i];
    session_set_orders(x->session, chosen, o->n_chance_sites);
    free(chosen);
}

static void arm(struct execution *x, const struct order *order) {
    session_reset(x->session, arm_flags(x, order));
    if (order->mode == MODE_CHANCE) {
        arm_chance(x, order);
        return;
    }
    if (order->site_id == 0) {
        session_set_fault(x->session, NULL);
        return;
    }
    const struct shm_fault faults[] = {
        {
            .site = order->site,
            .leaf_module = order->leaf_module,
            .leaf_offset = order->leaf_offset,
            .occurrence = order->occurrence,
            .mode = (uint32_t)order
                        ->mode, /* enum fault_mode has enum shm_fault_mode's values */
            .burst = order->burst,
            .thread = (uint32_t)order->thread,
        },
        {
            .site = order->second_site,
            .leaf_module = order->second_leaf_module,
            .leaf_offset = order->second_leaf_offset,
            .occurrence = order->second_occurrence,
            .mode = SHM_FAULT_ONCE,
        },
    };
    session_set_faults(x->session, faults, order->second_site_id ? 2 : 1);
}
_Static_assert((int)THREAD_MAIN == (int)SHM_FAULT_MAIN, "roles are the same numbers");
_Static_assert((int)THREAD_OTHER == (int)SHM_FAULT_OTHER, "roles are the same numbers");
_Static_assert((int)MODE_ONCE == (int)SHM_FAULT_ONCE, "modes are the same numbers");
_Static_assert((int)MODE_STICKY == (int)SHM_FAULT_STICKY, "modes are the same numbers");
_Static_assert((int)MODE_BURST == (int)SHM_FAULT_BURST, "modes are the same numbers");

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
        .stdin_path =
            options->stdin_is_pipe || options->debugger ? NULL : options->stdin_path,
        .stdin_offset = options->stdin_offset,
        .traced = x->traced,
        .dies_with_parent = !x->traced && !x->own_pids,
        .stand_in = true,
        .parent_word = &x->session->arena->worker_pid,
        .trace_options = tracer_options(),
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

static void note_end(struct run *run, pid_t pid, int status) {
    struct observation *seen = run->seen;
    if (seen->crash.signal && (uint32_t)pid == seen->crash.pid)
        seen->crash.fatal = WIFSIGNALED(status) && WTERMSIG(status) == seen->crash.signal;
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

/* Is more than @limit_ns, less what it starved, over since @since? */
static bool is_over(uint64_t now, uint64_t since, uint64_t limit_ns,
                    uint64_t starved_ns) {
    if (starved_ns > (STRETCH_MOST - 1) * limit_ns)
        starved_ns = (STRETCH_MOST - 1) * limit_ns;
    return now >= since + limit_ns + starved_ns;
}

static struct work look_at_work(const struct run *run) {
    const struct shm_progress *progress = &run->x->session->arena->progress;
    struct work w = {.printed = run->output->total + run->errors->total,
                     .calls = __atomic_load_n(&progress->calls, __ATOMIC_RELAXED),
                     .run_ns = run->tracer.run_ns};
    for (uint32_t i = 0; i < SHM_PROGRESS_BITS / 64; i++)
        w.places += (uint64_t)__builtin_popcountll(
            __atomic_load_n(&progress->places[i], __ATOMIC_RELAXED));
    return w;
}

/* New: allocations in places where there was none yet, and output, as long as it is no more than
 * about what the program prints without a fault; an error message in a loop is nothing new. */
static void watch_work(struct run *run, uint64_t now) {
    struct work w = look_at_work(run);
    uint64_t usual = 2 * run->x->options->usual_output + 4096;
    if (w.places > run->work.places ||
        (w.printed > run->work.printed && w.printed <= usual))
        run->new_work_ns = now;
    run->work = w;
}

/* What went on between the two samples. */
static enum hang name_hang(const struct run *run, uint64_t now) {
    const struct work *was = &run->sampled_work;
    struct work w = look_at_work(run);
    uint64_t gap = now - run->sampled_ns;
    if (w.printed > was->printed)
        return HANG_PRINTING;
    if (!run->x->traced)
        return HANG_UNKNOWN;
    bool little = w.run_ns - was->run_ns < gap / IDLE_PART;
    if (little && tracer_naps(&run->tracer) - run->sampled_naps > NAPS)
        return HANG_POLLING;
    /* on a busy machine one may want a processor all the time and get little */
    bool idle = little && !(run->sampled_busy && tracer_wants_cpu(&run->tracer));
    if (idle)
        return tracer_is_deadlocked(&run->tracer) ? HANG_DEADLOCK : HANG_BLOCKED;
    return w.calls > was->calls ? HANG_ALLOCATING : HANG_SPINNING;
}

static bool has_hung(struct run *run, uint64_t now);

int run_sample_hang(struct run *run) {
    int err = 0;
    run->sampled = false;
    while (!err && !run->first_ended && !has_hung(run, clock_mono_ns()))
        err = run_turn(run, clock_mono_ns() + HEARTBEAT_NS);
    return err;
}

static bool is_slow(const struct run *run, uint64_t now) {
    return run->new_work_ns && now - run->new_work_ns < run->limit_ns / PROGRESS_PART &&
           !is_over(now, run->started, PROGRESS_MOST * run->limit_ns,
                    run->tracer.starved_ns);
}

/* Past its limit, twice: two samples show the loop between them, and what it does in it. */
static bool has_hung(struct run *run, uint64_t now) {
    if (!run->sampled) {
        run->sampled = true;
        run->sampled_ns = now;
        tracer_watch(&run->tracer, run->first);
        run->sampled_work = look_at_work(run);
        run->sampled_busy = tracer_wants_cpu(&run->tracer);
        run->sampled_naps = tracer_naps(&run->tracer);
        if (run->x->traced) /* else attaching to it is the last thing before its end */
            tracer_sample(&run->tracer, run->first);
        return false;
    }
    if (now - run->sampled_ns < SAMPLE_GAP_NS)
        return false;
    tracer_watch(&run->tracer, run->first);
    run->seen->end.hang = name_hang(run, now);
    if (run->x->traced)
        tracer_sample_again(&run->tracer);
    else
        tracer_sample(&run->tracer, run->first);
    return true;
}

/* Has it printed too much, hung, or left processes behind? Says so in the observation. */
static bool must_end(struct run *run, uint64_t now) {
    const struct runner_options *options = run->x->options;
    const struct tracer *tracer = &run->tracer;
    uint64_t printed = run->output->total + run->errors->total;
    bool runaway = options->output_limit && printed > options->output_limit;
    if (run->first_ended) {
        uint64_t starved = tracer->starved_ns - run->starved_at_end;
        run->seen->end.left_processes =
            runaway || is_over(now, run->ended, GRACE_NS, starved);
        return run->seen->end.left_processes;
    }
    if (!runaway && (!run->limit_ns ||
                     !is_over(now, run->started, run->limit_ns, tracer->starved_ns) ||
                     is_slow(run, now)))
        return false;
    if (!has_hung(run, now))
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
        watch_work(run, now);
    }
    if (run->kill_started || must_end(run, now)) {
        kill_tree(run, now);
        return now + KILL_AGAIN_NS;
    }
    if (run->sampled && now - run->sampled_ns < SAMPLE_GAP_NS)
        return now < run->sampled_ns + SAMPLE_GAP_NS - HEARTBEAT_NS
                   ? now + HEARTBEAT_NS
                   : run->sampled_ns + SAMPLE_GAP_NS;
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
    if (fds[0].revents) {
        struct signalfd_siginfo info;
        while (read(x->signal_fd, &info, sizeof info) > 0)
            ;
    }
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
    int err = run->snapshots ? snapshots_serve(run) : 0;
    if (err)
        return err;
    session_poll(run->x->session); /* no room is the target's loss, counted there */
    uint64_t now = clock_mono_ns();
    uint64_t next = enforce(run, now);
    if (run->kill_started && now - run->kill_started > GIVE_UP_NS)
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

/* What failed by chance. The last of it is taken for the fault: what came before was survived
 * for longer. */
static void read_chance(const struct session *session, struct observation *seen) {
    const struct shm_chance *chance = &session->arena->chance;
    seen->proof.hits = chance->calls;
    seen->proof.also_failed = chance->n_failed ? chance->n_failed - 1 : 0;
    for (uint32_t i = 0; i < chance->n_failed && i < SHM_CHANCE_LOG; i++) {
        const struct shm_chance_failed *f = &chance->failed[i];
        const struct shm_process *process = session_block(session, f->process);
        const struct shm_node *node = process && session_failed(session, i)
                                          ? session_node(session, process, f->node)
                                          : NULL;
        if (!node)
            continue;
        seen->proof.failed[seen->proof.n_failed++] =
            (struct failed_call){node->key, f->call, f->occurrence, f->size};
        seen->proof.fired = seen->proof.first_fired = true;
        seen->proof.size = f->size;
        seen->proof.pid = f->pid;
        seen->proof.tid = f->tid;
        free(seen->proof.exe);
        seen->proof.exe = text_format("%.*s", (int)sizeof process->exe, process->exe);
    }
}
_Static_assert(OBSERVATION_FAILED == SHM_CHANCE_LOG, "room for all");

/* @first: 0 = any process will do (under a debugger the program is not ours) */
static void read_proof(const struct session *session, pid_t first,
                       struct observation *seen) {
    const struct shm_fault *fault = &session->arena->faults[0];
    /* the copy of a snapshot proves its order in faults[0], which nobody armed */
    uint32_t n_fired = 0, n = session->arena->n_faults ? session->arena->n_faults : 1;
    struct shm_proof proof;
    for (uint32_t i = 0; i < n && i < SHM_MAX_FAULTS; i++)
        n_fired += session_fired(session, i) || session_proof(session, i, &proof);
    seen->proof.first_fired = n_fired > 0;
    seen->proof.fired = n_fired > 0 && n_fired == n; /* a pair is proved by both */
    seen->proof.hits = fault->hits;
    if (session_proof(session, 0, &proof)) {
        /* what a sticky one counted afterwards is in the arena alone */
        seen->proof.hits = seen->proof.overwritten || seen->proof.hits < proof.hits
                               ? proof.hits
                               : seen->proof.hits;
        seen->proof.size = proof.size;
        seen->proof.pid = proof.pid;
        seen->proof.tid = proof.tid;
        seen->proof.also_failed = seen->proof.overwritten ? 0 : fault->also_failed;
        seen->proof.exe = text_format("%.*s", (int)sizeof proof.exe, proof.exe);
    } else if (seen->proof.first_fired) {
        seen->proof.size = fault->fired_size;
        seen->proof.pid = fault->fired_pid;
        seen->proof.tid = fault->fired_tid;
        seen->proof.also_failed = fault->also_failed;
        const struct shm_process *process = session_block(session, fault->fired_process);
        if (process)
            seen->proof.exe = text_format("%.*s", (int)sizeof process->exe, process->exe);
    }
    if (session->arena->flags & SHM_CHANCE)
        read_chance(session, seen);
    for (uint32_t i = 0; !seen->proof.attached; i++) {
        const struct shm_process *process = session_process(session, i);
        if (!process)
            break;
        seen->proof.attached = !first || (pid_t)process->pid == first;
    }
    seen->proof.attached |= seen->proof.fired || seen->proof.overwritten;
}

void run_proof(const struct session *session, struct observation *seen) {
    read_proof(session, 0, seen);
}

static void add_calls(void *context, const struct shm_process *process, uint32_t node_id,
                      const struct shm_node *node) {
    (void)process, (void)node_id;
    *(uint64_t *)context += node->count;
}

static void read_damage(const struct session *session, struct observation *seen) {
    const struct shm_damage *said = &session->arena->damage;
    if (!__atomic_load_n(&said->ready, __ATOMIC_ACQUIRE))
        return;
    seen->damage = (struct damage_seen){.kind = said->kind,
                                        .where = said->where,
                                        .size = said->size,
                                        .offset = said->offset};
    const struct shm_process *process = session_block(session, said->process);
    const struct shm_node *node =
        process && said->node ? session_node(session, process, said->node) : NULL;
    seen->damage.allocator_known = node != NULL;
    if (node)
        seen->damage.allocator = node->key;
}

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
    capture_close(output);
    capture_close(errors);
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
    read_proof(x->session, x->options->debugger || run->original ? 0 : run->first, seen);
    if (seen->proof.overwritten) /* nothing else in there can be believed */
        return;
    if (!run->original && x->session->arena->flags & SHM_COUNT_SITES)
        session_each_site(x->session, add_calls, &seen->calls);
    if (!run->original && x->session->arena->flags & SHM_LEAKS)
        evidence_leaks(x->session, seen);
    read_damage(x->session, seen);
    const struct shm_addresses *addresses = &x->session->arena->addresses;
    seen->addresses_taken = addresses->taken;
    seen->addresses_refused = addresses->refused;
    seen->address_family = addresses->family;
    seen->address_port = addresses->port;
}

/* What was made for a program that did not come to run. */
static void give_up_start(struct run *run, int err) {
    run->seen->end.start_error = -err;
    run->seen->end.exit_code = -1;
    feed_end(&run->feed);
    capture_close(run->output);
    capture_close(run->errors);
}

static void read_files(const struct execution *x, struct observation *seen) {
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
    run->limit_ns = x->options->debugger ? 0 : time_limit_ns;
    run->watched = run->started;
    run->tracer.traced = x->traced;
    run->tracer.armed = &x->session->arena->any_fired;
    run->tracer.seen = seen;
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
    read_files(run->x, run->seen);
    bool touched = output_check_run(run->x, run->seen);
    namespace_clear_ipc();
    return scratch_clean(run->x->scratch, touched);
}

/* From its start to its end, with its files. Return: 0 or a negative errno after a message. */
static int run_whole(struct run *run, uint64_t time_limit_ns) {
    return run_begin(run, time_limit_ns) ? 0 : run_end(run);
}

static int run_order(struct execution *x, const struct order *order,
                     uint64_t time_limit_ns, struct observation *seen) {
    struct run run = {.x = x,
                      .seen = seen,
                      .feed = {.fd = -1, .from = -1},
                      .output = &x->output,
                      .errors = &x->errors};
    arm(x, order);
    x->damaged = session_inspect(x->session);
    return run_whole(&run, time_limit_ns);
}

/* A program that goes wild may have spoilt what was seen of it: it is given one more try. */
static int run_order_twice(struct execution *x, const struct order *order,
                           uint64_t time_limit_ns, struct observation *seen) {
    int err = run_order(x, order, time_limit_ns, seen);
    if (err || !seen->proof.overwritten)
        return err;
    observation_deinit(seen);
    return run_order(x, order, time_limit_ns, seen);
}

static bool missed_libunwind(const struct session *session) {
    for (uint32_t i = 0; i < session_n_processes(session); i++) {
        const struct shm_process *process = session_process(session, i);
        if (process && process->fallbacks)
            return true;
    }
    return false;
}

int execution_run(struct execution *x, const struct order *order, uint64_t time_limit_ns,
                  struct observation *seen) {
    int err = run_order_twice(x, order, time_limit_ns, seen);
    if (err || seen->proof.fired || !x->no_libunwind || !missed_libunwind(x->session))
        return err;
    x->no_libunwind = false; /* the one that did not match may have been the one */
    observation_deinit(seen);
    return run_order_twice(x, order, time_limit_ns, seen);
}

int execution_run_snapshots(struct execution *x, struct snapshots *snapshots,
                            uint64_t time_limit_ns, struct observation *seen) {
    struct run run = {.x = x,
                      .seen = seen,
                      .feed = {.fd = -1, .from = -1},
                      .output = &x->output,
                      .errors = &x->errors,
                      .snapshots = snapshots};
    session_reset(x->session,
                  SHM_COUNT_SITES | SHM_SNAPSHOT | (x->options->marked ? SHM_MARKED : 0));
    session_set_fault(x->session, NULL);
    x->damaged = session_inspect(x->session);
    int err = snapshots_begin(snapshots, &run);
    if (!err)
        err = run_whole(&run, time_limit_ns);
    seen->how = HOW_SNAPSHOT;
    if (snapshots->spoiled)
        seen->proof.refusal = SHM_REFUSED_FILES; /* it did not end by itself */
    return err ? err : snapshots_end(snapshots, seen);
}
