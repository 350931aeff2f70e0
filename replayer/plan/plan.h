/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: which faults are tried, in which order. Pure: values in, values out.
 *
 *   sites (recorded or seen in a baseline) ─┐
 *   earlier attempts ───────────────────────┼─► plan_make ─► faults, in order
 *   filters, occurrences, modes, limit ─────┘             └► left-out sites, with reasons
 *
 * Invariant: every site is either in a fault, or left out with a reason, or done (each of
 * its faults was tried before): n_planned_sites + n_left_out + n_done_sites = n_sites.
 */
#ifndef DEARTH_PLAN_H
#define DEARTH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "attempt.h"

/* What the filters look at; one return address, its inlined functions included. */
struct plan_frame {
    const char *module;           /* path */
    const char *const *functions; /* n_symbols; entries may be NULL */
    const char *const *files;
    const char *const *linkage; /* names in the symbol table; NULL = none is known */
    uint32_t n_symbols;
    const uint32_t *lines;        /* 0 = unknown */
    bool changed;                 /* one of them is in what --changed-since shows */
    struct dearth_key module_key; /* of its build-id */
    uint64_t offset;              /* of the return address in it */
    uint64_t start; /* where the function begins that is not inlined; 0 = unknown */
};

/* A path in the tree of stacks. A parent comes before its children. */
struct plan_stack {
    uint32_t parent; /* index + 1; 0 = outermost */
    uint32_t frame;  /* index */
};

struct plan_site {
    int64_t id;
    struct dearth_key key;
    struct dearth_key leaf_module;
    uint64_t leaf_offset;
    int64_t location; /* 0 = unknown: a location of its own */
    uint32_t stack;   /* index + 1; 0 = unknown */
    uint64_t count;   /* occurrences that every run is sure to have, at least 1 */
    uint64_t max_size;
    uint64_t
        demand; /* calls in the runs that --demand names; 0 = none, or not asked for */
    bool failable;
    uint32_t op; /* enum shm_op */
    uint32_t
        harness; /* frame of a test harness that asks for it, index + 1; 0 = another does */
};

/* One earlier execution. */
struct plan_attempt {
    int64_t site_id;
    uint64_t occurrence;
    enum fault_mode mode;
    enum verdict verdict;
    bool confirmed; /* of a snapshot: a rerun of the same finding has shown the same */
    enum under under;
    uint32_t burst; /* of MODE_BURST */
    bool explored;  /* the error-path sites that came up after it are known */
    bool
        survived; /* no attempt: its copy was ended while it went on (sites_add_survivors()) */
    enum thread_role thread;
    struct dearth_key scope; /* scope_key(); of one that lasts */
};

/* Of a site's calls, those that may fail (calls.h); first > last: none. */
struct plan_window {
    uint64_t first, last; /* occurrences */
};

/* A call that --nth names. */
struct plan_pick {
    uint32_t site; /* index */
    uint64_t occurrence;
    uint64_t call; /* its number in the run */
};

enum plan_occurrence {
    PLAN_FIRST = 0,
    PLAN_LAST,
    PLAN_ALL,
    PLAN_LOG2, /* 1, 2, 4, 8 ... and the last */
    PLAN_NTH,
};
enum plan_mode { PLAN_ONCE = 0, PLAN_STICKY, PLAN_BOTH };

/* An unlimited --occurrence all would not end on a site of a million calls. */
#define PLAN_ALL_LIMIT 1024u

