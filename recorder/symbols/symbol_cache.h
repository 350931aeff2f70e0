/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that were looked up once, kept for the next recording, replay or repro of the same module.
 *
 *   $XDG_CACHE_HOME/dearth/KEY.names        KEY: hash of format, dearth, libdw, DEBUGINFOD_URLS,
 *   ($HOME/.cache/dearth)                        build-id and path
 *     head ─ files ─ addresses ─ lines ─ strings
 *            │       sorted      of an address, innermost first
 *            └ what the names came from (symbol_files.h): all are as they were, or nothing is taken
 *
 * Invariants: a file is written whole beside its place and then put there, so that whoever reads finds
 * one whole version, and of several writers the last one stays. Nothing in it is believed: the folder
 * and the file are ours alone, the sum is right, every number lies within the file. What is not so is
 * taken for absent. All files together are at most SYMBOL_CACHE_BYTES; the longest unused go first.
 * Without a folder, with DEARTH_SYMBOL_CACHE=off, there is no cache, and nothing is an error here.
 */
#ifndef DEARTH_SYMBOL_CACHE_H
#define DEARTH_SYMBOL_CACHE_H

#include "symbol_files.h"
#include "symbols.h"

#define SYMBOL_CACHE_BYTES     (64u << 20)
#define SYMBOL_CACHE_FILE_MOST (8u << 20) /* of one module */

struct symbol_cache; /* what is known of one module */

/** Open what is kept of @wanted. Return: never NULL, perhaps empty; symbol_cache_free(). */
struct symbol_cache *symbol_cache_new(const struct symbols_wanted *wanted);
struct symbol_cache *symbol_cache_free(struct symbol_cache *cache);

/**
 * @address: as symbols_look_up() takes it
 * @lines: live as long as @cache
 * Return: is it known? With @n = 0 nothing has a name there.
 */
bool symbol_cache_find(const struct symbol_cache *cache, uint64_t address,
                       const struct symbol_line **lines, uint32_t *n);

/** Where the names come from: symbols_source(); static. */
const char *symbol_cache_source(const struct symbol_cache *cache);

/** Remember @n lines of @address, which are copied; kept only by symbol_cache_save(). */
void symbol_cache_add(struct symbol_cache *cache, uint64_t address,
                      const struct symbol_line *lines, uint32_t n);

/**
 * Keep what was added, with what was there when it came from the same files.
 * @source: symbols_source() of what was added
 * @files: what it came from; empty: it cannot be known whether it holds, nothing is kept
 */
void symbol_cache_save(struct symbol_cache *cache, const char *source,
                       const struct symbol_files *files);

#endif
