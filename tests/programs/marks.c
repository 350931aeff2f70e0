/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of allocations that nobody checks dearth.h leaves none: before() lies outside of the only
 * region, quietly() in one where nothing may fail, in_region() is checked. Built with -DUNMARKED it
 * does not say so, and crashes at three of them (marks.sh).
 */
#include <unistd.h>

#ifdef UNMARKED
#define dearth_begin()       ((void)0)
#define dearth_end()         ((void)0)
#define dearth_never_begin() ((void)0)
#define dearth_never_end()   ((void)0)
#else
#include "dearth.h"
#endif
#include "program.h"

OWN_FRAME char *before(void) {
    return opaque(malloc(10));
}

OWN_FRAME char *quietly(void) {
    return opaque(malloc(20));
}

OWN_FRAME char *in_region(void) {
    return opaque(malloc(30));
}

/* Called both ways: only the second call counts as its first. */
OWN_FRAME char *anywhere(int fill) {
    char *p = opaque(malloc(40));
    if (fill)
        p[0] = 'a';
    return p;
}

static void call_anywhere(int inside) {
    if (inside)
        dearth_begin();
    char *p = anywhere(!inside);
    if (inside)
        dearth_end();
    free(opaque(p));
}

int main(void) {
    static const char done[] = "done\n";
    char *a = before(), *b, *c;
    a[0] = 'a';
    for (int i = 0; i < 2; i++)
        call_anywhere(i);
    dearth_begin();
    dearth_never_begin();
    dearth_never_begin();
    dearth_never_end();
    b = quietly();
    b[0] = 'b';
    dearth_never_end();
    c = in_region();
    dearth_end();
    if (!c)
        return 3;
    free(opaque(c));
    free(opaque(b));
    free(opaque(a));
    return write(1, done, sizeof done - 1) < 0;
}
