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

/**
 * Append an excerpt.
 * Return: 1, or 0: there is nothing to show (no line is known, no such file, it has fewer lines).
 */
int report_source_add(const struct report_source *source, const struct report_finding *f,
                      const struct report_excerpt *excerpt, struct text *out);

#endif
