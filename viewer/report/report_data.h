/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report says, as plain structs: the one place that reads it out of the database,
 * so that every format (JSON, text, Markdown, ..., the page) is a function of the same
 * values.
 *
 *   recording* ─ site_stat ─┐
 *   replay*    ─ attempt ───┼─► site[] (by key) ─► tallies, untested
 *   skipped ────────────────┘
 *   finding ─ finding_attempt ─► finding[] (worst first) ─► site keys
 *
 * Which recordings: the one asked for; else the newest and all that are of the same
 * program in the same build (same executable path, no module path with another build-id),
 * with all their replays. What is left out is said in a note.
 *
 * Error-path sites (--depth 2) are in site[] too, but in none of the tallies of ordinary sites:
 * what is tested must not look less because more was looked at.
 *
 * Invariants: testable = tested + untested; total = testable + excluded; VERDICT_NONE
 * only where nothing was attempted. Everything is read in one transaction, so a replay that is
 * still running cannot make the parts disagree. Nothing in here depends on the clock.
 */
#ifndef DEARTH_REPORT_DATA_H
#define DEARTH_REPORT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "damage.h"
#include "frames.h"
#include "key.h"
#include "words.h"

struct store;

/** What excludes a site that is REASON_NOT_FAILABLE: "never", "outside" (dearth.h), "call" (no
 * call of it can fail). Return: NULL for others. */
struct report_site;
const char *report_exclusion(const struct report_site *site);

struct report_location {
    int64_t id;
    const char *function, *file; /* NULL = unknown */
    const char *module, *name;
    int64_t line; /* 0 = unknown */
    int64_t offset;
    uint32_t testable, tested, sites; /* sites of it */
};

struct report_site {
    int64_t id, stack_id; /* stack_id 0 = unknown */
    struct dearth_key key;
    const char *op;
    struct report_location *location; /* NULL = unknown */
    const char *program;              /* NULL = unknown */
    uint64_t count, failed, failable, bytes, peak_bytes, live_blocks, live_bytes;
    uint64_t never, outside; /* calls that the program forbids to fail: dearth.h */
    int64_t first_thread;    /* serial, 0 = unknown */
    uint32_t attempts[N_VERDICTS];
    uint32_t occurrences_tested;
    uint8_t verdict; /* enum verdict: the worst */
    uint8_t how;     /* 1 << enum how, or-ed */
    uint8_t reason;  /* enum reason */
    bool error_path, truncated, incomplete;
    bool after_failure; /* error_path, and no recording or run without a failure has it */
};

struct report_leak { /* blocks of one site that nothing points to any more */
    struct dearth_key site;
    const char *op;
    const struct report_location *location;
    int64_t stack_id, blocks, bytes, direct;
};

/* What is not as without the fault: attempt.differs in schemas/store.sql. */
struct report_difference {
    const char *what, *how;
    const char *path, *detail; /* NULL = none */
};

struct report_finding {
    int64_t id, attempt_id;
    const char *identity;
    enum verdict verdict;
    enum severity severity;
    bool leaked;
    const char *module, *kind, *policy; /* attribution; NULL = unknown */
    bool known;                         /* a baseline has it: set by gate_mark_known() */
    bool runtime; /* went wrong in the C library, the C++ runtime or the loader */
    struct {
        struct dearth_key site;
        const char *op, *mode, *program;
        const struct report_location *location;
        int64_t stack_id, occurrence, burst, size; /* size -1 = unknown */
        const char *thread; /* whose calls `occurrence` counts: "any", "main", "other" */
        int64_t call;       /* --nth: number in the run, else 0 */
        const char *chance, *failed; /* --probability: JSON as in `attempt`, else NULL */
    } fault;
    struct { /* --depth 2: what failed after `fault`; op NULL = nothing */
        struct dearth_key site;
        const char *op;
        const struct report_location *location;
        int64_t stack_id, occurrence; /* counted from the first failure on */
    } second;
    struct {
        bool seen;
        int signal; /* 0 = a sample */
        bool has_address;
        uint64_t address;
        const char *program;
        int64_t stack_id;
    } crash;
    bool has_code, timed_out;
    int64_t exit_code;
    int exit_signal; /* 0 = exited */
    const char *stderr_tail;
    const char *under;         /* "plain", "guarded", "asan", "valgrind" */
    const char *isolation;     /* "overlay", "copy", "shared" */
    struct damage_seen damage; /* kind 0 = none was found */
    const struct report_location
        *damage_location; /* that allocated the block; NULL = unknown */
    bool silent;          /* degraded, with status 0 and nothing said about it */
    struct report_difference *differences;
    size_t n_differences;
    /* hung: what it did, and the system call it waited in; NULL = unknown */
    const char *hang, *hang_call;
    int64_t later_stack_id; /* hung: a second sample; 0 = none */
    int64_t bad, tried;
    bool unconfirmed;              /* only copies of a running program showed it */
    int64_t unreached;             /* executions that did not come to the call */
    const char *facility, *effect; /* of the C library; NULL = none */
    struct dearth_key *sites;      /* sorted */
    size_t n_sites;
    struct report_leak
        *leaks; /* of the attempt shown; the one the others hang on first */
    size_t n_leaks;
};

