/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs can take the preload library along?
 *
 * Compiled twice: into the library (asked before an exec, also in a vfork child) and into
 * `dearth` (to tell the user why a program cannot be recorded). So: libc only, no heap,
 * no state, errno untouched.
 */
#ifndef DEARTH_EXEC_PROBE_H
#define DEARTH_EXEC_PROBE_H

#include <stddef.h>

enum exec_probe {
    EXEC_PROBE_OK = 0,     /* dynamically linked against glibc, or a script run by such */
    EXEC_PROBE_STATIC,     /* no dynamic loader: static or static-pie */
    EXEC_PROBE_SETUID,     /* runs with rights that its caller lacks: ld.so ignores us */
    EXEC_PROBE_OTHER_LIBC, /* its loader is not glibc's: musl and friends */
    EXEC_PROBE_OTHER_ABI,  /* 32 bit, or another machine */
    EXEC_PROBE_UNKNOWN,    /* cannot be read, or nothing we know: the exec will tell */
    EXEC_PROBE_NOT_FOUND,  /* no such program */
};

/**
 * Look at the program that execve(@path) would run; "#!" is followed.
 * @dirfd: as for openat(2)
 * @image, @n: the file finally looked at (the interpreter of a script); may be NULL, 0
 * Return: enum exec_probe.
 * Context: async-signal-safe.
 */
enum exec_probe exec_probe_at(int dirfd, const char *path, char *image, size_t n);

/** The same for an open descriptor. */
enum exec_probe exec_probe_fd(int fd, char *image, size_t n);

/**
 * Find @file as execvp(3) does: names with a slash as they are, others in @search (a PATH
 * value; NULL = libc's default).
 * @path, @n: what was found
 * Return: whether it was found.
 */
int exec_probe_search(const char *file, const char *search, char *path, size_t n);

#endif
