/* SPDX-License-Identifier: Apache-2.0 */
/* What a program of a suite starts with: see circumstances.h. Run by dearth: read in any thread, written in
 * the collector's. */
#include "circumstances.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backtrace.h"
#include "collector_private.h"
#include "piped.h"
#include "text.h"

#define INPUT_MOST                                                                       \
    (1u                                                                                  \
     << 20) /* bytes of standard input that are kept; of a pipe, what it holds at once */
#define STRINGS_MOST                                                                     \
    (16u << 20) /* of arguments or environment: more than the kernel takes */

/* What the programs of one machine are seldom without, and nobody wants in a file. */
static const char *const secrets[] = {
    "*SECRET*",      "*TOKEN*",   "*PASSW*", "*PASSPHRASE*", "*CREDENTIAL*",
    "*APIKEY*",      "*API_KEY*", "*_KEY",   "*_KEY_ID",     "*COOKIE*",
    "AWS_*",         "AZURE_*",   "*_PAT",   "*_AUTH",       "AUTH_*",
    "*_AUTH_*",      "*BEARER*",  "*_DSN",   "DATABASE_URL", "*_CONNECTION_STRING",
    "*PRIVATE*KEY*", "NETRC",     "PGPASS*",
};

/* --- variables --- */

static bool matches(const struct cli_list *globs, const char *name) {
    for (size_t i = 0; i < globs->n; i++)
        if (text_glob(globs->items[i], name))
            return true;
    return false;
}

/* Allowed by a glob that means it. */
static bool is_unwanted(const struct circumstances_options *options, const char *name,
                        size_t n) {
    AUTO_FREE char *exact = text_format("%.*s", (int)n, name);
    return backtrace_is_variable(name, n) && !matches(&options->allow, exact);
}

bool circumstances_may_keep(const struct circumstances_options *options, const char *name,
                            size_t n) {
    AUTO_FREE char *exact = text_format("%.*s", (int)n, name);
    AUTO_FREE char *upper = text_dup(exact);
    for (char *c = upper; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    if (matches(&options->allow, exact))
        return true;
    if (matches(&options->deny, exact))
        return false;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (text_glob(secrets[i], upper))
            return false;
    return true;
}

/* LD_PRELOAD as the program would have it without us. What the library has hidden stands there as the name
 * shifted over its own path. Return: the entry, or NULL when nothing is left. */
static const char *without_ours(const char *entry, const char *ours) {
    static const char name[] = "LD_PRELOAD=";
    const char *value = entry + sizeof name - 1;
    for (const char *at = entry; (at = strstr(at + 1, name));)
        value = at + sizeof name - 1;
    size_t n = strlen(ours);
    if (strncmp(value, ours, n) == 0 && (!value[n] || value[n] == ':' || value[n] == ' '))
        value += n + (value[n] != 0);
    return *value ? value : NULL;
}

struct variables {
    struct text kept, denied; /* NUL-ended entries; a JSON array without its end */
};

static void take_variable(struct variables *v, const struct collector *c,
                          const char *entry) {
    const char *equal = strchr(entry, '='), *preload;
    if (strncmp(entry, SHM_ENV_ARENA "=", sizeof SHM_ENV_ARENA) == 0 || !equal ||
        is_unwanted(c->units, entry, (size_t)(equal - entry)))
        return;
    if (strncmp(entry, "LD_PRELOAD=", 11) == 0) {
        preload = without_ours(entry, c->session->arena->preload_path);
        if (preload) {
            text_addf(&v->kept, "LD_PRELOAD=%s", preload);
            text_add_n(&v->kept, "", 1);
        }
    } else if (circumstances_may_keep(c->units, entry, (size_t)(equal - entry))) {
        text_add_n(&v->kept, entry, strlen(entry) + 1);
    } else {
        AUTO_FREE char *name = text_utf8(entry, (size_t)(equal - entry));
        text_add(&v->denied, v->denied.n ? "," : "[");
        text_add_json(&v->denied, name);
    }
}

/* --- /proc --- */

static char *proc_name(uint32_t pid, const char *what) {
    return text_format("/proc/%u/%s", pid, what);
}

/* Return: all of a file of /proc, @n bytes and a NUL, owned; NULL = it cannot be read. */
static char *proc_read(uint32_t pid, const char *what, size_t *n) {
    AUTO_FREE char *path = proc_name(pid, what);
    struct text t = {0};
    char buffer[8192];
    ssize_t k = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && t.n < STRINGS_MOST && (k = read(fd, buffer, sizeof buffer)) > 0)
        text_add_n(&t, buffer, (size_t)k);
    if (fd >= 0)
        close(fd);
    if (k < 0) {
        text_deinit(&t);
        return NULL;
    }
    *n = t.n;
    text_add_n(&t, "", 1);
    return text_take(&t);
}

