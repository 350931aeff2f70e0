/* SPDX-License-Identifier: Apache-2.0 */
/* What an isolation leaves real: see isolation.h. Pure. */
#include "isolation.h"

#include "text.h"

char *isolation_warning(const struct tree_facts *tree, const char *cwd,
                        const char **kind) {
    if (tree->isolation == ISOLATION_SHARED) {
        *kind = "shared_tree";
        return text_dup(
            "attempts run in the real folder: what the program writes there and "
            "elsewhere is written, what it removes is removed, and attempts can disturb "
            "each other");
    }
    if (tree->isolation == ISOLATION_COPY) {
        *kind = "copied_tree";
        return text_format(
            "attempts run in a private copy of %s%s; everything outside of it is real: "
            "what the program writes, renames or removes there is written, renamed and "
            "removed, and attempts can disturb each other",
            cwd,
            tree->bound ? ""
                        : ", which an absolute path does not lead to (no mount namespace "
                          "is possible here): by its own path the folder is real too");
    }
    *kind = "read_only_places";
    return tree->read_only[0]
               ? text_format("attempts cannot write in: %s (no private overlay is "
                             "possible there, so these are read-only); if the program "
                             "needs to, --isolation copy leaves them real",
                             tree->read_only)
               : NULL;
}

char *isolation_before(const struct tree_facts *tree) {
    if (!tree->n_before)
        return NULL;
    return text_format("%u file%s as before the recording, which changed %s",
                       tree->n_before, tree->n_before == 1 ? " is" : "s are",
                       tree->n_before == 1 ? "it" : "them");
}

char *isolation_not_before(const struct tree_facts *tree) {
    if (!*tree->not_before)
        return NULL;
    return text_format("%s cannot be made as it was before the recording: attempts find "
                       "it as it is now, or not at all",
                       tree->not_before);
}

char *isolation_left_out(const struct tree_facts *tree) {
    return tree->left_out[0]
               ? text_format("attempts do without these descriptors, which dearth was "
                             "started with and which lead outside: %s",
                             tree->left_out)
               : NULL;
}
