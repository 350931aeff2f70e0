/* Digests of output and of written files: see digest.h. Times are left out: they always
 * differ. */
#include "digest.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../common/text.h"
#include "../schemas/key.h"

static void close_block(struct digest *d) {
    struct dearth_key key = key_hash(d->block, 16 + d->n);
    memcpy(d->block, &key.lo, 8);
    memcpy(d->block + 8, &key.hi, 8);
    d->n = 0;
}

void digest_add(struct digest *d, const void *data, size_t n) {
    const uint8_t *p = data;
    d->total += n;
    while (n) {
        size_t take = DIGEST_BLOCK_BYTES - d->n;
        if (take > n)
            take = n;
        memcpy(d->block + 16 + d->n, p, take);
        d->n += take, p += take, n -= take;
        if (d->n == DIGEST_BLOCK_BYTES)
            close_block(d);
    }
}

void digest_end(struct digest *d, uint8_t out[static 16]) {
    if (d->n)
        close_block(d);
    memcpy(out, d->block, 16);
}

static void add_contents(struct digest *d, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    AUTO_FREE char *buffer = text_alloc(65536);
    for (ssize_t n; (n = read(fd, buffer, 65536)) > 0;)
        digest_add(d, buffer, (size_t)n);
    close(fd);
}

/* "opaque" and "redirect" in both spellings: a folder that hides or renames a lower one.
 */
static void add_overlay_marks(struct digest *d, const char *path) {
    static const char *const names[] = {"trusted.overlay.opaque",
                                        "trusted.overlay.redirect", "user.overlay.opaque",
                                        "user.overlay.redirect"};
    char value[PATH_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ssize_t n = lgetxattr(path, names[i], value, sizeof value);
        if (n > 0)
            digest_add(d, value, (size_t)n);
    }
}

void digest_entry(struct digest *d, const char *path, const char *shown) {
    struct stat status;
    if (lstat(path, &status) < 0)
        return;
    char head[96];
    bool sized = S_ISREG(status.st_mode) || S_ISLNK(status.st_mode);
    int n = snprintf(head, sizeof head, "%o %llu %u:%u ", (unsigned)status.st_mode,
                     sized ? (unsigned long long)status.st_size : 0ull,
                     major(status.st_rdev), minor(status.st_rdev));
    digest_add(d, head, (size_t)n);
    digest_add(d, shown, strlen(shown) + 1);
    if (S_ISREG(status.st_mode)) {
        add_contents(d, path);
    } else if (S_ISLNK(status.st_mode)) {
        char target[PATH_MAX];
        ssize_t length = readlink(path, target, sizeof target);
        if (length > 0)
            digest_add(d, target, (size_t)length);
    } else if (S_ISDIR(status.st_mode)) {
        add_overlay_marks(d, path);
        digest_tree(d, path, shown);
    }
}

static int no_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort: no locale */
}

void digest_tree(struct digest *d, const char *path, const char *shown) {
    struct dirent **names;
    int n = scandir(path, &names, no_dots, by_bytes);
    for (int i = 0; i < n; i++) {
        AUTO_FREE char *child = text_format("%s/%s", path, names[i]->d_name);
        AUTO_FREE char *child_shown =
            text_format("%s/%s", strcmp(shown, "/") == 0 ? "" : shown, names[i]->d_name);
        digest_entry(d, child, child_shown);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}
