/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: what a recorded program is run with, made again from its recording:
 * arguments, file, folder, standard input, environment.
 */
#ifndef DEARTH_CONDITIONS_H
#define DEARTH_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "before.h"
#include "runner.h"
#include "shm.h"
#include "unit.h"

struct store;

/* Zero is valid and empty. */
struct conditions {
    char **argv; /* owned, NULL-terminated */
    char *exe;
    char **programs; /* that it started, and itself; owned, NULL-terminated */
    char *cwd;
    char **envp;      /* our own environment plus what the recording names; owned array */
    char *stdin_path; /* NULL = /dev/null */
    uint64_t stdin_offset;
    bool stdin_is_pipe;
    bool
        stdin_is_ours; /* stdin_path is a private file that conditions_deinit() removes */
    /* under Valgrind (under.h): what is started instead, and a private file for it */
    char *under_exe;
    char **under_argv;
    char *suppressions;
    uint32_t max_depth;            /* frames of a stack */
    char only_exe[SHM_ONLY_BYTES]; /* programs that were recorded: shm_header.only_exe */
    bool rust;                     /* a program of the database is Rust's */
    bool
        no_backtrace; /* what lets it print stacks is left out of `envp`, and was in ours */
    bool marked; /* only what lies between dearth_begin() and dearth_end() may fail */
    struct unit_place place; /* of_unit: umask and limits */
    bool
        of_unit; /* a program of a suite by itself: its environment is what it had there */
    struct before before; /* what files were like that the recorded run changed */
    char *note; /* what could not be made again, one sentence; NULL = everything could */
};

/** Refuse a sample: nothing can be compared with it. Return: 0 or -EINVAL after a message. */
int conditions_check_whole(struct store *store, int64_t recording_id);

/**
 * Read the conditions of a recording; write a recorded pipe's data to a private file.
 * @argv: used when the recording left its arguments out (--no-argv); NULL = none
 * Return: 0, or a negative errno after a message (folder or program gone, arguments
 * unknown).
 */
int conditions_init(struct conditions *c, struct store *store, int64_t recording_id,
                    char *const *argv);

/**
 * What a runner needs of the conditions; the caller sets limits, isolation and the rest.
 * Return: options that point into @c.
 */
struct runner_options conditions_options(const struct conditions *c);

/** Free, and remove the private file; twice is safe. */
void conditions_deinit(struct conditions *c);

/**
 * Compare the modules the recording used with the files there now, by build-id.
 * @changed: path of the first that differs (the program itself first); owned by the
 * caller Return: number of modules that differ, or a negative errno after a message.
 */
int conditions_changed(struct store *store, int64_t recording_id, char **changed);

#endif
