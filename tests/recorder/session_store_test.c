/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks from an arena into the store: rows are shared between sites, processes and crash
 * stacks; flags are joined; a damaged arena costs sites and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "session.h"
#include "store.h"

#include "check.h"

static struct session *session;
static struct store *store;

static void *block(uint32_t *id) {
    *id = session->arena->blocks_next++;
    void *p = session_block(session, *id);
    MUST(p);
    return memset(p, 0, SHM_BLOCK_BYTES);
}

/* A process with two modules: 1 = /bin/prog, 2 = /lib/libx.so */
static struct shm_process *add_process(void) {
    uint32_t id, modules;
    struct shm_process *p = block(&id);
    struct shm_module *m = block(&modules);
    p->module_blocks[0] = modules;
    p->n_modules = 2;
    p->state = SHM_PROCESS_READY;
    for (int i = 0; i < 2; i++) {
        m[i].build_id_bytes = 20;
        memset(m[i].build_id, 'a' + i, 20);
        strcpy(m[i].path, i ? "/lib/libx.so" : "/bin/prog");
    }
    block(&p->node_blocks[0]);
    p->n_nodes = SHM_NODES_PER_BLOCK;
    session->arena->processes[session->arena->n_processes++] = id;
    return p;
}

static struct shm_node *node_at(struct shm_process *p, uint32_t id) {
    return (struct shm_node *)session_block(session, p->node_blocks[0]) + id;
}

static struct dearth_key key_of(struct shm_process *p, uint32_t id) {
    return id ? node_at(p, id)->key : (struct dearth_key){0, 0};
}

static void set_node(struct shm_process *p, uint32_t id, uint32_t parent, uint32_t module,
                     uint64_t offset) {
    uint8_t build_id[20];
    memset(build_id, 'a' + (int)module - 1, 20);
    struct dearth_key above = key_of(p, parent);
    *node_at(p, id) = (struct shm_node){
        .key = module ? key_frame(above, key_module(build_id, 20), offset)
                      : key_site(above, (uint32_t)offset),
        .offset = offset,
        .parent = parent,
        .module = module,
        .state = SHM_NODE_READY,
    };
}

static int64_t count(const char *table) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return store_int(store, sql, -1);
}

static int64_t store_site(struct shm_process *p, uint32_t id) {
    struct session_site_cache *cache = session_site_cache_new(session, store);
    MUST(cache);
    int64_t site = session_store_site(cache, p, id);
    int64_t again = session_store_site(cache, p, id);
    MUST(site == again);
    session_site_cache_free(cache);
    return site;
}

