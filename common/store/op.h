/* SPDX-License-Identifier: Apache-2.0 */
/* Names of allocation functions (enum shm_op): the text in site.op, in reports, messages. */
#ifndef DEARTH_OP_H
#define DEARTH_OP_H

#include <stdint.h>

/** "malloc", "posix_memalign" …; "unknown" for what is no enum shm_op. Never NULL. */
const char *op_name(uint32_t op);
/** Reverse of op_name(). Return: enum shm_op, SHM_OP_NONE when there is no such name. */
uint32_t op_from_name(const char *name);

#endif
