/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of a sample's calls: see weight.h. */
#include "weight.h"

#include <math.h>

/* The finalizer of splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

struct weight weight_sampled(uint64_t sample_bytes, uint64_t size, uint64_t draw) {
    const double weighed = size ? (double)size : 1;
    const double stands_for = -1 / expm1(-weighed / (double)sample_bytes);
    const double uniform = (double)(mix(draw) >> 11) * 0x1p-53;
    const double bytes = stands_for * (double)size;
    return (struct weight){.calls = (uint64_t)(stands_for + uniform),
                           .bytes =
                               bytes < 0x1p63 ? (uint64_t)(bytes + 0.5) : UINT64_MAX};
}
