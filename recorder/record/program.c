/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the recorded program so that it cannot tell: see program.h.
 *
 *   block signals ─► witness ─► vfork ─► child: inherited mask and dispositions, execve
 *   (signals.c)                    └──► parent: child subreaper
 *                                           └─► signals are read in program_wait()
 *
 * Invariant: the child has the mask and the dispositions that dearth was started with; no signal is lost,
 * and none ends dearth, since all that we handle are blocked from before the fork to program_done().
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "exec_probe.h"
#include "interrupt.h"
#include "signals.h"
#include "text.h"

/* --- finding --- */

static char *absolute(const char *path) {
    if (path[0] == '/')
        return text_dup(path);
    while (path[0] == '.' && path[1] == '/')
        path += 1 + strspn(path + 1, "/");
    AUTO_FREE char *cwd = getcwd(NULL, 0);
    return text_format("%s/%s", cwd ? cwd : ".", path);
}

/* Say why the program at @path cannot take the library along. */
static int refuse(enum exec_probe why, const char *path, const char *image) {
    AUTO_FREE char *via =
        strcmp(path, image) != 0 ? text_format(" (run by %s)", image) : text_dup("");
    switch (why) {
    case EXEC_PROBE_STATIC:
        error_print(0,
                    "%s%s is linked statically: there is no dynamic loader that could "
                    "load the recorder; link it dynamically to record it",
                    path, via);
        break;
    case EXEC_PROBE_SETUID:
        error_print(0,
                    "%s%s is setuid, setgid or has capabilities: the system does not let "
                    "it be recorded; record a copy without these rights",
                    path, via);
        break;
    case EXEC_PROBE_OTHER_LIBC:
        error_print(0,
                    "%s%s uses another C library than this dearth (musl?): it cannot "
                    "load the recorder",
                    path, via);
        break;
    default:
        error_print(0,
                    "%s%s is built for another machine or word size than this dearth: it "
                    "cannot load the recorder",
                    path, via);
        break;
    }
    return EXIT_RECORD_FAILED;
}

static int not_executable(const char *path, const char *why) {
    error_print(0, "%s: %s", path, why);
    return EXIT_NOT_EXECUTABLE;
}

int program_find(const char *name, char **path, char **shown) {
    char found[4096], image[4096] = "";
    struct stat st;
    if (!exec_probe_search(name, getenv("PATH"), found, sizeof found) ||
        stat(found, &st) < 0) {
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            return not_executable(name, "is a folder, not a program");
        if (strchr(name, '/') && stat(name, &st) < 0 && errno != ENOENT &&
            errno != ENOTDIR)
            return not_executable(name, strerror(errno));
        error_print(
            0, strchr(name, '/') ? "%s: no such program" : "%s: no such program in PATH",
            name);
        return EXIT_NOT_FOUND;
    }
    if (S_ISDIR(st.st_mode))
        return not_executable(name, "is a folder, not a program");
    if (!S_ISREG(st.st_mode) || access(found, X_OK) < 0)
        return not_executable(found, "is not executable (chmod +x makes it so)");
    enum exec_probe probe = exec_probe_at(AT_FDCWD, found, image, sizeof image);
    if (probe == EXEC_PROBE_NOT_FOUND) {
        error_print(0, "%s: its interpreter %s is not there", found, image);
        return EXIT_NOT_FOUND;
    }
    if (probe != EXEC_PROBE_OK && probe != EXEC_PROBE_UNKNOWN)
        return refuse(probe, found, image[0] ? image : found);
    *path = absolute(found);
    *shown = text_dup(found);
    return 0;
}

/* --- signals --- */

static struct sigaction limit_before;
static struct rlimit files_before; /* rlim_max 0 = ours is as it was */

void program_ignore_file_limit(void) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, &limit_before);
}

/* What we start later is to find the limit that dearth found. */
static void restore_descriptor_limit(void) {
    if (files_before.rlim_max)
        setrlimit(RLIMIT_NOFILE, &files_before);
}

void program_done(struct program *p) {
    if (p->beside > 0) {
        program_kill_beside(p);
        while (waitpid(p->beside, NULL, 0) < 0 && errno == EINTR)
            ;
        p->beside = 0;
    }
    signals_end();
    sigaction(SIGXFSZ, &limit_before, NULL);
    restore_descriptor_limit();
}

/* --- starting --- */

static void raise_descriptor_limit(void) {
    struct rlimit limit; /* one pidfd a process; ours alone, the child has its own copy */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        files_before = limit;
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Is a file that the kernel does not take no text, either? A shell would be given what it cannot read.
 * Source: POSIX, sh, "Command Search and Execution": it may refuse what is no text; bash looks at its first line. */
static bool is_binary(const char *path) {
    char head[80];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0)
        close(fd);
    const char *line = n > 0 ? memchr(head, '\n', (size_t)n) : NULL;
    return n > 0 && (memchr(head, 0, line ? (size_t)(line - head) : (size_t)n) != NULL ||
                     memcmp(head, "\177ELF", n < 4 ? (size_t)n : 4) == 0);
}

/* The arguments of a shell that runs 'path' as a script, none for what is no text: to be freed, its strings are the
 * caller's. */
static char **shell_arguments(const char *path, char *const argv[]) {
    size_t n = 0;
    while (argv[n])
        n++;
    char **shell = calloc(n + 2, sizeof *shell);
    if (!shell || is_binary(path))
        return shell;
    shell[0] = (char *)"sh";
    shell[1] = (char *)path;
    for (size_t i = 1; i < n; i++)
        shell[i + 1] = argv[i];
    return shell;
}

/* In our memory, while we wait: copying it for an exec took a millisecond. Nothing may stay that we do
 * not want changed; dispositions and the mask are its own. Source: vfork(2) */
