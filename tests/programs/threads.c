/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: THREADS threads at a time, each allocating ROUNDS times at a site of its own
 * kind and handing blocks to a partner that frees them.
 *
 * usage: threads [THREADS [ROUNDS]]   (default 4 and 1000; THREADS is even)
 * Makes exactly THREADS * ROUNDS calls in each of new_mine (freed by the same thread) and
 * new_gift (freed by another thread).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "program.h"

struct mailbox {
    _Atomic(void *) gift;
};

struct worker {
    pthread_t thread;
    struct mailbox *out, *in;
    int rounds;
};

OWN_FRAME void *new_mine(void) {
    return opaque(malloc(48));
}

OWN_FRAME void *new_gift(void) {
    return opaque(malloc(96));
}

static void *work(void *argument) {
    struct worker *worker = argument;
    int given = 0, taken = 0;
    while (given < worker->rounds || taken < worker->rounds) {
        void *gift;
        if (given < worker->rounds && !atomic_load(&worker->out->gift)) {
            free(new_mine());
            gift = new_gift();
            atomic_store(&worker->out->gift, gift ? gift : (void *)worker);
            given++;
        }
        gift = atomic_exchange(&worker->in->gift, NULL);
        if (gift) {
            if (gift != (void *)(worker - 1) && gift != (void *)(worker + 1))
                free(gift);
            taken++;
        } else {
            sched_yield();
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    enum { MOST = 64 };
    static struct worker workers[MOST];
    static struct mailbox mailboxes[MOST];
    int n = argc > 1 ? atoi(argv[1]) : 4, rounds = argc > 2 ? atoi(argv[2]) : 1000;
    if (n < 2 || n > MOST || n % 2)
        return 2;
    for (int i = 0; i < n; i++) {
        workers[i].out = &mailboxes[i];
        workers[i].in = &mailboxes[i ^ 1];
        workers[i].rounds = rounds;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            return 3;
    }
    for (int i = 0; i < n; i++)
        pthread_join(workers[i].thread, NULL);
    printf("%d\n", n * rounds);
    return 0;
}
