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
struct sent_head {    /* begins a job; the files follow */
    uint32_t outcome; /* enum symbols_outcome */
    uint32_t n_files;
    uint64_t n;      /* addresses */
    char source[16]; /* symbols_source() */
};
struct sent_file { /* the path follows */
    struct file_mark mark;
    uint64_t bytes; /* with the NUL */
};
struct sent_line { /* after the number of lines, 4 bytes; the strings follow */
    uint64_t start, size;
    uint32_t line, column;
    uint32_t bytes[3]; /* function, linkage name, file; with the NUL, 0 = NULL */
};
#define SENT_STRING_MAX (1u << 24)
#define PIPE_BYTES      65536u /* as much as a pipe holds: each end is woken seldom */

struct namer {
    pid_t pid;
    FILE *in;
    const struct namer_job *jobs;
    uint64_t n_jobs, job; /* jobs[job - 1] is the current one */
    uint64_t left;        /* addresses of it */
    struct symbol_files files;
    bool cut;
    unsigned interrupts; /* interrupt_count() at the start */
    struct symbol_line lines[INLINES_MAX];
    char *strings[INLINES_MAX][3];
};

/* --- the child --- */

static void send_lines(FILE *out, const struct symbol_line *lines, uint32_t n) {
    fwrite(&n, sizeof n, 1, out);
    for (uint32_t i = 0; i < n; i++) {
        const char *strings[3] = {lines[i].function, lines[i].linkage_name,
                                  lines[i].file};
        struct sent_line sent = {
            lines[i].start, lines[i].size, lines[i].line, lines[i].column, {0}};
        for (int k = 0; k < 3; k++)
            if (strings[k] && strlen(strings[k]) < SENT_STRING_MAX)
                sent.bytes[k] = (uint32_t)strlen(strings[k]) + 1;
        fwrite(&sent, sizeof sent, 1, out);
        for (int k = 0; k < 3; k++)
            if (sent.bytes[k])
                fwrite(strings[k], 1, sent.bytes[k], out);
    }
}

static void send_head(FILE *out, enum symbols_outcome outcome,
                      const struct symbols *symbols, uint64_t n) {
    struct sent_head head = {
        .outcome = outcome, .n = n, .n_files = symbols ? symbols_files(symbols)->n : 0};
    snprintf(head.source, sizeof head.source, "%s",
             symbols ? symbols_source(symbols) : "none");
    fwrite(&head, sizeof head, 1, out);
    for (uint32_t i = 0; i < head.n_files; i++) {
        const struct symbol_file *file = &symbols_files(symbols)->items[i];
        struct sent_file sent = {file->mark, strlen(file->path) + 1};
        fwrite(&sent, sizeof sent, 1, out);
        fwrite(file->path, 1, sent.bytes, out);
    }
}

static void look_up(const struct namer_job *job, FILE *out) {
    struct symbols *symbols = NULL;
    enum symbols_outcome outcome = symbols_new(&job->wanted, &symbols);
    const uint64_t *addresses = job->addresses;
    uint64_t n_addresses = job->n;
    if (job->functions)
        n_addresses = symbols ? symbols_functions(symbols, &addresses) : 0;
    send_head(out, outcome, symbols, n_addresses);
    for (uint64_t i = 0; i < n_addresses; i++) {
        const struct symbol_line *lines = NULL;
        uint32_t n = symbols ? symbols_look_up(symbols, addresses[i], &lines) : 0;
        send_lines(out, lines, n);
    }
    fflush(out); /* before the next one may end us */
    symbols_free(symbols);
}

static _Noreturn void look_all_up(const struct namer_job *jobs, uint64_t n, int to,
                                  pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    interrupt_ignore();
    FILE *out = fdopen(to, "w");
    if (!out)
        text_out_of_memory();
    setvbuf(out, NULL, _IOFBF, PIPE_BYTES);
    for (uint64_t i = 0; i < n; i++)
        look_up(&jobs[i], out);
    _exit(fflush(out) == 0 && !ferror(out) ? 0 : EXIT_CANNOT);
}

/* --- the parent --- */

int namer_new(const struct namer_job *jobs, uint64_t n, struct namer **out) {
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
        look_all_up(jobs, n, ends[1], parent);
    }
    close(ends[1]);
    struct namer *namer = text_alloc(sizeof *namer);
    namer->pid = pid;
    namer->jobs = jobs;
    namer->n_jobs = n;
    namer->interrupts = interrupts;
    if (!(namer->in = fdopen(ends[0], "r")))
        text_out_of_memory();
    setvbuf(namer->in, NULL, _IOFBF, PIPE_BYTES);
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

static bool take_file(struct namer *namer) {
    struct sent_file sent;
    struct symbol_files *files = &namer->files;
    if (!take(namer, &sent, sizeof sent) || !sent.bytes || sent.bytes > SENT_STRING_MAX)
        return false;
    struct symbol_file *file = &files->items[files->n];
    *file = (struct symbol_file){.path = text_alloc(sent.bytes), .mark = sent.mark};
    files->n++;
    return take(namer, file->path, sent.bytes);
}

static const char *known_source(const char *name) {
    static const char *const sources[] = {"dwarf", "symtab", "minidebuginfo", "dynsym"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strcmp(name, sources[i]) == 0)
            return sources[i];
    return "none";
}

int namer_head(struct namer *namer, struct namer_head *out) {
    struct sent_head head;
    symbol_files_deinit(&namer->files);
    const struct namer_job *job = &namer->jobs[namer->job++];
    namer->left = job->functions ? UINT64_MAX : job->n;
    if (!take(namer, &head, sizeof head) || head.n_files > SYMBOL_FILES_MAX ||
        (!job->functions && head.n != job->n))
        return -EPIPE;
    namer->left = head.n;
    namer->files.items = text_alloc((head.n_files + 1) * sizeof *namer->files.items);
    for (uint32_t i = 0; i < head.n_files; i++)
        if (!take_file(namer))
            return -EPIPE;
    *out = (struct namer_head){(enum symbols_outcome)head.outcome,
                               known_source(head.source), namer->files, head.n};
    return 0;
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
                                           .column = sent.column,
                                           .start = sent.start,
                                           .size = sent.size};
    return true;
}

int namer_next(struct namer *namer, const struct symbol_line **out) {
    uint32_t n = 0;
    if (!take(namer, &n, sizeof n) || n > INLINES_MAX)
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
    symbol_files_deinit(&namer->files);
    free(namer);
}

int namer_end(struct namer *namer, int *signal) {
    int status = 0, r = NAMER_WHOLE;
    fclose(namer->in);
    while (waitpid(namer->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status)) {
        *signal = WTERMSIG(status);
        r = NAMER_BROKEN;
    } else if (namer->left || namer->cut) {
        r = error_print(-ENOMEM,
                        "the names of %s could not be looked up; the next command "
                        "tries again",
                        namer->jobs[namer->job - 1].wanted.path);
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
