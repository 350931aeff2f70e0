/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writers of `dearth export` share: one recording's stacks with their costs.
 *
 *   profile by stack ──► struct export ──► collapsed | pprof | speedscope
 *   events           ──────────────────► csv
 */
#ifndef DEARTH_EXPORT_H
#define DEARTH_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "frames.h"
#include "heading.h"
#include "profile.h"
#include "store.h"

struct export {
    struct store *store;
    struct heading heading;
    struct profile profile; /* PROFILE_BY_STACK, sorted by key */
    struct frames_reader *frames;
    enum profile_cost cost;
    bool at_peak; /* at_peak_bytes are there */
};

/** "function", or "module+0x12ab": a frame without its place. Appends to @t. */
void export_add_frame(struct text *t, const struct frame *frame);
/** Last part of the path of the program that @item belongs to. */
const char *export_program(const struct profile_item *item);

/**
 * One line a stack, "program;outermost;...;innermost;op COST": what flamegraph.pl,
 * inferno and speedscope read. Equal lines are one. Return: 0, or a negative errno after
 * a message.
 */
int export_collapsed(struct export *e, FILE *out);

/**
 * A gzip-compressed profile.proto with every cost as a sample type; `cost` is the default
 * one. Source: https://github.com/google/pprof/blob/main/proto/profile.proto
 */
int export_pprof(struct export *e, FILE *out);

/** One "sampled" profile. Source: https://www.speedscope.app/file-format-schema.json */
int export_speedscope(struct export *e, FILE *out);

/** One line an event, in the order of each process. Does not need `profile` and `frames`. */
int export_csv(struct export *e, FILE *out);

#endif
