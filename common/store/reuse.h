/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a verdict stands for a later recording as well: the same site, whose key has the builds on its stack, in a run
 * of the same program under the same circumstances.
 *
 *   environment, files that arguments name ─► reuse_circumstances() ─► setting 'circumstances STARTED'
 *   a file on standard input ─► reuse_keep_input() ─► setting 'input STARTED'
 *   two recordings: the same program, arguments, folder, input, circumstances, builds ─► reuse_find()
 */
#ifndef DEARTH_REUSE_H
#define DEARTH_REUSE_H

#include <stddef.h>
#include <stdint.h>

#include "key.h"
#include "text.h"

struct store;

/** Chain @entry, NAME=VALUE of an environment, onto @key, but for variables that change from run to run and mean
 * nothing to a program: what a shell, make, a terminal, an ssh session or a CI job numbers itself with. */
struct dearth_key reuse_add_variable(struct dearth_key key, const char *entry);

/** Over an environment and what the files hold that arguments name. @argv, @envp: NULL-terminated */
struct dearth_key reuse_circumstances(char *const *argv, char *const *envp);

/** Keep the circumstances of a recording, by when it was started. Return: 0 or a negative errno after a message. */
int reuse_keep(struct store *store, int64_t started_unix_ns, struct dearth_key key);

/** Keep what the file at @path, its standard input, holds. One that cannot be read is as none that was known.
 * Return: 0 or a negative errno after a message. */
int reuse_keep_input(struct store *store, int64_t started_unix_ns, const char *path);

/**
 * Find the recordings whose verdicts stand for @recording as well.
 * @ids: a JSON array, out
 * Return: how many, or a negative errno after a message.
 */
int reuse_find(struct store *store, int64_t recording, struct text *ids);

/* Has recording `r` a module of a path that is another build in recording %lld? For a query with `r` and `newest`. */
#define REUSE_SAME_BUILDS                                                                 \
    "NOT EXISTS (SELECT 1 FROM process p JOIN process_module pm ON pm.process_id = p.id " \
    "JOIN module m ON m.id = pm.module_id JOIN (SELECT DISTINCT m2.path, m2.build_id "    \
    "FROM process p2 JOIN process_module pm2 ON pm2.process_id = p2.id JOIN module m2 "   \
    "ON m2.id = pm2.module_id WHERE p2.recording_id = %lld) fresh ON fresh.path = "       \
    "m.path WHERE p.recording_id = r.id AND r.id <> newest.id AND m.path NOT LIKE "       \
    "'[%%' AND fresh.build_id <> m.build_id)"

#endif
