/* SPDX-License-Identifier: Apache-2.0 */
/* Driving a program that does not end by itself: see driven.h. */
#include "driven.h"

#include <errno.h>
#include <signal.h>

#include "error.h"

#define HEALTH_PAUSE_NS 50000000u
#define PATIENCE_NS     10000000000u /* from SIGTERM to SIGKILL */

static void enter(struct driven *d, int state, uint64_t now_ns) {
    d->state = state;
    d->since_ns = now_ns;
}

void driven_start(struct driven *d, const struct driven_options *options,
                  uint64_t now_ns) {
    *d = (struct driven){.options = options};
    if (options->drive || options->health || options->stop_after_ns)
        enter(d, DRIVEN_WAITING, now_ns);
}

static void end(struct driven *d, struct program *p, uint64_t now_ns) {
    kill(p->pid, SIGTERM);
    enter(d, DRIVEN_ENDING, now_ns);
}

static void run_on(struct driven *d, struct program *p, uint64_t now_ns) {
    if (d->options->stop_after_ns)
        enter(d, DRIVEN_RUNNING, now_ns);
    else
        end(d, p, now_ns);
}

static void drive(struct driven *d, struct program *p, uint64_t now_ns) {
    if (!d->options->drive) {
        run_on(d, p, now_ns);
        return;
    }
    enter(d, DRIVEN_DRIVING, now_ns);
    d->failed = program_run_beside(p, d->options->drive);
    if (d->failed)
        end(d, p, now_ns);
}

static void wait_ready(struct driven *d, struct program *p, uint64_t now_ns) {
    if (!d->options->health) {
        drive(d, p, now_ns);
    } else if (p->beside_ended) {
        bool ready = p->beside_status == 0;
        p->beside_ended = false;
        d->next_ns = now_ns + HEALTH_PAUSE_NS;
        if (ready)
            drive(d, p, now_ns);
    } else if (now_ns - d->since_ns > d->options->ready_timeout_ns) {
        d->failed = error_print(-ETIMEDOUT,
                                "--health did not succeed within --ready-timeout; the "
                                "program is ended");
        program_kill_beside(p);
        end(d, p, now_ns);
    } else if (!p->beside && now_ns >= d->next_ns) {
        d->failed = program_run_beside(p, d->options->health);
        if (d->failed)
            end(d, p, now_ns);
    }
}

static void wait_driven(struct driven *d, struct program *p, uint64_t now_ns) {
    if (!p->beside_ended && now_ns - d->since_ns > d->options->drive_timeout_ns) {
        d->failed = error_print(-ETIMEDOUT,
                                "--drive did not end within --drive-timeout; it and the "
                                "program are ended");
        program_kill_beside(p);
        end(d, p, now_ns);
    }
    if (!p->beside_ended || d->failed)
        return;
    p->beside_ended = false;
    if (p->beside_status)
        error_warn("the drive command ended with status %d", p->beside_status);
    run_on(d, p, now_ns);
}

void driven_step(struct driven *d, struct program *p, uint64_t now_ns) {
    if (p->ended && d->state != DRIVEN_NOT) {
        if (d->state < DRIVEN_ENDING) {
            error_warn("the program ended by itself before it was driven to the end");
            program_kill_beside(p);
        }
        enter(d, d->state < DRIVEN_ENDING ? DRIVEN_NOT : d->state, now_ns);
        return;
    }
    switch (d->state) {
    case DRIVEN_WAITING:
        wait_ready(d, p, now_ns);
        break;
    case DRIVEN_DRIVING:
        wait_driven(d, p, now_ns);
        break;
    case DRIVEN_RUNNING:
        if (now_ns - d->since_ns >= d->options->stop_after_ns)
            end(d, p, now_ns);
        break;
    case DRIVEN_ENDING:
        if (now_ns - d->since_ns >= PATIENCE_NS) {
            error_warn("the program did not end within 10 s of SIGTERM and is killed");
            kill(p->pid, SIGKILL);
            enter(d, DRIVEN_KILLED, now_ns);
        }
        break;
    default:
        break;
    }
}

bool driven_ended_it(const struct driven *d) {
    return d->state == DRIVEN_ENDING || d->state == DRIVEN_KILLED;
}
