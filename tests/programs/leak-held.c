/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: blocks that are held by pointers in packed structs, on no boundary, in a global and in a block.
 * Flaw: a handler of atexit() loses its line when it gets no memory for another. Fixed: it frees it.
 *
 * expect: make_first once=reported sticky=reported
 * expect: make_second once=reported sticky=reported
 * expect: make_third once=reported sticky=reported
 * expect: make_note once=handled sticky=handled
 * expect fixed: make_first once=reported sticky=reported
 * expect fixed: make_second once=reported sticky=reported
 * expect fixed: make_third once=reported sticky=reported
 * expect fixed: make_note once=handled sticky=handled
 * leaks: make_note make_line
 */
#include "program.h"

struct entry {
    char tag;
    void *value;
} __attribute__((packed));

struct entry entry;

OWN_FRAME struct entry *make_first(void) {
    return opaque(malloc(3 * sizeof(struct entry)));
}

OWN_FRAME void *make_second(void) {
    return opaque(malloc(50));
}

OWN_FRAME void *make_third(void) {
    return opaque(malloc(60));
}

OWN_FRAME int fill(void) {
    entry.value = make_first();
    if (!entry.value)
        return -1;
    struct entry *entries = opaque(entry.value);
    memset(entries, 0, 3 * sizeof *entries);
    entries[2].value = make_second();
    if (!entries[2].value)
        return -1;
    void *third = make_third();
    if (!third)
        return -1;
    free(third);
    free(entries[2].value);
    free(entries);
    return 0;
}

OWN_FRAME char *make_line(void) {
    return opaque(malloc(70));
}

OWN_FRAME char *make_note(void) {
    return opaque(malloc(80));
}

OWN_FRAME void clear_stack(void) {
    memset(opaque(&(char[4096]){0}), 0, 4096);
}

OWN_FRAME void tidy_up(void) {
    char *line = make_line();
    if (!line)
        return;
    char *note = make_note();
#ifdef FIXED
    free(line);
#else
    if (note)
        free(line);
#endif
    free(note);
}

int main(void) {
    atexit(clear_stack); /* after the other */
    atexit(tidy_up);
    int failed = fill() < 0;
    clear_stack();
    return failed;
}
