/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search: which live blocks can the program still get at?
 *
 *   roots   registers ─ stacks, from the stack pointer up ─ data of modules ─ TLS, pools,
 *           any other anonymous memory ─ words in the kernel (epoll)
 *     │       less the holes: what malloc keeps for itself, dead stack, our own memory
 *     ▼
 *   items[] sorted by address ── a word points at, into, or just past one ──► reached
 *     ▲                                                                        │
 *     └─────────────────────── the words of a reached block ◄── work[] ────────┘
 *
 *   what is left ─► of our own generation, site known ─► per site ─► struct shm_leaks
 *
 * Freed memory is a hole where the allocator is glibc's: a pointer that lies in a freed
 * struct holds nothing, and to free a struct but not what it points to is the commonest
 * leak. Other allocators keep their own order; there the memory between the blocks counts
 * as a root, and such a leak may be missed.
 *
 * Words are taken as they are, and again without their upper 16 bits (tagged pointers). Where something is left,
 * all is read again from every byte on: in a packed struct a pointer lies anywhere.
 *
 * Context: as leak.h says. Nothing is allocated but by mmap; only mapped memory that is
 * present is read; past its time the search gives up, and nothing is known then.
 */
#include "arena.h"
#include "boot.h"
#include "hooks.h"
#include "leak.h"
#include "local.h"
#include "module.h"
#include "preload.h"
#include "sys.h"

#define BUDGET_NS        2000000000u /* of processor time */
#define ITEMS_PER_CHECK  256u
#define SPARSE_BYTES     65536u /* of a block: from here on it is asked which pages are */
#define SCRATCH(n, type) sys_mmap((n) * sizeof(type), MAP_PRIVATE | MAP_ANONYMOUS, -1)

enum item_state {
    ITEM_REACHED = 1u << 0,
    ITEM_INDIRECT = 1u << 1, /* a leaked block leads to it */
};

struct item {
    uintptr_t start, end;
    leak_entry entry;
    uint32_t state; /* enum item_state */
    uint32_t reserved;
};

struct scan {
    struct leak_map *maps;
    uint32_t n_maps;
    struct item *items;
    uint32_t n_items, room;
    uint32_t *work; /* items whose words are to be read */
    uint32_t n_work;
    struct leak_range *holes; /* sorted */
    uint32_t n_holes, holes_room;
    uintptr_t lowest, highest; /* of the blocks */
    uintptr_t sp;
    uint64_t end_ns;
    long pagemap;
    uint32_t mark;   /* enum item_state that a hit sets */
    uint32_t step;   /* bytes from one word to the next */
    uint32_t cursor; /* first item not behind the root under way */
    uint32_t map;    /* last one found */
};

