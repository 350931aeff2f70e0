/* SPDX-License-Identifier: Apache-2.0 */
/* Running attempts under a sanitizer or Valgrind: under.h. */
#include "under.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "error.h"
#include "store.h"
#include "text.h"

/* --- sanitizers --- */

int under_find_sanitizer(struct store *store, int64_t recording_id, enum under *under) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int r = store_prepare(
        store,
        "SELECT 1 FROM module m JOIN process_module pm ON pm.module_id = m.id JOIN "
        "process p ON p.id = pm.process_id WHERE p.recording_id = ?1 AND (m.path GLOB "
        "'*/libasan.so*' OR m.path GLOB '*/libclang_rt.asan*' OR m.path GLOB "
        "'*/liblsan.so*' OR m.path GLOB '*/libhwasan.so*') LIMIT 1",
        &s);
    if (r < 0)
        return r;
    sqlite3_bind_int64(s, 1, recording_id);
    int step = sqlite3_step(s);
    *under = step == SQLITE_ROW ? UNDER_ASAN : UNDER_PLAIN;
    return step == SQLITE_ROW || step == SQLITE_DONE
               ? 0
               : store_error(store, "reading modules");
}

static char **find_variable(char **envp, const char *name) {
    size_t n = strlen(name);
    while (*envp && (strncmp(*envp, name, n) != 0 || (*envp)[n] != '='))
        envp++;
    return envp;
}

static void set_variable(struct conditions *c, const char *name, const char *value) {
    char **at = find_variable(c->envp, name);
    if (!*at) {
        size_t n = (size_t)(at - c->envp);
        c->envp = text_realloc(c->envp, (n + 2) * sizeof *c->envp);
        at = c->envp + n;
        at[1] = NULL;
    }
    free(*at);
    *at = text_format("%s=%s", name, value);
}

/* The user's options stay; of two the last one counts. */
static void add_options(struct conditions *c, const char *name, const char *ours) {
    char **at = find_variable(c->envp, name);
    AUTO_FREE char *whole =
        *at ? text_format("%s:%s", *at + strlen(name) + 1, ours) : text_dup(ours);
    set_variable(c, name, whole);
}

/*
 *   abort_on_error     a report ends in SIGABRT: its stack is seen from outside
 *   handle_*=0         a wild access is the processor's signal, as without the sanitizer
 *   allocator_may...   a request that is too large is a failure, as it is for libc's malloc
 *   detect_leaks=0     LeakSanitizer cannot run in a traced program, and ends it
 *   print_legend=0     leaves more of the report in the stderr that is kept
 */
static const char asan_options[] =
    "abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:"
    "handle_abort=0:allocator_may_return_null=1:detect_leaks=0:print_legend=0";

static int apply_asan(struct conditions *c, char **said) {
    add_options(c, "ASAN_OPTIONS", asan_options);
    add_options(c, "LSAN_OPTIONS", "detect_leaks=0");
    *said = text_format("the program is a sanitizer's build: attempts run with "
                        "ASAN_OPTIONS=%s; its leak check is off in them",
                        asan_options);
    return 0;
}

/* --- Valgrind --- */

/* Path of a program in PATH, free() it; NULL. */
static char *search_path(const char *name) {
    const char *path = getenv("PATH");
    for (const char *p = path ? path : ""; *p;) {
        size_t n = strcspn(p, ":");
        char *whole = text_format("%.*s/%s", (int)n, p, name);
        if (n && access(whole, X_OK) == 0)
            return whole;
        free(whole);
        p += n + (p[n] == ':');
    }
    return NULL;
}

/* The folder of Valgrind's tools, free() it; NULL. Its launcher would do, but what it starts would
 * lose our library: the launcher itself would load it. */
static char *find_tools(const char *launcher) {
    static const char *const places[] = {
        "../libexec/valgrind", "../lib/valgrind", "../lib64/valgrind",
        "../lib/x86_64-linux-gnu/valgrind", "../lib/aarch64-linux-gnu/valgrind"};
    const char *named = getenv("VALGRIND_LIB");
    if (named && *named)
        return text_dup(named);
    AUTO_FREE char *real = realpath(launcher, NULL);
    const char *slash = real ? strrchr(real, '/') : NULL;
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        AUTO_FREE char *folder =
            text_format("%.*s/%s", (int)(slash - real), real, places[i]);
        AUTO_FREE char *tool = text_format("%s/" ARCH_VALGRIND, folder);
        if (access(tool, X_OK) == 0)
            return realpath(folder, NULL);
    }
    return NULL;
}

