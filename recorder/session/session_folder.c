/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a session lies: its folder, made where there is room; what killed ones have left; the path of
 * the preload library. The picture is in session.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "session_private.h"
#include "text.h"

#ifndef DEARTH_PRELOAD_DIR
#define DEARTH_PRELOAD_DIR "/usr/local/lib/dearth"
#define DEARTH_LIBDIR      "lib"
#endif

#define STALE_AFTER_S 10 /* a folder younger than this may not have its lock yet */
#define NAME_PREFIX   "dearth-"
#define ORPHAN_DAY_S  86400

/* --- the preload library --- */

static char *in_folder_of(const char *exe, const char *relative) {
    const char *slash = strrchr(exe, '/');
    int n = slash ? (int)(slash - exe) : 0;
    char *path = text_format("%.*s/%s", n, exe, relative);
    if (access(path, R_OK) == 0) {
        char *whole = realpath(path, NULL);
        free(path);
        return whole;
    }
    free(path);
    return NULL;
}

char *session_preload_path(void) {
    static const char *const beside[] = {
        "recorder/preload/libdearth_preload.so",
        "../recorder/preload/libdearth_preload.so",
        "../../recorder/preload/libdearth_preload.so", /* unit tests in the build folder
                                                        */
        NULL};
    static const char *const installed[] = {
        "../lib/dearth/libdearth_preload.so", "../lib64/dearth/libdearth_preload.so",
        "../" DEARTH_LIBDIR "/dearth/libdearth_preload.so", NULL};
    const char *named = getenv("DEARTH_PRELOAD");
    if (named && *named) {
        char *whole = realpath(named, NULL);
        if (!whole)
            error_print_errno(-errno,
                              "%s: cannot use the preload library that "
                              "DEARTH_PRELOAD names",
                              named);
        return whole;
    }
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    if (n <= 0) /* no /proc: as we were called */
        snprintf(exe, sizeof exe, "%s", (const char *)getauxval(AT_EXECFN));
    for (int i = 0; beside[i]; i++) {
        char *path = in_folder_of(exe, beside[i]);
        if (path)
            return path;
    }
    for (int i = 0; installed[i]; i++) {
        char *path = in_folder_of(exe, installed[i]);
        if (path)
            return path;
    }
    if (access(DEARTH_PRELOAD_DIR "/libdearth_preload.so", R_OK) == 0)
        return text_dup(DEARTH_PRELOAD_DIR "/libdearth_preload.so");
    error_print(-ENOENT,
                "libdearth_preload.so is neither in " DEARTH_PRELOAD_DIR
                " nor beside %s; install dearth again, or name the library in "
                "DEARTH_PRELOAD",
                exe);
    return NULL;
}

int session_name_library(struct session *session) {
    struct session_state *state = session->state;
    AUTO_FREE char *path = session_preload_path();
    if (!path)
        return -ENOENT;
    const char *shown = path;
    if (strpbrk(path, ": \t\n")) {
        state->link_path = text_format("%s/preload.so", session->directory);
        if (strpbrk(state->link_path, ": \t\n") || symlink(path, state->link_path) < 0)
            return error_print(-EINVAL,
                               "%s: a path with a space or a colon cannot be "
                               "preloaded; install dearth elsewhere",
                               path);
        shown = state->link_path;
        state->library_path = text_dup(path);
    }
    if (strlen(shown) >= SHM_PATH_BYTES)
        return error_print(-ENAMETOOLONG, "%s: path of the preload library is too long",
                           shown);
    strcpy(session->arena->preload_path, shown);
    return 0;
}

/* --- the folder --- */