/* Return: where a link of /proc leads to, owned; NULL = it cannot be read. */
static char *proc_link(uint32_t pid, const char *what) {
    AUTO_FREE char *path = proc_name(pid, what);
    char to[PATH_MAX];
    ssize_t n = readlink(path, to, sizeof to - 1);
    if (n < 0)
        return NULL;
    to[n] = 0;
    return text_dup(to);
}

/* --- standard input --- */

struct input {
    const char *kind;
    char *path;
    off_t offset;
    struct dearth_key digest;
    char *data; /* NULL = not kept */
    size_t n;
    uint64_t
        awaited; /* inode of a pipe that somebody may write into; 0 = all is known that will be */
};

/* @none: when it is not told */
static long long described(uint32_t pid, const char *field, int base, long long none) {
    size_t n;
    AUTO_FREE char *info = proc_read(pid, "fdinfo/0", &n);
    const char *at = info ? strstr(info, field) : NULL;
    return at ? strtoll(at + strlen(field), NULL, base) : none;
}

static off_t offset_of(uint32_t pid) {
    return (off_t)described(pid, "pos:", 10, 0);
}

/* A pipe, for reading alone, as a stream: who has it for writing too is a writer himself. */
static bool is_read_alone(uint32_t pid) {
    long long flags = described(pid, "flags:", 8, O_RDWR);
    return (flags & O_ACCMODE) == O_RDONLY && !(flags & O_DIRECT);
}

/* Through /proc the file is opened anew: the program's offset stays where it is. */
static void read_file(uint32_t pid, struct input *in, const struct stat *st, off_t most) {
    AUTO_FREE char *path = proc_name(pid, "fd/0");
    uint64_t facts[] = {(uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
                        (uint64_t)st->st_mtim.tv_nsec, (uint64_t)in->offset};
    in->digest = key_hash(facts, sizeof facts);
    off_t size = st->st_size > in->offset ? st->st_size - in->offset : 0;
    if (size > most)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    in->data = text_alloc((size_t)size + 1);
    for (ssize_t k;
         in->n < (size_t)size && (k = pread(fd, in->data + in->n, (size_t)size - in->n,
                                            in->offset + (off_t)in->n)) > 0;)
        in->n += (size_t)k;
    close(fd);
    in->digest = key_hash(in->data, in->n);
}

/* Of a pipe and of a file with the same bytes, only the latter can be read twice. */
static struct dearth_key pipe_digest(const struct input *in) {
    static const char kind[] = "pipe";
    struct dearth_key bytes = key_hash(in->data, in->n), of = key_hash(kind, sizeof kind);
    uint64_t words[4] = {of.lo, of.hi, bytes.lo, bytes.hi};
    return key_hash(words, sizeof words);
}

static void read_pipe(uint32_t pid, struct input *in, uint64_t inode) {
    enum piped seen = piped_look(pid, INPUT_MOST, &in->data, &in->n);
    in->awaited = seen == PIPED_WRITTEN ? inode : 0;
    if (seen == PIPED_WHOLE)
        in->digest = pipe_digest(in);
}

static void look_at_input(const struct circumstances_options *options, uint32_t pid,
                          struct input *in) {
    AUTO_FREE char *path = proc_name(pid, "fd/0");
    struct stat st;
    *in = (struct input){.kind = "none"};
    if (stat(path, &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
        return; /* closed, or /dev/null */
    in->kind =
        S_ISFIFO(st.st_mode) ? "pipe"
        : S_ISCHR(st.st_mode) && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143
            ? "tty"
        : S_ISREG(st.st_mode) ? "file"
                              : "other";
    if (S_ISFIFO(st.st_mode) && !options->no_input && is_read_alone(pid))
        read_pipe(pid, in, st.st_ino);
    if (!S_ISREG(st.st_mode))
        return;
    in->path = proc_link(pid, "fd/0");
    in->offset = offset_of(pid);
    read_file(pid, in, &st, options->no_input ? 0 : INPUT_MOST);
}

/* --- the rest --- */

static char *descriptors_of(uint32_t pid) {
    AUTO_FREE char *folder = proc_name(pid, "fd");
    struct text t = {0};
    DIR *dir = opendir(folder);
    text_add(&t, "[");
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        if (!isdigit((unsigned char)e->d_name[0]) || atoi(e->d_name) < 3)
            continue;
        AUTO_FREE char *name = text_format("fd/%s", e->d_name);
        AUTO_FREE char *to = proc_link(pid, name);
        AUTO_FREE char *clean = to ? text_utf8(to, strlen(to)) : NULL;
        if (!clean || strstr(clean, "/arena"))
            continue; /* gone, or the memory that it shares with us */
        char *colon = clean[0] == '/' ? NULL : strchr(clean, ':');
        if (colon)
            *colon = 0; /* pipe:[123]: the number says nothing later */
        text_add(&t, t.n > 1 ? "," : "");
        text_add_json(&t, clean);
    }
    if (dir)
        closedir(dir);
    text_add(&t, "]");
    return text_take(&t);
}

static char *limits_of(uint32_t pid) {
    struct text t = {0};
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        if (prlimit((pid_t)pid, (__rlimit_resource_t)i, NULL, &limit) < 0) {
            text_deinit(&t);
            return NULL;
        }
        text_add(&t, i ? "," : "[");
        text_addf(&t, "%" PRId64,
                  limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)limit.rlim_cur);
    }
    text_add(&t, "]");
    return text_take(&t);
}

