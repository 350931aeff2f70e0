/*
 * A session: the arena file in its private folder, made, grown, read, reset, removed.
 *
 *   FOLDER/dearth-PID-xxxxxx/        0700
 *     ├── arena                      0600, sparse, arena_bytes long, flock()ed by us
 *     │     [0 ........ blocks_ready)   on disk: targets may touch it
 *     │     [blocks_ready .... total)   holes: nobody touches them
 *     └── preload.so ─► library      only when its path holds a ':' or ' ', which
 *                                    LD_PRELOAD cannot name
 *
 * Invariant: posix_fallocate() of a range succeeded before blocks_ready passes it, so a
 * full disk is an error of ours and never a SIGBUS of the target's. A folder whose arena
 * is not locked belongs to a dearth that was killed: the next session removes it, but that
 * of a recording, which `dearth recover` may still want, only a day after it was first
 * found so. The lock says that across pid namespaces; a pid in the name would not.
 *
 * Who runs it: dearth, one thread (session_ns() and session_ticks() any).
 */
#include "session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "text.h"

#ifndef DEARTH_PRELOAD_DIR
#define DEARTH_PRELOAD_DIR "/usr/local/lib/dearth"
#endif

#define RECORD_ARENA_BYTES (1ull << 30)
#define REPLAY_ARENA_BYTES (256ull << 20)
#define SMALLEST_ARENA     (8ull << 20)
#define DEFAULT_DEPTH      512u
#define READY_BLOCKS       32u /* 2 MiB: a process, its nodes, modules and first segments */
#define STEP_LARGEST       64u /* 4 MiB */
#define STALE_AFTER_S      10  /* a folder younger than this may not have its lock yet */
#define NAME_PREFIX        "dearth-"
#define ORPHAN                                                                           \
    "orphan" /* in the folder of a killed recording: made when that was found */
#define ORPHAN_DAY_S 86400

struct state {
    uint64_t bytes; /* what the header says too, but a target can scribble on that */
    uint32_t ready;
    uint32_t step;          /* blocks to add next time */
    uint32_t wanted_seen;   /* blocks_wanted when it was last looked at */
    uint64_t start_mono_ns; /* CLOCK_MONOTONIC at start_ticks */
    char *link_path;        /* preload.so in the folder, NULL = none */
};

/* --- clock ----------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t session_ticks(const struct session *session) {
#if defined(__x86_64__)
    if (session->arena->clock == SHM_CLOCK_TSC)
        return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    if (session->arena->clock == SHM_CLOCK_CNTVCT) {
        uint64_t t;
        __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(t)::"memory");
        return t;
    }
#endif
    (void)session;
    return clock_ns(CLOCK_MONOTONIC);
}

/* Both clocks at one moment: the closest of a few pairs, an interrupt may fall between.
 */
static void read_clocks(const struct session *session, uint64_t *ticks, uint64_t *ns) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 4; i++) {
        uint64_t a = session_ticks(session);
        uint64_t t = clock_ns(CLOCK_MONOTONIC);
        uint64_t b = session_ticks(session);
        if (b - a < best) {
            best = b - a;
            *ticks = a + (b - a) / 2;
            *ns = t;
        }
    }
}

void session_now(const struct session *session, uint64_t *ticks, uint64_t *ns) {
    const struct state *state = session->state;
    read_clocks(session, ticks, ns);
    *ns -= state->start_mono_ns;
}

double session_ticks_per_ns(const struct session *session) {
    uint64_t ticks, ns;
    if (session->arena->clock == SHM_CLOCK_MONOTONIC_NS)
        return 1.0;
    session_now(session, &ticks, &ns);
    return ns ? (double)(ticks - session->arena->start_ticks) / (double)ns : 1.0;
}

uint64_t session_ns(const struct session *session, uint64_t ticks) {
    if (ticks <= session->arena->start_ticks)
        return 0;
    double elapsed = (double)(ticks - session->arena->start_ticks);
    return (uint64_t)(elapsed / session_ticks_per_ns(session));
}

