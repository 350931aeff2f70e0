/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal is given: see terminal.h. */
#include "terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DOTS "\xe2\x80\xa6" /* … */

enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER }; /* as in TERMINAL_COLOR_OPTION */

int terminal_color;
static bool colored;

/* Source: ECMA-48, 8.3.117 SGR. Of the eight colours only those that are read on white and on black. */
static const char *const sequences[N_COLORS] = {
    [COLOR_TITLE] = "\033[1m", [COLOR_BUG] = "\033[1;31m", [COLOR_WARNING] = "\033[33m",
    [COLOR_GOOD] = "\033[32m", [COLOR_PLACE] = "\033[36m", [COLOR_FAINT] = "\033[2m",
};
static const char reset[] = "\033[0m";

const char *terminal_color_option(void) {
    static const char *const options[] = {"--color=auto", "--color=always",
                                          "--color=never"};
    return options[terminal_color];
}

bool terminal_is(int fd) {
    return fd >= 0 && isatty(fd);
}

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

static bool is_on(const char *name, bool otherwise) {
    const char *value = getenv(name);
    return value && *value ? strcmp(value, "0") != 0 : otherwise;
}

static bool wants_color(int fd) {
    const char *term = getenv("TERM");
    bool able = terminal_is(fd) && term && *term && strcmp(term, "dumb") != 0 &&
                is_on("CLICOLOR", true);
    return terminal_color == COLOR_ALWAYS ||
           (terminal_color == COLOR_AUTO && fd >= 0 && !is_set("NO_COLOR") &&
            (is_on("CLICOLOR_FORCE", false) || able));
}

void terminal_use(int fd) {
    colored = wants_color(fd);
}

const char *terminal_sequence(int fd, enum color color) {
    return fd < 0 || !wants_color(fd) ? "" : color < N_COLORS ? sequences[color] : reset;
}

