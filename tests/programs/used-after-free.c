/* SPDX-License-Identifier: Apache-2.0 */
/* A use after free on the error path that an ordinary run does not notice: the block has not been
 * given to anybody else yet. With an argument the status and output are as ever.
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

int main(int argc, char **argv) {
    (void)argv;
    struct state *state = opaque(calloc(1, sizeof *state));
    if (!state)
        return 2;
    char *data = load();
    if (!data) {
        int bad = give_up(state);
        if (argc < 2)
            return bad;
        puts("done");
        return 0;
    }
    state->name = data;
    free(state->name);
    free(state);
    puts("done");
    return 0;
}