static int outputs[2] = {-1, -1}; /* its standard output and error; -1 = ours */

void program_set_output(int out, int err) {
    outputs[0] = out;
    outputs[1] = err;
}

static _Noreturn void child(const char *path, char *const argv[], char *const shell[],
                            char *const envp[], int stdin_fd, int report) {
    if (stdin_fd >= 0)
        dup2(stdin_fd, STDIN_FILENO);
    for (int i = 0; i < 2; i++)
        if (outputs[i] >= 0)
            dup2(outputs[i], i ? STDERR_FILENO : STDOUT_FILENO);
    sigaction(SIGXFSZ, &limit_before, NULL);
    signals_for_child();
    execve(path, argv, envp);
    int err = errno;
    if (err == ENOEXEC && shell[0]) /* a script without "#!": run as shells do */
        execve("/bin/sh", shell, envp);
    while (write(report, &err, sizeof err) < 0 && errno == EINTR)
        ;
    _exit(EXIT_NOT_EXECUTABLE);
}

/* Did the exec work? The pipe closes by it, or carries errno. */
static int exec_error(int report) {
    int err = 0;
    ssize_t n;
    do
        n = read(report, &err, sizeof err);
    while (n < 0 && errno == EINTR);
    close(report);
    return n == (ssize_t)sizeof err ? err : 0;
}

int program_start(struct program *p, const char *path, char *const argv[],
                  char *const envp[], int stdin_fd) {
    int report[2];
    *p = (struct program){.exit_code = -1};
    p->had_children = waitpid(-1, NULL, WNOHANG) >= 0;
    char **shell = shell_arguments(path, argv);
    if (!shell || pipe2(report, O_CLOEXEC) < 0) {
        free(shell);
        return error_print_errno(-errno, "cannot start %s", path);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signals_begin();
    if (interrupt_wanted()) { /* from now on it would be the program's to answer */
        free(shell);
        close(report[0]);
        close(report[1]);
        program_done(p);
        return interrupt_status();
    }
    signals_watch();
    p->pid = vfork();
    if (p->pid == 0)
        child(path, argv, shell, envp, stdin_fd, report[1]);
    int err = errno;
    free(shell);
    close(report[1]);
    if (p->pid < 0) {
        close(report[0]);
        program_done(p);
        return error_print_errno(-err, "cannot start %s", path);
    }
    raise_descriptor_limit();
    if ((err = exec_error(report[0]))) {
        waitpid(p->pid, NULL, 0);
        program_done(p);
        error_print_errno(-err, "%s: cannot be executed", path);
        return EXIT_NOT_EXECUTABLE;
    }
    return 0;
}

/* --- waiting --- */

static void reap(struct program *p) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == p->beside) {
            p->beside = 0;
            p->beside_ended = true;
            p->beside_status =
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (pid != p->pid)
            continue; /* an orphan of the program, adopted by us */
        p->ended = true;
        p->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        p->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    p->childless = pid < 0 && errno == ECHILD;
}

static void end_group(int signal) {
    (void)signal;
    kill(0, SIGKILL);
}

/*
 * Between dearth and the command, in a process group of the two: what dearth cannot do any more when
 * it is killed, the end of everything that the command has started, is done here. Its parent's death
 * is a SIGTERM; plain system calls, but for fork().
 */
static _Noreturn void be_guardian(const char *command, pid_t parent, int errors) {
    struct sigaction end = {.sa_handler = end_group};
    sigset_t only;
    int status = 0;
    setpgid(0, 0);
    sigemptyset(&end.sa_mask);
    sigaction(SIGTERM, &end, NULL);
    sigemptyset(&only);
    sigaddset(&only, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_NOT_EXECUTABLE);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        if (errors >= 0)
            dup2(errors, STDERR_FILENO);
        sigaction(SIGXFSZ, &limit_before, NULL);
        restore_descriptor_limit();
        signals_for_child();
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(EXIT_NOT_EXECUTABLE);
    }
    /* whose readers and writers must not wait for us */
    syscall(SYS_close_range, 0u, ~0u, 0u);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(pid < 0               ? EXIT_NOT_EXECUTABLE
          : WIFEXITED(status)   ? WEXITSTATUS(status)
          : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                : EXIT_NOT_EXECUTABLE);
}

int program_run_beside(struct program *p, const char *command, int errors) {
    pid_t parent = getpid();
    p->beside_ended = false;
    p->beside = fork();
    if (p->beside == 0)
        be_guardian(command, parent, errors);
    if (p->beside < 0) {
        p->beside = 0;
        return error_print_errno(-errno, "cannot run '%s'", command);
    }
    setpgid(p->beside, p->beside); /* as it does itself: whoever comes first */
    return 0;
}

void program_kill_beside(struct program *p) {
    if (p->beside > 0)
        kill(-p->beside, SIGKILL);
}

void program_wait(struct program *p, const int others[2], uint64_t timeout_ns) {
    struct pollfd fds[3] = {{.fd = signals_fd(), .events = POLLIN},
                            {.fd = others[0], .events = POLLIN},
                            {.fd = others[1], .events = POLLIN}};
    uint64_t due_ns = signals_due_ns(clock_mono_ns());
    if (due_ns < timeout_ns)
        timeout_ns = due_ns;
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000u),
                               (long)(timeout_ns % 1000000000u)};
    ppoll(fds, 3, &timeout, NULL);
    bool was_over = p->ended;
    struct signals_taken taken = signals_take(p->ended ? 0 : p->pid, clock_mono_ns());
    reap(p);
    p->interrupted |= was_over && taken.end;
}

int program_status(const struct program *p) {
    return p->exit_signal ? 128 + p->exit_signal : p->exit_code;
}
