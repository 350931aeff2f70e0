/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks its memory: locked [-f|-c|-o|-u] THREADS: all (the default), future, current, on fault, undone
 * again. Says what came of it, and how many KiB are locked beyond THREADS stacks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "program.h"

#define MAX_THREADS 64

static void *work(void *arg) {
    for (int i = 0; i < 1000; i++)
        free(opaque(malloc(100)));
    return arg;
}

static long status_kib(const char *name) {
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtol(line + strlen(name) + 1, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

int main(int argc, char **argv) {
    static const char names[] = "fcou";
    static const int flags[] = {MCL_FUTURE, MCL_CURRENT, MCL_CURRENT | MCL_ONFAULT,
                                MCL_CURRENT | MCL_FUTURE};
    const char *option = argc > 1 && argv[1][0] == '-' ? strchr(names, argv[1][1]) : NULL;
    int n = argc > 1 ? atoi(argv[argc - 1]) : 4;
    pthread_t threads[MAX_THREADS];
    pthread_attr_t small;
    if (mlockall(option ? flags[option - names] : MCL_CURRENT | MCL_FUTURE) < 0) {
        printf("mlockall: %s\n", strerror(errno));
        return 1;
    }
    if (option && *option == 'u')
        munlockall();
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int i = 0; i < n && i < MAX_THREADS; i++)
        if (pthread_create(&threads[i], &small, work, NULL)) {
            printf("thread: %s\n", strerror(errno));
            return 1;
        }
    for (int i = 0; i < n && i < MAX_THREADS; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    fprintf(stderr, "locked %ld resident %ld\n", status_kib("VmLck:"),
            status_kib("VmHWM:"));
    return 0;
}
