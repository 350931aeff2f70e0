/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: four ways to go on when an allocation fails. Where nothing is allocated afterwards, the
 * failure of this call and that of all which come are the same run; tests/replayer/inferred.sh.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

/* Ends at once: once and sticky are the same. */
static void *ends_at_once(void) {
    void *p = malloc(101);
    if (!p)
        _exit(3);
    return p;
}

/* Allocates before it ends: sticky fails that, too. */
static void *asks_again(void) {
    void *p = malloc(102);
    if (!p) {
        p = malloc(7);
        _exit(p ? 3 : 4);
    }
    return p;
}

/* Another process allocates before it ends. */
static void *child_asks(void) {
    void *p = malloc(103);
    if (!p) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            void *q = malloc(7);
            _exit(q ? 5 : 6);
        }
        if (child > 0)
            waitpid(child, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    return p;
}

/* Another program allocates before it ends. */
static void *becomes_another(void) {
    void *p = malloc(104);
    if (!p) {
        execl("/proc/self/exe", "aftermath", "again", (char *)NULL);
        _exit(9);
    }
    return p;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        void *p = malloc(8);
        _exit(p ? 7 : 8);
    }
    void *all[] = {ends_at_once(), asks_again(), child_asks(), becomes_another()};
    for (int i = 0; i < 4; i++)
        free(all[i]);
    return 0;
}
