/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does to files everything that can be done to them, by every way round a private tree that we know
 * of; but not yet when it is recorded.
 *
 *   isolation_target --list                    names of what it does, a line each
 *   isolation_target ARMED STATUS FOLDER...    when there is a file ARMED: all of it in every FOLDER,
 *                                              each in FOLDER/NAME; it ends with STATUS then, else 0
 *
 * 99 instead: something of the machine's could be had that is not to be had.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char text[] = "written by an attempt\n";
static bool escaped;
static const char
    *folder; /* FOLDER/NAME, absolute; the working folder while it is done */

static void put(int fd) {
    if (fd >= 0 && write(fd, text, sizeof text - 1) < 0)
        errno = 0;
    if (fd >= 0)
        close(fd);
}

static void put_at(const char *path) {
    put(open(path, O_WRONLY | O_APPEND | O_NONBLOCK));
}

static void do_write(void) {
    int fd = open("file", O_WRONLY);
    if (pwrite(fd, text, 5, 20) < 0)
        errno = 0;
    put(fd);
}

static void do_truncate(void) {
    put(open("file", O_WRONLY | O_TRUNC));
}

static void do_truncate_path(void) {
    if (truncate("file", 3) < 0)
        errno = 0;
}

static void do_ftruncate(void) {
    int fd = open("file", O_RDWR);
    if (ftruncate(fd, 1) < 0)
        errno = 0;
    close(fd);
}

static void do_append(void) {
    put_at("file");
}

static void do_absolute(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/file", folder);
    put_at(path);
    snprintf(path, sizeof path, "/proc/self/root%s/dir/inner/file", folder);
    put_at(path);
    snprintf(path, sizeof path, "/proc/self/cwd/hard");
    put_at(path);
}

static void do_relative(void) {
    int fd = open("dir/inner", O_RDONLY | O_DIRECTORY);
    put(openat(fd, "../../file", O_WRONLY));
    if (fchdir(fd) == 0)
        put_at("file");
    close(fd);
}

static void do_create(void) {
    put(open("new", O_WRONLY | O_CREAT | O_EXCL, 0644));
    put(open("dir/new", O_WRONLY | O_CREAT | O_EXCL, 0600));
    int fd = open(".", O_WRONLY | O_TMPFILE, 0600);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd >= 0 && linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW) < 0)
        errno = 0;
    put(fd);
}

static void do_unlink(void) {
    unlink("file");
    unlink("link");
    unlink("pipe");
}

static void do_rename(void) {
    rename("file", "renamed");
    rename("dir", "moved");
}

static void do_rename_over(void) {
    rename("dir/inner/file", "file");
    syscall(SYS_renameat2, AT_FDCWD, "hard", AT_FDCWD, "link", 2 /* RENAME_EXCHANGE */);
}

static void do_rename_out(void) {
    rename("file", "../stolen");
}

static void do_chmod(void) {
    chmod("file", 0777);
    chmod("dir", 0700);
    int fd = open("hard", O_RDONLY);
    fchmod(fd, 0600);
    close(fd);
}

static void do_chown(void) {
    if (chown("file", 1, 1) < 0 && chown("file", (uid_t)-1, getgid()) < 0)
        errno = 0;
    if (lchown("link", 1, 1) < 0)
        errno = 0;
}

static void do_utimes(void) {
    const struct timespec times[2] = {{1, 0}, {2, 0}};
    utimensat(AT_FDCWD, "file", times, 0);
    utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW);
    utimensat(AT_FDCWD, "dir", NULL, 0);
}

static void do_xattr(void) {
    setxattr("file", "user.attempt", text, 7, 0);
    setxattr("dir", "trusted.attempt", text, 7, 0);
    removexattr("file", "user.given");
}

static void do_symlink(void) {
    if (symlink("file", "dir/symlink") < 0)
        errno = 0;
}

