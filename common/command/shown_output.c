/* SPDX-License-Identifier: Apache-2.0 */
/* What a checked program prints: see shown_output.h. */
#include "shown_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "output.h"
#include "own_limits.h"
#include "program.h"
#include "terminal.h"
#include "text.h"

#define HEAD_LINES 20
#define HEAD_BYTES 8192u /* a line without an end is no line */
#define N_ENDS     2     /* standard output, standard error */

struct shown_output {
    pthread_t thread; /* takes no lock that a fork() meanwhile could leave held */
    bool running;
    uint64_t lines, bytes; /* shown; the thread's while it runs */
    uint64_t left_out;     /* lines, or the beginning of one */
    bool in_line;          /* the last character that was shown ends no line */
    bool cut;              /* so does the last one that was not */
    int ends[N_ENDS][2];
    bool open[N_ENDS];
    int stop[2]; /* closing [1] ends the thread when nothing is under way */
};

/* Bytes of @data that are still shown; all of them are counted. */
static size_t shown_part(struct shown_output *s, const char *data, size_t n) {
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) {
        bool newline = data[i] == '\n';
        if (!s->left_out && !s->cut && s->lines < HEAD_LINES && s->bytes < HEAD_BYTES) {
            shown = i + 1;
            s->bytes++;
            s->lines += newline;
            s->in_line = !newline;
        } else {
            s->left_out += newline;
            s->cut = !newline;
        }
    }
    return shown;
}

/* Into nothing: no thread, and the program writes as fast as ever. */
static int discard(struct shown_output *s, bool errors) {
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0)
        return error_print_errno(-errno, "/dev/null: cannot open");
    s->ends[0][1] = null;
    program_set_output(null, errors ? null : -1);
    return 0;
}

static void take(struct shown_output *s, int i) {
    static char buffer[65536];
    ssize_t n = read(s->ends[i][0], buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        s->open[i] = false;
        return;
    }
    size_t shown = shown_part(s, buffer, (size_t)n);
    if (shown)
        output_put(i ? STDERR_FILENO : STDOUT_FILENO, buffer, shown);
}

/* Until both have ended, or nothing is there and we are to stop. */
static void *run(void *context) {
    struct shown_output *s = context;
    while (s->open[0] || s->open[1]) {
        struct pollfd fds[N_ENDS + 1] = {{.fd = s->stop[0], .events = POLLIN}};
        for (int i = 0; i < N_ENDS; i++)
            fds[1 + i] =
                (struct pollfd){.fd = s->open[i] ? s->ends[i][0] : -1, .events = POLLIN};
        if (poll(fds, N_ENDS + 1, -1) < 0)
            continue;
        for (int i = 0; i < N_ENDS; i++)
            if (fds[1 + i].revents)
                take(s, i);
        if (fds[0].revents && !fds[1].revents && !fds[2].revents)
            break;
    }
    return NULL;
}

/* @errors: standard error, too. */
static int start(struct shown_output *s, bool errors) {
    int r = pipe2(s->stop, O_CLOEXEC) < 0 ? -errno : 0;
    for (int i = 0; i < (errors ? N_ENDS : 1) && r == 0; i++) {
        r = pipe2(s->ends[i], O_CLOEXEC) < 0 ? -errno : 0;
        s->open[i] = r == 0;
    }
    if (r == 0)
        r = -own_limits_thread(&s->thread, run, s);
    if (r < 0) {
        s->open[0] = s->open[1] = false;
        return error_print_errno(r, "cannot take what the program prints");
    }
    s->running = true;
    program_set_output(s->ends[0][1], s->ends[1][1]);
    return 0;
}

int shown_output_new(enum shown_choice choice, struct shown_output **out) {
    *out = NULL;
    bool automatic = choice == SHOWN_AUTO, quiet = automatic && error_quiet();
    if (automatic)
        choice = quiet ? SHOWN_NONE : terminal_is(STDOUT_FILENO) ? SHOWN_HEAD : SHOWN_ALL;
    if (choice == SHOWN_ALL)
        return 0;
    struct shown_output *s = text_alloc(sizeof *s);
    memset(s->ends, -1, sizeof s->ends); /* none is open */
    memset(s->stop, -1, sizeof s->stop);
    int r = choice == SHOWN_NONE ? discard(s, !quiet)
                                 : start(s, !automatic || terminal_is(STDERR_FILENO));
    if (r < 0) {
        shown_output_free(s);
        return r;
    }
    *out = s;
    return 0;
}

static void close_one(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void shown_output_end(struct shown_output *s) {
    char count[32];
    program_set_output(-1, -1);
    for (int i = 0; i < N_ENDS; i++)
        close_one(&s->ends[i][1]);
    close_one(&s->stop[1]);
    if (s->running)
        pthread_join(s->thread, NULL);
    s->running = false;
    if (s->in_line)
        output_put(STDOUT_FILENO, "\n", 1);
    uint64_t left = s->left_out + s->cut;
    if (left)
        error_info("... %s more line%s of the program's output (--show-output all)",
                   text_count(left, count), left == 1 ? "" : "s");
}

/* What the program left running must not be ended by writing where nobody reads. */
static void drain(const struct shown_output *s) {
    pid_t pid = fork();
    if (pid)
        return;
    char buffer[4096];
    bool open[N_ENDS] = {s->open[0], s->open[1]};
    dup2(s->open[0] ? s->ends[0][0] : s->ends[1][0], STDIN_FILENO);
    dup2(s->open[1] ? s->ends[1][0] : s->ends[0][0], STDOUT_FILENO);
    syscall(SYS_close_range, 2u, ~0u, 0u);
    while (open[0] || open[1]) {
        struct pollfd fds[N_ENDS];
        for (int i = 0; i < N_ENDS; i++)
            fds[i] = (struct pollfd){.fd = open[i] ? i : -1, .events = POLLIN};
        if (poll(fds, N_ENDS, -1) < 0)
            continue;
        for (int i = 0; i < N_ENDS; i++)
            if (fds[i].revents && read(i, buffer, sizeof buffer) <= 0)
                open[i] = false;
    }
    _exit(0);
}

struct shown_output *shown_output_free(struct shown_output *s) {
    if (!s)
        return NULL;
    if (s->running)
        shown_output_end(s);
    if (s->open[0] || s->open[1])
        drain(s);
    for (int i = 0; i < N_ENDS; i++)
        for (int k = 0; k < 2; k++)
            close_one(&s->ends[i][k]);
    for (int k = 0; k < 2; k++)
        close_one(&s->stop[k]);
    free(s);
    return NULL;
}
