/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: a cache that is only a convenience. Without it the same answer is computed
 * again.
 *
 * expect: new_cache once=handled sticky=handled
 */
#include "program.h"

OWN_FRAME int *new_cache(int n) {
    return opaque(calloc((size_t)n, sizeof(int)));
}

static int collatz(int *cache, int n, int limit) {
    if (n == 1)
        return 0;
    if (cache && n < limit && cache[n])
        return cache[n];
    int steps = 1 + collatz(cache, n % 2 ? 3 * n + 1 : n / 2, limit);
    if (cache && n < limit)
        cache[n] = steps;
    return steps;
}

int main(void) {
    enum { LIMIT = 1000 };
    int longest = 0;
    int *cache = new_cache(LIMIT);
    for (int n = 1; n < LIMIT; n++) {
        int steps = collatz(cache, n, LIMIT);
        longest = steps > longest ? steps : longest;
    }
    free(cache);
    printf("%d\n", longest);
    return 0;
}
