/* SPDX-License-Identifier: Apache-2.0 */
/* The file `.dearth` of a project: see project.h. */
#include "project.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

#define FILE_NAME ".dearth"
#define MAX_BYTES 65536

static const char *const words[] = {"own",       "not-own",  "in",        "blame",
                                    "env-allow", "env-deny", "catalogue", "policy"};

static const char *find_word(const char *s, size_t n) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && strncmp(words[i], s, n) == 0)
            return words[i];
    return NULL;
}

/* --- one line --- */

static char *trim(char *s) {
    s += strspn(s, " \t");
    for (size_t n = strlen(s); n && strchr(" \t\r", s[n - 1]);)
        s[--n] = 0;
    return s;
}

/* A catalogue's path is that of the folder the file is in. */
static char *value_of(const struct project *p, const char *word, const char *value) {
    if (strcmp(word, "catalogue") != 0 || value[0] == '/')
        return text_dup(value);
    return text_format("%.*s%s", (int)(strlen(p->path) - strlen(FILE_NAME)), p->path,
                       value);
}

static int read_line(struct project *p, unsigned number, char *line) {
    line = trim(line);
    size_t n = strcspn(line, " \t");
    if (!*line || *line == '#')
        return 0;
    const char *word = find_word(line, n), *value = trim(line + n);
    if (!word)
        return error_print(-EINVAL,
                           "%s:%u: '%.*s' is none of own, not-own, in, blame, env-allow, "
                           "env-deny, catalogue, policy",
                           p->path, number, (int)n, line);
    if (!*value)
        return error_print(-EINVAL, "%s:%u: '%s' of what?", p->path, number, word);
    p->lines = text_grow(p->lines, p->n, sizeof *p->lines);
    p->lines[p->n++] = (struct project_line){word, value_of(p, word, value)};
    return 0;
}

/* --- the file --- */

static int read_lines(struct project *p, FILE *file) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    unsigned number = 0;
    int r = 0;
    while (r == 0 && (n = getline(&line, &capacity, file)) >= 0) {
        if (strlen(line) != (size_t)n)
            r = error_print(-EINVAL, "%s:%u: holds a NUL", p->path, number + 1);
        line[strcspn(line, "\n")] = 0;
        if (r == 0)
            r = read_line(p, ++number, line);
    }
    if (r == 0 && ferror(file))
        r = error_print(-EIO, "%s: cannot read it", p->path);
    free(line);
    return r;
}

/* Return: 1 = read it, 0 = it is to be left alone, or negative errno after a message. */
static int look_at(const struct project *p, int fd) {
    struct stat file, folder;
    AUTO_FREE char *above =
        text_format("%.*s", (int)(strlen(p->path) - strlen(FILE_NAME)), p->path);
    if (fstat(fd, &file) < 0 || stat(above, &folder) < 0)
        return error_print_errno(-errno, "%s: cannot look at it", p->path);
    if (!S_ISREG(file.st_mode))
        return 0; /* a folder of that name, for example */
    if (file.st_size > MAX_BYTES)
        return error_print(-EFBIG, "%s: is too large", p->path);
    if (file.st_uid == folder.st_uid || file.st_uid == geteuid())
        return 1;
    error_warn("%s: is not read: it is neither yours nor of the owner of its folder",
               p->path);
    return 0;
}

/* Return: 1, 0 = there is none, or negative errno after a message. */
static int load(struct project *p) {
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : error_print_errno(-errno, "%s: cannot open", p->path);
    int r = look_at(p, fd);
    FILE *file = r > 0 ? fdopen(fd, "re") : NULL;
    if (!file) {
        close(fd);
        return r > 0 ? -ENOMEM : r;
    }
    r = read_lines(p, file);
    fclose(file);
    return r < 0 ? r : 1;
}

static bool is_top(const char *folder) {
    static const char *const marks[] = {".git", ".hg", ".svn", ".bzr"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        AUTO_FREE char *path = text_format("%s/%s", folder, marks[i]);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* Return: from the working folder to the one under version control, how often to go up; 0 = it alone. */
static unsigned count_up(const char *cwd) {
    AUTO_FREE char *folder = text_dup(cwd);
    unsigned n = 0;
    for (char *slash; !is_top(folder); n++, *slash = 0)
        if (!(slash = strrchr(folder, '/')) || slash == folder)
            return 0;
    return n;
}

int project_load(struct project *out) {
    *out = (struct project){0};
    AUTO_FREE char *cwd = getcwd(NULL, 0);
    int r = 0;
    if (!cwd)
        return 0;
    for (unsigned left = count_up(cwd);; left--) {
        out->path = text_format("%s/" FILE_NAME, strcmp(cwd, "/") == 0 ? "" : cwd);
        if ((r = load(out)) != 0 || !left)
            break;
        free(out->path);
        *strrchr(cwd, '/') = 0;
    }
    if (r == 0)
        project_deinit(out);
    return r < 0 ? r : 0;
}

void project_deinit(struct project *p) {
    for (size_t i = 0; i < p->n; i++)
        free(p->lines[i].value);
    free(p->lines);
    free(p->path);
    *p = (struct project){0};
}

void project_fill(const struct project *p, const char *word, struct cli_list *list) {
    AUTO_TEXT struct text said = {0};
    if (list->n)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->lines[i].word, word) == 0) {
            list->items = text_grow(list->items, list->n, sizeof *list->items);
            list->items[list->n++] = p->lines[i].value;
            text_say(&said, "%s %s", list->n > 1 ? "," : "", p->lines[i].value);
        }
    if (list->n)
        error_info("%s: --%s%s", p->path, word, said.data);
}
