/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scope of a failure that lasts is made from the modules' files once for all programs of a suite: with what is known
 * of them it is the same as before, though the file is gone. A copy of this very program is the module.
 */
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalogue.h"
#include "frames.h"
#include "resolve.h"
#include "scoping.h"
#include "session.h"
#include "shm.h"
#include "store.h"
#include "text.h"

#include "check.h"

static uint64_t bias;
static struct session_frame frame;

/* Own, and asking for memory. */
static __attribute__((noinline)) void own_function(void) {
    frame.offset = (uint64_t)(uintptr_t)__builtin_return_address(0) - bias;
}

static int find_self(struct dl_phdr_info *info, size_t size, void *unused) {
    (void)size, (void)unused;
    bias = info->dlpi_addr; /* the program comes first */
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_NOTE)
            continue;
        const char *p = (const char *)bias + info->dlpi_phdr[i].p_vaddr,
                   *end = p + info->dlpi_phdr[i].p_memsz;
        while (p + sizeof(ElfW(Nhdr)) < end) {
            const ElfW(Nhdr) *note = (const void *)p;
            const char *data = p + sizeof *note + ((note->n_namesz + 3) & ~3u);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz <= 32) {
                frame.build_id_bytes = note->n_descsz;
                memcpy(frame.build_id, data, note->n_descsz);
            }
            p = data + ((note->n_descsz + 3) & ~3u);
        }
    }
    return 1;
}

static void copy_self(const char *to) {
    AUTO_FREE char *command = text_format("cp /proc/%d/exe '%s'", (int)getpid(), to);
    MUST(system(command) == 0);
}

static void record(struct store *store) {
    struct session_stacks *stacks = session_stacks_new(store);
    int64_t stack = session_store_stack(stacks, &frame, 1);
    session_stacks_free(stacks);
    MUST(stack > 0);
    AUTO_FREE char *sql = text_format(
        "INSERT INTO recording(id, state, started_unix_ns, exe, cwd, clock, tool_version, argv) "
        "VALUES (1, 'complete', 0, '/bin/prog', '/', 'tsc', '0', '[]');"
        "INSERT INTO process(id, recording_id, ordinal, pid, origin, exe, started_ns) VALUES "
        "(1, 1, 1, 1, 'first', '/bin/prog', 0);"
        "INSERT INTO site(id, key, op, stack_id) VALUES (1, x'%032x', 'malloc', %lld);"
        "INSERT INTO site_stat(recording_id, process_id, site_id, count, failed, failable, bytes, min_size, "
        "max_size, frees, peak_bytes, peak_blocks, live_blocks, live_bytes, temporary, lifetime_ns, "
        "cross_thread_frees, first_ns, last_ns) VALUES (1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0)",
        1, (long long)stack);
    MUST(store_exec(store, sql) == 0);
    MUST(resolve_store(store, false) == 0);
}

static struct shm_scope *make(struct store *store, const struct catalogue *catalogue,
                              struct scoping_modules *modules, bool *known) {
    static const char *const own[] = {"own_function", "make"};
    const struct scope_rule rule = {.own = own, .n_own = 2};
    const struct scoping scoping = {.store = store,
                                    .recording_id = 1,
                                    .rule = &rule,
                                    .catalogue = catalogue,
                                    .exe = "/bin/prog",
                                    .modules = modules};
    AUTO_FREE char *unknown = NULL;
    struct shm_scope *scope = NULL;
    MUST(scoping_make(&scoping, &scope, &unknown) == 0);
    MUST(scope);
    *known = !unknown;
    return scope;
}

static bool is_same(const struct shm_scope *a, const struct shm_scope *b) {
    return a->n_entries == b->n_entries && a->n_modules == b->n_modules &&
           memcmp(a, b, sizeof *a + a->n_entries * sizeof a->entries[0]) == 0;
}

int main(void) {
    char folder[] = "/tmp/dearth-scoping-XXXXXX";
    MUST(mkdtemp(folder));
    dl_iterate_phdr(find_self, NULL);
    MUST(frame.build_id_bytes);
    AUTO_FREE char *module = text_format("%s/module", folder);
    AUTO_FREE char *path = text_format("%s/a.db", folder);
    frame.module = module;
    own_function();
    copy_self(module);
    AUTO_STORE struct store *store = NULL;
    struct catalogue *catalogue = catalogue_new();
    MUST(store_new(path, STORE_CREATE, &store) == 0);
    record(store);

    struct scoping_modules modules = {0};
    bool known = false;
    AUTO_FREE struct shm_scope *first = make(store, catalogue, &modules, &known);
    MUST(known && first->n_entries > 2 && modules.n == 1);
    unlink(module);
    AUTO_FREE struct shm_scope *second = make(store, catalogue, &modules, &known);
    CHECK("with what is known", known && modules.n == 1);
    CHECK("with what is known", is_same(first, second));
    AUTO_FREE struct shm_scope *alone = make(store, catalogue, NULL, &known);
    CHECK("by itself", !known && !is_same(first, alone));

    scoping_modules_deinit(&modules);
    scoping_modules_deinit(&modules);
    catalogue_free(catalogue);
    unlink(path);
    rmdir(folder);
    return check_result();
}
