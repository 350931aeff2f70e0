/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers share. Each is one function that takes any bytes and must come back: run by
 * libFuzzer (run.sh), or by plain.c with a fixed number of inputs in the test suite.
 *
 *   input ─► edits of something real (a chunk, a database, a report) ─► the code under test
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

/* The input, taken from its front; 0 when it is used up. */
struct fuzz {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_byte(struct fuzz *f);
uint32_t fuzz_number(struct fuzz *f,
                     uint32_t below); /* of two bytes; 0 when below is 0 */

/** Copy @base with the edits that what is left of @f says: set, flip, insert, delete, repeat, cut.
 * Return: free() it, @n_out bytes. */
uint8_t *fuzz_edit(struct fuzz *f, const uint8_t *base, size_t n, size_t *n_out);

/** Throw away what is printed (not what a sanitizer prints). */
void fuzz_silence(void);
/** libFuzzer's watch over slow inputs is an alarm, and what a command would take for its own: once, before any. */
void fuzz_keep_alarm(void);
/** A path of our own for files; the same in the whole run. @name: a part of it */
const char *fuzz_path(const char *name);
void fuzz_write(const char *path, const uint8_t *data, size_t n);
/** free() it. */
uint8_t *fuzz_read(const char *path, size_t *n);

#endif