struct report_recording {
    int64_t id, started_unix_ns, duration_ns;
    const char *state, *exe, *argv /* JSON array */, *cwd;
    bool has_code, exact;
    int64_t exit_code;
    int exit_signal; /* 0 = exited */
    /* -1 = unknown */
    int64_t events, allocations, frees, failed, bytes, peak_bytes, live_blocks,
        live_bytes;
    int64_t events_lost, stacks_lost, stacks_truncated, stacks_incomplete;
    int64_t unwind_fallbacks, waited_ns, own_bytes, processes_lost, rings_damaged;
    int64_t sites, processes, threads;
};

struct report_replay {
    int64_t id, recording, started_unix_ns, duration_ns, time_limit_ns;
    const char *state, *options /* JSON object */, *isolation;
    bool traced;
    int deterministic_output, deterministic_sites; /* 1, 0, -1 = unknown */
    int64_t jobs, planned, done, attempts;
};

/* Where stacks ended early: the module of the last frame that could be read. */
struct report_stop {
    const char *module;
    uint64_t calls;
};

struct report_note {
    const char *kind, *text, *subject;
    bool
        unseen; /* the recording lacks what a module allocated: a kind of enum unseen_kind */
    bool accepted; /* of these, one that the user knows of: report_unseen_accept() */
};

struct report_tally {
    uint64_t total, testable, tested, excluded; /* untested = testable - tested */
};

/* Why sites were left to rerun instead of a snapshot, and how many. */
struct report_refusal {
    const char *reason; /* as in the table `refused` */
    uint64_t sites;
};

struct report_data {
    struct store *store;
    const char *path;                    /* of the database, as the user gave it */
    struct report_recording *recordings; /* by id; the last is the newest; at least one */
    size_t n_recordings;
    struct report_replay *replays; /* by id */
    size_t n_replays;
    struct report_location *locations; /* by id; only some may have sites */
    size_t n_locations;
    struct report_site *sites; /* by key */
    size_t n_sites;
    struct report_site **untested; /* reason != REASON_TESTED: by location, then key */
    size_t n_untested;
    struct report_finding *findings; /* by severity, runtime, silent, verdict, identity */
    size_t n_findings;
    struct report_tally site_tally, location_tally;
    struct report_tally error_tally; /* error-path sites, which are in no other number */
    uint64_t verdicts[N_VERDICTS];   /* sites by worst verdict */
    uint64_t severities[N_SEVERITIES]; /* findings */
    uint64_t runtime[N_SEVERITIES];    /* of these, in the runtime */
    uint64_t silent;                   /* findings */
    uint64_t reasons[N_REASONS];       /* sites */
    uint64_t n_attempts;
    uint64_t n_doubtful; /* sites tested only where the program did not end as recorded */
    const char **modules_without_cfi; /* sorted */
    size_t n_modules_without_cfi;
    struct report_stop *stops;
    size_t n_stops;
    struct report_refusal *refusals; /* by reason */
    size_t n_refusals;
    struct report_note *notes;
    size_t n_notes;
    bool exact;
    struct report_private *private;
};

/**
 * Read everything but stacks.
 * @recording: id, or 0 for the newest
 * @alike: with all others of its like (above), not alone
 * @out: owned by the caller; report_data_free(); @store must outlive it
 * Return: 0, or negative errno after a message.
 */
int report_data_new(struct store *store, int64_t recording, bool alike,
                    struct report_data **out);
struct report_data *report_data_free(struct report_data *data);
static inline void report_data_free_pointer(struct report_data **data) {
    *data = report_data_free(*data);
}
#define AUTO_REPORT __attribute__((cleanup(report_data_free_pointer)))

/** A stack with its symbols: frames_load() over the report's own reader. */
int report_data_stack(const struct report_data *data, int64_t stack_id,
                      struct frames *out);

/** Tested / testable in millionths, rounded down so that 100 % means all; 1000000 when
 * nothing is testable. */
uint32_t report_coverage(const struct report_tally *tally);

/** Append "function (file:line)", "function (module)", "module+0x12". NULL: "unknown". */
void report_add_location(const struct report_location *location, struct text *out);
/** The same for a site: where it has no location, its innermost frame. Return: 0 or negative errno. */
int report_add_place(const struct report_data *data,
                     const struct report_location *location, int64_t stack_id,
                     struct text *out);
/** Append "one of 2 calls that failed by chance (probability 0.1, seed 7)". */
void report_add_chance(const struct report_finding *finding, struct text *out);
/** The site of the @i-th call that failed by chance, and its number among the chosen calls.
 * Return: false when there are no more; @site NULL when the report does not have it. */
bool report_failed_call(const struct report_data *data,
                        const struct report_finding *finding, int i,
                        const struct report_site **site, int64_t *call);
/** Append "stdout is truncated", and with @detail " (10 of 20 bytes)". */
void report_add_difference(const struct report_difference *difference, bool detail,
                           struct text *out);
/**
 * Where a hung program's two samples meet: the innermost function that both have.
 * @frame: out; points into @frames, which the caller frees
 * Return: 1, 0 there is none, or negative errno.
 */
int report_data_loop(const struct report_data *data, const struct report_finding *finding,
                     struct frames *frames, const struct frame **frame);
/** Append the command that would test a site; nothing for REASON_NOT_FAILABLE. */
void report_add_command(const struct report_data *data, const struct report_site *site,
                        struct text *out);
/** Append the command that shows a finding again. */
void report_add_repro(const struct report_data *data,
                      const struct report_finding *finding, struct text *out);
/** Append the recorded command line, quoted for a shell; the executable when argv is
 * unknown. */
void report_add_argv(const struct report_recording *recording, struct text *out);

#endif
