/* SPDX-License-Identifier: Apache-2.0 */
/* A unit: what a program of a suite needs to be run by itself, as the table `unit` has it. */
#ifndef DEARTH_UNIT_H
#define DEARTH_UNIT_H

#include <stddef.h>
#include <stdint.h>

#define UNIT_LIMITS 16 /* RLIMIT_s there are */

struct store;

/* SQL: the newest suite of a database; NULL = it holds none. */
#define UNIT_NEWEST_SUITE                                                                 \
    "(SELECT max(u.recording_id) FROM unit u JOIN recording r ON r.id = u.recording_id "  \
    "WHERE r.suite_id IS NULL AND NOT EXISTS (SELECT 1 FROM note n WHERE n.recording_id " \
    "= r.id AND n.kind = 'wrap'))"

/* What a process inherits beside its arguments, environment and descriptors. */
struct unit_place {
    int mask; /* umask; -1 = unknown */
    uint32_t n_limits;
    int64_t limits[UNIT_LIMITS]; /* soft ones, by number; -1 = none */
};

/* Zero is valid and empty. */
struct unit {
    int64_t id;
    char *exe, *cwd;
    char **argv; /* owned, NULL-terminated */
    char **
        envp; /* the same; variables whose values were not kept are taken from our own environment */
    struct unit_place place;
    char *stdin_kind, *stdin_path;
    uint64_t stdin_offset;
    char *stdin_data; /* 'file', 'pipe': what it had to read; NULL = not kept */
    size_t stdin_bytes;
    char *denied; /* JSON array of names of variables */
};

/** Read a row of `unit`. Return: 0, -ENODATA in silence when its environment is not known, or another
 * negative errno after a message. */
int unit_load(struct store *store, int64_t id, struct unit *out);

/**
 * The test that a unit's recording is, or that a function on the stack of one of its sites is, or that the program
 * belongs to: "NAME", and behind it in brackets what chooses it.
 * Return: owned by the caller; NULL = it has no name, or the recording is no unit's
 */
char *unit_test_of(struct store *store, int64_t recording_id, int64_t site_id);

/** Take its umask and its limits, as far as our own allow it; NULL = as we are. Context: also between
 * vfork() and exec. */
void unit_take_place(const struct unit_place *place);

/** Free; twice is safe. */
void unit_deinit(struct unit *unit);

#endif