/* Does `dearth recover` still want this arena, whose dearth is gone? */
static bool keep_orphan(int dir, int arena) {
    struct shm_header head;
    struct stat st;
    size_t n = offsetof(struct shm_header, clock);
    if (arena < 0 || pread(arena, &head, n, 0) != (ssize_t)n || head.magic != SHM_MAGIC ||
        !(head.flags & SHM_EVENTS))
        return false;
    if (fstatat(dir, SESSION_ORPHAN, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return time(NULL) - st.st_mtime < ORPHAN_DAY_S;
    int fd = openat(dir, SESSION_ORPHAN, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* "dearth-PID-XXXXXX", as make_files() has it: other folders may begin with that word. */
static bool is_session_name(const char *name) {
    size_t prefix = strlen(NAME_PREFIX);
    if (strncmp(name, NAME_PREFIX, prefix) != 0)
        return false;
    size_t digits = strspn(name + prefix, "0123456789");
    const char *rest = name + prefix + digits;
    return digits && rest[0] == '-' && strlen(rest + 1) == strlen("XXXXXX");
}

/* As large as ours are, or killed before it was; its content proves nothing: targets write there. */
static bool is_arena(int arena) {
    struct stat st;
    return fstat(arena, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           !(st.st_mode & 077) &&
           (st.st_size == 0 || (uint64_t)st.st_size >= SMALLEST_ARENA);
}

/* Entry @name, when it is what a session has there: a file of @type, empty if it is a regular one. */
static void remove_trace(int dir, const char *name, mode_t type) {
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (st.st_mode & S_IFMT) == type && (type == S_IFLNK || st.st_size == 0))
        unlinkat(dir, name, 0);
}

/* What a comparison of outputs was given: outputs, so not empty. Only beside an arena of ours, which comes after. */
static void remove_checks(int dir) {
    static const char *const names[] = {SESSION_CHECKS};
    struct stat st;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            unlinkat(dir, names[i], 0);
}

/* Marked so less than a day ago: whose it is was looked at then. One look, where all of them are some ten for each. */
static bool is_kept(int parent, const char *name) {
    AUTO_FREE char *mark = text_format("%s/" SESSION_ORPHAN, name);
    struct stat st;
    return fstatat(parent, mark, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           time(NULL) - st.st_mtime < ORPHAN_DAY_S;
}

/* Remove one session folder if the dearth that made it is gone. */
static void remove_stale(int parent, const char *name) {
    struct stat st;
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return;
    bool old = fstat(dir, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 077) &&
               time(NULL) - st.st_mtime > STALE_AFTER_S;
    int arena = old ? openat(dir, "arena", O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (old &&
        (arena >= 0 ? flock(arena, LOCK_EX | LOCK_NB) == 0 && is_arena(arena)
                    : errno == ENOENT) &&
        !keep_orphan(dir, arena)) {
        if (arena >= 0) {
            remove_checks(dir);
            unlinkat(dir, "arena", 0);
        }
        remove_trace(dir, SESSION_ORPHAN, S_IFREG);
        remove_trace(dir, "preload.so", S_IFLNK);
        remove_trace(dir, SESSION_CONTROL, S_IFSOCK);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    if (arena >= 0)
        close(arena);
    close(dir);
}

static void remove_stale_in(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (is_session_name(entry->d_name) && !is_kept(dirfd(dir), entry->d_name))
            remove_stale(dirfd(dir), entry->d_name);
    closedir(dir);
}

int session_allocate(int fd, uint32_t from, uint32_t to) {
    off_t start = (off_t)from * SHM_BLOCK_BYTES;
    int err;
    do
        err = posix_fallocate(fd, start, (off_t)to * SHM_BLOCK_BYTES - start);
    while (err == EINTR);
    return -err;
}

int session_allocate_all(const struct session_state *state, int fd, uint32_t ready) {
    const uint32_t end = (uint32_t)(state->file_bytes / SHM_BLOCK_BYTES);
    int r = session_allocate(fd, 0, ready);
    return r == 0 && state->has_proofs ? session_allocate(fd, end - 1, end) : r;
}

/* Make the folder and the file below @folder. Return: 0 or -errno, nothing printed. */
static int make_files(struct session *session, const char *folder, uint32_t ready) {
    const struct session_state *state = session->state;
    char *directory = text_format("%s/" NAME_PREFIX "%d-XXXXXX", folder, (int)getpid());
    char *path = NULL;
    int fd = -1, r = 0;
    if (!mkdtemp(directory)) {
        r = -errno;
        free(directory);
        return r;
    }
    path = text_format("%s/arena", directory);
    if (strlen(path) >= SHM_PATH_BYTES)
        r = -ENAMETOOLONG;
    else if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
             flock(fd, LOCK_EX | LOCK_NB) < 0 ||
             ftruncate(fd, (off_t)state->file_bytes) < 0)
        r = -errno;
    else
        r = session_allocate_all(state, fd, ready);
    if (r == 0) {
        session->directory = directory;
        session->arena_path = path;
        session->arena_fd = fd;
        return 0;
    }
    if (fd >= 0) {
        unlink(path);
        close(fd);
    }
    rmdir(directory);
    free(path);
    free(directory);
    return r;
}

int session_choose_folder(struct session *session, const struct session_options *options,
                          uint32_t ready) {
    const char *candidates[] = {"/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"),
                                "/tmp"};
    AUTO_TEXT struct text tried = {0};
    int r = -ENOENT;
    if (options->folder) {
        remove_stale_in(options->folder);
        r = make_files(session, options->folder, ready);
        if (r < 0)
            return error_print_errno(r, "%s: cannot make the %u KiB session file there",
                                     options->folder, ready * (SHM_BLOCK_BYTES / 1024));
        return 0;
    }
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        if (!candidates[i] || candidates[i][0] != '/')
            continue;
        remove_stale_in(candidates[i]);
        r = make_files(session, candidates[i], ready);
        if (r == 0)
            return 0;
        if (r == -EFBIG)
            return error_print(
                r,
                "the file size limit (ulimit -f) is too small; dearth needs "
                "%u MiB and what the database grows to",
                (uint32_t)(SMALLEST_ARENA >> 20));
        text_addf(&tried, "%s%s: %s", tried.n ? "; " : "", candidates[i], strerror(-r));
    }
    return error_print(r,
                       "no room for the %u KiB session file (%s); make some, or name a "
                       "folder in TMPDIR",
                       ready * (SHM_BLOCK_BYTES / 1024), tried.data ? tried.data : "");
}
