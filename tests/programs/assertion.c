/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: an assertion stands where an error should be handled.
 * Fixed: handled as an error.
 *
 * expect: new_matrix once=crashed sticky=crashed
 * expect fixed: new_matrix once=reported sticky=reported
 */
#undef NDEBUG
#include <assert.h>

#include "program.h"

OWN_FRAME double *new_matrix(size_t n) {
    return opaque(calloc(n * n, sizeof(double)));
}

int main(void) {
    double *matrix = new_matrix(4);
#ifdef FIXED
    if (!matrix)
        return 1;
#endif
    assert(matrix != NULL);
    for (int i = 0; i < 4; i++)
        matrix[i * 5] = 1;
    printf("%g\n", matrix[0] + matrix[5] + matrix[10] + matrix[15]);
    free(matrix);
    return 0;
}
