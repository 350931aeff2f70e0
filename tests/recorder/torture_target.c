/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs do to their stacks, threads and processes, one case each. No case has a flaw.
 * Run by torture.sh without dearth, then recorded: output and status must be the same, and what was
 * recorded must be what stands above each case:
 *
 *   expect CASE: COUNT BYTES FRAMES     calls with just this stack, outermost frame first.
 *       "main;" and "thread;" stand for all that is outward of main(), of a thread's first function;
 *       * for any frames
 *
 * usage: torture_target CASE
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../programs/processor.h"
#include "../programs/program.h"

#define CHECK(x)                                                                         \
    do {                                                                                 \
        if (!(x)) {                                                                      \
            dprintf(2, "check failed: line %d: %s, errno %d\n", __LINE__, #x, errno);    \
            _exit(99);                                                                   \
        }                                                                                \
    } while (0)

/* In the place of a frame of its own: one malloc() of the caller. */
#define TOUCH(n)   free(opaque(malloc(n)))
#define BARRIER()  __asm__ volatile("" ::: "memory")
#define STACK_SIZE 65536

static void in_thread(void *(*work)(void *), void *argument) {
    pthread_t t;
    CHECK(!pthread_create(&t, NULL, work, argument));
    CHECK(!pthread_join(t, NULL));
}

/* --- what the others are held against --- */

/* expect plain: 1 1 main;plain;malloc
 * expect plain: 1 2 thread;plain_thread;malloc */
static void *plain_thread(void *argument) {
    TOUCH(2);
    return argument;
}

OWN_FRAME void plain(void) {
    TOUCH(1);
    in_thread(plain_thread, NULL);
}

/* --- jumps and unwinding --- */

/* expect jumps: 200 2000 main;jumps;jump_from;jump_from_deeper;malloc
 * expect jumps: 200 4000 main;jumps;after_jump;malloc */
static jmp_buf jump_target;

OWN_FRAME void jump_from_deeper(void) {
    TOUCH(10);
    longjmp(jump_target, 1);
}

OWN_FRAME void jump_from(void) {
    jump_from_deeper();
    BARRIER();
}

OWN_FRAME void after_jump(void) {
    TOUCH(20);
}

OWN_FRAME void jumps(void) {
    for (volatile int i = 0; i < 200; i++) {
        if (!setjmp(jump_target))
            jump_from();
        after_jump();
    }
}

/* A forced unwind runs what is to be cleaned up on the stack of who was cancelled, or left.
 *
 * expect cancel: 50 350 thread;cancelled;*;cancelled_cleanup;malloc
 * expect cancel: 50 400 thread;leaves;leaves_deeper;*;leaves_cleanup;malloc */
static pthread_barrier_t cancel_barrier;

OWN_FRAME void cancelled_cleanup(void *p) {
    (void)p;
    TOUCH(7);
}

/* At any instruction: whether something is cleaned up then is a matter of luck. */
static void *cancelled_anywhere(void *argument) {
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    pthread_barrier_wait(&cancel_barrier);
    for (;;)
        BARRIER();
    return argument;
}

static void *cancelled(void *argument) {
    pthread_cleanup_push(cancelled_cleanup, NULL);
    pthread_barrier_wait(&cancel_barrier);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return argument;
}

OWN_FRAME void leaves_cleanup(void *p) {
    (void)p;
    TOUCH(8);
}

OWN_FRAME void leaves_deeper(void) {
    pthread_cleanup_push(leaves_cleanup, NULL);
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
}

static void *leaves(void *argument) {
    leaves_deeper();
    BARRIER();
    return argument;
}

OWN_FRAME void cancel(void) {
    pthread_barrier_init(&cancel_barrier, NULL, 2);
    for (int i = 0; i < 100; i++) {
        pthread_t t;
        CHECK(!pthread_create(&t, NULL, i % 2 ? cancelled_anywhere : cancelled, NULL));
        pthread_barrier_wait(&cancel_barrier);
        CHECK(!pthread_cancel(t) && !pthread_join(t, NULL));
    }
    for (int i = 0; i < 50; i++)
        in_thread(leaves, NULL);
}

/* --- signals --- */

/* On a stack of its own, and on the one interrupted; the frames of raise() lie between, and when a
 * handler calls it again that is folded as any recursion.
 *
 * expect handlers: 200 2600 main;handlers;raise;*;on_own_stack;malloc
 * expect handlers: 100 1300 main;handlers;raise;*;on_same_stack;malloc */
static char signal_stack[STACK_SIZE];
static volatile sig_atomic_t nested;

OWN_FRAME void on_own_stack(int signal_number) {
    (void)signal_number;
    TOUCH(nested ? 14u : 12u);
}

OWN_FRAME void on_same_stack(int signal_number) {
    (void)signal_number;
    TOUCH(13);
    nested = 1;
    raise(SIGUSR1);
    nested = 0;
}

OWN_FRAME void handlers(void) {
    stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    struct sigaction own = {.sa_handler = on_own_stack, .sa_flags = SA_ONSTACK};
    struct sigaction same = {.sa_handler = on_same_stack};
    CHECK(!sigaltstack(&stack, NULL) && !sigaction(SIGUSR1, &own, NULL));
    CHECK(!sigaction(SIGUSR2, &same, NULL));
    for (int i = 0; i < 100; i++) {
        raise(SIGUSR1);
        raise(SIGUSR2);
    }
}

/* A fault is handled by the program, with the stack up to the instruction that faulted.
 *
 * expect faults: 50 750 main;faults;faulting;*;on_fault;malloc
 * expect faults: 50 800 main;faults;malloc */
static sigjmp_buf fault_target;

OWN_FRAME void on_fault(int signal_number) {
    (void)signal_number;
    TOUCH(15);
    siglongjmp(fault_target, 1);
}

OWN_FRAME int faulting(volatile int *address) {
    int seen = *address;
    BARRIER();
    return seen + 1;
}

OWN_FRAME void faults(void) {
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    CHECK(!sigaction(SIGSEGV, &action, NULL));
    for (volatile int i = 0; i < 50; i++) {
        if (!sigsetjmp(fault_target, 1))
            faulting(NULL);
        TOUCH(16);
    }
}

/* --- stacks of their own --- */

/* expect coroutines: 160 2720 *;coroutine;coroutine_work;malloc
 * expect coroutines: 160 2880 main;coroutines;malloc */
static ucontext_t main_context, contexts[8];

OWN_FRAME void coroutine_work(void) {
    TOUCH(17);
}

static void coroutine(int i) {
    for (;;) {
        coroutine_work();
        swapcontext(&contexts[i], &main_context);
    }
}

OWN_FRAME void coroutines(void) {
    static char stacks[8][STACK_SIZE];
    for (int i = 0; i < 8; i++) {
        CHECK(!getcontext(&contexts[i]));
        contexts[i].uc_stack.ss_sp = stacks[i];
        contexts[i].uc_stack.ss_size = sizeof stacks[i];
        makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
    }
    for (int i = 0; i < 160; i++) {
        CHECK(!swapcontext(&main_context, &contexts[i % 8]));
        TOUCH(18);
    }
}

/* Threads of 16 KiB, with a frame that libunwind must step over.
 *
 * expect small_stacks: 100 1900 thread;small_thread;by_expression;small_work;malloc */
OWN_FRAME void *small_work(void) {
    TOUCH(19);
    return NULL;
}

static void *small_thread(void *argument) {
    by_expression(small_work);
    BARRIER();
    return argument;
}

OWN_FRAME void small_stacks(void) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    CHECK(!pthread_attr_setstacksize(&attr, 16384));
    for (int i = 0; i < 100; i++) {
        pthread_t t;
        CHECK(!pthread_create(&t, &attr, small_thread, NULL));
        CHECK(!pthread_join(t, NULL));
    }
}

