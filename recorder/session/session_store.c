/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks into the database: from an arena's frame tree, or from a list of frames.
 *
 *   arena                                     store
 *   node (parent, module, offset) ─────────►  stack (parent_id, frame_id, key)
 *   leaf (parent, 0, op)          ─────────►  site  (stack_id, op, key)
 *   module (build-id, path)       ─────────►  module ◄── frame (module_id, offset)
 *
 * Keys are those of schemas/key.h, so the same stack met in another process, run or crash
 * finds the row that is there. Per process block we remember node id -> stack id and
 * module index -> module id: a site costs one walk up to the first known ancestor.
 *
 * Invariant: a stack row is made after its parent's, so parent_id < id and a path has no
 * cycle, whatever the arena holds. Nothing read from an arena is trusted: keys are those of what
 * they stand for, or the node was written over and makes no row; ids are checked
 * by session.c, walks are bounded, strings are cut at their field's end.
 *
 * Run by dearth alone (one thread), inside the caller's transaction if there is one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "idmap.h"
#include "op.h"
#include "session.h"
#include "store.h"
#include "text.h"

/* Deeper than any max_depth that is offered: what is longer is a cycle in a damaged
 * arena. */
#define MAX_WALK 65536u

/* A row that is looked up by its first parameters and made with all of them. */
struct pair {
    sqlite3_stmt *get, *put;
    uint8_t key[16]; /* of the row that is bound */
};

/* Rows that have a key and were met before, by whichever process. */
struct met {
    struct met_row {
        struct dearth_key key;
        int64_t row;
        int flags; /* of a site: as they are in the database */
    } * rows;
    uint32_t n;
    struct idmap by_key; /* half a key -> place in rows + 1 */
};

struct writer {
    struct store *store;
    bool fresh; /* no stack was there: what is not met yet is most likely new */
    struct pair module, frame, stack, site;
    sqlite3_stmt *site_flags, *module_by_path;
    struct idmap frames; /* frame_cache_key() -> frame id */
    struct met stacks, sites;
};

#define N_SITE_FLAGS 3 /* SITE_FLAG_COLUMNS */

/* Parameters of the statements below, in their order: what a row is looked up by comes first. */
enum { MODULE_BUILD_ID = 1, MODULE_PATH, MODULE_NO_CFI, MODULE_CONTENT_ID };
enum { FRAME_MODULE_ID = 1, FRAME_OFFSET };
enum { STACK_KEY = 1, STACK_PARENT_ID, STACK_FRAME_ID, STACK_DEPTH };
enum { SITE_KEY = 1, SITE_OP, SITE_STACK_ID, SITE_NEW_FLAGS };
enum { SITE_CHANGED_FLAGS = 1, SITE_CHANGED_ID = SITE_CHANGED_FLAGS + N_SITE_FLAGS };

/* Columns of a site that is there. */
enum { SITE_ID, SITE_FLAGS };
#define SITE_FLAG_COLUMNS "truncated, incomplete, error_path"

static struct met_row *met_find(const struct met *met, struct dearth_key key) {
    int64_t at;
    if (!idmap_get(&met->by_key, (int64_t)key.lo, &at))
        return NULL;
    struct met_row *row = &met->rows[at - 1];
    return key_equal(row->key, key) ? row
                                    : NULL; /* half of another's is asked for anew */
}

static void met_add(struct met *met, struct dearth_key key, int64_t row, int flags) {
    int64_t at;
    if (!key.lo || idmap_get(&met->by_key, (int64_t)key.lo, &at))
        return;
    met->rows = text_grow(met->rows, met->n, sizeof *met->rows);
    met->rows[met->n++] = (struct met_row){key, row, flags};
    idmap_put(&met->by_key, (int64_t)key.lo, met->n);
}

static void met_deinit(struct met *met) {
    free(met->rows);
    idmap_deinit(&met->by_key);
}

