/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the sum leaves out what it could not read, says nothing and exits 0: a wrong
 * answer. Fixed: the failure is reported.
 *
 * expect: read_column once=degraded sticky=degraded
 * expect fixed: read_column once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME int *read_column(int column) {
    int *values = opaque(malloc(10 * sizeof(int)));
    for (int i = 0; values && i < 10; i++)
        values[i] = (column + 1) * i;
    return values;
}

int main(void) {
    long sum = 0;
    for (int column = 0; column < 4; column++) {
        int *values = read_column(column);
#ifdef FIXED
        if (!values) {
            fputs("silent: out of memory\n", stderr);
            return 1;
        }
#endif
        for (int i = 0; values && i < 10; i++)
            sum += values[i];
        free(values);
    }
    printf("%ld\n", sum);
    return 0;
}
