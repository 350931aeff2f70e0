/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: attaches a System V segment that was there before it, and ends with status 6 when there is
 * none.
 *
 * usage: ipc-seen ID
 */
#include <sys/shm.h>

#include "program.h"

OWN_FRAME char *new_result(void) {
    return opaque(malloc(100));
}

int main(int argc, char **argv) {
    char *result = new_result();
    if (!result)
        return 4;
    void *segment = argc > 1 ? shmat(atoi(argv[1]), NULL, SHM_RDONLY) : (void *)-1;
    strcpy(result, segment == (void *)-1 ? "none" : "seen");
    puts(result);
    free(result);
    return segment == (void *)-1 ? 6 : 0;
}
