/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/mountinfo, read once per worker. Source: proc(5). */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

static const char *const pseudo_types[] = {
    "autofs",     "binfmt_misc", "bpf",       "cgroup",  "cgroup2", "configfs", "debugfs",
    "devpts",     "efivarfs",    "fusectl",   "mqueue",  "nsfs",    "proc",     "pstore",
    "rpc_pipefs", "securityfs",  "selinuxfs", "smackfs", "sysfs",   "tracefs"};

bool mounts_is_below(const char *path, const char *folder) {
    size_t n = strlen(folder);
    if (n == 1) /* "/" */
        return path[1] != 0;
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static bool is_pseudo(const char *type, const char *path) {
    for (size_t i = 0; i < sizeof pseudo_types / sizeof *pseudo_types; i++)
        if (strcmp(type, pseudo_types[i]) == 0)
            return true;
    /* containers have a tmpfs of cgroups below /sys */
    return mounts_is_below(path, "/sys") || mounts_is_below(path, "/proc");
}

/* Octal escapes \040 \011 \012 \134, in place. */
static void unescape(char *s) {
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = 0;
}

static bool has_option(const char *options, const char *name) {
    size_t n = strlen(name);
    for (const char *p = options; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, name, n) == 0 && (p[n] == 0 || p[n] == ','))
            return true;
    }
    return false;
}

/* "36 35 98:0 /root /path rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static bool parse_line(char *line, struct mount *out) {
    char *dash = strstr(line, " - ");
    char path[4096], root[4096], options[1024], type[64], super[1024] = "";
    if (!dash ||
        sscanf(line, "%d %*d %23s %4095s %4095s %1023s", &out->id, out->device, root,
               path, options) != 5 ||
        sscanf(dash + 3, "%63s %*s %1023s", type, super) < 1)
        return false;
    unescape(path);
    unescape(root);
    out->path = text_dup(path);
    out->root = text_dup(root);
    out->type = text_dup(type);
    out->read_only = has_option(options, "ro") || has_option(super, "ro");
    out->pseudo = is_pseudo(type, path);
    out->devices = strcmp(path, "/dev") == 0 || strcmp(type, "devtmpfs") == 0;
    out->flags = (has_option(options, "nosuid") ? MS_NOSUID : 0) |
                 (has_option(options, "nodev") ? MS_NODEV : 0) |
                 (has_option(options, "noexec") ? MS_NOEXEC : 0);
    return true;
}

/* Does the path lead to this mount, or has another been put over it? Return: 1, 0, or a negative errno where
 * that is not known: a mount that is taken for covered stays the real one. */
static int is_visible(const struct mount *m) {
    int fd = open(m->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return error_is_shortage(errno) ? -errno : 0;
    char name[64], line[128];
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(name, "re");
    int id = -1, err = f ? 0 : -errno;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "mnt_id: %d", &id) == 1)
            break;
    if (f)
        fclose(f);
    close(fd);
    return err ? err : id == m->id;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct mount *)a)->path, ((const struct mount *)b)->path);
}

int mounts_read(struct mounts *out) {
    *out = (struct mounts){0};
    FILE *f = fopen("/proc/self/mountinfo", "re");
    if (!f)
        return -errno;
    char *line = NULL;
    size_t capacity = 0;
    int visible = 0;
    while (visible >= 0 && getline(&line, &capacity, f) > 0) {
        struct mount m = {0};
        if (!parse_line(line, &m))
            continue;
        visible = is_visible(&m);
        if (visible <= 0) {
            free(m.path);
            free(m.root);
            free(m.type);
            continue;
        }
        out->all = text_grow(out->all, out->n, sizeof *out->all);
        out->all[out->n++] = m;
    }
    free(line);
    fclose(f);
    if (visible < 0)
        return visible;
    if (out->n == 0)
        return -ENOENT;
    qsort(out->all, out->n, sizeof *out->all, by_path);
    return 0;
}

void mounts_deinit(struct mounts *mounts) {
    for (size_t i = 0; i < mounts->n; i++) {
        free(mounts->all[i].path);
        free(mounts->all[i].root);
        free(mounts->all[i].type);
    }
    free(mounts->all);
    *mounts = (struct mounts){0};
}

const struct mount *mounts_at(const struct mounts *mounts, const char *path) {
    for (size_t i = 0; i < mounts->n; i++)
        if (strcmp(mounts->all[i].path, path) == 0)
            return &mounts->all[i];
    return NULL;
}

const struct mount *mounts_of(const struct mounts *mounts, const char *path) {
    const struct mount *best = NULL;
    for (size_t i = 0; i < mounts->n; i++) {
        const struct mount *m = &mounts->all[i];
        if (strcmp(m->path, path) != 0 && !mounts_is_below(path, m->path))
            continue;
        if (!best || strlen(m->path) > strlen(best->path))
            best = m;
    }
    return best;
}

/* "/a/b" below "/a" is "/b"; the folder itself is "". NULL = not below. */
static const char *below(const char *path, const char *folder) {
    if (strcmp(path, folder) == 0)
        return "";
    if (strcmp(folder, "/") == 0)
        return path;
    return mounts_is_below(path, folder) ? path + strlen(folder) : NULL;
}

static char *join(const char *folder, const char *rest) {
    return text_format("%s%s", strcmp(folder, "/") == 0 && *rest ? "" : folder, rest);
}

char *mounts_other_way(const struct mounts *mounts, const struct mount *m,
                       const char *path) {
    const struct mount *own = mounts_of(mounts, path);
    if (!own || own == m || strcmp(own->device, m->device) != 0)
        return NULL;
    AUTO_FREE char *inside = join(own->root, below(path, own->path));
    const char *rest = below(inside, m->root);
    return rest ? join(m->path, rest) : NULL;
}

/* Let nobody, or somebody, write through a mount. Source: mount_setattr(2), since Linux 5.12; older C
 * libraries have no word for it. Return: 0 or a negative errno, -ENOSYS on older kernels. */
int mounts_set_read_only(const char *place, bool read_only, bool recursive) {
    enum { RECURSIVE = 0x8000 /* AT_RECURSIVE */ };
    const uint64_t flag = 1; /* MOUNT_ATTR_RDONLY */
    struct {
        uint64_t set, clear, propagation, user_namespace_fd;
    } change = {.set = read_only ? flag : 0, .clear = read_only ? 0 : flag};
#ifdef SYS_mount_setattr
    return syscall(SYS_mount_setattr, AT_FDCWD, place, recursive ? RECURSIVE : 0, &change,
                   sizeof change) < 0
               ? -errno
               : 0;
#else
    (void)place, (void)recursive, (void)change;
    return -ENOSYS;
#endif
}
