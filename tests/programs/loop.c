/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop that works by itself, without end and without a client: each round makes a message and a
 * job. Its flaws, which the fixed twin does not have:
 *
 *   new_message:  does not look whether it got its message     crashed
 *   new_job:      waits for ever for one that it did not get   hung
 */
#include <unistd.h>

#include "program.h"

OWN_FRAME char *new_message(void) {
    return opaque(malloc(40));
}

OWN_FRAME char *new_job(void) {
    return opaque(malloc(80));
}

int main(void) {
    for (;;) {
        char *message = new_message();
#ifdef FIXED
        if (!message)
            continue;
#endif
        strcpy(message, "work");
        char *job = new_job();
#ifndef FIXED
        while (!job)
            pause();
#endif
        free(job);
        free(message);
        usleep(2000);
    }
}
