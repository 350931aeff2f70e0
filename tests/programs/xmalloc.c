/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy, no bug: every allocation goes through xmalloc(), which says so and aborts. The
 * location is the caller of xmalloc(), not xmalloc() itself. Fixed: xmalloc() exits with
 * a status.
 *
 * expect: new_header once=aborted sticky=aborted
 * expect: new_body once=aborted sticky=aborted
 * expect fixed: new_header once=reported sticky=reported
 * expect fixed: new_body once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME void *xmalloc(size_t n) {
    void *p = opaque(malloc(n));
    if (!p) {
        fprintf(stderr, "xmalloc: out of memory allocating %zu bytes\n", n);
#ifdef FIXED
        exit(2);
#else
        abort();
#endif
    }
    return p;
}

OWN_FRAME char *new_header(void) {
    return strcpy(xmalloc(16), "header");
}

OWN_FRAME char *new_body(void) {
    return strcpy(xmalloc(64), "body");
}

int main(void) {
    char *header = new_header(), *body = new_body();
    printf("%s %s\n", header, body);
    free(body);
    free(header);
    return 0;
}
