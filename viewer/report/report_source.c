/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of sources: see report_source.h. */
#include "report_source.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report_headline.h"
#include "report_words.h"
#include "short_name.h"
#include "short_path.h"
#include "store.h"
#include "terminal.h"

#define MOST_BYTES   (16 << 20) /* of a file */
#define BEFORE       2u         /* lines that are shown above */
#define AFTER        1u         /* and below */
#define TAB          4
#define MOST_COLUMNS 140u /* of a line where no width is known */
#define MOST_PARENTS 4    /* folders above a program that its sources may lie in */

enum { ORIGIN_ATTEMPT = 1 };
#define ORIGIN_COLUMNS(X) X(ORIGIN_CWD, "r.cwd") X(ORIGIN_STARTED, "r.started_unix_ns")
enum { ORIGIN_COLUMNS(STORE_COLUMN_ENUM) };

/* Where and when its program ran. */
static void find_origin(const struct report_data *data, const struct report_finding *f,
                        char **cwd, int64_t *started_ns) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (store_prepare(data->store,
                      STORE_SELECT(ORIGIN_COLUMNS) "FROM attempt a JOIN replay p ON p.id "
                                                   "= a.replay_id JOIN recording r ON "
                                                   "r.id = p.recording_id WHERE a.id = ?",
                      &s) < 0)
        return;
    sqlite3_bind_int64(s, ORIGIN_ATTEMPT, f->attempt_id);
    if (sqlite3_step(s) != SQLITE_ROW)
        return;
    *cwd = text_dup(store_column_text(s, ORIGIN_CWD));
    *started_ns = sqlite3_column_int64(s, ORIGIN_STARTED);
}

/* --- the file --- */

static int64_t changed_ns(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Nothing of what a name may lead to is waited for, or changed by being opened. */
static char *read_file(const char *path, struct stat *st) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    char *content = NULL;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_size > 0 &&
        st->st_size <= MOST_BYTES) {
        size_t n = 0, all = (size_t)st->st_size;
        content = text_alloc(all + 1);
        for (ssize_t more; n < all; n += (size_t)more)
            if ((more = read(fd, content + n, all - n)) <= 0)
                break;
        content[n] = 0;
    }
    close(fd);
    return content;
}

static char *try_below(const char *folder, const char *file, struct stat *st,
                       char **found) {
    AUTO_FREE char *path = text_format("%s/%s", folder, file);
    char *content = read_file(path, st);
    if (content)
        *found = text_dup(path);
    return content;
}

/* As it is named below @folder, or without folders that it begins with. */
static char *try_suffixes(const char *folder, const char *file, struct stat *st,
                          char **found) {
    char *content = NULL;
    for (const char *at = file; at && !content; at = strchr(at, '/')) {
        at += strspn(at, "/");
        content = try_below(folder, at, st, found);
    }
    return content;
}

static char *try_parents(const char *module, const char *file, struct stat *st,
                         char **found) {
    AUTO_FREE char *folder = text_dup(module);
    char *content = NULL;
    for (int i = 0; i < MOST_PARENTS && !content; i++) {
        char *slash = strrchr(folder, '/');
        if (!slash || slash == folder)
            break;
        *slash = 0;
        content = try_below(folder, file, st, found);
    }
    return content;
}

static char *find(const struct report_source *source, const struct report_excerpt *e,
                  const char *cwd, struct stat *st, char **found) {
    char *content = NULL;
    size_t n = source->folders ? source->folders->n : 0;
    for (size_t i = 0; i < n && !content; i++)
        content = try_suffixes(source->folders->items[i], e->file, st, found);
    if (content)
        return content;
    if (e->file[0] == '/') {
        content = read_file(e->file, st);
        *found = content ? text_dup(e->file) : NULL;
        return content;
    }
    if (cwd)
        content = try_below(cwd, e->file, st, found);
    if (!content && e->module[0] == '/')
        content = try_parents(e->module, e->file, st, found);
    return content;
}

