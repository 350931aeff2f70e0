/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which private working tree: an overlay of everything writable; where the user asked for it, a
 * copy of the working directory or the real thing. What cannot be had is an error and never
 * becomes something weaker: the real thing would happen to real files, unasked.
 *
 * An overlay is built in the worker's own mount namespace (overlay.c). A copy is bound
 * over the working directory where a mount namespace is to be had, so that absolute paths
 * meet it too; otherwise the program is started inside the copy.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "before.h"
#include "copyplace.h"
#include "copytree.h"
#include "error.h"
#include "file_mark.h"
#include "frozen.h"
#include "mounts.h"
#include "namespace.h"
#include "overlay.h"
#include "removal.h"
#include "text.h"
#include "written.h"

struct scratch {
    enum isolation used;
    char *cwd;
    char *shown; /* the working directory as the user knows it */
    struct overlay *overlay;
    /* copy */
    struct copytree tree;
    struct copyplace place;
    int original; /* O_PATH of the real working directory, under the bind mount */
    char **ways;  /* to the working directory: its path and others by other mounts */
    size_t n_ways;
    bool bound;                  /* over all of them */
    const struct before *before; /* not owned; NULL = none */
    struct tree_facts *facts;    /* while it is made the first time; else NULL */
    bool changed;                /* by the last attempt */
};

