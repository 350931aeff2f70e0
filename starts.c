#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
char *volatile held;
__attribute__((noinline)) int start(void) {
    int status = 0;
    held = malloc(321);
    if (fork() == 0) {
        execl("./asks", "asks", (char *)NULL);
        _exit(9);
    }
    wait(&status);
    if (status) {
        held = NULL; /* forgotten */
        return 1;
    }
    free(held);
    return 0;
}
int main(void) {
    return start();
}