/* Return: why its lines may not be those that ran, or NULL. */
static const char *doubt(const struct report_excerpt *e, const struct stat *st,
                         int64_t started_ns) {
    struct stat module;
    if (started_ns && changed_ns(st) > started_ns)
        return "written to after the recording: lines may have moved";
    if (stat(e->module, &module) < 0)
        return NULL;
    if (changed_ns(st) > changed_ns(&module))
        return "newer than the binary: lines may have moved";
    if (started_ns && changed_ns(&module) > started_ns)
        return "the binary was built anew since: lines may have moved";
    return NULL;
}

/* --- its lines --- */

/* Line @number from 1 without its end, tabs as blanks; NULL = there is none. free() it. */
static char *line_of(const char *content, uint32_t number) {
    while (--number && content)
        content = (content = strchr(content, '\n')) ? content + 1 : NULL;
    if (!content || !*content)
        return NULL;
    AUTO_TEXT struct text raw = {0};
    struct text shown = {0};
    for (const char *p = content; *p && *p != '\n' && *p != '\r'; p++) {
        if (*p == '\t')
            text_addf(&raw, "%*s", (int)(TAB - raw.n % TAB), "");
        else
            text_add_n(&raw, p, 1);
    }
    text_add(&raw, "");
    text_add_name(&shown, raw.data);
    return text_take(&shown);
}

static void add_cut(struct text *out, const char *line, unsigned width) {
    size_t n = strlen(line), columns = terminal_columns(line, n);
    while (n && columns > width) {
        do
            n--;
        while (n && ((unsigned char)line[n] & 0xc0) == 0x80);
        columns = terminal_columns(line, n) + 1;
    }
    text_add_n(out, line, n);
    text_add(out, line[n] ? "\xe2\x80\xa6\n" : "\n");
}

static void add_gutter(struct text *out, uint32_t number) {
    terminal_begin(out, COLOR_PLACE);
    if (number)
        text_addf(out, "    %8u | ", number);
    else
        text_addf(out, "    %8s | ", "");
    terminal_end(out);
}

/* What stands below the line: it is underlined from its first word to its end. */
static void add_mark(struct text *out, const char *line, const char *says,
                     unsigned width) {
    size_t blanks = strspn(line, " "), all = terminal_columns(line, strlen(line));
    size_t n = all > blanks ? all - blanks : 1, room = width / 2;
    if (blanks >= room)
        blanks = 0;
    n = n + blanks > room ? room - blanks : n;
    text_addf(out, "%*s", (int)blanks, "");
    terminal_begin(out, COLOR_BUG);
    for (size_t i = 0; i < n; i++)
        text_add(out, "^");
    if (blanks + n + 1 + terminal_columns(says, strlen(says)) > width) {
        terminal_end(out);
        text_add(out, "\n");
        add_gutter(out, 0);
        text_addf(out, "%*s", (int)blanks, "");
        terminal_begin(out, COLOR_BUG);
    } else {
        text_add(out, " ");
    }
    text_add_name(out, says);
    terminal_end(out);
    text_add(out, "\n");
}

/* --- an excerpt --- */

void report_lines_deinit(struct report_lines *lines) {
    for (uint32_t i = 0; i < lines->n; i++)
        free(lines->items[i]);
    free(lines->path);
    *lines = (struct report_lines){0};
}

static void read_lines(const char *content, uint32_t line, struct report_lines *out) {
    out->first = line > BEFORE ? line - BEFORE : 1;
    for (uint32_t i = out->first; i <= line + AFTER; i++) {
        char *text = line_of(content, i);
        if (!text)
            break;
        bool empty = !text[strspn(text, " ")];
        if (i == out->first && i < line && empty) {
            free(text); /* an empty one at an end */
            out->first++;
            continue;
        }
        if (i > line && empty) {
            free(text);
            break;
        }
        out->items[out->n++] = text;
    }
}

