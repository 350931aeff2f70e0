/* SPDX-License-Identifier: Apache-2.0 */
/* What limits of the user do to dearth itself: see own_limits.h. */
#include "own_limits.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#include "error.h"

/* Linux's own default, under which everything is tested. */
#define STACK_BYTES  (8u << 20)
/* Where address space is scarce too; still some times what was ever seen in use. */
#define STACK_LEAST  (1u << 20)
#define THREAD_BYTES (1u << 20)
#define GUARD_BYTES  65536u /* below: more than the largest page */

static struct {
    int (*run)(int argc, char **argv);
    int argc;
    char **argv;
    int status;
} call;

static ucontext_t outside, inside;

static void enter(void) {
    call.status = call.run(call.argc, call.argv);
}

/* The write that was too much fails with EFBIG then. */
static void file_limit(int signal) {
    (void)signal;
}

static void processor_limit(int signal) {
    static const char word[] = "dearth: out of processor time (ulimit -t); what was "
                               "finished is in the database, run "
                               "the command again to go on\n";
    (void)signal;
    ssize_t n = write(STDERR_FILENO, word, sizeof word - 1);
    (void)n;
    _exit(error_failed_status());
}

static void handle(int signal, void (*handler)(int)) {
    struct sigaction before, action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    if (sigaction(signal, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(signal, &action, NULL);
}

static bool map_stack(size_t bytes) {
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (p == MAP_FAILED)
        return false;
    mprotect(p, GUARD_BYTES, PROT_NONE);
    inside.uc_stack.ss_sp = p + GUARD_BYTES;
    inside.uc_stack.ss_size = bytes - GUARD_BYTES;
    return true;
}

int own_limits_run(int (*run)(int argc, char **argv), int argc, char **argv) {
    struct rlimit limit;
    handle(SIGXFSZ, file_limit);
    handle(SIGXCPU, processor_limit);
    if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= STACK_BYTES)
        return run(argc, argv);
    call.run = run;
    call.argc = argc;
    call.argv = argv;
    if (getcontext(&inside) < 0 || !(map_stack(STACK_BYTES) || map_stack(STACK_LEAST))) {
        error_print_errno(-errno, "cannot get a stack of %u bytes (ulimit -v)",
                          STACK_LEAST);
        return error_failed_status();
    }
    inside.uc_link = &outside;
    makecontext(&inside, enter, 0);
    swapcontext(&outside, &inside);
    return call.status;
}

int own_limits_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
    pthread_attr_t attr;
    int r = pthread_attr_init(&attr);
    if (r)
        return r;
    r = pthread_attr_setstacksize(&attr, THREAD_BYTES);
    if (!r)
        r = pthread_create(thread, &attr, run, argument);
    pthread_attr_destroy(&attr);
    return r;
}
