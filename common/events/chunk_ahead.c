/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding chunks ahead of their reader: see chunk_ahead.h. */
#include "chunk_ahead.h"
#include "own_limits.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DECODERS 2u /* the third, the reader, has about half their work to do */
#define SLOTS    5u /* one in the reader's hands, two being decoded, two in store */

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_BUSY, SLOT_DONE };

struct slot {
    enum slot_state state;
    uint8_t *data;
    size_t n, capacity;
    struct chunk_event *events;
    uint64_t first_event;
    uint32_t n_events;
    int result;
};

struct chunk_ahead {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t threads[DECODERS];
    unsigned n_threads;
    struct slot slots[SLOTS];
    uint64_t put, next, taken; /* chunks handed in, given to a thread, handed out */
    bool addresses, over;
};

static struct slot *slot_of(struct chunk_ahead *a, uint64_t number) {
    return &a->slots[number % SLOTS];
}

static void decode(const struct chunk_ahead *a, struct slot *s) {
    s->result = (a->addresses ? chunk_read : chunk_read_without_addresses)(
        s->data, s->n, s->events, &s->first_event, &s->n_events);
}

static void *run(void *context) {
    struct chunk_ahead *a = context;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->over && a->next == a->put)
            pthread_cond_wait(&a->changed, &a->lock);
        if (a->over)
            break;
        struct slot *s = slot_of(a, a->next++);
        s->state = SLOT_BUSY;
        pthread_mutex_unlock(&a->lock);
        decode(a, s);
        pthread_mutex_lock(&a->lock);
        s->state = SLOT_DONE;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* Signals are for the thread that everything else runs in. */
static void start_threads(struct chunk_ahead *a) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (a->n_threads < DECODERS &&
           own_limits_thread(&a->threads[a->n_threads], run, a) == 0)
        a->n_threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct chunk_ahead *chunk_ahead_new(bool addresses) {
    struct chunk_ahead *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->addresses = addresses;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    bool whole = true;
    for (unsigned i = 0; i < SLOTS; i++)
        whole &= (a->slots[i].events =
                      malloc(CHUNK_MAX_EVENTS * sizeof *a->slots[i].events)) != NULL;
    if (whole)
        start_threads(a);
    return a->n_threads ? a : chunk_ahead_free(a);
}

struct chunk_ahead *chunk_ahead_free(struct chunk_ahead *a) {
    if (!a)
        return NULL;
    pthread_mutex_lock(&a->lock);
    a->over = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    for (unsigned i = 0; i < a->n_threads; i++)
        pthread_join(a->threads[i], NULL);
    for (unsigned i = 0; i < SLOTS; i++) {
        free(a->slots[i].data);
        free(a->slots[i].events);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

/* The slot taken last stays in the reader's hands until the next take. */
bool chunk_ahead_room(const struct chunk_ahead *a) {
    return a->put - a->taken < SLOTS - 1;
}

int chunk_ahead_put(struct chunk_ahead *a, const void *data, size_t n) {
    struct slot *s = slot_of(a, a->put);
    if (n > s->capacity) {
        uint8_t *bigger = realloc(s->data, n);
        if (!bigger)
            return -ENOMEM;
        s->data = bigger;
        s->capacity = n;
    }
    if (n)
        memcpy(s->data, data, n);
    pthread_mutex_lock(&a->lock);
    s->n = n;
    s->state = SLOT_WAITING;
    a->put++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return 0;
}

int chunk_ahead_take(struct chunk_ahead *a, const struct chunk_event **events,
                     uint64_t *first_event, uint32_t *n_events) {
    struct slot *s = slot_of(a, a->taken);
    pthread_mutex_lock(&a->lock);
    while (s->state != SLOT_DONE)
        pthread_cond_wait(&a->changed, &a->lock);
    s->state = SLOT_FREE;
    pthread_mutex_unlock(&a->lock);
    a->taken++;
    *events = s->events;
    *first_event = s->first_event;
    *n_events = s->n_events;
    return s->result;
}
