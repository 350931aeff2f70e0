/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing files and standard output: see output.h.
 *
 *   file, or none ─► draft in its folder ─► fsync ─► name       link(2), rename(2)
 *   cannot be     ─► draft elsewhere ─► room reserved ─► copied over it
 *   device, FIFO, descriptor ─► written
 *
 * Invariant: until output_finish() nothing of the user's is touched, and a name is given only to what
 * is complete and on the disk.
 */
#include "output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "error.h"
#include "interrupt.h"
#include "store_id.h"

enum { PERMISSIONS = 07777, MOST_LINKS = 40 };

struct output {
    const char *path; /* as the user knows it; NULL = standard output */
    FILE *file;       /* writes to `fd` and keeps why it could not */
    int fd, error;
    bool keep_private;
    bool direct;     /* `fd` is the thing itself */
    bool overwrites; /* the file cannot be replaced */
    bool exists;
    bool database;   /* it is one of dearth's: refused */
    struct stat was; /* the file that exists */
    int folder;      /* O_PATH, of the file that links lead to */
    char *name;      /* in it */
    char *draft;     /* name of the draft in it; NULL = it has none */
};

/* --- standard output --- */

static void on_harmless(int number) {
    (void)number;
}

/* A handler, unlike SIG_IGN, is gone after an exec. */
static void make_harmless(int number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) < 0 || action.sa_handler != SIG_DFL)
        return;
    action = (struct sigaction){.sa_handler = on_harmless, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void output_prepare(void) {
    make_harmless(SIGPIPE);
    make_harmless(SIGXFSZ);
    /* the wrong way round, so that using them is the error that it would be */
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC) !=
                fd)
            return;
}

/* What failed may be long ago: errno as it is now, where write(2) could have set it; else 0. */
static int reason(int error) {
    static const int reasons[] = {ENOSPC, EDQUOT, EFBIG, EPIPE, EBADF, EIO};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (error == reasons[i])
            return error;
    return 0;
}

int output_flush(void) {
    static int failed;
    if (failed)
        return failed;
    int why = ferror(stdout) ? reason(errno) : 0;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    why = errno ? errno : why;
    if (why)
        return failed = error_print_errno(-why, "standard output: cannot write");
    return failed = error_print(-EIO, "standard output: not all could be written");
}

/* --- drafts that have a name --- */

/* Where the file system has no files without a name, a signal takes the draft away. */
static volatile sig_atomic_t draft_folder = -1;
static char draft_name[NAME_MAX + 1];

static void remove_draft(void) {
    int folder = draft_folder;
    draft_folder = -1;
    if (folder >= 0)
        unlinkat(folder, draft_name, 0);
}

static void guard_draft(const struct output *o) {
    strcpy(draft_name, o->draft);
    draft_folder = o->folder;
    interrupt_guard(remove_draft);
}

static void unguard_draft(void) {
    if (draft_folder < 0)
        return;
    draft_folder = -1;
    interrupt_unguard();
}

/* --- where the file is --- */

/* One of our own descriptors by its name in /proc, or -1. @folder: the one with the names. */
static int own_descriptor(const char *folder, const char *name) {
    char real[PATH_MAX], *end;
    int pid = 0, at = 0;
    if (!realpath(folder, real) || sscanf(real, "/proc/%d/%n", &pid, &at) != 1 || !at ||
        pid != getpid())
        return -1;
    long fd = strtol(name, &end, 10);
    return *end || end == name || fd < 0 || fd > INT_MAX ? -1 : (int)fd;
}

/* /dev/stdout, /dev/fd/N: opened anew it would start at the beginning of a file that somebody else is
 * writing, too. */
