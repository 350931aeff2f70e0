/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process: attaching to the arena, noticing a fork, registering.
 *
 *   first hook ─ process_start ─► real functions; DEARTH_ARENA ─► arena mapped; fd closed
 *   each hook  ─ struct thread live? ─ no ─► process_ready ─► a block, the directory
 *   fork       the kernel wipes struct local and every struct thread: the child's first
 *              hook finds nothing registered and does so itself, in the same mapping;
 *              where the kernel cannot wipe, we do (enum preload_wiper)
 *   exec       the new image starts at the top; its block's parent is the one with its pid
 *
 * The first hook may be ld.so's own malloc(), before libc and before environ are up:
 * nothing here needs them. What does (libunwind, hiding our variables) waits for the
 * constructor.
 *
 * Invariant: a block is READY only when its fields are complete, and is put into the
 * directory only then.
 */
#include <dlfcn.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "address.h"
#include "arena.h"
#include "binding.h"
#include "exec.h"
#include "guard.h"
#include "hooks.h"
#include "leak.h"
#include "local.h"
#include "lookup.h"
#include "mapped.h"
#include "memlock.h"
#include "module.h"
#include "node.h"
#include "only.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "ring.h"
#include "sample.h"
#include "sandbox.h"
#include "sanitizer.h"
#include "scope.h"
#include "stamp.h"
#include "sys.h"
#include "thread.h"
#include "unwind.h"

struct preload preload;
int sys_is_valgrind;
struct local *local;

/* libc's own, by way of the vDSO. Called by name it may be a sanitizer's interceptor,
 * which before its constructor jumps to NULL. */
static int (*libc_clock)(clockid_t, struct timespec *);

static bool has_vdso;

bool process_clock(clockid_t clock, struct timespec *out) {
    return libc_clock && (has_vdso || !sys_is_sandboxed) && libc_clock(clock, out) == 0;
}

void process_find_clock(void) {
    if (libc_clock)
        return;
    void *libc = dlopen("libc.so.6", RTLD_NOLOAD | RTLD_LAZY);
    has_vdso = getauxval(AT_SYSINFO_EHDR) != 0;
    if (libc)
        libc_clock = (int (*)(clockid_t, struct timespec *))dlsym(libc, "clock_gettime");
}

/* --- attaching --- */

/* Length of @name when @entry is "name=...", else 0. */
static size_t names(const char *entry, const char *name) {
    size_t n = __builtin_strlen(name);
    return !__builtin_strncmp(entry, name, n) && entry[n] == '=' ? n + 1 : 0;
}

/* The value of SHM_ENV_ARENA from the kernel's copy of the environment. */
static bool path_from_proc(char *path, size_t n) {
    static const char want[] = SHM_ENV_ARENA "=";
    char buf[1024];
    long fd = sys_open("/proc/self/environ", O_RDONLY | O_CLOEXEC), got;
    size_t matched = 0, length = 0; /* matched: characters of `want`; SIZE_MAX = no */
    bool found = false;
    while (fd >= 0 && !found && (got = sys_read(fd, buf, sizeof buf)) > 0) {
        for (long i = 0; i < got && !found; i++) {
            char c = buf[i];
            if (matched == sizeof want - 1 && length + 1 < n) {
                path[length++] = c;
                found = !c;
            } else if (!c) {
                matched = 0;
            } else if (matched < sizeof want - 1 && c == want[matched]) {
                matched++;
            } else {
                matched = SIZE_MAX;
            }
        }
    }
    if (fd >= 0)
        sys_close(fd);
    return found;
}

static bool find_path(char *path, size_t n) {
    if (!environ)
        return path_from_proc(path, n);
    for (char **e = environ; *e; e++) {
        size_t skip = names(*e, SHM_ENV_ARENA);
        size_t length = skip ? __builtin_strlen(*e + skip) : 0;
        if (length && length < n) {
            __builtin_memcpy(path, *e + skip, length + 1);
            return true;
        }
    }
    return false;
}

