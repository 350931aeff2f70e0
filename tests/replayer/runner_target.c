/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Misbehaves as told, once its allocation failed: a target for the runner's tests.
 *
 *   runner_target MODE [NUMBER]       when the allocation in trigger() fails
 *   runner_target now MODE [NUMBER]   at once
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_FRAME static __attribute__((noinline))

static long number;
static char **arguments;

OWN_FRAME void *trigger(void) {
    void *p = malloc(77777);
    __asm__ volatile("" : "+r"(p));
    return p;
}

OWN_FRAME void write_to_null(void) {
    volatile int *p = NULL;
    __asm__ volatile("" : "+r"(p)); /* what is known to be NULL would become a trap */
    *p = 1;
}

OWN_FRAME void *crash_in_thread(void *unused) {
    write_to_null();
    return unused;
}

#pragma GCC diagnostic ignored "-Winfinite-recursion"
OWN_FRAME int sink_deep(int depth) {
    volatile char frame[4096];
    frame[depth % 4096] = (char)depth;
    return sink_deep(depth + 1) + frame[0];
}

static void on_segv(int sig) {
    (void)sig;
    _exit(9);
}

static void on_segv_again(int sig) {
    signal(sig, SIG_DFL);
}

static void on_segv_raise(int sig) {
    signal(sig, SIG_DFL);
    raise(sig);
}

static void spin(void) {
    for (;;)
        __asm__ volatile("");
}

static void make_daemon(void) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            for (int fd = 0; fd < 3; fd++)
                close(fd);
            for (;;)
                pause();
        }
        _exit(0);
    }
    wait(NULL);
}

static void write_files(void) {
    FILE *f = fopen("runner-target-file", "w");
    if (f) {
        fputs("written by an attempt\n", f);
        fclose(f);
    }
    const char *outside = getenv("OUTSIDE");
    f = outside ? fopen(outside, "w") : NULL;
    if (f)
        fclose(f);
    f = fopen("existing", "a");
    if (f) {
        fputs("more\n", f);
        fclose(f);
    }
    unlink("victim");
    mkdir("folder/inside", 0700);
    if (rename("folder", "renamed") < 0)
        perror("rename");
}

static void print_much(void) {
    static char line[1024];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (long i = 0; i < number; i++)
        if (write(1, line, sizeof line) < 0)
            return;
}

static void exec_chain(void) {
    if (number <= 0)
        write_to_null();
    char left[32];
    snprintf(left, sizeof left, "%ld", number - 1);
    char *next[] = {arguments[0], "now", "exec-chain", left, NULL};
    execv("/proc/self/exe", next);
}

/* Needs the ptrace of itself: fails when somebody traces it already. */
static void trace_itself(void) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        exit(7);
    exit(0);
}

/* Stopped and continued by its parent, as a shell does. */
static void job_control(void) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(5);
    }
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
        _exit(1);
    kill(child, SIGCONT);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 5)
        _exit(2);
    _exit(0);
}

static void run(const char *mode) {
    pthread_t thread;
    if (strcmp(mode, "segv") == 0)
        write_to_null();
    else if (strcmp(mode, "call-null") == 0)
        ((void (*)(void))number)();
    else if (strcmp(mode, "abort") == 0)
        abort();
    else if (strcmp(mode, "stack") == 0)
        exit(sink_deep(0));
    else if (strcmp(mode, "segv-thread") == 0) {
        pthread_create(&thread, NULL, crash_in_thread, NULL);
        pthread_join(thread, NULL);
    } else if (strcmp(mode, "segv-child") == 0) {
        if (fork() == 0)
            write_to_null();
        wait(NULL);
    } else if (strcmp(mode, "segv-caught") == 0) {
        signal(SIGSEGV, on_segv);
        write_to_null();
    } else if (strcmp(mode, "segv-again") == 0) {
        signal(SIGSEGV, on_segv_again);
        write_to_null();
    } else if (strcmp(mode, "segv-raised") == 0) {
        signal(SIGSEGV, on_segv_raise);
        write_to_null();
    } else if (strcmp(mode, "segv-mimicked") == 0) { /* as timeout(1) does */
        int status = 0;
        if (fork() == 0)
            write_to_null();
        wait(&status);
        raise(WTERMSIG(status));
    } else if (strcmp(mode, "kill") == 0)
        kill(getpid(), SIGKILL);
    else if (strcmp(mode, "stop") == 0)
        raise(SIGSTOP);
    else if (strcmp(mode, "spin") == 0)
        spin();
    else if (strcmp(mode, "sleep") == 0)
        pause();
    else if (strcmp(mode, "ignore-term") == 0) {
        signal(SIGTERM, SIG_IGN);
        pause();
    } else if (strcmp(mode, "daemon") == 0)
        make_daemon();
    else if (strcmp(mode, "files") == 0)
        write_files();
    else if (strcmp(mode, "print") == 0)
        print_much();
    else if (strcmp(mode, "exec-chain") == 0)
        exec_chain();
    else if (strcmp(mode, "trace") == 0)
        trace_itself();
    else if (strcmp(mode, "job-control") == 0)
        job_control();
    else if (strcmp(mode, "close-all") == 0)
        closefrom(0);
    else if (strcmp(mode, "forks") == 0) {
        for (long i = 0; i < number; i++)
            if (fork() == 0)
                for (;;)
                    pause();
        for (;;)
            pause();
    }
}

int main(int argc, char **argv) {
    int at_once = argc > 2 && strcmp(argv[1], "now") == 0;
    if (argc < 2 + at_once)
        return 64;
    arguments = argv;
    if (argc > 2 + at_once)
        number = strtol(argv[2 + at_once], NULL, 0);
    void *p = at_once ? NULL : trigger();
    if (!p)
        run(argv[1 + at_once]);
    free(p);
    return 0;
}
