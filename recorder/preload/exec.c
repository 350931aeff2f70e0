/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following exec: programs that the target starts are recorded too.
 *
 *   execv execve execvp execvpe execl execlp execle execveat fexecve     this process
 *   posix_spawn posix_spawnp system popen                                a child
 *        │
 *        ├─ exec_probe: can it take the library? no ─► the environment as given, a note
 *        └─ yes ─► a copy of the environment, on the stack:
 *             LD_PRELOAD=ours[:theirs]   in place, or before the last when there was none
 *             DEARTH_ARENA=...           last
 *
 * The library in the new image takes both out again (process.c). The target's own environ
 * is not touched, but for the time of system() and popen(), which read it themselves.
 *
 * Context: also a vfork child, which shares memory and thread with its parent: nothing
 * may stay behind when the exec succeeds. So no heap and no re-entry flag held over the call.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <linux/capability.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"
#include "exec.h"
#include "exec_probe.h"
#include "local.h"
#include "preload.h"
#include "process.h"
#include "reentry.h"
#include "sys.h"
#include "thread.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439 /* every architecture; older headers lack it */
#endif

static struct {
    int (*execve)(const char *, char *const[], char *const[]);
    int (*execvpe)(const char *, char *const[], char *const[]);
    int (*execveat)(int, const char *, char *const[], char *const[], int);
    int (*fexecve)(int, char *const[], char *const[]);
    int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    int (*posix_spawnp)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                        const posix_spawnattr_t *, char *const[], char *const[]);
    int (*system)(const char *);
    FILE *(*popen)(const char *, const char *);
} next;

#define FIND(name) next.name = (__typeof__(next.name))dlsym(RTLD_NEXT, #name)

void exec_start(void) {
    FIND(execve);
    FIND(execvpe);
    FIND(execveat);
    FIND(fexecve);
    FIND(posix_spawn);
    FIND(posix_spawnp);
    FIND(system);
    FIND(popen);
}

/* --- the environment --- */

static const char preload_name[] = "LD_PRELOAD=";
static const char arena_name[] = SHM_ENV_ARENA "=";

static bool starts(const char *entry, const char *name) {
    return !__builtin_strncmp(entry, name, __builtin_strlen(name));
}

/* Entries of @env; the value and place of its last LD_PRELOAD. */
static size_t survey(char *const env[], const char **theirs, size_t *place) {
    size_t n = 0;
    *theirs = NULL;
    *place = SIZE_MAX;
    for (; env && env[n]; n++) {
        if (!starts(env[n], preload_name))
            continue;
        *theirs = env[n] + sizeof preload_name - 1;
        *place = n;
    }
    return n;
}

static size_t env_bytes(char *const env[]) {
    const char *theirs;
    size_t place, n = survey(env, &theirs, &place);
    return (n + 3) * sizeof(char *) + sizeof preload_name +
           __builtin_strlen(preload.library_path) + 1 +
           (theirs ? __builtin_strlen(theirs) : 0) + sizeof arena_name +
           __builtin_strlen(preload.arena_path);
}

/* Copy of @env with our variables, in @room of env_bytes(). */
static char **env_with_ours(void *room, char *const env[]) {
    const char *theirs, *ours = preload.library_path;
    size_t place, n = survey(env, &theirs, &place), count = 0;
    char **out = room;
    char *text = (char *)(out + n + 3), *entry = text;
    bool there = theirs && starts(theirs, ours); /* copied from /proc/PID/environ, say */
    text = __builtin_stpcpy(__builtin_stpcpy(text, preload_name), there ? "" : ours);
    if (theirs && theirs[0]) {
        if (!there)
            *text++ = ':';
        text = __builtin_stpcpy(text, theirs);
    }
    text++;
    for (size_t i = 0; i < n; i++)
        if (i == place)
            out[count++] = entry;
        else if (!starts(env[i], arena_name))
            out[count++] = env[i];
    if (place == SIZE_MAX)
        out[count++] = entry;
    out[count++] = text;
    __builtin_stpcpy(__builtin_stpcpy(text, arena_name), preload.arena_path);
    out[count] = NULL;
    return out;
}

#define ON_STACK_MAX 65536u

/* Must be a macro: the memory belongs to the caller's frame. A larger one is mapped; a
 * vfork child that execs leaves that mapping behind in its parent. */
#define FOLLOWING(env)                                                                   \
    ({                                                                                   \
        size_t f_bytes = env_bytes(env);                                                 \
        void *f_room = f_bytes <= ON_STACK_MAX                                           \
                           ? alloca(f_bytes)                                             \
                           : sys_mmap(f_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);         \
        f_room ? env_with_ours(f_room, env) : (char **)(env);                            \
    })

