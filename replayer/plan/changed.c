/* SPDX-License-Identifier: Apache-2.0 */
/* What was changed since a revision: see changed.h. */
#include "changed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "sites.h"
#include "text.h"

extern char **environ;

void changed_deinit(struct changed *c) {
    for (uint32_t i = 0; i < c->n; i++)
        free(c->list[i].path);
    free(c->list);
    *c = (struct changed){0};
}

/* --- the diff --- */

static void add_lines(struct changed *c, const char *path, uint32_t first,
                      uint32_t count) {
    if (!path)
        return;
    c->list = text_grow(c->list, c->n, sizeof *c->list);
    /* nothing left between two lines: they are next to what was taken out */
    c->list[c->n++] =
        (struct changed_lines){text_dup(path), first, first + (count ? count - 1 : 1)};
}

/* "b/path", perhaps with a tab behind it. Return: owned, NULL for /dev/null */
static char *read_path(const char *line, size_t n) {
    const char *tab = memchr(line, '\t', n);
    n = tab ? (size_t)(tab - line) : n;
    return n > 2 && strncmp(line, "b/", 2) == 0 ? strndup(line + 2, n - 2) : NULL;
}

/* "@@ -FIRST[,COUNT] +FIRST[,COUNT] @@": a count that is missing is 1 */
static bool read_hunk(const char *line, uint32_t *old_n, uint32_t *first,
                      uint32_t *new_n) {
    char *at;
    if (strncmp(line, "@@ -", 4) != 0)
        return false;
    strtoul(line + 4, &at, 10);
    *old_n = *at == ',' ? (uint32_t)strtoul(at + 1, &at, 10) : 1;
    if (strncmp(at, " +", 2) != 0)
        return false;
    *first = (uint32_t)strtoul(at + 2, &at, 10);
    *new_n = *at == ',' ? (uint32_t)strtoul(at + 1, &at, 10) : 1;
    return true;
}

/* Lines of a hunk are counted: one of them may look like a header. */
void changed_parse(const char *text, struct changed *out) {
    uint32_t old_n = 0, new_n = 0, first;
    char *path = NULL;
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (old_n || new_n) {
            old_n -= old_n && (*text == ' ' || *text == '-');
            new_n -= new_n && (*text == ' ' || *text == '+');
        } else if (n >= 4 && strncmp(text, "+++ ", 4) == 0) {
            free(path);
            path = read_path(text + 4, n - 4);
        } else if (read_hunk(text, &old_n, &first, &new_n)) {
            add_lines(out, path, first, new_n);
        }
        text += n + (text[n] == '\n');
    }
    free(path);
}

/* --- git --- */

/* Its standard output. Return: 0 with @out, owned, or a negative errno after a message. */
static int run_git(char *const *argv, char **out) {
    posix_spawn_file_actions_t actions;
    struct text text = {0};
    char part[4096];
    int pipes[2], status = -1;
    pid_t pid;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return error_print_errno(-errno, "git: cannot make a pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    int err = posix_spawnp(&pid, "git", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    ssize_t n = 0;
    while (!err &&
           ((n = read(pipes[0], part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
        text_add_n(&text, part, n > 0 ? (size_t)n : 0);
    close(pipes[0]);
    while (!err && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (err || !WIFEXITED(status) || WEXITSTATUS(status)) {
        text_deinit(&text);
        return err ? error_print_errno(-err, "--changed-since: git cannot be run")
                   : error_print(-EINVAL, "--changed-since: git has said why not");
    }
    text_add(&text, "");
    *out = text.data ? text_take(&text) : text_dup("");
    return 0;
}

static int read_top(const char *repository, char **top) {
    char *argv[] = {(char *)"git",
                    (char *)"-C",
                    (char *)repository,
                    (char *)"rev-parse",
                    (char *)"--show-toplevel",
                    NULL};
    int r = run_git(argv, top);
    if (r == 0)
        (*top)[strcspn(*top, "\n")] = '\0';
    return r;
}

static int read_diff(const char *top, const char *revision, struct changed *out) {
    AUTO_FREE char *text = NULL;
    char *argv[] = {(char *)"git",
                    (char *)"-C",
                    (char *)top,
                    (char *)"-c",
                    (char *)"core.quotePath=false",
                    (char *)"diff",
                    (char *)"--function-context",
                    (char *)"--no-color",
                    (char *)"--no-ext-diff",
                    (char *)"--no-relative",
                    (char *)"--src-prefix=a/",
                    (char *)"--dst-prefix=b/",
                    (char *)revision,
                    (char *)"--",
                    NULL};
    int r = run_git(argv, &text);
    if (r == 0)
        changed_parse(text, out);
    return r;
}

/* --- frames --- */

/* Where a source file lies in the work tree, found once. */
struct source_file {
    const char *file; /* as in the debug information */
    char *path;       /* NULL = outside */
};

struct source_files {
    const char *top;
    struct source_file *list;
    uint32_t n, n_inside;
};

static const char *find_source(struct source_files *p, const char *file) {
    char real[PATH_MAX];
    size_t top_n = strlen(p->top);
    for (uint32_t i = p->n; i-- > 0;)
        if (strcmp(p->list[i].file, file) == 0)
            return p->list[i].path;
    bool inside = *file == '/' && realpath(file, real) &&
                  strncmp(real, p->top, top_n) == 0 && real[top_n] == '/';
    p->list = text_grow(p->list, p->n, sizeof *p->list);
    p->list[p->n] =
        (struct source_file){file, inside ? text_dup(real + top_n + 1) : NULL};
    p->n_inside += inside;
    return p->list[p->n++].path;
}

static bool is_changed(const struct changed *c, const char *path, uint32_t line) {
    for (uint32_t i = 0; path && i < c->n; i++)
        if (line >= c->list[i].first && line <= c->list[i].last &&
            strcmp(c->list[i].path, path) == 0)
            return true;
    return false;
}

static int mark(const struct changed *c, const char *top, const char *revision,
                struct sites *sites) {
    struct source_files p = {.top = top};
    for (uint32_t i = 0; i < sites->input.n_frames; i++) {
        struct plan_frame *f = &sites->frames[i];
        for (uint32_t k = 0; k < f->n_symbols; k++)
            if (f->files[k])
                f->changed |= is_changed(c, find_source(&p, f->files[k]), f->lines[k]);
    }
    sites->n_changed = 0;
    for (uint32_t i = 0; i < sites->input.n_frames; i++)
        sites->n_changed += sites->frames[i].changed;
    for (uint32_t i = 0; i < p.n; i++)
        free(p.list[i].path);
    free(p.list);
    if (p.n_inside)
        return 0;
    return error_print(-ENOENT,
                       "--changed-since %s: no source file of the recording lies in %s; "
                       "build the program there with debug information (-g), record it "
                       "again, or name its work tree with --repository",
                       revision, top);
}

int changed_mark(const char *revision, const char *repository, struct sites *sites) {
    AUTO_FREE char *top = NULL;
    struct changed changed = {0};
    if (!*revision || *revision == '-')
        return error_print(-EINVAL, "--changed-since takes a revision, not '%s'",
                           revision);
    int r = read_top(repository ? repository : ".", &top);
    if (r == 0)
        r = read_diff(top, revision, &changed);
    if (r == 0)
        r = mark(&changed, top, revision, sites);
    changed_deinit(&changed);
    return r;
}
