/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an error path leaves besides memory and files: processes that run on, descriptors, locks on files, and
 * children that have ended and were not waited for. Pure.
 *
 * What ends by itself soon after, as the reader of a pipe does, harms nobody, nor does what every run leaves:
 * a daemon. Only an ordinary end counts: a crash can tidy up nothing.
 *
 * The kernel closes what is open at the end, so that who ends a program need not; locks and children are as
 * descriptors in all of this. A descriptor is lost when the
 * function that could have closed it, the innermost one that both its opening and the failed call came
 * from, has returned, and the program went on:
 *
 *   main ─┬─ handle ─┬─ open            the descriptor
 *         │          └─ malloc          the failed call: handle() returns
 *         ├─ handle ─── open            work goes on
 *         └─ exit                       handle() is not on this stack: lost
 *
 * main() may leave what it has, and whoever ends the program itself. Those in globals are taken for lost as well.
 */
#ifndef DEARTH_REMAINS_H
#define DEARTH_REMAINS_H

#include "attempt.h"

struct frames;

/** Has an attempt left a process running that no run without a fault leaves? */
bool remains_has_children(const struct baseline *baseline, const struct observation *seen,
                          const struct judgement *judgement);

/** How long @seen's processes are waited for before that is certain; 0 = the program itself takes too
 * long for that. */
uint64_t remains_patience_ns(const struct baseline *baseline);

/** Say so in @out, and raise its severity. @patience_ns: they were still there then */
void remains_say_children(const struct observation *seen, uint64_t patience_ns,
                          struct judgement *out);

/** What the runs of @usual have open at their ends, the most of any: as items of their own, @n of them;
 * open_items_free(). Return: NULL where it is not known of one of them. */
struct open_item *remains_usual(const struct observation *runs, uint32_t n_runs,
                                uint32_t *n);

/** Which descriptors has @seen more of than usual, by kind and in all? Bits as in struct order; 0 = none. */
uint64_t remains_more_open(const struct open_item *usual, uint32_t n_usual,
                           const struct observation *seen);

/** Did it end within the function that asked for memory, or one that this called? Whoever could have closed
 * anything was at work to the end: remains_is_lost() is false whatever it opened. @failed: stack of the call */
bool remains_ends_inside(const struct observation *seen, const struct frames *failed);

/**
 * Is one of them lost? Then it is said in @out, whose severity is raised.
 * @seen: with where its descriptors were opened, and where it ended
 * @failed: stack of the call that failed
 */
bool remains_is_lost(const struct open_item *usual, uint32_t n_usual,
                     const struct observation *seen, const struct frames *failed,
                     struct judgement *out);

#endif
