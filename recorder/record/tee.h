/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input, when it is a pipe: passed on to the program and kept, up to a cap. */
#ifndef DEARTH_TEE_H
#define DEARTH_TEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tee;

/**
 * Make the pipe that the program gets in place of descriptor 0.
 * @cap: bytes to keep
 * @read_end: for the child's descriptor 0; close it in the parent after the fork; out
 * Return: 0 or a negative errno after a message.
 */
int tee_new(uint64_t cap, struct tee **out, int *read_end);

/** Start passing on, in a thread of its own. Call after the fork. Return: 0 or -errno. */
int tee_start(struct tee *tee);

/**
 * Stop passing on. What was kept stays valid until tee_free().
 * @truncated: more went by than was kept
 */
void tee_stop(struct tee *tee, const uint8_t **data, size_t *n, bool *truncated);

/**
 * What has been kept so far, while the thread goes on passing on; from now on it keeps no more.
 * @data: free() it; out
 */
void tee_copy(struct tee *tee, uint8_t **data, size_t *n, bool *truncated);

struct tee *tee_free(struct tee *tee); /* NULL allowed */

#endif