static void do_link(void) {
    if (link("file", "dir/second") < 0 || link("hard", "third") < 0)
        errno = 0;
}

static void do_mkdir(void) {
    mkdir("folder", 0755);
    mkdir("dir/inner/folder", 0755);
}

static void do_rmdir(void) {
    unlink("dir/inner/file");
    rmdir("dir/inner");
}

static void remove_tree(const char *path) {
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        char child[4096];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        if (unlink(child) < 0)
            remove_tree(child);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static void do_remove_tree(void) {
    remove_tree(".");
    remove_tree(folder);
}

static void do_mmap(void) {
    int fd = open("file", O_RDWR);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) {
        memcpy(p, text, 10);
        msync(p, 4096, MS_SYNC);
    }
    close(fd);
    fd = open("hard", O_RDONLY);
    p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0)
        p[0] = '!';
    close(fd);
}

static void reopen(int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    put_at(path);
}

static void do_reopen(void) {
    int fd = open("file", O_RDONLY), other = open("dir/inner/file", O_PATH);
    reopen(fd);
    reopen(other);
    reopen(STDIN_FILENO);
    close(fd);
    close(other);
}

static void do_special(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
        listen(fd, 1);
    close(fd);
    mkfifo("fifo", 0644);
    mknod("device", S_IFCHR | 0600, makedev(1, 3));
    put_at("pipe");
}

static void do_fallocate(void) {
    int fd = open("file", O_RDWR);
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 50);
    fallocate(fd, 0, 0, 100000);
    close(fd);
}

static void do_copy(void) {
    int from = open("/proc/self/exe", O_RDONLY), to = open("file", O_RDWR);
    off_t at = 0;
    if (sendfile(to, from, NULL, 1000) < 0)
        errno = 0;
    if (copy_file_range(from, NULL, to, &at, 100, 0) < 0)
        errno = 0;
    int same = open("hard", O_RDONLY);
    ioctl(to, FICLONE, same);
    close(same);
    close(from);
    close(to);
}

static void do_attributes(void) {
    int fd = open("file", O_RDONLY), flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_NODUMP_FL;
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
}

static void do_links(void) {
    put_at("link");
    put_at("hard");
}

/* In a process of its own, which may leave root and namespace. */
static void apart(void (*f)(void)) {
    pid_t child = fork();
    if (child == 0) {
        f();
        _exit(escaped ? 99 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    escaped |= WIFEXITED(status) && WEXITSTATUS(status) == 99;
}

/* Opens and truncates without a system call of that name. */
static void use_io_uring(void) {
    struct io_uring_params p = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 4, &p);
    if (ring < 0)
        return;
    char *sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned),
                    PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *sqe =
        mmap(NULL, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
             IORING_OFF_SQES);
    if (sq != MAP_FAILED && (void *)sqe != MAP_FAILED) {
        sqe[0] = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
                                       .fd = AT_FDCWD,
                                       .addr = (uintptr_t) "file",
                                       .open_flags = O_WRONLY | O_TRUNC};
        *(unsigned *)(void *)(sq + p.sq_off.array) = 0;
        __atomic_store_n((unsigned *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
        syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    }
    close(ring);
}

static void do_io_uring(void) {
    apart(use_io_uring); /* it leaves a thread behind, and threads are not copied */
}

static void do_child(void) {
    pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0)
            for (int i = 0; i < 3; i++) {
                put_at("file");
                usleep(10000);
            }
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void do_other_program(void) {
    if (system("echo shell >>file; rm -f hard; cp -p file copied; mv link gone") < 0)
        errno = 0;
}

static void mount_over(void) {
    if (mount("none", "dir", "tmpfs", 0, NULL) == 0)
        put(open("dir/mounted", O_WRONLY | O_CREAT, 0644));
    if (mount(".", "dir", NULL, MS_BIND, NULL) == 0)
        put_at("dir/file");
}

static void do_mount(void) {
    apart(mount_over); /* in the tree's own namespace: what is mounted stays */
}

/* "/" and "/x" of "/x/y": what is mounted there is taken away. */
static void unmount(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash; (slash = strrchr(path, '/')) && slash > path; *slash = 0)
        umount2(path, MNT_DETACH);
    snprintf(path, sizeof path, "%s/file", folder);
    put_at(path);
    int own = open("/proc/self/ns/mnt", O_RDONLY);
    umount2("/", MNT_DETACH);
    put_at(path);
    if (own >= 0 &&
        setns(own, CLONE_NEWNS) == 0) /* to whatever is the topmost root now */
        put_at(path);
}