/* Return: -1 = unknown. */
static int umask_of(uint32_t pid) {
    size_t n;
    AUTO_FREE char *status = proc_read(pid, "status", &n);
    const char *mask = status ? strstr(status, "\nUmask:") : NULL;
    return mask ? (int)strtol(mask + 7, NULL, 8) : -1;
}

/* --- all of it --- */

struct circumstances {
    char *environ, *argv, *exe, *cwd, *limits,
        *descriptors;         /* NULL = could not be read */
    size_t n_environ, n_argv; /* bytes */
    int mask;
    struct input input;
};

struct circumstances *circumstances_new(const struct circumstances_options *options,
                                        uint32_t pid) {
    struct circumstances *x = text_alloc(sizeof *x);
    x->environ = proc_read(pid, "environ", &x->n_environ);
    x->argv = proc_read(pid, "cmdline", &x->n_argv);
    x->exe = proc_link(pid, "exe");
    x->cwd = proc_link(pid, "cwd");
    x->limits = limits_of(pid);
    x->descriptors = descriptors_of(pid);
    x->mask = umask_of(pid);
    look_at_input(options, pid, &x->input);
    return x;
}

uint64_t circumstances_waits(const struct circumstances *x) {
    return x->input.awaited;
}

void circumstances_look_again(struct circumstances *x, uint32_t pid) {
    if (x->input.awaited)
        read_pipe(pid, &x->input, x->input.awaited);
}

struct circumstances *circumstances_free(struct circumstances *x) {
    if (!x)
        return NULL;
    free(x->environ);
    free(x->argv);
    free(x->exe);
    free(x->cwd);
    free(x->limits);
    free(x->descriptors);
    free(x->input.path);
    free(x->input.data);
    free(x);
    return NULL;
}

/* --- rows --- */

enum { ENVIRONMENT_DIGEST = 1, ENVIRONMENT_VARIABLES, ENVIRONMENT_DENIED };

/* Return: the row of the environment, 0 = it could not be read, or a negative errno. */
static int64_t keep_environment(struct collector *c, const struct circumstances *x) {
    struct variables v = {0};
    if (!x->environ)
        return 0;
    for (size_t i = 0; i < x->n_environ; i += strlen(x->environ + i) + 1)
        take_variable(&v, c, x->environ + i);
    text_add(&v.denied, v.denied.n ? "]" : "[]");
    AUTO_TEXT struct text both = {0};
    text_add_n(&both, v.kept.n ? v.kept.data : "", v.kept.n);
    text_add(&both, v.denied.data);
    struct dearth_key digest = key_hash(both.data, both.n);
    AUTO_STMT sqlite3_stmt *put = NULL, *get = NULL;
    int r = store_prepare(c->store,
                          "INSERT OR IGNORE INTO environment(digest, variables, denied) "
                          "VALUES (?, ?, ?)",
                          &put);
    if (r == 0)
        r = store_prepare(c->store, "SELECT id FROM environment WHERE digest = ?", &get);
    if (r == 0) {
        store_bind_key(put, ENVIRONMENT_DIGEST, digest);
        sqlite3_bind_blob64(put, ENVIRONMENT_VARIABLES, v.kept.n ? v.kept.data : "",
                            v.kept.n, SQLITE_STATIC);
        sqlite3_bind_text(put, ENVIRONMENT_DENIED, v.denied.data, -1, SQLITE_STATIC);
        r = store_step_done(c->store, put);
    }
    int64_t row = r;
    if (r == 0) {
        store_bind_key(get, ENVIRONMENT_DIGEST, digest);
        row = sqlite3_step(get) == SQLITE_ROW ? sqlite3_column_int64(get, 0)
                                              : store_error(c->store, "an environment");
    }
    text_deinit(&v.kept);
    text_deinit(&v.denied);
    return row;
}

