/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The join of a folder's databases: see folder.h. Which files are in it already, as they were then, is
 * in the join itself: `setting` 'joined FILE', with size and time of the file and of its log. A file that
 * is being recorded into is refused: what a merge has taken of a recording it does not take again.
 */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "merge.h"
#include "store.h"
#include "store_folder.h"
#include "text.h"

/* --- which files --- */

static int is_database(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 3 && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + n - 3, ".db") == 0 &&
           strcmp(entry->d_name, STORE_FOLDER_JOINED) != 0;
}

static char *in_folder(const char *folder, const char *name) {
    bool slash = folder[strlen(folder) - 1] == '/';
    return text_format("%s%s%s", folder, slash ? "" : "/", name);
}

static void add_stamp(const char *path, struct text *out) {
    struct stat st;
    if (stat(path, &st) < 0)
        text_add(out, " -");
    else
        text_addf(out, " %llu %lld %lld.%09ld", (unsigned long long)st.st_ino,
                  (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                  st.st_mtim.tv_nsec);
}

/* What a file is like while nobody has written to it. */
static char *stamp_of(const char *path) {
    struct text stamp = {0};
    AUTO_FREE char *log = text_format("%s-wal", path);
    add_stamp(path, &stamp);
    add_stamp(log, &stamp);
    return text_take(&stamp);
}

enum { SETTING_NAME = 1, SETTING_VALUE };

static bool is_joined(struct store *joined, const char *name, const char *stamp) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    if (store_prepare(joined,
                      "SELECT 1 FROM setting WHERE name = 'joined ' || ? AND "
                      "value = ?",
                      &s) < 0)
        return false;
    store_bind_text(s, SETTING_NAME, name);
    store_bind_text(s, SETTING_VALUE, stamp);
    return sqlite3_step(s) == SQLITE_ROW;
}

static int note_joined(struct store *joined, const char *name, const char *stamp) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(joined,
                          "INSERT OR REPLACE INTO setting(name, value) VALUES "
                          "('joined ' || ?, ?)",
                          &s);
    if (r < 0)
        return r;
    store_bind_text(s, SETTING_NAME, name);
    store_bind_text(s, SETTING_VALUE, stamp);
    return store_step_done(joined, s);
}

/* --- joining --- */

/* Return: 0, 1 = it holds nothing yet, or negative errno after a message. */
static int check_finished(const char *path) {
    struct stat st;
    AUTO_STORE struct store *store = NULL;
    if (stat(path, &st) == 0 && st.st_size == 0)
        return 1; /* being made, or its dearth was killed at once */
    int r = store_new(path, STORE_READ, &store);
    if (r < 0)
        return r;
    if (store_int(store, "SELECT 1 FROM recording WHERE state = 'running' LIMIT 1", 0))
        return error_print(-EBUSY,
                           "%s: is being recorded into: wait for it, or, when its dearth "
                           "was killed, say 'dearth recover %s'",
                           path, path);
    return store_int(store, "SELECT 1 FROM recording LIMIT 1", 0) ? 0 : 1;
}

/* Return: as merge_add(). */
static int join_file(struct store *joined, const char *folder, const char *name,
                     struct merge_buffer *buffer) {
    AUTO_FREE char *path = in_folder(folder, name);
    AUTO_FREE char *before = stamp_of(path);
    if (is_joined(joined, name, before))
        return 0;
    int r = check_finished(path);
    if (r != 0)
        return r < 0 ? r : 0;
    if ((r = merge_add(joined, path, buffer, true)) < 0)
        return r;
    AUTO_FREE char *after = stamp_of(path); /* else once more next time */
    int noted = strcmp(before, after) == 0 ? note_joined(joined, name, after) : 0;
    return noted < 0 ? noted : r;
}

static int join_files(const char *folder, const char *file, struct dirent **entries,
                      int n) {
    AUTO_STORE struct store *joined = NULL;
    int r = store_new(file, STORE_CREATE, &joined);
    struct merge_buffer *buffer = merge_buffer_new();
    bool same = false;
    for (int i = 0; i < n && r >= 0; i++) {
        r = join_file(joined, folder, entries[i]->d_name, buffer);
        same |= r == MERGE_SAME_FINDINGS;
    }
    merge_buffer_free(buffer);
    return r < 0 ? r : same ? merge_finish(joined) : 0;
}

int folder_join(const char *folder, char **file) {
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_database, alphasort);
    if (n < 0)
        return error_print_errno(-errno, "%s: cannot read the folder", folder);
    *file = in_folder(folder, STORE_FOLDER_JOINED);
    int r = n ? join_files(folder, *file, entries, n)
              : error_print(-ENOENT,
                            "%s: holds no database; 'dearth record -o %s -- PROGRAM' "
                            "makes one",
                            folder, folder);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    return r;
}
