#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A pipe that somebody else reads from as well: whoever is quicker has it, and dearth does not wait for more.
# tags: unsanitized
. "$(dirname "$0")/../lib.sh"
need cc

# Between dearth's look at what the pipe has and its taking that away, another has taken all of it.
cat >quicker.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>
static int held(void *to) {
    int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(0, FIONREAD, to);
}
static void take_all(void) {
    char all[65536];
    int n = 0;
    if (held(&n) == 0 && n > 0 && read(0, all, sizeof all) < 0)
        _exit(99);
}
int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *to = va_arg(rest, void *);
    va_end(rest);
    int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    int seen = real(fd, request, to);
    if (fd == 0 && request == FIONREAD)
        take_all();
    return seen;
}
ssize_t splice(int from, off64_t *at, int to, off64_t *there, size_t n, unsigned flags) {
    ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned) =
        (ssize_t(*)(int, off64_t *, int, off64_t *, size_t, unsigned))dlsym(RTLD_NEXT, "splice");
    if (from == 0)
        take_all();
    return real(from, at, to, there, n, flags);
}
C
cc -shared -fPIC -o quicker.so quicker.c -ldl
mkfifo both
{
    printf 'one\ntwo\n'
    exec sleep 600
} >both &
writer=$!
seen=$(LD_PRELOAD=$work/quicker.so timeout -k 5 60 "$DEARTH" record -q -o a.db -- sh -c 'read -r a; echo "$a"' <both 2>err) ||
    fail "it waited, or could not: $(cat err)"
kill "$writer"
equal one "$seen" 'what the program has read'
