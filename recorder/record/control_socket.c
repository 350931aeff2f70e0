/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket of a recording: see control_socket.h. Run by dearth, in the recording and in `dearth control`.
 *
 * Its path may be longer than an address of AF_UNIX holds, so the folder is opened and named by its
 * descriptor.
 */
#include "control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

#define QUESTION_MS 100
#define ANSWER_MS   600000 /* a commit of a full disk's worth, a machine that swaps */

struct control_socket {
    int listener, asking; /* -1 = none */
};

static int open_folder(const char *path, struct sockaddr_un *address) {
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path,
             "/proc/self/fd/%d/" SESSION_CONTROL, fd);
    return fd < 0 ? -errno : fd;
}

static bool is_ours(int fd) {
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

/* --- the recording's side --- */

struct control_socket *control_socket_new(const struct session *session) {
    struct sockaddr_un address;
    struct control_socket *control = text_alloc(sizeof *control);
    control->asking = -1;
    int folder = open_folder(session->directory, &address);
    control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = folder < 0 ? folder : control->listener < 0 ? -errno : 0;
    if (r == 0 &&
        (bind(control->listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
         listen(control->listener, 8) < 0))
        r = -errno;
    if (folder >= 0)
        close(folder);
    if (r == 0)
        return control;
    error_warn("%s/" SESSION_CONTROL
               ": %s: 'dearth control' will not reach this recording",
               session->directory, strerror(-r));
    return control_socket_free(control);
}

struct control_socket *control_socket_free(struct control_socket *control) {
    if (!control)
        return NULL;
    if (control->asking >= 0)
        close(control->asking);
    if (control->listener >= 0)
        close(control->listener);
    free(control);
    return NULL;
}

int control_socket_fd(const struct control_socket *control) {
    return control ? control->listener : -1;
}

static bool receive(int fd, struct control_question *out) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return is_ours(fd) && poll(&wait, 1, QUESTION_MS) == 1 &&
           recv(fd, out, sizeof *out, MSG_DONTWAIT) == (ssize_t)sizeof *out &&
           out->word < CONTROL_N_WORDS;
}

bool control_socket_take(struct control_socket *control, struct control_question *out) {
    if (!control)
        return false;
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return false;
    if (!receive(fd, out)) {
        close(fd);
        return false;
    }
    control->asking = fd;
    return true;
}

void control_socket_answer(struct control_socket *control, bool ok, const char *text) {
    char line[CONTROL_ANSWER_BYTES];
    int n = snprintf(line, sizeof line, "%s %s", ok ? "ok" : "error", text);
    if (n >= (int)sizeof line)
        n = sizeof line - 1;
    if (send(control->asking, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        error_warn("'dearth control' has not waited for its answer");
    close(control->asking);
    control->asking = -1;
}

/* --- the side that asks --- */

static int speak(int fd, const struct control_question *question,
                 char answer[CONTROL_ANSWER_BYTES]) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (send(fd, question, sizeof *question, MSG_NOSIGNAL) < 0)
        return errno == EPIPE ? -ESRCH : -errno;
    if (poll(&wait, 1, ANSWER_MS) != 1)
        return -ETIMEDOUT;
    char line[CONTROL_ANSWER_BYTES];
    ssize_t n = recv(fd, line, sizeof line - 1, 0);
    if (n <= 0)
        return -ESRCH;
    line[n] = '\0';
    const char *text = strchr(line, ' ');
    snprintf(answer, CONTROL_ANSWER_BYTES, "%s", text ? text + 1 : "");
    return strncmp(line, "ok ", 3) == 0 ? 0 : 1;
}

static int ask_in(int folder, const struct sockaddr_un *address,
                  const struct control_question *question,
                  char answer[CONTROL_ANSWER_BYTES]) {
    struct stat st;
    if (fstat(folder, &st) < 0)
        return -errno;
    if (st.st_uid != geteuid() && geteuid() != 0)
        return -EPERM;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = 0;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        r = errno == ECONNREFUSED || errno == ENOENT ? -ESRCH : -errno;
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (r == 0 &&
        (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.uid != st.st_uid))
        r = -EPERM;
    if (r == 0)
        r = speak(fd, question, answer);
    close(fd);
    return r;
}

int control_socket_ask(const char *arena_path, const struct control_question *question,
                       char answer[CONTROL_ANSWER_BYTES]) {
    struct sockaddr_un address;
    const char *slash = strrchr(arena_path, '/');
    AUTO_FREE char *path =
        text_format("%.*s", slash ? (int)(slash - arena_path) : 0, arena_path);
    int folder = open_folder(path, &address);
    if (folder < 0)
        return folder == -ENOENT ? -ESRCH : folder == -EACCES ? -EPERM : folder;
    int r = ask_in(folder, &address, question, answer);
    close(folder);
    return r;
}
