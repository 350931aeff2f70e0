/* SPDX-License-Identifier: Apache-2.0 */
/* Is a function made for the one call that it is in? */
#ifndef DEARTH_STRAIGHT_H
#define DEARTH_STRAIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Does all that enters a function come to the call from which it will return to @within? Then whoever called
 * the function wanted that call. In doubt: no, as on every machine but x86-64 and AArch64.
 * @within: return address of the call that the function is in
 * @outer: return address of the call of the function itself
 * Context: process @pid is stopped.
 */
bool straight_leads(pid_t pid, uint64_t within, uint64_t outer);

#endif
