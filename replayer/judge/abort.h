/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an abort() of the program's own means, which no policy of the catalogue explains: does it give
 * up because a call failed, or has a check of its own found that its state is wrong? Pure.
 *
 *   malloc ◄ make ◄ read ◄ main        the failed call
 *   abort ◄ die ◄ make ◄ read ◄ main   make() is still at work: gives up
 *   abort ◄ die ◄ main                 make() and read() have returned, main() was told: gives up
 *   abort ◄ main                       the same, or a check in main(): what it says decides, mostly
 *   abort ◄ verify ◄ main              main() went on, and verify() found something: a check
 *   abort ◄ work ◄ start_thread        another thread of the program: a check, when it says something
 *
 * What tells die() from verify(): the catalogue, by its name, or its code, in which nothing is asked.
 */
#ifndef DEARTH_ABORT_H
#define DEARTH_ABORT_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"

struct catalogue;

/* The stacks of the calls that failed: the first, and of several the last too. */
struct failed_stacks {
    struct frames stacks[2];
    uint32_t n; /* 0 = not known */
    bool more;  /* others failed too, whose stacks are not known */
};
void abort_stacks_deinit(struct failed_stacks *failed);

enum abort_kind {
    ABORT_GIVES_UP, /* also in doubt */
    ABORT_CHECKED,  /* a check of its own failed, after the failed call was over */
    ABORT_TOLD, /* a caller of what failed ends it, and says nothing of memory: told, or by a check */
    ABORT_UNSURE, /* a call whose stack is not known decides: both are possible */
};

/* What was printed to standard error, and no run without a failure prints. */
struct abort_words {
    bool any;
    bool of_check, of_way_out; /* some that the catalogue knows */
};

/**
 * @failed: NULL is allowed: not known
 * @end: stack at the SIGABRT, innermost first; @exe: path of the program that it is of, or NULL
 */
enum abort_kind abort_decide(const struct catalogue *catalogue,
                             const struct failed_stacks *failed, const struct frame *end,
                             uint32_t n, const char *exe,
                             const struct abort_words *words);

/** Is it certain that every function which met a failure had returned, or gone on, when another call ended the
 * program? What was said of memory was said before, by whoever met it. @failed: NULL is allowed */
bool abort_is_later(const struct catalogue *catalogue, const struct failed_stacks *failed,
                    const struct frame *end, uint32_t n, const char *exe);

/** Does the C library itself call abort() here? The innermost frame that is not abort()'s own decides. */
bool abort_is_libcs(const struct catalogue *catalogue, const struct frame *end,
                    uint32_t n, const char *exe);

/** Was the call that failed one of operator new, which throws: nobody was handed NULL? */
bool abort_was_thrown(const struct catalogue *catalogue,
                      const struct failed_stacks *failed, const char *exe);

/**
 * Is a throw the answer of a program to a call that failed: is the function that asked still at work, or does
 * one that met the failure on its way out throw?
 * @from: stack at the throw, from the function that throws on, innermost first
 * @told: what makes sure that a function further out was told: a call that threw, or words that say so
 * Return: false also in doubt.
 */
bool abort_is_answer(const struct catalogue *catalogue,
                     const struct failed_stacks *failed, const struct frame *from,
                     uint32_t n, const char *exe, bool told);

/** Was a call that failed made in the same call as what @frame is about to return from? */
bool abort_is_within(const struct failed_stacks *failed, const struct frame *frame);

#endif
