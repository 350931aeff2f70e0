/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw that counts: the program loses a block in every run, with and without a failure,
 * and never frees its table at the end (which a global still points to). A search that did
 * not compare with runs without a failure, or took what is not freed for lost, would report
 * both. The fixed twin frees everything; to dearth the two are the same.
 *
 * expect: make_lost once=reported sticky=reported
 * expect: make_entry once=reported sticky=reported
 * expect fixed: make_lost once=reported sticky=reported
 * expect fixed: make_entry once=reported sticky=reported
 */
#include "program.h"

static char *table[8];

OWN_FRAME char *make_lost(void) {
    return opaque(malloc(100));
}

OWN_FRAME char *make_entry(void) {
    return opaque(malloc(50));
}

OWN_FRAME int give_up(void) {
    fputs("out of memory\n", stderr);
    return 1;
}

OWN_FRAME int lose_one(void) {
    char *lost = make_lost();
    if (!lost)
        return -1;
    lost[0] = 'x';
#ifdef FIXED
    free(lost);
#endif
    return 0;
}

int main(void) {
    if (lose_one() < 0)
        return give_up();
    for (int i = 0; i < 8; i++)
        if (!(table[i] = make_entry()))
            return give_up();
    puts("8 entries");
#ifdef FIXED
    for (int i = 0; i < 8; i++)
        free(table[i]);
#endif
    return 0;
}
