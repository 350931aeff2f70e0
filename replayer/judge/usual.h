/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that a program raises and catches as part of its work, in the runs without a fault too: probing
 * memory, barriers of a garbage collector, null checks left to the processor; and those that its children die of
 * in every run, as in tests of what is to end a process. Pure.
 */
#ifndef DEARTH_USUAL_H
#define DEARTH_USUAL_H

#include "attempt.h"

/* A place is the instruction and who called for it: a function that probes memory is not every memcpy(). */
#define USUAL_FRAMES 3u

/** Where the place of @s begins in its frames: a signal that was raised, by abort() or another function of libc's, is
 * of who called that. */
uint32_t usual_first_frame(const struct caught_signal *s);

/**
 * Set aside the signals of @seen that runs of @baseline catch, or have children die of, at the same place: what is
 * left as its crash is the last one that is not usual, or none. One that the program itself died of stays.
 */
void usual_set_aside(const struct baseline *baseline, struct observation *seen);

#endif
