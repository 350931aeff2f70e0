/* SPDX-License-Identifier: Apache-2.0 */
/* Files that names depend on: see symbol_files.h. */
#include "symbol_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void symbol_files_deinit(struct symbol_files *files) {
    for (uint32_t i = 0; i < files->n; i++)
        free(files->items[i].path);
    free(files->items);
    *files = (struct symbol_files){0};
}

void symbol_files_add(struct symbol_files *files, const char *path) {
    for (uint32_t i = 0; i < files->n; i++)
        if (strcmp(files->items[i].path, path) == 0)
            return;
    if (files->n == SYMBOL_FILES_MAX)
        return;
    if (!files->items)
        files->items = text_alloc(SYMBOL_FILES_MAX * sizeof *files->items);
    files->items[files->n++] =
        (struct symbol_file){.path = text_dup(path), .mark = file_mark_of(path)};
}

static void add_format(struct symbol_files *files, const char *before, int n,
                       const char *folder, const char *name) {
    AUTO_FREE char *path = text_format("%s%.*s/%s", before, n, folder, name);
    symbol_files_add(files, path);
}

static void add_places_of(struct symbol_files *files, const char *path,
                          const char *link) {
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) : 0;
    AUTO_FREE char *name = link ? text_dup(text_basename(link))
                                : text_format("%s.debug", slash ? slash + 1 : path);
    AUTO_FREE char *hidden = text_format(".debug/%s", name);
    add_format(files, "", n, path, name);
    add_format(files, "", n, path, hidden);
    add_format(files, "/usr/lib/debug", n, path, name);
}

void symbol_files_add_places(struct symbol_files *files, const char *path,
                             const char *link) {
    AUTO_FREE char *real = realpath(path, NULL);
    add_places_of(files, path, link);
    if (real && strcmp(real, path) != 0)
        add_places_of(files, real, link);
}

void symbol_files_add_build_id(struct symbol_files *files, const uint8_t *id,
                               uint32_t bytes) {
    AUTO_TEXT struct text path = {0};
    if (bytes < 2)
        return;
    text_add(&path, "/usr/lib/debug/.build-id/");
    for (uint32_t i = 0; i < bytes; i++)
        text_addf(&path, i == 0 ? "%02x/" : "%02x", id[i]);
    text_add(&path, ".debug");
    symbol_files_add(files, path.data);
}

bool symbol_files_same(const struct symbol_file *file) {
    struct file_mark now = file_mark_of(file->path);
    return file_mark_equal(&now, &file->mark);
}

bool symbol_files_fresh(const struct symbol_files *files) {
    for (uint32_t i = 0; i < files->n; i++)
        if (file_mark_fresh(&files->items[i].mark))
            return true;
    return false;
}
