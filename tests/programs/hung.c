/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: waits for ever for a result that a failed start will never bring (both modes),
 * and tries again for ever when a buffer cannot be had (only when failures go on). Fixed:
 * both give up, the second while main() holds the job: that is no leak.
 *
 * expect: start_job once=hung sticky=hung
 * expect: new_buffer once=handled sticky=hung
 * expect fixed: start_job once=reported sticky=reported
 * expect fixed: new_buffer once=reported sticky=reported
 */
#include <unistd.h>

#include "program.h"

struct job {
    int done;
};

OWN_FRAME struct job *start_job(void) {
    struct job *job = opaque(malloc(sizeof *job));
    if (job)
        job->done = 1;
    return job;
}

OWN_FRAME char *new_buffer(void) {
    return opaque(malloc(4096));
}

int main(void) {
    struct job *job = start_job();
#ifdef FIXED
    if (!job)
        return 1;
#else
    while (!opaque(job) || !job->done)
        usleep(1000);
#endif
    char *buffer = new_buffer();
#ifdef FIXED
    if (!buffer)
        return 1;
#else
    while (!buffer)
        buffer = new_buffer();
#endif
    strcpy(buffer, "done");
    puts(buffer);
    free(buffer);
    free(job);
    return 0;
}