/* --- odd frames --- */

/* Depth makes no site, nor do two functions that call each other; a stack is known to its end.
 *
 * expect deep: 1 21 main;deep;deeper;malloc
 * expect deep: 10000 210000 main;deep;deeper;deeper;malloc
 * expect deep: 1 22 main;deep;ping;malloc
 * expect deep: 500 11500 main;deep;ping;pong;malloc
 * expect deep: 499 10978 main;deep;ping;pong;ping;malloc */
OWN_FRAME int deeper(int n) {
    TOUCH(21);
    return n ? deeper(n - 1) + 1 : 0;
}

static int ping(int n);
OWN_FRAME int pong(int n) {
    TOUCH(23);
    return n ? ping(n - 1) + 1 : 0;
}

__attribute__((noinline)) static int ping(int n) {
    TOUCH(22);
    return pong(n) + 1;
}

OWN_FRAME void deep(void) {
    CHECK(deeper(10000) == 10000);
    CHECK(ping(499) == 999);
}

/* Room taken while it runs, and a frame aligned more than its caller's.
 *
 * expect rooms: 100 2400 main;rooms;with_room;malloc
 * expect rooms: 100 2500 main;rooms;with_room;aligned_frame;malloc */
OWN_FRAME void aligned_frame(int n) {
    char room[64] __attribute__((aligned(128)));
    memset(room, n, sizeof room);
    opaque(room);
    TOUCH(25);
    CHECK(((uintptr_t)room & 127) == 0);
}

