/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands write for people and other tools: standard output, and the FILE of `-o` and its
 * like. A file is written whole or not at all: what was there before stays until what replaces it is
 * complete and on the disk.
 */
#ifndef DEARTH_OUTPUT_H
#define DEARTH_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "text.h"

/* What --help says of --private, the same for every command that writes a file. */
#define OUTPUT_PRIVATE_HELP                                                              \
    "make what is written readable by its owner alone (mode 0600); otherwise a new "     \
    "file "                                                                              \
    "follows the umask and an existing one keeps its mode"

struct output;

/**
 * Begin to write @path.
 * A regular file, or none yet, is replaced by output_finish(): the new content lies in a file without
 * a name in the same folder until then (where the file system has no such files: under the name
 * ".FILE.dearth-XXXXXX", removed when a signal ends dearth), so that nothing of it is left when dearth
 * is killed. A symbolic link is followed. What cannot be replaced (the folder is read-only, the owner
 * would change, the file is a mount point) is overwritten at the end, after room for all of it was
 * reserved. Devices, FIFOs and descriptors (/dev/stdout, /dev/fd/N) are written directly. A database of
 * dearth is refused.
 * @path: as the user gave it; NULL and "-" are standard output
 * @keep_private: the file gets mode 0600, whatever it had
 * @out: owned by the caller, output_free()
 * Return: 0, or a negative errno after a message.
 */
int output_new(const char *path, bool keep_private, struct output **out);

/** Where to write; owned by @output. */
FILE *output_file(struct output *output);

/** Everything was written: give it its name. Return: 0, or a negative errno after a message; the file is
 * as it was then, unless it is one that is written directly. */
int output_finish(struct output *output);

/** NULL is allowed; without output_finish() before, nothing was done. Return: NULL. */
struct output *output_free(struct output *output);
static inline void output_free_pointer(struct output **o) {
    *o = output_free(*o);
}
#define AUTO_OUTPUT __attribute__((cleanup(output_free_pointer)))

/** The three above in one call. Return: 0, or a negative errno after a message. */
int output_write(const char *path, bool keep_private, const struct text *content);

/** Write all of it, by as many calls as it takes. Plain system calls. Return: bytes that were written; fewer
 * than @n: errno says why. */
size_t output_put(int fd, const void *data, size_t n);

/** Could @path be written? Says so before hours of work and not after them; nothing is made. @path may
 * be NULL. Return: 0, or a negative errno after a message. */
int output_check(const char *path);

/** Flush standard output, and say once when not all of it could be written. Return: 0, or a negative
 * errno after a message, now or earlier. */
int output_flush(void);

/**
 * Make writing to a pipe that nobody reads, and past the file size limit, an error and no end by a
 * signal, and keep files that are opened off the numbers of standard descriptors that are closed.
 * Programs that are started get both as dearth itself got them.
 * Context: once, at the start of main().
 */
void output_prepare(void);

#endif
