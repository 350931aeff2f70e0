/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of databases: see store_folder.h. */
#include "store_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

static store_folder_joiner *join;

void store_folder_set_joiner(store_folder_joiner *joiner) {
    join = joiner;
}

bool store_folder_is(const char *path) {
    struct stat st;
    size_t n = strlen(path);
    return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Sorted by name they are in the order in which they were begun. Of two processes with one number, in
 * containers that share the folder, the time tells the files apart. */
int store_folder_new_file(const char *folder, char **file) {
    struct timespec now;
    struct tm tm;
    char stamp[32];
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return error_print_errno(-errno, "%s: cannot make the folder", folder);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
    *file = text_format("%s%s%s.%09ld-%ld.db", folder,
                        folder[strlen(folder) - 1] == '/' ? "" : "/", stamp, now.tv_nsec,
                        (long)getpid());
    return 0;
}

int store_folder_join(const char *folder, char **file) {
    if (!join)
        return error_print(-EISDIR, "%s: is a folder, not a database", folder);
    return join(folder, file);
}