static void test_sharing(void) {
    struct shm_process *p = add_process(), *q = add_process();
    /* main(0x10) -> f(0x20) -> malloc, calloc; main -> libx(0x30) -> malloc */
    set_node(p, 1, 0, 1, 0x10);
    set_node(p, 2, 1, 1, 0x20);
    set_node(p, 3, 2, 0, SHM_OP_MALLOC);
    set_node(p, 4, 2, 0, SHM_OP_CALLOC);
    set_node(p, 5, 1, 2, 0x30);
    set_node(p, 6, 5, 0, SHM_OP_MALLOC);
    int64_t a = store_site(p, 3), b = store_site(p, 4), c = store_site(p, 6);
    MUST(a > 0 && b > 0 && c > 0 && a != b && b != c);
    MUST(count("site") == 3 && count("stack") == 3 && count("frame") == 3 &&
         count("module") == 2);
    MUST(store_int(store, "SELECT max(depth) FROM stack", 0) == 2);
    /* another process, other node ids, the same site */
    set_node(q, 7, 0, 1, 0x10);
    set_node(q, 9, 7, 1, 0x20);
    set_node(q, 8, 9, 0, SHM_OP_MALLOC);
    MUST(store_site(q, 8) == a && count("stack") == 3);

    /* the same path by way of a list, with recursion to fold: main f main f */
    struct session_frame list[4] = {{.module = "/bin/prog", .offset = 0x20},
                                    {.module = "/bin/prog", .offset = 0x10},
                                    {.module = "/bin/prog", .offset = 0x20},
                                    {.module = "/bin/prog", .offset = 0x10}};
    for (int i = 0; i < 4; i++) {
        list[i].build_id_bytes = i < 2 ? 20 : 0; /* unknown: the recorded module's */
        memset(list[i].build_id, 'a', 20);
    }
    struct session_stacks *stacks = session_stacks_new(store);
    int64_t stack = session_store_stack(stacks, list, 4);
    MUST(stack == store_int(store, "SELECT stack_id FROM site WHERE op = 'calloc'", 0));
    MUST(count("stack") == 3);
    list[0].module = "/nowhere";
    list[0].build_id_bytes = 0;
    MUST(session_store_stack(stacks, list, 4) > 0 && count("module") == 3);
    list[0].module = NULL;
    MUST(session_store_stack(stacks, list, 1) > 0 && count("module") == 4);
    MUST(session_store_stack(stacks, list, 0) < 0);
    /* once more, from what is remembered */
    for (int i = 0; i < 4; i++)
        list[i] = (struct session_frame){
            .module = "/bin/prog", .offset = i % 2 ? 0x10 : 0x20, .build_id_bytes = 20};
    for (int i = 0; i < 4; i++)
        memset(list[i].build_id, 'a', 20);
    MUST(session_store_stack(stacks, list, 4) == stack && count("module") == 4);
    list[0].build_id[0] = 'b'; /* the same path, built anew */
    MUST(session_store_stack(stacks, list, 4) != stack && count("module") == 5);
    session_stacks_free(stacks);

    AUTO_FRAMES struct frames frames = {0};
    struct frames_reader *reader = NULL;
    MUST(frames_reader_new(store, &reader) == 0);
    MUST(frames_load(reader, stack, &frames) == 0);
    MUST(frames.n == 2 && frames.items[0].offset == 0x20 &&
         frames.items[1].offset == 0x10);
    MUST(!frames.items[0].function && strcmp(frames.items[0].module, "/bin/prog") == 0);
    frames_deinit(&frames);
    MUST(frames_load(reader, 12345, &frames) == 0 && frames.n == 0);
    frames_reader_free(reader);
}

static void test_flags(void) {
    struct shm_process *p = add_process();
    set_node(p, 1, 0, 1, 0x99);
    set_node(p, 2, 1, 0, SHM_OP_REALLOC);
    node_at(p, 2)->flags = SHM_NODE_AFTER_FAULT;
    int64_t site = store_site(p, 2);
    MUST(site > 0);
    MUST(store_int(store,
                   "SELECT truncated = 0 AND incomplete = 0 AND error_path = 1 FROM "
                   "site WHERE op = 'realloc'",
                   -1) == 1);
    node_at(p, 2)->flags = SHM_NODE_AFTER_FAULT | SHM_NODE_TRUNCATED;
    MUST(store_site(p, 2) == site);
    MUST(store_int(store,
                   "SELECT truncated = 1 AND incomplete = 0 AND error_path = 1 FROM "
                   "site WHERE op = 'realloc'",
                   -1) == 1);
    node_at(p, 2)->flags = SHM_NODE_INCOMPLETE; /* an ordinary run meets it, too */
    MUST(store_site(p, 2) == site);
    MUST(store_int(store,
                   "SELECT truncated = 1 AND incomplete = 1 AND error_path = 0 FROM "
                   "site WHERE op = 'realloc'",
                   -1) == 1);
}

