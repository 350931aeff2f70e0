/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From addresses to locations, on this very program: it marks addresses of its own code
 * and where they are in the source, stores them as a recording would, resolves, and
 * compares. Built with -g and a build-id.
 */
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "resolve.h"
#include "session.h"
#include "store.h"

#include "check.h"
#define NOINLINE __attribute__((noinline))

static struct store *store;
static uint64_t bias;
static char exe[4096];
static uint8_t build_id[32];
static uint32_t build_id_bytes;

/* --- code to be found again --- */

struct mark {
    uint64_t offset; /* return address - bias */
    int line;
};
static struct mark in_wrapper, in_pool, in_user, in_inlined, in_main, around_inlined;

static NOINLINE uint64_t here(void) {
    return (uint64_t)(uintptr_t)__builtin_return_address(0) - bias;
}
#define MARK(mark)                                                                       \
    do {                                                                                 \
        (mark).offset = here();                                                          \
        (mark).line = __LINE__;                                                          \
    } while (0)

static NOINLINE void xmalloc_checked(void) {
    MARK(in_wrapper);
}
static NOINLINE void pool_take(void) {
    MARK(in_pool);
    xmalloc_checked();
}
static NOINLINE void user_code(void) {
    MARK(in_user);
    pool_take();
}
static inline __attribute__((always_inline)) void inlined_code(void) {
    MARK(in_inlined);
}
static NOINLINE void outer_code(void) {
    around_inlined.line = __LINE__ + 1;
    inlined_code();
    user_code();
}

/* --- storing and asking --- */

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
                build_id_bytes = note->n_descsz;
                memcpy(build_id, data, build_id_bytes);
            }
            p = data + ((note->n_descsz + 3) & ~3u);
        }
    }
    return 1;
}

static struct session_frame frame_of(uint64_t offset) {
    struct session_frame frame = {
        .build_id_bytes = build_id_bytes, .module = exe, .offset = offset};
    memcpy(frame.build_id, build_id, sizeof build_id);
    return frame;
}

