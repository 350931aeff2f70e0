/* SPDX-License-Identifier: Apache-2.0 */
/* What tests/programs/scoped.c loads where it has no memory. Return: whether it got some. */
#include <stdlib.h>

int plugin_ask(void);
int plugin_ask(void) {
    void *p = malloc(77);
    __asm__ volatile("" : "+r"(p) : : "memory");
    free(p);
    return p != NULL;
}
