/* SPDX-License-Identifier: Apache-2.0 */
/* The library of early.c. */
#include <stdlib.h>

static char *block;

const char *early_word(void);
const char *early_word(void) {
    return "done";
}

__attribute__((constructor)) static void early_begin(void) {
    block = malloc(200);
}

__attribute__((destructor)) static void early_end(void) {
    free(block);
}
