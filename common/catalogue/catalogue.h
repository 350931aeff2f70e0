/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What functions, modules and messages are known for: which frames are never the location, how a
 * runtime ends a program, what gives up by design. The facts are data, the files beside this one and
 * those of the user's (--catalogue); this is the one reader of them. Pure, but for what it says itself.
 *
 *   [KIND NAME]            a section: what it means to be met by one of its lines
 *   FIELD PATTERN ...      a line: dearth-catalogue(5) has the kinds and the fields
 *
 *   user's files, in order ─┐
 *   stored in the database ─┼─► sections ─► catalogue_frame(), catalogue_end()
 *   the built-in files ─────┘   the first that fits counts
 */
#ifndef DEARTH_CATALOGUE_H
#define DEARTH_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "key.h"

/* X(name, word in the files, the fields of its lines, has a name) */
#define CATALOGUE_KINDS(X)                                                               \
    X(OWN, "own", CATALOGUE_FRAME_FIELDS, false)                                         \
    X(ALLOCATOR, "allocator", CATALOGUE_FRAME_FIELDS, false)                             \
    X(LIBRARY, "library", CATALOGUE_FRAME_FIELDS | 1u << FIELD_RUST_TRAIT, false)        \
    X(HARNESS, "harness", CATALOGUE_FRAME_FIELDS | 1u << FIELD_LINE, true)               \
    X(LIBC, "libc", 1u << FIELD_MODULE, false)                                           \
    X(CXX, "c++", 1u << FIELD_MODULE, false)                                             \
    X(LOADER, "loader", 1u << FIELD_MODULE, false)                                       \
    X(MACHINERY, "machinery", CATALOGUE_FRAME_FIELDS, false)                             \
    X(READER, "reader", CATALOGUE_FRAME_FIELDS, false)                                   \
    X(INFALLIBLE, "infallible", CATALOGUE_FRAME_FIELDS, false)                           \
    X(FALLIBLE, "fallible", CATALOGUE_FRAME_FIELDS, false)                               \
    X(PANIC, "panic", CATALOGUE_FRAME_FIELDS, false)                                     \
    X(EITHER, "either", CATALOGUE_FRAME_FIELDS, false)                                   \
    X(RESERVE, "reserve", CATALOGUE_FRAME_FIELDS | 1u << FIELD_STACK, true)              \
    X(FACILITY, "facility", 1u << FIELD_ENTRY | 1u << FIELD_EFFECT, true)                \
    X(DAMAGE, "damage", CATALOGUE_END_FIELDS, true)                                      \
    X(CRASH, "crash", CATALOGUE_END_FIELDS, true)                                        \
    X(POLICY, "policy", CATALOGUE_END_FIELDS, true)                                      \
    X(GAVE_UP, "gave-up", CATALOGUE_END_FIELDS, true)                                    \
    X(WAY_OUT, "way-out", CATALOGUE_FRAME_FIELDS | 1u << FIELD_MESSAGE, false)           \
    X(CHECK, "check", 1u << FIELD_MESSAGE, false)
#define CATALOGUE_KIND_ENUM(name, ...) CATALOGUE_##name,
enum catalogue_kind { CATALOGUE_KINDS(CATALOGUE_KIND_ENUM) CATALOGUE_N_KINDS };

/* X(name, word in the files) */
#define CATALOGUE_FIELDS(X)                                                              \
    X(FUNCTION, "function")     /* with its parameters, without them, or linkage name */ \
    X(SYMBOL, "symbol")         /* linkage name, without glibc's __GI_ */                \
    X(ENTRY, "entry")           /* the same without leading underscores */               \
    X(MODULE, "module")         /* last component of the path */                         \
    X(FILE, "file")             /* of the source, as the debug information has it */     \
    X(RUST, "rust")             /* path of a Rust function */                            \
    X(RUST_TRAIT, "rust-trait") /* path of the trait it implements */                    \
    X(STACK, "stack")           /* functions that are all on it, in any order */         \
    X(MESSAGE, "message")       /* parts of one line of stderr, in order */              \
    X(LIBC_MESSAGE, "libc-message") /* the same, as the C library prints it: from the */ \
    /* start of the line, and before its own abort() */                                  \
    X(REPORT, "report") /* the same, and it counts after an ordinary exit too */         \
    X(EFFECT, "effect") /* text for people: what a user sees */                          \
    X(LINE, "line")     /* of a harness: the whole of a line that it prints */
