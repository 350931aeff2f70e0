/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks for people: a row of `stack` as a list of named frames, innermost first, with
 * inlined calls expanded. The only reader of stack, frame, symbol and module that the
 * report, the replayer and the page need.
 *
 *   stack row ─parent─► stack row ─parent─► …        one physical frame each
 *       │                  │
 *       ▼                  ▼
 *   symbol 0,1,2       symbol 0                      inline_index 0 = innermost
 *
 *   struct frames = [symbol 0][symbol 1][symbol 2][symbol 0] …
 *
 * Works before symbols are resolved too: function and file are NULL then.
 */
#ifndef DEARTH_FRAMES_H
#define DEARTH_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct store;

struct frame {
    const char *function;     /* demangled; NULL = unknown */
    const char *linkage_name; /* as in the symbol table; NULL = unknown */
    const char *file;         /* NULL = unknown */
    uint32_t line;            /* 0 = unknown */
    const char *module; /* path as mapped, "[anon]" for code in no file; never NULL */
    uint64_t offset;    /* return address - load bias, of the physical frame */
    uint64_t start;     /* file address where `function` begins; 0 = unknown */
    uint64_t size;      /* bytes of that function; 0 = unknown */
    bool straight;      /* at an end: made for the call that it is in; 0 = not known */
    bool inlined;       /* true = was inlined into the frame after it */
    uint32_t inline_index;
    int64_t frame_id, module_id;
};

struct frames {
    struct frame *items; /* innermost first */
    uint32_t n;
};
void frames_deinit(struct frames *frames);
#define AUTO_FRAMES __attribute__((cleanup(frames_deinit)))

/* Statements and a cache over one store. Strings in frames live as long as the reader.
 * Symbols resolved after a frame was first read are not seen: make a new reader. */
struct frames_reader;
int frames_reader_new(struct store *store, struct frames_reader **out);
struct frames_reader *frames_reader_free(struct frames_reader *reader);

/**
 * Load a stack.
 * @stack_id: stack.id; 0 or an unknown id gives an empty list
 * @out: overwritten; frames_deinit()
 * Return: 0, or negative errno after a message.
 */
int frames_load(struct frames_reader *reader, int64_t stack_id, struct frames *out);

/**
 * Load one row of a stack: for whoever keeps what became of its callers.
 * @stack_id: stack.id
 * @parent_id: out; 0 = outermost, or there is no such row
 * @out: its frames, innermost first, usually one; valid as long as the reader
 * @n: out; 0 = there is no such row
 * Return: 0, or negative errno after a message.
 */
int frames_step(struct frames_reader *reader, int64_t stack_id, int64_t *parent_id,
                const struct frame **out, uint32_t *n);

/** Append where @frame is: "file:line", else "module+0x12ab" (basename). */
void frame_add_place(const struct frame *frame, struct text *out);
/** Append one line for people: "function (file:line)", "function+0x1d (module)",
 * "module+0x12ab". Long names are shortened, here and below: short_name.h. */
void frame_add(const struct frame *frame, struct text *out);

/** Append what a location is called: "function (file:line)", "function (module)",
 * "module+0x12ab"; NULL: "unknown". */
void frame_add_location(const struct frame *frame, struct text *out);

/**
 * Does a glob name this frame's function? Compared with the function, with it less its
 * parameters ("ns::f(int)" is met by "ns::f"), with the linkage name, and with its crate.
 */
bool frame_function_matches(const struct frame *frame, const char *glob);
/** The function without its parameters; NULL when it is unknown or has none. free() it. */
char *frame_bare_function(const struct frame *frame);
/** Is its function Rust's, by how its linkage name is made? */
bool frame_is_rust(const struct frame *frame);
/** Is its source file Rust's, by its name? */
bool frame_is_rust_source(const struct frame *frame);
/** The crate that its Rust function is of: "krate" of `krate::m::f`, `<krate::T as Trait>::f`, `<Vec<T> as
 * krate::Trait>::f`. @n: bytes of it, out. Return: within the function; NULL = it is not Rust's, or of no crate
 * that its name says. */
const char *frame_crate(const struct frame *frame, size_t *n);
/** Append what its module is called in every build: its name up to ".so", without what cargo puts behind it
 * (target/debug/deps/NAME-0123456789abcdef). */
void frame_add_module(const struct frame *frame, struct text *out);
/** Does a glob name this frame: its function, module or source file (each whole, or the
 * last component of a path alone)? */
bool frame_matches(const struct frame *frame, const char *glob);

/**
 * Where two samples of a thread meet: the innermost function that both have.
 * Return: its index in @a, or @a->n when there is none.
 */
uint32_t frames_meet(const struct frames *a, const struct frames *b);

/**
 * Where an earlier and a later stack of a thread part: the innermost function that was at work all the time, and makes
 * another call now. It needs no name: both were called from the same place.
 * Return: its index in @a, the earlier one; @a->n when there is none, or it makes the same call still.
 */
uint32_t frames_part(const struct frames *a, const struct frames *b);

/** The function that a name of glibc's own (__GI_abort) stands for. @name: NULL is allowed.
 * Return: within @name. */
const char *frame_plain_name(const char *name);

/** Is a module, by its path, the C library or the loader? What is only called from there has a caller further out. */
bool frame_module_is_libcs(const char *module);
/** Is it dearth's own library? */
bool frame_module_is_ours(const char *module);

#endif
