/* SPDX-License-Identifier: Apache-2.0 */
/* Names from a process of its own: see namer.h. */
#include "namer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "inlines.h"
#include "interrupt.h"
#include "text.h"

/* What goes through the pipe, in the byte order of this machine: */
struct sent_head {
    uint32_t outcome; /* enum symbols_outcome */
    char source[16];  /* symbols_source() */
};
struct sent_line { /* after the number of lines, 4 bytes; the strings follow */
    uint64_t start, size;
    uint32_t line;
    uint32_t bytes[3]; /* function, linkage name, file; with the NUL, 0 = NULL */
};
#define SENT_STRING_MAX (1u << 24)

struct namer {
    pid_t pid;
    FILE *in;
    const char *path;
    struct sent_head head;
    bool begun, cut;
    unsigned interrupts; /* interrupt_count() at the start */
    uint64_t left;
    struct symbol_line lines[INLINES_MAX];
    char *strings[INLINES_MAX][3];
};

/* --- the child --- */

static void send_lines(FILE *out, const struct symbol_line *lines, uint32_t n) {
    fwrite(&n, sizeof n, 1, out);
    for (uint32_t i = 0; i < n; i++) {
        const char *strings[3] = {lines[i].function, lines[i].linkage_name,
                                  lines[i].file};
        struct sent_line sent = {lines[i].start, lines[i].size, lines[i].line, {0}};
        for (int k = 0; k < 3; k++)
            if (strings[k] && strlen(strings[k]) < SENT_STRING_MAX)
                sent.bytes[k] = (uint32_t)strlen(strings[k]) + 1;
        fwrite(&sent, sizeof sent, 1, out);
        for (int k = 0; k < 3; k++)
            if (sent.bytes[k])
                fwrite(strings[k], 1, sent.bytes[k], out);
    }
}

static _Noreturn void look_up(const struct namer_job *job, int to, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    interrupt_ignore();
    FILE *out = fdopen(to, "w");
    if (!out)
        text_out_of_memory();
    struct symbols *symbols = NULL;
    struct sent_head head = {.outcome = symbols_new(&job->wanted, &symbols)};
    snprintf(head.source, sizeof head.source, "%s",
             symbols ? symbols_source(symbols) : "none");
    fwrite(&head, sizeof head, 1, out);
    for (uint64_t i = 0; i < job->n; i++) {
        const struct symbol_line *lines = NULL;
        uint32_t n = symbols ? symbols_look_up(symbols, job->addresses[i], &lines) : 0;
        send_lines(out, lines, n);
    }
    _exit(fflush(out) == 0 && !ferror(out) ? 0 : EXIT_CANNOT);
}

/* --- the parent --- */

int namer_new(const struct namer_job *job, struct namer **out) {
    int ends[2];
    *out = NULL;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_print_errno(-errno, "cannot make a pipe to look up names");
    fflush(NULL); /* else the child might write it again */
    unsigned interrupts = interrupt_count();
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        int r = -errno;
        close(ends[0]);
        close(ends[1]);
        return error_print_errno(r, "cannot start a process to look up names; the "
                                    "next command tries again");
    }
    if (pid == 0) {
        close(ends[0]);
        look_up(job, ends[1], parent);
    }
    close(ends[1]);
    struct namer *namer = text_alloc(sizeof *namer);
    namer->pid = pid;
    namer->path = job->wanted.path;
    namer->left = job->n;
    namer->interrupts = interrupts;
    if (!(namer->in = fdopen(ends[0], "r")))
        text_out_of_memory();
    *out = namer;
    return 0;
}

/* A signal that asks for no end is no reason to stop. */
static bool take(struct namer *namer, void *to, size_t bytes) {
    size_t n = 0;
    while (n < bytes && !namer->cut) {
        errno = 0;
        n += fread((char *)to + n, 1, bytes - n, namer->in);
        namer->cut = n < bytes && (errno != EINTR || !ferror(namer->in) ||
                                   interrupt_count() != namer->interrupts);
        clearerr(namer->in);
    }
    return !namer->cut;
}

static bool take_head(struct namer *namer) {
    if (!namer->begun)
        namer->begun = take(namer, &namer->head, sizeof namer->head);
    return namer->begun;
}

static bool take_line(struct namer *namer, uint32_t i) {
    struct sent_line sent;
    if (!take(namer, &sent, sizeof sent))
        return false;
    for (int k = 0; k < 3; k++) {
        char **string = &namer->strings[i][k];
        free(*string);
        *string = sent.bytes[k] ? text_alloc(sent.bytes[k]) : NULL;
        if (*string && !take(namer, *string, sent.bytes[k]))
            return false;
    }
    namer->lines[i] = (struct symbol_line){.function = namer->strings[i][0],
                                           .linkage_name = namer->strings[i][1],
                                           .file = namer->strings[i][2],
                                           .line = sent.line,
                                           .start = sent.start,
                                           .size = sent.size};
    return true;
}

int namer_next(struct namer *namer, const struct symbol_line **out) {
    uint32_t n = 0;
    if (!take_head(namer) || !take(namer, &n, sizeof n) || n > INLINES_MAX)
        return -EPIPE;
    for (uint32_t i = 0; i < n; i++)
        if (!take_line(namer, i))
            return -EPIPE;
    namer->left--;
    *out = namer->lines;
    return (int)n;
}

static void namer_free(struct namer *namer) {
    for (uint32_t i = 0; i < INLINES_MAX; i++)
        for (int k = 0; k < 3; k++)
            free(namer->strings[i][k]);
    free(namer);
}

int namer_end(struct namer *namer, enum symbols_outcome *outcome, const char **source,
              int *signal) {
    static const char *const sources[] = {"dwarf", "symtab", "minidebuginfo", "dynsym"};
    int status = 0, r = NAMER_WHOLE;
    take_head(namer);
    fclose(namer->in);
    while (waitpid(namer->pid, &status, 0) < 0 && errno == EINTR)
        ;
    *outcome = (enum symbols_outcome)namer->head.outcome;
    if (source)
        *source = "none";
    for (size_t i = 0; source && i < sizeof sources / sizeof *sources; i++)
        if (strcmp(namer->head.source, sources[i]) == 0)
            *source = sources[i];
    if (WIFSIGNALED(status)) {
        *signal = WTERMSIG(status);
        r = NAMER_BROKEN;
    } else if (namer->left || namer->cut) {
        r = error_print(-ENOMEM,
                        "the names of %s could not be looked up; the next command "
                        "tries again",
                        namer->path);
    }
    namer_free(namer);
    return r;
}

void namer_stop(struct namer *namer) {
    kill(namer->pid, SIGKILL);
    fclose(namer->in);
    while (waitpid(namer->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    namer_free(namer);
}
