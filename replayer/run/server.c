/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's loop around a program that takes many faults.
 *
 *   start ─► ready ─┬─► arm ─► drive ─► lift ─► healthy? ─► drive again ─► observation ─┐
 *                   └─────────────────────────── it lives ◄─────────────────────────────┘
 *   at_start:  arm ─► start ─► ready ─► lift ─► drive ─► healthy? ─► drive again
 *   it is gone or unhealthy: the next order starts another
 *
 * drive and health are shell commands in the program's private tree, without the preload library,
 * untraced, in a session of their own. Memory is back before health is asked: a program that cannot
 * serve while there is none is not sick yet. The second drive has no fault either: what the first
 * one has broken shows now, and not to the next fault. Without a drive command the program is a
 * loop: it is given time to come to the fault, and must allocate again afterwards. The protocol of
 * arming is in schemas/shm.h.
 */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arm.h"
#include "clock.h"
#include "error.h"
#include "evidence.h"
#include "run.h"
#include "session.h"
#include "text.h"

#define MS              1000000ull
#define SETTLE_NS       (20 * MS) /* a process that dies of the last request is not yet gone */
#define PROOF_NS        (2000 * MS) /* a thread that is to fail and gets no processor */
#define LOOP_FACTOR     3u /* times the watched loop, for the fault to come up in it */
#define HEALTH_PAUSE_NS (20 * MS)
#define MAX_EPOCHS      20000u /* the target's cache of call sites tells 32768 apart */

struct server {
    struct execution *x;
    struct run run;
    struct observation
        life; /* of the program: crash stack, end; moved out when it is gone */
    bool alive, counting, used; /* counting: sites are counted, no fault can be armed */
    uint64_t lives;
    uint32_t epoch;
    struct capture output, errors; /* of commands */
};

/* Signals count from the start: what a lifted fault has broken may show later. */
static const uint32_t always = 1;

struct server *server_new(struct execution *x) {
    struct server *server = text_alloc(sizeof *server);
    server->x = x;
    server->output.fd = server->errors.fd = -1;
    return server;
}

static void forget_life(struct server *server) {
    observation_deinit(&server->life);
    server->life = (struct observation){0};
}

/* Follow it to its end. It has ended, or is ended here. */
static int bury(struct server *server) {
    if (!server->alive)
        return 0;
    if (!server->run.first_ended)
        run_kill(&server->run);
    server->alive = false;
    return run_end(&server->run);
}

struct server *server_free(struct server *server) {
    if (!server)
        return NULL;
    bury(server);
    forget_life(server);
    capture_deinit(&server->output);
    capture_deinit(&server->errors);
    free(server);
    return NULL;
}

/* --- commands --- */

static void end_command(struct server *server, pid_t pid) {
    kill(-pid, SIGKILL); /* its session's group; what left it dies with the program */
    uint64_t until = clock_mono_ns() + 1000 * MS;
    while (server->run.command && clock_mono_ns() < until)
        if (run_turn(&server->run, clock_mono_ns() + 5 * MS) < 0)
            break;
}

/*
 * Run a shell command beside the program.
 * Return: its exit status (128 + signal), -ETIMEDOUT, -ECHILD when the program ended meanwhile and
 * the command did not within a moment, or another negative errno.
 */
static int command(struct server *server, const char *text, uint64_t limit_ns) {
    struct execution *x = server->x;
    struct run *run = &server->run;
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)text, NULL};
    struct launch launch = {.exe = "/bin/sh",
                            .argv = argv,
                            .envp = x->options->envp,
                            .cwd = scratch_cwd(x->scratch),
                            .root_fd = scratch_root(x->scratch),
                            .terminal_fd = -1,
                            .dies_with_parent = true,
                            .stdio = {-1, -1, -1}};
    int err = capture_begin(&server->output, x->options->stdout_cap, 0, &launch.stdio[1]);
    if (!err)
        err =
            capture_begin(&server->errors, 0, OBSERVATION_STDERR_BYTES, &launch.stdio[2]);
    pid_t pid = 0;
    if (!err)
        err = launch_start(&launch, &pid); /* stdin: the worker's own, /dev/null */
    for (int i = 1; i < 3; i++)
        if (launch.stdio[i] >= 0)
            close(launch.stdio[i]);
    if (err)
        return err;
    run->command = pid;
    run->command_output = &server->output;
    run->command_errors = &server->errors;
    uint64_t until = clock_mono_ns() + limit_ns;
    bool late = false;
    while (!err && run->command && !late) {
        uint64_t now = clock_mono_ns();
        late = now >= until;
        if (!late)
            err = run_turn(run, until);
        if (run->all_ended)
            break;
    }
    end_command(server, pid);
    capture_read(&server->output, UINT64_MAX);
    capture_read(&server->errors, UINT64_MAX);
    capture_close(&server->output);
    capture_close(&server->errors);
    run->command_output = run->command_errors = NULL;
    if (err || late)
        return err ? err : -ETIMEDOUT;
    int status = run->command_status;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Let it run. Return: 0 or a negative errno. */