OWN_FRAME void with_room(int n) {
    char *room = __builtin_alloca((size_t)n * 16 + 1);
    char array[n * 3 + 1];
    room[n] = array[n] = (char)n;
    opaque(room);
    opaque(array);
    TOUCH(24);
    aligned_frame(n);
}

OWN_FRAME void rooms(void) {
    for (int i = 0; i < 100; i++)
        with_room(i);
}

/* Machine code without unwinding information, in this file and in none: what called it cannot be
 * known, and that is said; the call is not lost.
 *
 * expect no_cfi: 30 780 *no_cfi_code;malloc
 * expect no_cfi: 30 810 *[anon]+0x0;malloc */
OWN_FRAME void no_cfi(void) {
    static const unsigned char code[] = {NO_CFI_BYTES};
    if (!HAS_NO_CFI_CODE)
        return;
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    memcpy(page, code, sizeof code);
    CHECK(!mprotect(page, 4096, PROT_READ | PROT_EXEC));
    void *(*generated)(size_t, void *(*)(size_t)) = NULL;
    memcpy(&generated, &page, sizeof page);
    for (int i = 0; i < 30; i++) {
        free(no_cfi_code(26, malloc));
        free(generated(27, malloc));
    }
}

/* --- before, between and after --- */

/* Before any library's constructor, in ours, in destructors of threads, after main().
 *
 * expect edges: 1 31 *;before_libraries;malloc
 * expect edges: 1 32 *;in_constructor;malloc
 * expect edges: 60 1980 thread;*of_dead_thread;malloc
 * expect edges: 1 34 *;at_exit;malloc
 * expect edges: 1 35 *;in_destructor;malloc */
static const char *what = "";

OWN_FRAME void before_libraries(int argc, char **argv, char **envp) {
    (void)envp;
    if (argc > 1 && !strcmp(argv[1], "edges"))
        TOUCH(31);
}
__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **,
                                                   char **) = before_libraries;

__attribute__((constructor(101))) static void in_constructor(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "edges"))
        TOUCH(32);
}

__attribute__((destructor(101))) static void in_destructor(void) {
    if (!strcmp(what, "edges"))
        TOUCH(35);
}

static pthread_key_t key;

static void of_dead_thread(void *rounds) {
    TOUCH(33);
    if ((uintptr_t)rounds > 1)
        pthread_setspecific(key, (void *)((uintptr_t)rounds - 1));
}

static void *keyed(void *argument) {
    pthread_setspecific(key, (void *)3);
    return argument;
}

static void at_exit(void) {
    TOUCH(34);
}

OWN_FRAME void edges(void) {
    CHECK(!pthread_key_create(&key, of_dead_thread));
    for (int i = 0; i < 20; i++)
        in_thread(keyed, NULL);
    atexit(at_exit);
}

