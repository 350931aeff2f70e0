/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the replayer's parts hand to each other: an order to the runner, an observation
 * back, the baseline it is judged against, the verdict.
 *
 *   plan ──order──► runner ──observation──► verdict ──► attempt row
 *                                  baseline ──┘
 */
#ifndef DEARTH_ATTEMPT_H
#define DEARTH_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "damage.h"
#include "key.h"
#include "words.h"

/* Failures by chance: --probability. All zeroes: none. */
struct chance {
    double probability; /* of each chosen call, above 0 up to 1 */
    uint64_t seed;
    uint64_t interval; /* only every so-many-th chosen call may fail; 0, 1 = every one */
    uint64_t times;    /* failures at most; 0 = any number */
    uint64_t space;    /* bytes asked for before the first */
    uint32_t n_sites;  /* chosen ones; 0 = every site, also one never seen before */
    struct dearth_key sites; /* hash over the keys of the chosen ones */
};

/* A call that failed by chance. */
struct failed_call {
    struct dearth_key site;
    uint64_t call;       /* number of the chosen call in the execution */
    uint64_t occurrence; /* of the site in its process */
    uint64_t size;
};
#define OBSERVATION_FAILED 64 /* SHM_CHANCE_LOG */

/* The runner's input. */
struct order {
    int64_t site_id; /* 0 = baseline: no fault */
    struct dearth_key site;
    struct dearth_key leaf_module; /* of the innermost frame */
    uint64_t leaf_offset;
    uint64_t occurrence; /* 1-based */
    enum fault_mode mode;
    uint32_t burst;
    uint32_t repeat; /* 0 = first execution */
    enum under under;
    int64_t second_site_id; /* --depth 2: fails after the first; 0 = none */
    struct dearth_key second_site;
    uint64_t second_occurrence; /* 1-based, counted from the first failure on */
    bool leaks; /* look for leaks when processes end; costs the site of every block */
    struct dearth_key second_leaf_module;
    uint64_t second_leaf_offset;
    bool explore; /* count the sites that come up after the failure */
    bool
        follow; /* see where it goes on after the failure: the stack of its next system call */
    uint64_t
        openings; /* descriptors whose opening is to be seen, bit by bit, the last for all further ones
                          and for children; costs a stop at every system call */
    uint64_t
        patience_ns; /* for processes that are there when the first has ended; 0 = the usual */
    uint32_t
        most; /* a copy is ended at the first allocating call after so many; 0 = at its end */
    enum thread_role thread;
    uint64_t
        call; /* --nth: number in the recorded run of what fails; 0 = not asked for */
    struct chance chance; /* MODE_CHANCE; site_id is ORDER_BY_CHANCE then */
    /* of a sweep (server.h) */
    bool fresh;      /* in a program that no other fault was in before */
    bool at_start;   /* armed before the program starts, until it serves; implies fresh */
    bool idle;       /* no fault, not even driven: only started */
    uint32_t rounds; /* driven so many times more when the fault is lifted */
};

#define ORDER_BY_CHANCE (-1) /* which site is known when it has failed */

#define OBSERVATION_STDERR_BYTES 4096
#define OBSERVATION_MAX_FRAMES   128
#define THROWN_BYTES             128

struct crash_frame { /* innermost first */
    char *module;    /* path, "[anon]", "[vdso]" */
    uint8_t build_id[32];
    uint32_t build_id_bytes;
    uint32_t straight; /* 1: the function is made for the call that it is in (abort()) */
    uint64_t offset;   /* return address - bias (innermost: pc + 1) */
    char *function;    /* linkage name as the supervisor saw it; NULL = unknown */
};