struct plan_options {
    const char *const
        *own; /* any must match a frame that none of not_own does; none = all
                               pass */
    uint32_t n_own;
    const char *const *not_own;
    uint32_t n_not_own;
    const char *const *in; /* any must match a frame; none = all pass */
    uint32_t n_in;
    const char *const *not_in; /* none may match a frame */
    uint32_t n_not_in;
    const char *const *sites; /* hex keys or unique prefixes */
    uint32_t n_sites;
    bool untested;    /* only sites in which no fault has fired yet */
    bool retest;      /* forget earlier attempts */
    enum under under; /* what it is for: attempts under anything else settle nothing */
    uint64_t min_size;
    enum plan_occurrence occurrence;
    bool occurrence_asked; /* by the user: no other call of a site */
    uint64_t nth;          /* for PLAN_NTH */
    const char *demand;    /* path of a database whose runs ask; NULL = none */
    const char *changed_since, *repository; /* NULL = not asked for; the current folder */
    const char *from_symbol, *until_symbol; /* globs; NULL = from the start, to the end */
    uint64_t call_first, call_last;         /* --nth; 0 = not asked for */
    enum thread_role thread;
    struct dearth_key
        scope; /* of what lasts: others settle nothing of that; scope_key() */
    enum plan_mode mode;
    uint32_t burst; /* > 0: that many calls in a row fail, instead of `mode` */
    uint32_t depth; /* 2: single failures are explored for pairs.h; else 0 or 1 */
    uint64_t limit; /* faults at most; 0 = all */
    uint32_t shard, n_shards; /* 1-based; n_shards 0 = no sharding */
    uint32_t repeat; /* further executions of a bad verdict: an interrupted series
                        of repeats is finished */
};

struct plan_input {
    const struct plan_frame *frames;
    uint32_t n_frames;
    const struct plan_stack *stacks;
    uint32_t n_stacks;
    const struct plan_site *sites;
    uint32_t n_sites;
    const struct plan_attempt *attempts; /* any order */
    uint32_t n_attempts;
    const struct plan_window *windows; /* by site; NULL = all calls may fail */
    const struct plan_pick *picks; /* by site; n_picks 0 = options->occurrence chooses */
    uint32_t n_picks;
};

struct plan_fault {
    uint32_t site; /* index into the input's sites */
    uint64_t occurrence;
    enum fault_mode mode;
    uint32_t done; /* executions already stored: the next one's `repeat` */
    bool bad;      /* one of them was bad: an unfinished series of repeats */
    bool explore;  /* depth 2: not known yet what comes up after it */
    uint64_t call; /* of a plan_pick, else 0 */
};

struct plan_left_out {
    uint32_t site;
    enum reason reason;
};

/* Zero is valid and empty. */
struct plan {
    struct plan_fault *faults; /* in the order in which they are tried */
    uint32_t n_faults;
    struct plan_left_out *left_out;
    uint32_t n_left_out;
    uint32_t n_harness; /* of these, left out since they are a test harness's own */
    uint32_t n_planned_sites, n_done_sites;
    bool *passed; /* by site: failable and let through by the filters */
};
void plan_deinit(struct plan *plan);

/**
 * Make the plan.
 * Order: each location once before any location twice; within a round previously bad
 * ones, then never tested ones, then the rest; larger sizes first; ties by key. What --demand asks for most
 * goes before all that. Within a
 * location each of its sites once, then second modes and occurrences.
 * @error: what is wrong with the options, in words; free(); only with -EINVAL
 * Return: 0, or -EINVAL (a --site that names no site or several).
 */
int plan_make(const struct plan_input *input, const struct plan_options *options,
              struct plan *out, char **error);

/** Parse --occurrence's "first|last|all|log2|N". Return: 0 or -EINVAL. */
int plan_parse_occurrence(const char *text, struct plan_options *out);
/** Parse --nth's "N" or "FROM-TO". Return: 0 or -EINVAL. */
int plan_parse_calls(const char *text, struct plan_options *out);

/** Can a second failure tell more than the first alone? Not where that crashed or hung. */
bool plan_is_explorable(enum verdict verdict);

/** Is this a verdict that is repeated and ranked first (severity warning or bug)? */
bool plan_is_bad(enum verdict verdict);

/** Does a glob match the module of a frame, or of its @symbol-th function name or source file? Names
 * without parameters will do, paths without folders, too. */
bool plan_symbol_matches(const struct plan_frame *frame, uint32_t symbol,
                         const char *const *globs, uint32_t n);

#endif
