/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files held open: see keeper.h.
 *
 *   inotify ─ a program opened the arena ─┐
 *   20 ms: a module was loaded            ├─► round: directory of processes, their modules ─► statx, open
 *   0.1 ms while a program is starting    ┘
 *
 * Who runs it: its thread alone, between keeper_new() and keeper_stop(); every signal is blocked there.
 */
#include "keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "session.h"
#include "text.h"

#define STARTING_NS  3000000u  /* from opening the arena to being known */
#define SOON_NS      100000u   /* between looks while one is starting */
#define SELDOM_NS    20000000u /* while none is */
#define MOUNTS_MOST  9u
#define MODULES_MOST (SHM_MAX_MODULE_BLOCKS * SHM_MODULES_PER_BLOCK)

struct kept {
    char *path;
    uint64_t device, inode;
    int fd;
};

struct seen { /* one entry of the session's directory */
    uint32_t serial;
    uint32_t n_modules;
};

struct keeper {
    const struct session *session;
    pthread_t thread;
    bool runs;
    int inotify;
    int stop;             /* an eventfd: end the thread */
    uint32_t starting;    /* programs that opened the arena, and are not known yet */
    uint64_t starting_ns; /* until when they may come */
    uint64_t mounts[MOUNTS_MOST]; /* ids; 0 = not known */
    struct seen *seen;
    uint64_t pid_namespace; /* ours; 0 = unknown */
};

static struct kept kept[KEEPER_MOST];
static uint32_t n_kept;
static uint64_t kept_bytes;

/* --- where files may be held --- */

static uint64_t mount_of(const char *path) {
    struct statx st;
    bool known = statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) == 0 &&
                 st.stx_mask & STATX_MNT_ID;
    return known ? st.stx_mnt_id : 0;
}

/* A file that is held keeps its file system mounted: where we are ourselves, and where things are unpacked. */
static void find_mounts(struct keeper *k) {
    const char *temporary = getenv("TMPDIR");
    const char *const paths[MOUNTS_MOST] = {"/",
                                            "/usr",
                                            ".",
                                            "/proc/self/exe",
                                            k->session->arena_path,
                                            "/tmp",
                                            "/var/tmp",
                                            "/dev/shm",
                                            temporary && temporary[0] == '/' ? temporary
                                                                             : "/"};
    for (uint32_t i = 0; i < MOUNTS_MOST; i++)
        k->mounts[i] = mount_of(paths[i]);
}

static bool is_known_mount(const struct keeper *k, const struct statx *st) {
    bool found = false;
    for (uint32_t i = 0; i < MOUNTS_MOST && st->stx_mask & STATX_MNT_ID; i++)
        found |= k->mounts[i] == st->stx_mnt_id;
    return found;
}

/* Over a network or in user space (NFS, CIFS, FUSE) a file that is removed while it is open gets another name
 * in its folder, which then cannot be removed: open(2), "Bugs"; nfs(5), "sillyrename". */
static bool removes_as_usual(const struct statfs *fs) {
    static const uint32_t types[] = {0xef53 /* ext2-4 */,
                                     0x58465342 /* xfs */,
                                     0x9123683e /* btrfs */,
                                     0x01021994 /* tmpfs */,
                                     0x794c7630 /* overlay */,
                                     0xf2f52010 /* f2fs */,
                                     0x2fc12fc1 /* zfs */,
                                     0xca451a4e /* bcachefs */,
                                     0x858458f6 /* ramfs */,
                                     0x3153464a /* jfs */,
                                     0x52654973 /* reiserfs */};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((uint32_t)fs->f_type == types[i])
            return true;
    return false;
}

/* What is removed takes its room until we let it go: at most an eighth of what is free. */
static bool has_room_for(const struct statfs *fs, uint64_t bytes) {
    return kept_bytes + bytes <= (uint64_t)fs->f_bavail * (uint64_t)fs->f_bsize / 8;
}

/* Of the descriptors that may be open, a sixteenth: processes are to be watched by them, too. */
static uint32_t most(void) {
    struct rlimit limit;
    bool few = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 16 * KEEPER_MOST;
    return few ? (uint32_t)(limit.rlim_cur / 16) : KEEPER_MOST;
}

/* --- holding --- */

static bool is_kept(const char *path, uint64_t device, uint64_t inode) {
    for (uint32_t i = 0; i < n_kept; i++)
        if (kept[i].inode == inode && kept[i].device == device &&
            strcmp(kept[i].path, path) == 0)
            return true;
    return false;
}

