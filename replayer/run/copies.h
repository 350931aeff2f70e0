/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many faults in one run: the original is copied at every ordered site, each copy gets its failure.
 * The protocol with the target is in schemas/shm.h ("Snapshots").
 */
#ifndef DEARTH_COPIES_H
#define DEARTH_COPIES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attempt.h"
#include "shm.h"

struct run;

/* An order and the tag with which its result goes back. */
struct tagged_order {
    uint64_t tag;
    struct order order;
};

/* Bytes that a copy may write to a process which waits for them; with more it is left to a whole run. */
#define COPIES_MOST_RELAYED (1u << 20)

struct copies {
    const struct tagged_order *items; /* orders of one site are neighbours */
    uint32_t n;
    int channel; /* results go there */
    uint64_t copy_limit_ns;
    bool
        leaks; /* are looked for at their ends in copies whose orders say so: the original is watched */
    bool only_leaks; /* by all of them */
    /* at work */
    struct run *original;
    struct shm_orders *orders; /* NULL: no snapshot is possible here */
    bool *sent;                /* by item */
    pid_t copy, held;
    bool knows_parent;  /* its status is open, or cannot be: */
    int parent_status;  /* of the stand-in parent, or a negative errno */
    uint64_t asked_ns;  /* since when the copy waits to be run; 0 = it does not */
    uint64_t waited_ns; /* for others of the tree, in all */
    bool
        spoiled; /* what a copy did is not undone: its original is not what it was any more */
};

/** Lay the orders down. Context: between session_reset() and the start of the program.
 * Return: 0 or a negative errno after a message. */
int copies_begin(struct copies *copies, struct run *original);

/** Is a copy ready to be run? Runs it to its end, sends its result, lets the original go on.
 * Return: 0 or a negative errno after a message. */
int copies_serve(struct run *original);

/** When to look again whether it is: @next, or before. Both are of CLOCK_MONOTONIC, in ns. */
uint64_t copies_look_ns(const struct run *original, uint64_t next);

/**
 * After the original's end: results for whatever has none yet.
 * Return: 0, or a negative errno: the parent is gone.
 */
int copies_end(struct copies *copies);

#endif
