/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a clock, a kernel or an address layout puts into a line of output. Pure.
 *
 *   "[       OK ] Store.Put (12 ms)"    text ─ duration "12 ms" ─ text
 *   "2026-11-27T16:59:37Z pid 71"       clock ─ text ─ number ─ text
 */
#ifndef DEARTH_TOKEN_H
#define DEARTH_TOKEN_H

#include "span.h"

enum token_class {
    TOKEN_TEXT,
    TOKEN_NUMBER, /* "71", "1.5", "0,5" */
    TOKEN_DURATION, /* "12 ms", "0.01s", "0m0.003s"; "real 0.003": a decimal number behind a word for time */
    TOKEN_CLOCK, /* "16:59:37.5", "2026-11-27", "Fri Nov 27 16:59:37 UTC 2026", with their zone */
    TOKEN_POINTER, /* "0x7ffd1a2b" */
    TOKEN_N_CLASSES
};

struct token {
    enum token_class class;
    struct span text;
};

/**
 * The token of a line that begins at @at.
 * @at: 0 or the end of the token before it; below line.n
 */
struct token token_at(struct span line, uint64_t at);

/** Is a clock's time of day that of @unix_ns, in any zone? (These lie quarters of an hour apart.) */
bool token_is_near(struct span clock, uint64_t unix_ns);

/** Is a number the Unix time of about @unix_ns, in seconds (with decimals), or thousandths and so on of them? */
bool token_is_epoch(struct span number, uint64_t unix_ns);

/** Is it the name of a day or a month, whole or its first letters? */
bool token_is_calendar(struct span word);

/** Is a duration one that nothing but a clock prints: nought, or below one and with decimals? */
bool token_is_brief(struct span duration);

#endif
