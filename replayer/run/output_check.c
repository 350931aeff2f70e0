/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the user's comparison: see output_check.h.
 *
 *   session folder   stdout, stderr, baseline, said   (the one place that the private tree
 *        │                                             and the outside share)
 *        └─► sh -c COMMAND, in the private tree ─► status
 */
#include "output_check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "execution.h"
#include "launch.h"
#include "session.h"
#include "text.h"
#include "tracer.h"

enum { SAID, OUT, ERR, BASELINE, N_FILES };
static const char *const names[N_FILES] = {SESSION_CHECKS};

/* How we reach a file that the command knows as SESSION/NAME. */
static void path_of(const struct execution *x, int file, char out[static PATH_MAX]) {
    char root[32] = "";
    if (scratch_root(x->scratch) >= 0)
        snprintf(root, sizeof root, "/proc/self/fd/%d", scratch_root(x->scratch));
    snprintf(out, PATH_MAX, "%s%s/%s", root, x->session->directory, names[file]);
}

static int write_file(const struct execution *x, int file, const void *data, uint64_t n) {
    char path[PATH_MAX];
    path_of(x, file, path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_print_errno(-errno, "%s: cannot write", path);
    for (uint64_t done = 0; done < n;) {
        ssize_t more = write(fd, (const char *)data + done, n - done);
        if (more <= 0 && errno != EINTR) {
            int err = -errno;
            close(fd);
            return error_print_errno(err, "%s: cannot write", path);
        }
        done += more > 0 ? (uint64_t)more : 0;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Ours without what loads the library, and the command's variables. */
static char **make_environment(const struct execution *x,
                               const struct observation *seen) {
    char *const *ours = x->options->envp;
    size_t n = 0, at = 0;
    while (ours[n])
        n++;
    char **env = text_alloc((n + 6) * sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (strncmp(ours[i], "DEARTH_", 7) != 0)
            env[at++] = text_dup(ours[i]);
    env[at++] = text_format("DEARTH_STDOUT=%s/%s", x->session->directory, names[OUT]);
    env[at++] = text_format("DEARTH_STDERR=%s/%s", x->session->directory, names[ERR]);
    env[at++] = text_format("DEARTH_BASELINE_STDOUT=%s/%s", x->session->directory,
                            names[BASELINE]);
    env[at++] = text_format("DEARTH_STATUS=%d", seen->end.exit_code);
    env[at++] = text_format("DEARTH_TREE=%s", scratch_cwd(x->scratch));
    return env;
}

/* How it went when it is no exit status. */
enum { TOO_LONG = -1, NOBODY_WAITS = -2 };

/* Return: its exit status, 128 + signal, TOO_LONG, or NOBODY_WAITS: our parent has had enough of us. */
static int wait_for(const struct execution *x, pid_t pid) {
    uint64_t until = clock_mono_ns() + OUTPUT_CHECK_LIMIT_NS;
    struct pollfd parent = {x->channel, POLLRDHUP, 0};
    int status = 0;
    pid_t ended = 0;
    while (ended == 0 && clock_mono_ns() < until && !parent.revents) {
        ended = waitpid(pid, &status, WNOHANG);
        if (ended < 0 && errno == EINTR)
            ended = 0;
        if (ended == 0)
            poll(&parent, 1, 1);
    }
    if (ended == 0)
        kill(pid, SIGKILL);
    do /* and whatever it has started */
        tracer_kill_descendants();
    while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR);
    if (ended <= 0)
        return parent.revents ? NOBODY_WAITS : TOO_LONG;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void say_failure(const struct execution *x, int status, int said) {
    char line[256];
    ssize_t n = pread(said, line, sizeof line - 1, 0);
    line[n > 0 ? n : 0] = 0;
    line[strcspn(line, "\n")] = 0;
    if (status == NOBODY_WAITS)
        error_print(-ETIMEDOUT,
                    "--output-check: '%s' had not ended when the time was over",
                    x->options->output_check);
    else if (status == TOO_LONG)
        error_print(-ETIMEDOUT, "--output-check: '%s' did not end within %llu s",
                    x->options->output_check,
                    (unsigned long long)(OUTPUT_CHECK_LIMIT_NS / 1000000000u));
    else
        error_print(
            -EINVAL,
            "--output-check: '%s' ended with status %d%s%s; 0 says that the output is "
            "as usual, 1 that it differs",
            x->options->output_check, status, line[0] ? ": " : "", line);
}

static int run_command(const struct execution *x, const struct observation *seen,
                       const int fds[N_FILES]) {
    char *argv[] = {"sh", "-c", (char *)x->options->output_check, NULL};
    char **env = make_environment(x, seen);
    struct launch launch = {
        .exe = "/bin/sh",
        .argv = argv,
        .envp = env,
        .cwd = scratch_cwd(x->scratch),
        .root_fd = scratch_root(x->scratch),
        .stdio = {fds[OUT], fds[SAID], fds[SAID]},
        .terminal_fd = -1,
    };
    pid_t pid;
    int status = TOO_LONG;
    if (launch_start(&launch, &pid) == 0) {
        status = wait_for(x, pid);
        if (launch.error)
            error_print_errno(-launch.error, "--output-check: /bin/sh cannot be started");
    }
    for (char **e = env; *e; e++)
        free(*e);
    free(env);
    return status;
}

bool output_check_wants(const struct runner_options *options,
                        const struct observation *seen) {
    return options->output_check && seen->proof.fired && !seen->end.timed_out &&
           !seen->end.exit_signal && seen->end.exit_code == options->baseline_exit_code;
}

bool output_check_run(const struct execution *x, struct observation *seen) {
    const struct runner_options *o = x->options;
    if (!output_check_wants(o, seen))
        return false;
    const void *const data[N_FILES] = {"", seen->output.stdout_data,
                                       seen->output.stderr_tail, o->baseline_stdout};
    const uint64_t bytes[N_FILES] = {0, seen->output.stdout_kept,
                                     seen->output.stderr_tail_n,
                                     o->baseline_stdout_bytes};
    int fds[N_FILES];
    bool ready = true;
    for (int i = 0; i < N_FILES; i++) {
        fds[i] = write_file(x, i, data[i], bytes[i]);
        ready &= fds[i] >= 0;
    }
    int status = ready ? run_command(x, seen, fds) : TOO_LONG;
    seen->output.checked = true;
    seen->output.check = status;
    if (ready && status != 0 && status != 1)
        say_failure(x, status, fds[SAID]);
    for (int i = 0; i < N_FILES; i++) {
        char path[PATH_MAX];
        path_of(x, i, path);
        unlink(path);
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return true;
}
