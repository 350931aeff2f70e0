/* SPDX-License-Identifier: Apache-2.0 */
/* Files of sources: see short_path.h. */
#include "short_path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool wanted;
static char *folder;

void short_path_use(const char *prefix) {
    char *copy = text_dup(prefix);
    free(folder);
    folder = copy;
    wanted = true;
}

void short_path_forget(void) {
    free(folder);
    folder = NULL;
    wanted = false;
}

const char *short_path_folder(void) {
    return folder;
}

/* Behind @start and one more component: where builders of packages and compilers unpack. */
static const char *behind_component(const char *file, const char *start) {
    const char *at = strstr(file, start);
    const char *slash = at ? strchr(at + strlen(start), '/') : NULL;
    return slash && slash[1] ? slash + 1 : NULL;
}

const char *short_path(const char *file) {
    if (!wanted || !file)
        return file;
    size_t n = folder ? strlen(folder) : 0;
    if (n && strncmp(file, folder, n) == 0 && file[n])
        return file + n;
    if (file[0] == '.' && file[1] == '/' && file[2])
        return file + 2;
    if (file[0] != '/')
        return file;
    const char *rest = behind_component(file, "/.cargo/registry/src/");
    if (!rest && strncmp(file, "/rustc/", 7) == 0)
        rest = behind_component(file, "/rustc/");
    if (!rest && strncmp(file, "/build/", 7) == 0)
        rest = behind_component(file, "/build/");
    if (!rest && strncmp(file, "/usr/src/", 9) == 0)
        rest = behind_component(file, "/usr/src/");
    return rest ? rest : file;
}

unsigned long short_path_common(const char *a, const char *b) {
    unsigned long common = 0;
    for (unsigned long i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '/')
            common = i + 1;
    return common;
}
