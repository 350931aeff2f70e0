/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the error path frees a pointer that was moved forward while parsing.
 * Fixed: the start is kept.
 *
 * expect: copy_text once=reported sticky=reported
 * expect: new_words once=corrupted sticky=corrupted
 * expect fixed: copy_text once=reported sticky=reported
 * expect fixed: new_words once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *copy_text(const char *text) {
    return opaque(strdup(text));
}

OWN_FRAME char **new_words(size_t n) {
    return opaque(calloc(n, sizeof(char *)));
}

int main(void) {
    char *text = copy_text("    four words in here");
    if (!text)
        return 1;
    char *start = text;
    while (*text == ' ')
        text++;
    char **words = new_words(8);
    if (!words) {
#ifdef FIXED
        free(start);
#else
        free(opaque(text));
#endif
        return 1;
    }
    int n = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[n++] = word;
    printf("%d %s\n", n, words[n - 1]);
    free(words);
    free(start);
    return 0;
}