/* In a namespace of its own: what it takes away is its own loss. */
static void unmount_apart(void) {
    if (unshare(CLONE_NEWNS) == 0)
        unmount();
}

static void do_unmount(void) {
    apart(unmount_apart);
}

static void do_unmount_all(void) {
    apart(unmount);
}

static void remount(void) {
    mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL);
}

static void remount_apart(void) {
    if (unshare(CLONE_NEWNS) == 0)
        remount();
}

static void do_remount(void) {
    apart(remount_apart);
}

static void leave_root(void) {
    char path[4096];
    mkdir("jail", 0755);
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    if (chroot("jail") < 0 || fchdir(fd) < 0)
        return;
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0)
            break;
    snprintf(path, sizeof path, ".%s/file", folder);
    put_at(path);
}

static void do_leave_root(void) {
    apart(leave_root);
}

static void enter_namespaces(void) {
    char path[4096], own[64], other[64];
    DIR *d = opendir("/proc");
    ssize_t n = readlink("/proc/self/ns/mnt", own, sizeof own - 1);
    own[n > 0 ? n : 0] = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/%.20s/ns/mnt", e->d_name);
        n = readlink(path, other, sizeof other - 1);
        other[n > 0 ? n : 0] = 0;
        if (n <= 0 || strcmp(own, other) == 0)
            continue;
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && setns(fd, CLONE_NEWNS) == 0) {
            snprintf(path, sizeof path, "%s/file", folder);
            put_at(path);
        }
    }
}

static void do_namespaces(void) {
    apart(enter_namespaces);
}

/* Roots, working folders and descriptors of all the others. */
static void do_processes(void) {
    char path[4096];
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || atoi(e->d_name) == getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/root%s/file", e->d_name, folder);
        put_at(path);
        snprintf(path, sizeof path, "/proc/%.20s/root%s/hard", e->d_name, folder);
        unlink(path);
        snprintf(path, sizeof path, "/proc/%.20s/cwd/dir/inner/file", e->d_name);
        put_at(path);
        snprintf(path, sizeof path, "/proc/%.20s/fd", e->d_name);
        DIR *fds = opendir(path);
        for (struct dirent *f; fds && (f = readdir(fds));) {
            snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s%.3000s/file", e->d_name,
                     f->d_name, folder);
            put_at(path);
        }
        if (fds)
            closedir(fds);
    }
    if (d)
        closedir(d);
}

static void do_handles(void) {
    struct {
        struct file_handle head;
        unsigned char bytes[128];
    } handle = {.head.handle_bytes = 128};
    int mount_id;
    if (name_to_handle_at(AT_FDCWD, "file", &handle.head, &mount_id, 0) < 0)
        return;
    static const char *const places[] = {"/", "/proc", "/sys", "/dev/pts", "."};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int fd = open(places[i], O_RDONLY | O_DIRECTORY);
        int file = open_by_handle_at(fd, &handle.head, O_WRONLY | O_APPEND);
        put(file);
        close(fd);
    }
}

