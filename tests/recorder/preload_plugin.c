/* SPDX-License-Identifier: Apache-2.0 */
/* A library to load and unload; built twice, so that two layouts share addresses. */
#include <stdlib.h>

void *plugin_run(int i);

#ifdef PLUGIN_B
__attribute__((noinline)) static void *inner(int i) {
    char room[200];
    room[i % 200] = 1;
    void *volatile p = malloc((size_t)i + (size_t)room[i % 200]);
    return p;
}
#endif

void *plugin_run(int i) {
#ifdef PLUGIN_B
    free(inner(i));
#endif
    void *volatile q = malloc((size_t)i + 1);
    return q;
}
