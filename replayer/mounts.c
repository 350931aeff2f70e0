/* /proc/self/mountinfo, read once per worker. Source: proc(5). */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../common/text.h"

static const char *const pseudo_types[] = {
    "autofs",     "binfmt_misc", "bpf",      "cgroup",   "cgroup2", "configfs",
    "debugfs",    "devpts",      "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
    "mqueue",     "nsfs",        "proc",     "pstore",   "ramfs",   "rpc_pipefs",
    "securityfs", "selinuxfs",   "smackfs",  "sysfs",    "tracefs"};

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
    /* containers have a tmpfs of device nodes at /dev and of cgroups below /sys */
    return strcmp(path, "/dev") == 0 || mounts_is_below(path, "/sys") ||
           mounts_is_below(path, "/proc");
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
    char path[4096], options[1024], type[64], super[1024] = "";
    if (!dash ||
        sscanf(line, "%d %*d %*s %*s %4095s %1023s", &out->id, path, options) != 3 ||
        sscanf(dash + 3, "%63s %*s %1023s", type, super) < 1)
        return false;
    unescape(path);
    out->path = text_dup(path);
    out->type = text_dup(type);
    out->read_only = has_option(options, "ro") || has_option(super, "ro");
    out->pseudo = is_pseudo(type, path);
    out->flags = (has_option(options, "nosuid") ? MS_NOSUID : 0) |
                 (has_option(options, "nodev") ? MS_NODEV : 0) |
                 (has_option(options, "noexec") ? MS_NOEXEC : 0);
    return true;
}

/* Does the path lead to this mount, or has another been put over it? */
static bool is_visible(const struct mount *m) {
    int fd = open(m->path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return false;
    char name[64], line[128];
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    FILE *f = fopen(name, "re");
    int id = -1;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "mnt_id: %d", &id) == 1)
            break;
    if (f)
        fclose(f);
    close(fd);
    return id == m->id;
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
    while (getline(&line, &capacity, f) > 0) {
        struct mount m = {0};
        if (!parse_line(line, &m))
            continue;
        if (!is_visible(&m)) {
            free(m.path);
            free(m.type);
            continue;
        }
        out->all = text_realloc(out->all, (out->n + 1) * sizeof *out->all);
        out->all[out->n++] = m;
    }
    free(line);
    fclose(f);
    if (out->n == 0)
        return -ENOENT;
    qsort(out->all, out->n, sizeof *out->all, by_path);
    return 0;
}

void mounts_deinit(struct mounts *mounts) {
    for (size_t i = 0; i < mounts->n; i++) {
        free(mounts->all[i].path);
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