#define UNIT_COLUMNS(X)                                                                  \
    X(UNIT_RECORDING_ID, "recording_id")                                                 \
    X(UNIT_ORDINAL, "ordinal")                                                           \
    X(UNIT_ENVIRONMENT_ID, "environment_id")                                             \
    X(UNIT_EXE, "exe")                                                                   \
    X(UNIT_ARGV_BYTES, "argv_bytes")                                                     \
    X(UNIT_CWD, "cwd")                                                                   \
    X(UNIT_UMASK, "umask")                                                               \
    X(UNIT_LIMITS, "limits")                                                             \
    X(UNIT_STDIN_KIND, "stdin_kind")                                                     \
    X(UNIT_STDIN_PATH, "stdin_path")                                                     \
    X(UNIT_STDIN_OFFSET, "stdin_offset")                                                 \
    X(UNIT_STDIN_DIGEST, "stdin_digest")                                                 \
    X(UNIT_STDIN_DATA, "stdin_data")
enum { UNIT_FIRST = 0, UNIT_COLUMNS(STORE_COLUMN_ENUM) UNIT_DESCRIPTORS };

/* NULL is left out: the column is NULL. */
static void bind_text(sqlite3_stmt *s, int at, const char *text) {
    if (text)
        sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

static void bind_input(sqlite3_stmt *s, const struct input *in) {
    sqlite3_bind_text(s, UNIT_STDIN_KIND, in->kind, -1, SQLITE_STATIC);
    bind_text(s, UNIT_STDIN_PATH, in->path);
    bool file = strcmp(in->kind, "file") == 0;
    if (file)
        sqlite3_bind_int64(s, UNIT_STDIN_OFFSET, in->offset);
    if (file || in->data)
        store_bind_key(s, UNIT_STDIN_DIGEST, in->digest);
    if (in->data)
        sqlite3_bind_blob64(s, UNIT_STDIN_DATA, in->data, in->n, SQLITE_STATIC);
}

static void bind_place(sqlite3_stmt *s, const struct circumstances *x) {
    bind_text(s, UNIT_EXE, x->exe ? x->exe : "");
    bind_text(s, UNIT_CWD, x->cwd ? x->cwd : "");
    sqlite3_bind_blob64(s, UNIT_ARGV_BYTES, x->argv ? x->argv : "", x->n_argv,
                        SQLITE_STATIC);
    if (x->mask >= 0)
        sqlite3_bind_int(s, UNIT_UMASK, x->mask);
    bind_text(s, UNIT_LIMITS, x->limits);
    bind_text(s, UNIT_DESCRIPTORS, x->descriptors ? x->descriptors : "[]");
}

/* Of a process that could not be looked at. */
static const struct circumstances nothing = {.mask = -1, .input.kind = "none"};

int circumstances_keep(struct collector *c, const struct watched *w,
                       const struct circumstances *x) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    x = x ? x : &nothing;
    int64_t environment = keep_environment(c, x);
    if (environment < 0)
        return (int)environment;
    int r = store_prepare(
        c->store,
        "INSERT INTO unit(" UNIT_COLUMNS(
            STORE_COLUMN_SQL) "descriptors) VALUES (" UNIT_COLUMNS(STORE_COLUMN_PLACE) "?)",
        &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, UNIT_RECORDING_ID, c->recording_id);
    sqlite3_bind_int64(s, UNIT_ORDINAL, w->serial);
    if (environment)
        sqlite3_bind_int64(s, UNIT_ENVIRONMENT_ID, environment);
    bind_place(s, x);
    bind_input(s, &x->input);
    c->totals.units++;
    c->totals.units_unread += !environment;
    return store_step_done(c->store, s);
}
