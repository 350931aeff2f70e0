/*
 * Which private working tree: an overlay of everything writable, else a copy of the
 * working directory, else the real thing, declared shared.
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
#include <unistd.h>

#include "../common/error.h"
#include "../common/text.h"
#include "copyplace.h"
#include "copytree.h"
#include "namespace.h"
#include "overlay.h"
#include "removal.h"
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
    bool bound;
    bool changed; /* by the last attempt */
};

static const char *temporary_folder(void) {
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

static int make_copy(struct scratch *s) {
    char from[64];
    snprintf(from, sizeof from, "/proc/self/fd/%d", s->original);
    return copytree_make(&s->tree, from, s->place.tree_path);
}

/* The copy as the working directory: by a bind mount of ours, else by starting in it. */
static void place_copy(struct scratch *s) {
    bool user_namespace;
    if (namespace_enter(&user_namespace) == 0 &&
        mount(s->place.path, s->cwd, NULL, MS_BIND, NULL) == 0) {
        s->bound = true;
        return;
    }
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
    if (s->bound)
        umount2(s->cwd, MNT_DETACH);
    copyplace_deinit(&s->place);
    if (s->original >= 0)
        close(s->original);
    copytree_deinit(&s->tree);
    s->original = -1;
}

static int refuse(const struct scratch_options *options, int err) {
    if (options->wanted == ISOLATION_OVERLAY)
        return error_print_errno(err,
                                 "no private overlay is possible here (it needs user and "
                                 "mount namespaces and overlayfs; try --isolation=copy)");
    if (err == -EFBIG)
        return error_print(err,
                           "%s is too large for a private copy per attempt (limit: 512 "
                           "MiB, 100000 files; try --isolation=shared)",
                           options->cwd);
    return error_print_errno(err, "cannot make a private copy of %s", options->cwd);
}

int scratch_new(const struct scratch_options *options, struct scratch **out,
                enum isolation *used) {
    struct scratch *s = text_alloc(sizeof *s);
    *s = (struct scratch){.cwd = text_dup(options->cwd),
                          .shown = text_dup(options->cwd),
                          .original = -1,
                          .place = COPYPLACE_NONE};
    enum isolation wanted = options->wanted;
    int err = -ENOTSUP;
    if (wanted == ISOLATION_AUTO || wanted == ISOLATION_OVERLAY) {
        err = overlay_new(options->session, options->sharers, &s->overlay);
        s->used = ISOLATION_OVERLAY;
    }
    if (err && (wanted == ISOLATION_AUTO || wanted == ISOLATION_COPY)) {
        err = start_copy(s);
        s->used = ISOLATION_COPY;
    }
    if (err && (wanted == ISOLATION_AUTO || wanted == ISOLATION_SHARED)) {
        end_copy(s);
        err = 0;
        s->used = ISOLATION_SHARED;
    }
    if (err) {
        refuse(options, err);
        scratch_free(s);
        return err;
    }
    *used = s->used;
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

const char *scratch_uncovered(const struct scratch *s) {
    return s->overlay ? overlay_uncovered(s->overlay) : "";
}

/* The copy folder itself stays: it may be bound over the working directory. */
static int renew_copy(struct scratch *s) {
    int err = removal_empty(s->place.tree);
    if (!err)
        err = make_copy(s);
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