static int open_descriptor(const char *path, const char *folder, const char *name) {
    int fd = own_descriptor(folder, name);
    fflush(stdout);
    if (fd >= 0)
        fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    else
        fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

static void split(const char *path, char **folder, char **name) {
    const char *slash = strrchr(path, '/');
    free(*folder);
    free(*name);
    *folder = slash ? text_format("%.*s", slash == path ? 1 : (int)(slash - path), path)
                    : text_dup(".");
    *name = text_dup(slash ? slash + 1 : path);
}

/*
 * Follow links by hand to the folder and the name in it that the file really has or will have.
 * @fd: out, a descriptor that the path names; -1 = none
 * Return: 0 or -errno.
 */
static int find_place(struct output *o, int *fd) {
    AUTO_FREE char *path = text_dup(o->path);
    AUTO_FREE char *folder = NULL;
    char target[PATH_MAX];
    *fd = -1;
    for (int i = 0; i < MOST_LINKS; i++) {
        struct statfs system;
        split(path, &folder, &o->name);
        if (o->folder >= 0)
            close(o->folder);
        o->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (o->folder < 0)
            return -errno;
        ssize_t n = readlinkat(o->folder, o->name, target, sizeof target - 1);
        if (n < 0)
            return errno == EINVAL || errno == ENOENT ? 0 : -errno;
        target[n] = 0;
        if (fstatfs(o->folder, &system) == 0 && system.f_type == PROC_SUPER_MAGIC) {
            *fd = open_descriptor(path, folder, o->name);
            return *fd < 0 ? *fd : 0;
        }
        char *next =
            target[0] == '/' ? text_dup(target) : text_format("%s/%s", folder, target);
        free(path);
        path = next;
    }
    return -ELOOP;
}

static bool is_ours(const struct output *o) {
    return o->was.st_uid == geteuid() || geteuid() == 0;
}

/* Source: https://www.sqlite.org/fileformat2.html, 1.3 */
static bool is_database(const struct output *o, const char *name) {
    static const char magic[] = "SQLite format 3";
    enum { HEADER_BYTES = 100, ID_AT = 68 };
    char head[HEADER_BYTES];
    uint32_t id = 0;
    int fd = openat(o->folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool whole = fd >= 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head;
    if (fd >= 0)
        close(fd);
    if (!whole || memcmp(head, magic, sizeof magic) != 0)
        return false;
    memcpy(&id, head + ID_AT, sizeof id);
    return ntohl(id) == STORE_APPLICATION_ID;
}

/* "-o" is the database to some commands and the report to others: the one never goes for the other, nor
 * for the files in which SQLite keeps a part of it. */
static bool is_of_database(const struct output *o) {
    static const char *const endings[] = {STORE_COMPANIONS};
    if (is_database(o, o->name))
        return true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        AUTO_FREE char *base = text_dup(o->name);
        size_t n = strlen(base), of_ending = strlen(endings[i]);
        if (n <= of_ending || strcmp(base + n - of_ending, endings[i]) != 0)
            continue;
        base[n - of_ending] = 0;
        if (is_database(o, base))
            return true;
    }
    return false;
}

/* What is there, and whether it may be written. Return: 0 or -errno. */
static int look(struct output *o) {
    if (!*o->name)
        return *o->path ? -EISDIR : -ENOENT;
    o->exists = fstatat(o->folder, o->name, &o->was, 0) == 0;
    if (!o->exists && errno != ENOENT)
        return -errno;
    o->database = (!o->exists || S_ISREG(o->was.st_mode)) && is_of_database(o);
    if (o->database)
        return -EEXIST;
    if (!o->exists)
        return 0;
    if (S_ISDIR(o->was.st_mode))
        return -EISDIR;
    if (faccessat(o->folder, o->name, W_OK, 0) < 0)
        return -errno;
    o->direct = !S_ISREG(o->was.st_mode);
    o->overwrites = !o->direct && !is_ours(o);
    return 0;
}

static int open_thing(const struct output *o) {
    int fd = openat(o->folder, o->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : fd;
}

/* --- the draft --- */

static mode_t first_mode(const struct output *o) {
    return o->keep_private || o->exists ? 0600 : 0666;
}

static void name_draft(struct output *o) {
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0)
        number = (uint32_t)getpid();
    free(o->draft);
    o->draft = text_format(".%.100s.dearth-%06x", o->name, number & 0xffffff);
}

static int open_named(struct output *o) {
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 100; tries++) {
        name_draft(o);
        fd = openat(o->folder, o->draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                    first_mode(o));
        if (fd < 0 && errno != EEXIST)
            break;
    }
    int err = -errno;
    if (fd >= 0) {
        guard_draft(o);
        return fd;
    }
    free(o->draft);
    o->draft = NULL;
    return err;
}

