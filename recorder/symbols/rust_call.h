/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Rust's library was asked for memory, by the names on the stack.
 *
 *   alloc::alloc::alloc ◄ RawVec::grow ◄ Vec::try_reserve ◄ krate::f     says when there is none
 *   alloc::alloc::alloc ◄ RawVec::grow ◄ Vec::push        ◄ krate::f     ends the program
 *                                        ▲ what the program called
 *
 * Pure: frames in, a judgement out. Which functions say so is the catalogue's to say.
 */
#ifndef DEARTH_RUST_CALL_H
#define DEARTH_RUST_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "catalogue.h"
#include "frames.h"

enum rust_call {
    RUST_CALL_FOREIGN = 0, /* by C code, as of a system's library */
    RUST_CALL_INFALLIBLE,  /* ends the program through handle_alloc_error() */
    RUST_CALL_FALLIBLE,    /* says that there is none */
    RUST_CALL_ITSELF,      /* the program asks the allocator, which gives it NULL */
    RUST_CALL_UNKNOWN,     /* the names are those of both: inlined calls are not known */
};

/**
 * Judge one call.
 * @below: frames of the library, innermost first, that the program's innermost one called; @n 0 = none
 */
enum rust_call rust_call_judge(const struct catalogue *catalogue,
                               const struct frame *below, uint32_t n);

/** Is it part of a panic, by any of the frames that the program's called? */
bool rust_call_is_panic(const struct catalogue *catalogue, const struct frame *below,
                        uint32_t n);

/**
 * What is printed into a String grows it, through whatever Display does for that: the call is that of who made the
 * String, or writes into it.
 * Return: index of the frame that this one called (format, to_string, write_fmt); 0 = nothing is printed.
 */
uint32_t rust_call_printing(const struct frame *frames, uint32_t n);

/** Append the short name of a Rust function: "Vec::push", "String::from", "fmt::format". */
void rust_call_add_name(const char *function, struct text *out);

#endif
