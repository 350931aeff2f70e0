/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `.dearth` of a project: its scope, so that everybody's command lines and CI's agree; dearth-suite(1) has
 * its syntax.
 *
 *   # comment
 *   own       src/lib*.c        each line: a word, and one value up to the end of the line
 *   blame     src/lib*.c
 *
 * It lies in the working folder or in one above it, up to the one that is under version control. What a command line
 * says takes the place of all that the file says with the same word.
 */
#ifndef DEARTH_PROJECT_H
#define DEARTH_PROJECT_H

#include <stddef.h>

#include "cli.h"

struct project_line {
    const char *word; /* of project_words[] */
    char *value;
};

struct project {
    char *path; /* NULL = there is none */
    struct project_line *lines;
    size_t n;
};

/**
 * Look for it and read it. A file that another than the owner of its folder has put there is not read, and that is
 * said.
 * @out: project_deinit(), also after a failure
 * Return: 0, also when there is none; -EINVAL after a message that names the line; other negative errno after a
 * message.
 */
int project_load(struct project *out);
void project_deinit(struct project *project); /* twice is safe */

/** What the file says with @word, where the command line has said nothing, and say so. @list: its items live as long
 * as @project. */
void project_fill(const struct project *project, const char *word, struct cli_list *list);

#endif
