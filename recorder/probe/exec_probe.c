/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs can take the preload library along? See exec_probe.h.
 *
 *   path ─► "#!" ─► interpreter (up to 4 deep, as the kernel does)
 *        └► ELF ─► class, machine ─► PT_INTERP ─► a loader of glibc's name, or that says it is one?
 *               │                └► none ─► static, or the loader itself run by hand?
 *               └► set-user-ID bits, capabilities ─► do they raise the caller's rights?
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "arch.h"
#include "exec_probe.h"

#define PATH_BYTES      4096
#define SCRIPT_DEPTH    4   /* Source: Linux, fs/exec.c, BINPRM recursion limit */
#define HEAD_BYTES      256 /* Source: Linux, BINPRM_BUF_SIZE */
#define SONAME_BYTES    64
#define DYNAMIC_ENTRIES 256 /* looked at for a name: loaders have about 20 */

/* glibc's loader is ld-linux-*.so.N on every machine but a few that say ld64.so.N or
 * ld.so.1; musl's is ld-musl-*. Source: glibc, sysdeps/.../shlib-versions. */
static int is_glibc_loader(const char *path) {
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    return !strncmp(base, "ld-linux", 8) || !strncmp(base, "ld64.so", 7) ||
           !strcmp(base, "ld.so.1");
}

