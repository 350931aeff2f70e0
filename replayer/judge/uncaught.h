/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What std::terminate() was called for. That no function catches std::bad_alloc is a policy; the rest are
 * defects that the missing memory brings to light. Pure.
 *
 *   terminate ◄ __cxa_throw ◄ operator new                  uncaught std::bad_alloc: a policy
 *   terminate ◄ __cxa_throw ◄ __throw_logic_error ◄ ...     uncaught std::logic_error
 *   terminate ◄ __gxx_personality_v0 ◄ _Unwind_... ◄ __cxa_throw ◄ ... ◄ ~D ◄ main
 *                                                           left ~D, although main would catch it
 *   terminate ◄ ~thread ◄ work ◄ main                       a thread that is joinable still
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
