/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person at a terminal is given, and a pipe or a file is not: colours, lines that fit, paths without
 * what all of them begin with. Where none of it is wanted, text comes out byte for byte as without it.
 *
 *   terminal_use(1) ─► terminal_begin(out, COLOR_BUG) ... terminal_end(out) ─► terminal_disarm(out) ─► stdout
 *
 * Colours are sequences of a short fixed list; terminal_disarm() lets those through and nothing else.
 */
#ifndef DEARTH_TERMINAL_H
#define DEARTH_TERMINAL_H

#include <stdbool.h>

#include "text.h"

enum color {
    COLOR_TITLE,   /* headings */
    COLOR_BUG,     /* what must be mended */
    COLOR_WARNING, /* what must be looked at */
    COLOR_GOOD,
    COLOR_PLACE, /* files, lines */
    COLOR_FAINT, /* what is there to be looked up */
    N_COLORS
};

/* --color, an option of every command that prints for people. */
extern int terminal_color;
#define TERMINAL_COLOR_OPTION                                                            \
    {                                                                                    \
        0, "color", CLI_CHOICE, &terminal_color, NULL,                                   \
            "colours: where a terminal is written to and NO_COLOR is not set (auto, "    \
            "the default; CLICOLOR_FORCE: everywhere), always, or never",                \
            "auto|always|never"                                                          \
    }

/** What --color was, as an option for a command of ours; points to a constant. */
const char *terminal_color_option(void);

/**
 * From here on text is for @fd, or, -1, for a file: decides about colours.
 * Source: https://no-color.org, https://bixense.com/clicolors
 */
void terminal_use(int fd);

/** Are they wanted? */
bool terminal_is_colored(void);

/** Is it a terminal? */
bool terminal_is(int fd);
/** Columns of @fd; 0 = it is no terminal, or not known. COLUMNS is heeded, as by others. */
unsigned terminal_width(int fd);

/** Append what begins a colour, and what ends it; nothing where none are wanted. */
void terminal_begin(struct text *out, enum color color);
void terminal_end(struct text *out);
/** text_say() in a colour. */
void terminal_say(struct text *out, enum color color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** What begins a colour on @fd, whatever terminal_use() was told; N_COLORS: what ends it; "" where none are wanted. */
const char *terminal_sequence(int fd, enum color color);

/** text_disarm() that leaves our own colours, where they are wanted. */
void terminal_disarm(struct text *t, size_t start);

/**
 * One of our colours at @s.
 * @color: out; N_COLORS = its end
 * Return: bytes of it, 0 = there is none.
 */
size_t terminal_color_at(const char *s, enum color *color);

/** Columns that the @n bytes at @s take, colours left out. */
size_t terminal_columns(const char *s, size_t n);

/**
 * Break lines of @t from @start on that are wider than @width between words, what follows indented below what
 * it belongs to. Lines that hold a command to copy stay whole. @width: 0 = leave all as it is
 */
void terminal_wrap(struct text *t, size_t start, unsigned width);

/** Append @s in at most @width columns, the middle left out where it is wider: both ends of a path say most. */
void terminal_add_fitted(struct text *t, const char *s, unsigned width);

#endif
