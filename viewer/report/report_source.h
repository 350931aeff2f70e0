/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a program's sources, for people, as compilers show them:
 *
 *          --> list.c:12
 *           |
 *        11 |     struct node *n = malloc(sizeof *n);
 *        12 |     n->next = list;
 *           |     ^^^^^^^^^^^^^^^ SIGSEGV at address 0x0
 *
 * Sources are looked for where the program was built, beside it and where it was run; only regular files are read.
 * What was written to since the program was built, or run, is shown with a word about that.
 */
#ifndef DEARTH_REPORT_SOURCE_H
#define DEARTH_REPORT_SOURCE_H

#include "report_data.h"

struct report_source {
    const struct report_data *data;
    const struct cli_list *folders; /* --source-dir: looked into first; NULL = none */
    unsigned width;                 /* of lines; 0 = none is known */
};

struct report_excerpt {
    const char *file; /* as the debug information names it */
    uint32_t line;
    const char *module; /* whose code it is */
    const char *says;   /* below the line */
    bool then;          /* it comes after another one */
};

/* What was found of an excerpt. */
struct report_lines {
    char *path;        /* of the file that was read */
    const char *doubt; /* why these may not be the lines that ran; NULL = they are */
    uint32_t first;    /* number of the first line */
    char *items
        [4]; /* around the excerpt's line; tabs are blanks, what would steer a terminal is escaped */
    uint32_t n;
};

/**
 * Read the lines around an excerpt's.
 * @out: report_lines_deinit()
 * Return: 1, or 0: there is nothing to show (no line is known, no such file, it has fewer lines).
 */
int report_source_read(const struct report_source *source, const struct report_finding *f,
                       const struct report_excerpt *excerpt, struct report_lines *out);
void report_lines_deinit(struct report_lines *lines); /* zero is valid; twice is safe */

/**
 * Append an excerpt.
 * Return: 1, or 0: there is nothing to show, as above.
 */
int report_source_add(const struct report_source *source, const struct report_finding *f,
                      const struct report_excerpt *excerpt, struct text *out);

/** What to do with an excerpt. Return: whether there was anything to show of it. */
typedef bool report_excerpt_take(void *state, const struct report_source *source,
                                 const struct report_finding *f,
                                 const struct report_excerpt *excerpt);

/**
 * The excerpts of a finding: around the call that failed; around where it went wrong, or the innermost call below which
 * it did that @take could show.
 * Return: 0, or negative errno after a message (a stack could not be read).
 */
int report_source_each(const struct report_source *source, const struct report_finding *f,
                       report_excerpt_take *take, void *state);

#endif