/* What one cache remembers, for other processes too; and two that both began with nothing in the database. */
static void test_remembering(const char *path) {
    struct store *before = store, *empty = NULL;
    MUST(store_new(path, STORE_CREATE, &empty) == 0);
    store = empty;
    struct session_site_cache *a = session_site_cache_new(session, store),
                              *b = session_site_cache_new(session, store);
    struct shm_process *p = add_process(), *q = add_process();
    set_node(p, 1, 0, 1, 0x10);
    set_node(p, 2, 1, 0, SHM_OP_MALLOC);
    set_node(q, 70, 0, 1, 0x10); /* pages of nodes that are known lie apart */
    set_node(q, 900, 70, 0, SHM_OP_MALLOC);
    node_at(p, 2)->flags = SHM_NODE_AFTER_FAULT;
    int64_t site = session_store_site(a, p, 2);
    MUST(site > 0 && count("site") == 1);
    node_at(q, 900)->flags = SHM_NODE_INCOMPLETE;
    MUST(session_store_site(b, q, 900) == site);
    MUST(count("site") == 1 && count("stack") == 1 && count("frame") == 1);
    MUST(store_int(store, "SELECT incomplete AND NOT error_path FROM site", 0) == 1);
    node_at(q, 900)->flags = SHM_NODE_TRUNCATED;
    MUST(session_store_site(a, q, 900) == site);
    MUST(store_int(store, "SELECT truncated FROM site", 0) == 1);
    session_site_cache_forget(a, q);
    MUST(session_store_site(a, q, 900) == site && count("stack") == 1);
    session_site_cache_free(a);
    session_site_cache_free(b);
    store_free(empty);
    unlink(path);
    store = before;
}

static void test_damage(void) {
    struct shm_process *p = add_process();
    int64_t sites = count("site");
    set_node(p, 1, 2, 1, 1); /* 1 and 2 are each other's parent */
    set_node(p, 2, 1, 1, 2);
    set_node(p, 3, 2, 0, SHM_OP_MALLOC);
    set_node(p, 4, 4, 1, 3); /* its own parent */
    set_node(p, 5, 4, 0, SHM_OP_MALLOC);
    set_node(p, 6, 500, 0, SHM_OP_MALLOC); /* a parent that is not there */
    set_node(p, 7, 0, 1, 7);
    node_at(p, 7)->module = 4000; /* a module that is not there */
    set_node(p, 8, 7, 0, SHM_OP_MALLOC);
    set_node(p, 9, 3, 0, SHM_OP_MALLOC); /* a leaf under a leaf */
    set_node(p, 10, 0, 1, 10);           /* no leaf */
    for (uint32_t id = 0; id < 12; id++)
        MUST(store_site(p, id) == 0);
    MUST(store_site(p, 0xffffffff) == 0 && store_site(p, 1u << 20) == 0);
    MUST(count("site") == sites);

    struct shm_module *m = session_block(session, p->module_blocks[0]);
    memset(m[0].path, 'x', sizeof m[0].path); /* no end */
    m[0].build_id_bytes = 1000000;
    set_node(p, 11, 0, 1, 11);
    set_node(p, 12, 11, 0, 77);   /* no such operation */
    MUST(store_site(p, 12) == 0); /* the key is not that of such a module */
    set_node(p, 14, 0, 2, 14);
    node_at(p, 14)->offset = 15; /* nor of such an offset */
    set_node(p, 15, 14, 0, SHM_OP_MALLOC);
    MUST(store_site(p, 15) == 0);
    p = add_process();
    m = session_block(session, p->module_blocks[0]);
    memset(m[0].path, 'x', sizeof m[0].path);
    set_node(p, 11, 0, 1, 11);
    set_node(p, 12, 11, 0, 77);
    MUST(store_site(p, 12) > 0);
    MUST(store_int(store, "SELECT count(*) FROM site WHERE op = 'unknown'", 0) == 1);
    MUST(store_int(store, "SELECT max(length(build_id)) FROM module", 0) <= 32);

    set_node(p, 13, 0, 0, SHM_OP_MALLOC); /* a site without a stack is one */
    MUST(store_site(p, 13) > 0);
    MUST(store_int(store, "SELECT count(*) FROM site WHERE stack_id IS NULL", 0) == 1);
}

int main(void) {
    char folder[] = "/tmp/dearth-session-store-XXXXXX";
    MUST(mkdtemp(folder));
    char path[64], other[64];
    snprintf(path, sizeof path, "%s/a.db", folder);
    struct session_options options = {
        .arena_bytes = 16 << 20, .ready_blocks = 64, .folder = folder};
    MUST(session_new(&options, &session) == 0);
    MUST(store_new(path, STORE_CREATE, &store) == 0);
    test_sharing();
    test_flags();
    snprintf(other, sizeof other, "%s/b.db", folder);
    test_remembering(other);
    test_damage();
    store_free(store);
    session_free(session);
    unlink(path);
    MUST(rmdir(folder) == 0);
    return 0;
}
