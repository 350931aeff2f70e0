/* SPDX-License-Identifier: Apache-2.0 */
/* Where programs were built: see build_folder.h. */
#include "build_folder.h"

#include <string.h>

#include "short_path.h"
#include "store.h"
#include "text.h"

#define LEAST 5 /* bytes of a folder worth cutting: "/src/" */

static bool is_own(const char *file) {
    static const char *const others[] = {"/usr/", "/rustc/", "/opt/", "/lib/", "/build/"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(file, others[i], strlen(others[i])) == 0)
            return false;
    return file[0] == '/' && !strstr(file, "/.cargo/registry/") &&
           !strstr(file, "/.rustup/");
}

int build_folder_cut(struct store *store) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    AUTO_FREE char *folder = NULL;
    int r = store_prepare(store,
                          "SELECT DISTINCT file FROM location WHERE file GLOB '/*'", &s);
    if (r < 0)
        return r;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *file = store_column_text(s, 0);
        if (!file || !is_own(file))
            continue;
        if (!folder)
            folder = text_format("%.*s", (int)(strrchr(file, '/') + 1 - file), file);
        folder[short_path_common(folder, file)] = 0;
    }
    if (rc != SQLITE_DONE)
        return store_error(store, "reading locations");
    short_path_use(folder && strlen(folder) >= LEAST ? folder : NULL);
    return 0;
}
