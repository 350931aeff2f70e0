/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a target may do to a library that lives inside it: one subcommand each. Run by
 * preload.sh under preload_run. Prints what it did, "allocs N frees N" at the end, where
 * that is knowable; the script compares with what was recorded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(x)                                                                         \
    do {                                                                                 \
        if (!(x)) {                                                                      \
            dprintf(2, "check failed: %s:%d: %s\n", __FILE__, __LINE__, #x);             \
            _exit(99);                                                                   \
        }                                                                                \
    } while (0)

static void *volatile sink;

static void *short_thread(void *arg) {
    void *p = malloc((size_t)(uintptr_t)arg % 100 + 1);
    sink = p;
    free(p);
    return NULL;
}

/* 10,000 threads one after another, 4 at a time. */
static void threads(void) {
    for (int i = 0; i < 2500; i++) {
        pthread_t t[4];
        for (uintptr_t k = 0; k < 4; k++)
            CHECK(!pthread_create(&t[k], NULL, short_thread, (void *)(k + 1)));
        for (int k = 0; k < 4; k++)
            pthread_join(t[k], NULL);
    }
}

static pthread_barrier_t barrier;
static void *waiting_thread(void *arg) {
    sink = malloc(10);
    pthread_barrier_wait(&barrier);
    return arg;
}

/* More threads alive at once than a process block has rings for, and than one block of further
 * ones holds. */
static void crowd(void) {
    enum { N = 3000 };
    static pthread_t t[N];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 16384);
    pthread_barrier_init(&barrier, NULL, N + 1);
    for (int i = 0; i < N; i++)
        CHECK(!pthread_create(&t[i], &attr, waiting_thread, NULL));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < N; i++)
        pthread_join(t[i], NULL);
}

static void *busy_thread(void *stop) {
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
        void *p = malloc(100);
        sink = p;
        free(p);
    }
    return NULL;
}

/* fork() while other threads are inside hooks. */
static void forks(void) {
    pthread_t t[3];
    int stop = 0;
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, busy_thread, &stop);
    for (int i = 0; i < 100; i++) {
        pid_t pid = i % 2 ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0) {
            for (int k = 0; k < 10 && i % 2; k++)
                free(malloc(7));
            pid_t grandchild = i % 2 ? fork() : 1;
            if (grandchild == 0) {
                sink = malloc(9);
                _exit(0);
            }
            _exit(i % 2 && waitpid(grandchild, NULL, 0) != grandchild);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
}

static volatile sig_atomic_t handled;
static void counting_handler(int sig) {
    (void)sig;
    int saved = errno;
    handled++;
    /* Only when the allocator itself is not interrupted would this be allowed; mmap is.
     */
    errno = saved;
}

static sigjmp_buf out;
static void jumping_handler(int sig) {
    (void)sig;
    handled++;
    siglongjmp(out, 1);
}

/* Signals that interrupt hooks. */
static void signals(void) {
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    signal(SIGALRM, counting_handler);
    setitimer(ITIMER_REAL, &often, NULL);
    /* They come by the clock: a busy machine leaves little time between two of them. */
    for (int i = 0; i < 200000 && handled < 200; i++)
        free(malloc(32));
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(handled > 0);
}

/* A handler jumps out of whatever was interrupted, hooks included: afterwards the thread
 * must be recorded again. malloc_usable_size() is where we let it happen: no lock held.
 */
static void jumps(void) {
    struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    signal(SIGALRM, jumping_handler);
    for (volatile int i = 0; i < 300; i++) {
        if (sigsetjmp(out, 1) == 0) {
            setitimer(ITIMER_REAL, &often, NULL);
            for (;;)
                free(malloc(24));
        }
        setitimer(ITIMER_REAL, &never, NULL);
    }
    for (int i = 0; i < 1000; i++)
        free(malloc(4321));
}

static char alternate[65536];
static void alternate_handler(int sig) {
    (void)sig;
    free(malloc(77));
    handled++;
}

static void altstack(void) {
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = alternate_handler, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 100; i++) {
        free(malloc(11));
        raise(SIGUSR1);
    }
    CHECK(handled == 100);
}

static ucontext_t main_context, coroutines[8];
static void coroutine(void) {
    for (;;) {
        free(malloc(55));
        for (int i = 0; i < 8; i++)
            if (sink == &coroutines[i])
                swapcontext(&coroutines[i], &main_context);
    }
}

