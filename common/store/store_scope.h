/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope: globs on functions, modules and source files (--own, --in, --blame). A glob that names nothing
 * which any recording of the database has is a mistake, not a clean program.
 */
#ifndef DEARTH_STORE_SCOPE_H
#define DEARTH_STORE_SCOPE_H

#include <stddef.h>

struct store;

/**
 * Does one of @globs name anything in the database? One of several that does not is said.
 * @option: for messages, "--own"
 * Return: 0; -ENOENT after a message with what there is of similar name; other negative errno after a
 * message.
 */
int store_scope_check(struct store *store, const char *option, const char *const *globs,
                      size_t n);

#endif
