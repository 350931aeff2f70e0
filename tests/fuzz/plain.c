/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer on inputs from a seed, where there is no libFuzzer and in the test suite.
 *
 * usage: fuzz_NAME ROUNDS [SEED]    the same inputs for the same seed
 *        fuzz_NAME FILE             one input, as libFuzzer left it
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "text.h"

static uint64_t state;
static uint32_t draw(uint32_t below) { /* xorshift64*: Vigna, 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

int main(int argc, char **argv) {
    char *end = NULL;
    unsigned long rounds = argc > 1 ? strtoul(argv[1], &end, 10) : 0;
    uint8_t input[512];
    if (!end || (*end && argc > 2)) {
        fputs("usage: ROUNDS [SEED], or FILE\n", stderr);
        return 2;
    }
    if (*end) {
        size_t n;
        AUTO_FREE uint8_t *file = fuzz_read(argv[1], &n);
        return LLVMFuzzerTestOneInput(file, n);
    }
    state = 0x9e3779b97f4a7c15ull + (argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    for (unsigned long i = 0; i < rounds; i++) {
        size_t n = draw(4) ? draw(64) : draw(sizeof input);
        for (size_t k = 0; k < n; k++)
            input[k] = (uint8_t)draw(256);
        LLVMFuzzerTestOneInput(input, n);
    }
    return 0;
}
