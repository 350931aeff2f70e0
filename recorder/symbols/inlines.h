/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address to the functions it lies in, by DWARF: the physical function and the
 * calls inlined there, with the line of each. What addr2line -i prints, for many
 * addresses.
 *
 * dwarf_getscopes() walks a unit's whole tree for each address, and .debug_aranges is
 * missing in what LLVM (rustc, clang) makes; so the ranges of all units are read once,
 * and the functions and inlined calls of a unit when the first address falls into it.
 *
 *   units: [lo, hi) -> unit        sorted
 *   unit:  functions [lo, hi)      sorted
 *          scopes    [lo, hi)      inlined calls of a function, outer before inner
 */
#ifndef DEARTH_INLINES_H
#define DEARTH_INLINES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#define INLINES_MAX 128u /* inlined calls kept of one address; the innermost ones */

struct inline_line {
    const char *name;         /* DW_AT_name; NULL = none */
    const char *linkage_name; /* NULL = none */
    const char *file;   /* as the line table has it, perhaps relative; NULL = unknown */
    const char *folder; /* the compiler's working directory, to join with; NULL */
    uint32_t line;      /* 0 = unknown */
    uint32_t column;    /* 1 = the first; 0 = unknown */
    uint64_t start;     /* where the physical function begins; 0 for inlined ones */
};

struct inlines;

/** Index @dwarf's units. Return: NULL when none of them has code. */
struct inlines *inlines_new(Dwarf *dwarf);
struct inlines *inlines_free(struct inlines *inlines);

/** Is some of it in files of its own (-gsplit-dwarf)? */
bool inlines_are_split(const struct inlines *inlines);

/**
 * Functions @address lies in, innermost first, the physical function last; one line without a name where
 * only the line table knows it.
 * @address: of the call, not behind it, in @dwarf's own address space
 * @out: strings live as long as the Dwarf
 * Return: how many, 0 when DWARF does not know the address.
 */
uint32_t inlines_look_up(struct inlines *inlines, uint64_t address,
                         struct inline_line out[static INLINES_MAX]);

#endif
