/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: start_job() forgets the job when its result cannot be had. Meanwhile a thread is at
 * work, and goes on with a block that only its own registers and stack know of: no leak.
 * Fixed: frees the job.
 *
 * expect: make_result once=reported sticky=reported
 * expect fixed: make_result once=reported sticky=reported
 * leaks: make_result make_job
 */
#include <pthread.h>
#include <unistd.h>

#include "program.h"

static volatile int working, done;

OWN_FRAME char *make_scratch(void) {
    return opaque(malloc(300));
}

OWN_FRAME char *make_job(void) {
    return opaque(malloc(200));
}

OWN_FRAME char *make_result(void) {
    return opaque(malloc(100));
}

OWN_FRAME void *run(void *unused) {
    char *scratch = make_scratch();
    unsigned sum = 0;
    working = 1;
    while (scratch && !done) {
        scratch[sum % 300] = (char)sum;
        sum += (unsigned char)scratch[(sum + 7) % 300] + 1;
    }
    free(scratch);
    return unused;
}

OWN_FRAME int start_job(void) {
    char *job = make_job();
    if (!job)
        return -1;
    strcpy(job, "job");
    char *result = make_result();
    if (!result) {
#ifdef FIXED
        free(job);
#endif
        return -1;
    }
    snprintf(result, 100, "%s done", job);
    puts(result);
    free(result);
    free(job);
    return 0;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        return 1;
    while (!working)
        usleep(100);
    int result = start_job();
    if (result < 0) {
        fputs("cannot start the job\n", stderr);
        return 1; /* the thread is at work still */
    }
    done = 1;
    pthread_join(thread, NULL);
    return 0;
}
