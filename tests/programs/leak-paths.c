/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What error paths lose, a function for each way: tests/replayer/leak-copies.sh names what must be
 * found. The program as such loses nothing.
 */
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

OWN_FRAME void *make_owner(void) {
    return opaque(calloc(4, sizeof(void *)));
}

OWN_FRAME void *make_message(void) {
    return opaque(malloc(300));
}

/* Nothing. */
OWN_FRAME void *tidies(void *owner) {
    void *p = opaque(malloc(201));
    if (!p)
        free(owner);
    return p;
}

/* What was there before. */
OWN_FRAME void *loses_owner(void *owner) {
    void *p = opaque(malloc(202));
    (void)owner;
    return p;
}

/* What is made only when something failed. */
OWN_FRAME void *loses_message(void *owner) {
    void *p = opaque(malloc(203));
    if (!p) {
        char *message = make_message();
        if (message)
            memset(message, 0, 300);
        free(owner);
    }
    return p;
}

/* A child has lost it. */
OWN_FRAME void *child_loses(void *owner) {
    void *p = opaque(malloc(204));
    if (!p) {
        pid_t child = fork();
        if (child == 0) {
            char *message = make_message();
            if (message)
                memset(message, 0, 300);
            message = NULL;
            _exit(0);
        }
        if (child > 0)
            waitpid(child, NULL, 0);
        free(owner);
    }
    return p;
}

static void *volatile current;

/* Nothing: the end comes from within the function that has it. */
OWN_FRAME void *ends_inside(void *owner) {
    (void)owner;
    current = make_owner();
    void *p = opaque(malloc(205));
    if (!p) {
        current = NULL;
        exit(9);
    }
    free(current);
    return p;
}

/* Nothing, but from here on there is a library that the program itself never has. */
OWN_FRAME void *loads(void *owner) {
    void *p = opaque(malloc(206));
    if (!p) {
        void *library = dlopen("libzstd.so.1", RTLD_NOW);
        void *(*create)(void) =
            library ? (void *(*)(void))dlsym(library, "ZSTD_createCCtx") : NULL;
        size_t (*drop)(void *) =
            library ? (size_t(*)(void *))dlsym(library, "ZSTD_freeCCtx") : NULL;
        if (create && drop)
            drop(create());
        free(owner);
    }
    return p;
}

/* Memory that a library gives, which none of the copies made before had. */
OWN_FRAME void *by_library(void *owner) {
    void *library = dlopen("libz.so.1", RTLD_NOW);
    void *(*open_fd)(int, const char *) =
        library ? (void *(*)(int, const char *))dlsym(library, "gzdopen") : NULL;
    int (*close_file)(void *) =
        library ? (int (*)(void *))dlsym(library, "gzclose") : NULL;
    void *file = open_fd ? open_fd(dup(0), "rb") : NULL;
    if (file)
        close_file(file);
    else
        free(owner);
    return file;
}

/* Every step has an owner of its own, which it gives up when it succeeds. */
OWN_FRAME int step(void *(*asks)(void *)) {
    void *owner = make_owner();
    if (!owner)
        return 1;
    void *p = asks(owner);
    if (!p)
        return 1;
    if (asks != by_library)
        free(p);
    free(owner);
    return 0;
}

int main(void) {
    static void *(*const steps[])(void *) = {
        tidies, loses_owner, loses_message, child_loses, ends_inside, loads, by_library};
    int failed = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !failed; i++)
        failed = step(steps[i]);
    memset(opaque(&(char[4096]){0}), 0, 4096);
    if (failed)
        fputs("out of memory\n", stderr);
    return failed;
}