static void contexts(void) {
    for (int round = 0; round < 50; round++) {
        void *stacks[8];
        for (int i = 0; i < 8; i++) {
            stacks[i] = mmap(NULL, 32768, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            getcontext(&coroutines[i]);
            coroutines[i].uc_stack.ss_sp = stacks[i];
            coroutines[i].uc_stack.ss_size = 32768;
            coroutines[i].uc_link = &main_context;
            makecontext(&coroutines[i], coroutine, 0);
        }
        for (int k = 0; k < 80; k++) {
            sink = &coroutines[k % 8];
            swapcontext(&main_context, &coroutines[k % 8]);
        }
        for (int i = 0; i < 8; i++)
            munmap(stacks[i], 32768);
    }
}

__attribute__((noinline)) static int recurse(int depth) {
    free(malloc(13));
    return depth ? recurse(depth - 1) + 1 : 0;
}

static void recursion(void) {
    CHECK(recurse(10000) == 10000);
}

/* An alloca'd, over-aligned frame: DRAP. */
__attribute__((noinline)) static void realigned(int depth) {
    char *volatile room = __builtin_alloca((size_t)depth * 8 + 1);
    char big[64] __attribute__((aligned(64)));
    memset(big, depth, sizeof big);
    room[0] = big[3];
    free(malloc(21));
    if (depth)
        realigned(depth - 1);
    free(malloc((size_t)(room[0] & 7) + 1));
}

static void drap(void) {
    for (int i = 0; i < 200; i++)
        realigned(i % 20);
}

/* From one place, at one address of the stack, by ever other ways: what is known of one call is soon wrong of another. */
__attribute__((noinline)) static void leaf(void) {
    free(malloc(31));
    free(malloc(32));
}

__attribute__((noinline)) static void by_left(void) {
    leaf();
    __asm__ volatile("");
}

__attribute__((noinline)) static void by_right(void) {
    leaf();
    __asm__ volatile("");
}

__attribute__((noinline)) static void upper(size_t n, int left) {
    char *volatile room = __builtin_alloca(n);
    room[0] = 1;
    if (left)
        by_left();
    else
        by_right();
    room[0]++;
}

/* As much less in the one as more in the other: what is in between lies at one address now and at another then, and
 * where it lay is left as it was. */
__attribute__((noinline)) static void lower(size_t n, int left) {
    char *volatile room = __builtin_alloca(n);
    room[0] = 1;
    upper(256 - n, left);
    room[0]++;
}

__attribute__((noinline)) static void other_lower(size_t n, int left) {
    char *volatile room = __builtin_alloca(n);
    room[0] = 1;
    upper(256 - n, left);
    room[0]++;
}

static void branches(void) {
    void (*volatile ways[])(size_t, int) = {lower, other_lower};
    uint32_t random = 1;
    for (int i = 0; i < 4000; i++) {
        random = random * 1664525 + 1013904223;
        ways[random >> 27 & 1](16 + (random >> 28) % 8 * 16, random >> 20 & 1);
        if (random >> 26 & 1)
            leaf();
    }
}

static void semantics(void) {
    errno = 77;
    void *p = malloc(10);
    CHECK(p && errno == 77);
    p = realloc(p, 100);
    CHECK(p && errno == 77);
    volatile size_t huge = (size_t)1 << 62;
    CHECK(!realloc(p, huge) && errno == ENOMEM);
    errno = 77;
    CHECK(!calloc(huge, 16) && errno == ENOMEM);
    errno = 77;
    CHECK(!reallocarray(p, huge, 16) && errno == ENOMEM);
    errno = 77;
    p = reallocarray(p, 5, 50);
    CHECK(p && malloc_usable_size(p) >= 250 && errno == 77);
    CHECK(!realloc(p, 0) && errno == 77);
    p = realloc(NULL, 5);
    free(p);
    CHECK(!posix_memalign(&p, 256, 1000) && !((uintptr_t)p & 255) && errno == 77);
    free(p);
    CHECK(posix_memalign(&p, 3, 1000) == EINVAL && errno == 77);
    p = aligned_alloc(4096, 8192);
    CHECK(p && !((uintptr_t)p & 4095));
    free(p);
    p = memalign(64, 10);
    CHECK(p && !((uintptr_t)p & 63));
    free(p);
    free(valloc(10));
    free(pvalloc(10));
    p = calloc(0, 0);
    CHECK(p);
    free(p);
    free(NULL);
    CHECK(errno == 77);
    CHECK(malloc_usable_size(NULL) == 0);
    struct mallinfo2 info = mallinfo2();
    CHECK(info.arena || info.hblks);
    malloc_trim(0);
    CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);
}

/* Two libraries in turn at (likely) the same addresses. */
static void plugins(const char *a, const char *b) {
    for (int i = 0; i < 100; i++) {
        void *library = dlopen(i % 2 ? a : b, RTLD_NOW);
        CHECK(library);
        void *(*run)(int) = (void *(*)(int))dlsym(library, "plugin_run");
        CHECK(run);
        free(run(i));
        dlclose(library);
    }
}

static void *cancelled_thread(void *arg) {
    for (;;) {
        free(malloc(31));
        pthread_testcancel();
    }
    return arg;
}

