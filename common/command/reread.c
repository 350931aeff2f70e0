/* SPDX-License-Identifier: Apache-2.0 */
/* A pipe for two runs: see reread.h. */
#include "reread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "interrupt.h"
#include "output.h"
#include "piped.h"
#include "text.h"

#define MOST_BYTES (64u << 20) /* as a recording keeps of it by default */
#define PATIENCE   5000        /* ms: a writer that waits for an answer gets none */
#define LOOKING    1000        /* ms: that it comes to its end in the pipe */
#define CHUNK      65536u

/* Return: bytes, 0 = the end, -ETIME = nothing comes. */
static ssize_t read_some(struct reread *p) {
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    int ready = 0;
    for (int ms = 0; ready == 0 && ms < PATIENCE && !interrupt_wanted(); ms += 100)
        ready = poll(&in, 1, 100);
    if (ready <= 0)
        return -ETIME;
    ssize_t n = read(STDIN_FILENO, p->data + p->n, CHUNK);
    return n < 0 ? -errno : n;
}

static int write_file(struct reread *p) {
    const char *folder = getenv("TMPDIR");
    AUTO_FREE char *path =
        text_format("%s/dearth-stdin-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return error_print_errno(-errno, "%s: cannot keep standard input there", path);
    p->path = text_dup(path);
    int err = output_put(fd, p->data, p->n) < p->n ? -errno : 0;
    close(fd);
    return err ? error_print_errno(err, "%s: writing standard input", path) : 0;
}

/* Return: is all of it in the pipe, where it stays? Whoever has the pipe as well finds what the program leaves. */
static bool look(struct reread *p) {
    struct pollfd end = {STDIN_FILENO, 0, 0};
    char *data = NULL;
    enum piped seen = piped_look((uint32_t)getpid(), MOST_BYTES, &data, &p->n);
    for (int ms = 0; seen == PIPED_WRITTEN && ms < LOOKING && !interrupt_wanted();
         ms += 10) {
        poll(&end, 1, 10);
        seen = piped_look((uint32_t)getpid(), MOST_BYTES, &data, &p->n);
    }
    p->data = (uint8_t *)data;
    p->stays = p->whole = seen == PIPED_WHOLE;
    return p->stays;
}

int reread_take(struct reread *p) {
    size_t room = 0;
    ssize_t n = 1;
    if (look(p))
        return write_file(p);
    while (n > 0 && p->n < MOST_BYTES) {
        if (p->n + CHUNK > room)
            p->data = text_realloc(p->data, room = 2 * room + CHUNK);
        n = read_some(p);
        p->n += n > 0 ? (size_t)n : 0;
    }
    p->whole = n == 0;
    return p->whole ? write_file(p) : 0;
}

/* Plain system calls alone: it ends when all is written, or nobody reads any more. */
static _Noreturn void be_writer(const struct reread *p, int to) {
    static uint8_t buffer[CHUNK];
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    dup2(to, STDOUT_FILENO); /* 0: the rest, 1: to the program */
    syscall(SYS_close_range, 2u, ~0u, 0u);
    bool open = output_put(STDOUT_FILENO, p->data, p->n) == p->n;
    for (ssize_t n; open && !p->whole && (n = read(STDIN_FILENO, buffer, CHUNK)) != 0;)
        open = n < 0 || output_put(STDOUT_FILENO, buffer, (size_t)n) == (size_t)n;
    _exit(0);
}

int reread_give_back(const struct reread *p) {
    int ends[2];
    if (p->stays)
        return 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_print_errno(-errno, "cannot make a pipe for standard input");
    pid_t pid = fork();
    if (pid == 0)
        be_writer(p, ends[1]);
    int err = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (!err && dup2(ends[0], STDIN_FILENO) < 0)
        err = -errno;
    close(ends[0]);
    return err ? error_print_errno(err, "cannot pass standard input on") : 0;
}

void reread_deinit(struct reread *p) {
    if (p->path)
        unlink(p->path);
    free(p->path);
    free(p->data);
    *p = (struct reread){0};
}