/* A signal of the processor that the program caught; or one that a process of it was to die of. */
struct caught_signal {
    int signal, code; /* si_signo, si_code */
    bool fatal; /* nothing caught it; a baseline run in the database has code 0 then */
    uint64_t address;
    uint64_t last; /* as in struct observation */
    uint32_t pid;
    char *exe;
    struct crash_frame *frames;
    uint32_t n_frames;
};
#define OBSERVATION_CAUGHT 8  /* places of what is caught, */
#define OBSERVATION_DIED   64 /* and of what is died of */

/* What a process held when it ended. */
enum holding {
    HELD_DESCRIPTOR, /* above standard error */
    HELD_LOCK,       /* on a file, through one */
    HELD_CHILD,      /* which has ended, and was not waited for */
};
struct open_item {
    char *exe;
    enum holding held;
    char *
        what; /* path, "socket", "pipe", a child's name; "" = it had an end, and n is 0 */
    uint32_t n;   /* descriptors; several processes of one program: the most of any */
    uint64_t fds; /* which, as in struct order */
    struct crash_frame *frames; /* where it was opened, locked, made; NULL = not seen */
    uint32_t n_frames;
};
#define OBSERVATION_OPEN 256

/* Blocks of one site that nothing pointed to any more at exit. */
struct leaked_site {
    struct dearth_key site;
    uint64_t blocks, bytes;
    uint64_t direct; /* of the blocks, those that no other leaked block leads to */
};

/* A file that an attempt's private tree shows and the tree it started from did not: written.h. */
struct written_file {
    char *path;         /* as the program sees it */
    uint32_t mode;      /* st_mode; 0 = it was there before and is gone */
    uint64_t size;      /* of regular files and links, else 0 */
    uint8_t digest[16]; /* of contents or link target; all zero when empty */
    bool existed;       /* there was something of that name before */
    bool hides;      /* a folder in the place of another: what was in that is not there */
    uint8_t *kept;   /* owned; NULL = none */
    uint64_t n_kept; /* == size: whole */
};
/** Files of a list that is given up; NULL with 0 is allowed. */
void written_files_free(struct written_file *files, uint32_t n);

struct catalogue;
struct mask;
struct expected;

/* What one execution showed. Owned members are freed by observation_deinit(); what is owned is in the
 * table of attempt.c. */