static int idle(struct server *server, uint64_t ns) {
    uint64_t until = clock_mono_ns() + ns;
    int err = 0;
    while (!err && !server->run.first_ended && clock_mono_ns() < until)
        err = run_turn(&server->run, until);
    return err;
}

/* Ask until it says yes. Return: 0 healthy, 1 not in time, 2 the program ended, or -errno. */
static int health(struct server *server, uint64_t limit_ns) {
    uint64_t until = clock_mono_ns() + limit_ns;
    for (;;) {
        if (server->run.first_ended)
            return 2;
        uint64_t now = clock_mono_ns();
        if (now >= until)
            return 1;
        int status = command(server, server->x->options->health, until - now);
        if (server->run.first_ended)
            return 2;
        if (status == 0)
            return 0;
        if (status < 0 && status != -ETIMEDOUT)
            return status;
        int err = idle(server, HEALTH_PAUSE_NS);
        if (err)
            return err;
    }
}

/* --- the program --- */

static struct shm_fault fault_of(const struct order *order) {
    return (struct shm_fault){.site = order->site,
                              .leaf_module = order->leaf_module,
                              .leaf_offset = order->leaf_offset,
                              .occurrence = order->occurrence,
                              .mode = (uint32_t)order->mode,
                              .thread = (uint32_t)order->thread,
                              .burst = order->burst};
}

static void arm(struct server *server, const struct order *order) {
    const struct shm_fault fault = fault_of(order);
    session_arm(server->x->session, &fault, ++server->epoch);
    server->used = true;
}

/* Without a health command: it is there after the time in which its loop is watched. */
static int become_ready(struct server *server) {
    const struct runner_options *options = server->x->options;
    if (options->health)
        return health(server, options->ready_timeout_ns);
    int err = idle(server, options->loop_ns);
    return err ? err : server->run.first_ended ? 2 : 0;
}

/* @armed: a fault that may come up from its first instruction on; NULL = none.
 * Return: as health(). */
static int start(struct server *server, bool counting, const struct order *armed) {
    struct execution *x = server->x;
    uint32_t marked = x->options->marked ? SHM_MARKED : 0;
    forget_life(server);
    server->run = (struct run){.x = x,
                               .seen = &server->life,
                               .feed = {.fd = -1, .from = -1},
                               .output = &x->output,
                               .errors = &x->errors};
    server->epoch = 0;
    server->counting = counting;
    server->used = false;
    server->lives++;
    session_reset(
        x->session,
        marked | (counting ? SHM_COUNT_SITES : SHM_FAULTS | SHM_SKIP_UNWIND | SHM_SWEEP));
    session_set_fault(x->session, NULL);
    int err = arm_scope(server->x);
    if (err)
        return err;
    if (armed)
        arm(server, armed);
    if (run_begin(&server->run, 0))
        return 1;
    server->alive = true;
    server->run.tracer.armed = &always;
    return become_ready(server);
}

static bool serves(const struct server *server, const struct order *order) {
    if (!server->alive || server->run.first_ended || order->at_start || order->idle ||
        server->epoch >= MAX_EPOCHS || (order->fresh && server->used))
        return false;
    return server->counting == (order->site_id == 0);
}

static int lift(struct server *server, struct observation *seen) {
    struct session *session = server->x->session;
    bool due = session_disarm(session);
    uint64_t until = clock_mono_ns() + PROOF_NS;
    int err = 0;
    while (!err && due && !session_fired(session, 0) && !server->run.all_ended &&
           clock_mono_ns() < until)
        err = run_turn(&server->run, clock_mono_ns() + MS);
    evidence_proof(session, 0, seen);
    return err;
}

/* --- what was seen --- */

static uint8_t *copy_head(const struct capture *output) {
    uint8_t *copy = NULL;
    if (output->head_n) {
        copy = text_alloc(output->head_n + 1);
        memcpy(copy, output->head, output->head_n);
    }
    return copy;
}

/* What the drive command showed. */
static void take_command(struct server *server, int status, struct observation *seen) {
    struct capture *output = &server->output, *errors = &server->errors;
    seen->end.exit_code = status < 0 ? -1 : status;
    seen->output.stdout_bytes = output->total;
    seen->output.stdout_kept = output->head_n;
    seen->output.stdout_data = copy_head(output);
    digest_end(&output->digest, seen->output.stdout_digest);
    seen->output.stderr_bytes = errors->total;
    seen->output.stderr_tail = capture_take_tail(errors, &seen->output.stderr_tail_n);
}