static int writer_init(struct writer *w, struct store *store) {
    const struct {
        sqlite3_stmt **out;
        const char *sql;
    } all[] = {
        {&w->module.get, "SELECT id FROM module WHERE build_id = ? AND path = ?"},
        {&w->module.put,
         "INSERT OR IGNORE INTO module(build_id, path, no_cfi, content_id) "
         "VALUES (?, ?, ?, ?)"},
        {&w->frame.get, "SELECT id FROM frame WHERE module_id = ? AND \"offset\" = ?"},
        {&w->frame.put,
         "INSERT OR IGNORE INTO frame(module_id, \"offset\") VALUES (?, ?)"},
        {&w->stack.get, "SELECT id FROM stack WHERE key = ?"},
        {&w->stack.put, "INSERT OR IGNORE INTO stack(key, parent_id, frame_id, depth) "
                        "VALUES (?, ?, ?, ?)"},
        {&w->site.get, "SELECT id, " SITE_FLAG_COLUMNS " FROM site WHERE key = ?"},
        {&w->site.put,
         "INSERT OR IGNORE INTO site(key, op, stack_id, " SITE_FLAG_COLUMNS ") "
         "VALUES (?, ?, ?, ?, ?, ?)"},
        {&w->site_flags,
         "UPDATE site SET (" SITE_FLAG_COLUMNS ") = (?, ?, ?) WHERE id = ?"},
        {&w->module_by_path,
         "SELECT build_id FROM module WHERE path = ? ORDER BY id DESC LIMIT 1"},
    };
    *w = (struct writer){
        .store = store,
        .fresh = store_int(store, "SELECT NOT EXISTS (SELECT 1 FROM frame)", 0) == 1};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int r = store_prepare(store, all[i].sql, all[i].out);
        if (r < 0)
            return r;
    }
    return 0;
}

static void writer_deinit(struct writer *w) {
    struct pair *pairs[] = {&w->module, &w->frame, &w->stack, &w->site};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        sqlite3_finalize(pairs[i]->get);
        sqlite3_finalize(pairs[i]->put);
    }
    sqlite3_finalize(w->site_flags);
    sqlite3_finalize(w->module_by_path);
    idmap_deinit(&w->frames);
    met_deinit(&w->stacks);
    met_deinit(&w->sites);
    *w = (struct writer){0};
}

/* Bound to both; the lookup has fewer parameters and refuses the others, as it should. */
static void bind_int(struct pair *p, int index, int64_t value) {
    sqlite3_bind_int64(p->get, index, value);
    sqlite3_bind_int64(p->put, index, value);
}

static void bind_key(struct pair *p, struct dearth_key key) {
    text_key_to_blob(key, p->key);
    sqlite3_bind_blob(p->get, 1, p->key, sizeof p->key, SQLITE_STATIC);
    sqlite3_bind_blob(p->put, 1, p->key, sizeof p->key, SQLITE_STATIC);
}

/* Return: 1 with the row current in p->get (reset it), 0 no such row, negative errno. */
static int look_up(struct writer *w, struct pair *p) {
    int rc = sqlite3_step(p->get);
    if (rc == SQLITE_ROW)
        return 1;
    sqlite3_reset(p->get);
    return rc == SQLITE_DONE ? 0 : store_error(w->store, "looking up a stack");
}

/* Make the bound row, unless it is there. Return: 0 = it is there, or a negative errno. */
static int64_t try_make(struct writer *w, struct pair *p) {
    int r = store_step_done(w->store, p->put);
    if (r < 0)
        return r;
    return sqlite3_changes(w->store->db) > 0 ? sqlite3_last_insert_rowid(w->store->db)
                                             : 0;
}

/* Return: 0 = it is not there, or a negative errno. */
static int64_t find(struct writer *w, struct pair *p) {
    int r = look_up(w, p);
    int64_t id = r > 0 ? sqlite3_column_int64(p->get, 0) : r;
    if (r > 0)
        sqlite3_reset(p->get);
    return id;
}