static const char *temporary_folder(void) {
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

static int make_copy(struct scratch *s) {
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d", s->original);
    int err = copytree_make(&s->tree, from, s->place.tree_path);
    if (err || !s->before)
        return err;
    struct tree_facts ignored = {0}, *facts = s->facts ? s->facts : &ignored;
    facts->n_before = before_put(s->before, s->place.tree, s->shown, facts->not_before,
                                 sizeof facts->not_before);
    copytree_note(&s->tree, s->place.tree_path);
    return 0;
}

/* The same folder may have more ways to it, by other mounts of its file system. */
static void find_ways(struct scratch *s, const struct mounts *mounts) {
    AUTO_FREE char *real = realpath(s->cwd, NULL);
    struct stat there, original;
    s->ways = text_alloc((mounts->n + 1) * sizeof *s->ways);
    s->ways[s->n_ways++] = text_dup(s->cwd);
    for (size_t i = 0; real && i < mounts->n; i++) {
        char *way = mounts_other_way(mounts, &mounts->all[i], real);
        if (way && fstat(s->original, &original) == 0 && stat(way, &there) == 0 &&
            file_mark_is_one(&there, &original))
            s->ways[s->n_ways++] = way;
        else
            free(way);
    }
}

static void bind_copy(struct scratch *s) {
    s->bound = true;
    for (size_t i = 0; i < s->n_ways; i++)
        s->bound &= mount(s->place.path, s->ways[i], NULL, MS_BIND, NULL) == 0;
}

/* With what attempts have mounted in it. */
static void unbind_copy(const struct scratch *s) {
    for (size_t i = 0; s->bound && i < s->n_ways; i++)
        umount2(s->ways[i], MNT_DETACH);
}

/* The copy as the working directory: by a bind mount of ours, else by starting in it. Below it the
 * real one is read-only: for who unmounts the copy. */
static void place_copy(struct scratch *s) {
    bool user_namespace;
    struct mounts mounts = {0};
    if (namespace_enter(&user_namespace) == 0 && mounts_read(&mounts) == 0) {
        find_ways(s, &mounts);
        for (size_t i = 0; i < s->n_ways; i++)
            if (mount(s->ways[i], s->ways[i], NULL, MS_BIND | MS_REC, NULL) == 0)
                mounts_set_read_only(s->ways[i], true, true);
        bind_copy(s);
    }
    mounts_deinit(&mounts);
    if (s->bound)
        return;
    free(s->cwd);
    s->cwd = text_dup(s->place.path);
}

static int start_copy(struct scratch *s) {
    s->original = open(s->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->original < 0)
        return -errno;
    int err = copyplace_init(&s->place, temporary_folder(), namespace_outer_pid());
    if (!err)
        err = make_copy(s);
    if (!err)
        place_copy(s);
    return err;
}

static void end_copy(struct scratch *s) {
    unbind_copy(s);
    copyplace_deinit(&s->place);
    if (s->original >= 0)
        close(s->original);
    copytree_deinit(&s->tree);
    for (size_t i = 0; i < s->n_ways; i++)
        free(s->ways[i]);
    free(s->ways);
    s->ways = NULL;
    s->n_ways = 0;
    s->original = -1;
}

static int refuse(const struct scratch_options *options, const char *missing, int err) {
    if (error_is_shortage(err)) /* says nothing of the kernel's permission */
        return error_print_errno(err, "a private tree for the attempts cannot be made");
    if (options->wanted != ISOLATION_COPY)
        return error_print_errno(
            err,
            "attempts cannot be kept away from your files here: %s. Nothing was run. To "
            "run them all the same, say how: --isolation copy gives them a private copy "
            "of %s and leaves everything outside of it real, --isolation shared leaves "
            "everything real",
            missing, options->cwd);
    if (err == -EFBIG)
        return error_print(err,
                           "%s is too large for a private copy per attempt (limit: 512 "
                           "MiB, 100000 files); --isolation overlay copies nothing",
                           options->cwd);
    return error_print_errno(err, "cannot make a private copy of %s", options->cwd);
}

int scratch_new(const struct scratch_options *options, struct scratch **out,
                struct tree_facts *tree) {
    struct scratch *s = text_alloc(sizeof *s);
    *s = (struct scratch){.cwd = text_dup(options->cwd),
                          .shown = text_dup(options->cwd),
                          .original = -1,
                          .before = options->before,
                          .facts = tree,
                          .place = COPYPLACE_NONE};
    *tree = (struct tree_facts){0};
    char *missing = NULL;
    int err = 0;
    s->used = options->wanted == ISOLATION_AUTO ? ISOLATION_OVERLAY : options->wanted;
    if (s->used == ISOLATION_OVERLAY)
        err = overlay_new(options, &s->overlay, &missing);
    else if (s->used == ISOLATION_COPY)
        err = start_copy(s);
    if (err) {
        refuse(options, missing, err);
        free(missing);
        scratch_free(s);
        return err;
    }
    if (s->overlay && s->before &&
        (err = overlay_put_before(s->overlay, s->before, tree))) {
        scratch_free(s);
        return error_print_errno(err, "cannot make the private working tree as it was");
    }
    tree->isolation = s->used;
    tree->bound = s->bound;
    s->facts = NULL;
    if (s->overlay)
        overlay_read_only(s->overlay, tree->read_only, sizeof tree->read_only);
    *out = s;
    return 0;
}

struct scratch *scratch_free(struct scratch *s) {
    if (!s)
        return NULL;
    end_copy(s);
    overlay_free(s->overlay);
    free(s->cwd);
    free(s->shown);
    free(s);
    return NULL;
}

int scratch_root(const struct scratch *s) {
    return s->overlay ? overlay_root(s->overlay) : -1;
}

const char *scratch_cwd(const struct scratch *s) {
    return s->cwd;
}

/* The copy folder itself stays. */
static int renew_copy(struct scratch *s) {
    unbind_copy(s);
    int err = removal_empty(s->place.tree);
    if (!err)
        err = make_copy(s);
    if (!err && s->bound)
        bind_copy(s);
    if (!err && s->n_ways && !s->bound)
        err = -EBUSY; /* else the next one would run in the real folder */
    return err ? error_print_errno(err, "cannot renew the private copy of the working "
                                        "directory")
               : 0;
}

bool scratch_can_tell(const struct scratch *s) {
    return s->used == ISOLATION_OVERLAY;
}

bool scratch_used(const struct scratch *s) {
    return overlay_used(s->overlay);
}

bool scratch_has_mount(const struct scratch *s, uint64_t id) {
    return overlay_has_mount(s->overlay, id);
}

struct frozen *scratch_freeze(struct scratch *s) {
    return overlay_moved(s->overlay) ? NULL : frozen_take(s->overlay);
}

bool scratch_thaw(struct scratch *s, struct frozen *frozen,
                  const struct frozen_holders *holders) {
    return !overlay_moved(s->overlay) && frozen_restore(s->overlay, frozen, holders);
}

bool scratch_read(struct scratch *s, struct written *written) {
    if (s->used == ISOLATION_OVERLAY)
        overlay_read(s->overlay, written);
    else if (s->used == ISOLATION_COPY)
        s->changed = copytree_changed(&s->tree, s->place.tree_path, s->shown, written);
    written_sort(written->files, written->n);
    return s->used != ISOLATION_SHARED;
}

int scratch_clean(struct scratch *s, bool touched) {
    if (s->used == ISOLATION_OVERLAY)
        return overlay_clean(s->overlay);
    return s->used == ISOLATION_COPY && (s->changed || touched) ? renew_copy(s) : 0;
}
