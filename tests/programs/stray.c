/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that write where they have no business: into the memory that they share with dearth, which
 * they find as any wild pointer may. What they print says how many calls they have made.
 *
 *   stray flips SEED N      threads allocate; N words at random places of the arena get one bit flipped
 *   stray words SEED N      the same, each word becomes a random one
 *   stray wipe BYTE FROM N  N bytes from FROM on become BYTE, in the middle of the work
 *   stray cut               every file of the session is cut off
 *   stray remove            the session's folder is removed
 *   stray fails HOW         where an allocation fails, it writes: see go_wild(); else it ends with 0
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 3
#define PAIRS   60000ul /* of malloc and free, by each thread */

static char *arena;
static size_t arena_bytes;
static char path[4096];

/* Without stdio: it would allocate. */
static void find_arena(void) {
    static char text[1 << 20];
    size_t n = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY);
    while ((got = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    close(fd);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *slash = strchr(line, '/'), *end;
        if (!slash || strlen(slash) < 6 ||
            strcmp(slash + strlen(slash) - 6, "/arena") != 0)
            continue;
        arena = (char *)strtoul(line, &end, 16);
        arena_bytes = strtoul(end + 1, NULL, 16) - (size_t)arena;
        strcpy(path, slash);
        return;
    }
}

static uint64_t state;

static uint64_t number(void) { /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* Where something is: a hole of the file would be a page of its own for each word. */
static size_t used(void) {
    const size_t most = 6u << 20;
    return arena_bytes < most ? arena_bytes : most;
}

static void flip(void) {
    uint64_t *words = (uint64_t *)arena;
    words[number() % (used() / 8)] ^= 1ull << number() % 64;
}

static void replace(void) {
    uint32_t *words = (uint32_t *)arena;
    words[number() % (used() / 4)] = (uint32_t)number();
}

static void *work(void *unused) {
    for (unsigned long i = 0; i < PAIRS; i++) {
        void *volatile p = malloc(i % 200 + 1); /* else the compiler leaves both out */
        free(p);
    }
    return unused;
}

static void spoil(void (*how)(void), unsigned long n) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    while (n--) {
        how();
        usleep(50);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void cut(void) {
    if (truncate(path, 0) != 0)
        _exit(4);
}

static void remove_folder(void) {
    char *slash = strrchr(path, '/');
    unlink(path);
    *slash = '\0';
    rmdir(path);
}

static void go_wild(int how) {
    find_arena();
    if (!arena)
        return;
    if (how == 0)
        memset(arena, 0, 65536);
    if (how == 1)
        memset(arena, 0xff, 65536);
    if (how == 2)
        memset(arena + 65536, 0xff, 16 * 65536);
    if (how == 3)
        *(uint64_t *)arena = 0;
    if (how == 4)
        remove_folder();
    if (how == 5)
        for (int i = 0; i < 2000; i++)
            replace();
}

#define STEP(N)                                                                          \
    static __attribute__((noinline)) void step##N(int how) {                             \
        char *p = malloc(10 + N);                                                        \
        if (!p) {                                                                        \
            go_wild(how);                                                                \
            _exit(3);                                                                    \
        }                                                                                \
        memset(p, N, 10 + N);                                                            \
        free(p);                                                                         \
    }
STEP(1)
STEP(2)
STEP(3)
STEP(4)

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[1] : argc > 1 ? argv[1] : "";
    if (strcmp(what, "fails") == 0) {
        int how = argc > 2 ? atoi(argv[2]) : 0;
        step1(how), step2(how), step3(how), step4(how);
        return 0;
    }
    find_arena();
    unsigned long a = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
    unsigned long b = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
    unsigned long c = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;
    state = a;
    work(NULL);
    if (!arena)
        ;
    else if (strcmp(what, "flips") == 0)
        spoil(flip, b);
    else if (strcmp(what, "words") == 0)
        spoil(replace, b);
    else if (strcmp(what, "wipe") == 0)
        memset(arena + b, (int)a, c);
    else if (strcmp(what, "cut") == 0)
        cut();
    else if (strcmp(what, "remove") == 0)
        remove_folder();
    work(NULL);
    char line[64];
    int n = snprintf(
        line, sizeof line, "made %lu\n",
        2 * PAIRS *
            (2 + (!strcmp(what, "flips") || !strcmp(what, "words") ? THREADS : 0)));
    return write(1, line, (size_t)n) == n ? 0 : 1;
}
