/* SPDX-License-Identifier: Apache-2.0 */
/* Allocators in a file, by their entry functions. */
#ifndef DEARTH_ALLOCATOR_H
#define DEARTH_ALLOCATOR_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum allocator_kind {
    ALLOCATOR_MALLOC, /* malloc() itself */
    ALLOCATOR_NEW,    /* C++: operator new */
    ALLOCATOR_RUST,   /* Rust: #[global_allocator] */
    ALLOCATOR_KNOWN,  /* one known by its names: je_malloc(), mi_malloc(), ... */
    N_ALLOCATOR_KINDS
};

struct function {
    uint64_t start, end; /* file addresses */
};

struct allocator {
    enum allocator_kind kind;
    char name[96]; /* an entry function's, demangled enough for people */
    bool dynamic;  /* it is exported: another module's definition may come before it */
    bool called;   /* the file calls it without asking whose it is */
    bool reaches;  /* its entries lead to a malloc() that the file imports */
    bool at_once;  /* an entry itself calls it, not what it calls */
    bool jumps;    /* of these, one by a jump: it is not on the stack then */
    struct function *functions; /* its entries, then what they call that calls malloc() */
    size_t n_entries, n_functions;
};

struct allocators {
    struct allocator items[N_ALLOCATOR_KINDS]; /* one of a kind at most */
    size_t n;
    bool has_runtime; /* C++'s, linked in: operator new is mostly its */
    bool has_rust_default, has_rust_own; /* std's System; another one, before Rust 1.87 */
    bool unread; /* the file could not be read as ELF: it is not known what it has */
    bool names_kernel; /* it names a function that gets memory from the kernel */
};

/** Look for allocators in the file @path. What cannot be read has none. */
void allocator_find(const char *path, struct allocators *out);
void allocator_deinit(struct allocators *a);

#endif