static int64_t say_neither(struct writer *w) {
    return error_print(-EIO, "%s: a row was neither taken nor there", w->store->path);
}

/* Make the bound row; somebody else may have been quicker (another dearth, WAL). */
static int64_t make(struct writer *w, struct pair *p) {
    int64_t id = try_make(w, p);
    if (!id)
        id = find(w, p);
    return id ? id : say_neither(w);
}

static int64_t find_or_make(struct writer *w, struct pair *p) {
    int64_t id = w->fresh ? 0 : find(w, p);
    return id ? id : make(w, p);
}

static int64_t module_row(struct writer *w, const void *build_id, uint32_t n,
                          const char *path, uint32_t flags) {
    sqlite3_stmt *both[] = {w->module.get, w->module.put};
    for (int i = 0; i < 2; i++) {
        sqlite3_bind_blob(both[i], MODULE_BUILD_ID, build_id, (int)n, SQLITE_TRANSIENT);
        sqlite3_bind_text(both[i], MODULE_PATH, path, -1, SQLITE_TRANSIENT);
    }
    bind_int(&w->module, MODULE_NO_CFI, !!(flags & SHM_MODULE_NO_CFI));
    bind_int(&w->module, MODULE_CONTENT_ID, !!(flags & SHM_MODULE_CONTENT_ID));
    return find_or_make(w, &w->module);
}

static int64_t frame_row(struct writer *w, int64_t module_id, uint64_t offset) {
    /* The cache takes what fits into one integer: every offset in a file of < 1 TiB. */
    bool small = offset >> 40 == 0 && module_id < 1 << 23;
    int64_t cache_key = (int64_t)((uint64_t)module_id << 40 | offset), id;
    if (small && idmap_get(&w->frames, cache_key, &id))
        return id;
    bind_int(&w->frame, FRAME_MODULE_ID, module_id);
    bind_int(&w->frame, FRAME_OFFSET, (int64_t)offset);
    id = find_or_make(w, &w->frame);
    if (small && id > 0)
        idmap_put(&w->frames, cache_key, id);
    return id;
}

static int64_t stack_row(struct writer *w, struct dearth_key key, int64_t parent,
                         int64_t frame, int64_t depth) {
    const struct met_row *met = met_find(&w->stacks, key);
    if (met)
        return met->row;
    bind_key(&w->stack, key);
    bind_int(&w->stack, STACK_FRAME_ID, frame);
    bind_int(&w->stack, STACK_DEPTH, depth);
    if (parent)
        sqlite3_bind_int64(w->stack.put, STACK_PARENT_ID, parent);
    else
        sqlite3_bind_null(w->stack.put, STACK_PARENT_ID);
    int64_t row = find_or_make(w, &w->stack);
    if (row > 0)
        met_add(&w->stacks, key, row, 0);
    return row;
}

/* --- from an arena --- */

struct known_module {
    int64_t row;
    struct dearth_key key;
};
struct known_node {
    int64_t stack;
    int64_t depth;
    struct dearth_key key;
};
#define KNOWN_NODES 64u /* in a page: most processes have few */
struct known_process {
    const struct shm_process *process;
    struct known_module *modules; /* by index; n_modules of them */
    struct known_node **pages;    /* n_pages of them, NULL until needed */
    uint32_t n_modules, n_pages;
};

struct session_site_cache {
    struct session *session;
    struct writer writer;
    struct idmap by_process; /* process block's address -> struct known_process * */
    struct known_process *last;
    uint32_t *path; /* of the walk, innermost first */
    size_t path_capacity;
};

struct session_site_cache *session_site_cache_new(struct session *session,
                                                  struct store *store) {
    struct session_site_cache *cache = text_alloc(sizeof *cache);
    cache->session = session;
    if (writer_init(&cache->writer, store) < 0)
        return session_site_cache_free(cache);
    return cache;
}

