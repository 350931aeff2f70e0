/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the signals that it is sent and goes on, as a server does: `told MS` prints "ready", and MS
 * milliseconds after the last signal how often each came ("HUP=1 RTMIN=2 value=7"), then exits with 7.
 * Without a signal it waits for ever; `told forever` does so in any case. `told MS FILE` prints the counts
 * into FILE: its terminal may be gone.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

static const struct {
    int number;
    const char *name;
} counted[] = {{SIGHUP, "HUP"},   {SIGINT, "INT"},    {SIGQUIT, "QUIT"},
               {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"},  {SIGALRM, "ALRM"},
               {SIGTERM, "TERM"}, {SIGWINCH, "WINCH"}};

int main(int argc, char **argv) {
    int ms = argc > 1 ? atoi(argv[1]) : 0, times[NSIG] = {0}, value = 0, seen = 0;
    sigset_t all;
    siginfo_t info;
    free(opaque(malloc(100)));
    sigemptyset(&all);
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        sigaddset(&all, counted[i].number);
    sigaddset(&all, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &all, NULL);
    puts("ready");
    fflush(stdout);
    for (;;) {
        const struct timespec wait = {ms / 1000, ms % 1000 * 1000000L};
        int number = sigtimedwait(&all, &info, seen && ms ? &wait : NULL);
        if (number < 0 && errno == EAGAIN)
            break;
        if (number < 0)
            continue;
        seen = 1;
        times[number]++;
        if (number == SIGRTMIN)
            value = info.si_value.sival_int;
    }
    if (argc > 2 && !freopen(argv[2], "w", stdout))
        return 2;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if (times[counted[i].number])
            printf("%s=%d ", counted[i].name, times[counted[i].number]);
    if (times[SIGRTMIN])
        printf("RTMIN=%d value=%d ", times[SIGRTMIN], value);
    puts("end");
    return 7;
}
