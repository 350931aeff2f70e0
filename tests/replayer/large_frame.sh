#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A function that takes more of the stack than there is, in one step: the end of the stack is called that,
# wherever in the frame memory is touched first. A wild pointer beside it is none.
. "$(dirname "$0")/../lib.sh"
need gcc

cat >frame.c <<'C'
#include <alloca.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#define MUCH (40u << 20) /* more than there is: 8 MiB, or 1 */
__attribute__((noinline)) static void upper(size_t n) { ((volatile char *)alloca(n))[n - 1 - (n > 100 ? (9u << 20) : 0)] = 1; }
__attribute__((noinline)) static void lower(size_t n) { ((volatile char *)alloca(n))[0] = 1; }
__attribute__((noinline)) static void fixed(void) { volatile char much[MUCH]; much[200] = 1; }
__attribute__((noinline)) static void wild(void) { volatile char some[8]; ((volatile char *)0x5a5a5a5a5000)[some != 0] = 1; }
static void *work(void *unused) {
    (void)unused;
    void *one = malloc(101), *two = malloc(102), *three = malloc(103), *four = malloc(104);
    upper(one ? 100 : MUCH);
    lower(two ? 100 : MUCH);
    if (!three)
        fixed();
    if (!four)
        wild();
    free(one);
    free(two);
    free(three);
    free(four);
    return NULL;
}
int main(int argc, char **argv) {
    pthread_t thread;
    pthread_attr_t attr;
    size_t below = 2ul * MUCH, own = 1u << 20; /* what may be touched ends where nothing else lies */
    (void)argv;
    if (argc < 2)
        return work(NULL) != NULL;
    char *stack = mmap(NULL, below + own, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack + below, own, PROT_READ | PROT_WRITE) || pthread_attr_init(&attr))
        return 3;
    pthread_attr_setstack(&attr, stack + below, own);
    return pthread_create(&thread, &attr, work, NULL) || pthread_join(thread, NULL);
}
C
gcc -g -O0 frame.c -o frame -pthread
ulimit -s 8192
for of in '' thread; do
    # shellcheck disable=SC2086
    status 1 "$DEARTH" check -o "frame$of.db" --in-place --leaks off --in frame.c -- ./frame $of
    equal 'crashed stack overflow/crashed stack overflow/crashed stack overflow/crashed ' \
        "$(sql "frame$of.db" "SELECT group_concat(seen, '/') FROM (SELECT DISTINCT t.max_size, a.verdict || ' ' || coalesce(a.cause, '') AS seen FROM attempt a JOIN site_stat t ON t.site_id = a.site_id WHERE t.max_size BETWEEN 101 AND 104 ORDER BY 1)")" "frames: $of"
done