#if defined(__x86_64__)
static bool cpu_has(const char *flags, const char *flag) {
    size_t n = strlen(flag);
    for (const char *p = strstr(flags, flag); p; p = strstr(p + n, flag))
        if (p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n' || !p[n]))
            return true;
    return false;
}

/* The kernel gives its time stamp counter up when it found it unstable. */
static bool kernel_distrusts_tsc(void) {
    char name[32] = "";
    FILE *f =
        fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof name, f))
        name[0] = 0;
    fclose(f);
    return strncmp(name, "hpet", 4) == 0 || strncmp(name, "acpi_pm", 7) == 0;
}

static uint32_t choose_clock(void) {
    uint32_t clock = SHM_CLOCK_MONOTONIC_NS;
    char line[8192];
    FILE *f = fopen("/proc/cpuinfo", "re");
    if (!f)
        return clock;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        if (cpu_has(line, "constant_tsc") && cpu_has(line, "nonstop_tsc") &&
            !kernel_distrusts_tsc())
            clock = SHM_CLOCK_TSC;
        break;
    }
    fclose(f);
    return clock;
}
#elif defined(__aarch64__)
static uint32_t choose_clock(void) {
    return SHM_CLOCK_CNTVCT; /* the architecture has it constant and shared */
}
#else
static uint32_t choose_clock(void) {
    return SHM_CLOCK_MONOTONIC_NS;
}
#endif

static void read_boot_id(char *id, size_t bytes) {
    memset(id, 0, bytes);
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!f)
        return;
    if (!fgets(id, (int)bytes, f))
        id[0] = 0;
    fclose(f);
}

void session_start_clock(struct session *session) {
    struct state *state = session->state;
    read_clocks(session, &session->arena->start_ticks, &state->start_mono_ns);
    session->arena->start_unix_ns =
        clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - state->start_mono_ns);
    session->arena->start_mono_ns = state->start_mono_ns;
    read_boot_id(session->arena->boot_id, sizeof session->arena->boot_id);
}

/* --- the preload library ---------------------------------------------------------- */

static char *in_folder_of(const char *exe, const char *relative) {
    const char *slash = strrchr(exe, '/');
    int n = slash ? (int)(slash - exe) : 0;
    char *path = text_format("%.*s/%s", n, exe, relative);
    if (access(path, R_OK) == 0) {
        char *whole = realpath(path, NULL);
        free(path);
        return whole;
    }
    free(path);
    return NULL;
}

char *session_preload_path(void) {
    static const char *const beside[] = {
        "recorder/preload/libdearth_preload.so",
        "../recorder/preload/libdearth_preload.so",
        "../../recorder/preload/libdearth_preload.so", /* unit tests in the build folder
                                                        */
        NULL};
    static const char *const installed[] = {
        "../lib/dearth/libdearth_preload.so",
        "../lib64/dearth/libdearth_preload.so",
#if defined(__x86_64__)
        "../lib/x86_64-linux-gnu/dearth/libdearth_preload.so",
#elif defined(__aarch64__)
        "../lib/aarch64-linux-gnu/dearth/libdearth_preload.so",
#endif
        NULL
    };
    const char *named = getenv("DEARTH_PRELOAD");
    if (named && *named) {
        char *whole = realpath(named, NULL);
        if (!whole)
            error_print_errno(-errno,
                              "%s: cannot use the preload library that "
                              "DEARTH_PRELOAD names",
                              named);
        return whole;
    }
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    for (int i = 0; beside[i]; i++) {
        char *path = in_folder_of(exe, beside[i]);
        if (path)
            return path;
    }
    for (int i = 0; installed[i]; i++) {
        char *path = in_folder_of(exe, installed[i]);
        if (path)
            return path;
    }
    if (access(DEARTH_PRELOAD_DIR "/libdearth_preload.so", R_OK) == 0)
        return text_dup(DEARTH_PRELOAD_DIR "/libdearth_preload.so");
    error_print(-ENOENT,
                "libdearth_preload.so is neither in " DEARTH_PRELOAD_DIR
                " nor beside %s; install dearth again, or name the library in "
                "DEARTH_PRELOAD",
                exe);
    return NULL;
}

