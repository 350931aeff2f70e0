/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known flaw: where parse() has no memory it composes a message, in a place that no ordinary run comes to, without a
 * look at whether there is memory for that. Whoever calls it, as a test harness would, keeps books, and gives up when it
 * has no memory itself: a failure that lasts tells of the flaw alone when it keeps to parse() (tests/replayer/scope.sh).
 * With an argument parse()'s error path asks in another way: "child"; "plugin LIBRARY", of which no recording has a call;
 * "books" keeps them first.
 *
 * expect: parse once=reported sticky=crashed
 * expect: keep_books once=aborted sticky=aborted
 * expect fixed: parse once=reported sticky=aborted
 * expect fixed: keep_books once=aborted sticky=aborted
 */
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static const char *how = "";
static int (*ask_plugin)(void);

OWN_FRAME void compose(const char *why) {
    char *message = opaque(malloc(55));
#ifdef FIXED
    if (!message)
        return;
#endif
    strcpy(message, why);
    free(message);
}

static void compose_in_child(const char *why) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        compose(why);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        abort();
}

OWN_FRAME void keep_books(void) {
    void *page = opaque(malloc(66));
    if (!page)
        abort();
    free(page);
}

OWN_FRAME int parse(void) {
    char *line = opaque(malloc(44));
    if (!line) {
        if (strcmp(how, "books") == 0)
            keep_books();
        if (strcmp(how, "child") == 0)
            compose_in_child("no memory");
        else if (ask_plugin)
            printf("the plugin got memory: %d\n", ask_plugin());
        else
            compose("no memory");
        return 2;
    }
    free(line);
    return 0;
}

int main(int argc, char **argv) {
    how = argc > 1 ? argv[1] : "";
    void *plugin = argc > 2 ? dlopen(argv[2], RTLD_NOW) : NULL;
    if (plugin)
        ask_plugin = (int (*)(void))dlsym(plugin, "plugin_ask");
    keep_books();
    int status = parse();
    keep_books();
    return status;
}
