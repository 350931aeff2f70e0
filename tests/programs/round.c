/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: a list whose last node was never made closes on itself, and the search for its end goes round for ever.
 * Fixed: reported. With an argument something ends the search after all, after more than half a second: a signal of a
 * timer, the clock, a number that comes round in the end; or what waits then is a lock, until the timer.
 *
 * expect: new_end once=hung sticky=hung
 * expect fixed: new_end once=reported sticky=reported
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

struct node {
    struct node *volatile next;
};

static volatile sig_atomic_t stop;
static unsigned number = 1u << 27;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

OWN_FRAME struct node *new_end(void) {
    struct node *end = opaque(malloc(sizeof *end));
    if (end)
        end->next = NULL;
    return end;
}

static void on_alarm(int sig) {
    (void)sig;
    stop = 1;
}

static void on_alarm_end(int sig) {
    (void)sig;
    _exit(3);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set_alarm(void (*handler)(int)) {
    const struct itimerval soon = {.it_value = {0, 800000}};
    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &soon, NULL);
}

OWN_FRAME int find_end(struct node *node, const char *what) {
    if (strcmp(what, "lock") == 0) {
        set_alarm(on_alarm_end);
        pthread_mutex_lock(&lock);
        pthread_mutex_lock(&lock);
    }
    if (strcmp(what, "timer") == 0)
        set_alarm(on_alarm);
    if (strcmp(what, "clock") == 0)
        for (double until = now() + 0.8; now() < until;)
            ;
    else if (strcmp(what, "number") == 0)
        while (__atomic_sub_fetch(&number, 1, __ATOMIC_RELAXED)) /* in memory alone */
            ;
    else
        while (node->next && !stop)
            node = node->next;
    return 1;
}

int main(int argc, char **argv) {
    struct node first;
    first.next = new_end();
    if (!first.next) {
#ifdef FIXED
        return 1;
#else
        first.next = &first;
        return find_end(&first, argc > 1 ? argv[1] : "");
#endif
    }
    (void)argc, (void)argv, (void)on_alarm, (void)on_alarm_end, (void)find_end;
    free(first.next);
    return 0;
}