static void known_process_free(struct known_process *known) {
    for (uint32_t i = 0; known && i < known->n_pages; i++)
        free(known->pages[i]);
    if (known) {
        free(known->pages);
        free(known->modules);
    }
    free(known);
}

struct session_site_cache *session_site_cache_free(struct session_site_cache *cache) {
    if (!cache)
        return NULL;
    for (size_t i = 0; i < cache->by_process.capacity; i++)
        if (cache->by_process.slots[i].key)
            known_process_free((void *)(intptr_t)cache->by_process.slots[i].value);
    idmap_deinit(&cache->by_process);
    writer_deinit(&cache->writer);
    free(cache->path);
    free(cache);
    return NULL;
}

void session_site_cache_forget(struct session_site_cache *cache,
                               const struct shm_process *process) {
    int64_t value;
    if (!idmap_get(&cache->by_process, (intptr_t)process, &value))
        return;
    known_process_free((struct known_process *)(intptr_t)value);
    idmap_put(&cache->by_process, (intptr_t)process, 0);
    cache->last = NULL;
}

static struct known_process *know_process(struct session_site_cache *cache,
                                          const struct shm_process *process) {
    int64_t value = 0; /* forgotten ones have an entry without anything */
    if (cache->last && cache->last->process == process)
        return cache->last;
    idmap_get(&cache->by_process, (intptr_t)process, &value);
    if (!value) {
        struct known_process *known = text_alloc(sizeof *known);
        known->process = process;
        value = (intptr_t)known;
        idmap_put(&cache->by_process, (intptr_t)process, value);
    }
    return cache->last = (struct known_process *)(intptr_t)value;
}

/* @id was found valid by session_node(), so it is below SHM_MAX_NODE_BLOCKS pages. */
static struct known_node *know_node(struct known_process *known, uint32_t id) {
    known->pages =
        text_reach(known->pages, &known->n_pages, id / KNOWN_NODES, sizeof *known->pages);
    struct known_node **page = &known->pages[id / KNOWN_NODES];
    if (!*page)
        *page = text_alloc(KNOWN_NODES * sizeof **page);
    return &(*page)[id % KNOWN_NODES];
}

/* A module id of a process -> row. Return: id, 0 when the arena's entry is damaged. */
static int64_t arena_module(struct session_site_cache *cache, struct known_process *known,
                            uint32_t index) {
    if (!index || index > SHM_MAX_MODULE_BLOCKS * SHM_MODULES_PER_BLOCK)
        return 0;
    known->modules =
        text_reach(known->modules, &known->n_modules, index, sizeof *known->modules);
    if (known->modules[index].row)
        return known->modules[index].row;
    const struct shm_module *m = session_module(cache->session, known->process, index);
    if (!m)
        return 0;
    char path[sizeof m->path + 1];
    size_t n = strnlen(m->path, sizeof m->path);
    memcpy(path, m->path, n);
    path[n] = 0;
    if (!n || m->flags & SHM_MODULE_ANONYMOUS)
        strcpy(path, "[anon]");
    uint32_t id_bytes = m->build_id_bytes;
    if (id_bytes > sizeof m->build_id)
        id_bytes = sizeof m->build_id;
    int64_t id = id_bytes
                     ? module_row(&cache->writer, m->build_id, id_bytes, path, m->flags)
                     : module_row(&cache->writer, "anon", 4, path, m->flags);
    if (id > 0)
        known->modules[index] =
            (struct known_module){id, key_module(m->build_id, id_bytes)};
    return id;
}

int64_t session_store_module(struct session_site_cache *cache,
                             const struct shm_process *process, uint32_t index) {
    return arena_module(cache, know_process(cache, process), index);
}

/* Collect node ids from @id up to, not including, the first with a known row.
 * Return: how many, or -1 when the tree is damaged. */