struct observation {
    enum how how;
    bool
        inferred; /* MODE_STICKY, by a run in MODE_ONCE: the same one, for no call came after */
    struct {
        bool fired;       /* proof read from shared memory, or from behind it */
        bool first_fired; /* of a pair: `fired` means both */
        bool overwritten; /* the program wrote over the shared memory */
        bool attached;    /* the preload library came up in the first process */
        uint64_t hits;
        uint64_t size;
        uint32_t pid, tid;
        char *exe;
        uint64_t also_failed;
        uint64_t
            spared; /* of a lasting failure with a scope: later calls that are not in it, */
        uint64_t
            unsure; /* and those of all later calls that were decided without all being known */
        bool last_known;        /* of a lasting failure: its last call that failed, */
        struct dearth_key last; /* by its site, */
        uint32_t last_process, last_node; /* which lies there in the arena */
        uint32_t
            refusal; /* enum shm_refusal: why no copy was made for it; 0 = see fired */
        struct dearth_key
            outcome; /* SHM_REFUSED_PARENT: of all that other processes can know of the copy; copies of
                        one original with the same one are the same to them; the call has failed, though `fired` does not say so. All zero = not known */
        bool end_known; /* how the process ended that the call failed in, */
        int end_status; /* as wait() gives it */
        struct failed_call
            failed[OBSERVATION_FAILED]; /* MODE_CHANCE: the first of them */
        uint32_t n_failed;              /* of these */
    } proof;
    struct {
        int start_error; /* errno of a failed exec or setup, 0 = started */
        int exit_code;   /* -1 when killed by a signal */
        int exit_signal; /* 0 when it exited */
        bool timed_out;  /* killed by us for passing its limit, or since it is */
        bool endless;    /* known before that: it would never have ended */
        bool
            survived; /* a copy that was ended by us at its order's `most`: how it would have
                                ended is not known, there is nothing to judge */
        bool trace_refused;  /* it was to be traced, and the kernel does not allow it */
        bool left_processes; /* descendants were still there after the first process
                                ended, and were killed */
        uint32_t n_left;     /* so many; */
        char *left_exe; /* program of one of them, the lowest by name; NULL = not known */
        enum hang hang;
        char hang_call[64]; /* system call that the sampled thread waited in; "" = none */
        uint64_t started_unix_ns;
        uint64_t duration_ns, cpu_ns;
    } end;
    uint64_t
        outward; /* signals that it sent to its parent, alone or among others; bit 0 is
                         signal 1 */
    uint32_t addresses_taken, addresses_refused; /* as in struct shm_addresses */
    uint32_t address_family, address_port;
    uint64_t calls; /* of allocating functions, where sites were counted (no fault) */
    struct {
        uint8_t *stdout_data; /* up to the cap */
        uint64_t stdout_kept, stdout_bytes;
        uint8_t stdout_digest[16]; /* key_hash chained over everything it printed */
        char *stderr_tail;         /* last OBSERVATION_STDERR_BYTES, raw */
        uint64_t stderr_tail_n, stderr_bytes;
        bool files_known; /* the private tree can tell what was written */
        uint8_t
            files_digest[16]; /* over names, types, sizes and contents written below it */
        struct written_file *files; /* by path; see written.h */
        uint32_t n_files;
        bool checked; /* --output-check ran; check is its exit status */
        int check;
    } output;
    /* last fatal-signal candidate delivered after the fault fired (or a sample when timed
     * out) */
    struct {
        int signal, code; /* si_signo, si_code; 0 = none */
        bool fatal; /* pid ended by that signal (false: it was handled, or unknown) */
        uint64_t address;
        uint32_t pid;
        char *exe;
        struct crash_frame *frames;
        uint32_t n_frames;
        uint64_t last; /* of a lasting failure, the call that failed last by then: struct
                          shm_fault; 0 = not known */
        bool overflow; /* SIGSEGV: the stack was used up */
        uint64_t stack_pointer; /* of the thread whose frames these are; 0 = not known */
        uint32_t boundary; /* std::terminate(): frame that lets no exception out, from 1;
                               0 = not known */
        uint32_t
            caught_by; /* frame further out that would have caught it, from 1; 0 = none */
        struct {
            char type[THROWN_BYTES];     /* mangled, as typeid().name(); "" = not known */
            bool bad_alloc, logic_error; /* is, or derives from, std:: */
        } thrown; /* std::terminate(): an exception on its stack, the one under way mostly */
        /* hung: the sample taken later than frames that has fewest calls in common with them; followed:
         * where it went on */
        struct crash_frame *sample_frames;
        uint32_t n_sample_frames;
    } crash;
    /* without a fault: those at different places; else those that came before `crash` */
    struct caught_signal *caught;
    uint32_t n_caught;
    struct damage_seen damage;
    struct {
        bool
            known; /* seen at its end: of the process that the call failed in, else of each */
        struct open_item *items;
        uint32_t n;
        struct crash_frame *
            end_frames; /* from where it ended; where openings were seen, or it gave up with something open */
        uint32_t n_end_frames;
        bool went_on; /* after the failure it opened something else by itself */
    } open;
    struct {
        bool known;                /* the reachability scan ran to its end */
        struct leaked_site *sites; /* by key */
        uint32_t n;
        uint32_t state; /* enum shm_leaks_state of the process that did not end it */
    } leaks;
    /* of a sweep */
    struct {
        bool driven; /* the program was driven: see the next */
        bool
            outlived; /* it is still there; status and output are the drive command's, else
                          they are the program's own end */
        bool unhealthy; /* --health failed although the fault was lifted */
        bool loop;      /* nobody drives it: nothing to compare but its life */
        bool fell; /* the program before it ended by itself, while nothing was armed */
        uint64_t life;    /* which start of the program it was, from 1 */
        bool after_known; /* it was driven again without a fault: */
        int after_code;   /* -1 = no answer in time */
        uint8_t *after_data;
        uint64_t after_kept, after_bytes;
        uint8_t after_digest[16];
    } served;
};
void observation_deinit(struct observation *o);
/** Frames that an observation owned. NULL with 0 is allowed. */
void crash_frames_free(struct crash_frame *frames, uint32_t n);
/** Return: the same place in the same module; what lies in none is known by its address alone. */
bool attempt_same_frame(const struct crash_frame *a, const struct crash_frame *b);