/* --- may it come along? --- */

static bool attached(void) {
    process_start();
    uint32_t state = load_acquire(&preload.state);
    if (state == PRELOAD_ASIDE)
        return true;
    if (state != PRELOAD_ON || preload.copy)
        return false; /* what a copy starts is no original to be copied */
    if (unlikely(preload.wiper == WIPER_HOOKS))
        process_wipe();
    if (load_acquire(&local->state) == LOCAL_NEW && tls.reentry == REENTRY_NONE) {
        reentry_take(__builtin_frame_address(0)); /* a fork that never allocated */
        process_ready();
        reentry_set(REENTRY_NONE);
    }
    return true;
}

/* By the effective rights, with which the new program will open it. */
static bool reaches(const char *path, int mode) {
    if (sys_is_sandboxed) /* what it may not ask for could end it */
        return true;
    long ret = sys_call(SYS_faccessat2, AT_FDCWD, (long)path, mode, AT_EACCESS, 0, 0);
    if (ret == -ENOSYS) /* before Linux 5.8 */
        ret = sys_call(SYS_faccessat, AT_FDCWD, (long)path, mode, 0, 0, 0);
    return ret == 0;
}

/* The arena is its owner's alone. One who has taken another user's place but kept root's rights
 * until now, as setpriv does, loses those by the exec: the ambient ones are all that stay. */
static bool reaches_after_exec(const char *path) {
    struct stat st;
    long user = sys_is_sandboxed ? 0 : sys_call(SYS_geteuid, 0, 0, 0, 0, 0, 0);
    if (user == 0)
        return true;
    if (sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0) < 0)
        return false;
    return st.st_uid == user || sys_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET,
                                         CAP_DAC_OVERRIDE, 0, 0, 0) == 1;
}

static bool follows(enum exec_probe probe, const char *image) {
    static const uint8_t notes[] = {[EXEC_PROBE_STATIC] = SHM_NOTE_EXEC_STATIC,
                                    [EXEC_PROBE_SETUID] = SHM_NOTE_EXEC_SETUID,
                                    [EXEC_PROBE_OTHER_LIBC] = SHM_NOTE_EXEC_OTHER_LIBC,
                                    [EXEC_PROBE_OTHER_ABI] = SHM_NOTE_EXEC_OTHER_ABI,
                                    [EXEC_PROBE_NOT_FOUND] = 0};
    if (notes[probe]) {
        process_note(notes[probe], image);
        return false;
    }
    /* After chroot() or setuid() ld.so would complain on the program's stderr. */
    if (reaches(preload.library_path, R_OK) && reaches(preload.arena_path, R_OK | W_OK) &&
        reaches_after_exec(preload.arena_path))
        return true;
    if (probe != EXEC_PROBE_NOT_FOUND) /* nothing is started then */
        process_note(SHM_NOTE_EXEC_NO_ACCESS, image);
    return false;
}

static bool follows_path(int dirfd, const char *path) {
    char image[SHM_PATH_BYTES];
    return attached() && follows(exec_probe_at(dirfd, path, image, sizeof image), image);
}

static bool follows_file(const char *file) {
    char path[SHM_PATH_BYTES];
    if (!attached())
        return false;
    if (!exec_probe_search(file, getenv("PATH"), path, sizeof path))
        return follows(EXEC_PROBE_NOT_FOUND, file);
    return follows_path(AT_FDCWD, path);
}

static bool follows_fd(int fd) {
    char image[SHM_PATH_BYTES];
    return attached() && follows(exec_probe_fd(fd, image, sizeof image), image);
}

/* --- exec: this process's image goes --- */

static struct shm_process *going(void) {
    /* In a sandbox a vfork child cannot be told from its parent. */
    struct shm_process *process = sys_is_sandboxed ? NULL : process_own();
    if (process) {
        binding_look();
        store_release(&process->state, SHM_PROCESS_EXECED);
    }
    return process;
}

static int stayed(struct shm_process *process, int result) {
    if (process)
        store_release(&process->state, SHM_PROCESS_READY);
    return result;
}

static int run_path(const char *path, char *const argv[], char *const env[]) {
    char *const *with = follows_path(AT_FDCWD, path) ? FOLLOWING(env) : env;
    struct shm_process *process = going();
    return stayed(process, next.execve(path, argv, with));
}

static int run_file(const char *file, char *const argv[], char *const env[]) {
    char *const *with = follows_file(file) ? FOLLOWING(env) : env;
    struct shm_process *process = going();
    return stayed(process, next.execvpe(file, argv, with));
}

