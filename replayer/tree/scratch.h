/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private working tree of a worker: attempts may write where they like, the user's
 * files stay as they are, and every attempt starts from the same state. What a copy and a
 * shared tree leave real is in isolation.h.
 */
#ifndef DEARTH_SCRATCH_H
#define DEARTH_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "words.h"

/* The private tree that a worker has built. */
struct tree_facts {
    enum isolation isolation; /* in use, never ISOLATION_AUTO */
    bool bound; /* a copy: the working folder's own path leads to it, not only its name */
    char left_out
        [256]; /* descriptors that dearth was started with and attempts do without */
    char read_only
        [1024]; /* overlay: writable places that nothing could cover, cut with "..." */
    uint32_t n_before;    /* former files that attempts find */
    char not_before[256]; /* the first that could not be made as it was; "" = none */
};

struct scratch_options {
    enum isolation wanted; /* ISOLATION_AUTO: an overlay, never less */
    const char *cwd;       /* where the program runs */
    char *const *programs; /* what is started there, NULL-terminated; NULL = not known */
    int sharers;           /* how many workers there are */
    const char *session;   /* the session's folder: stays shared with the parent */
    const struct before *before; /* the tree is made so; NULL = it is as the real one */
};

struct before;
struct frozen;
struct frozen_holders;
struct scratch;
struct written;

/**
 * Build the tree. Enters a mount namespace of its own where that is allowed.
 * @tree: what it is like, out
 * Return: 0, or a negative errno after a message: what was wanted is not possible here. Nothing
 * weaker is built instead. Context: once per process, single-threaded.
 */
int scratch_new(const struct scratch_options *options, struct scratch **out,
                struct tree_facts *tree);
struct scratch *scratch_free(struct scratch *scratch);

/** Descriptor of the directory to chroot into, -1 when the real root serves. */
int scratch_root(const struct scratch *scratch);
/** The program's working directory as seen from there. */
const char *scratch_cwd(const struct scratch *scratch);

/**
 * Can it be told at once, and without disturbing who runs in it, whether the tree was
 * written to?
 */
bool scratch_can_tell(const struct scratch *scratch);
/** Was it? Context: scratch_can_tell(). */
bool scratch_used(const struct scratch *scratch);

/** Is a file private that lies on this mount, as /proc/PID/fdinfo says? Context: scratch_can_tell(). */
bool scratch_has_mount(const struct scratch *scratch, uint64_t id);

/**
 * Note what the tree holds, before somebody else than its owner writes to it: frozen.h.
 * Return: NULL when it could not be put back; frozen_free() it. Context: scratch_can_tell().
 */
struct frozen *scratch_freeze(struct scratch *scratch);
/** Put it back. Return: whether all is as it was. */
bool scratch_thaw(struct scratch *scratch, struct frozen *frozen,
                  const struct frozen_holders *holders);

/**
 * After an attempt: say what it wrote.
 * @written: what it wrote, by path; empty when called, written_deinit() it
 * Return: whether that can be told.
 */
bool scratch_read(struct scratch *scratch, struct written *written);

/**
 * And make the tree as it was.
 * @touched: something besides the attempt may have changed it after scratch_read()
 * Return: 0 or a negative errno after a message (the tree cannot be used any more).
 */
int scratch_clean(struct scratch *scratch, bool touched);

#endif
