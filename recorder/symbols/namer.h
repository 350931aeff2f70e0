/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of addresses, looked up in a process of its own: libdw ends the process, or crashes, when there
 * is too little memory, and on debug information that is damaged enough.
 *
 *   namer_new ─ fork ─► child: for each job symbols_new(), symbols_look_up() of each address
 *   namer_head ◄─ pipe ─┤      what they come from
 *   namer_next ◄─ pipe ─┘      in the order in which they were given
 *   namer_end ◄─ status ──── whole, or why not
 *
 * One child for all modules: one each took as long as most of what they looked up.
 */
#ifndef DEARTH_NAMER_H
#define DEARTH_NAMER_H

#include "symbols.h"

struct namer;

enum namer_outcome {
    NAMER_WHOLE = 0,  /* every address was looked up */
    NAMER_BROKEN = 1, /* the child crashed: damaged debug information, or no memory */
};

struct namer_job {
    struct symbols_wanted wanted;
    const uint64_t *addresses; /* as symbols_look_up() takes them */
    uint64_t n;
    bool functions; /* symbols_functions() in place of `addresses` */
};

struct namer_head {
    enum symbols_outcome outcome;
    const char *source;        /* of symbols_source(), static */
    struct symbol_files files; /* of symbols_files(); the namer's */
    uint64_t n;                /* addresses that namer_next() will give */
};

/**
 * Begin to look @n @jobs up, one after the other; they must live until namer_end().
 * Return: 0, or a negative errno (printed). Context: no other thread.
 */
int namer_new(const struct namer_job *jobs, uint64_t n, struct namer **out);

/**
 * Begin with the next job, whose addresses namer_next() gives then, all of them.
 * @out: lives until the next call
 * Return: 0; negative when the child ended early: namer_end() says why.
 */
int namer_head(struct namer *namer, struct namer_head *out);

/**
 * The lines of the next address; they live until the next call.
 * Return: how many, 0 = nothing is known; negative when the child ended early: namer_end() says why.
 */
int namer_next(struct namer *namer, const struct symbol_line **out);

/**
 * Wait for the child and free @namer. After all addresses of all jobs, or when the child ended early.
 * @signal: that ended it, with NAMER_BROKEN
 * Return: enum namer_outcome, or a negative errno: there was no memory (printed).
 */
int namer_end(struct namer *namer, int *signal);

/** End the child, whatever it is at, and free @namer: nobody wants to know any more. */
void namer_stop(struct namer *namer);

#endif