static void do_settings(void) {
    static const char *const settings[] = {"/proc/sys/kernel/core_pattern",
                                           "/proc/sys/vm/swappiness",
                                           "/sys/kernel/mm/transparent_hugepage/enabled"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int fd = open(settings[i], O_WRONLY);
        escaped |= fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    if (mkdir("/sys/fs/cgroup/dearth-isolation-target", 0755) == 0) {
        rmdir("/sys/fs/cgroup/dearth-isolation-target");
        escaped = true;
    }
}

/* What dearth was started with. */
static void do_inherited(void) {
    for (int fd = 3; fd < 100; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        if (write(fd, text, sizeof text - 1) < 0)
            errno = 0;
        reopen(fd);
        put(openat(fd, "inherited", O_WRONLY | O_CREAT, 0644));
        unlinkat(fd, "file", 0);
        fchmod(fd, 0777);
    }
}

static const struct {
    const char *name;
    void (*f)(void);
} all[] = {
    {"write", do_write},
    {"truncate", do_truncate},
    {"truncate-path", do_truncate_path},
    {"ftruncate", do_ftruncate},
    {"append", do_append},
    {"absolute", do_absolute},
    {"relative", do_relative},
    {"create", do_create},
    {"unlink", do_unlink},
    {"rename", do_rename},
    {"rename-over", do_rename_over},
    {"rename-out", do_rename_out},
    {"chmod", do_chmod},
    {"chown", do_chown},
    {"utimes", do_utimes},
    {"xattr", do_xattr},
    {"symlink", do_symlink},
    {"link", do_link},
    {"mkdir", do_mkdir},
    {"rmdir", do_rmdir},
    {"remove-tree", do_remove_tree},
    {"mmap", do_mmap},
    {"reopen", do_reopen},
    {"special", do_special},
    {"fallocate", do_fallocate},
    {"copy", do_copy},
    {"attributes", do_attributes},
    {"links", do_links},
    {"io-uring", do_io_uring},
    {"child", do_child},
    {"other-program", do_other_program},
    {"mount", do_mount},
    {"unmount", do_unmount},
    {"remount", do_remount},
    {"leave-root", do_leave_root},
    {"namespaces", do_namespaces},
    {"processes", do_processes},
    {"handles", do_handles},
    {"settings", do_settings},
    {"inherited", do_inherited},
    {"unmount-all", do_unmount_all}, /* spoils the tree for what comes after */
};

static void do_all(char **folders, int n) {
    static char path[4096], whole[64][2048];
    for (int i = 0; i < n && i < 64; i++)
        if (!realpath(folders[i], path) || strlen(path) >= sizeof whole[i])
            whole[i][0] = 0;
        else
            memcpy(whole[i], path, strlen(path) + 1);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int i = 0; i < n && i < 64; i++) {
            snprintf(path, sizeof path, "%.2048s/%s", whole[i], all[k].name);
            folder = path;
            if (whole[i][0] && chdir(path) == 0)
                all[k].f();
        }
    if (chdir("/") < 0)
        errno = 0;
}

/* Three places that allocate, for every kind of run that dearth makes. */
static __attribute__((noinline)) void *reported(void) {
    void *p = malloc(1001);
    __asm__ volatile("" : "+r"(p));
    return p;
}

static __attribute__((noinline)) void crashes(void) {
    volatile char *volatile p = malloc(1002);
    *p = 1;
    free((char *)p);
}

static __attribute__((noinline)) void leaks(void) {
    void *volatile a = malloc(1003);
    void *volatile b = a ? malloc(1004) : NULL;
    if (b)
        free(a); /* else it is lost */
    free(b);
    a = NULL;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            puts(all[i].name);
        return 0;
    }
    if (argc < 4)
        return 64;
    volatile bool armed = access(argv[1], F_OK) == 0;
    signal(SIGPIPE, SIG_IGN);
    umask(0);
    void *p = reported();
    if (armed)
        do_all(argv + 3, argc - 3);
    leaks();
    crashes();
    bool missing = !p;
    free(p);
    puts(armed ? "later" : "first");
    return escaped ? 99 : missing ? 7 : armed ? atoi(argv[2]) : 0;
}
