/* SPDX-License-Identifier: Apache-2.0 */
/* A heap overrun by one byte on the error path: glibc's padding hides it from an ordinary run.
 * expect: copy_short once=reported sticky=reported
 * expect guarded: copy_short once=corrupted sticky=corrupted
 * expect fixed: copy_short once=reported sticky=reported
 */
#include "program.h"

#ifdef FIXED
#define SHORTER 1
#else
#define SHORTER 0 /* forgets the 0 at the end */
#endif

static const char word[] = "20 characters, 0 end";
static char *spare;

OWN_FRAME char *copy_short(void) {
    char *copy = opaque(malloc(100));
    return copy;
}

OWN_FRAME void use_spare(void) {
    size_t n = sizeof word - 1 - SHORTER;
    memcpy(spare, word, n);
    spare[n] = '\0'; /* one behind the block, in the padding up to 24 bytes */
}

/* With an argument: in every run. */
int main(int argc, char **argv) {
    (void)argv;
    spare = opaque(malloc(sizeof word - 1));
    if (!spare)
        return 2;
    char *copy = copy_short();
    if (!copy || argc > 1)
        use_spare();
    free(spare);
    if (!copy)
        return 1;
    free(copy);
    puts("done");
    return 0;
}
