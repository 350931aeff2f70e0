/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: holds what its first argument names while it allocates, and minds if anybody touches it.
 * When the allocation fails it uses up all it holds, so that a copy which shares it with its
 * original would be noticed there. tests/replayer/snapshot.sh says what is to come of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

struct held {
    const char *what;
    int fd[2];
    char *shared;
    pthread_mutex_t mutex;
    pthread_t thread;
    pid_t child;
};

static volatile sig_atomic_t n_signals;

static void count_signal(int sig) {
    (void)sig;
    n_signals++;
}

static void *sleep_long(void *argument) {
    pause();
    return argument;
}

static int is(const struct held *h, const char *what) {
    return strcmp(h->what, what) == 0;
}

static void hold(struct held *h) {
    if (is(h, "nothing"))
        signal(SIGCHLD, count_signal);
    if (is(h, "file"))
        h->fd[0] = open("input", O_RDONLY);
    if (is(h, "written"))
        h->fd[0] = open("output", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (is(h, "pipe") && pipe(h->fd) == 0 && write(h->fd[1], "in the pipe", 11) != 11)
        abort();
    if (is(h, "pair") && socketpair(AF_UNIX, SOCK_STREAM, 0, h->fd) < 0)
        abort();
    if (is(h, "listener") && (h->fd[0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0)
        listen(h->fd[0], 1);
    if (is(h, "eventfd"))
        h->fd[0] = eventfd(7, EFD_NONBLOCK);
    if (is(h, "epoll"))
        h->fd[0] = epoll_create1(0);
    if (is(h, "timer"))
        alarm(1000);
    if (is(h, "mapping"))
        h->shared =
            mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (is(h, "queue"))
        h->fd[0] = msgget(IPC_PRIVATE, 0600);
    if (is(h, "cloexec"))
        fcntl(STDOUT_FILENO, F_SETFD, FD_CLOEXEC);
    if (is(h, "thread"))
        pthread_create(&h->thread, NULL, sleep_long, NULL);
    if (is(h, "child") && (h->child = fork()) == 0) {
        pause();
        _exit(0);
    }
    if (is(h, "lock")) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
        pthread_mutex_init(&h->mutex, &attributes);
        pthread_mutex_lock(&h->mutex);
    }
}

/* Everything that is left to read there. */
static void drain(int fd) {
    char c;
    while (fd >= 0 && read(fd, &c, 1) == 1)
        ;
}

/* What outlives it, if its standard output is another copy's too. */
static void spoil_output(const struct held *h) {
    const int much = 1 << 17;
    struct stat status;
    int flags = fcntl(STDOUT_FILENO, F_GETFL), spoiled = 0;
    if (is(h, "flags"))
        spoiled = flags & O_NONBLOCK || fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
    if (is(h, "size"))
        spoiled = fcntl(STDOUT_FILENO, F_GETPIPE_SZ) == much ||
                  fcntl(STDOUT_FILENO, F_SETPIPE_SZ, much) < 0;
    if (is(h, "mode"))
        spoiled = fstat(STDOUT_FILENO, &status) || !(status.st_mode & 0777) ||
                  fchmod(STDOUT_FILENO, 0);
    if (spoiled ||
        (fcntl(STDOUT_FILENO, F_GETFD) == FD_CLOEXEC) != (is(h, "cloexec") != 0))
        abort();
}

static int give_up(struct held *h) {
    struct {
        long type;
        char text[1];
    } message = {1, "x"};
    spoil_output(h);
    if (is(h, "file") || is(h, "eventfd"))
        drain(h->fd[0]);
    if (is(h, "input"))
        drain(STDIN_FILENO);
    if (is(h, "pipe") && close(h->fd[1]) == 0)
        drain(h->fd[0]);
    if (is(h, "pair") && write(h->fd[0], "x", 1) != 1)
        abort();
    if (is(h, "queue"))
        msgsnd(h->fd[0], &message, sizeof message.text, 0);
    if (is(h, "mapping"))
        h->shared[0] = 1;
    if (is(h, "lock") && pthread_mutex_unlock(&h->mutex) != 0)
        abort();
    if (is(h, "group"))
        kill(0, SIGTERM);
    if (is(h, "writes") && (h->fd[0] = open("output", O_WRONLY | O_CREAT, 0600)) < 0)
        abort();
    if (is(h, "child") && (kill(h->child, SIGKILL) < 0 || waitpid(h->child, NULL, 0) < 0))
        abort();
    return 3;
}

static void show(struct held *h) {
    char text[64] = "";
    struct {
        long type;
        char text[1];
    } message = {0};
    int unread = 0;
    if (is(h, "nothing"))
        snprintf(text, sizeof text, "%d signals, wait: %s", (int)n_signals,
                 waitpid(-1, NULL, 0) < 0 ? strerrorname_np(errno) : "a child");
    if ((is(h, "file") || is(h, "pipe")) && read(h->fd[0], text, sizeof text - 1) < 0)
        abort();
    if (is(h, "input") && read(STDIN_FILENO, text, sizeof text - 1) < 0)
        abort();
    if (is(h, "eventfd"))
        snprintf(text, sizeof text, "count %d",
                 read(h->fd[0], text, 8) == 8 ? text[0] : -1);
    if (is(h, "pair") && ioctl(h->fd[1], FIONREAD, &unread) == 0)
        snprintf(text, sizeof text, "%d unread", unread);
    if (is(h, "queue")) {
        snprintf(text, sizeof text, "%s",
                 msgrcv(h->fd[0], &message, 1, 0, IPC_NOWAIT) == 1 ? "a message"
                                                                   : "none");
        msgctl(h->fd[0], IPC_RMID, NULL);
    }
    if (is(h, "mapping"))
        snprintf(text, sizeof text, "%d shared", h->shared[0]);
    if (is(h, "child"))
        snprintf(text, sizeof text, "child %s",
                 kill(h->child, SIGKILL) == 0 && waitpid(h->child, NULL, 0) > 0 ? "ended"
                                                                                : "gone");
    printf("%s: %s\n", h->what, text);
}

OWN_FRAME char *new_buffer(void) {
    return opaque(malloc(100));
}

/* Another site, so that the original is copied again after the first copy used things up. */
OWN_FRAME char *new_second(void) {
    return opaque(malloc(200));
}

int main(int argc, char **argv) {
    struct held h = {.what = argc > 1 ? argv[1] : "nothing", .fd = {-1, -1}};
    char first[4] = "";
    hold(&h);
    if (is(&h, "file") && read(h.fd[0], first, 3) != 3)
        return 2;
    if ((is(&h, "input") || is(&h, "endless")) && read(STDIN_FILENO, first, 3) != 3)
        return 2;
    char *buffer = new_buffer(), *second = buffer ? new_second() : NULL;
    if (!buffer || !second)
        return give_up(&h);
    free(buffer);
    free(second);
    fputs(first, stdout);
    show(&h);
    return 0;
}