static bool plausible(const struct shm_header *h) {
    return h->magic == SHM_MAGIC && h->version == SHM_VERSION &&
           h->arena_bytes >= 2 * SHM_BLOCK_BYTES &&
           (uint64_t)h->blocks_total * SHM_BLOCK_BYTES <= h->arena_bytes;
}

/* @aside: this program is left alone: the header alone is mapped, out */
static struct shm_header *map_arena(const char *path, bool *aside) {
    uint64_t bytes = 0;
    long fd = sys_open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct shm_header *arena = NULL, *header = sys_mmap(sizeof *header, MAP_SHARED, fd);
    bool is_plausible = header && plausible(header);
    *aside = is_plausible && !only_wants(header);
    if (*aside) {
        sys_close(fd);
        return header;
    }
    if (is_plausible) {
        bytes = header->arena_bytes;
        if (!load_acquire(&header->detached))
            arena = sys_mmap(bytes, MAP_SHARED, fd);
        if (!arena) /* nobody reads, or RLIMIT_AS: it runs alone, and the report says so */
            add_relaxed(&header->processes_lost, 1);
    }
    if (header)
        sys_munmap(header, sizeof *header);
    sys_close(fd);
    if (arena) /* a core dump shows the target, not us */
        sys_madvise(arena, bytes, MADV_DONTDUMP);
    preload.arena_bytes = bytes;
    return arena;
}

/* Before 4.14 the kernel says that it does not know the advice. An emulator takes any for good, and one that
 * there is not, too. */
static enum preload_wiper wiper_of(void *p, size_t n) {
    const int no_such_advice = 0x7ead;
    if (sys_madvise(p, n, MADV_WIPEONFORK) < 0)
        return WIPER_HANDLER;
    return sys_madvise(p, n, no_such_advice) < 0 ? WIPER_KERNEL : WIPER_HOOKS;
}

void process_wipe(void) {
    if (load_acquire(&local->state) == LOCAL_NEW || local->pid == sys_getpid())
        return;
    node_wipe();
    thread_wipe();
    sample_wipe();
    __builtin_memset(local, 0, sizeof *local);
}

static struct shm_header *aside; /* PRELOAD_ASIDE */

static enum preload_state attach(void) {
    bool is_aside;
    if (!find_path(preload.arena_path, sizeof preload.arena_path))
        return PRELOAD_OFF;
    struct shm_header *arena = map_arena(preload.arena_path, &is_aside);
    if (!arena)
        return PRELOAD_OFF;
    if (is_aside) {
        aside = arena;
        __builtin_memcpy(preload.library_path, arena->preload_path, SHM_PATH_BYTES - 1);
        return PRELOAD_ASIDE;
    }
    local = sys_mmap(sizeof *local, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!local)
        return PRELOAD_OFF;
    preload.wiper = wiper_of(local, sizeof *local);
    preload.flags = arena->flags;
    sys_is_valgrind = (arena->flags & SHM_VALGRIND) != 0;
    preload.clock = arena->clock;
    preload.blocks_total = (uint32_t)(preload.arena_bytes / SHM_BLOCK_BYTES);
    preload.nonce = arena->nonce;
    preload.proofs = arena->proofs;
    preload.collector_pid = arena->collector_pid;
    preload.orders_block = arena->orders_block;
    if ((uint64_t)preload.orders_block + SHM_ORDER_BLOCKS > preload.blocks_total)
        preload.orders_block = 0;
    scope_start(arena);
    __builtin_memcpy(preload.library_path, arena->preload_path, SHM_PATH_BYTES - 1);
    preload.max_depth = arena->max_depth ? arena->max_depth : SHM_DEFAULT_DEPTH;
    if (preload.max_depth > UNWIND_MAX_DEPTH)
        preload.max_depth = UNWIND_MAX_DEPTH;
    if (preload.flags & SHM_EVENTS && arena->sample_bytes &&
        !sample_start(arena->sample_bytes))
        return PRELOAD_OFF;
    preload.arena = arena;
    unwind_start();
    leak_own(local, sizeof *local);
    if (preload.flags & SHM_LEAKS)
        leak_start();
    return PRELOAD_ON;
}

