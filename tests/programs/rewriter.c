/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No flaw: writes files in its working directory by all sorts of descriptors while it allocates, and in the
 * end looks at all of them. When an allocation fails, it does to them what its first argument names, so that
 * a copy of it that is not undone would be noticed by its original. tests/replayer/rewriter.sh has the list.
 *
 * usage: rewriter WHAT [ALLOCATIONS]     in a folder that holds "old", "kept/inner", "kept/link" and nothing else
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

enum { LINE = 8, PAGE = 4096 };

struct files {
    int out, same, again; /* "out": opened, its dup(), opened once more to read */
    int log;              /* "log", to append to */
    int nameless;
    int temporary; /* "temporary", "result" in the end */
    int read;      /* "old", which was there before */
    ino_t inode;   /* of "temporary" */
    pid_t pid;     /* whose files these are */
    int line;
};

static void check(int holds, const char *what) {
    if (holds)
        return;
    printf("not as it was: %s\n", what);
    exit(7);
}

static void open_all(struct files *f) {
    f->out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0640);
    f->same = dup(f->out);
    f->again = open("out", O_RDONLY);
    f->log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    f->nameless = open("nameless", O_RDWR | O_CREAT | O_EXCL, 0600);
    f->temporary = open("temporary", O_WRONLY | O_CREAT | O_EXCL, 0444);
    f->read = open("old", O_RDONLY);
    check(f->out >= 0 && f->same >= 0 && f->again >= 0 && f->log >= 0 &&
              f->nameless >= 0 && f->temporary >= 0 && f->read >= 0,
          "what can be opened");
    struct stat status;
    check(fstat(f->temporary, &status) == 0, "what can be looked at");
    f->inode = status.st_ino;
    f->pid = getpid();
    check(unlink("nameless") == 0 && mkdir("sub", 0750) == 0 &&
              symlink("out", "sub/link") == 0 && mkdir("sub/deep", 0700) == 0,
          "what can be made");
}

OWN_FRAME char *new_line(void) {
    return opaque(malloc(LINE + 1));
}

static void put(int fd, const char *line) {
    check(write(fd, line, LINE) == LINE, "what can be written");
}

static void write_line(struct files *f, char *line) {
    snprintf(line, LINE + 1, "%07u\n", (unsigned)f->line++ % 10000000u);
    put(f->line % 2 ? f->out : f->same, line); /* one offset */
    put(f->log, line);
    put(f->nameless, line);
    put(f->temporary, line);
}

/* What is in the file is its first @n lines. */
static int holds_lines(int fd, int n) {
    char line[LINE + 1], seen[LINE];
    for (int i = 0; i < n; i++) {
        snprintf(line, sizeof line, "%07u\n", (unsigned)i % 10000000u);
        if (pread(fd, seen, LINE, (off_t)i * LINE) != LINE ||
            memcmp(seen, line, LINE) != 0)
            return 0;
    }
    return pread(fd, seen, 1, (off_t)n * LINE) == 0;
}

static int is_path_of(const char *path, int fd) {
    struct stat a, b;
    return stat(path, &a) == 0 && fstat(fd, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev && a.st_nlink == 1;
}

static void look(struct files *f) {
    struct stat status;
    char text[16] = "";
    int log = open("log", O_RDONLY);
    check(holds_lines(f->again, f->line) && holds_lines(f->out, f->line), "out");
    check(holds_lines(log, f->line), "log");
    check(holds_lines(f->nameless, f->line), "the file without a name");
    check(lseek(f->same, 0, SEEK_CUR) == (off_t)f->line * LINE, "the offset");
    check(lseek(f->again, 0, SEEK_CUR) == 0, "the offset to read at");
    check(is_path_of("out", f->out) && is_path_of("out", f->again) &&
              is_path_of("log", f->log) && is_path_of("temporary", f->temporary),
          "names");
    check(fstat(f->out, &status) == 0 && (status.st_mode & 0777) == 0640, "the mode");
    check(read(f->read, text, sizeof text) == 4 && memcmp(text, "old\n", 4) == 0, "old");
    check(stat("sub", &status) == 0 && (status.st_mode & 0777) == 0750, "sub");
    check(readlink("sub/link", text, sizeof text) == 3 && rmdir("sub/deep") == 0 &&
              unlink("sub/link") == 0 && rmdir("sub") == 0,
          "what is in sub");
    check(access("kept/inner", R_OK) == 0 && access("new", F_OK) < 0, "other files");
    check(rename("temporary", "result") == 0 && rename("log", "old") == 0, "renaming");
    close(log);
}

/* --- when memory runs out --- */

static int is(const char *what, const char *name) {
    return strcmp(what, name) == 0;
}

static void map_out(const struct files *f) {
    if (ftruncate(f->out, PAGE) < 0)
        return;
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, f->out, 0);
    if (page != MAP_FAILED)
        memset(page, 'm', PAGE);
}

