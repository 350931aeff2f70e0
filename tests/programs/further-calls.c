/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: of places that are called again and again, one does not check its third call alone, another its last one.
 */
#include <stdbool.h>

#include "program.h"

enum { N = 40 };

#ifdef FIXED
#define CHECKED(condition) true
#else
#define CHECKED(condition) (condition)
#endif

OWN_FRAME volatile char *new_word(int i) {
    volatile char *word = opaque(malloc(16));
    if (word || !CHECKED(i != 2))
        word[0] = (char)('a' + i);
    return word;
}

OWN_FRAME volatile char *new_line(int i) {
    volatile char *line = opaque(malloc(80));
    if (line || !CHECKED(i != N - 1))
        line[0] = (char)i;
    return line;
}

OWN_FRAME volatile char *new_page(int i) {
    volatile char *page = opaque(malloc(4000));
    if (page)
        page[0] = (char)i;
    return page;
}

OWN_FRAME bool all(volatile char *make(int)) {
    bool made = true;
    for (int i = 0; i < N && made; i++) {
        volatile char *p = make(i);
        made = p != NULL;
        free((char *)p);
    }
    return made;
}

int main(void) {
    return !(all(new_word) && all(new_line) && all(new_page));
}
