/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of a database: recordings of one executable path are one program. One database may hold
 * any number of them (a test suite, a merge), and whoever reports on it speaks of all of them.
 */
#ifndef DEARTH_STORE_PROGRAMS_H
#define DEARTH_STORE_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_program {
    int64_t recording;  /* its newest, which names it */
    int64_t recordings; /* of it, in all builds */
    char *exe, *name;   /* name: store_programs_name() of the newest */
    bool
        same_name; /* another program would have the same name: its path is in it instead */
    bool wanted;
};

struct store_programs {
    struct store_program *items; /* by `recording` */
    size_t n, n_wanted;
};

/**
 * Read them.
 * @wanted: NULL = all; the number of a recording = its program; else a glob that the path, its last part
 * or the command line matches
 * @out: store_programs_deinit(), also after a failure
 * Return: 0; -ENOENT after a message (no recording, or nothing that matches, with what there is); other
 * negative errno after a message.
 */
int store_programs_load(struct store *store, const char *wanted,
                        struct store_programs *out);
void store_programs_deinit(struct store_programs *programs);

/**
 * A command line, short: the last part of the program's name, and the arguments that fit.
 * @argv: JSON array; NULL = not recorded
 * @path: the whole of @exe instead of the first argument's last part
 * Return: free() it.
 */
char *store_programs_name(const char *argv, const char *exe, bool path);

#define STORE_PROGRAM_HELP                                                               \
    "of the programs in the database these alone: those whose path, its last part or "   \
    "command line matches, or that of recording ID; default: all of them"

#endif