static void make_new(void) {
    mkdir("new", 0700);
    mkdir("new/deeper", 0700);
    close(open("new/deeper/file", O_WRONLY | O_CREAT, 0600));
    if (symlink("nowhere", "new/link") < 0)
        perror("link");
}

static int give_up(struct files *f, const char *what) {
    int failed = 0;
    if (is(what, "truncates"))
        failed = ftruncate(f->out, 0) | ftruncate(f->nameless, 3) |
                 (write(f->same, "torn", 4) != 4) | (write(f->log, "torn", 4) != 4);
    if (is(what, "unlinks"))
        failed = unlink("out") | unlink("log") | unlink("temporary") |
                 unlink("sub/link") | rmdir("sub/deep") | rmdir("sub");
    if (is(what, "renames")) /* over files that were there before, and that were not */
        failed =
            rename("temporary", "old") | rename("out", "log") | rename("sub", "kept/sub");
    if (is(what,
           "removes")) /* a link is made again: it looks the same but for its time */
        failed = unlink("old") | unlink("kept/inner") | unlink("sub/link") |
                 symlink("out", "sub/link") | unlink("kept/link");
    if (is(what, "links-again"))
        failed = unlink("kept/link") | symlink("inner", "kept/link");
    if (is(what, "makes"))
        make_new();
    if (is(what, "links"))
        failed = link("out", "new") | link("kept/inner", "kept/other");
    if (is(what, "modes"))
        failed = chmod("out", 0) | chmod("kept", 0700) | chmod("sub", 0);
    if (is(what, "overwrites"))
        close(open("old", O_WRONLY | O_TRUNC));
    if (is(what, "asks") && getpid() == f->pid) /* not of who was forked from it */
        failed = unlink("out") | unlink("temporary");
    if (is(what, "tears")) /* what the original has open is the one that was written to */
        failed = truncate("old", 1) | unlink("old");
    if (is(what, "maps"))
        map_out(f);
    if (is(what, "replaces")) {
        make_new();
        failed = rename("new/deeper/file", "out") | rename("new/link", "old");
    }
    if (is(what, "crashes")) {
        failed = unlink("out");
        abort();
    }
    if (is(what,
           "uproots")) /* cannot be put back: the folder is none of this run's making */
        failed = unlink("kept/inner") | rmdir("kept");
    return failed ? 5 : 3;
}

int main(int argc, char **argv) {
    struct files f = {0};
    const char *what = argc > 1 ? argv[1] : "stops";
    int n = argc > 2 ? atoi(argv[2]) : 3;
    open_all(&f);
    for (int i = 0; i < n; i++) {
        char *line = new_line();
        char ours[LINE + 1];
        if (!line && !is(what, "goes-on"))
            return give_up(&f, what);
        write_line(&f, line ? line : ours);
        free(line);
    }
    look(&f);
    struct stat status;
    check(!is(what, "renames") ||
              (fstat(f.temporary, &status) == 0 && status.st_ino == f.inode),
          "the inode of what was renamed");
    printf("%d lines\n", f.line);
    return 0;
}