static int64_t walk_up(struct session_site_cache *cache, struct known_process *known,
                       uint32_t id, struct known_node *above) {
    size_t n = 0;
    *above = (struct known_node){0};
    while (id) {
        const struct shm_node *node = session_node(cache->session, known->process, id);
        if (!node || !node->module || n == MAX_WALK ||
            id / SHM_NODES_PER_BLOCK >= SHM_MAX_NODE_BLOCKS)
            return -1;
        struct known_node *seen = know_node(known, id);
        if (seen->stack) {
            *above = *seen;
            break;
        }
        if (n == cache->path_capacity) {
            cache->path_capacity = n ? 2 * n : 256;
            cache->path =
                text_realloc(cache->path, cache->path_capacity * sizeof *cache->path);
        }
        cache->path[n++] = id;
        id = node->parent;
    }
    return (int64_t)n;
}

/* Row of a frame node with all its ancestors. Return: stack id, 0 none or damaged. */
static int64_t arena_stack(struct session_site_cache *cache, struct known_process *known,
                           uint32_t id, struct dearth_key *key) {
    struct known_node above;
    int64_t n = walk_up(cache, known, id, &above);
    if (n < 0)
        return 0;
    while (n-- > 0) {
        uint32_t at = cache->path[n];
        const struct shm_node *node = session_node(cache->session, known->process, at);
        if (!node)
            return 0;
        const struct shm_node copy = *node;
        int64_t module = arena_module(cache, known, copy.module);
        if (module <= 0)
            return module;
        if (!key_equal(copy.key, key_frame(above.key, known->modules[copy.module].key,
                                           copy.offset)))
            return 0; /* written over */
        int64_t frame = frame_row(&cache->writer, module, copy.offset);
        if (frame < 0)
            return frame;
        int64_t stack =
            stack_row(&cache->writer, copy.key, above.stack, frame, above.depth + 1);
        if (stack < 0)
            return stack;
        above = (struct known_node){stack, above.depth + 1, copy.key};
        *know_node(known, at) = above;
    }
    *key = above.key;
    return above.stack;
}

/* Bit i: column i of SITE_FLAG_COLUMNS. */
enum { FLAG_TRUNCATED = 1, FLAG_INCOMPLETE = 2, FLAG_ERROR_PATH = 4 };

static int flags_of(const struct shm_node *leaf) {
    return (leaf->flags & SHM_NODE_TRUNCATED ? FLAG_TRUNCATED : 0) |
           (leaf->flags & SHM_NODE_INCOMPLETE ? FLAG_INCOMPLETE : 0) |
           (leaf->flags & SHM_NODE_AFTER_FAULT ? FLAG_ERROR_PATH : 0);
}

static void bind_flags(sqlite3_stmt *s, int first, int flags) {
    for (int i = 0; i < N_SITE_FLAGS; i++)
        sqlite3_bind_int(s, first + i, flags >> i & 1);
}

/* Return: 0 = it is there, or a negative errno. */
static int64_t make_site(struct writer *w, const struct shm_node *leaf, int64_t stack) {
    sqlite3_bind_text(w->site.put, SITE_OP, op_name((uint32_t)leaf->offset), -1,
                      SQLITE_STATIC);
    if (stack)
        sqlite3_bind_int64(w->site.put, SITE_STACK_ID, stack);
    bind_flags(w->site.put, SITE_NEW_FLAGS, flags_of(leaf));
    return try_make(w, &w->site);
}

/* Return: 0 = it is not there, or a negative errno. */
static int64_t find_site(struct writer *w, int *flags) {
    int r = look_up(w, &w->site);
    if (r <= 0)
        return r;
    int64_t id = sqlite3_column_int64(w->site.get, SITE_ID);
    *flags = 0;
    for (int i = 0; i < N_SITE_FLAGS; i++)
        *flags |= sqlite3_column_int(w->site.get, SITE_FLAGS + i) << i;
    sqlite3_reset(w->site.get);
    return id;
}

/* What was seen before and what is seen now, in one row: truncated and incomplete stick,
 * error_path holds only while no ordinary run came by. */