static int64_t number(const char *format, ...) {
    char sql[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    return store_int(store, sql, -1);
}

static int64_t next_site = 1;

static int64_t add_site(const struct session_frame *frames, uint32_t n) {
    struct session_stacks *stacks = session_stacks_new(store);
    int64_t stack = n ? session_store_stack(stacks, frames, n) : 0, site = next_site++;
    session_stacks_free(stacks);
    MUST(stack > 0 || !n);
    AUTO_FREE char *sql = text_format(
        "INSERT INTO site(id, key, op, stack_id) VALUES (%lld, x'%032llx', 'malloc', "
        "nullif(%lld, 0))",
        (long long)site, (unsigned long long)site, (long long)stack);
    MUST(store_exec(store, sql) == 0);
    return site;
}

static bool location_is(int64_t site, const char *function, int line) {
    return number(
               "SELECT l.function = '%s' AND l.line = %d AND l.file LIKE "
               "'/%%resolve_test.c' AND l.name = l.file || ':%d (%s)' FROM site s JOIN "
               "location l ON l.id = s.location_id WHERE s.id = %lld",
               function, line, line, function, (long long)site) == 1;
}

static int64_t user_site, inlined_site;

static void test_lines(void) {
    struct session_frame user[] = {frame_of(in_wrapper.offset), frame_of(in_pool.offset),
                                   frame_of(in_user.offset), frame_of(in_main.offset)};
    struct session_frame inlined[] = {frame_of(in_inlined.offset),
                                      frame_of(in_main.offset)};
    user_site = add_site(user, 4);
    inlined_site = add_site(inlined, 2);
    MUST(resolve_store(store, false) == 0);
    MUST(number("SELECT count(*) FROM frame WHERE resolved = 0") == 0);
    MUST(number("SELECT symbols = 'dwarf' FROM module") == 1);
    MUST(number("SELECT count(*) FROM site WHERE portable_key IS NULL") == 0);
    MUST(location_is(user_site, "pool_take", in_pool.line));
    MUST(location_is(inlined_site, "inlined_code", in_inlined.line));

    AUTO_FRAMES struct frames frames = {0};
    struct frames_reader *reader = NULL;
    MUST(frames_reader_new(store, &reader) == 0);
    MUST(frames_load(
             reader,
             number("SELECT stack_id FROM site WHERE id = %lld", (long long)inlined_site),
             &frames) == 0);
    MUST(frames.n == 3 && frames.items[0].inlined && !frames.items[1].inlined);
    MUST(strcmp(frames.items[0].function, "inlined_code") == 0);
    MUST((int)frames.items[0].line == in_inlined.line);
    MUST(strcmp(frames.items[1].function, "outer_code") == 0);
    MUST((int)frames.items[1].line == around_inlined.line);
    MUST(frames.items[1].start && frames.items[1].start < frames.items[1].offset);
    MUST(strcmp(frames.items[2].function, "main") == 0);
    MUST(frame_matches(&frames.items[1], "outer_*"));
    MUST(frame_matches(&frames.items[1], "resolve_test.c"));
    MUST(frame_matches(&frames.items[1], exe));
    MUST(!frame_matches(&frames.items[1], "outer"));
    frames_reader_free(reader);
}

static void test_again(void) {
    int64_t changes = sqlite3_total_changes(store->db);
    MUST(resolve_store(store, false) == 0);
    MUST(sqlite3_total_changes(store->db) == changes);
}

static void test_wrappers(void) {
    /* what is stored of a user's catalogue holds for every command, until it is taken out */
    MUST(store_exec(store, "INSERT INTO setting(name, value) VALUES ('catalogue mine', "
                           "'[allocator]\nfunction pool_*\n')") == 0);
    MUST(resolve_store(store, false) == 0);
    MUST(location_is(user_site, "user_code", in_user.line));
    MUST(store_exec(store, "DELETE FROM setting WHERE name = 'catalogue mine'") == 0);
    MUST(resolve_store(store, false) == 0);
    MUST(location_is(user_site, "pool_take", in_pool.line));
    /* a recording's own globs hold for every later command */
    MUST(store_exec(store,
                    "INSERT INTO recording(id, state, started_unix_ns, exe, cwd, "
                    "clock, tool_version, wrappers) VALUES (1, 'complete', 0, 'x', "
                    "'/', 'tsc', '1', '[\"pool_*\"]')") == 0);
    MUST(resolve_store(store, false) == 0);
    MUST(location_is(user_site, "user_code", in_user.line));
}

/* Sites whose names are equal differ in their ordinal, in the order of their addresses.
 */
static void test_ordinals(void) {
    struct session_frame late[] = {frame_of(in_user.offset + 1)},
                         early[] = {frame_of(in_user.offset)};
    int64_t b = add_site(late, 1);
    MUST(resolve_store(store, false) == 0);
    AUTO_FREE char *first = text_format("SELECT hex(portable_key) = hex((SELECT "
                                        "portable_key FROM site WHERE id = %lld)) FROM "
                                        "site WHERE id = %%lld",
                                        (long long)b);
    MUST(number(first, (long long)b) == 1 && number(first, (long long)user_site) == 0);
    MUST(store_exec(store,
                    "CREATE TEMP TABLE old AS SELECT id, portable_key FROM site") == 0);
    int64_t a = add_site(early, 1);
    MUST(resolve_store(store, false) == 0);
    MUST(number("SELECT s.portable_key = o.portable_key FROM site s, old o WHERE s.id = "
                "%lld AND o.id = %lld",
                (long long)a, (long long)b) == 1);
    MUST(number(
             "SELECT count(*) FROM site s JOIN old o USING (id) WHERE s.portable_key != "
             "o.portable_key") == 1);
}

static void test_missing(void) {
    struct session_frame stale = frame_of(in_user.offset), gone = stale, anon = stale;
    stale.build_id[0] ^= 0xff;
    gone.module = "/nonexistent/libgone.so";
    gone.offset = 0x1234;
    anon.module = "[anon]";
    anon.offset = 0;
    int64_t sites[] = {add_site(&stale, 1), add_site(&gone, 1), add_site(&anon, 1),
                       add_site(NULL, 0)};
    MUST(store_exec(
             store,
             "INSERT INTO process(id, recording_id, ordinal, pid, origin, exe, "
             "started_ns) VALUES (1, 1, 1, 1, 'first', 'x', 0); INSERT INTO "
             "process_module(process_id, module_id, bias, start, \"end\") SELECT 1, "
             "id, 0, 0, 1 FROM module") == 0);
    MUST(resolve_store(store, false) == 0);
    MUST(number("SELECT count(*) FROM site WHERE location_id IS NULL") == 0);
    MUST(number(
             "SELECT count(*) FROM note WHERE kind = 'symbols_stale' AND recording_id = "
             "1 AND subject LIKE '/%%'") == 1);
    MUST(number("SELECT count(*) FROM note WHERE kind = 'symbols_gone' AND subject = "
                "'/nonexistent/libgone.so'") == 1);
    MUST(number("SELECT count(*) FROM note") == 2);
    MUST(number("SELECT count(*) FROM module WHERE symbols = 'none'") == 4);
    const char *names[] = {NULL, "libgone.so+0x1234", "[anon]+0x0", "[unknown]"};
    for (int i = 0; i < 4; i++) {
        AUTO_FREE char *want = names[i] ? text_dup(names[i])
                                        : text_format("%s+0x%llx", text_basename(exe),
                                                      (unsigned long long)in_user.offset);
        MUST(number(
                 "SELECT l.name = '%s' AND l.function IS NULL FROM site s JOIN location "
                 "l ON l.id = s.location_id WHERE s.id = %lld",
                 want, (long long)sites[i]) == 1);
    }
    test_again();
}

int main(void) {
    char folder[] = "/tmp/dearth-resolve-XXXXXX";
    MUST(mkdtemp(folder));
    MUST(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0);
    dl_iterate_phdr(find_self, NULL);
    MUST(build_id_bytes);
    MARK(in_main);
    outer_code();
    AUTO_FREE char *path = text_format("%s/a.db", folder);
    MUST(store_new(path, STORE_CREATE, &store) == 0);
    test_lines();
    test_again();
    test_wrappers();
    test_ordinals();
    test_missing();
    store_free(store);
    unlink(path);
    MUST(rmdir(folder) == 0);
    return 0;
}
