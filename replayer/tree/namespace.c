/* SPDX-License-Identifier: Apache-2.0 */
/* Entering namespaces, as root or through a user namespace: see namespace.h. */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What this process has entered; a worker does so once. */
static struct {
    bool mounts, user, ipc, pids;
    uid_t uid; /* before a user namespace hid them */
    gid_t gid;
    pid_t outer_pid;
    int queues; /* the namespace's message queues as a folder, -1 = not to be had */
} own = {.queues = -1};

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int err = n < 0 ? -errno : 0;
    close(fd);
    return err;
}

static int map_ids(uid_t uid, gid_t gid) {
    char line[64];
    write_file("/proc/self/setgroups", "deny"); /* absent on old kernels */
    snprintf(line, sizeof line, "%u %u 1", uid, uid);
    int err = write_file("/proc/self/uid_map", line);
    snprintf(line, sizeof line, "%u %u 1", gid, gid);
    return err ? err : write_file("/proc/self/gid_map", line);
}

int namespace_enter(bool *user_namespace) {
    *user_namespace = own.user;
    if (own.mounts)
        return 0;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    *user_namespace = false;
    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return -errno;
        *user_namespace = true;
        int err = map_ids(uid, gid);
        if (err)
            return err;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

/* --- a worker's --- */

/* Source: clone(2). glibc has no wrapper that returns twice and takes flags; what else its fork() does
 * concerns threads, and there is one. */
static pid_t fork_with(int flags) {
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t namespace_fork(struct namespaces wanted) {
    if (!wanted.pids && !wanted.ipc)
        return fork();
    int flags =
        CLONE_NEWNS | (wanted.pids ? CLONE_NEWPID : 0) | (wanted.ipc ? CLONE_NEWIPC : 0);
    own.uid = geteuid();
    own.gid = getegid();
    own.user = false;
    pid_t pid = fork_with(flags);
    if (pid >= 0 || errno != EPERM)
        return pid;
    own.user = true;
    pid = fork_with(flags | CLONE_NEWUSER);
    if (pid != 0)
        own.user = false;
    return pid;
}

/* Ours over the one that shows everybody. In a user namespace the kernel refuses it where parts of the
 * latter are hidden, as in most containers. */
static int mount_proc(void) {
    char number[32];
    ssize_t n = readlink("/proc/self", number, sizeof number - 1);
    if (n <= 0)
        return n < 0 ? -errno : -ENOENT;
    number[n] = 0;
    own.outer_pid = (pid_t)strtol(number, NULL, 10);
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
               ? -errno
               : 0;
}

#ifndef SYS_fsopen /* the same on every architecture; Linux 5.2 */
#define SYS_fsopen   430
#define SYS_fsconfig 431
#define SYS_fsmount  432
#endif

/* A mount that is in no folder. Source: fsopen(2). */
static int open_queues(void) {
    enum {
        CLOEXEC = 1,
        CREATE = 6
    }; /* FSOPEN_CLOEXEC and FSMOUNT_CLOEXEC; FSCONFIG_CMD_CREATE */
    int fd = -1, context = (int)syscall(SYS_fsopen, "mqueue", CLOEXEC);
    if (context >= 0 && syscall(SYS_fsconfig, context, CREATE, NULL, NULL, 0) == 0)
        fd = (int)syscall(SYS_fsmount, context, CLOEXEC, 0);
    if (context >= 0)
        close(context);
    if (fd < 0)
        return fd;
    int folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* fd: O_PATH */
    close(fd);
    return folder;
}

static void mount_queues(void) {
    static const char place[] = "/dev/mqueue";
    enum { MQUEUE_MAGIC = 0x19800202 }; /* linux/magic.h */
    struct statfs status;
    bool mounted =
        statfs(place, &status) == 0 && status.f_type == MQUEUE_MAGIC &&
        mount("mqueue", place, "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
    own.queues = open_queues();
    if (own.queues < 0 && mounted) /* a kernel from before 5.2 */
        own.queues = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int namespace_settle(struct namespaces wanted) {
    if (!wanted.pids && !wanted.ipc)
        return 0;
    int err = own.user ? map_ids(own.uid, own.gid) : 0;
    if (!err && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        err = -errno;
    if (!err && wanted.pids)
        err = mount_proc();
    if (err)
        return err;
    own.mounts = true;
    own.pids = wanted.pids;
    own.ipc = wanted.ipc;
    if (wanted.ipc)
        mount_queues();
    return 0;
}

pid_t namespace_outer_pid(void) {
    return own.outer_pid ? own.outer_pid : getpid();
}

void namespace_shuffle_pids(void) {
    enum {
        FIRST = 10000,
        RANGE = 20000
    }; /* five digits, below any pid_max in use (32768) */
    uint32_t drawn;
    char text[16];
    if (!own.pids || getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != sizeof drawn)
        return;
    snprintf(text, sizeof text, "%u", FIRST + drawn % RANGE);
    /* not kept open: a mount with a writer cannot be made read-only (overlay.c) */
    if (write_file("/proc/sys/kernel/ns_last_pid", text) == 0)
        return;
    /* a kernel without it: numbers are used up */
    for (uint32_t i = 0; i < 1 + drawn % 16; i++) {
        pid_t pid = vfork();
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
}

/* --- IPC --- */

#ifndef SHM_STAT_ANY /* Linux 4.17 */
#define SHM_STAT_ANY 15
#define SEM_STAT_ANY 20
#define MSG_STAT_ANY 13
#endif

union semaphore_argument { /* semctl(2): the caller has to define it */
    int value;
    struct semid_ds *status;
    struct seminfo *info;
};

/* Of a kind: how many there are, and the highest index in use. */
static int shm_count(int *last) {
    struct shm_info info = {0};
    *last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
    return *last < 0 ? 0 : info.used_ids;
}

static int sem_count(int *last) {
    struct seminfo info = {0};
    *last = semctl(0, 0, SEM_INFO, (union semaphore_argument){.info = &info});
    return *last < 0 ? 0 : info.semusz;
}

static int msg_count(int *last) {
    struct msginfo info = {0};
    *last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info);
    return *last < 0 ? 0 : info.msgpool;
}

static void remove_shm(int index) {
    struct shmid_ds status;
    int id = shmctl(index, SHM_STAT_ANY, &status);
    if (id >= 0)
        shmctl(id, IPC_RMID, NULL);
}

static void remove_sem(int index) {
    struct semid_ds status;
    int id =
        semctl(index, 0, SEM_STAT_ANY, (union semaphore_argument){.status = &status});
    if (id >= 0)
        semctl(id, 0, IPC_RMID);
}

static void remove_msg(int index) {
    struct msqid_ds status;
    int id = msgctl(index, MSG_STAT_ANY, &status);
    if (id >= 0)
        msgctl(id, IPC_RMID, NULL);
}

static const struct {
    int (*count)(int *last);
    void (*remove)(int index);
} kinds[] = {{shm_count, remove_shm}, {sem_count, remove_sem}, {msg_count, remove_msg}};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* Return: how many queues there are; with @remove they are gone. */
static int walk_queues(bool remove) {
    char buffer[4096] __attribute__((aligned(8)));
    struct entry { /* struct linux_dirent64 of getdents64(2) */
        uint64_t ino;
        int64_t off;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    int n = 0;
    if (own.queues < 0 || lseek(own.queues, 0, SEEK_SET) < 0)
        return 0;
    for (long got;
         (got = syscall(SYS_getdents64, own.queues, buffer, sizeof buffer)) > 0;)
        for (long at = 0; at < got;) {
            const struct entry *e = (const void *)(buffer + at);
            at += e->length;
            if (strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
                continue;
            n++;
            if (remove)
                unlinkat(own.queues, e->name, 0);
        }
    return n;
}

bool namespace_sees_ipc(void) {
    int last;
    for (int i = 0; i < N_KINDS; i++)
        if (kinds[i].count(&last))
            return true;
    if (own.queues < 0 && !own.ipc)
        own.queues = open_queues();
    return walk_queues(false) > 0;
}

bool namespace_has_ipc(void) {
    return own.ipc && namespace_sees_ipc();
}

void namespace_clear_ipc(void) {
    if (!own.ipc)
        return;
    for (int i = 0; i < N_KINDS; i++) {
        int last, n = kinds[i].count(&last);
        for (int index = 0; n && index <= last; index++)
            kinds[i].remove(index);
    }
    for (int i = 0; i < 1000 && walk_queues(true); i++) /* who removes may miss some */
        ;
}
