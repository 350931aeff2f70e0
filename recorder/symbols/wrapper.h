/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guess: is there a function that the catalogue takes for the program's own, and that only passes
 * allocations on?
 *
 *   malloc ◄ arena_new ◄ parse_list ┐
 *   malloc ◄ arena_new ◄ parse_word ├ one place that asks, for many functions: most sites are there
 *   malloc ◄ arena_new ◄ read_line  ┘
 *
 * It is said and never acted upon: whether such a function answers for its callers is its author's to
 * know.
 */
#ifndef DEARTH_WRAPPER_H
#define DEARTH_WRAPPER_H

#include <stdint.h>

struct store;

struct wrapper {
    char *function; /* owned; without its parameters */
    char *
        options; /* owned; as they are given: a --wrapper for it, and for who stands between it and many */
    uint64_t sites;   /* whose location it is */
    uint64_t all;     /* sites of the recording */
    uint32_t callers; /* functions that call it there, as far as they were counted */
};

/**
 * Look for one among the sites of a recording, after locations were made.
 * Return: 1 and @out, 0 = there is none, or negative errno after a message.
 */
int wrapper_guess(struct store *store, int64_t recording_id, struct wrapper *out);

#endif
