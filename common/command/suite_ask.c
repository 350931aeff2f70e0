/* SPDX-License-Identifier: Apache-2.0 */
/* See suite_ask.h. */
#include "suite_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "interrupt.h"

#define MOST_BYTES (16u << 20)
#define LOOK_MS    20

static bool is_of(const char *variable, const char *name_value) {
    size_t n = (size_t)(strchrnul(name_value, '=') - name_value);
    return strncmp(variable, name_value, n) == 0 && variable[n] == '=';
}

/* Return: an array to be freed, of strings that are the question's. */
static char **environment_of(const struct suite_question *q) {
    size_t n = 0, n_more = 0, k = 0;
    while (q->envp && q->envp[n])
        n++;
    while (q->more && q->more[n_more])
        n_more++;
    char **out = text_alloc((n + n_more + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        bool other = false;
        for (size_t m = 0; m < n_more; m++)
            other |= is_of(q->envp[i], q->more[m]);
        if (!other)
            out[k++] = q->envp[i];
    }
    for (size_t m = 0; m < n_more; m++)
        out[k++] = q->more[m];
    return out;
}

static _Noreturn void be_asked(const struct suite_question *q, char **envp, int to) {
    sigset_t none;
    setpgid(0, 0);
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(to, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (chdir(q->cwd) == 0)
        execve(q->exe, q->argv, envp);
    _exit(127);
}

/* Return: false = it takes too long, or the user has enough. */
static bool take(int from, uint64_t until_ns, struct text *out) {
    char buffer[16384];
    for (ssize_t n = 1; n != 0;) {
        struct pollfd in = {from, POLLIN, 0};
        if (interrupt_wanted() || clock_mono_ns() > until_ns || out->n > MOST_BYTES)
            return false;
        if (poll(&in, 1, LOOK_MS) <= 0)
            continue;
        n = read(from, buffer, sizeof buffer);
        if (n < 0 && errno != EINTR)
            return false;
        text_add_n(out, buffer, n > 0 ? (size_t)n : 0);
    }
    return true;
}

int suite_ask(const struct suite_question *q, struct text *out) {
    int ends[2], status = -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    uint64_t until_ns = clock_mono_ns() + q->limit_ns;
    char **envp = environment_of(q);
    pid_t pid = fork();
    if (pid == 0)
        be_asked(q, envp, ends[1]);
    int err = errno;
    close(ends[1]);
    free(envp);
    if (pid < 0) {
        close(ends[0]);
        return -err;
    }
    setpgid(pid, pid); /* as it does itself: whoever comes first */
    text_add(out, "");
    bool whole = take(ends[0], until_ns, out);
    close(ends[0]);
    /* who has closed its output may still run */
    pid_t ended;
    while (whole && (ended = waitpid(pid, &status, WNOHANG)) == 0 &&
           !interrupt_wanted() && clock_mono_ns() < until_ns)
        poll(NULL, 0, 1);
    whole = whole && ended == pid;
    kill(-pid, SIGKILL);
    while (!whole && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return whole && WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}