static int name_library(struct session *session) {
    struct state *state = session->state;
    AUTO_FREE char *path = session_preload_path();
    if (!path)
        return -ENOENT;
    const char *shown = path;
    if (strpbrk(path, ": \t\n")) {
        state->link_path = text_format("%s/preload.so", session->directory);
        if (strpbrk(state->link_path, ": \t\n") || symlink(path, state->link_path) < 0)
            return error_print(-EINVAL,
                               "%s: a path with a space or a colon cannot be "
                               "preloaded; install dearth elsewhere",
                               path);
        shown = state->link_path;
    }
    if (strlen(shown) >= SHM_PATH_BYTES)
        return error_print(-ENAMETOOLONG, "%s: path of the preload library is too long",
                           shown);
    strcpy(session->arena->preload_path, shown);
    return 0;
}

/* --- the folder ------------------------------------------------------------------- */

/* Does `dearth recover` still want this arena, whose dearth is gone? */
static bool keep_orphan(int dir, int arena) {
    struct shm_header head;
    struct stat st;
    size_t n = offsetof(struct shm_header, clock);
    if (arena < 0 || pread(arena, &head, n, 0) != (ssize_t)n || head.magic != SHM_MAGIC ||
        !(head.flags & SHM_EVENTS))
        return false;
    if (fstatat(dir, ORPHAN, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return time(NULL) - st.st_mtime < ORPHAN_DAY_S;
    int fd = openat(dir, ORPHAN, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Remove one session folder if the dearth that made it is gone. */
static void remove_stale(int parent, const char *name) {
    struct stat st;
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return;
    bool old = fstat(dir, &st) == 0 && st.st_uid == geteuid() &&
               time(NULL) - st.st_mtime > STALE_AFTER_S;
    int arena = old ? openat(dir, "arena", O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (old && (arena >= 0 ? flock(arena, LOCK_EX | LOCK_NB) == 0 : errno == ENOENT) &&
        !keep_orphan(dir, arena)) {
        unlinkat(dir, "arena", 0);
        unlinkat(dir, ORPHAN, 0);
        unlinkat(dir, "preload.so", 0);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    if (arena >= 0)
        close(arena);
    close(dir);
}

static void remove_stale_in(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (strncmp(entry->d_name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0)
            remove_stale(dirfd(dir), entry->d_name);
    closedir(dir);
}

/* Allocate blocks [from, to) on disk. Return: 0 or -errno, nothing printed. */
static int allocate(int fd, uint32_t from, uint32_t to) {
    off_t start = (off_t)from * SHM_BLOCK_BYTES;
    int err;
    do
        err = posix_fallocate(fd, start, (off_t)to * SHM_BLOCK_BYTES - start);
    while (err == EINTR);
    return -err;
}

/* Make the folder and the file below @folder. Return: 0 or -errno, nothing printed. */
static int make_files(struct session *session, const char *folder, uint64_t bytes,
                      uint32_t ready) {
    char *directory = text_format("%s/" NAME_PREFIX "%d-XXXXXX", folder, (int)getpid());
    char *path = NULL;
    int fd = -1, r = 0;
    if (!mkdtemp(directory)) {
        r = -errno;
        free(directory);
        return r;
    }
    path = text_format("%s/arena", directory);
    if (strlen(path) >= SHM_PATH_BYTES)
        r = -ENAMETOOLONG;
    else if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
             flock(fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(fd, (off_t)bytes) < 0)
        r = -errno;
    else
        r = allocate(fd, 0, ready);
    if (r == 0) {
        session->directory = directory;
        session->arena_path = path;
        session->arena_fd = fd;
        return 0;
    }
    if (fd >= 0) {
        unlink(path);
        close(fd);
    }
    rmdir(directory);
    free(path);
    free(directory);
    return r;
}

static int choose_folder(struct session *session, const struct session_options *options,
                         uint64_t bytes, uint32_t ready) {
    const char *candidates[] = {"/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"),
                                "/tmp"};
    AUTO_TEXT struct text tried = {0};
    int r = -ENOENT;
    if (options->folder) {
        remove_stale_in(options->folder);
        r = make_files(session, options->folder, bytes, ready);
        if (r < 0)
            return error_print_errno(r, "%s: cannot make the %u KiB session file there",
                                     options->folder, ready * (SHM_BLOCK_BYTES / 1024));
        return 0;
    }
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        if (!candidates[i] || candidates[i][0] != '/')
            continue;
        remove_stale_in(candidates[i]);
        r = make_files(session, candidates[i], bytes, ready);
        if (r == 0)
            return 0;
        if (r == -EFBIG)
            return error_print(
                r,
                "the file size limit (ulimit -f) is too small; dearth needs "
                "%u MiB and what the database grows to",
                (uint32_t)(SMALLEST_ARENA >> 20));
        text_addf(&tried, "%s%s: %s", tried.n ? "; " : "", candidates[i], strerror(-r));
    }
    return error_print(r,
                       "no room for the %u KiB session file (%s); make some, or name a "
                       "folder in TMPDIR",
                       ready * (SHM_BLOCK_BYTES / 1024), tried.data ? tried.data : "");
}

/* --- life ------------------------------------------------------------------------- */

/* Under a limited address space the target must still have most of it. */
static uint64_t choose_bytes(const struct session_options *options) {
    struct rlimit limit;
    uint64_t bytes = options->arena_bytes;
    if (!bytes)
        bytes = options->flags & SHM_EVENTS ? RECORD_ARENA_BYTES : REPLAY_ARENA_BYTES;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        bytes > limit.rlim_cur / 8)
        bytes = limit.rlim_cur / 8;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        bytes > limit.rlim_cur)
        bytes = limit.rlim_cur / SHM_BLOCK_BYTES * SHM_BLOCK_BYTES;
    if (bytes < SMALLEST_ARENA)
        bytes = SMALLEST_ARENA;
    return (bytes + SHM_BLOCK_BYTES - 1) / SHM_BLOCK_BYTES * SHM_BLOCK_BYTES;
}

static void raise_ready(struct session *session, uint32_t ready) {
    ((struct state *)session->state)->ready = ready;
    __atomic_store_n(&session->arena->blocks_ready, ready, __ATOMIC_RELEASE);
}

static void fill_header(struct session *session, const struct session_options *options,
                        uint64_t bytes, uint32_t ready) {
    struct shm_header *arena = session->arena;
    arena->version = SHM_VERSION;
    arena->flags = options->flags;
    arena->clock = choose_clock();
    arena->max_depth = options->max_depth ? options->max_depth : DEFAULT_DEPTH;
    arena->arena_bytes = bytes;
    arena->blocks_total = (uint32_t)(bytes / SHM_BLOCK_BYTES);
    arena->blocks_next = SHM_HEADER_BLOCKS;
    arena->collector_pid = (uint32_t)getpid();
    session_start_clock(session);
    raise_ready(session, ready);
    __atomic_store_n(&arena->magic, SHM_MAGIC, __ATOMIC_RELEASE);
}

int session_new(const struct session_options *options, struct session **out) {
    uint64_t bytes = choose_bytes(options);
    uint32_t ready = options->ready_blocks ? options->ready_blocks : READY_BLOCKS;
    if (ready <= SHM_HEADER_BLOCKS)
        ready = SHM_HEADER_BLOCKS + 1;
    if (ready > bytes / SHM_BLOCK_BYTES)
        ready = (uint32_t)(bytes / SHM_BLOCK_BYTES);
    struct session *session = text_alloc(sizeof *session);
    struct state *state = text_alloc(sizeof *state);
    state->step = ready < STEP_LARGEST ? ready : STEP_LARGEST;
    session->state = state;
    session->arena_fd = -1;
    int r = choose_folder(session, options, bytes, ready);
    if (r == 0) {
        void *p =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, session->arena_fd, 0);
        if (p == MAP_FAILED)
            r = error_print_errno(-errno, "cannot map %s", session->arena_path);
        else
            session->arena = p;
    }
    if (r == 0) {
        state->bytes = bytes;
        r = name_library(session);
    }
    if (r < 0) {
        session_free(session);
        return r;
    }
    fill_header(session, options, bytes, ready);
    *out = session;
    return 0;
}

/* Is it whole, ours to read, and do its clocks still run? */
static bool is_left(const struct shm_header *head, uint64_t bytes) {
    char boot[sizeof head->boot_id];
    read_boot_id(boot, sizeof boot);
    return head->magic == SHM_MAGIC && head->version == SHM_VERSION &&
           head->flags & SHM_EVENTS && head->arena_bytes == bytes &&
           bytes % SHM_BLOCK_BYTES == 0 &&
           head->blocks_ready <= bytes / SHM_BLOCK_BYTES &&
           memcmp(boot, head->boot_id, sizeof boot) == 0;
}

/* Return: 0, 1 = not there, or a negative errno after a message. */
static int map_left(struct session *session, uint64_t *bytes) {
    struct stat st;
    session->arena_fd = open(session->arena_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (session->arena_fd < 0)
        return errno == ENOENT
                   ? 1
                   : error_print_errno(-errno, "cannot open %s", session->arena_path);
    if (flock(session->arena_fd, LOCK_EX | LOCK_NB) < 0)
        return error_print(-EBUSY,
                           "%s is in use: dearth is still recording (or recovering)",
                           session->arena_path);
    if (fstat(session->arena_fd, &st) < 0 || st.st_size < (off_t)SHM_BLOCK_BYTES)
        return 1;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                   session->arena_fd, 0);
    if (p == MAP_FAILED)
        return error_print_errno(-errno, "cannot map %s", session->arena_path);
    *bytes = (uint64_t)st.st_size;
    session->arena = p;
    return is_left(p, *bytes) ? 0 : 1;
}

/* Not ours after all: leave it alone. */
static void let_go(struct session *session, uint64_t bytes) {
    if (session->arena)
        munmap(session->arena, bytes);
    if (session->arena_fd >= 0)
        close(session->arena_fd);
    free(session->state);
    free(session->arena_path);
    free(session->directory);
    free(session);
}

int session_attach(const char *path, struct session **out) {
    struct session *session = text_alloc(sizeof *session);
    struct state *state = text_alloc(sizeof *state);
    const char *slash = strrchr(path, '/');
    uint64_t bytes = 0;
    session->state = state;
    session->arena_path = text_dup(path);
    session->directory = text_format("%.*s", slash ? (int)(slash - path) : 0, path);
    int r = map_left(session, &bytes);
    if (r) {
        let_go(session, bytes);
        return r;
    }
    session_detach(session);
    *state = (struct state){
        .bytes = bytes,
        .ready = session->arena->blocks_ready,
        .step = STEP_LARGEST,
        .wanted_seen = session->arena->blocks_wanted,
        .start_mono_ns = session->arena->start_mono_ns,
        .link_path = text_format("%s/preload.so", session->directory),
    };
    *out = session;
    return 0;
}

struct session *session_free(struct session *session) {
    if (!session)
        return NULL;
    struct state *state = session->state;
    if (session->arena) {
        session_detach(session);
        munmap(session->arena, state->bytes);
    }
    if (state->link_path)
        unlink(state->link_path);
    if (session->arena_path)
        unlink(session->arena_path);
    if (session->directory) {
        AUTO_FREE char *orphan = text_format("%s/" ORPHAN, session->directory);
        unlink(orphan);
        rmdir(session->directory);
    }
    if (session->arena_fd >= 0)
        close(session->arena_fd);
    free(state->link_path);
    free(state);
    free(session->arena_path);
    free(session->directory);
    free(session);
    return NULL;
}

void session_detach(struct session *session) {
    __atomic_store_n(&session->arena->detached, 1, __ATOMIC_RELEASE);
}

/* Targets rely on fresh blocks being zero. Here their pages are mapped already; there each would be
 * a page fault. */
static void clear_used(struct session *session) {
    const struct state *state = session->state;
    uint64_t next = session->arena->blocks_next, first = SHM_HEADER_BLOCKS;
    uint64_t end = next < state->ready ? next : state->ready;
    if (end > first)
        memset((char *)session->arena + first * SHM_BLOCK_BYTES, 0,
               (end - first) * SHM_BLOCK_BYTES);
}

void session_reset(struct session *session, uint32_t flags) {
    struct shm_header *arena = session->arena;
    uint32_t n =
        arena->n_processes < SHM_MAX_PROCESSES ? arena->n_processes : SHM_MAX_PROCESSES;
    memset(arena->processes, 0, n * sizeof *arena->processes);
    clear_used(session);
    arena->n_processes = 0;
    arena->processes_lost = 0;
    arena->free_list = 0;
    arena->blocks_next = SHM_HEADER_BLOCKS;
    arena->blocks_wanted = 0;
    arena->detached = 0;
    arena->any_fired = 0;
    arena->marked = 0;
    arena->claim = 0;
    arena->n_faults = 0;
    arena->orders_block = 0;
    arena->leaks = 0;
    arena->flags = flags;
    arena->collector_pid = (uint32_t)getpid();
    memset(arena->faults, 0, sizeof arena->faults);
    memset(&arena->damage, 0, sizeof arena->damage);
    memset(&arena->chance, 0, sizeof arena->chance);
    ((struct state *)session->state)->wanted_seen = 0;
    session_start_clock(session);
}

char **session_environment(const struct session *session, char *const envp[]) {
    const char *users = NULL;
    size_t n = 0, bytes = 0;
    for (; envp && envp[n]; n++)
        if (strncmp(envp[n], "LD_PRELOAD=", 11) == 0)
            users = envp[n] + 11;
    bool both = users && *users;
    bytes = sizeof "LD_PRELOAD=:" + strlen(session->arena->preload_path) +
            (both ? strlen(users) : 0) + sizeof SHM_ENV_ARENA "=" +
            strlen(session->arena_path);
    char **out = text_alloc((n + 3) * sizeof *out + bytes);
    char *strings = (char *)(out + n + 3);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (strncmp(envp[i], "LD_PRELOAD=", 11) != 0 &&
            strncmp(envp[i], SHM_ENV_ARENA "=", sizeof SHM_ENV_ARENA) != 0)
            out[k++] = envp[i];
    out[k++] = strings;
    strings += sprintf(strings, "%s=%s", SHM_ENV_ARENA, session->arena_path) + 1;
    out[k++] = strings;
    sprintf(strings, "LD_PRELOAD=%s%s%s", session->arena->preload_path, both ? ":" : "",
            both ? users : "");
    return out;
}

void session_set_faults(struct session *session, const struct shm_fault *faults,
                        uint32_t n) {
    struct shm_header *arena = session->arena;
    __atomic_store_n(&arena->n_faults, 0, __ATOMIC_RELEASE);
    memset(arena->faults, 0, sizeof arena->faults);
    arena->any_fired = 0;
    memset(&arena->progress, 0, sizeof arena->progress);
    n = n < SHM_MAX_FAULTS ? n : SHM_MAX_FAULTS;
    for (uint32_t i = 0; i < n; i++) {
        struct shm_fault *slot = &arena->faults[i];
        slot->site = faults[i].site;
        slot->leaf_module = faults[i].leaf_module;
        slot->leaf_offset = faults[i].leaf_offset;
        slot->occurrence = faults[i].occurrence;
        slot->mode = faults[i].mode;
        slot->burst = faults[i].burst;
        slot->thread = faults[i].thread;
    }
    __atomic_store_n(&arena->n_faults, n, __ATOMIC_RELEASE);
}

void session_set_fault(struct session *session, const struct shm_fault *fault) {
    session_set_faults(session, fault, fault ? 1 : 0);
}

void session_arm(struct session *session, const struct shm_fault *fault, uint32_t epoch) {
    struct shm_header *arena = session->arena;
    session_set_fault(session, fault);
    __atomic_store_n(&arena->claim, (uint64_t)epoch << 32, __ATOMIC_RELEASE);
}

bool session_disarm(struct session *session) {
    struct shm_header *arena = session->arena;
    struct shm_fault *fault = &arena->faults[0];
    uint64_t last = __atomic_exchange_n(&arena->claim, 0, __ATOMIC_ACQ_REL);
    fault->hits = last & 0xffffffffu;
    return fault->hits >= fault->occurrence;
}

/* --- growing ---------------------------------------------------------------------- */

int session_poll(struct session *session) {
    struct shm_header *arena = session->arena;
    struct state *state = session->state;
    __atomic_fetch_add(&arena->heartbeat, 1, __ATOMIC_RELAXED);
    uint32_t wanted = __atomic_load_n(&arena->blocks_wanted, __ATOMIC_RELAXED);
    uint32_t next = __atomic_load_n(&arena->blocks_next, __ATOMIC_RELAXED);
    uint32_t ready = state->ready;
    bool starving = wanted != state->wanted_seen;
    if (!starving && (next >= ready ? 0 : ready - next) >= state->step / 2)
        return 0;
    uint32_t total = (uint32_t)(state->bytes / SHM_BLOCK_BYTES);
    if (ready >= total)
        return starving ? -ENOBUFS : 0;
    uint32_t to = total - ready < state->step ? total : ready + state->step;
    int r = allocate(session->arena_fd, ready, to);
    if (r < 0)
        return starving ? r : 0;
    raise_ready(session, to);
    state->wanted_seen = wanted;
    if (state->step < STEP_LARGEST)
        state->step *= 2;
    return 0;
}

void session_recycle(struct session *session, uint32_t id) {
    uint32_t *block = session_block(session, id);
    if (!block)
        return;
    uint64_t *list = &session->arena->free_list;
    uint64_t head = __atomic_load_n(list, __ATOMIC_ACQUIRE), next;
    do {
        __atomic_store_n(block, (uint32_t)head, __ATOMIC_RELAXED);
        next = ((head >> 32) + 1) << 32 | id;
    } while (!__atomic_compare_exchange_n(list, &head, next, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}

uint64_t session_own_bytes(const struct session *session) {
    return (uint64_t)((const struct state *)session->state)->ready * SHM_BLOCK_BYTES;
}

/* --- reading ---------------------------------------------------------------------- */

/* A worker has perhaps grown the arena that its parent is reading now: what the arena itself says
 * counts, as far as the mapping goes. */
static bool is_ready(const struct session *session, uint32_t id) {
    const struct state *state = session->state;
    if (id < state->ready)
        return true;
    return id < __atomic_load_n(&session->arena->blocks_ready, __ATOMIC_ACQUIRE) &&
           id < state->bytes / SHM_BLOCK_BYTES;
}

/* The target may have scribbled over anything it can write: trust no number in it. */
void *session_block(const struct session *session, uint32_t id) {
    if (id < SHM_HEADER_BLOCKS || !is_ready(session, id))
        return NULL;
    return (char *)session->arena + (uint64_t)id * SHM_BLOCK_BYTES;
}

uint32_t session_n_processes(const struct session *session) {
    uint32_t n = __atomic_load_n(&session->arena->n_processes, __ATOMIC_ACQUIRE);
    return n < SHM_MAX_PROCESSES ? n : SHM_MAX_PROCESSES;
}

const struct shm_process *session_process(const struct session *session, uint32_t index) {
    if (index >= session_n_processes(session))
        return NULL;
    uint32_t id = __atomic_load_n(&session->arena->processes[index], __ATOMIC_ACQUIRE);
    const struct shm_process *process = session_block(session, id);
    if (!process ||
        __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == SHM_PROCESS_EMPTY)
        return NULL;
    return process;
}

const struct shm_node *session_node(const struct session *session,
                                    const struct shm_process *process, uint32_t id) {
    if (!id || id / SHM_NODES_PER_BLOCK >= SHM_MAX_NODE_BLOCKS)
        return NULL;
    uint32_t block = __atomic_load_n(&process->node_blocks[id / SHM_NODES_PER_BLOCK],
                                     __ATOMIC_ACQUIRE);
    const struct shm_node *nodes = session_block(session, block);
    if (!nodes)
        return NULL;
    const struct shm_node *node = nodes + id % SHM_NODES_PER_BLOCK;
    if (__atomic_load_n(&node->state, __ATOMIC_ACQUIRE) != SHM_NODE_READY)
        return NULL;
    return node;
}

struct shm_ring *session_ring(const struct session *session, struct shm_process *process,
                              uint32_t index) {
    if (index < SHM_INNER_RINGS)
        return &process->rings[index];
    uint32_t i = index - SHM_INNER_RINGS;
    if (index >= SHM_MAX_RINGS)
        return NULL;
    struct shm_ring *rings = session_block(
        session, __atomic_load_n(&process->ring_blocks[i / SHM_RINGS_PER_BLOCK],
                                 __ATOMIC_ACQUIRE));
    return rings ? rings + i % SHM_RINGS_PER_BLOCK : NULL;
}

const struct shm_module *session_module(const struct session *session,
                                        const struct shm_process *process,
                                        uint32_t index) {
    if (!index || index > process->n_modules ||
        (index - 1) / SHM_MODULES_PER_BLOCK >= SHM_MAX_MODULE_BLOCKS)
        return NULL;
    uint32_t block = __atomic_load_n(
        &process->module_blocks[(index - 1) / SHM_MODULES_PER_BLOCK], __ATOMIC_ACQUIRE);
    const struct shm_module *modules = session_block(session, block);
    return modules ? modules + (index - 1) % SHM_MODULES_PER_BLOCK : NULL;
}

void session_each_site(const struct session *session,
                       void (*each)(void *context, const struct shm_process *process,
                                    uint32_t node_id, const struct shm_node *node),
                       void *context) {
    uint32_t n = session_n_processes(session);
    for (uint32_t i = 0; i < n; i++) {
        const struct shm_process *process = session_process(session, i);
        uint32_t last = process ? process->n_nodes : 0;
        if (last >= SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK)
            last = SHM_MAX_NODE_BLOCKS * SHM_NODES_PER_BLOCK - 1;
        for (uint32_t id = 1; id <= last; id++) {
            const struct shm_node *node = session_node(session, process, id);
            if (node && !node->module && !(node->flags & SHM_NODE_ALIAS) &&
                node->offset && node->offset < SHM_N_OPS)
                each(context, process, id, node);
        }
    }
}

/* --- orders of a snapshot run --- */

struct shm_orders *session_set_orders(struct session *session,
                                      const struct shm_order *orders, uint32_t n) {
    struct shm_header *arena = session->arena;
    struct shm_orders *to = session_block(session, SHM_HEADER_BLOCKS);
    if (!to || n > SHM_MAX_ORDERS ||
        !session_block(session, SHM_HEADER_BLOCKS + SHM_ORDER_BLOCKS - 1))
        return NULL;
    memset(to, 0, offsetof(struct shm_orders, orders));
    memset(to->index, 0, sizeof to->index);
    memcpy(to->orders, orders, n * sizeof *orders);
    for (uint32_t i = 0; i < n; i++) {
        if (i && key_equal(orders[i].site, orders[i - 1].site))
            continue;
        uint32_t at = (uint32_t)orders[i].site.lo & (SHM_ORDER_INDEX - 1);
        while (to->index[at])
            at = (at + 1) & (SHM_ORDER_INDEX - 1);
        to->index[at] = (uint16_t)(i + 1);
    }
    to->n = n;
    arena->blocks_next = SHM_HEADER_BLOCKS + SHM_ORDER_BLOCKS;
    arena->worker_pid = (uint32_t)getpid();
    __atomic_store_n(&arena->orders_block, SHM_HEADER_BLOCKS, __ATOMIC_RELEASE);
    return to;
}

void session_drop_orders(struct session *session) {
    uint32_t block = __atomic_load_n(&session->arena->orders_block, __ATOMIC_ACQUIRE);
    struct shm_orders *orders = block ? session_block(session, block) : NULL;
    if (orders)
        __atomic_store_n(&orders->n, 0, __ATOMIC_RELEASE);
}
