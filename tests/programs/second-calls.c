/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: of three places that are called again and again, one checks its first call alone. Enough places for a look
 * by copies first.
 *
 * expect: new_word once=crashed+reported sticky=reported
 * expect: new_line once=reported sticky=reported
 * expect: new_page once=reported sticky=reported
 * expect: keep once=reported sticky=reported
 * expect fixed: new_word once=reported sticky=reported
 * expect fixed: new_line once=reported sticky=reported
 * expect fixed: new_page once=reported sticky=reported
 * expect fixed: keep once=reported sticky=reported
 */
#include <stdbool.h>

#include "program.h"

OWN_FRAME char *new_word(int i) {
    char *word = opaque(malloc(16));
#ifdef FIXED
    bool checked = true;
#else
    bool checked = i == 0;
#endif
    if (word || !checked)
        word[0] = (char)('a' + i);
    return word;
}

OWN_FRAME char *new_line(int i) {
    char *line = opaque(malloc(80));
    if (line)
        line[0] = (char)i;
    return line;
}

OWN_FRAME char *new_page(int i) {
    char *page = opaque(malloc(4000));
    if (page)
        page[0] = (char)i;
    return page;
}

OWN_FRAME void keep(int i) {
    char *kept = opaque(malloc(8));
    if (!kept)
        exit(1);
    kept[0] = (char)i;
    free(kept);
}

static void again(char *(*make)(int), int times) {
    for (int i = 0; i < times; i++) {
        char *made = make(i);
        if (!made)
            exit(1);
        free(made);
    }
}

int main(void) {
    again(new_word, 3);
    again(new_line, 4);
    again(new_page, 5);
    keep(1), keep(2), keep(3), keep(4), keep(5), keep(6);
    keep(7), keep(8), keep(9), keep(10), keep(11), keep(12);
    return 0;
}