/* What our library and its unwinder read of the stack is none of the program's doing. Only where
 * they are innermost: a report about the program has them further out at most. */
static int write_suppressions(struct conditions *c) {
    static const char *const objects[] = {"*/libdearth_preload.so", "*/libunwind.so*"};
    static const char *const kinds[] = {"Cond",    "Value1", "Value2", "Value4",
                                        "Value8",  "Addr1",  "Addr2",  "Addr4",
                                        "Value16", "Addr8",  "Addr16"};
    AUTO_TEXT struct text t = {0};
    for (size_t o = 0; o < 2; o++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            text_addf(&t, "{\n  dearth\n  Memcheck:%s\n  obj:%s\n}\n", kinds[k],
                      objects[o]);
        text_addf(&t, "{\n  dearth\n  Memcheck:Param\n  *\n  obj:%s\n}\n", objects[o]);
    }
    const char *folder = getenv("TMPDIR");
    c->suppressions =
        text_format("%s/dearth-valgrind-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkostemp(c->suppressions, O_CLOEXEC);
    if (fd < 0) {
        int err = -errno;
        error_print_errno(err, "%s: cannot write what Valgrind is to overlook",
                          c->suppressions);
        free(c->suppressions);
        c->suppressions = NULL;
        return err;
    }
    ssize_t n = write(fd, t.data, t.n);
    int err = n == (ssize_t)t.n ? 0 : n < 0 ? -errno : -ENOSPC;
    close(fd);
    return err ? error_print_errno(err, "%s: writing", c->suppressions) : 0;
}

static void wrap(struct conditions *c, const char *tools) {
    size_t n = 0, at = 0;
    while (c->argv[n])
        n++;
    c->under_exe = text_format("%s/" ARCH_VALGRIND, tools);
    c->under_argv = text_alloc((n + 10) * sizeof *c->under_argv);
    char **argv = c->under_argv;
    argv[at++] = text_dup("valgrind");
    argv[at++] = text_dup("--tool=memcheck");
    argv[at++] = text_dup("-q");
    argv[at++] = text_dup("--leak-check=no");
    /* our malloc() is the program's to call; the one in libc is Valgrind's to take over */
    argv[at++] = text_dup("--soname-synonyms=somalloc=nouserintercepts");
    argv[at++] = text_format("--suppressions=%s", c->suppressions);
    argv[at++] = text_dup("--");
    argv[at++] = text_dup(c->exe);
    for (size_t i = 1; i < n; i++)
        argv[at++] = text_dup(c->argv[i]);
}

static int apply_valgrind(struct conditions *c, char **said) {
    AUTO_FREE char *launcher = search_path("valgrind");
    AUTO_FREE char *tools = launcher ? find_tools(launcher) : NULL;
    AUTO_FREE char *tool = tools ? text_format("%s/" ARCH_VALGRIND, tools) : NULL;
    if (!launcher)
        return error_print(-ENOENT,
                           "--under valgrind: valgrind is not installed (not in PATH); "
                           "install the package 'valgrind', or leave the option out: "
                           "--guard all finds much of the same");
    if (!tool || access(tool, X_OK) < 0)
        return error_print(-ENOENT,
                           "%s: its tool " ARCH_VALGRIND
                           " was not found; name the folder that "
                           "holds it in VALGRIND_LIB",
                           launcher);
    int err = write_suppressions(c);
    if (err < 0)
        return err;
    set_variable(c, "VALGRIND_LAUNCHER", launcher);
    set_variable(c, "VALGRIND_LIB", tools);
    wrap(c, tools);
    *said = text_dup("attempts run under Valgrind's memcheck: 20 to 50 times slower, not "
                     "traced, so without crash stacks; what the program starts runs "
                     "outside of it");
    return 0;
}

int under_apply(struct conditions *c, enum under under, char **said) {
    *said = NULL;
    return under == UNDER_ASAN       ? apply_asan(c, said)
           : under == UNDER_VALGRIND ? apply_valgrind(c, said)
                                     : 0;
}

unsigned under_slowdown(enum under under) {
    return under == UNDER_VALGRIND ? 50 : 1;
}
