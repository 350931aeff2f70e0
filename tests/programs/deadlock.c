/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: an early return forgets to unlock; the next one to lock waits for ever, and the
 * main thread waits for it (with every later allocation failing there is no thread to wait for).
 * Fixed: it is unlocked on that way, too, and reported.
 *
 * expect: new_entry once=hung sticky=reported
 * expect fixed: new_entry once=reported sticky=reported
 */
#include <pthread.h>

#include "program.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *entry;

OWN_FRAME void *new_entry(void) {
    return opaque(malloc(64));
}

OWN_FRAME int add_entry(void) {
    pthread_mutex_lock(&lock);
    entry = new_entry();
    if (!entry) {
#ifdef FIXED
        pthread_mutex_unlock(&lock);
#endif
        return 1;
    }
    pthread_mutex_unlock(&lock);
    return 0;
}

OWN_FRAME void *work(void *argument) {
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    return argument;
}

int main(void) {
    pthread_t thread;
    int failed = add_entry();
    if (pthread_create(&thread, NULL, work, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    free(entry);
    return failed;
}
