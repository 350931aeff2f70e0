/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth record`: run a program, record every allocation of it and of all processes it
 * starts.
 *
 *   record.c   options, the order of things, the recording's row, the summary
 *   program.c  finding, probing and starting the program; signals
 *   tee.c      a pipe on standard input is copied on its way to the program
 *   controlled.c, control_socket.c   switched on and off meanwhile, by `dearth control` (control_command.c)
 *   collector  what comes out of the arena
 */
#ifndef DEARTH_RECORD_H
#define DEARTH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "circumstances.h"
#include "cli.h"
#include "driven.h"

struct record_options {
    const char *output; /* database; NULL = STORE_DEFAULT_PATH */
    bool drop;          /* a full ring loses events instead of waiting */
    bool sites_only;    /* no event_chunk rows */
    bool no_argv;
    bool start_paused; /* record nothing until `dearth control` says so */
    bool no_symbols;
    bool no_summary;              /* of what was recorded, when it is */
    struct cli_list env;          /* names of variables whose values are stored */
    struct cli_list wrappers;     /* globs on functions, see catalogue_add_wrapper() */
    struct catalogue *catalogue;  /* with the user's files; NULL = none */
    uint64_t sample_bytes;        /* of a sample, with sites_only; 0 = every call */
    struct cli_list only_exe;     /* globs: programs that are recorded; none = all */
    int64_t max_depth;            /* frames of a stack; 0 = default */
    uint64_t stdin_cap;           /* bytes of a pipe that are kept */
    struct driven_options driven; /* of a program that does not end by itself */
    const struct circumstances_options
        *units; /* a suite: keep what each of its programs needs to be
                                                  run by itself; NULL = no */
    int64_t
        suite_id; /* whose tests it runs, each by itself: recording.suite_id; 0 = none's */
};

/** What `dearth record` does when no option is given. */
struct record_options record_defaults(void);

/**
 * Record one run of a program; the program has our standard input, output and error.
 * @argc, @argv: the program and its arguments, NULL-terminated
 * @recording_id: row of `recording`, out
 * @program_status: as a shell gives it: exit status, or 128 + signal; out
 * Return: 0, or after a message: a negative errno (the program may have run, but not all
 * of it is recorded), or a positive exit status (EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE,
 * EXIT_RECORD_FAILED: the program was not started and nothing was stored).
 */
int record_run(const struct record_options *options, int argc, char **argv,
               int64_t *recording_id, int *program_status);

#endif
