/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals that a program raises and catches as part of its work, in the runs without a fault too: probing
 * memory, barriers of a garbage collector, null checks left to the processor. Pure.
 */
#ifndef DEARTH_USUAL_H
#define DEARTH_USUAL_H

#include "attempt.h"

/* A place is the instruction and who called for it: a function that probes memory is not every memcpy(). */
#define USUAL_FRAMES 3u

/**
 * Set aside the signals of @seen that runs of @baseline catch at the same place: what is left as its
 * crash is the last one that is not usual, or none. One that the program died of stays.
 */
void usual_set_aside(const struct baseline *baseline, struct observation *seen);

#endif
