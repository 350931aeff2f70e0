/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the error path of add_pair() frees the key, and so does its caller.
 * Fixed: one owner.
 *
 * expect: new_key once=reported sticky=reported
 * expect: new_value once=corrupted sticky=corrupted
 * expect fixed: new_key once=reported sticky=reported
 * expect fixed: new_value once=reported sticky=reported
 */
#include "program.h"

OWN_FRAME char *new_key(const char *text) {
    return opaque(strdup(text));
}

OWN_FRAME char *new_value(size_t n) {
    return opaque(malloc(n));
}

OWN_FRAME int add_pair(char *key, char **value) {
    *value = new_value(40);
    if (!*value) {
#ifndef FIXED
        free(key);
#endif
        return -1;
    }
    sprintf(*value, "value of %s", key);
    return 0;
}

int main(void) {
    char *key = new_key("answer"), *value = NULL;
    if (!key)
        return 1;
    char *again = opaque(key);
    if (add_pair(key, &value) < 0) {
        free(again);
        fputs("no memory for a pair\n", stderr);
        return 1;
    }
    puts(value);
    free(value);
    free(again);
    return 0;
}
