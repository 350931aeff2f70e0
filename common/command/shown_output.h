/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program that is checked prints, on the terminal: its first lines, so that what dearth has to say does not
 * stand below a thousand of them.
 *
 *   program ─► pipe ─► thread ─► the first lines ─► our descriptor 1 or 2
 *                        └─────► the rest is counted
 */
#ifndef DEARTH_SHOWN_OUTPUT_H
#define DEARTH_SHOWN_OUTPUT_H

#include <stdint.h>

enum shown_choice { SHOWN_AUTO, SHOWN_ALL, SHOWN_HEAD, SHOWN_NONE };
/* --show-output, in the order of the values. */
#define SHOWN_CHOICES "auto|all|head|none"
#define SHOWN_HELP                                                                       \
    "of what the program prints while it is recorded: all, the first 20 lines (head), "  \
    "or none; auto, the default: head on a terminal, else all, and "                     \
    "with -q no standard output. For head the program writes into a pipe"

struct shown_output;

/**
 * Take what programs print that `dearth record` starts from here on (program_set_output()).
 * @out: owned by the caller, shown_output_free(); NULL where nothing is to be taken
 * Return: 0, or a negative errno after a message.
 */
int shown_output_new(enum shown_choice choice, struct shown_output **out);

/** The program has ended: show what is under way, and say how much was not shown. */
void shown_output_end(struct shown_output *shown);

/** NULL is allowed. Return: NULL. What still writes there goes on, into nothing. */
struct shown_output *shown_output_free(struct shown_output *shown);

#endif
