/* SPDX-License-Identifier: Apache-2.0 */
/* Running a browser: see browser.h. Source: xdg-open(1), environ of BROWSER in sensible-browser(1). */
#include "browser.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

/* The shell takes @what as $1: nothing in it is a command. Return: the status, or a negative errno. */
static int run(const char *command, const char *what, bool wait) {
    AUTO_TEXT struct text line = {0};
    const char *at = strstr(command, "%s");
    text_add(&line, "exec ");
    text_add_n(&line, command, at ? (size_t)(at - command) : strlen(command));
    text_add(&line, at ? "\"$1\"" : " \"$1\"");
    text_add(&line, at ? at + 2 : "");
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        int null = wait ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (!wait)
            setsid(); /* it outlives us, and does not get our Ctrl-C */
        if (null >= 0) {
            dup2(null, STDIN_FILENO);
            dup2(null, STDOUT_FILENO);
        }
        execl("/bin/sh", "sh", "-c", line.data, "dearth", what, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (wait)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool is_there(const char *program) {
    const char *path = getenv("PATH");
    AUTO_FREE char *folders = text_dup(path ? path : "/usr/bin:/bin");
    char *rest = folders, *folder;
    while ((folder = strsep(&rest, ":"))) {
        AUTO_FREE char *file = text_format("%s/%s", folder, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

int browser_open(const char *what, bool wait) {
    const char *wanted = getenv("BROWSER");
    AUTO_FREE char *commands = text_dup(wanted && *wanted ? wanted : NULL);
    char *rest = commands, *command;
    if (!commands && !is_there("xdg-open"))
        return error_print(
            -ENOENT,
            "view: there is no xdg-open, and BROWSER names no browser: open "
            "%s in one",
            what);
    while (commands && (command = strsep(&rest, ":")))
        if (*command && run(command, what, wait) == 0)
            return 0;
    if (!commands && run("xdg-open", what, wait) == 0)
        return 0;
    return error_print(-EIO, "view: %s did not open %s: open it in a browser",
                       wanted && *wanted ? wanted : "xdg-open", what);
}
