/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about its functions that only its author knows: cells_take() does nothing but pass allocations
 * on, for eight callers and more; its check_cell() ends the program by design, by way of an assertion.
 * With -DFIXED an error is returned.
 */
#undef NDEBUG
#include <assert.h>

#include "program.h"

#define CELL static __attribute__((noinline)) void *

__attribute__((noinline)) void *cells_take(size_t n) {
    return opaque(malloc(n));
}

#define MAKER(name, n)                                                                   \
    CELL name(void) {                                                                    \
        return opaque(cells_take(n));                                                    \
    }
MAKER(take_a, 1)
MAKER(take_b, 2)
MAKER(take_c, 3)
MAKER(take_d, 4)
MAKER(take_e, 5)
MAKER(take_f, 6)
MAKER(take_g, 7)
MAKER(take_h, 8)
MAKER(take_i, 9)
MAKER(take_j, 10)
MAKER(take_k, 11)
MAKER(take_l, 12)
MAKER(take_m, 13)

__attribute__((noinline)) void check_cell(void *cell) {
    assert(cell != NULL);
    opaque(cell);
}

int main(void) {
    void *(*makers[])(void) = {take_a, take_b, take_c, take_d, take_e, take_f, take_g,
                               take_h, take_i, take_j, take_k, take_l, take_m};
    int status = 0;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        void *cell = makers[i]();
#ifdef FIXED
        if (!cell) {
            status = 1;
            continue;
        }
#endif
        check_cell(cell);
        free(cell);
    }
    return status;
}
