/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording that is switched on and off while its program runs: see controlled.c.
 */
#ifndef DEARTH_CONTROLLED_H
#define DEARTH_CONTROLLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct collector;
struct control_socket;
struct session;
struct store;

/* When recording was on, ns since the start. */
struct period {
    uint64_t from_ns, to_ns; /* to_ns: 0 = it is on */
};

/* Zero is valid: nobody asks. */
struct controlled {
    struct session *session;
    struct store *store;
    int64_t recording_id;
    struct control_socket *control; /* NULL = cannot be asked */
    struct period *periods;         /* the last may be open */
    uint32_t n_periods;
    bool off;     /* nothing is recorded now */
    bool was_off; /* or was not at some time */
    bool ending;  /* the recording is to end, and whoever asked for that waits */
};

/** @off: record nothing until somebody says so. Context: the program has not started. */
int controlled_begin(struct controlled *c, bool off);
void controlled_deinit(struct controlled *c);

/** A descriptor that is readable when somebody asks. */
int controlled_fd(const struct controlled *c);

/**
 * Do what was asked for, if anything was.
 * @collector: NULL = nothing is recorded any more, and that is the answer
 * Return: 0, or a negative errno after a message: the database cannot be written.
 */
int controlled_step(struct controlled *c, struct collector *collector);

/** The recording ends: say in the database when it was on. Return: as above. */
int controlled_end(struct controlled *c, const struct collector *collector);

/** Tell whoever asked for the end. @ok: everything is in the database */
void controlled_ended(struct controlled *c, bool ok);

#endif
