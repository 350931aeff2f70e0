/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driving a program that does not end by itself while it is recorded: a server, a loop.
 *
 *   start ─► --health until it succeeds ─► --drive once ─► (--stop-after) ─► SIGTERM ─► SIGKILL
 *
 * Commands are run by the shell, without the recorder, their standard output and input nowhere. What
 * --health says is shown once, when it cannot succeed.
 */
#ifndef DEARTH_DRIVEN_H
#define DEARTH_DRIVEN_H

#include <stdbool.h>
#include <stdint.h>

#include "program.h"

/* What the user asked for. All NULL and 0: it ends by itself. */
struct driven_options {
    const char *drive, *health;
    uint64_t ready_timeout_ns; /* from the start until --health succeeds */
    uint64_t drive_timeout_ns; /* of --drive; it is killed then, with its process group */
    uint64_t stop_after_ns;    /* then let it run for so long; 0 = not */
};

/* Zero is valid and idle. */
struct driven {
    const struct driven_options *options;
    enum {
        DRIVEN_NOT = 0,
        DRIVEN_WAITING, /* for --health */
        DRIVEN_DRIVING,
        DRIVEN_RUNNING, /* --stop-after */
        DRIVEN_ENDING,  /* SIGTERM was sent */
        DRIVEN_KILLED,
    } state;
    uint64_t since_ns; /* of this state */
    uint64_t next_ns;  /* the next health command, not before */
    int said[2];       /* a pipe: what --health says; -1 = none */
    char last[512];    /* of its last execution, the first bytes */
    size_t n_last;
    bool told; /* it was shown */
    int failed; /* negative errno after a message: never ready, or the drive command could not be run
                   or did not end */
};

/** @options: must outlive @driven. Context: the program was just started. */
void driven_start(struct driven *driven, const struct driven_options *options,
                  uint64_t now_ns);

/** One step; call it every 20 ms or so. */
void driven_step(struct driven *driven, struct program *program, uint64_t now_ns);

/** Close what it holds. Twice is safe. */
void driven_end(struct driven *driven);

/** Did we end the program? Its status is not its own then. */
bool driven_ended_it(const struct driven *driven);

#endif
