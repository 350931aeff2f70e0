/* SPDX-License-Identifier: Apache-2.0 */
/* Files as commands write them, where the file system has no files without a name: common/base/output.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "interrupt.h"
#include "output.h"

/* In the place of libc's: as on a file system that does not know O_TMPFILE. */
int openat(int folder, const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static char folder[] = "/tmp/dearth-output-test.XXXXXX";

static int n_files(void) {
    DIR *d = opendir(".");
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (d)
        closedir(d);
    return n;
}

static bool holds(const char *path, const char *content) {
    char seen[64] = "";
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(seen, 1, sizeof seen - 1, f) : 0;
    if (f)
        fclose(f);
    return n == strlen(content) && strcmp(seen, content) == 0;
}

static mode_t mode_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void new_and_replaced(void) {
    struct output *o = NULL;
    umask(027);
    MUST(output_new("a", false, &o) == 0);
    fputs("one", output_file(o));
    MUST(n_files() == 1 && access("a", F_OK) < 0);
    MUST(output_finish(o) == 0);
    o = output_free(o);
    MUST(holds("a", "one") && mode_of("a") == 0640 && n_files() == 1);

    chmod("a", 0604);
    struct text text = {0};
    text_add(&text, "two");
    MUST(output_write("a", false, &text) == 0);
    MUST(holds("a", "two") && mode_of("a") == 0604 && n_files() == 1);
    MUST(output_write("a", true, &text) == 0);
    MUST(mode_of("a") == 0600 && n_files() == 1);
    text_deinit(&text);
}

static void given_up(void) {
    struct output *o = NULL;
    MUST(output_new("a", false, &o) == 0);
    fputs("three", output_file(o));
    MUST(n_files() == 2);
    output_free(o);
    MUST(holds("a", "two") && n_files() == 1);
}

static void killed(int number) {
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        struct output *o = NULL;
        signal(number, SIG_DFL);
        if (output_new("a", false, &o) == 0 && n_files() == 2)
            raise(number);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    MUST(WIFSIGNALED(status) && WTERMSIG(status) == number);
    MUST(holds("a", "two") && n_files() == 1);
}

/* A command that puts away, and whose last wait is over: the draft goes with it. */
static void ended_late(void) {
    pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        struct output *o = NULL;
        signal(SIGTERM, SIG_DFL);
        interrupt_install();
        if (output_new("a", false, &o) < 0 || raise(SIGTERM) || n_files() != 2)
            _exit(1);
        raise(SIGALRM);
        _exit(2);
    }
    waitpid(pid, &status, 0);
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM);
    MUST(holds("a", "two") && n_files() == 1);
}

int main(void) {
    MUST(mkdtemp(folder) && chdir(folder) == 0);
    new_and_replaced();
    given_up();
    killed(SIGTERM);
    killed(SIGINT);
    killed(SIGHUP);
    ended_late();
    unlink("a");
    MUST(rmdir(folder) == 0);
    return 0;
}
