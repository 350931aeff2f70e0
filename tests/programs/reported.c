/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: the failure is told and ends the program with a status of its own.
 *
 * expect: new_table once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME long *new_table(size_t n) {
    return opaque(malloc(n * sizeof(long)));
}

int main(void) {
    long *table = new_table(64);
    if (!table) {
        perror("reported: table");
        return 3;
    }
    table[0] = 1;
    for (int i = 1; i < 64; i++)
        table[i] = table[i - 1] * 3 % 1009;
    printf("%ld\n", table[63]);
    free(table);
    return 0;
}