void process_start(void) {
    if (load_acquire(&preload.state) != PRELOAD_NEW ||
        !cas(&preload.state, PRELOAD_NEW, PRELOAD_STARTING))
        return;
    int saved = errno;
    uint32_t reentry = tls.reentry;
    reentry_set(REENTRY_PRIVATE);
    sanitizer_start();
    module_start();
    lookup_start();
    hooks_start();
    exec_start();
    sandbox_start();
    mapped_start();
    memlock_start();
    address_start();
    binding_start();
    leak_exit_start();
    enum preload_state state = attach();
    if (state == PRELOAD_ON && preload.flags & SHM_GUARD)
        guard_start();
    reentry_set((enum reentry)reentry);
    store_release(&preload.state, state);
    errno = saved;
}

/* --- registering --- */

/* /proc/self/task/@pid/stat: of the process's first thread, which tells when the process began. Emulators of
 * a processor make up a /proc/self/stat of their own, in which that is another moment. */
static long open_stat(uint32_t pid) {
    static const char before[] = "/proc/self/task/", after[] = "/stat";
    char path[sizeof before + 10 + sizeof after], digits[10];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + pid % 10);
    while ((pid /= 10) != 0);
    char *to = path + sizeof before - 1;
    __builtin_memcpy(path, before, sizeof before);
    while (n)
        *to++ = digits[--n];
    __builtin_memcpy(to, after, sizeof after);
    return sys_open(path, O_RDONLY | O_CLOEXEC);
}

static uint64_t start_time(uint32_t pid) {
    char buf[512];
    long fd = open_stat(pid);
    if (fd < 0) /* that of another pid namespace */
        fd = sys_open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    long n = sys_read(fd, buf, sizeof buf);
    sys_close(fd);
    long i = n - 1;
    while (i >= 0 && buf[i] != ')') /* the name before it may contain anything */
        i--;
    /* proc(5): starttime is field 22; after the ')' comes the blank before field 3. */
    int blanks = 22 - 3 + 1;
    for (; i >= 0 && i < n && blanks; i++)
        blanks -= buf[i] == ' ';
    uint64_t ticks = 0;
    for (; i >= 0 && i < n && buf[i] >= '0' && buf[i] <= '9'; i++)
        ticks = ticks * 10 + (uint64_t)(buf[i] - '0');
    return ticks;
}

/* What /proc/self/ns/pid points to: "pid:[4026531836]". Return: 0 when it cannot be read. */
static uint64_t pid_namespace(void) {
    char text[64];
    long n = sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/ns/pid", (long)text,
                      sizeof text, 0, 0);
    uint64_t inode = 0;
    for (long i = 0; i < n; i++)
        if (text[i] >= '0' && text[i] <= '9')
            inode = inode * 10 + (uint64_t)(text[i] - '0');
    return inode;
}

static void fill_argv(struct shm_process *p) {
    if (preload.flags & SHM_NO_ARGV)
        return;
    long fd = sys_open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    size_t n = 0;
    long got = 1;
    while (got > 0 && n < sizeof p->argv) {
        got = sys_read(fd, p->argv + n, sizeof p->argv - n);
        n += got > 0 ? (size_t)got : 0;
    }
    sys_close(fd);
    if (n == sizeof p->argv)
        p->argv[n - 1] = '\0';
    for (size_t i = 0; i < n; i++)
        p->argc_stored += !p->argv[i];
}

static struct shm_process *listed(uint32_t i, uint32_t *id) {
    *id = load_acquire(&preload.arena->processes[i]);
    bool there = *id && *id < preload.blocks_total &&
                 *id < load_acquire(&preload.arena->blocks_ready);
    return there ? arena_block(*id) : NULL;
}

struct kin {
    uint32_t serial, slot;
};

/* Its block may be recycled and filled by another process while it is looked at: it counts only when
 * it is still in its place afterwards. */
static void keep_newest(struct kin *kin, uint32_t slot, uint32_t id) {
    const struct shm_process *other = arena_block(id);
    uint32_t serial = load_relaxed(&other->serial);
    if (serial > kin->serial && load_acquire(&preload.arena->processes[slot]) == id)
        *kin = (struct kin){serial, slot};
}

