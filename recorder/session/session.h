/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session: one arena (schemas/shm.h) in a private folder, and what the rest of dearth
 * may do with it.
 *
 * A recording uses one session for the whole process tree. A replay keeps one per job and
 * resets it between attempts, so that an attempt costs no file creation.
 */
#ifndef DEARTH_SESSION_H
#define DEARTH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "shm.h"

struct session_state;
struct store;

struct session {
    struct shm_header *arena; /* the whole mapping, arena->arena_bytes long */
    char *directory;          /* private 0700; removed by session_free() */
    char *arena_path;         /* in it; what the target opens */
    int arena_fd;
    struct session_state *state; /* private: session_private.h */
};

/* The socket in the directory that `dearth control` speaks to (recorder/record/control_socket.h). */
#define SESSION_CONTROL "control"
/* Files in the directory that a user's comparison of outputs is given (replayer/run/output_check.c). */
#define SESSION_CHECKS  "check-said", "check-stdout", "check-stderr", "check-baseline"

struct session_options {
    uint32_t flags; /* enum shm_flag */
    /* virtual size; 0 = default: 1 GiB with SHM_EVENTS, else 256 MiB; less under RLIMIT_AS */
    uint64_t arena_bytes;
    uint32_t ready_blocks; /* pre-allocated at once; 0 = default */
    uint32_t max_depth;    /* 0 = SHM_DEFAULT_DEPTH */
    uint64_t sample_bytes; /* shm_header.sample_bytes */
    const char *only_exe;  /* shm_header.only_exe: SHM_ONLY_BYTES; NULL = every program */
    const char *folder; /* where to make the directory; NULL = /dev/shm, $XDG_RUNTIME_DIR,
                           $TMPDIR, /tmp: the first with room */
};

/**
 * Make the directory and the arena, find the preload library.
 * The library is looked for beside the build (relative to /proc/self/exe) and then where
 * it is installed; DEARTH_PRELOAD in our environment overrides both.
 * @out: owned by the caller; session_free()
 * Return: 0, or a negative errno after a message (no room, no library, read-only places).
 */
int session_new(const struct session_options *options, struct session **out);

/** Count time from now on instead of from session_new(). Context: no target has started. */
void session_start_clock(struct session *session);

/**
 * Open the arena that a killed dearth has left, and tell its targets that nobody reads.
 * @path: of the arena file
 * Return: 0; 1 = there is none any more, or it is of another boot or version; -EBUSY after
 * a message: a dearth is using it; or another negative errno after a message.
 */
int session_attach(const char *path, struct session **out);

/** Unmap, remove the directory; NULL is allowed. Return: NULL. */
struct session *session_free(struct session *session);

/** Forget processes, nodes, faults, losses: ready for another run. Nobody may be
 * attached. */
void session_reset(struct session *session, uint32_t flags);

/** Map all pages that are there in one go, where each reset touches all of them. Context: a child of whom made the
 * session, which has the mapping but no page of it. */
void session_populate(struct session *session);

/**
 * Environment for the target: @envp with DEARTH_ARENA and LD_PRELOAD (ours first, the
 * user's kept) last. Return: a NULL-terminated array in one malloc() block; free() it.
 */
char **session_environment(const struct session *session, char *const envp[]);

/** Arm @fault as the only one (proof fields are cleared). NULL disarms. */
void session_set_fault(struct session *session, const struct shm_fault *fault);
/** Arm @n faults, each from the firing of the one before it on. */
void session_set_faults(struct session *session, const struct shm_fault *faults,
                        uint32_t n);

/**
 * Arm @fault in a target that runs with SHM_SWEEP (protocol: schemas/shm.h).
 * @epoch: from 1 on, another one each time in the life of the target
 * Context: nothing is armed.
 */
void session_arm(struct session *session, const struct shm_fault *fault, uint32_t epoch);
/**
 * Lift it. faults[0].hits holds the matching calls.
 * Return: true when a thread was to fail; faults[0].fired follows as soon as it has run on, or
 * never when it was killed on its way. Nothing may be armed before.
 */
bool session_disarm(struct session *session);

/**
 * Lay down the orders of a snapshot run. Context: right after session_reset(), no target runs.
 * @orders: @n of them, orders of the same site next to each other
 * Return: where they lie in the arena, NULL when they do not fit.
 */
struct shm_orders *session_set_orders(struct session *session,
                                      const struct shm_order *orders, uint32_t n);
/** Lay down the scope of failures that last; NULL = there is none. Context: after session_reset() and session_set_orders(),
 * before the target starts. Return: 0 or -errno, nothing printed. */
int session_set_scope(struct session *session, const struct shm_scope *scope);
/** Let no more copies be made, from now on. Context: any process that maps the arena, any time. */
void session_drop_orders(struct session *session);

/**
 * Grow the arena where it is asked for, move the heartbeat. Call at least every 100 ms.
 * Return: 0, or -errno (-ENOBUFS: the arena has its full size) when a target waits for a
 * block and none can be made; nothing is printed, recycled blocks may still help it.
 */
int session_poll(struct session *session);

/**
 * Compare what targets can write over by mistake with our own copy, and put it right; session_poll()
 * does so too. Return: how often something was found so far.
 */
