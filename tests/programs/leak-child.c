/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flaw: the child forgets its buffer when the reply cannot be had, and ends by _exit(). The
 * block it inherits, which it no longer points to, is its parent's.
 * Fixed: frees the buffer.
 *
 * expect: make_reply once=reported sticky=reported
 * expect fixed: make_reply once=reported sticky=reported
 * leaks: make_reply make_buffer
 */
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME char *make_settings(void) {
    return opaque(malloc(500));
}

OWN_FRAME char *make_buffer(void) {
    return opaque(malloc(400));
}

OWN_FRAME char *make_reply(void) {
    return opaque(malloc(300));
}

OWN_FRAME int serve(void) {
    char *buffer = make_buffer();
    if (!buffer)
        return 1;
    strcpy(buffer, "ping");
    char *reply = make_reply();
    if (!reply) {
#ifdef FIXED
        free(buffer);
#endif
        return 1;
    }
    snprintf(reply, 300, "pong to %s\n", buffer);
    if (write(STDOUT_FILENO, reply, strlen(reply)) < 0)
        return 1;
    free(reply);
    free(buffer);
    return 0;
}

int main(void) {
    char *volatile settings = make_settings();
    int status = 1;
    pid_t pid = settings ? fork() : -1;
    if (pid < 0)
        return 1;
    if (pid == 0) {
        settings = NULL;
        _exit(serve());
    }
    waitpid(pid, &status, 0);
    free(settings);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
