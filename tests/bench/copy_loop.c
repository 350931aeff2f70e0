/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a copy of a process can cost here: fork, write to some pages, exit, wait; nothing of ours.
 * Prints microseconds per copy. Two of these at a time show whether the machine lets them run side by side:
 * under some hypervisors page faults of all processors queue for one lock.
 *
 *   copy_loop COPIES MEBIBYTES PAGES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv) {
    long copies = argc == 4 ? atol(argv[1]) : 0;
    size_t bytes = argc == 4 ? (size_t)atol(argv[2]) << 20 : 0;
    size_t pages = argc == 4 ? (size_t)atol(argv[3]) : 0;
    if (copies < 1 || pages * 4096 > bytes)
        return 2;
    char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    memset(memory, 1, bytes);
    double begin = now_us();
    for (long i = 0; i < copies; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (size_t page = 0; page < pages; page++)
                memory[page * 4096]++;
            _exit(0);
        }
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
            return 1;
    }
    printf("%.0f\n", (now_us() - begin) / (double)copies);
    return 0;
}