uint32_t session_mend(struct session *session);
/** The same with what an attempt has left, when its processes are gone. Return: as above. */
uint32_t session_inspect(struct session *session);
/** Has the arena's file lost its name: can no program that starts now be recorded? */
bool session_unlinked(const struct session *session);

/** Did fault @index fire in this attempt, as the arena says it? */
bool session_fired(const struct session *session, uint32_t index);
/** Was entry @index of the log of failures by chance written in this attempt? */
bool session_failed(const struct session *session, uint32_t index);
/** Its proof that lies out of a wild write's reach. Return: whether there is one of this attempt. */
bool session_proof(const struct session *session, uint32_t index, struct shm_proof *out);

/** Lay down failures by chance: threshold to space of @chance. Context: no target runs. */
void session_set_chance(struct session *session, const struct shm_chance *chance);

/** Tell every target that nobody reads any more: they go on without waiting. */
void session_detach(struct session *session);

/** Record nothing from now on, or go on recording. Calls that are under way are finished as they were begun. */
void session_pause(struct session *session, bool paused);

/** Give block @id (full segment, or a block of a dead process) back to the targets. */
void session_recycle(struct session *session, uint32_t id);

/** Shared memory allocated so far, in bytes. */
uint64_t session_own_bytes(const struct session *session);

/**
 * Path of libdearth_preload.so (see session_new()).
 * Return: the path, free() it; NULL after a message.
 */
char *session_preload_path(void);

/** The moment in ticks, the unit of every time in the arena. */
uint64_t session_ticks(const struct session *session);
/** The moment on both clocks: ticks, and ns since the session's start. */
void session_now(const struct session *session, uint64_t *ticks, uint64_t *ns);
/** Ticks to ns since the session's start; calibrated over the time passed so far. */
uint64_t session_ns(const struct session *session, uint64_t ticks);
double session_ticks_per_ns(const struct session *session);

/** Block @id as a pointer, NULL when out of range (a damaged arena never crashes us). */
void *session_block(const struct session *session, uint32_t id);
/** Entries of the process directory: session_process() for 0 .. n-1. */
uint32_t session_n_processes(const struct session *session);
/** What entry @index of the directory names, NULL when nothing (yet). They are in order of arrival
 * until the collector gives one to another process. */
const struct shm_process *session_process(const struct session *session, uint32_t index);
/** Node @id of a process, NULL when not READY or out of range. */
const struct shm_node *session_node(const struct session *session,
                                    const struct shm_process *process, uint32_t id);
/** Ring @index of a process (0-based), NULL when not (yet) there. */
struct shm_ring *session_ring(const struct session *session, struct shm_process *process,
                              uint32_t index);
/** Module @index (1-based, as in shm_node.module), NULL when out of range. */
const struct shm_module *session_module(const struct session *session,
                                        const struct shm_process *process,
                                        uint32_t index);

/**
 * Call @each for every site (leaf node) of every process with its key and SHM_COUNT_SITES
 * counts. A site reached by several processes is reported once per process.
 */
void session_each_site(const struct session *session,
                       void (*each)(void *context, const struct shm_process *process,
                                    uint32_t node_id, const struct shm_node *node),
                       void *context);

/* --- what lies in the store, by way of the recorder's code --- */

/**
 * Row of `site` for a leaf node, made (with its stack, frames, modules) when it is new.
 * @cache: opaque per (session, store); session_site_cache_new() / _free()
 * Return: site id > 0, 0 when the node is not valid, or negative errno.
 */
struct session_site_cache;
struct session_site_cache *session_site_cache_new(struct session *session,
                                                  struct store *store);
struct session_site_cache *session_site_cache_free(struct session_site_cache *cache);
/** Row of `module` for module @index (1-based) of a process. Return: as above. */
int64_t session_store_module(struct session_site_cache *cache,
                             const struct shm_process *process, uint32_t index);
/** Forget a process whose block is about to be recycled for another one. */
void session_site_cache_forget(struct session_site_cache *cache,
                               const struct shm_process *process);
int64_t session_store_site(struct session_site_cache *cache,
                           const struct shm_process *process, uint32_t node_id);

/**
 * Writes stacks that did not come through an arena (of crashes): its statements stay prepared, and
 * rows that it has met are remembered. What it remembers of a transaction that was rolled back is
 * wrong: free it then.
 * Return: NULL after a message when the database refuses.
 */
struct session_stacks;
struct session_stacks *session_stacks_new(struct store *store);
struct session_stacks *session_stacks_free(struct session_stacks *stacks);

struct session_frame {
    uint8_t build_id[32];
    uint32_t build_id_bytes; /* 0 = unknown: the path stands in */
    const char *module;      /* path; "[anon]" when in no file */
    uint64_t offset; /* return address - load bias; for the innermost frame pc + 1 */
};
/**
 * Row of `stack` for a list of frames.
 * @frames: innermost first
 * Return: stack id > 0, or negative errno.
 */
int64_t session_store_stack(struct session_stacks *stacks,
                            const struct session_frame *frames, uint32_t n);

/** As session_store_stack(), but what recurs is stored as often as it is there. */
int64_t session_store_loop(struct session_stacks *stacks,
                           const struct session_frame *frames, uint32_t n);

#endif
