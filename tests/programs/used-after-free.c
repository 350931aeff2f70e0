/* SPDX-License-Identifier: Apache-2.0 */
/* A use after free on the error path that an ordinary run does not notice: the block has not been
 * given to anybody else yet.
 * expect: load once=reported sticky=reported
 * expect guarded: load once=corrupted sticky=corrupted
 * expect fixed: load once=reported sticky=reported
 */
#include "program.h"

struct state {
    char *name;
    int error;
    char rest[80];
};

OWN_FRAME char *load(void) {
    return opaque(malloc(4000));
}

OWN_FRAME int give_up(struct state *state) {
    struct state *kept = opaque(state);
#ifdef FIXED
    kept->error = 1;
    free(state);
#else
    free(state);
    kept->error = 1;
#endif
    return 1;
}

int main(void) {
    struct state *state = opaque(calloc(1, sizeof *state));
    if (!state)
        return 2;
    char *data = load();
    if (!data)
        return give_up(state);
    state->name = data;
    free(state->name);
    free(state);
    puts("done");
    return 0;
}
