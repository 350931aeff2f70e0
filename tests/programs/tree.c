/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: a process tree. Every process of it allocates 4242 bytes once, in leaf_work(),
 * and says so; the number of lines printed is the number of images that must have been
 * recorded.
 *
 * usage: tree WAY...      one child per WAY, waited for:
 *   fork       a copy that works and exits
 *   exec       fork, then execv of this program
 *   vfork      vfork, then execv
 *   spawn      posix_spawn
 *   system     through /bin/sh
 *   popen      through /bin/sh, read from a pipe
 *   clearenv   fork, clearenv(), execv
 *   emptyenv   fork, execve with an empty environment
 *   closeall   fork, close every descriptor but 0-2, execv
 *   daemon     double fork and setsid; the parent waits on a pipe until it is done
 *   deep       a chain of four forks
 *   leaf       no child: what the children run
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

extern char **environ;
static char *self;

OWN_FRAME void leaf_work(const char *who) {
    char *p = opaque(malloc(4242));
    if (!p)
        _exit(1);
    int n = snprintf(p, 4242, "leaf %s\n", who);
    if (write(1, p, (size_t)n) != n)
        _exit(2);
    free(p);
}

static void exec_leaf(const char *who, char **envp) {
    char *arguments[] = {self, (char *)"leaf", (char *)who, NULL};
    execve(self, arguments, envp);
    _exit(126);
}

static int wait_for(pid_t child) {
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return status != 0;
}

static int run_deep(int depth) {
    pid_t child = fork();
    if (child)
        return wait_for(child);
    leaf_work("deep");
    _exit(depth > 1 ? run_deep(depth - 1) : 0);
}

static int run_shell(const char *way) {
    char command[600], line[100];
    snprintf(command, sizeof command, "'%s' leaf %s", self, way);
    if (strcmp(way, "system") == 0)
        return system(command) != 0;
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return 1;
    while (fgets(line, sizeof line, pipe))
        if (write(1, line, strlen(line)) < 0)
            return 1;
    return pclose(pipe) != 0;
}

static int run_daemon(void) {
    int ends[2];
    char byte;
    if (pipe(ends) < 0)
        return 1;
    pid_t child = fork();
    if (child) {
        close(ends[1]);
        int failed = wait_for(child);
        while (read(ends[0], &byte, 1) > 0) {
        }
        close(ends[0]);
        return failed;
    }
    close(ends[0]);
    setsid();
    if (fork())
        _exit(0);
    if (chdir("/") < 0)
        _exit(1);
    leaf_work("daemon");
    _exit(0);
}

static void close_all(void) {
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
}

static int run(const char *way) {
    char *arguments[] = {self, (char *)"leaf", (char *)way, NULL};
    char *nothing[] = {NULL};
    pid_t child;
    if (strcmp(way, "system") == 0 || strcmp(way, "popen") == 0)
        return run_shell(way);
    if (strcmp(way, "daemon") == 0)
        return run_daemon();
    if (strcmp(way, "deep") == 0)
        return run_deep(4);
    if (strcmp(way, "spawn") == 0)
        return posix_spawn(&child, self, NULL, NULL, arguments, environ) ||
               wait_for(child);
    if (strcmp(way, "vfork") == 0) {
        child = vfork();
        if (child == 0) {
            execv(self, arguments);
            _exit(126);
        }
        return wait_for(child);
    }
    child = fork();
    if (child)
        return wait_for(child);
    if (strcmp(way, "fork") == 0)
        leaf_work("fork");
    else if (strcmp(way, "exec") == 0)
        exec_leaf(way, environ);
    else if (strcmp(way, "clearenv") == 0) {
        clearenv();
        exec_leaf(way, environ);
    } else if (strcmp(way, "emptyenv") == 0)
        exec_leaf(way, nothing);
    else if (strcmp(way, "closeall") == 0) {
        close_all();
        exec_leaf(way, environ);
    } else
        _exit(64);
    _exit(0);
}

int main(int argc, char **argv) {
    static char path[500];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    self = n > 0 ? path : argv[0];
    if (argc > 2 && strcmp(argv[1], "leaf") == 0) {
        leaf_work(argv[2]);
        return 0;
    }
    leaf_work("root");
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed += run(argv[i]);
    return failed ? 1 : 0;
}
