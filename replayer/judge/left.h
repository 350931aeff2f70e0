/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failure left in the files of a program that reported it: does it do harm? Pure.
 *
 *   attempt ─ reported, and its files are not as without the fault ─► left_look ─► worth a next run?
 *   next run: without a fault, in the tree that the attempt left ─► left_judge ─► harm, or none
 *   control:  without a fault, in the tree that a run without a fault left ──┘
 *
 * A file left behind, or written by half, harms nobody when the next run does its work over it: only
 * what stays wrong after that run does, and what keeps it from its work. What the control meets
 * too is how the program is.
 */
#ifndef DEARTH_LEFT_H
#define DEARTH_LEFT_H

#include "attempt.h"

#define LEFT_MOST 64u /* differences that are looked at */

/* A file as it was before any run. */
struct left_former {
    const char *path;
    uint32_t mode; /* st_mode; 0 = nothing of that name */
    uint64_t size;
    const uint8_t *data; /* NULL = not known */
};

struct left_case {
    const struct baseline *baseline;
    const struct observation *seen;    /* the attempt */
    const struct observation *next;    /* a run without a fault in its tree */
    const struct observation *control; /* the same in the tree of @clean */
    const struct observation *clean;   /* a run without a fault */
    const struct left_former *former;  /* of each file of @seen, in that order */
};

/**
 * What an attempt left that may do harm, as one number: equal for what looks alike, 0 = nothing.
 */
uint64_t left_look(const struct baseline *baseline, const struct observation *seen);

/** Can the next run be made to find all of what @seen wrote? Files that were not kept whole cannot. */
bool left_is_whole(const struct observation *seen);

/**
 * Did it do harm?
 * @out: what harm, in its differences; its severity is raised
 * Return: whether.
 */
bool left_judge(const struct left_case *c, struct judgement *out);

#endif