int report_source_read(const struct report_source *source, const struct report_finding *f,
                       const struct report_excerpt *e, struct report_lines *out) {
    AUTO_FREE char *cwd = NULL;
    AUTO_FREE char *content = NULL;
    int64_t started_ns = 0;
    struct stat st;
    *out = (struct report_lines){0};
    if (!e->file || !e->line)
        return 0;
    find_origin(source->data, f, &cwd, &started_ns);
    content = find(source, e, cwd, &st, &out->path);
    if (content)
        read_lines(content, e->line, out);
    if (out->first + out->n <= e->line || !out->n) {
        report_lines_deinit(out);
        return 0;
    }
    out->doubt = doubt(e, &st, started_ns);
    return 1;
}

static void add_lines(const struct report_source *source, const struct report_excerpt *e,
                      const struct report_lines *lines, struct text *out) {
    const unsigned gutter = 15;
    unsigned width = source->width > 2 * gutter ? source->width - gutter : MOST_COLUMNS;
    for (uint32_t i = 0; i < lines->n; i++) {
        add_gutter(out, lines->first + i);
        add_cut(out, lines->items[i], width);
        if (lines->first + i != e->line)
            continue;
        add_gutter(out, 0);
        add_mark(out, lines->items[i], e->says, width);
    }
}

int report_source_add(const struct report_source *source, const struct report_finding *f,
                      const struct report_excerpt *e, struct text *out) {
    struct report_lines lines;
    if (!report_source_read(source, f, e, &lines))
        return 0;
    terminal_begin(out, COLOR_PLACE);
    text_add(out, e->then ? "         ::: " : "         --> ");
    terminal_end(out);
    text_say(out, "%s:%u", short_path(lines.path), e->line);
    if (lines.doubt)
        terminal_say(out, COLOR_WARNING, " (%s)", lines.doubt);
    text_add(out, "\n");
    add_lines(source, e, &lines, out);
    report_lines_deinit(&lines);
    return 1;
}

/* --- of a finding --- */

static bool take_fault(const struct report_source *source, const struct report_finding *f,
                       report_excerpt_take *take, void *state) {
    const struct report_location *at = f->fault.location;
    char bytes[16];
    if (!at)
        return false;
    AUTO_TEXT struct text says = {0}; /* a strange database's names are of any length */
    text_say(&says, "this %s", f->fault.op);
    if (f->fault.size >= 0)
        text_addf(&says, " of %s", text_bytes((uint64_t)f->fault.size, bytes));
    text_add(&says, " fails");
    const struct report_excerpt e = {at->file, (uint32_t)at->line, at->module, says.data,
                                     false};
    return take(state, source, f, &e);
}

int report_source_each(const struct report_source *source, const struct report_finding *f,
                       report_excerpt_take *take, void *state) {
    const uint32_t most = 16; /* frames further out say little about it */
    AUTO_FRAMES struct frames frames = {0};
    char name[24];
    bool then = take_fault(source, f, take, state), found = false;
    int r = f->crash.stack_id
                ? report_data_stack(source->data, f->crash.stack_id, &frames)
                : 0;
    uint32_t first = frames.n ? report_headline_skip(&frames) : 0;
    for (uint32_t i = first; r == 0 && !found && i < frames.n && i < first + most; i++) {
        const struct frame *at = &frames.items[i];
        AUTO_TEXT struct text says = {0};
        text_add(&says, f->timed_out      ? "it is stopped here"
                        : f->crash.signal ? signal_name(f->crash.signal, name)
                                          : "it goes wrong here");
        if (i > first) {
            text_add(&says, " in ");
            short_name_add(frames.items[first].function, &says);
            text_add(&says, ", called here");
        } else if (f->crash.has_address) {
            text_say(&says, " at address 0x%llx", (unsigned long long)f->crash.address);
        }
        const struct report_excerpt e = {at->file, at->line, at->module, says.data, then};
        found = take(state, source, f, &e);
    }
    return r;
}
