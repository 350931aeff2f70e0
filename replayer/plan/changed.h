/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `git diff REV` says was changed, as functions: a wrong error path is rarely on the
 * line that allocates, so that lines alone would choose too little.
 *
 *   git diff --function-context REV ──► file, first..last line of each changed function
 *   file and line of a frame, inlined ones too ──► plan_frame.changed
 */
#ifndef DEARTH_CHANGED_H
#define DEARTH_CHANGED_H

#include <stdint.h>

struct sites;

/* Lines of a file as it is in the work tree. */
struct changed_lines {
    char *path; /* relative to the top of the work tree */
    uint32_t first, last;
};

/* Zero is valid and empty. */
struct changed {
    struct changed_lines *list;
    uint32_t n;
};
void changed_deinit(struct changed *changed);

/** Read a unified diff. @text: ends with a NUL */
void changed_parse(const char *text, struct changed *out);

/**
 * Mark the frames of @sites that lie in what changed.
 * @repository: folder in the work tree, NULL = the current one
 * Return: 0, or a negative errno after a message: no git, no work tree, no such revision,
 * or no source file of the recording lies in the work tree.
 */
int changed_mark(const char *revision, const char *repository, struct sites *sites);

#endif