/* Whose image this one replaced, or who spawned it; of several the newest. */
static void find_parent(struct shm_process *p) {
    uint32_t n = load_acquire(&preload.arena->n_processes), id;
    struct kin image = {0}, spawner = {0};
    if (n > SHM_MAX_PROCESSES)
        n = SHM_MAX_PROCESSES;
    p->origin = n ? SHM_ORIGIN_EXEC : SHM_ORIGIN_FIRST;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t pid = load_relaxed(&preload.arena->pids[i]);
        if (pid != (uint16_t)p->pid && pid != (uint16_t)p->ppid)
            continue;
        const struct shm_process *other = listed(i, &id);
        if (!other || (other->pid_namespace && p->pid_namespace &&
                       other->pid_namespace != p->pid_namespace))
            continue;
        if (other->pid == p->pid && other->pid_start_time == p->pid_start_time)
            keep_newest(&image, i, id);
        else if (other->pid == p->ppid)
            keep_newest(&spawner, i, id);
    }
    p->parent = image.serial ? image.serial : spawner.serial;
    p->parent_slot = image.serial ? image.slot : spawner.slot;
}

/* The block of the process that this one was forked from. Return: NULL when that has ended and its
 * block is another's. */
static const struct shm_process *forked_from(void) {
    const struct shm_process *parent = arena_block(preload.process_block);
    return load_acquire(&preload.arena->processes[preload.process_slot]) ==
                       preload.process_block &&
                   load_relaxed(&parent->serial) == preload.process_serial
               ? parent
               : NULL;
}

/* What the kernel could not be asked for, the parent knew. */
static void fill_from_parent(struct shm_process *p, bool all) {
    const struct shm_process *parent = forked_from();
    if (!parent)
        return;
    __builtin_memcpy(p->exe, parent->exe, sizeof p->exe);
    if (all) {
        p->argc_stored = parent->argc_stored;
        __builtin_memcpy(p->cwd, parent->cwd, sizeof p->cwd);
        __builtin_memcpy(p->argv, parent->argv, sizeof p->argv);
    }
    if (forked_from())
        return;
    p->argc_stored = 0; /* recycled meanwhile: another one's words */
    p->exe[0] = p->cwd[0] = 0;
}

static void fill(struct shm_process *p) {
    p->pid = local->pid;
    p->started = stamp_now();
    p->boot_events = preload.boot_events;
    p->inherited_sticky = preload.sticky != 0;
    bool forked = preload.process_block != 0;
    if (forked) {
        p->origin = SHM_ORIGIN_FORK;
        p->parent = preload.process_serial;
        p->parent_slot = preload.process_slot;
        p->pid_namespace = preload.pid_namespace;
        preload.forked_threaded |= preload.threaded;
        leak_forked();
    }
    if (sys_is_sandboxed && forked) {
        p->ppid = preload.process_pid;
        fill_from_parent(p, true);
        return;
    }
    p->ppid = (uint32_t)sys_call(SYS_getppid, 0, 0, 0, 0, 0, 0);
    sys_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)p->exe,
             sizeof p->exe - 1, 0, 0);
    if (preload.flags & SHM_EVENTS) { /* for the collector: attempts have none */
        p->pid_start_time = start_time(p->pid);
        if (!forked || !p->ppid) /* the first of a new one sees no parent */
            p->pid_namespace = pid_namespace();
        sys_call(SYS_getcwd, (long)p->cwd, sizeof p->cwd - 1, 0, 0, 0, 0);
        fill_argv(p);
    }
    if (!forked)
        find_parent(p);
    else if (!p->exe[0]) /* no /proc in there */
        fill_from_parent(p, false);
}