static uint64_t cpu_ns(void) {
    struct timespec t = {0};
    sys_call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, (long)&t, 0, 0, 0, 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int look_at_clock(const struct scan *s) {
    return cpu_ns() > s->end_ns ? -SHM_LEAKS_BUDGET : 0;
}

/* --- blocks --- */

static void count_item(void *context, uintptr_t address, leak_entry entry) {
    (void)address, (void)entry;
    ++*(uint32_t *)context;
}

static void add_item(void *context, uintptr_t address, leak_entry entry) {
    struct scan *s = context;
    uint64_t size = leak_entry_size(entry);
    if (size >= LEAK_SIZE_MAX && real.malloc_usable_size)
        size = real.malloc_usable_size((void *)address);
    if (s->n_items < s->room)
        s->items[s->n_items++] = (struct item){
            .start = address, .end = address + (size ? size : 1), .entry = entry};
}

static bool load_items(struct scan *s) {
    leak_each(count_item, &s->room);
    s->items = SCRATCH(s->room + 1ull, struct item);
    s->work = SCRATCH(s->room + 1ull, uint32_t);
    if (!s->items || !s->work)
        return false;
    leak_own(s->items, (s->room + 1ull) * sizeof *s->items);
    leak_own(s->work, (s->room + 1ull) * sizeof *s->work);
    leak_each(add_item, s);
    for (uint32_t i = 0; i < s->n_items; i++)
        if (s->items[i].end > s->highest)
            s->highest = s->items[i].end;
    s->lowest = s->n_items ? s->items[0].start : 0;
    return true;
}

static void reach(struct scan *s, uint32_t i) {
    struct item *item = &s->items[i];
    if (item->state & (s->mark | ITEM_REACHED))
        return;
    item->state |= s->mark;
    s->work[s->n_work++] = i;
}

static void hit(struct scan *s, uintptr_t word) {
    if (word - s->lowest > s->highest - s->lowest || !s->n_items)
        return;
    uint32_t low = 0, n = s->n_items; /* last item that starts at or before the word */
    while (n > 1) {
        uint32_t half = n / 2;
        if (s->items[low + half].start <= word)
            low += half;
        n -= half;
    }
    if (s->items[low].start <= word && word <= s->items[low].end)
        reach(s, low);
    if (low && s->items[low - 1].end == word)
        reach(s, low - 1);
}

static void visit(void *context, uintptr_t word) {
    const uintptr_t plain = ((uintptr_t)1 << 48) - 1;
    hit(context, word);
    if (unlikely(word > plain))
        hit(context, word & plain);
}

/* --- the words of reached blocks --- */

/* Return: the mapping around @address, NULL when there is none. */
static const struct leak_map *map_at(struct scan *s, uintptr_t address) {
    const struct leak_map *last = &s->maps[s->map];
    if (address - last->start < last->end - last->start)
        return last;
    uint32_t low = 0, n = s->n_maps;
    while (n > 1) {
        uint32_t half = n / 2;
        if (s->maps[low + half].start <= address)
            low += half;
        n -= half;
    }
    s->map = low;
    last = &s->maps[low];
    return address - last->start < last->end - last->start ? last : NULL;
}

/* Bytes of two words look like a tagged pointer often enough: those are taken as they are. */
static void visit_bytes(struct scan *s, uintptr_t from, uintptr_t end) {
    struct word {
        uintptr_t value;
    } __attribute__((packed));
    for (; from + 8 <= end; from++)
        hit(s, ((const volatile struct word *)from)->value);
}

static void visit_words(struct scan *s, uintptr_t from, uintptr_t end) {
    if (s->step == 1) {
        visit_bytes(s, from, end);
        return;
    }
    for (from = (from + 7) & ~(uintptr_t)7; from + 8 <= end; from += 8)
        visit(s, *(const volatile uintptr_t *)from);
}

static int visit_piece(void *context, const struct leak_range *piece) {
    if (piece->start == piece->end)
        return look_at_clock(context);
    visit_words(context, piece->start, piece->end);
    return 0;
}

/* Of a large block most may never have been touched: to read that costs a page fault for each page, and holds
 * no word. */
static int visit_item(struct scan *s, const struct item *item) {
    int r = 0;
    for (uintptr_t at = item->start; at < item->end && !r;) {
        const struct leak_map *map = map_at(s, at);
        if (!map)
            return 0;
        const struct leak_range piece = {at, map->end < item->end ? map->end : item->end};
        if (map->flags & LEAK_MAP_PRIVATE && piece.end - piece.start >= SPARSE_BYTES)
            r = leak_present(s->pagemap, &piece, visit_piece, s);
        else if (map->flags & LEAK_MAP_READABLE)
            visit_words(s, piece.start, piece.end);
        at = piece.end;
    }
    return r;
}

static int flood(struct scan *s) {
    int r = 0;
    for (uint32_t i = 1; s->n_work && !r; i++) {
        r = visit_item(s, &s->items[s->work[--s->n_work]]);
        if (!r && i % ITEMS_PER_CHECK == 0)
            r = look_at_clock(s);
    }
    return r;
}

/* --- roots --- */

/* Blocks lie in between: they are read when they are reached. */
static int visit_root(void *context, const struct leak_range *piece) {
    struct scan *s = context;
    if (piece->start == piece->end)
        return look_at_clock(s);
    for (uintptr_t at = piece->start; at < piece->end;) {
        while (s->cursor < s->n_items && s->items[s->cursor].end <= at)
            s->cursor++;
        bool more = s->cursor < s->n_items;
        uintptr_t start = more ? s->items[s->cursor].start : UINTPTR_MAX;
        if (start <= at) {
            at = (s->items[s->cursor].end + 7) & ~(uintptr_t)7;
            continue;
        }
        uintptr_t end = start < piece->end ? start : piece->end;
        visit_words(s, at, end);
        at = end;
    }
    return 0;
}

static int visit_map(struct scan *s, const struct leak_map *map, uint32_t *hole) {
    struct leak_range piece = {map->start, map->start};
    while (piece.start < map->end) {
        while (*hole < s->n_holes && s->holes[*hole].end <= piece.start)
            ++*hole;
        bool more = *hole < s->n_holes && s->holes[*hole].start < map->end;
        piece.end = more ? s->holes[*hole].start : map->end;
        if (piece.end > piece.start) {
            int r = leak_present(s->pagemap, &piece, visit_root, s);
            if (r)
                return r;
        }
        piece.start = more ? s->holes[*hole].end : map->end;
    }
    return 0;
}

static int visit_roots(struct scan *s) {
    uint32_t hole = 0;
    int r = 0;
    for (uint32_t i = 0; i < s->n_maps && !r; i++)
        if (s->maps[i].flags & LEAK_MAP_ROOT)
            r = visit_map(s, &s->maps[i], &hole);
    return r;
}

/* --- holes --- */

static void add_hole(struct scan *s, uintptr_t start, uintptr_t end) {
    if (end > start && s->n_holes < s->holes_room)
        s->holes[s->n_holes++] = (struct leak_range){start, end};
}

static void sort_holes(struct scan *s) { /* Shell's */
    for (uint32_t gap = s->n_holes / 2; gap; gap /= 2)
        for (uint32_t i = gap; i < s->n_holes; i++) {
            struct leak_range hole = s->holes[i];
            uint32_t k = i;
            for (; k >= gap && s->holes[k - gap].start > hole.start; k -= gap)
                s->holes[k] = s->holes[k - gap];
            s->holes[k] = hole;
        }
}

static void add_own(struct scan *s) {
    static struct leak_range own[LEAK_OWN_MAX];
    struct object self;
    uint32_t n = leak_owned(own);
    for (uint32_t i = 0; i < n; i++)
        add_hole(s, own[i].start, own[i].end);
    add_hole(s, (uintptr_t)preload.arena, (uintptr_t)preload.arena + preload.arena_bytes);
    if (!module_find((uintptr_t)&add_own, &self))
        return;
    /* what ld.so was served before the real allocator was known is none of ours */
    uintptr_t boot = (uintptr_t)boot_area;
    add_hole(s, self.start, boot);
    add_hole(s, boot + BOOT_BYTES, self.end);
}

/* Below the stack pointer nothing is alive. */
static void add_dead_stack(struct scan *s) {
    const struct leak_map *map = map_at(s, s->sp);
    if (!map)
        return;
    /* a thread's stack begins above its guard; one in a pool or a block does not */
    bool guarded =
        map > s->maps && map[-1].flags & LEAK_MAP_GUARD && map[-1].end == map->start;
    if (map->flags & LEAK_MAP_STACK || guarded)
        add_hole(s, map->start, s->sp);
    visit(s, s->sp);
}

/* glibc's chunk: [prev_size][size | flags][block ...
 * Source: glibc malloc/malloc.c and malloc/arena.c, 2.31 to 2.41. */
#define CHUNK_MMAPPED     2u
#define CHUNK_OTHER_ARENA 4u
#define CHUNK_FLAGS       7u
#define ARENA_ALIGNMENT   (64ull << 20) /* HEAP_MAX_SIZE */

struct glibc_heap { /* heap_info */
    void *arena, *previous;
    uint64_t size, accessible;
};

static void add_arena(struct scan *s, uintptr_t block) {
    uintptr_t base = block & ~(uintptr_t)(ARENA_ALIGNMENT - 1);
    const struct leak_map *map = map_at(s, base);
    if (!map || map->start != base || !(map->flags & LEAK_MAP_READABLE))
        return;
    const struct glibc_heap *heap = (const void *)base;
    if (heap->size <= ARENA_ALIGNMENT && block - base < heap->size &&
        heap->size % 4096 == 0)
        add_hole(s, base, base + heap->size);
}

static void add_chunk(struct scan *s, uintptr_t block) {
    const struct leak_map *map = map_at(s, block);
    bool outside = s->n_holes == 0 || s->holes[s->n_holes - 1].end <= block;
    if (!map || map->flags & LEAK_MAP_BRK || block - 16 < map->start || !outside ||
        !(map->flags & LEAK_MAP_READABLE))
        return;
    const uint64_t *head = (const uint64_t *)(block - 16);
    if (head[1] & CHUNK_OTHER_ARENA)
        add_arena(s, block);
    uintptr_t start = block - 16 - head[0];
    uintptr_t end = block - 16 + (head[1] & ~(uint64_t)CHUNK_FLAGS);
    if (head[1] & CHUNK_MMAPPED && start % 4096 == 0 && end % 4096 == 0 &&
        start >= map->start && end <= map->end)
        add_hole(s, start, end);
}

/* The main arena's lists are headed by pairs of words; an empty one points at itself. Their
 * pointers lead to free chunks, whose first word belongs to the block before. */
#define BIN_WORDS 254u
#define ARENA_WORDS                                                                      \
    (BIN_WORDS + 2u + 10u + 3u) /* bins, top, remainder, fast bins, lock */

struct bins {
    uintptr_t last;
    uint32_t n;
};

static int find_bins(void *context, const struct leak_range *piece) {
    struct bins *bins = context;
    const uintptr_t *word = (const uintptr_t *)piece->start;
    for (; (uintptr_t)(word + 2) <= piece->end; word++)
        if (word[0] == (uintptr_t)word - 16 && word[1] == word[0]) {
            bins->last = (uintptr_t)word;
            bins->n++;
        }
    return 0;
}

static void add_main_arena(struct scan *s) {
    struct object libc;
    struct bins bins = {0};
    if (!module_find((uintptr_t)real.realloc, &libc))
        return;
    for (uint32_t i = 0; i < s->n_maps; i++) {
        const struct leak_map *map = &s->maps[i];
        const struct leak_range range = {map->start, map->end};
        if (map->flags & LEAK_MAP_ROOT && map->start >= libc.start &&
            map->end <= libc.end)
            leak_present(s->pagemap, &range, find_bins, &bins);
    }
    if (bins.n >= 16)
        add_hole(s, bins.last + 16 - ARENA_WORDS * 8, bins.last + 16);
}

static bool find_holes(struct scan *s) {
    s->holes_room = LEAK_OWN_MAX + LEAK_MAPS_MAX;
    s->holes = SCRATCH(s->holes_room, struct leak_range);
    if (!s->holes)
        return false;
    leak_own(s->holes, s->holes_room * sizeof *s->holes);
    if (preload.glibc_realloc) {
        for (uint32_t i = 0; i < s->n_items; i++)
            add_chunk(s, s->items[i].start); /* in order: before all others */
        for (uint32_t i = 0; i < s->n_maps && !leak_break_is_shared(); i++)
            if (s->maps[i].flags & LEAK_MAP_BRK)
                add_hole(s, s->maps[i].start, s->maps[i].end);
        add_main_arena(s);
    }
    add_own(s);
    add_dead_stack(s);
    sort_holes(s);
    return true;
}

/* --- what is left --- */

static bool is_leaked(const struct item *item) {
    return !(item->state & ITEM_REACHED);
}

/* Blocks that only leaked blocks lead to; of a ring, all but one. */
static int find_indirect(struct scan *s) {
    s->mark = ITEM_INDIRECT;
    for (uint32_t i = 0; i < s->n_items; i++) {
        struct item *item = &s->items[i];
        if (!is_leaked(item) || item->state & ITEM_INDIRECT)
            continue;
        item->state |= ITEM_INDIRECT; /* not by way of itself */
        s->work[s->n_work++] = i;
        int r = flood(s);
        if (r)
            return r;
        item->state &= ~(uint32_t)ITEM_INDIRECT;
    }
    return 0;
}

static void add_leak(struct shm_leaks *out, uint16_t *by_node, const struct item *item) {
    uint32_t node = leak_entry_node(item->entry);
    uint64_t bytes = leak_entry_size(item->entry);
    if (!by_node[node] && out->n == SHM_LEAKS_MAX) {
        out->overflow_blocks++;
        out->overflow_bytes += bytes;
        return;
    }
    if (!by_node[node]) {
        out->leaks[out->n] = (struct shm_leak){.node = node};
        by_node[node] = (uint16_t)++out->n;
    }
    struct shm_leak *leak = &out->leaks[by_node[node] - 1];
    leak->blocks++;
    leak->bytes += bytes;
    leak->direct += !(item->state & ITEM_INDIRECT);
}

/* The report of this process. Copies of one original end one after another: each writes over the last
 * one's. Return: its block, 0 when there is none. */
static uint32_t find_report(void) {
    uint32_t id = load_acquire(&preload.arena->leaks);
    for (uint32_t n = 0; arena_has(id) && n < SHM_MAX_PROCESSES; n++) {
        const struct shm_leaks *report = arena_block(id);
        if (report->process == local->process_id)
            return id;
        id = report->next;
    }
    return 0;
}

void leak_copied(void) {
    uint32_t id = find_report();
    if (id)
        ((struct shm_leaks *)arena_block(id))->state = SHM_LEAKS_NONE;
}

static uint32_t clear_report(uint32_t id) {
    struct shm_leaks *report = id ? arena_block(id) : NULL;
    if (report) {
        report->n = 0;
        report->overflow_blocks = report->overflow_bytes = 0;
    }
    return id;
}

/* Return: a block of the arena for it, its id; 0 when there is none. */
static uint32_t make_report(uint32_t state) {
    uint32_t id = preload.copy ? clear_report(find_report()) : 0;
    if (!id)
        id = arena_take_zeroed();
    if (id) {
        struct shm_leaks *out = arena_block(id);
        out->process = local->process_id;
        out->state = state;
    }
    return id;
}

static void publish(uint32_t id) {
    struct shm_leaks *out = arena_block(id);
    uint32_t *head = &preload.arena->leaks;
    if (find_report() == id)
        return;
    do
        out->next = load_acquire(head);
    while (!cas(head, out->next, id));
}

void leak_unknown(uint32_t state) {
    uint32_t id = make_report(state);
    if (id)
        publish(id);
}

static int collect(const struct scan *s, struct shm_leaks *out) {
    uint32_t n_nodes = load_acquire(&local->counts.n_nodes);
    uint16_t *by_node = SCRATCH(n_nodes + 1ull, uint16_t);
    if (!by_node)
        return -SHM_LEAKS_MEMORY;
    out->live_blocks = s->n_items;
    for (uint32_t i = 0; i < s->n_items; i++) {
        const struct item *item = &s->items[i];
        uint32_t node = leak_entry_node(item->entry);
        if (is_leaked(item) && node && node <= n_nodes && leak_is_ours(item->entry))
            add_leak(out, by_node, item);
    }
    return 0;
}

/* --- all of it --- */

static int prepare(struct scan *s) {
    if (!leak_complete())
        return -SHM_LEAKS_MEMORY;
    s->maps = SCRATCH(LEAK_MAPS_MAX, struct leak_map);
    if (!s->maps)
        return -SHM_LEAKS_MEMORY;
    leak_own(s->maps, LEAK_MAPS_MAX * sizeof *s->maps);
    if (!load_items(s))
        return -SHM_LEAKS_MEMORY;
    long n = leak_maps(s->maps);
    if (n < 0)
        return (int)n;
    s->n_maps = (uint32_t)n;
    s->pagemap = sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (s->pagemap < 0)
        return -SHM_LEAKS_REFUSED;
    s->mark = ITEM_REACHED;
    s->step = sizeof(uintptr_t);
    return find_holes(s) ? 0 : -SHM_LEAKS_MEMORY;
}

/* Is there a block to say something of? */
static bool is_any_lost(const struct scan *s) {
    for (uint32_t i = 0; i < s->n_items; i++)
        if (is_leaked(&s->items[i]) && leak_entry_node(s->items[i].entry) &&
            leak_is_ours(s->items[i].entry))
            return true;
    return false;
}

/* Once more, from every byte on. What was reached is read again. */
static int search_bytes(struct scan *s) {
    s->step = 1;
    s->cursor = 0;
    for (uint32_t i = 0; i < s->n_items; i++)
        if (!is_leaked(&s->items[i]))
            s->work[s->n_work++] = i;
    int r = flood(s);
    if (!r)
        r = visit_roots(s);
    if (!r)
        r = flood(s);
    s->step = sizeof(uintptr_t);
    return r;
}

static int search(struct scan *s, const struct leak_start *start) {
    for (uint32_t i = 0; i < start->n_registers; i++)
        visit(s, start->registers[i]);
    leak_kernel_words(visit, s);
    int r = visit_roots(s);
    if (!r)
        r = flood(s);
    if (!r && is_any_lost(s))
        r = search_bytes(s);
    return r ? r : find_indirect(s);
}

void leak_scan(const struct leak_start *start) {
    static struct scan scan; /* the process ends once */
    struct scan *s = &scan;
    uint64_t begin = cpu_ns();
    *s = (struct scan){.sp = start->sp, .end_ns = begin + BUDGET_NS, .pagemap = -1};
    int r = prepare(s);
    if (!r)
        r = search(s, start);
    if (s->pagemap >= 0)
        sys_close(s->pagemap);
    uint32_t id = make_report(r ? (uint32_t)-r : SHM_LEAKS_DONE);
    if (!id)
        return; /* no block: the reader misses this process, and knows nothing */
    struct shm_leaks *out = arena_block(id);
    if (!r)
        out->state = (uint32_t)-collect(s, out);
    if (!out->state)
        out->state = SHM_LEAKS_DONE;
    out->exit_node = start->exit_node;
    out->cpu_ns = cpu_ns() - begin;
    publish(id);
}