/** What an observation's `open` owned. NULL with 0 is allowed. */
void open_items_free(struct open_item *items, uint32_t n);

/* Baseline runs, folded into what an attempt is compared with: baseline.h. */
struct baseline {
    int exit_code, exit_signal;
    bool status_stable; /* all runs ended the same way */
    bool stdout_stable; /* all runs printed the same bytes */
    uint8_t stdout_digest[16];
    uint64_t stdout_bytes;
    bool stdout_comparable;     /* stable, or there is a mask */
    const uint8_t *stdout_data; /* first run's (kept part); not owned */
    uint64_t stdout_kept;
    struct mask *stdout_mask;          /* NULL when stable and free of noise */
    bool stdout_whole;                 /* all of it was kept */
    const struct catalogue *catalogue; /* not owned; NULL = none */
    bool files_known;                  /* in all runs */
    struct expected *files;            /* NULL when not known */
    uint64_t duration_ns;              /* longest */
    uint64_t outward;                  /* signals that some run sent to its parent */
    const char *stderr_tail; /* first run's: what it says too is no evidence; not owned */
    uint64_t stderr_tail_n;
    bool leaks_known;          /* every run that looked for leaks knows them */
    struct leaked_site *leaks; /* by key: the most of any run; owned */
    uint32_t n_leaks;
    const struct observation *runs; /* not owned */
    uint32_t n_runs;
};

/* One thing that is not as without the fault. */
struct difference {
    const char
        *what; /* static: "stdout", "file", "signal", "process", "descriptor", "lock",
                         "child" */
    const char *how;  /* static: "truncated", "empty", "content", "missing", "removed",
                         "left_behind", "mode", "type", "check", "left_running", "left_open", "left_locked",
                         "left_unreaped" */
    char path[256];   /* of a file, or a process's program, else "" */
    char detail[160]; /* "10 of 20 bytes"; may be "" */
};
#define JUDGEMENT_DIFFERENCES 4
#define CAUSE_BYTES           200

struct judgement {
    enum verdict verdict;
    enum severity severity;
    const char *policy; /* name of the section of the catalogue, NULL */
    char reason[256];   /* one sentence: what decided it */
    char cause
        [CAUSE_BYTES]; /* of an abort() that is a crash: what a report says of it; or "" */
    int stdout_same;   /* 1, 0, -1 = not comparable */
    int files_same;
    bool unsure; /* an abort() whose kind a failed call decides that is not known here */
    bool silent; /* degraded with status 0 and nothing on stderr beyond the baseline's */
    /* leaks beyond the baseline's; valid when the observation's leaks_known */
    uint64_t leaked_blocks, leaked_bytes;
    struct difference differences[JUDGEMENT_DIFFERENCES]; /* the first of them */
    uint32_t n_differences;                               /* of these */
    uint32_t n_more;                                      /* differences beyond them */
};

struct catalogue;
struct failed_stacks;

/**
 * Judge one execution. Pure.
 * @failed: stacks of the calls that failed (abort.h); NULL = not known
 * @catalogue: outlives the judgement, which takes names from it
 */
struct judgement verdict_judge(const struct baseline *baseline,
                               const struct failed_stacks *failed,
                               const struct observation *seen,
                               const struct catalogue *catalogue);

#endif
