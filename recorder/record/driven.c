/* SPDX-License-Identifier: Apache-2.0 */
/* Driving a program that does not end by itself: see driven.h. */
#include "driven.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

#define HEALTH_PAUSE_NS 50000000u
#define PATIENCE_NS     10000000000u /* from SIGTERM to SIGKILL */

static void enter(struct driven *d, int state, uint64_t now_ns) {
    d->state = state;
    d->since_ns = now_ns;
}

void driven_start(struct driven *d, const struct driven_options *options,
                  uint64_t now_ns) {
    *d = (struct driven){.options = options, .said = {-1, -1}};
    if (options->health && pipe2(d->said, O_CLOEXEC | O_NONBLOCK) < 0)
        d->said[0] = d->said[1] = -1; /* it speaks for itself */
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
    d->failed = program_run_beside(p, d->options->drive, -1);
    if (d->failed)
        end(d, p, now_ns);
}

/* While the program comes up it is in order that nobody answers: what the command says of it is kept, and
 * shown when there is no more hope. */
static void listen_to(struct driven *d) {
    char part[512];
    ssize_t n;
    while (d->said[0] >= 0 && (n = read(d->said[0], part, sizeof part)) > 0) {
        size_t room = sizeof d->last - 1 - d->n_last;
        size_t taken = (size_t)n < room ? (size_t)n : room;
        memcpy(d->last + d->n_last, part, taken);
        d->n_last += taken;
    }
    d->last[d->n_last] = '\0';
}

static void ask(struct driven *d, struct program *p, uint64_t now_ns) {
    d->n_last = 0;
    d->failed = program_run_beside(p, d->options->health, d->said[1]);
    if (d->failed)
        end(d, p, now_ns);
}

/* "; it last said: sh: 1: cannot create ...", on one line. */
static void add_last(const struct driven *d, struct text *out) {
    AUTO_TEXT struct text clean = {0};
    text_add_name(&clean, d->last);
    while (clean.n >= 2 && strcmp(clean.data + clean.n - 2, "\\n") == 0)
        clean.data[clean.n -= 2] = '\0';
    if (clean.n)
        text_addf(out, "; it last said: %s", clean.data);
}

/* A shell's word for a command that there is none of, or that cannot be run: it will not get better. */
static void say_broken(struct driven *d, int status) {
    if (d->told || (status != 126 && status != 127))
        return;
    AUTO_TEXT struct text text = {0};
    text_addf(&text, "the --health command cannot be run (status %d)", status);
    add_last(d, &text);
    error_warn("%s", text.data);
    d->told = !error_quiet(); /* else it was not heard */
}

static void give_up(struct driven *d, struct program *p, uint64_t now_ns) {
    AUTO_TEXT struct text last = {0};
    char limit[24];
    add_last(d, &last);
    d->failed = error_print(-ETIMEDOUT,
                            "--health did not succeed within --ready-timeout, %s; the "
                            "program is ended%s",
                            text_duration(d->options->ready_timeout_ns, limit),
                            last.n && !d->told ? last.data : "");
    program_kill_beside(p);
    end(d, p, now_ns);
}

static void wait_ready(struct driven *d, struct program *p, uint64_t now_ns) {
    listen_to(d);
    if (!d->options->health) {
        drive(d, p, now_ns);
    } else if (p->beside_ended) {
        p->beside_ended = false;
        d->next_ns = now_ns + HEALTH_PAUSE_NS;
        say_broken(d, p->beside_status);
        if (p->beside_status == 0)
            drive(d, p, now_ns);
    } else if (now_ns - d->since_ns > d->options->ready_timeout_ns) {
        give_up(d, p, now_ns);
    } else if (!p->beside && now_ns >= d->next_ns) {
        ask(d, p, now_ns);
    }
}

static void wait_driven(struct driven *d, struct program *p, uint64_t now_ns) {
    if (!p->beside_ended && now_ns - d->since_ns > d->options->drive_timeout_ns) {
        char limit[24];
        d->failed = error_print(-ETIMEDOUT,
                                "--drive did not end within --drive-timeout, %s; it and "
                                "the program are ended",
                                text_duration(d->options->drive_timeout_ns, limit));
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

void driven_end(struct driven *d) {
    for (int i = 0; i < 2 && d->options; i++)
        if (d->said[i] >= 0)
            close(d->said[i]);
    d->said[0] = d->said[1] = -1;
}

bool driven_ended_it(const struct driven *d) {
    return d->state == DRIVEN_ENDING || d->state == DRIVEN_KILLED;
}