static void cancel(void) {
    for (int i = 0; i < 100; i++) {
        pthread_t t;
        pthread_create(&t, NULL, cancelled_thread, NULL);
        usleep(100);
        pthread_cancel(t);
        pthread_join(t, NULL);
    }
}

/* Which descriptors are open, and which one is the next. */
static void descriptors(void) {
    for (int i = 0; i < 5000; i++)
        free(malloc(50));
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            dprintf(1, "%d ", fd);
    dprintf(1, "next %d\n", open("/dev/null", O_RDONLY));
}

static void many(const char *calls) {
    for (long i = 0, n = atol(calls); i < n; i++) {
        void *p = malloc(64);
        sink = p;
        free(p);
    }
}

/* Counts in a shared file what it did, until it is killed. */
static void counting(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    volatile uint64_t *done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (;;) {
        void *p = malloc(64);
        sink = p;
        done[0]++;
        free(p);
        done[1]++;
    }
}

__attribute__((noinline)) static void *ask(int how, void *old) {
    void *p = NULL;
    switch (how) {
    case 'c':
        return calloc(3, 100);
    case 'r':
        return realloc(old, 300);
    case 'p':
        errno = 77;
        CHECK(posix_memalign(&p, 64, 300) == (p ? 0 : ENOMEM) && errno == 77);
        return p;
    default:
        return malloc(300);
    }
}

/* Asks ten times from one place and says which requests were refused. With a second
 * letter 'f', the last five come from a forked child. */
static void asking(const char *how) {
    char text[200] = "refused", *end = text + 7;
    void *old = NULL;
    pid_t pid = 0;
    if (how[0] == 'r') {
        old = malloc(50);
        memset(old, 'x', 50);
    }
    for (int i = 1; i <= 10; i++) {
        if (i == 6 && how[1] == 'f' && (pid = fork())) {
            waitpid(pid, NULL, 0);
            return;
        }
        errno = 77;
        void *p = ask(how[0], old);
        CHECK(p || errno == ENOMEM || how[0] == 'p');
        CHECK(how[0] != 'r' || ((char *)(p ? p : old))[49] == 'x');
        if (!p)
            end += sprintf(end, " %d", i);
        else if (how[0] == 'r')
            old = p;
        else
            free(p);
    }
    strcpy(end, "\n");
    CHECK(write(1, text, strlen(text)) > 0);
}

/* Every way to start a program; each prints its environment. */
static void starting(void) {
    char *argv[] = {"env", NULL}, *env[] = {"ONLY=1", NULL};
    extern char **environ;
    pid_t pid;
    posix_spawnp(&pid, "env", NULL, NULL, argv, env);
    waitpid(pid, NULL, 0);
    posix_spawn(&pid, "/usr/bin/env", NULL, NULL, argv, environ);
    waitpid(pid, NULL, 0);
    for (int how = 0; how < 7; how++) {
        pid = how % 2 ? vfork() : fork();
        if (!pid) {
            if (how == 0)
                execl("/usr/bin/env", "env", NULL);
            else if (how == 1)
                execlp("env", "env", "A=1", "env", NULL);
            else if (how == 2)
                execle("/usr/bin/env", "env", NULL, env);
            else if (how == 3)
                execv("/usr/bin/env", argv);
            else if (how == 4)
                fexecve(open("/usr/bin/env", O_RDONLY), argv, env);
            else if (how == 5)
                execvpe("env", argv, env);
            else
                execve("/usr/bin/env", argv, env);
            _exit(97);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    clearenv();
    CHECK(system("env -u PWD -u OLDPWD -u SHLVL -u _") == 0 && !environ);
    FILE *pipe = popen("env -u PWD -u OLDPWD -u SHLVL -u _; echo popen", "r");
    char line[4096];
    while (pipe && fgets(line, sizeof line, pipe))
        CHECK(write(1, line, strlen(line)) > 0);
    CHECK(pipe && pclose(pipe) == 0);
    CHECK(execlp("no-such-program-here", "x", NULL) == -1 && errno == ENOENT);
}

static const struct {
    const char *name;
    void (*run)(void);
} commands[] = {
    {"threads", threads},     {"crowd", crowd},         {"forks", forks},
    {"signals", signals},     {"jumps", jumps},         {"altstack", altstack},
    {"contexts", contexts},   {"recursion", recursion}, {"drap", drap},
    {"semantics", semantics}, {"cancel", cancel},       {"descriptors", descriptors},
    {"starting", starting},   {"branches", branches}};

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(what, commands[i].name)) {
            commands[i].run();
            return 0;
        }
    if (!strcmp(what, "plugins") && argc == 4)
        plugins(argv[2], argv[3]);
    else if (!strcmp(what, "many") && argc == 3)
        many(argv[2]);
    else if (!strcmp(what, "counting") && argc == 3)
        counting(argv[2]);
    else if (!strcmp(what, "asking") && argc == 3)
        asking(argv[2]);
    else
        return 98;
    return 0;
}
