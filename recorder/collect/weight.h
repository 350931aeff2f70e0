/* SPDX-License-Identifier: Apache-2.0 */
/* For how many calls one call of a sample stands. Pure. */
#ifndef DEARTH_WEIGHT_H
#define DEARTH_WEIGHT_H

#include <stdint.h>

struct weight {
    uint64_t calls, bytes; /* at least 1 call */
};

/**
 * A call for @size bytes was in the sample with probability p = 1 - exp(-@size / @sample_bytes), of an empty block as
 * if it had one byte, so that it stands for 1 / p calls and @size / p bytes: the sums over a sample are unbiased.
 * A number of calls is whole: up or down, with the probabilities that keep it unbiased.
 * @draw: what that is decided by, the same for the same call
 * Source: Horvitz and Thompson, A Generalization of Sampling Without Replacement from a Finite Universe, 1952
 */
struct weight weight_sampled(uint64_t sample_bytes, uint64_t size, uint64_t draw);

#endif
