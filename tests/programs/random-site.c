/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not deterministic: which of two sites allocates is drawn anew in every run. Neither may
 * ever be called tested without proof.
 */
#include <sys/random.h>

#include "program.h"

OWN_FRAME char *new_heads(void) {
    return opaque(malloc(50));
}

OWN_FRAME char *new_tails(void) {
    return opaque(malloc(60));
}

int main(void) {
    unsigned char coin = 0;
    if (getrandom(&coin, 1, 0) != 1)
        return 9;
    char *side = coin & 1 ? new_heads() : new_tails();
    if (!side)
        return 1;
    free(side);
    puts("done");
    return 0;
}
