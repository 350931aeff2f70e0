/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the first call is checked, later ones of the same place are not.
 *
 * expect: new_word once=crashed+reported sticky=reported
 * expect fixed: new_word once=reported sticky=reported
 */
#include <stdbool.h>

#include "program.h"

enum { WORDS = 5 };

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

int main(void) {
    int n = 0;
    for (int i = 0; i < WORDS; i++) {
        char *word = new_word(i);
        if (!word)
            return 1;
        n += word[0];
        free(word);
    }
    return n == 0;
}
