/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that goes on after a failure: it asks for memory at thirty places, then N times at one more that does
 * not mind, then looks at what it has.
 *
 *   goes-on good N     what is missing is left out
 *   goes-on late N     flaw: it is used all the same
 *   goes-on early N    flaw: the first place uses it at once
 */
#include "program.h"

#define FIRST(X, ten)  X(ten##0) X(ten##1) X(ten##2) X(ten##3) X(ten##4)
#define SECOND(X, ten) X(ten##5) X(ten##6) X(ten##7) X(ten##8) X(ten##9)
#define TEN(X, ten)    FIRST(X, ten) SECOND(X, ten)
#define PLACES(X)      TEN(X, ) TEN(X, 1) TEN(X, 2)

#define PLACE(i)                                                                         \
    OWN_FRAME char *place_##i(void) {                                                    \
        return opaque(malloc(24));                                                       \
    }
PLACES(PLACE)

#define NAME(i) place_##i,
static char *(*const all[])(void) = {PLACES(NAME)};
enum { N = sizeof all / sizeof *all };

OWN_FRAME void work(void) {
    free(opaque(malloc(8)));
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "good";
    char *had[N];
    for (int i = 0; i < N; i++) {
        had[i] = all[i]();
        if (i == 0 && strcmp(what, "early") == 0)
            *(volatile char *)had[i] = 'a';
    }
    for (int i = argc > 2 ? atoi(argv[2]) : 0; i > 0; i--)
        work();
    for (int i = 0; i < N; i++) {
        if (had[i] || strcmp(what, "late") == 0)
            *(volatile char *)had[i] = 'a';
        free(had[i]);
    }
    return 0;
}
