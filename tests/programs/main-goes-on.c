/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: show() is to free the list that it is given, returns without where it finds no memory, and tells nobody: main()
 * goes on, and ends as if all were well. Fixed: it frees it there, too.
 *
 * expect: show once=degraded sticky=degraded
 * expect fixed: show once=degraded sticky=degraded
 * leaks: show make_list
 */
#include "program.h"

OWN_FRAME int *make_list(void) {
    int *list = opaque(calloc(10, sizeof(int)));
    if (!list)
        exit(1);
    return list;
}

OWN_FRAME void show(int *list) {
    char *line = opaque(malloc(80));
    if (!line) {
#ifdef FIXED
        free(list);
#endif
        return;
    }
    snprintf(line, 80, "%d", list[0]);
    puts(line);
    free(line);
    free(list);
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    show(make_list());
    return 0;
}
