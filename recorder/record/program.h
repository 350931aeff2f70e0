/* SPDX-License-Identifier: Apache-2.0 */
/* The program that is recorded: found, looked at, started, waited for. */
#ifndef DEARTH_PROGRAM_H
#define DEARTH_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Find @name as a shell does and see whether it can be recorded.
 * @path: absolute, free() it; out
 * @shown: as a shell would hand it to execve() (a script sees it as $0), free() it; out
 * Return: 0, or EXIT_NOT_FOUND, EXIT_NOT_EXECUTABLE, EXIT_RECORD_FAILED after a message.
 */
int program_find(const char *name, char **path, char **shown);

/* Signals and children from the start of the program to the end of the recording. */
struct program {
    pid_t pid;
    bool ended;     /* the program itself */
    bool childless; /* no child of ours is left, adopted ones included */
    /* dearth was exec'ed by a process that had some: never childless */
    bool had_children;
    int exit_code;   /* -1 when a signal ended it */
    int exit_signal; /* 0 when it exited */
    pid_t beside;    /* a command of program_run_beside() that runs, 0 = none */
    bool beside_ended;
    int beside_status; /* as a shell shows it */
    bool interrupted;  /* the user wants the recording to end */
};

/**
 * A file that reaches RLIMIT_FSIZE is an error from here on, not our death by SIGXFSZ; the
 * program gets the disposition that we had.
 */
void program_ignore_file_limit(void);

/** What programs that are started from here on get as standard output and error; -1 = ours. */
void program_set_output(int out, int err);

/**
 * Start it in our process group, on our terminal, with the signal mask and dispositions
 * that dearth was started with. From then on our own signals are caught: see
 * program_wait().
 * @stdin_fd: becomes its descriptor 0; -1 = ours
 * Return: 0, EXIT_NOT_EXECUTABLE after a message, 128 + a signal that arrived before, or a negative
 * errno after a message.
 */
int program_start(struct program *program, const char *path, char *const argv[],
                  char *const envp[], int stdin_fd);

/**
 * Wait for a signal, one of two descriptors (-1 = none) or the time; take the deaths of children, pass on to the program what
 * dearth alone was sent (signals.h). Once the program has ended, SIGINT, SIGQUIT, SIGTERM and SIGHUP
 * end the recording.
 */
void program_wait(struct program *program, const int fds[2], uint64_t timeout_ns);

/**
 * Run a shell command beside the program, without the recorder, one at a time; program_wait()
 * sets beside_ended. It and all of its process group die with us, however we die.
 * @errors: its standard error; -1 = ours
 * Return: 0 or a negative errno after a message.
 */
int program_run_beside(struct program *program, const char *command, int errors);
/** End it, and all of its process group. */
void program_kill_beside(struct program *program);

/** Put our signals back as they were; those that wait are dropped, and remembered (signals.h). */
void program_done(struct program *program);

/** Exit status as a shell shows it. */
int program_status(const struct program *program);

#endif
