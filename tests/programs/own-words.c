/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaws: who gets no memory says so and goes on; a check of the program's own finds a wrong count then, in a
 * handler of atexit(). A job that could not be made is not missed until another thread looks for it.
 * Fixed: the count is right, and no thread is begun without a job.
 *
 * expect: open_item once=crashed sticky=crashed
 * expect: make_job once=crashed
 * expect fixed: open_item once=reported sticky=reported
 * expect fixed: make_job once=reported
 */
#include <pthread.h>

#include "program.h"

static int n_opened, n_closed;
static char *job;

OWN_FRAME char *open_item(void) {
    char *item = opaque(malloc(50));
#ifdef FIXED
    n_opened += item != NULL;
#else
    n_opened++;
#endif
    if (!item)
        fputs("open_item: no memory\n", stderr);
    return item;
}

OWN_FRAME void balance(void) {
    if (n_opened == n_closed)
        return;
    fputs("unbalanced\n", stderr);
    abort();
}

OWN_FRAME char *make_job(void) {
    return opaque(malloc(60));
}

static void *work(void *unused) {
    if (!job) {
        fputs("worker: where is it\n", stderr);
        abort();
    }
    return unused;
}

int main(void) {
    pthread_t worker;
    atexit(balance);
    char *item = open_item();
    if (!item)
        return 1;
    free(item);
    n_closed++;
    job = make_job();
#ifdef FIXED
    if (!job)
        return 1;
#endif
    if (pthread_create(&worker, NULL, work, NULL) != 0)
        return 1;
    pthread_join(worker, NULL);
    free(job);
    return 0;
}