#define CATALOGUE_FIELD_ENUM(name, ...) FIELD_##name,
enum catalogue_field { CATALOGUE_FIELDS(CATALOGUE_FIELD_ENUM) CATALOGUE_N_FIELDS };

#define CATALOGUE_FRAME_FIELDS                                                           \
    (1u << FIELD_FUNCTION | 1u << FIELD_SYMBOL | 1u << FIELD_ENTRY |                     \
     1u << FIELD_MODULE | 1u << FIELD_FILE | 1u << FIELD_RUST)
#define CATALOGUE_END_FIELDS                                                             \
    (1u << FIELD_STACK | 1u << FIELD_MESSAGE | 1u << FIELD_LIBC_MESSAGE |                \
     1u << FIELD_REPORT)

struct catalogue_line {
    enum catalogue_field field;
    char **patterns; /* at least one */
    uint32_t n;
};

struct catalogue_section {
    enum catalogue_kind kind;
    char *name;   /* NULL = has none */
    char *effect; /* NULL = has none */
    struct catalogue_line *lines;
    uint32_t n;
};

struct catalogue;

/** Return: the built-in catalogue, to add to. Free it with catalogue_free(). */
struct catalogue *catalogue_new(void);
/** NULL is allowed. Return: NULL. Sections die with it, and every name that was taken from it. */
struct catalogue *catalogue_free(struct catalogue *catalogue);

/**
 * Add the sections of a user's text behind those that users gave before, ahead of the built-in ones.
 * @name: of the file, for messages; @text: NUL-terminated
 * Return: 0, or -EINVAL after a message "NAME:LINE: what is wrong, what would be right".
 */
int catalogue_add_text(struct catalogue *catalogue, const char *name, const char *text);
/** The same from a file, whose text is kept for catalogue_save(). Return: 0, or negative errno (printed). */
int catalogue_add_file(struct catalogue *catalogue, const char *path);
/** --policy "NAME=GLOB": an end with that on its stack is a policy. Return: 0, or -EINVAL, unsaid. */
int catalogue_add_policy(struct catalogue *catalogue, const char *policy);
/** --wrapper GLOB: a function that only passes allocations on. */
void catalogue_add_wrapper(struct catalogue *catalogue, const char *glob);

/** Sections in the order in which they count. Return: NULL behind the last. */
const struct catalogue_section *catalogue_section(const struct catalogue *catalogue,
                                                  uint32_t at);
/** The first @catalogue_users() of them are the users'. */
uint32_t catalogue_users(const struct catalogue *catalogue);

/** The first section of one of @kinds (1 << enum catalogue_kind) that names @frame, or NULL. */
const struct catalogue_section *catalogue_frame(const struct catalogue *catalogue,
                                                uint32_t kinds,
                                                const struct frame *frame);
/** Does one line, of a field that looks at frames, name @frame? */
bool catalogue_line_names(const struct catalogue_line *line, const struct frame *frame);
/** Does a pattern of a section of @kind in lines of @field fit @text? */
bool catalogue_text(const struct catalogue *catalogue, enum catalogue_kind kind,
                    enum catalogue_field field, const char *text);
/** Are all functions of one of its `stack` lines among these @n frames? */
bool catalogue_stack(const struct catalogue_section *section, const struct frame *frames,
                     uint32_t n);
/** Has @text a line that fits one of its lines of @field, while @known has none? Case does not count.
 * FIELD_LIBC_MESSAGE: its first part begins the line. */
bool catalogue_message(const struct catalogue_section *section,
                       enum catalogue_field field, const char *text, uint64_t n,
                       const char *known, uint64_t known_n);

/** Hash of the sections of @kinds: what was derived by others is derived again. */
struct dearth_key catalogue_key(const struct catalogue *catalogue, uint32_t kinds);

/** Texts that users gave, as a list of name and text; for catalogue_store.c. */
uint32_t catalogue_texts(const struct catalogue *catalogue);
const char *catalogue_text_at(const struct catalogue *catalogue, uint32_t at,
                              const char **name);

#endif