static int add_flags(struct writer *w, int64_t id, int seen, int *flags) {
    const int sticky = FLAG_TRUNCATED | FLAG_INCOMPLETE;
    int want = ((*flags | seen) & sticky) | (*flags & seen & FLAG_ERROR_PATH);
    if (want == *flags)
        return 0;
    *flags = want;
    bind_flags(w->site_flags, SITE_CHANGED_FLAGS, want);
    sqlite3_bind_int64(w->site_flags, SITE_CHANGED_ID, id);
    return store_step_done(w->store, w->site_flags);
}

static int64_t site_row(struct writer *w, const struct shm_node *leaf, int64_t stack) {
    struct met_row *met = met_find(&w->sites, leaf->key);
    int flags = flags_of(leaf), r;
    if (met)
        return (r = add_flags(w, met->row, flags_of(leaf), &met->flags)) < 0 ? r
                                                                             : met->row;
    bind_key(&w->site, leaf->key);
    int64_t id = w->fresh ? make_site(w, leaf, stack) : 0;
    bool made = id > 0;
    if (!id)
        id = find_site(w, &flags);
    if (!id && !w->fresh)
        made = (id = make_site(w, leaf, stack)) > 0;
    if (!id)
        id = find_site(w, &flags); /* somebody was quicker */
    if (id > 0 && !made && (r = add_flags(w, id, flags_of(leaf), &flags)) < 0)
        return r;
    if (id > 0)
        met_add(&w->sites, leaf->key, id, flags);
    return id ? id : say_neither(w);
}

int64_t session_store_site(struct session_site_cache *cache,
                           const struct shm_process *process, uint32_t node_id) {
    const struct shm_node *leaf = session_node(cache->session, process, node_id);
    if (!leaf || leaf->module || node_id / SHM_NODES_PER_BLOCK >= SHM_MAX_NODE_BLOCKS)
        return 0;
    struct known_process *known = know_process(cache, process);
    struct known_node *seen = know_node(known, node_id);
    if (seen->stack) /* of a leaf: its site id */
        return seen->stack;
    const struct shm_node copy = *leaf;
    struct dearth_key key = {0};
    int64_t stack = arena_stack(cache, known, copy.parent, &key);
    if (stack < 0 || (!stack && copy.parent))
        return stack;
    if (!key_equal(copy.key, key_site(key, (uint32_t)copy.offset)))
        return 0; /* written over */
    int64_t site = site_row(&cache->writer, &copy, stack);
    if (site > 0)
        seen->stack = site;
    return site;
}

/* --- from a list of frames --- */

struct list_frame {
    struct dearth_key module_key;
    uint64_t offset;
    int64_t frame, stack;
    struct dearth_key key;
};

/* Of a build-id, what we keep: see key_module(). */
static uint32_t id_bytes(uint32_t n) {
    return n < 32 ? n : 32;
}

/* Build-id of a frame whose module could not be read: that of a module recorded under the
 * same path, else a hash of the path. */
static uint32_t stand_in_id(struct writer *w, const char *path, uint8_t out[static 32]) {
    if (strcmp(path, "[anon]") == 0) {
        memcpy(out, "anon", 4);
        return 4;
    }
    uint32_t n = 0;
    sqlite3_bind_text(w->module_by_path, 1, path, -1, SQLITE_STATIC);
    if (sqlite3_step(w->module_by_path) == SQLITE_ROW) {
        n = id_bytes((uint32_t)sqlite3_column_bytes(w->module_by_path, 0));
        if (n)
            memcpy(out, sqlite3_column_blob(w->module_by_path, 0), n);
    }
    sqlite3_reset(w->module_by_path);
    if (n)
        return n;
    text_key_to_blob(key_hash(path, strlen(path)), out);
    return 16;
}

/* Modules met in stacks: few, and each in thousands of frames. */
struct met_module {
    uint8_t id[32];
    uint32_t id_bytes;
    char *path;
    int64_t row;
    struct dearth_key key;
};