static void take_after(struct server *server, int status, struct observation *seen) {
    struct capture *output = &server->output;
    free(seen->served.after_data);
    seen->served.after_known = true;
    seen->served.after_code = status < 0 ? -1 : status;
    seen->served.after_bytes = output->total;
    seen->served.after_kept = output->head_n;
    seen->served.after_data = copy_head(output);
    digest_end(&output->digest, seen->served.after_digest);
}

/* What it was doing when it crashed or was looked at goes over to the attempt. */
static void take_crash(struct server *server, struct observation *seen) {
    struct observation *life = &server->life;
    crash_frames_free(seen->crash.frames, seen->crash.n_frames);
    crash_frames_free(seen->crash.sample_frames, seen->crash.n_sample_frames);
    free(seen->crash.exe);
    seen->crash.signal = life->crash.signal;
    seen->crash.code = life->crash.code;
    seen->crash.fatal = life->crash.fatal;
    seen->crash.address = life->crash.address;
    seen->crash.overflow = life->crash.overflow;
    seen->crash.boundary = life->crash.boundary;
    seen->crash.caught_by = life->crash.caught_by;
    seen->crash.thrown = life->crash.thrown;
    seen->crash.pid = life->crash.pid;
    seen->crash.exe = life->crash.exe;
    seen->crash.frames = life->crash.frames;
    seen->crash.n_frames = life->crash.n_frames;
    seen->crash.sample_frames = life->crash.sample_frames;
    seen->crash.n_sample_frames = life->crash.n_sample_frames;
    seen->end.hang = life->end.hang;
    memcpy(seen->end.hang_call, life->end.hang_call, sizeof seen->end.hang_call);
    life->crash.exe = NULL;
    life->crash.frames = life->crash.sample_frames = NULL;
    life->crash.n_frames = life->crash.n_sample_frames = 0;
    life->crash.signal = 0;
    life->crash.fatal = false;
    life->end.hang = HANG_UNKNOWN;
    life->end.hang_call[0] = 0;
}

/* It is gone: its own end and what it said are what counts. */
static int take_end(struct server *server, struct observation *seen) {
    int err = bury(server);
    struct observation *life = &server->life;
    bool runaway = life->end.timed_out; /* ended by us: it printed without end */
    seen->served.outlived = false;
    seen->served.unhealthy = seen->end.timed_out = runaway;
    seen->end.exit_code = runaway ? -1 : life->end.exit_code;
    seen->end.exit_signal = runaway ? 0 : life->end.exit_signal;
    free(seen->output.stderr_tail);
    seen->output.stderr_tail = life->output.stderr_tail;
    seen->output.stderr_tail_n = life->output.stderr_tail_n;
    seen->output.stderr_bytes = life->output.stderr_bytes;
    life->output.stderr_tail = NULL;
    seen->end.cpu_ns = life->end.cpu_ns;
    take_crash(server, seen);
    return err;
}

/* It lives and does not serve: looked at, then ended. */
static int give_up(struct server *server, struct observation *seen) {
    int err = run_sample_hang(&server->run);
    if (err)
        return err;
    if (server->run.first_ended)
        return take_end(server, seen);
    seen->served.unhealthy = seen->end.timed_out = true;
    take_crash(server, seen);
    return bury(server);
}

/* Without a health command: a loop that goes round allocates. Return: as health(). */
static int goes_round(struct server *server, const struct observation *seen,
                      uint64_t limit_ns) {
    const uint64_t *calls = &server->x->session->arena->progress.calls;
    uint64_t before = __atomic_load_n(calls, __ATOMIC_RELAXED);
    uint64_t until = clock_mono_ns() + limit_ns;
    if (!seen->proof.fired)
        return server->run.first_ended ? 2 : 0;
    while (!server->run.first_ended && clock_mono_ns() < until) {
        if (__atomic_load_n(calls, __ATOMIC_RELAXED) > before)
            return 0;
        int err = idle(server, HEALTH_PAUSE_NS);
        if (err)
            return err;
    }
    return server->run.first_ended ? 2 : 1;
}

/* Return: 0 it serves, 1 it is gone or was ended, and @seen says how, or a negative errno. */
static int look_after(struct server *server, uint64_t limit_ns,
                      struct observation *seen) {
    int err = idle(server, SETTLE_NS);
    if (err)
        return err;
    int state = server->x->options->health ? health(server, limit_ns)
                                           : goes_round(server, seen, limit_ns);
    if (state <= 0)
        return state;
    err = state == 1 ? give_up(server, seen) : take_end(server, seen);
    return err ? err : 1;
}

/* --- an attempt --- */

/* Return: the status of the drive command, -ETIMEDOUT, or another negative errno. A loop drives
 * itself: until the fault has come up, and a moment. */
