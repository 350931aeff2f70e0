/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: two parts of a text are left out when there is no memory for them, and who writes the text does not
 * know. They are two defects, whoever was at work when it was written.
 * Fixed: what is missing is said.
 *
 * expect: head once=degraded sticky=degraded
 * expect: body once=degraded sticky=degraded
 * expect fixed: head once=reported sticky=reported
 * expect fixed: body once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

static int missing;

OWN_FRAME char *head(void) {
    char *made = opaque(malloc(10));
    return made ? strcpy(made, "head\n") : NULL;
}

OWN_FRAME char *body(void) {
    char *made = opaque(malloc(20));
    return made ? strcpy(made, "body\n") : NULL;
}

OWN_FRAME void put(char *to, char *part) {
    missing += !part;
    if (part)
        strcat(to, part);
    free(part);
}

OWN_FRAME void page(char *to) {
    put(to, head());
    put(to, body());
}

int main(void) {
    char text[64] = "";
    page(text);
    size_t n = strlen(text);
    int bad = write(1, text, n) != (ssize_t)n;
#ifdef FIXED
    bad |= missing;
#endif
    return bad;
}
