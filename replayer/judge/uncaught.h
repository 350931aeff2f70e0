/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What std::terminate() was called for. That no function catches std::bad_alloc is a policy, and so is what
 * a program throws in its place; the rest are defects that the missing memory brings to light. Pure.
 *
 *   terminate ◄ __cxa_throw ◄ operator new                  uncaught std::bad_alloc: a policy
 *   terminate ◄ __cxa_throw ◄ load                          load() was refused memory, or caught
 *                                                           std::bad_alloc, and throws: a policy
 *   terminate ◄ __cxa_throw ◄ verify ◄ main                 load() has returned: uncaught app::error
 *   terminate ◄ __cxa_rethrow ◄ list ◄ main                 load() threw it, and has returned: a policy where what()
 *                                                           speaks of memory
 *   terminate ◄ __cxa_throw ◄ __throw_logic_error ◄ ...     uncaught std::logic_error
 *   terminate ◄ __gxx_personality_v0 ◄ _Unwind_... ◄ __cxa_throw ◄ ... ◄ ~D ◄ main
 *                                                           left ~D, although main would catch it
 *   terminate ◄ __cxa_call_unexpected ◄ measure ◄ main      the same by an exception specification
 *   terminate ◄ ~thread ◄ work ◄ main                       a thread that is joinable still
 *   terminate ◄ __cxa_rethrow ◄ check ◄ main                there is nothing to throw on
 *
 * A type that derives from std::bad_alloc counts as it. One that is or derives from std::logic_error never
 * stands for a lack of memory, nor does what a new_handler throws,
 * which may throw nothing but std::bad_alloc (C++17, [new.handler]).
 */
#ifndef DEARTH_UNCAUGHT_H
#define DEARTH_UNCAUGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"
#include "frames.h"

struct catalogue;
struct failed_stacks;

/**
 * Is an end by std::terminate() a defect?
 * @failed: NULL is allowed
 * @end: stack at the end, innermost first, @seen's; its `boundary` and `caught_by` count in it
 * @cause: what it is, out
 * Return: false where it is a policy, or none by std::terminate(), or in doubt.
 */
bool uncaught_find(const struct catalogue *catalogue, const struct failed_stacks *failed,
                   const struct frame *end, uint32_t n, const struct observation *seen,
                   char cause[static CAUSE_BYTES]);

#endif