static int drive(struct server *server, const struct order *order, uint64_t limit_ns) {
    const struct runner_options *options = server->x->options;
    if (options->drive)
        return command(server, options->drive, limit_ns);
    if (!order->site_id)
        return idle(server, options->loop_ns);
    uint64_t until = clock_mono_ns() + LOOP_FACTOR * options->loop_ns;
    int err = 0;
    while (!err && !server->run.first_ended && clock_mono_ns() < until &&
           !session_fired(server->x->session, 0))
        err = run_turn(&server->run, clock_mono_ns() + MS);
    return err ? err : idle(server, SETTLE_NS);
}

/* Return: 0, or a negative errno that is no finding. */
static int drive_watched(struct server *server, const struct order *order,
                         uint64_t limit_ns, struct observation *seen) {
    int status = drive(server, order, limit_ns);
    if (status < 0 && status != -ETIMEDOUT && !server->run.all_ended)
        return status;
    seen->end.timed_out = status == -ETIMEDOUT;
    if (server->x->options->drive)
        take_command(server, status, seen);
    if (!seen->end.timed_out || server->run.first_ended)
        return 0;
    int err = run_sample_hang(&server->run);
    if (!err && !server->run.first_ended) /* else take_end() does */
        take_crash(server, seen);
    return err;
}

/* Is it as before? Return: as look_after(). */
static int drive_again(struct server *server, const struct order *order,
                       uint64_t limit_ns, struct observation *seen) {
    int state = 0;
    if (!server->x->options->drive)
        return 0;
    for (uint32_t i = 0; i < order->rounds && state == 0; i++) {
        int status = command(server, server->x->options->drive, limit_ns);
        if (status < 0 && status != -ETIMEDOUT && !server->run.all_ended)
            return status;
        take_after(server, status, seen);
        state = idle(server, SETTLE_NS);
        if (state == 0 && (server->run.first_ended || status != 0))
            state = look_after(server, limit_ns, seen);
    }
    return state;
}

static int exercise(struct server *server, const struct order *order, uint64_t limit_ns,
                    struct observation *seen) {
    uint64_t began = clock_mono_ns();
    server->x->output.total = server->x->errors.total =
        0; /* limits and evidence are its own */
    if (order->site_id && !order->at_start)
        arm(server, order);
    int err = order->idle ? 0 : drive_watched(server, order, limit_ns, seen);
    if (!err && order->site_id && !order->at_start)
        err = lift(server, seen);
    seen->end.duration_ns = clock_mono_ns() - began;
    int state = err || order->idle ? err : look_after(server, limit_ns, seen);
    if (state == 0 && order->site_id)
        state = drive_again(server, order, limit_ns, seen);
    return state < 0 ? state : 0;
}

/* Start it, with the fault armed if it is to come up there. Return: as look_after(). */
static int renew(struct server *server, const struct order *order, uint64_t limit_ns,
                 struct observation *seen) {
    int err = bury(server);
    if (err)
        return err;
    int state = start(server, order->site_id == 0, order->at_start ? order : NULL);
    seen->served.life = server->lives;
    if (state < 0 || (state == 0 && !order->at_start))
        return state;
    if (server->life.end.start_error || !order->at_start) { /* said by the parent */
        seen->end.start_error =
            server->life.end.start_error ? server->life.end.start_error : ETIMEDOUT;
        if (server->alive)
            err = take_end(server, seen);
        return err ? err : 1;
    }
    err = lift(server, seen);
    if (!err && state == 1)
        state = health(server, limit_ns); /* memory is back only now */
    if (!err && state > 0)
        err = state == 1 ? give_up(server, seen) : take_end(server, seen);
    return err ? err : state > 0;
}

int server_run(struct server *server, const struct order *order, uint64_t limit_ns,
               struct observation *seen) {
    *seen = (struct observation){.how = order->fresh || order->at_start ? HOW_RERUN
                                                                        : HOW_SWEEP,
                                 .served.driven = true,
                                 .served.outlived = true,
                                 .proof.attached = true,
                                 .served.loop = !server->x->options->drive,
                                 .served.life = server->lives,
                                 .end.started_unix_ns = clock_unix_ns()};
    seen->served.fell = server->alive && server->run.first_ended && server->used;
    if (!serves(server, order)) {
        uint64_t began = clock_mono_ns();
        int state = renew(server, order, limit_ns, seen);
        seen->end.duration_ns = clock_mono_ns() - began;
        if (state)
            return state < 0 ? state : 0;
    }
    return exercise(server, order, limit_ns, seen);
}

int server_idle(struct server *server) {
    struct pollfd fd = {server->x->channel, POLLIN, 0};
    int err = 0;
    while (!err && server->alive && !server->run.first_ended && poll(&fd, 1, 0) == 0) {
        server->run.awaiting = true;
        err = run_turn(&server->run, clock_mono_ns() + 100 * MS);
        server->run.awaiting = false;
    }
    return err;
}