/* A pointer that the compiler may not take for non-NULL, whatever the prototype says. */
#define MAYBE_NULL(p)                                                                    \
    ({                                                                                   \
        const char *m_p = (p);                                                           \
        __asm__("" : "+r"(m_p));                                                         \
        m_p;                                                                             \
    })

EXPORT int execve(const char *path, char *const argv[], char *const env[]) {
    return run_path(path, argv, env);
}

EXPORT int execv(const char *path, char *const argv[]) {
    return run_path(path, argv, environ);
}

EXPORT int execvp(const char *file, char *const argv[]) {
    return run_file(file, argv, environ);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const env[]) {
    return run_file(file, argv, env);
}

EXPORT int execveat(int dirfd, const char *path, char *const argv[], char *const env[],
                    int flags) {
    const char *name = MAYBE_NULL(path); /* may be NULL since Linux 6.11 */
    bool by_fd = flags & AT_EMPTY_PATH && (!name || !*name);
    bool comes = by_fd ? follows_fd(dirfd) : follows_path(dirfd, path);
    char *const *with = comes ? FOLLOWING(env) : env;
    struct shm_process *process = going();
    return stayed(process, next.execveat(dirfd, path, argv, with, flags));
}

EXPORT int fexecve(int fd, char *const argv[], char *const env[]) {
    char *const *with = follows_fd(fd) ? FOLLOWING(env) : env;
    struct shm_process *process = going();
    return stayed(process, next.fexecve(fd, argv, with));
}

/* The arguments after @first up to the NULL, as an array in the caller's frame. */
#define LIST(first, rest)                                                                \
    ({                                                                                   \
        const char *l_first = MAYBE_NULL(first);                                         \
        va_list l_count;                                                                 \
        va_copy(l_count, rest);                                                          \
        size_t l_n = 1;                                                                  \
        while (l_first && va_arg(l_count, char *))                                       \
            l_n++;                                                                       \
        va_end(l_count);                                                                 \
        char **l_argv = alloca((l_n + 1) * sizeof *l_argv);                              \
        l_argv[0] = (char *)(uintptr_t)l_first;                                          \
        for (size_t l_i = 1; l_first && l_i <= l_n; l_i++)                               \
            l_argv[l_i] = va_arg(rest, char *);                                          \
        l_argv;                                                                          \
    })

EXPORT int execl(const char *path, const char *arg, ...) {
    va_list rest;
    va_start(rest, arg);
    char **argv = LIST(arg, rest);
    va_end(rest);
    return run_path(path, argv, environ);
}

EXPORT int execlp(const char *file, const char *arg, ...) {
    va_list rest;
    va_start(rest, arg);
    char **argv = LIST(arg, rest);
    va_end(rest);
    return run_file(file, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...) {
    va_list rest;
    va_start(rest, arg);
    char **argv = LIST(arg, rest);
    char **env = va_arg(rest, char **);
    va_end(rest);
    return run_path(path, argv, env);
}

/* --- children --- */

EXPORT int posix_spawn(pid_t *pid, const char *path,
                       const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[],
                       char *const env[]) {
    char *const *with = follows_path(AT_FDCWD, path) ? FOLLOWING(env) : env;
    return next.posix_spawn(pid, path, actions, attributes, argv, with);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file,
                        const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[],
                        char *const env[]) {
    char *const *with = follows_file(file) ? FOLLOWING(env) : env;
    return next.posix_spawnp(pid, file, actions, attributes, argv, with);
}

/* environ, exchanged for the time of a call that reads it. */
struct swapped {
    char **theirs, **ours;
};

/* If someone called setenv() meanwhile, environ is a copy of ours: take our two out. */
static void swap_back(void *context) {
    const struct swapped *s = context;
    if (environ == s->ours) {
        environ = s->theirs;
        return;
    }
    char **to = environ;
    for (char **from = environ; from && *from; from++)
        if (!starts(*from, arena_name) &&
            !(starts(*from, preload_name) &&
              starts(*from + sizeof preload_name - 1, preload.library_path)))
            *to++ = *from;
    if (to)
        *to = NULL;
}

EXPORT int system(const char *command) {
    if (!command || !follows_path(AT_FDCWD, "/bin/sh"))
        return next.system(command);
    int status;
    struct swapped s = {environ, FOLLOWING(environ)};
    environ = s.ours;
    pthread_cleanup_push(swap_back, &s); /* system() is a cancellation point */
    status = next.system(command);
    pthread_cleanup_pop(1);
    return status;
}

EXPORT FILE *popen(const char *command, const char *mode) {
    if (!follows_path(AT_FDCWD, "/bin/sh"))
        return next.popen(command, mode);
    struct swapped s = {environ, FOLLOWING(environ)};
    environ = s.ours;
    FILE *file = next.popen(command, mode);
    swap_back(&s);
    return file;
}
