/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of one module's code: function, inlined calls, file and line.
 *
 *   recorded path, if its build-id is still the recorded one ┐
 *   what was held open of it meanwhile (keeper.h)            │
 *   /usr/lib/debug/.build-id/xx/yyyy.debug                   ├─► Dwfl session
 *   libdwfl's own finder: debuginfod where DEBUGINFOD_URLS   ┘   one module
 *
 * Line information comes from DWARF (the file's own, a separate debug file's,
 * debuginfod's); names without it from .symtab, .gnu_debugdata (minidebuginfo), .dynsym.
 * An address that nothing covers has no name: a near symbol would be a wrong one.
 */
#ifndef DEARTH_SYMBOLS_H
#define DEARTH_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol_files.h"

struct symbols;

struct symbol_line {
    const char *function;     /* demangled, without a compiler's suffix; NULL = unknown */
    const char *linkage_name; /* as in the symbol table, without a version; NULL */
    const char *file;         /* absolute where the compiler said so; NULL = unknown */
    uint32_t line;            /* 0 = unknown */
    uint32_t column;          /* of it, 1 = the first; 0 = unknown: it is kept nowhere */
    uint64_t start; /* file address where the physical function begins, 0 = unknown */
    uint64_t size;  /* its bytes, perhaps with padding; 0 = unknown */
};

struct symbols_wanted {
    const char *path;
    const uint8_t *build_id;
    uint32_t build_id_bytes;
    bool content_id; /* build_id is the hash of the code, see recorder/preload/module.c */
    bool tables_only; /* do not read DWARF: symbol tables alone */
    const int
        *kept; /* descriptors of what was at `path` when it was recorded; the caller's */
    uint32_t n_kept;
};

enum symbols_outcome {
    SYMBOLS_FOUND = 0,
    SYMBOLS_GONE = 1,  /* no file of that build-id anywhere */
    SYMBOLS_STALE = 2, /* the path holds another build now, and nothing else was found */
    SYMBOLS_KEPT =
        3, /* as SYMBOLS_FOUND, in what was held open of it: the path has it no more */
};

/**
 * Open what can name @wanted's code.
 * @out: owned by the caller; NULL unless SYMBOLS_FOUND or SYMBOLS_KEPT. symbols_free()
 * Return: enum symbols_outcome. Never an error: a module without symbols is none.
 */
enum symbols_outcome symbols_new(const struct symbols_wanted *wanted,
                                 struct symbols **out);
struct symbols *symbols_free(struct symbols *symbols); /* NULL allowed */

/** Where names come from: "dwarf", "symtab", "minidebuginfo", "dynsym", "none". */
const char *symbols_source(const struct symbols *symbols);

/**
 * The files that the names come from, or would if they were there; they live as long as @symbols.
 * Empty: what they come from cannot be told (split DWARF, or a server that may have more tomorrow).
 */
const struct symbol_files *symbols_files(const struct symbols *symbols);

/**
 * Look up a call.
 * @address: in the file's address space, within the call instruction (return address - 1)
 * @out: innermost first; the array and its strings live until the next call, the strings
 * until symbols_free()
 * Return: how many; 0 = nothing is known.
 */
uint32_t symbols_look_up(struct symbols *symbols, uint64_t address,
                         const struct symbol_line **out);

/**
 * Where each function begins that a symbol table names.
 * @out: file addresses, ascending; they live until symbols_free()
 * Return: how many.
 */
uint32_t symbols_functions(struct symbols *symbols, const uint64_t **out);

/**
 * Demangle a linkage name (C++, Rust v0 and legacy); plain names lose their version and
 * the compiler's suffix (.constprop.0, .cold, ...).
 * Return: a malloc()ed string.
 */
char *symbols_demangle(const char *linkage_name);

/** Remove "/./", "//" and "x/.." from @path, in place. Symbolic links are not looked at. */
void symbols_clean_path(char *path);

#endif