/* By syscall(2): the wrappers are cancellation points, and exec functions are not. */
static int open_at(int dirfd, const char *path) {
    return (int)syscall(SYS_openat, dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
}

static ssize_t read_at(int fd, void *buf, size_t n, size_t offset) {
    return syscall(SYS_pread64, fd, buf, n, offset);
}

/* --- what a loader says of itself --- */

static int read_phdr(int fd, const Elf64_Ehdr *elf, int i, Elf64_Phdr *phdr) {
    size_t at = elf->e_phoff + (size_t)i * sizeof *phdr;
    return read_at(fd, phdr, sizeof *phdr, at) == (ssize_t)sizeof *phdr;
}

/* Where in the file is what is loaded at @address? 0 = nowhere. */
static size_t file_offset(int fd, const Elf64_Ehdr *elf, uint64_t address) {
    Elf64_Phdr phdr;
    for (int i = 0; i < elf->e_phnum && read_phdr(fd, elf, i, &phdr); i++)
        if (phdr.p_type == PT_LOAD && address - phdr.p_vaddr < phdr.p_filesz)
            return phdr.p_offset + (address - phdr.p_vaddr);
    return 0;
}

/* DT_SONAME of the file, "" where it has none. */
static void read_soname(int fd, const Elf64_Ehdr *elf, char *soname, size_t n) {
    Elf64_Phdr phdr;
    Elf64_Dyn dyn;
    uint64_t name = 0, strings = 0;
    soname[0] = '\0';
    for (int i = 0; i < elf->e_phnum && read_phdr(fd, elf, i, &phdr); i++) {
        if (phdr.p_type != PT_DYNAMIC)
            continue;
        for (size_t k = 0; k < DYNAMIC_ENTRIES && k * sizeof dyn < phdr.p_filesz; k++) {
            if (read_at(fd, &dyn, sizeof dyn, phdr.p_offset + k * sizeof dyn) !=
                    (ssize_t)sizeof dyn ||
                dyn.d_tag == DT_NULL)
                break;
            name = dyn.d_tag == DT_SONAME ? dyn.d_un.d_val + 1 : name;
            strings = dyn.d_tag == DT_STRTAB ? dyn.d_un.d_ptr : strings;
        }
    }
    size_t at = name ? file_offset(fd, elf, strings) : 0;
    ssize_t got = at ? read_at(fd, soname, n - 1, at + name - 1) : 0;
    soname[got > 0 ? got : 0] = '\0';
}

/* Is the file a loader of glibc's, whatever it is called? @elf: its header */
static int says_glibc_loader(int fd, const Elf64_Ehdr *elf) {
    char soname[SONAME_BYTES];
    read_soname(fd, elf, soname, sizeof soname);
    return is_glibc_loader(soname);
}

/* The loader named by a program: by its usual name, else by what the file says
 * (ld-2.31.so before glibc 2.34, lib/ld.so of other prefixes, links and copies). */
static enum exec_probe probe_interpreter(const char *loader) {
    Elf64_Ehdr elf;
    if (is_glibc_loader(loader))
        return EXEC_PROBE_OK;
    int fd = open_at(AT_FDCWD, loader);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? EXEC_PROBE_NOT_FOUND
                                                   : EXEC_PROBE_OTHER_LIBC;
    int ok = read_at(fd, &elf, sizeof elf, 0) == (ssize_t)sizeof elf &&
             !memcmp(elf.e_ident, ELFMAG, SELFMAG) && says_glibc_loader(fd, &elf);
    syscall(SYS_close, fd);
    return ok ? EXEC_PROBE_OK : EXEC_PROBE_OTHER_LIBC;
}

static enum exec_probe probe_loader(int fd, const Elf64_Ehdr *elf,
                                    char loader[PATH_BYTES]) {
    Elf64_Phdr phdr;
    for (int i = 0; i < elf->e_phnum; i++) {
        if (!read_phdr(fd, elf, i, &phdr))
            return EXEC_PROBE_UNKNOWN;
        if (phdr.p_type != PT_INTERP)
            continue;
        size_t n = phdr.p_filesz < PATH_BYTES ? phdr.p_filesz : PATH_BYTES;
        ssize_t got = read_at(fd, loader, n, phdr.p_offset);
        if (got <= 0)
            return EXEC_PROBE_UNKNOWN;
        loader[got - 1] = '\0';
        return probe_interpreter(loader);
    }
    /* "ld.so PROGRAM" takes the library along into PROGRAM. */
    return says_glibc_loader(fd, elf) ? EXEC_PROBE_OK : EXEC_PROBE_STATIC;
}

/* ld.so's secure mode. Source: getauxval(3), AT_SECURE. */
static int raises_rights(int fd) {
    struct stat st;
    uid_t uid = getuid();
    if (uid == 0 || fstat(fd, &st) < 0)
        return 0; /* root's: a set-user-ID file changes nothing that ld.so minds */
    if ((st.st_mode & S_ISUID) && st.st_uid != uid)
        return 1;
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        return 1;
    return fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* @next: the loader that is not there */
static enum exec_probe probe_elf(int fd, const unsigned char *head,
                                 char next[PATH_BYTES]) {
    Elf64_Ehdr elf;
    memcpy(&elf, head, sizeof elf);
    if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_machine != ARCH_MACHINE)
        return EXEC_PROBE_OTHER_ABI;
    enum exec_probe result = probe_loader(fd, &elf, next);
    if (result == EXEC_PROBE_OK && raises_rights(fd))
        return EXEC_PROBE_SETUID;
    return result;
}

/* The interpreter of a "#!" line, cut out of @head in place. */
static char *script_interpreter(char *head) {
    char *p = head + 2;
    while (*p == ' ' || *p == '\t')
        p++;
    char *end = p;
    while (*end && *end != ' ' && *end != '\t' && *end != '\n')
        end++;
    *end = '\0';
    return *p ? p : NULL;
}

enum { SCRIPT = -1 };

/* @next: the interpreter's path of a SCRIPT, the loader's of EXEC_PROBE_NOT_FOUND. Return: enum exec_probe, or SCRIPT. */
static int probe_open(int fd, char next[PATH_BYTES]) {
    unsigned char head[HEAD_BYTES + 1] = {0};
    ssize_t got = read_at(fd, head, HEAD_BYTES, 0);
    if (got >= (ssize_t)sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
        return (int)probe_elf(fd, head, next);
    if (got < 3)
        return EXEC_PROBE_UNKNOWN;
    if (head[0] != '#' || head[1] != '!')
        return EXEC_PROBE_UNKNOWN;
    char *interpreter = script_interpreter((char *)head);
    if (!interpreter)
        return EXEC_PROBE_UNKNOWN;
    strcpy(next, interpreter); /* it is a part of head */
    return SCRIPT;
}

static void tell(char *image, size_t n, const char *path) {
    if (!n)
        return;
    size_t length = strlen(path);
    length = length < n ? length : n - 1;
    memcpy(image, path, length);
    image[length] = '\0';
}

static enum exec_probe probe_chain(int dirfd, const char *path, char *image, size_t n) {
    char next[PATH_BYTES];
    for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
        tell(image, n, path);
        int fd = open_at(dirfd, path);
        if (fd < 0)
            return errno == ENOENT || errno == ENOTDIR ? EXEC_PROBE_NOT_FOUND
                                                       : EXEC_PROBE_UNKNOWN;
        int result = probe_open(fd, next);
        syscall(SYS_close, fd);
        if (result == EXEC_PROBE_NOT_FOUND)
            tell(image, n, next);
        if (result != SCRIPT)
            return (enum exec_probe)result;
        path = next;
        dirfd = AT_FDCWD;
    }
    return EXEC_PROBE_UNKNOWN;
}

enum exec_probe exec_probe_at(int dirfd, const char *path, char *image, size_t n) {
    int saved = errno;
    enum exec_probe result = probe_chain(dirfd, path, image, n);
    errno = saved;
    return result;
}

enum exec_probe exec_probe_fd(int fd, char *image, size_t n) {
    int saved = errno;
    char next[PATH_BYTES];
    tell(image, n, "(descriptor)");
    int result = probe_open(fd, next);
    if (result == EXEC_PROBE_NOT_FOUND)
        tell(image, n, next);
    if (result == SCRIPT)
        result = (int)probe_chain(AT_FDCWD, next, image, n);
    errno = saved;
    return (enum exec_probe)result;
}

static int is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int search_path(const char *file, const char *search, char *path, size_t n) {
    size_t length = strlen(file);
    for (const char *p = search; p;) {
        const char *end = strchrnul(p, ':');
        size_t folder = (size_t)(end - p);
        if (folder + length + 2 <= n) {
            memcpy(path, p, folder);
            path[folder] = '/';
            /* An empty entry is the working directory: "file", not "/file". */
            memcpy(path + (folder ? folder + 1 : 0), file, length + 1);
            if (is_program(path))
                return 1;
        }
        p = *end ? end + 1 : NULL;
    }
    return 0;
}

int exec_probe_search(const char *file, const char *search, char *path, size_t n) {
    int saved = errno;
    int found = 0;
    if (strchr(file, '/')) {
        tell(path, n, file);
        found = access(file, F_OK) == 0;
    } else if (*file) {
        found = search_path(file, search ? search : "/bin:/usr/bin", path, n);
    }
    errno = saved;
    return found;
}
