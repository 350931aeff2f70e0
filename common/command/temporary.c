/* SPDX-License-Identifier: Apache-2.0 */
/* A database for one command: see temporary.h. */
#include "temporary.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "error.h"
#include "store_id.h"
#include "text.h"

int temporary_new(const char *name, struct temporary *out) {
    const char *where = getenv("TMPDIR");
    out->folder = text_format("%s/%s.XXXXXX", where && *where ? where : "/tmp", name);
    if (!mkdtemp(out->folder)) {
        int r =
            error_print_errno(-errno,
                              "%s: cannot make a folder for the database; name a file "
                              "with -o",
                              out->folder);
        temporary_deinit(out);
        return r;
    }
    out->path = text_format("%s/dearth.db", out->folder);
    return 0;
}

void temporary_deinit(struct temporary *t) {
    free(t->folder);
    free(t->path);
    *t = (struct temporary){0};
}

void temporary_remove(struct temporary *t) {
    static const char *const endings[] = {"", STORE_COMPANIONS};
    if (!t->folder)
        return;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        AUTO_FREE char *file = text_format("%s%s", t->path, endings[i]);
        unlink(file);
    }
    rmdir(t->folder);
    temporary_deinit(t);
}
