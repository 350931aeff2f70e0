/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output without what a clock or an address layout puts into it. Pure.
 *
 *   runs ─ noise_learn ─► which classes of tokens vary somewhere
 *   run, attempt ─ noise_lines ─► lines with these tokens put as "0 s", "00:00:00", "0x0";
 *                                 a harness's lines apart, since these move
 *
 * A class that varies in one line varies in all: that "(0 ms)" was the same in all runs says
 * nothing of the next. Durations vary by form, which is their unit and whether they have
 * decimals: "timeout 30 s" stays beside "took 0.12 s". One that is nought or next to it, like
 * "0.00 s", was measured: its form varies though it did not yet. So does a time of day, or a number of seconds since
 * 1970, that is the time of its run.
 */
#ifndef DEARTH_NOISE_H
#define DEARTH_NOISE_H

#include "span.h"
#include "text.h"
#include "token.h"

struct catalogue;

struct noise {
    const struct catalogue
        *catalogue; /* tells a harness's lines; NULL = there are none; not owned */
    bool varies[TOKEN_N_CLASSES];
    bool any;          /* every duration, clock, address and decimal number is noise */
    uint64_t unix_ns;  /* when the first run began */
    bool epoch;        /* numbers that are seconds of Unix time, or parts of them */
    uint64_t constant; /* forms of durations that do not vary: 1 << hash of the form */
};

/* The lines of one run. `data` points into `store`. */
struct noise_lines {
    struct spans own, harness;
    uint64_t *own_numbers; /* [own.n]: from 1, in what was printed */
    uint64_t masked;       /* lines from which a token was taken */
    struct text store;
};

/** @runs, @n: lines of runs without a fault; @unix_ns: [n] when they began, 0 = unknown */
struct noise noise_learn(const struct catalogue *catalogue, const struct spans *runs,
                         const uint64_t *unix_ns, uint32_t n);
/** Return: noise_lines_deinit() */
struct noise_lines noise_lines(const struct noise *noise, const struct spans *lines);
void noise_lines_deinit(struct noise_lines *lines);

/** Is there anything that would be taken out, or a harness's line? */
bool noise_is_in(const struct noise *noise, const struct spans *lines);

#endif
