/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program that reports a failure leaves in its files, by its first argument.
 *
 * Flaws:
 *   rewrite   a file of the user's is replaced by an empty one
 *   half      it is written anew in place, and only its first line is there
 *   gone      it is removed before there is another
 *   exclusive a scratch file stays, and no later run gets past it
 *   lock      a lock file stays, and every later run waits for it
 *   word      a lock in memory that processes share by a file stays held, and every later run waits for it
 *   folder    a folder that is a lock stays, and no later run gets past it
 *   pipe      the same with a named pipe
 * Fixed: memory first.
 *
 * No flaws:
 *   output    a file is begun anew by every run
 *   journal   a line is added
 *   aside     the old file is kept under another name, where the next run finds it
 *   single    it can be run once only, with a failure or without
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

enum { SIZE = 64 };

OWN_FRAME char *new_text(void) {
    return opaque(malloc(SIZE));
}

static int put(const char *path, int flags, const char *text, size_t n) {
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    if (fd < 0)
        return 1;
    ssize_t put = n ? write(fd, text, n) : 0;
    close(fd);
    return put != (ssize_t)n;
}

static ssize_t get(const char *path, char *text) {
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, SIZE);
    if (fd >= 0)
        close(fd);
    return n;
}

/* The file of the user's is "one\ntwo\n" and so on; every run writes back what it read. */
static int rewrite_config(const char *how, char *early) {
    char old[SIZE];
    bool aside = strcmp(how, "aside") == 0;
    ssize_t n = get("config", old);
    if (n < 0 && aside)
        n = get("config.old", old);
    if (n < 0)
        return 2;
    if (strcmp(how, "gone") == 0 && unlink("config") < 0)
        return 2;
    if (strcmp(how, "half") == 0 && put("config", O_TRUNC, old, (size_t)n / 2))
        return 2;
    if (aside && rename("config", "config.old") < 0 && errno != ENOENT)
        return 2;
    char *text = early ? early : new_text();
    int bad = !text;
    if (text)
        memcpy(text, old, (size_t)n);
    if (!bad || strcmp(how, "rewrite") == 0)
        bad |= put("config.new", O_TRUNC, old, text ? (size_t)n : 0) ||
               rename("config.new", "config") < 0;
    free(text);
    return bad;
}

static int make_exclusively(char *early) {
    if (put("scratch", O_EXCL, "", 0))
        return 2;
    char *text = early ? early : new_text();
    if (!text)
        return 1;
    free(text);
    return rename("scratch", "state") < 0;
}

/* As programs do that share a mailbox. */
static int take_lock(char *early) {
    while (put("lock", O_EXCL, "", 0))
        usleep(1000);
    char *text = early ? early : new_text();
    if (!text)
        return 1;
    free(text);
    return unlink("lock") < 0;
}

/* As a mutex of processes is, and a semaphore. */
static int take_word(char *early) {
    int fd = open("word", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) < 0)
        return 2;
    unsigned *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (word == MAP_FAILED)
        return 2;
    while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
        usleep(1000);
    char *text = early ? early : new_text();
    if (!text)
        return 1;
    free(text);
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
    return 0;
}

/* A name that only one can make. */
static int take_name(const char *how, char *early) {
    bool folder = strcmp(how, "folder") == 0;
    if ((folder ? mkdir("taken", 0700) : mkfifo("taken", 0600)) < 0)
        return 2;
    char *text = early ? early : new_text();
    if (!text)
        return 1;
    free(text);
    return (folder ? rmdir("taken") : unlink("taken")) < 0;
}

static int write_output(void) {
    if (put("output", O_TRUNC, "", 0))
        return 2;
    char *text = new_text();
    if (!text)
        return 1;
    free(text);
    return put("output", O_TRUNC, "all of it\n", 10);
}

static int write_journal(void) {
    char *text = new_text();
    int bad = put("journal", O_APPEND, text ? "done\n" : "failed\n", text ? 5 : 7);
    bad |= !text;
    free(text);
    return bad;
}

static int run_once(void) {
    if (mkdir("made", 0700) < 0)
        return 2;
    char *text = new_text();
    int bad = !text;
    free(text);
    return bad;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "rewrite";
    char *early = NULL;
    if (strcmp(how, "output") == 0)
        return write_output();
    if (strcmp(how, "journal") == 0)
        return write_journal();
    if (strcmp(how, "single") == 0)
        return run_once();
#ifdef FIXED
    early = new_text();
    if (!early)
        return 1;
#endif
    if (strcmp(how, "lock") == 0)
        return take_lock(early);
    if (strcmp(how, "word") == 0)
        return take_word(early);
    if (strcmp(how, "folder") == 0 || strcmp(how, "pipe") == 0)
        return take_name(how, early);
    return strcmp(how, "exclusive") == 0 ? make_exclusively(early)
                                         : rewrite_config(how, early);
}