static uint64_t device_of(const struct statx *st) {
    return (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
}

/* Hold the file @where as @path, once. Return: is it held? */
static bool hold(struct keeper *k, const char *where, const char *path) {
    struct statx st;
    struct statfs fs;
    if (statx(AT_FDCWD, where, AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID,
              &st) < 0 ||
        !S_ISREG(st.stx_mode) || !is_known_mount(k, &st))
        return false;
    if (is_kept(path, device_of(&st), st.stx_ino))
        return true;
    if (statfs(where, &fs) < 0 || !removes_as_usual(&fs) ||
        !has_room_for(&fs, st.stx_size))
        return false;
    int fd =
        n_kept < most() ? open(where, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
    if (fd < 0)
        return false;
    kept_bytes += st.stx_size;
    kept[n_kept++] = (struct kept){
        .path = text_dup(path), .device = device_of(&st), .inode = st.stx_ino, .fd = fd};
    return true;
}

/* A string in the arena, which a wild write may have left without an end. */
static char *copy_of(const char *s, size_t size) {
    return text_format("%.*s", (int)size, s);
}

static void hold_exe(struct keeper *k, const struct shm_process *p) {
    AUTO_FREE char *path = copy_of(p->exe, sizeof p->exe);
    char link[32];
    if (path[0] != '/')
        return;
    snprintf(link, sizeof link, "/proc/%u/exe", p->pid);
    bool ours = k->pid_namespace && p->pid_namespace == k->pid_namespace;
    if (!ours || !hold(k, link, path))
        hold(k, path, path);
}

/* Return: has it been filled in? */
static bool hold_module(struct keeper *k, const struct shm_process *p, uint32_t index) {
    const struct shm_module *m = session_module(k->session, p, index);
    if (!m || !__atomic_load_n(&m->build_id_bytes, __ATOMIC_ACQUIRE))
        return false;
    AUTO_FREE char *path = copy_of(m->path, sizeof m->path);
    if (path[0] == '/')
        hold(k, path, path);
    return true;
}

static void look_at(struct keeper *k, const struct shm_process *p, struct seen *seen) {
    uint32_t n = __atomic_load_n(&p->n_modules, __ATOMIC_ACQUIRE);
    if (seen->serial != p->serial) {
        *seen = (struct seen){.serial = p->serial};
        k->starting -= k->starting > 0;
        hold_exe(k, p);
    }
    while (seen->n_modules < n && seen->n_modules < MODULES_MOST &&
           hold_module(k, p, seen->n_modules + 1))
        seen->n_modules++;
}

/* How often has somebody opened the arena and closed it? Some that did so at once count as one. */
static uint32_t n_told(const struct keeper *k) {
    struct inotify_event events[64]; /* of a file: without names */
    uint32_t told = 0;
    ssize_t n;
    while (k->inotify >= 0 && (n = read(k->inotify, events, sizeof events)) > 0)
        told += (uint32_t)((size_t)n / sizeof *events);
    return told;
}

/* Return: is a program just starting whose files are not known yet? */
static bool look_round(struct keeper *k) {
    uint32_t n = session_n_processes(k->session), told = n_told(k);
    if (told) {
        k->starting += told;
        k->starting_ns = clock_mono_ns() + STARTING_NS;
    }
    for (uint32_t i = 0; i < n && n_kept < KEEPER_MOST; i++) {
        const struct shm_process *p = session_process(k->session, i);
        if (p)
            look_at(k, p, &k->seen[i]);
    }
    if (k->starting && clock_mono_ns() >= k->starting_ns)
        k->starting = 0;
    return k->starting > 0;
}

/* --- the thread --- */

static void *keep(void *argument) {
    struct keeper *k = argument;
    struct pollfd fds[2] = {{.fd = k->stop, .events = POLLIN},
                            {.fd = k->inotify, .events = POLLIN}};
    while (!(fds[0].revents & POLLIN)) {
        struct timespec wait = {.tv_nsec = look_round(k) ? SOON_NS : SELDOM_NS};
        if (ppoll(fds, 2, &wait, NULL) < 0)
            break;
    }
    return NULL;
}

static void start(struct keeper *k) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    k->runs =
        k->mounts[0] && k->stop >= 0 && pthread_create(&k->thread, NULL, keep, k) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct keeper *keeper_new(const struct session *session, const char *first) {
    AUTO_FREE char *real = realpath(first, NULL); /* as the program has it */
    struct keeper *k = text_alloc(sizeof *k);
    struct stat st;
    k->session = session;
    k->stop = eventfd(0, EFD_CLOEXEC);
    k->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (k->inotify >= 0)
        inotify_add_watch(k->inotify, session->arena_path, IN_CLOSE);
    k->seen = text_alloc(SHM_MAX_PROCESSES * sizeof *k->seen);
    k->pid_namespace = stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
    find_mounts(k);
    if (k->mounts[0] && real)
        hold(k, real, real);
    start(k);
    return k;
}

void keeper_stop(struct keeper *k) {
    if (!k || !k->runs)
        return;
    eventfd_write(k->stop, 1);
    pthread_join(k->thread, NULL);
    k->runs = false;
    look_round(k);
}

static void close_if_open(int fd) {
    if (fd >= 0)
        close(fd);
}

struct keeper *keeper_free(struct keeper *k) {
    if (!k)
        return NULL;
    keeper_stop(k);
    close_if_open(k->inotify);
    close_if_open(k->stop);
    free(k->seen);
    free(k);
    return NULL;
}

uint32_t keeper_find(const char *path, int *fds, uint32_t most) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_kept && n < most; i++)
        if (strcmp(kept[i].path, path) == 0)
            fds[n++] = kept[i].fd;
    return n;
}
