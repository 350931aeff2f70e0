/* SPDX-License-Identifier: Apache-2.0 */
/* The library of the projects that suites are tested on. Its flaw: words_length(), where words_copy() may fail. */
#include "words.h"

#include <stdlib.h>
#include <string.h>
char *words_copy(const char *s) {
    char *to = malloc(strlen(s) + 1);
    if (to)
        strcpy(to, s);
    return to;
}
size_t words_length(const char *s) {
    char *copy = words_copy(s);
    size_t n = strlen(copy);
    free(copy);
    return n;
}
char *words_twice(const char *s) {
    char *to = malloc(2 * strlen(s) + 1);
    if (to)
        strcat(strcpy(to, s), s);
    return to;
}