/* Entries are taken again and again, those of the living left out. Return: whether one was free. */
static bool enter_directory(struct shm_process *p, uint32_t id) {
    struct shm_header *arena = preload.arena;
    for (uint32_t tries = 0; tries < SHM_MAX_PROCESSES; tries++) {
        p->slot = add_relaxed(&arena->next_slot, 1) % SHM_MAX_PROCESSES;
        if (load_relaxed(&arena->processes[p->slot]))
            continue;
        store_relaxed(&arena->pids[p->slot], (uint16_t)p->pid);
        if (cas(&arena->processes[p->slot], 0, id)) {
            store_relaxed(&arena->pids[p->slot], (uint16_t)p->pid); /* if two came */
            return true;
        }
    }
    return false;
}

/* Many came since the collector looked last, or have ended and are not stored yet. It sees to both whatever
 * we do. */
static bool must_wait(void) {
    const struct shm_header *arena = preload.arena;
    uint32_t limit = load_relaxed(&arena->entry_limit);
    return limit && load_relaxed(&arena->n_processes) >= limit &&
           !(preload.flags & SHM_DROP_WHEN_FULL);
}

/* Return: for how long. */
static COLD uint64_t wait_for_turn(void) {
    const long longest_ns = 8000000;
    struct arena_watch watch = {0};
    uint64_t begin = arena_now_ns();
    long sleep_ns = 500000;
    while (must_wait() && !arena_abandoned(&watch)) {
        arena_sleep(sleep_ns);
        if (sleep_ns < longest_ns)
            sleep_ns *= 2;
    }
    return arena_now_ns() - begin;
}

/* Dearth reads /proc of us before we can change or end anything there (recorder/collect/greeter.h). A copy of
 * a process is no new program, and is not looked at. */
static COLD void wait_until_seen(struct shm_process *p) {
    const long longest_ns = 1000000;
    struct arena_watch watch = {0};
    uint64_t begin = arena_now_ns();
    struct timespec at_most = {.tv_nsec = longest_ns};
    if (!sys_is_sandboxed)
        sys_call(SYS_futex, (long)&preload.arena->n_processes, FUTEX_WAKE, INT_MAX, 0, 0,
                 0);
    while (!load_acquire(&p->seen) && !arena_abandoned(&watch)) {
        if (sys_is_sandboxed)
            arena_sleep(longest_ns);
        else
            sys_call(SYS_futex, (long)&p->seen, FUTEX_WAIT, 0, (long)&at_most, 0, 0);
    }
    p->waited_ns += arena_now_ns() - begin;
}

static bool register_process(void) {
    uint64_t waited_ns = unlikely(must_wait()) ? wait_for_turn() : 0;
    uint32_t id = arena_take_zeroed();
    if (!id) {
        add_relaxed(&preload.arena->processes_lost, 1);
        return false;
    }
    struct shm_process *p = arena_block(id);
    local->pid = sys_is_sandboxed ? sandbox_tid() : sys_getpid();
    stamp_check_clock();
    fill(p);
    p->waited_ns = waited_ns;
    p->serial = add_relaxed(&preload.arena->n_processes, 1) + 1;
    store_release(&p->state, SHM_PROCESS_READY);
    if (!enter_directory(p, id)) {
        arena_give_back(id);
        add_relaxed(&preload.arena->processes_lost, 1);
        return false;
    }
    local->process = p;
    local->process_id = id;
    preload.process_block = id;
    preload.process_serial = p->serial;
    preload.process_slot = p->slot;
    preload.process_pid = p->pid;
    preload.pid_namespace = p->pid_namespace;
    if (unlikely(preload.flags & SHM_SEEN) && p->origin != SHM_ORIGIN_FORK)
        wait_until_seen(p);
    return true;
}

bool process_ready(void) {
    uint32_t state = load_acquire(&local->state);
    if (likely(state == LOCAL_READY))
        return true;
    /* A copy's block is its original's: one that is made in a constructor before ours comes here. */
    if (preload.copy)
        return false;
    if (state != LOCAL_NEW || !cas(&local->state, LOCAL_NEW, LOCAL_REGISTERING))
        return false;
    bool done = register_process();
    store_release(&local->state, done ? LOCAL_READY : LOCAL_REFUSED);
    return done;
}

