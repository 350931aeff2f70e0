/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of another process. */
#ifndef DEARTH_FETCH_H
#define DEARTH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Read @n bytes at @address of process @pid. Return: whether all of them were there; NULL never is. */
bool fetch(pid_t pid, uint64_t address, void *to, size_t n);

#endif