/* Children of a process with threads, and what runs around fork() in both.
 *
 * expect forks: 40 1440 main;forks;*;before_fork;malloc
 * expect forks: 40 1480 main;forks;*;in_child;malloc
 * expect forks: 40 1520 main;forks;child_work;malloc
 * expect forks: 20 780 thread;forking_thread;thread_child_work;malloc */
static void before_fork(void) {
    TOUCH(36);
}

static void in_child(void) {
    TOUCH(37);
}

OWN_FRAME void child_work(void) {
    TOUCH(38);
}

OWN_FRAME void thread_child_work(void) {
    TOUCH(39);
}

static void *busy(void *stop) {
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
        for (int i = 0; i < 100; i++)
            TOUCH(1000);
        usleep(100);
    }
    return NULL;
}

static void *forking_thread(void *argument) {
    pid_t pid = _Fork();
    if (!pid) {
        thread_child_work();
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return argument;
}

OWN_FRAME void forks(void) {
    pthread_t t[2];
    int stop = 0;
    pthread_atfork(before_fork, NULL, in_child);
    for (int i = 0; i < 2; i++)
        CHECK(!pthread_create(&t[i], NULL, busy, &stop));
    for (int i = 0; i < 40; i++) {
        pid_t pid = fork();
        if (!pid) {
            child_work();
            _exit(0);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < 20; i++)
        in_thread(forking_thread, NULL);
}

/* --- what the allocator promises --- */

/* errno after every call, and what glibc says about its heap: printed, so that the recorded run is
 * held against the plain one. */
static void say(const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    CHECK(write(1, line, (size_t)n) == n);
}

static void say_errno(const char *call, const void *p) {
    say("%s: %s, errno %d\n", call, p ? "a block" : "NULL", errno);
    errno = 77;
}

#define SAY(call)                                                                        \
    do {                                                                                 \
        errno = 77;                                                                      \
        p = opaque(call);                                                                \
        say_errno(#call, p);                                                             \
        free(p);                                                                         \
        CHECK(errno == 77);                                                              \
    } while (0)

OWN_FRAME void promises(void) {
    volatile size_t huge = SIZE_MAX / 2 + 2, most = PTRDIFF_MAX, zero = 0;
    void *p, *q = opaque(malloc(50));
    SAY(malloc(zero));
    SAY(malloc(most + 1));
    SAY(calloc(zero, 10));
    SAY(calloc(huge, 2));
    SAY(calloc(huge, huge));
    SAY(reallocarray(NULL, huge, 2));
    SAY(realloc(NULL, zero));
    SAY(realloc(NULL, 100));
    SAY(aligned_alloc(zero, 100));
    SAY(aligned_alloc(3, 100));
    SAY(aligned_alloc(64, zero));
    SAY(aligned_alloc(64, most));
    SAY(memalign(1, 100));
    SAY(memalign(24, 100));
    SAY(memalign(huge, 100));
    SAY(valloc(zero));
    SAY(valloc(most));
    SAY(pvalloc(zero));
    SAY(pvalloc(most));
    errno = 77;
    say("realloc of a block to the most: %d\n",
        realloc(q, most) == NULL && errno == ENOMEM);
    errno = 77;
    say("realloc to 0: %d, errno %d\n", realloc(q, 0) == NULL, errno);
    static const size_t alignments[] = {0, 1, 4, 8, 16, 24, 64, 4096, 1u << 20};
    for (size_t i = 0; i < sizeof alignments / sizeof *alignments; i++) {
        p = (void *)1;
        errno = 77;
        int result = posix_memalign(&p, alignments[i], 100);
        say("posix_memalign %zu: %d, errno %d, untouched %d\n", alignments[i], result,
            errno, p == (void *)1);
        if (result == 0) {
            CHECK(((uintptr_t)p & (alignments[i] - 1)) == 0);
            free(p);
        }
    }
    p = (void *)1;
    say("posix_memalign of the most: %d, untouched %d\n", posix_memalign(&p, 64, most),
        p == (void *)1);
}

/* The heap of a recorded program is what it would have been. */
OWN_FRAME void heap(void) {
    void *blocks[40];
    for (size_t i = 0; i < 40; i++) {
        blocks[i] = opaque(malloc(i * i * 13));
        say("%zu: usable %zu, at %zu\n", i, malloc_usable_size(blocks[i]),
            (size_t)((char *)blocks[i] - (char *)blocks[0]) % 4096);
    }
    say("mallopt %d %d %d\n", mallopt(M_TRIM_THRESHOLD, 1 << 16), mallopt(M_MXFAST, 1000),
        mallopt(M_PERTURB, 0x5a));
    unsigned char *perturbed = opaque(malloc(64));
    say("perturbed %x\n", perturbed[40]);
    for (size_t i = 0; i < 40; i += 2)
        free(blocks[i]);
    struct mallinfo2 info = mallinfo2();
    say("mallinfo2 %zu %zu %zu %zu %zu %zu\n", info.arena, info.ordblks, info.hblks,
        info.uordblks, info.fordblks, info.keepcost);
    say("malloc_trim %d\n", malloc_trim(0));
    say("usable of NULL %zu\n", malloc_usable_size(NULL));
    for (size_t i = 1; i < 40; i += 2)
        free(blocks[i]);
}

/* No more memory, no more descriptors: failures are the program's own.
 *
 * expect limits: 1 0 main;limits;too_much;malloc
 * expect limits: 100 4100 main;limits;malloc
 * expect limits: 1 42 thread;limited_thread;malloc */
OWN_FRAME void too_much(void) {
    CHECK(!opaque(malloc(300000000)) && errno == ENOMEM);
}

static void *limited_thread(void *argument) {
    TOUCH(42);
    return argument;
}

OWN_FRAME void limits(void) {
    struct rlimit none = {3, 3}, as;
    CHECK(!getrlimit(RLIMIT_AS, &as));
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    CHECK(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    as.rlim_cur = pages * 4096 + 200000000;
    CHECK(!setrlimit(RLIMIT_AS, &as) && !setrlimit(RLIMIT_NOFILE, &none));
    too_much();
    for (int i = 0; i < 100; i++)
        TOUCH(41);
    in_thread(limited_thread, NULL);
}

/* Another root, where neither /proc nor the library is, and other rights: who runs goes on being
 * recorded, with its threads and children.
 *
 * expect confined: 10 430 main;confined;malloc
 * expect confined: 1 44 thread;confined_thread;malloc
 * expect confined: 1 45 main;confined;confined_child;malloc */
static void *confined_thread(void *argument) {
    TOUCH(44);
    return argument;
}

OWN_FRAME void confined_child(void) {
    TOUCH(45);
}

OWN_FRAME void confined(void) {
    char folder[] = "confined.XXXXXX";
    int status;
    CHECK(mkdtemp(folder) && !chmod(folder, 0755));
    if (chroot(folder) && (unshare(CLONE_NEWUSER) || chroot(folder)))
        say("not confined\n");
    CHECK(!chdir("/"));
    if (!setgid(65534) && !setuid(65534))
        CHECK(getuid() == 65534);
    for (int i = 0; i < 10; i++)
        TOUCH(43);
    in_thread(confined_thread, NULL);
    pid_t pid = fork();
    if (!pid) {
        confined_child();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(execl("/bin/true", "true", NULL) == -1 && errno == ENOENT);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {{"plain", plain},
             {"jumps", jumps},
             {"cancel", cancel},
             {"handlers", handlers},
             {"faults", faults},
             {"coroutines", coroutines},
             {"small_stacks", small_stacks},
             {"deep", deep},
             {"rooms", rooms},
             {"no_cfi", no_cfi},
             {"edges", edges},
             {"forks", forks},
             {"promises", promises},
             {"heap", heap},
             {"limits", limits},
             {"confined", confined}};

int main(int argc, char **argv) {
    what = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!strcmp(what, cases[i].name)) {
            cases[i].run();
            say("%s done\n", what);
            return (int)i;
        }
    return 98;
}