struct shm_process *process_own(void) {
    if (load_acquire(&preload.state) != PRELOAD_ON)
        return NULL;
    if (load_acquire(&local->state) != LOCAL_READY)
        return NULL;
    if (!sys_is_sandboxed && local->pid != sys_getpid())
        return NULL;
    return local->process;
}

void process_note(uint32_t kind, const char *text) {
    if (load_acquire(&preload.state) == PRELOAD_ASIDE)
        add_relaxed(&aside->beyond, 1);
    if (load_acquire(&preload.state) != PRELOAD_ON ||
        load_acquire(&local->state) != LOCAL_READY)
        return;
    for (uint32_t i = 0; i < SHM_MAX_NOTES; i++) {
        struct shm_note *note = &local->process->notes[i];
        if (!cas(&note->kind, SHM_NOTE_NONE, kind)) {
            if (note->kind == kind && !__builtin_strncmp(note->text, text, 200))
                return; /* said already */
            continue;
        }
        size_t n = 0;
        for (; text[n] && n + 1 < sizeof note->text; n++)
            note->text[n] = text[n];
        store_release(&note->state, 1);
        return;
    }
}

/* --- what the program may not see --- */

/*
 * "LD_PRELOAD=ours:theirs" → "LD_PRELOAD=theirs", in the same string.
 * Return: where it starts now, NULL when nothing is left.
 */
static char *without_ours(char *entry, size_t skip, const char *ours) {
    size_t n = __builtin_strlen(ours);
    if (__builtin_strncmp(entry + skip, ours, n))
        return entry;
    if (!entry[skip + n])
        return NULL;
    if (entry[skip + n] != ':' && entry[skip + n] != ' ')
        return entry;
    /* Shift the name, not the value: the string still ends where the next one begins,
     * which programs that overwrite their arguments for ps(1) rely on. */
    return __builtin_memmove(entry + n + 1, entry, skip);
}

/*
 * In place, in the array that main() gets as its third argument as well. Our variables
 * are the last ones, so that all others stay where they were.
 */
static void hide_variables(char **env, const char *ours) {
    char **to = env, **from = env;
    for (; *from; from++) {
        size_t skip = names(*from, "LD_PRELOAD");
        char *entry = *from;
        if (names(entry, SHM_ENV_ARENA))
            continue;
        if (skip && !(entry = without_ours(entry, skip, ours)))
            continue;
        *to++ = entry;
    }
    while (to < from)
        *to++ = NULL;
}

__attribute__((constructor)) static void up(void) {
    process_start();
    if (preload.wiper == WIPER_HANDLER)
        pthread_atfork(NULL, NULL, process_wipe);
    sanitizer_show();
    if (!preload.arena_path[0])
        return; /* not started by dearth */
    struct object self;
    const char *ours = preload.library_path[0] ? preload.library_path
                       : module_find((uintptr_t)&hide_variables, &self) ? self.path
                                                                        : "";
    if (environ)
        hide_variables(environ, ours);
    if (preload.state != PRELOAD_ON)
        return;
    reentry_take(NULL);
    reentry_set(REENTRY_PRIVATE);
    if (preload.clock == SHM_CLOCK_MONOTONIC_NS)
        process_find_clock();
    reentry_set(REENTRY_OURS);
    bool ready = process_ready();
    if (ready)
        local->process->boot_events = preload.boot_events;
    reentry_set(REENTRY_NONE);
    if (ready && !(preload.flags & SHM_NO_LIBUNWIND))
        unwind_open();
}

void process_leave(uint32_t told) {
    struct shm_process *p = process_own();
    if (!p || preload.copy) /* a copy's block is its original's */
        return;
    binding_look();
    if (preload.flags & SHM_EVENTS)
        ring_finish();
    p->ended = stamp_now();
    p->exit_told = told;
    store_release(&p->state, SHM_PROCESS_EXITED);
}

__attribute__((destructor)) static void down(void) {
    struct shm_process *p = process_own();
    if (!p)
        return;
    leak_at_exit(&UNWIND_CALLER);
    if (preload.flags & SHM_GUARD)
        guard_end();
    process_leave(leak_exit_told());
}