unsigned terminal_width(int fd) {
    struct winsize size = {0};
    if (!terminal_is(fd))
        return 0;
    const char *columns = getenv("COLUMNS");
    unsigned long n = columns ? strtoul(columns, NULL, 10) : 0;
    if (n >= 20 && n < 10000)
        return (unsigned)n;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool terminal_is_colored(void) {
    return colored;
}

void terminal_begin(struct text *out, enum color color) {
    if (colored)
        text_add(out, sequences[color]);
}

void terminal_end(struct text *out) {
    if (colored)
        text_add(out, reset);
}

void terminal_say(struct text *out, enum color color, const char *format, ...) {
    char line[4096];
    va_list args;
    terminal_begin(out, color);
    va_start(args, format);
    text_vsay(line, sizeof line, format, args);
    va_end(args);
    text_add(out, line);
    terminal_end(out);
}

size_t terminal_color_at(const char *s, enum color *color) {
    size_t n = sizeof reset - 1;
    *color = N_COLORS;
    if (*s != '\033')
        return 0;
    if (strncmp(s, reset, n) == 0)
        return n;
    for (int i = 0; i < N_COLORS; i++) {
        n = strlen(sequences[i]);
        if (strncmp(s, sequences[i], n) != 0)
            continue;
        *color = (enum color)i;
        return n;
    }
    return 0;
}

static size_t sequence_at(const char *s) {
    enum color color;
    return terminal_color_at(s, &color);
}

void terminal_disarm(struct text *t, size_t start) {
    if (!colored || t->n <= start) {
        text_disarm(t, start);
        return;
    }
    AUTO_FREE char *all = text_dup(t->data + start);
    t->n = start;
    t->data[start] = 0;
    for (const char *p = all; *p;) {
        size_t ours = sequence_at(p), n = ours ? ours : 1, at = t->n;
        while (!ours && p[n] && !sequence_at(p + n))
            n++;
        text_add_n(t, p, n);
        if (!ours)
            text_disarm(t, at);
        p += n;
    }
}

/* A character's bytes at @s and its columns: those of East Asian scripts take two. */
static size_t character(const char *s, size_t n, size_t *columns) {
    const unsigned char *u = (const unsigned char *)s;
    size_t bytes = u[0] < 0xc0 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    bytes = bytes > n ? n : bytes;
    /* Source: Unicode, EastAsianWidth.txt: nearly all of U+1100-115F, U+2E80-A4CF, U+AC00-D7A3, U+F900-FAFF,
     * U+FF00-FF60, U+1F300-1F64F and U+20000 on */
    unsigned c = bytes == 3   ? (u[0] & 15u) << 12 | (u[1] & 63u) << 6 | (u[2] & 63u)
                 : bytes == 4 ? (u[0] & 7u) << 18 | (u[1] & 63u) << 12 | (u[2] & 63u) << 6
                              : 0;
    bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
                (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
                (c >= 0xff00 && c <= 0xff60) || (c >= 0x1f300 && c <= 0x1f64f) ||
                (c >= 0x20000 && c <= 0x3fffd);
    *columns = wide ? 2 : 1;
    return bytes;
}

size_t terminal_columns(const char *s, size_t n) {
    size_t columns = 0, one;
    for (size_t i = 0; i < n;) {
        size_t ours = sequence_at(s + i);
        if (ours) {
            i += ours;
            continue;
        }
        i += character(s + i, n - i, &one);
        columns += one;
    }
    return columns;
}

/* Is there a command to copy in it? Broken, it is none. */
static bool holds_command(const char *line, size_t n) {
    static const char word[] = "dearth ";
    for (size_t i = 0; i + sizeof word - 1 < n; i++)
        if (memcmp(line + i, word, sizeof word - 1) == 0)
            return true;
    return false;
}

/* Bytes of @s that go into @width columns, to the end of a word where one ends there. */
static size_t fitting(const char *s, size_t n, size_t width) {
    size_t columns = 0, at = 0, word = 0, one;
    while (at < n) {
        size_t ours = sequence_at(s + at), bytes = ours;
        one = 0;
        if (!ours)
            bytes = character(s + at, n - at, &one);
        if (columns + one > width)
            return word ? word : at ? at : bytes;
        columns += one;
        at += bytes;
        if (s[at] == ' ' && s[at - 1] != ' ')
            word = at;
    }
    return n;
}

/* Where what belongs to a line goes on below it: behind the word that begins it where that stands in a column of
 * its own, "  reason      a pointer ...", else a little further in. */
static size_t hanging(const char *line, size_t n, size_t width) {
    size_t blanks = strspn(line, " "), indent = blanks + 4;
    const char *gap = memmem(line + blanks, n - blanks, "  ", 2);
    if (gap && (size_t)(gap - line) < width / 3)
        indent = (size_t)(gap - line) + strspn(gap, " ");
    return indent > width / 2 ? width / 4 : indent;
}

static void wrap_line(struct text *t, const char *line, size_t n, size_t width) {
    size_t indent = hanging(line, n, width);
    size_t taken = fitting(line, n, width);
    text_add_n(t, line, taken);
    while (taken < n) {
        while (taken < n && line[taken] == ' ')
            taken++;
        size_t more = fitting(line + taken, n - taken, width - indent);
        if (taken < n)
            text_addf(t, "\n%*s", (int)indent, "");
        text_add_n(t, line + taken, more);
        taken += more;
    }
}

void terminal_wrap(struct text *t, size_t start, unsigned width) {
    if (width < 20 || t->n <= start)
        return;
    AUTO_FREE char *all = text_dup(t->data + start);
    t->n = start;
    t->data[start] = 0;
    for (const char *p = all; *p;) {
        size_t n = strcspn(p, "\n");
        if (terminal_columns(p, n) <= width || holds_command(p, n))
            text_add_n(t, p, n);
        else
            wrap_line(t, p, n, width);
        p += n;
        if (*p == '\n') {
            text_add(t, "\n");
            p++;
        }
    }
}

void terminal_add_fitted(struct text *t, const char *s, unsigned width) {
    size_t n = strlen(s), columns = terminal_columns(s, n), one, seen = 0, at = 0;
    if (columns <= width) {
        text_add_n(t, s, n);
        return;
    }
    size_t head = width > 1 ? (width - 1) / 3 : 0, tail = width ? width - 1 - head : 0;
    while (at < n && seen < head) {
        size_t bytes = character(s + at, n - at, &one);
        if (seen + one > head)
            break;
        text_add_n(t, s + at, bytes);
        seen += one;
        at += bytes;
    }
    text_add(t, width ? DOTS : "");
    while (at < n && terminal_columns(s + at, n - at) > tail)
        at += character(s + at, n - at, &one);
    text_add_n(t, s + at, n - at);
}
