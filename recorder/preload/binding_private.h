/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at a process's modules, shared by the files that make it (binding.c has the picture):
 *
 *   binding_image.c  modules and what lies where in them     binding_word.c  words that calls go through
 *   binding.c        who serves them, and putting it down
 *
 * A call of the kernel's costs as much as copying tens of kilobytes: what lies together is read together, whole
 * pieces rather than words, and of several modules at once.
 */
#ifndef DEARTH_BINDING_PRIVATE_H
#define DEARTH_BINDING_PRIVATE_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "preload.h"

#define BINDING_NAME_BYTES 24u /* the longest name of a function, and a NUL */
#define BINDING_NAMES      31u

enum family {
    FAMILY_OURS, /* we have a hook of that name */
    FAMILY_NEW,  /* C++: the runtime's own comes to us */
    FAMILY_PAST, /* nobody's comes to us */
};

struct binding_name {
    char name[BINDING_NAME_BYTES];
    enum family family;
};
extern const struct binding_name binding_names[BINDING_NAMES];

#define MODULES_SEEN  1024u
#define SYMBOLS_FOUND 64u
#define WORDS_FOUND   128u
#define BATCH         512u
#define SPAN_BYTES    65536u
#define GROUP         16u   /* modules that are read at once */
#define HEADER_BYTES  1024u /* of a module: mostly with all its program headers */
#define TEXT_BYTES    256u
#define HASH_BYTES                                                                       \
    2048u /* of a GNU hash section: most have all that is wanted in there */

/* A loaded module, as its link map and program headers say. */
struct image {
    uintptr_t start, end, bias, dynamic;
    size_t dynamic_bytes;
    uintptr_t name; /* l_name: in the target's memory */
    bool foreign;   /* in another namespace than the program's */
    bool main;      /* the program itself */
    /* of its dynamic section */
    uintptr_t symbols, strings, hash, gnu_hash, plt, rela;
    size_t plt_bytes, rela_bytes, rela_count;
};

struct symbol {
    uint32_t index;  /* in its module's table */
    uint32_t name;   /* index into names[] */
    uintptr_t value; /* where the module itself has it; 0 = it has not */
};

struct word {
    uintptr_t address, value;
    uint32_t symbol;
    bool slot; /* bound when it is first called through, where that is lazy */
    bool data; /* a variable: the program may have put something else there */
};

/* Source: the GNU hash section as glibc's do_lookup_x() reads it. */
struct gnu_table {
    uint32_t n_buckets, first, n_bloom, shift;
};

/* What is read of each of a group of modules before it is looked at by itself. */
union part {
    struct {
        ElfW(Ehdr) elf;
        char rest[HEADER_BYTES - sizeof(ElfW(Ehdr))];
    };
    ElfW(Phdr) phdr[64];
    ElfW(Dyn) dynamic[128];
    struct {
        char name[TEXT_BYTES];
        struct gnu_table table;
        uint64_t bloom[(HASH_BYTES - sizeof(struct gnu_table)) / 8];
    };
};

/* Mapped while it is looked: 380 KiB, of which a small program touches a few pages. */
struct look {
    long pid;
    uint32_t n_images, n_symbols, n_words, n_wanted;
    uint64_t main_defines; /* bit i: the program itself has binding_names[i] */
    struct symbol symbols[SYMBOLS_FOUND];
    struct word words[WORDS_FOUND];
    union part parts[GROUP];
    bool has_name[GROUP];
    uint32_t
        hash_bytes[GROUP]; /* read of its hash section, with the head; 0 = it has none */
    bool there[BATCH];     /* by binding_fetch_wanted() */
    struct iovec from[BATCH], to[BATCH]; /* n_wanted of them */
    char path[3 * SHM_PATH_BYTES], cwd[SHM_PATH_BYTES];
    struct image images[MODULES_SEEN];
    Elf64_Sym symbol[BATCH];
    Elf64_Rela plt[BATCH], rela[BATCH];
    char texts[BATCH][BINDING_NAME_BYTES];
    char span[SPAN_BYTES];
};

/* --- reading: binding_image.c --- */

/** Put @n bytes at @from of the process on the list of what is wanted; @n may be 0, which is there. */
void binding_want(struct look *look, void *to, uintptr_t from, size_t n);

/** Read all that is wanted. look->there[] says which of it was there, in its order. */
void binding_fetch_wanted(struct look *look);

/** Return: whether all of it is there. */
bool binding_fetch(const struct look *look, void *to, uintptr_t from, size_t n);

/** Read a text of the process's. Return: its bytes, without the NUL; 0 when it cannot be read. */
size_t binding_fetch_text(const struct look *look, char *to, size_t room, uintptr_t from);

/* --- modules: binding_image.c --- */

/** Remember which modules the program begins with. Context: before there is a second thread. */
void binding_begin_images(const struct r_debug *debug);

/** Find the modules of all namespaces: look->images. Those that cannot be read have no range. */
void binding_find_images(struct look *look, const struct r_debug *debug);

/** Read names and hash tables of @n modules from number @first on into look->parts. */
void binding_read_parts(struct look *look, uint32_t first, uint32_t n);

/** Return: the module at @address, or NULL. */
const struct image *binding_image_at(const struct look *look, uintptr_t address);

/* --- symbols and words: binding_word.c --- */

/**
 * Find symbols that have one of the names, look->symbols, and the words relocated to them, look->words.
 * @table: its hash table as binding_read_parts() has it, of which @bytes were read; NULL when it has none
 */
void binding_find_words(struct look *look, const struct image *image,
                        const struct gnu_table *table, size_t bytes);

/** Return: does the module define that name at @address, or, where that is 0, anywhere? */
bool binding_defines(struct look *look, const struct image *image, uint32_t name,
                     uintptr_t address);

#endif
