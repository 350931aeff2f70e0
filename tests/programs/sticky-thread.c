/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known flaw: a worker that gives up where it has no memory. The main thread, which lets it go on after it has asked for
 * some itself, reports that it has none. A failure that lasts for the main thread alone does not come to the worker
 * (tests/replayer/region.sh).
 *
 * expect: new_of_main once=reported sticky=aborted
 * expect: new_of_worker once=aborted sticky=aborted
 */
#include <pthread.h>
#include <semaphore.h>

#include "program.h"

static sem_t go_on;

OWN_FRAME void new_of_worker(void) {
    void *p = opaque(malloc(33));
    if (!p)
        abort();
    free(p);
}

static void *work(void *nothing) {
    while (sem_wait(&go_on) < 0)
        ;
    new_of_worker();
    return nothing;
}

OWN_FRAME int new_of_main(void) {
    void *p = opaque(malloc(44));
    free(p);
    return p ? 0 : 2;
}

int main(void) {
    pthread_t worker;
    if (sem_init(&go_on, 0, 0) < 0 || pthread_create(&worker, NULL, work, NULL) != 0)
        return 3;
    int status = new_of_main();
    sem_post(&go_on);
    pthread_join(worker, NULL);
    return status;
}
