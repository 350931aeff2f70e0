/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribution: which module went wrong, and where. Pure.
 *
 *   fault stack   malloc ◄ strdup ◄ parse ◄ main          where the allocation failed
 *   crash stack   strlen ◄ use ◄ main                      where the program ended
 *                    └ skipped └ the place of the crash
 */
#ifndef DEARTH_ATTRIBUTION_H
#define DEARTH_ATTRIBUTION_H

#include "attempt.h"
#include "frames.h"

enum attributed_to {
    ATTRIBUTED_NONE,
    ATTRIBUTED_PROGRAM,   /* the executable itself */
    ATTRIBUTED_LIBRARY,   /* one of its libraries */
    ATTRIBUTED_LIBC,      /* the C library: libc, libm, libpthread ... */
    ATTRIBUTED_LIBSTDCXX, /* the C++ runtime: libstdc++, libc++, libgcc_s */
    ATTRIBUTED_LOADER,    /* the dynamic loader */
    ATTRIBUTED_HARNESS,   /* what runs tests: attribution_of_harness() */
};

struct catalogue;

struct attribution {
    enum attributed_to to;
    const char *module; /* path of the blamed module; points into the frames; or NULL */
    const struct frame *place; /* frame where it went wrong; NULL = no stack */
    const struct frame
        *called;     /* of the runtime, which it called and which ended there; or NULL */
    const char *why; /* the rule that decided, static */
};

/**
 * Blame a module.
 * A crash inside the C library, the C++ runtime or the loader is the caller's (a NULL
 * handed to strlen is the program's mistake) unless
 *   - the failing allocation was made inside the very same call: both stacks leave the
 * library through the same call instruction with the same callers, and the function
 * called is not one that reads strings or memory or formats what it is given; or
 *   - it lies two or more calls deep in there, in no such function, and the failing
 * allocation was the library's own: it stumbles over state that it set up itself; or
 *   - no other code is on the stack (start-up, exit handlers, a thread's end).
 * An end that shows that a reserve of the runtime's is missing, which was to be made when the program
 * started and whose allocation is the one that failed, is the runtime's.
 * Code in no file (a call through NULL, or what was compiled at run time) is its caller's.
 * @fault: stack of the allocation that failed, innermost first; @n_fault may be 0
 * @crash: stack at the fatal signal, innermost first; @n_crash may be 0: ATTRIBUTED_NONE
 * @exe: path of the program that crashed
 */
struct attribution attribution_decide(const struct catalogue *catalogue,
                                      const struct frame *fault, uint32_t n_fault,
                                      const struct frame *crash, uint32_t n_crash,
                                      const char *exe);

/**
 * Blame for a wrong answer: the innermost function that was still at work when the program went on. Whoever asked
 * for memory was refused it; what it and its callers up to that function made of that is not seen.
 * @fault: as attribution_decide(); @at: index in it, of that function, from where both stacks meet; @n_fault:
 *   there is none
 * Return: ATTRIBUTED_NONE when only a runtime was at work.
 */
struct attribution attribution_ignored(const struct catalogue *catalogue,
                                       const struct frame *fault, uint32_t n_fault,
                                       uint32_t at, const char *exe);

/** Does the end show that a reserve of the runtime's is missing, whose allocation is the one that failed? */
bool attribution_reserve(const struct catalogue *catalogue, const struct frame *fault,
                         uint32_t n_fault, const struct frame *crash, uint32_t n_crash,
                         const char *exe);

/**
 * Blame a module for a hang: whoever loops, or has called what does not come back. Libraries of the
 * runtime are blamed only when the failing allocation was made inside the very same call.
 * @loop: from where two samples met on, innermost first; @n_loop may be 0: ATTRIBUTED_NONE
 */
struct attribution attribution_hang(const struct catalogue *catalogue,
                                    const struct frame *fault, uint32_t n_fault,
                                    const struct frame *loop, uint32_t n_loop,
                                    const char *exe);

/**
 * Blame for a hang in which a library waits in its event loop for what never comes: not the loop, which
 * does what it is there for, but the side on which the allocation failed, whose event it would have been.
 * @loop: as attribution_hang(); @system_call: in which it waited, or NULL
 * Return: the innermost frame of the fault's that is neither the runtime's nor the waiting library's;
 *   ATTRIBUTED_NONE when no library waits in such a call, or nobody else is on the fault's stack.
 */
struct attribution attribution_wait(const struct catalogue *catalogue,
                                    const struct frame *fault, uint32_t n_fault,
                                    const struct frame *loop, uint32_t n_loop,
                                    const char *system_call, const char *exe);

/**
 * Recognise a stack overflow: a fault high up where stacks lie, and a stack that does not go
 * back to where programs and threads start because the recursion was too deep to be read whole.
 * Where the last call happened to be made is chance then.
 * @address: fault address of a SIGSEGV; 0 = another signal
 * Return: the frame that stands for the recursion, the same every time: of the outermost round of calls the
 *   smallest that is no runtime's (through which it may go: a handler that std::terminate() calls, a comparison of
 *   qsort()'s), or without a round the outermost (the ledger cuts such stacks); NULL when it is no stack overflow.
 */
const struct frame *attribution_recursion(const struct catalogue *catalogue,
                                          const struct frame *crash, uint32_t n_crash,
                                          uint64_t address, const char *exe);

/** Is the place a test harness's, whichever module it is in? Then that is to blame. */
void attribution_of_harness(const struct catalogue *catalogue, struct attribution *a);

/** "program", "library", "libc", "libstdc++", "loader", "harness"; NULL for ATTRIBUTED_NONE. */
const char *attribution_name(enum attributed_to to);

/** Class of a module by its path. @exe: path of the program */
enum attributed_to attribution_class(const struct catalogue *catalogue,
                                     const char *module, const char *exe);

#endif