/* Where nothing can be made beside the file. */
static int open_elsewhere(void) {
    const char *folder = getenv("TMPDIR");
    int fd =
        open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        fd = memfd_create("dearth", MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int open_draft(struct output *o) {
    if (o->overwrites)
        return open_elsewhere();
    int fd = openat(o->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, first_mode(o));
    if (fd >= 0 && access("/proc/self/fd", X_OK) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    fd = open_named(o);
    if (fd >= 0 || !o->exists || fd == -ENOSPC || fd == -EDQUOT)
        return fd;
    o->overwrites = true;
    return open_elsewhere();
}

/* --- beginning --- */

static int complain(const struct output *o, int err) {
    if (o->database)
        return error_print(err,
                           "%s: is a database of dearth, or has the name of a part of "
                           "one, and is not written over; name another file",
                           o->path);
    return error_print_errno(err,
                             o->exists && !o->direct
                                 ? "%s: cannot write; what was there is kept"
                                 : "%s: cannot write",
                             o->path);
}

static bool is_stdout(const char *path) {
    return !path || strcmp(path, "-") == 0;
}

size_t output_put(int fd, const void *data, size_t n) {
    size_t done = 0;
    while (done < n) {
        ssize_t put = write(fd, (const char *)data + done, n - done);
        if (put == 0)
            errno = EIO;
        if (put == 0 || (put < 0 && errno != EINTR))
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    return done;
}

static ssize_t write_through(void *cookie, const char *data, size_t n) {
    struct output *o = cookie;
    size_t done = o->error ? 0 : output_put(o->fd, data, n);
    if (done < n && !o->error)
        o->error = errno;
    return (ssize_t)
        done; /* fewer, and never a negative number: that is how it is to say so */
}

static int begin(struct output *o) {
    const cookie_io_functions_t functions = {.write = write_through};
    int r = find_place(o, &o->fd);
    o->direct = o->fd >= 0;
    if (r == 0 && !o->direct && (r = look(o)) == 0)
        r = o->fd = o->direct ? open_thing(o) : open_draft(o);
    if (r < 0)
        return r;
    o->file = fopencookie(o, "w", functions);
    return o->file ? 0 : -ENOMEM;
}

int output_new(const char *path, bool keep_private, struct output **out) {
    struct output *o = text_alloc(sizeof *o);
    *o = (struct output){.path = is_stdout(path) ? NULL : path,
                         .keep_private = keep_private,
                         .fd = -1,
                         .folder = -1};
    int r = 0;
    if (o->path)
        r = begin(o);
    else
        o->file = stdout;
    if (r < 0) {
        complain(o, r);
        output_free(o);
        return r;
    }
    *out = o;
    return 0;
}

FILE *output_file(struct output *o) {
    return o->file;
}

int output_check(const char *path) {
    if (is_stdout(path))
        return 0;
    struct output o = {.path = path, .folder = -1};
    int fd, r = find_place(&o, &fd);
    if (r == 0 && fd < 0 && (r = look(&o)) == 0 && !o.exists &&
        faccessat(o.folder, ".", W_OK | X_OK, 0) < 0)
        r = -errno;
    if (r < 0)
        complain(&o, r);
    if (fd >= 0)
        close(fd);
    if (o.folder >= 0)
        close(o.folder);
    free(o.name);
    return r;
}

/* --- ending --- */

/* Owner and mode of what it replaces. Return: false = that cannot be had. */
static bool set_attributes(const struct output *o, int fd) {
    struct stat now;
    if (!o->exists)
        return !o->keep_private || fchmod(fd, 0600) == 0;
    if (fstat(fd, &now) < 0 ||
        ((now.st_uid != o->was.st_uid || now.st_gid != o->was.st_gid) &&
         fchown(fd, o->was.st_uid, o->was.st_gid) < 0))
        return false;
    return fchmod(fd, o->keep_private ? 0600 : o->was.st_mode & PERMISSIONS) == 0;
}

/* Return: 0, or -errno when the draft cannot take the file's place. */
static int replace(struct output *o, int fd) {
    char draft[64];
    if (!set_attributes(o, fd))
        return -EPERM;
    snprintf(draft, sizeof draft, "/proc/self/fd/%d", fd);
    if (!o->draft && !o->exists &&
        linkat(AT_FDCWD, draft, o->folder, o->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    for (int tries = 0; !o->draft; tries++) {
        name_draft(o);
        if (linkat(AT_FDCWD, draft, o->folder, o->draft, AT_SYMLINK_FOLLOW) == 0)
            break;
        int err = -errno;
        free(o->draft);
        o->draft = NULL;
        if (err != -EEXIST || tries == 100)
            return err;
    }
    if (renameat(o->folder, o->draft, o->folder, o->name) < 0)
        return -errno;
    free(o->draft);
    o->draft = NULL;
    return 0;
}

static int copy_over(int from, int to, off_t n) {
    AUTO_FREE char *buffer = text_alloc(1 << 16);
    for (off_t at = 0; at < n;) {
        ssize_t got = pread(from, buffer, 1 << 16, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        for (ssize_t done = 0, put; done < got; done += put) {
            put = pwrite(to, buffer + done, (size_t)(got - done), at + done);
            if (put < 0 && errno == EINTR)
                put = 0;
            else if (put < 0)
                return -errno;
        }
        at += got;
    }
    return ftruncate(to, n) < 0 ? -errno : 0;
}

/* A disk without room for it is met before anything of the old content is gone. */
static int overwrite(const struct output *o, int fd) {
    off_t n = lseek(fd, 0, SEEK_END);
    int to = openat(o->folder, o->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (to < 0 || n < 0) {
        int err = -errno;
        if (to >= 0)
            close(to);
        return err;
    }
    int r = n && fallocate(to, FALLOC_FL_KEEP_SIZE, 0, n) < 0 && errno != EOPNOTSUPP
                ? -errno
                : 0;
    if (r == 0)
        r = copy_over(fd, to, n);
    if (r == 0 &&
        ((fsync(to) < 0 && errno != EINVAL) || (o->keep_private && fchmod(to, 0600) < 0)))
        r = -errno;
    close(to);
    return r;
}

static void sync_folder(const struct output *o) {
    int fd = openat(o->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static int publish(struct output *o) {
    sigset_t all, before;
    int r = -EPERM;
    if (fsync(o->fd) < 0 && errno != EINVAL && errno != EROFS)
        return -errno;
    sigfillset(&all); /* between two names */
    sigprocmask(SIG_SETMASK, &all, &before);
    if (!o->overwrites)
        r = replace(o, o->fd);
    if (r < 0 && o->exists)
        r = overwrite(o, o->fd);
    else if (r == 0)
        sync_folder(o);
    if (r == 0 && !o->draft)
        unguard_draft();
    sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}

int output_finish(struct output *o) {
    if (!o->path)
        return output_flush();
    bool whole = fflush(o->file) == 0 && !ferror(o->file);
    int r = o->error ? -o->error : whole ? 0 : -EIO;
    if (r == 0 && !o->direct)
        r = publish(o);
    if (close(o->fd) < 0 && r == 0 && o->direct && errno != EINTR)
        r = -errno;
    o->fd = -1;
    return r < 0 ? complain(o, r) : 0;
}

struct output *output_free(struct output *o) {
    if (!o)
        return NULL;
    o->error = ECANCELED; /* what is still buffered is not wanted */
    if (o->path && o->file)
        fclose(o->file);
    if (o->fd >= 0)
        close(o->fd);
    if (o->draft) {
        unlinkat(o->folder, o->draft, 0);
        unguard_draft();
    }
    if (o->folder >= 0)
        close(o->folder);
    free(o->draft);
    free(o->name);
    free(o);
    return NULL;
}

int output_write(const char *path, bool keep_private, const struct text *content) {
    AUTO_OUTPUT struct output *o = NULL;
    int r = output_new(path, keep_private, &o);
    if (r < 0)
        return r;
    fwrite(content->data ? content->data : "", 1, content->n, o->file);
    return output_finish(o);
}