struct session_stacks {
    struct writer writer;
    struct met_module *modules;
    uint32_t n_modules;
};

struct session_stacks *session_stacks_new(struct store *store) {
    struct session_stacks *stacks = text_alloc(sizeof *stacks);
    return writer_init(&stacks->writer, store) < 0 ? session_stacks_free(stacks) : stacks;
}

struct session_stacks *session_stacks_free(struct session_stacks *stacks) {
    if (!stacks)
        return NULL;
    for (uint32_t i = 0; i < stacks->n_modules; i++)
        free(stacks->modules[i].path);
    free(stacks->modules);
    writer_deinit(&stacks->writer);
    free(stacks);
    return NULL;
}

/* Return: NULL and an error in *err when its row cannot be made. The next call moves it. */
static const struct met_module *
meet_module(struct session_stacks *stacks, const struct session_frame *in, int64_t *err) {
    const char *path = in->module && *in->module ? in->module : "[anon]";
    uint32_t n = id_bytes(in->build_id_bytes);
    for (uint32_t i = 0; n && i < stacks->n_modules; i++) {
        const struct met_module *m = &stacks->modules[i];
        if (m->id_bytes == n && memcmp(m->id, in->build_id, n) == 0 &&
            strcmp(m->path, path) == 0)
            return m;
    }
    struct met_module new = {.id_bytes = n};
    if (n)
        memcpy(new.id, in->build_id, n);
    else
        new.id_bytes = stand_in_id(&stacks->writer, path, new.id);
    new.row = module_row(&stacks->writer, new.id, new.id_bytes, path, 0);
    if ((*err = new.row) < 0)
        return NULL;
    new.path = text_dup(path);
    new.key = key_module(new.id, new.id_bytes);
    stacks->modules = text_grow(stacks->modules, stacks->n_modules, sizeof new);
    stacks->modules[stacks->n_modules] = new;
    return &stacks->modules[stacks->n_modules++];
}

static int64_t list_frame_row(struct session_stacks *stacks,
                              const struct session_frame *in, struct list_frame *out) {
    int64_t err = 0;
    const struct met_module *module = meet_module(stacks, in, &err);
    if (!module)
        return err;
    *out = (struct list_frame){.module_key = module->key, .offset = in->offset};
    return out->frame = frame_row(&stacks->writer, module->row, in->offset);
}

static int64_t store_stack(struct session_stacks *stacks,
                           const struct session_frame *frames, uint32_t n, bool fold) {
    int64_t r = 0;
    AUTO_FREE struct list_frame *path = text_alloc(n * sizeof *path);
    uint32_t depth = 0;
    for (uint32_t i = n; i-- > 0;) {
        struct list_frame next;
        r = list_frame_row(stacks, &frames[i], &next);
        if (r < 0)
            return r;
        uint32_t same = fold ? 0 : depth; /* loop erasure, as the target does it */
        while (same < depth && !(path[same].offset == next.offset &&
                                 key_equal(path[same].module_key, next.module_key)))
            same++;
        if (same < depth) {
            depth = same + 1;
            continue;
        }
        struct dearth_key parent =
            depth ? path[depth - 1].key : (struct dearth_key){0, 0};
        next.key = key_frame(parent, next.module_key, next.offset);
        next.stack = stack_row(&stacks->writer, next.key,
                               depth ? path[depth - 1].stack : 0, next.frame, depth + 1);
        if (next.stack < 0)
            return next.stack;
        path[depth++] = next;
    }
    return depth ? path[depth - 1].stack
                 : error_print(-EINVAL, "a stack without frames cannot be stored");
}

int64_t session_store_stack(struct session_stacks *stacks,
                            const struct session_frame *frames, uint32_t n) {
    return store_stack(stacks, frames, n, true);
}

int64_t session_store_loop(struct session_stacks *stacks,
                           const struct session_frame *frames, uint32_t n) {
    return store_stack(stacks, frames, n, false);
}
