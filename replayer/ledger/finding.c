/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deriving findings: see finding.h.
 *
 *   attempt rows, sorted by fault ─► series (all executions of one fault): do they agree?
 *        │ bad ones
 *        ▼
 *   identity ─► groups, sorted ─► rows of finding (updated, added, deleted), finding_attempt
 */
#include "finding.h"

#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "attribution.h"
#include "behind.h"
#include "catalogue.h"
#include "catalogue_store.h"
#include "error.h"
#include "facility.h"
#include "frames.h"
#include "idmap.h"
#include "place.h"
#include "store.h"
#include "store_namesakes.h"
#include "text.h"

#define LEAKS_AGREEING 2u /* executions that leak the same, for a finding */

/* All executions of one fault (site, occurrence, mode) under the same conditions, whose failure
 * was injected. */
struct series {
    uint32_t tried;
    uint32_t watched; /* of these, those that looked for leaks */
    uint32_t
        damaged; /* and those after which the program was run once more, to no good end */
    uint32_t unreached; /* executions that did not come to the call */
    bool disagrees;
    uint32_t group; /* last group that counted it */
};

struct item { /* one bad attempt */
    int64_t attempt_id, location_id;
    int64_t first_location; /* of a lasting failure: that of its first call */
    bool last_unknown;      /* and its last call is not known: a copy showed it */
    uint32_t series;        /* index */
    enum verdict verdict;
    bool once, has_place, silent;
    bool leaked; /* an item for the leak alone; the verdict, if bad, has its own */
    bool
        damaged; /* handled or reported, but what it left does harm; the verdict is no evidence of that */
    bool plain; /* nothing but the fault was different from an ordinary run */
    uint32_t repeat;
    char *policy;
    char *identity;
    char *place; /* finding.h */
    char *module;
    struct text within; /* folders of what has namesakes; empty = all names say enough */
    enum attributed_to to;
    const struct catalogue_section *facility;
};

struct place { /* how a fault's location is called */
    char *name;
    char *function; /* the same for all that are in one function: place_add() */
    char *module;
};

struct work {
    struct store *store;
    struct catalogue *catalogue; /* with what is stored in it */
    struct frames_reader *reader;
    struct idmap places; /* location id -> struct place * */
    bool
        is_suite; /* a function of a source file is one place in all programs it is linked into */
    struct store_namesakes namesakes;
    struct series *series;
    uint32_t n_series;
    struct item *items;
    uint32_t n_items;
};

static void work_deinit(struct work *w) {
    for (size_t i = 0; i < w->places.capacity; i++) {
        if (!w->places.slots[i].key)
            continue;
        struct place *p = (void *)(intptr_t)w->places.slots[i].value;
        free(p->name);
        free(p->function);
        free(p->module);
        free(p);
    }
    idmap_deinit(&w->places);
    for (uint32_t i = 0; i < w->n_items; i++) {
        free(w->items[i].policy);
        free(w->items[i].identity);
        free(w->items[i].place);
        free(w->items[i].module);
        text_deinit(&w->items[i].within);
    }
    free(w->items);
    store_namesakes_deinit(&w->namesakes);
    free(w->series);
    frames_reader_free(w->reader);
    catalogue_free(w->catalogue);
}

/* --- names of places --- */

/* A project's library is linked into each of its test programs, as a rule. */
static void add_place_of(const struct work *w, const struct frame *frame,
                         struct text *out) {
    struct frame of = *frame;
    if (w->is_suite && frame->function && frame->file && *frame->file)
        of.module = frame->file;
    place_add(&of, out);
}

/* --- names of fault locations --- */

#define LOCATION_COLUMNS(X)                                                              \
    X(LOCATION_ID, "l.id")                                                               \
    X(LOCATION_MODULE, "m.path")                                                         \
    X(LOCATION_FUNCTION, "l.function")                                                   \
    X(LOCATION_OFFSET, "l.\"offset\"")                                                   \
    X(LOCATION_MODULE_ID, "m.id")                                                        \
    X(LOCATION_FILE, "l.file")
enum { LOCATION_COLUMNS(STORE_COLUMN_ENUM) };

static int load_places(struct work *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step,
        r = store_prepare(
            w->store,
            STORE_SELECT(
                LOCATION_COLUMNS) "FROM location l "
                                  "JOIN module m ON m.id = l.module_id "
                                  "ORDER BY l.function, m.path, m.id, l.line, l.\"offset\", "
                                  "l.inline_index, l.id",
            &s);
    if (r < 0)
        return r;
    char *last = NULL;
    int64_t last_module = 0; /* another build of the same module counts anew */
    uint32_t ordinal = 0;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        struct frame f = {.module = store_column_text(s, LOCATION_MODULE),
                          .function = store_column_text(s, LOCATION_FUNCTION),
                          .file = store_column_text(s, LOCATION_FILE),
                          .offset = (uint64_t)sqlite3_column_int64(s, LOCATION_OFFSET)};
        struct place *p = text_alloc(sizeof *p);
        struct text name = {0}, function = {0};
        place_add_exact(&f, &name);
        add_place_of(w, &f, &function);
        bool again = last && strcmp(last, name.data) == 0 &&
                     sqlite3_column_int64(s, LOCATION_MODULE_ID) == last_module;
        ordinal = again ? ordinal + 1 : 1;
        last_module = sqlite3_column_int64(s, LOCATION_MODULE_ID);
        free(last);
        last = text_dup(name.data);
        if (ordinal > 1)
            text_addf(&name, "#%u", ordinal);
        p->name = text_take(&name);
        p->function = text_take(&function);
        p->module = text_dup(f.module);
        idmap_put(&w->places, sqlite3_column_int64(s, LOCATION_ID), (intptr_t)p);
    }
    free(last);
    return step == SQLITE_DONE ? 0 : store_error(w->store, "reading locations");
}

/* --- one attempt --- */

#define ATTEMPT_COLUMNS(X)                                                               \
    X(ATTEMPT_ID, "a.id")                                                                \
    X(ATTEMPT_SITE_ID, "a.site_id")                                                      \
    X(ATTEMPT_OCCURRENCE, "a.occurrence")                                                \
    X(ATTEMPT_MODE, "a.mode")                                                            \
    X(ATTEMPT_VERDICT, "a.verdict")                                                      \
    X(ATTEMPT_POLICY, "a.policy")                                                        \
    X(ATTEMPT_REPEAT, "a.repeat")                                                        \
    X(ATTEMPT_CRASH_STACK, "a.crash_stack_id")                                           \
    X(ATTEMPT_EXE, "coalesce(a.crash_exe, a.fired_exe, rec.exe)")                        \
    X(ATTEMPT_STACK, "coalesce(ns.stack_id, s.stack_id)")                                \
    X(ATTEMPT_LOCATION, "coalesce(ns.location_id, s.location_id)")                       \
    X(ATTEMPT_KEY, "hex(coalesce(ns.key, s.key))")                                       \
    X(ATTEMPT_FIRST_STACK, "s.stack_id")                                                 \
    X(ATTEMPT_FIRST_LOCATION, "s.location_id")                                           \
    X(ATTEMPT_LAST_UNKNOWN, "a.also_failed > 0 AND ns.id IS NULL")                       \
    X(ATTEMPT_HAS_CAUSE, "a.cause IS NOT NULL")                                          \
    X(ATTEMPT_BOUNDARY, "coalesce(a.boundary, 0)")                                       \
    X(ATTEMPT_NULL_ADDRESS,                                                              \
      "CASE a.crash_signal WHEN 11 THEN a.crash_address ELSE 0 END")                     \
    X(ATTEMPT_LEAKED, "a.leaked")                                                        \
    X(ATTEMPT_LEAK_LOCATION, "ls.location_id")                                           \
    X(ATTEMPT_LEAK_KEY, "hex(ls.key)")                                                   \
    X(ATTEMPT_LEAK_STACK, "ls.stack_id")                                                 \
    X(ATTEMPT_DAMAGED,                                                                   \
      "a.verdict IN ('handled', 'reported') AND a.severity = 'warning' AND "             \
      "coalesce(a.leaked, 0) = 0")                                                       \
    X(ATTEMPT_LEFT, "json_extract(a.differs, '$[0].what')")                              \
    X(ATTEMPT_UNDER, "a.under")                                                          \
    X(ATTEMPT_DAMAGE_WHERE, "a.damage_where")                                            \
    X(ATTEMPT_SILENT, "a.silent")                                                        \
    X(ATTEMPT_SECOND_SITE, "coalesce(a.second_site_id, 0)")                              \
    X(ATTEMPT_BURST, "a.burst")                                                          \
    X(ATTEMPT_THREAD, "a.thread")                                                        \
    X(ATTEMPT_CHANCE, "a.chance")                                                        \
    X(ATTEMPT_SCOPE, "a.scope")                                                          \
    X(ATTEMPT_SAMPLE_STACK_ID, "a.sample_stack_id")                                      \
    X(ATTEMPT_HANG, "a.hang")                                                            \
    X(ATTEMPT_HANG_CALL, "a.hang_call")                                                  \
    X(ATTEMPT_SIGNAL, "coalesce(a.crash_signal, a.exit_signal, 0)")                      \
    X(ATTEMPT_DAMAGE_LOCATION, "ds.location_id")                                         \
    X(ATTEMPT_DAMAGE_STACK, "coalesce(ds.stack_id, gs.stack_id)")
enum { ATTEMPT_COLUMNS(STORE_COLUMN_ENUM) };

/* What was not run by itself shows no more than the run that it was inferred from, and counts in no rate.
 * A pair is named after its second failure. When it shows no more than the first alone, it is no
 * finding. */
static const char attempts_sql[] = STORE_SELECT(
    ATTEMPT_COLUMNS) "FROM attempt a JOIN site s ON s.id = coalesce(a.second_site_id, a.site_id) JOIN "
                     "replay r ON r.id = a.replay_id JOIN recording rec ON rec.id = r.recording_id LEFT "
                     /* where a failure lasts, it is the last call that met somebody who did not expect it */
                     "JOIN site ns ON ns.id = a.last_site_id AND a.verdict IN ('crashed', 'corrupted', "
                     "'aborted') LEFT JOIN site ls ON a.leaked > 0 AND ls.id = (SELECT k.site_id FROM leak k JOIN site ks "
                     "ON ks.id = k.site_id WHERE k.attempt_id = a.id ORDER BY k.direct > 0 DESC, k.bytes "
                     "DESC, ks.key LIMIT 1) LEFT JOIN site ds ON ds.id = a.damage_site_id "
                     /* what a guarded attempt of the same fault has shown to be damaged */
                     "LEFT JOIN site gs ON a.verdict IN ('crashed', 'corrupted', 'hung') AND a.under = 'plain' AND gs.id = (SELECT "
                     "max(g.damage_site_id) FROM attempt g JOIN replay gr ON gr.id = g.replay_id WHERE g.site_id = a.site_id AND "
                     "g.occurrence = a.occurrence AND g.mode = a.mode AND g.burst = a.burst AND g.second_site_id IS "
                     "a.second_site_id AND g.under = 'guarded' AND gr.recording_id = r.recording_id) WHERE (a.fired = 1 OR a.verdict = 'unreached') AND NOT a.inferred AND NOT "
                     "(a.second_site_id IS NOT NULL AND EXISTS (SELECT 1 FROM attempt b JOIN replay br ON "
                     "br.id = b.replay_id WHERE b.site_id = a.site_id AND b.occurrence = a.occurrence AND "
                     "b.mode = 'once' AND b.second_site_id IS NULL AND b.fired AND b.verdict = a.verdict "
                     "AND br.recording_id = r.recording_id)) "
                     /* in a sweep an earlier fault may have done it: only what showed alone as well */
                     "AND (a.how <> 'sweep' OR a.severity IN ('ok', 'none') OR EXISTS (SELECT 1 FROM "
                     "attempt b JOIN replay br ON br.id = b.replay_id WHERE b.site_id = a.site_id AND "
                     "b.occurrence = a.occurrence AND b.mode = a.mode AND b.how = 'rerun' AND b.verdict = "
                     "a.verdict AND br.recording_id = r.recording_id)) ORDER BY r.recording_id, "
                     "a.site_id, a.occurrence, a.mode, a.second_site_id, a.burst, a.under, a.thread, "
                     "a.chance, a.scope, a.id";

static bool has_place(enum verdict v) {
    return v == VERDICT_CRASHED || v == VERDICT_CORRUPTED || v == VERDICT_ABORTED;
}

/* Damage that came to light at some later time: that stack is not where it was done. */
static bool found_later(const char *damage_where) {
    return damage_where &&
           (strcmp(damage_where, "exit") == 0 || strcmp(damage_where, "eviction") == 0);
}

/* "crashed|SIGSEGV", and what follows is where and whose. */
static void begin_place(sqlite3_stmt *s, const struct item *item, struct text *place) {
    char buf[24];
    int signal = sqlite3_column_int(s, ATTEMPT_SIGNAL);
    text_add(place, verdict_name(item->verdict));
    if (signal && has_place(item->verdict))
        text_addf(place, "|%s", signal_name(signal, buf));
    text_add(place, "|");
}

/* @frame: where it went wrong, or who is to blame for it; @a: in whom */
static void blame(const struct work *w, sqlite3_stmt *s, struct item *item,
                  const struct attribution *a, const struct frame *frame) {
    struct text place = {0};
    begin_place(s, item, &place);
    add_place_of(w, frame, &place);
    if (a->called) {
        text_add(&place, "|");
        place_add(a->called, &place);
    }
    if (item->policy)
        text_addf(&place, "|%s", item->policy);
    item->place = text_take(&place);
    item->module = text_dup(a->module);
    item->to = a->to;
}

/* Nothing but a location to go by: the fault's own, or that of the block which was damaged. */
static void blame_location(struct work *w, sqlite3_stmt *s, struct item *item) {
    int64_t value, damaged = sqlite3_column_int64(s, ATTEMPT_DAMAGE_LOCATION);
    struct text place = {0};
    begin_place(s, item, &place);
    if (idmap_get(&w->places, damaged, &value) ||
        idmap_get(&w->places, item->location_id, &value))
        text_add(&place, ((struct place *)(intptr_t)value)->function);
    else
        text_add(&place, store_column_text(s, ATTEMPT_KEY));
    item->place = text_take(&place);
    if (!idmap_get(&w->places, item->location_id, &value))
        return;
    item->module = text_dup(((struct place *)(intptr_t)value)->module);
    item->to =
        attribution_class(w->catalogue, item->module, store_column_text(s, ATTEMPT_EXE));
}

/* Does it stay in the innermost call that the samples show, as who waits does? Who runs may have left it
 * and called again. */
static bool stays_in_call(const char *hang) {
    return !hang || (strcmp(hang, hang_name(HANG_SPINNING)) != 0 &&
                     strcmp(hang, hang_name(HANG_ALLOCATING)) != 0 &&
                     strcmp(hang, hang_name(HANG_PRINTING)) != 0 &&
                     strcmp(hang, hang_name(HANG_RECURSING)) != 0);
}

/* Where a hung program was is chance: its place is in no identity. */
static int blame_for_hang(struct work *w, sqlite3_stmt *s, const struct frames *fault,
                          struct item *item) {
    AUTO_FRAMES struct frames first = {0};
    AUTO_FRAMES struct frames later = {0};
    int r = frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_CRASH_STACK), &first);
    if (r == 0)
        r = frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_SAMPLE_STACK_ID),
                        &later);
    if (r < 0)
        return r;
    uint32_t at = frames_meet(&first, &later);
    const char *exe = store_column_text(s, ATTEMPT_EXE);
    struct attribution a =
        attribution_wait(w->catalogue, fault->items, fault->n, first.items + at,
                         first.n - at, store_column_text(s, ATTEMPT_HANG_CALL), exe);
    if (!a.place) /* without a fault the runtime is not to blame: its caller calls it again */
        a = attribution_hang(w->catalogue, fault->items,
                             stays_in_call(store_column_text(s, ATTEMPT_HANG)) ? fault->n
                                                                               : 0,
                             first.items + at, first.n - at, exe);
    if (a.place)
        blame(w, s, item, &a, a.place);
    return 0;
}

/* Of the frame that the fault's location stands for: what lies further in is an allocator's wrapper. */
static uint32_t index_of_location(const struct work *w, const struct item *item,
                                  const struct frames *fault) {
    int64_t value;
    if (!idmap_get(&w->places, item->location_id, &value))
        return 0;
    for (uint32_t i = 0; i < fault->n; i++) {
        AUTO_TEXT struct text name = {0};
        add_place_of(w, &fault->items[i], &name);
        if (strcmp(name.data, ((struct place *)(intptr_t)value)->function) == 0)
            return i;
    }
    return 0;
}

/* Whoever asked was refused; who ignored it is who went on. Where several functions of one module have
 * returned since, any of them may have: then the place that asked tells one defect from the next. */
static int blame_who_went_on(struct work *w, sqlite3_stmt *s, const struct frames *fault,
                             struct item *item) {
    AUTO_FRAMES struct frames after = {0};
    int r =
        frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_SAMPLE_STACK_ID), &after);
    if (r < 0 || !after.n)
        return r;
    uint32_t at = frames_part(fault, &after);
    uint32_t asked = index_of_location(w, item, fault);
    if (at <= asked)
        return 0; /* a wrapper, which says that there is no memory, say */
    struct attribution a = attribution_ignored(w->catalogue, fault->items, fault->n, at,
                                               store_column_text(s, ATTEMPT_EXE));
    bool near = at == asked + 1;
    if (a.place && (near || strcmp(a.place->module, fault->items[asked].module) != 0)) {
        blame(w, s, item, &a, a.place);
        item->has_place = true;
    }
    return 0;
}

static void add_identity(const struct frame *frame, struct text *identity) {
    text_add(identity, "|");
    place_add_exact(frame, identity);
}

/* Frame @number of a stack, from 1, inlined ones not counted; NULL = it has none. */
static const struct frame *physical(const struct frames *stack, uint32_t number) {
    for (uint32_t i = 0; number && i < stack->n; i++)
        if (!stack->items[i].inlined && --number == 0)
            return &stack->items[i];
    return NULL;
}

/* The innermost frame that is of no runtime; 0 when all are. */
static uint32_t first_own(const struct catalogue *catalogue, const struct frames *stack,
                          const char *exe) {
    for (uint32_t i = 0; i < stack->n; i++) {
        enum attributed_to to = attribution_class(catalogue, stack->items[i].module, exe);
        if (to == ATTRIBUTED_PROGRAM || to == ATTRIBUTED_LIBRARY)
            return i;
    }
    return 0;
}

/* It ended on a stack: whose is it? @a: as attribution_decide() */
static struct attribution attribute_end(struct work *w, sqlite3_stmt *s,
                                        const struct frames *fault,
                                        const struct frames *crash) {
    const char *exe = store_column_text(s, ATTEMPT_EXE);
    const char *why = "recursion";
    const struct frame *place = attribution_recursion(
        w->catalogue, crash->items, crash->n,
        (uint64_t)sqlite3_column_int64(s, ATTEMPT_NULL_ADDRESS), exe);
    if (!place) {
        place = physical(crash, (uint32_t)sqlite3_column_int64(s, ATTEMPT_BOUNDARY));
        why = "lets no exception out";
    }
    if (place)
        return (struct attribution){
            .to = attribution_class(w->catalogue, place->module, exe),
            .module = place->module,
            .place = place,
            .why = why};
    /* a runtime that ends a program for the program's mistake is not to blame */
    uint32_t first = sqlite3_column_int(s, ATTEMPT_HAS_CAUSE)
                         ? first_own(w->catalogue, crash, exe)
                         : 0;
    return attribution_decide(w->catalogue, fault->items, fault->n, crash->items + first,
                              crash->n - first, exe);
}

/* Stacks of the call that the finding is of, and of the end. */
static int load_stacks(struct work *w, sqlite3_stmt *s, struct item *item,
                       struct frames *fault, struct frames *crash) {
    int r = frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_FIRST_STACK), fault);
    if (r == 0 && has_place(item->verdict) &&
        !found_later(store_column_text(s, ATTEMPT_DAMAGE_WHERE)))
        r = frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_CRASH_STACK), crash);
    bool reserve = r == 0 && crash->n &&
                   attribution_reserve(w->catalogue, fault->items, fault->n, crash->items,
                                       crash->n, store_column_text(s, ATTEMPT_EXE));
    /* what failed at the start is missing, not what failed last */
    if (reserve)
        item->location_id = item->first_location;
    if (r < 0 || reserve)
        return r;
    frames_deinit(fault);
    return frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_STACK), fault);
}

/* A facility of the C library, and the frame by which it was entered; NULL = none. */
static const struct catalogue_section *facility_of(const struct work *w, sqlite3_stmt *s,
                                                   const struct frames *stack,
                                                   const struct frame **entry) {
    return facility_find(w->catalogue, stack->items, stack->n,
                         store_column_text(s, ATTEMPT_EXE), entry);
}

/* The call that failed was of a facility of the C library, for itself, and so is the block that was damaged then:
 * the program has neither in hand. @entry: of that call, in @fault; NULL = it is not so */
static int damaged_its_own(const struct work *w, sqlite3_stmt *s,
                           const struct frames *fault, const struct frame **entry) {
    AUTO_FRAMES struct frames block = {0};
    const struct frame *of_call = NULL, *of_block = NULL;
    *entry = NULL;
    int64_t stack = sqlite3_column_int64(s, ATTEMPT_DAMAGE_STACK);
    int r = stack ? frames_load(w->reader, stack, &block) : 0;
    if (r < 0 || !block.n)
        return r;
    const struct catalogue_section *facility = facility_of(w, s, fault, &of_call);
    if (facility && facility == facility_of(w, s, &block, &of_block))
        *entry = of_call;
    return 0;
}

static int attribute(struct work *w, sqlite3_stmt *s, struct item *item,
                     const struct frames *fault, const struct frames *crash,
                     struct text *identity) {
    const struct frame *its_own;
    int r = damaged_its_own(w, s, fault, &its_own);
    if (r < 0)
        return r;
    if (its_own) {
        struct attribution libc = {.to = ATTRIBUTED_LIBC, .module = its_own->module};
        add_identity(its_own, identity);
        blame(w, s, item, &libc, its_own);
        item->has_place = true;
        return 0;
    }
    struct attribution a = attribute_end(w, s, fault, crash);
    attribution_of_harness(w->catalogue, &a);
    if (a.place) {
        add_identity(a.place, identity);
        blame(w, s, item, &a, a.place);
        item->has_place = true;
        return 0;
    }
    const struct frame *entry = NULL;
    /* when later allocations fail as well, any of them may have changed the output */
    if (item->verdict == VERDICT_DEGRADED && item->once)
        item->facility = facility_of(w, s, fault, &entry);
    if (item->facility) {
        add_identity(entry, identity);
        a = (struct attribution){.to = ATTRIBUTED_LIBC, .module = entry->module};
        blame(w, s, item, &a, entry);
        return 0;
    }
    if (item->verdict == VERDICT_HUNG)
        r = blame_for_hang(w, s, fault, item);
    else if (item->verdict == VERDICT_DEGRADED && item->once)
        r = blame_who_went_on(w, s, fault, item);
    if (r == 0 && !item->module)
        blame_location(w, s, item);
    return r;
}

static struct item *next_item(struct work *w, sqlite3_stmt *s, enum verdict verdict) {
    w->items = text_grow(w->items, w->n_items, sizeof *w->items);
    struct item *item = &w->items[w->n_items++];
    *item = (struct item){
        .attempt_id = sqlite3_column_int64(s, ATTEMPT_ID),
        .location_id = sqlite3_column_int64(s, ATTEMPT_LOCATION),
        .first_location = sqlite3_column_int64(s, ATTEMPT_FIRST_LOCATION),
        .last_unknown = sqlite3_column_int(s, ATTEMPT_LAST_UNKNOWN),
        .series = w->n_series - 1,
        .verdict = verdict,
        .once = strcmp(store_column_text(s, ATTEMPT_MODE), "once") == 0,
        .plain = under_from_name(store_column_text(s, ATTEMPT_UNDER)) != UNDER_GUARDED,
        .silent = sqlite3_column_int(s, ATTEMPT_SILENT) > 0,
        .repeat = (uint32_t)sqlite3_column_int64(s, ATTEMPT_REPEAT),
        .policy = text_dup(store_column_text(s, ATTEMPT_POLICY))};
    return item;
}

/* The place of a location, or where there is none the site's key in @column. */
static void add_place(struct work *w, int64_t location_id, sqlite3_stmt *s, int column,
                      struct text *out) {
    int64_t place;
    if (idmap_get(&w->places, location_id, &place))
        text_add(out, ((struct place *)(intptr_t)place)->name);
    else
        text_add(out, store_column_text(s, column));
}

/* Who forgot: the innermost function that both the failed call and the leaked block came
 * from had the one in hand when the other failed. @fault, @leak: of the same run. */
static const struct frame *forgetful(const struct frames *fault,
                                     const struct frames *leak) {
    uint32_t i = 0;
    while (i < fault->n && i < leak->n) {
        const struct frame *a = &fault->items[fault->n - 1 - i];
        const struct frame *b = &leak->items[leak->n - 1 - i];
        if (strcmp(a->module, b->module) != 0)
            break;
        i++;
        if (a->offset != b->offset || a->inline_index != b->inline_index)
            break; /* two calls in one function, or two functions of one module */
    }
    return i ? &leak->items[leak->n - i] : leak->n ? &leak->items[0] : NULL;
}

static void add_folder(const struct work *w, const char *module, struct item *item) {
    const char *folder = store_namesakes_folder(&w->namesakes, module);
    if (!folder || (item->within.n && strcmp(item->within.data, folder) == 0))
        return;
    text_addf(&item->within, "%s%s", item->within.n ? ", " : "", folder);
}

/* Of the modules that an identity names: the location's, and the one to blame. */
static void add_folders(struct work *w, struct item *item) {
    int64_t place = 0;
    if (idmap_get(&w->places, item->location_id, &place))
        add_folder(w, ((struct place *)(intptr_t)place)->module, item);
    add_folder(w, item->module, item);
}

/* One missing free is met from many sites: the finding is who forgot, and where the block
 * came from that the others hang on. */
static int add_leak(struct work *w, sqlite3_stmt *s, enum verdict verdict) {
    AUTO_FRAMES struct frames fault = {0};
    AUTO_FRAMES struct frames leak = {0};
    struct item *item = next_item(w, s, verdict);
    struct text identity = {0};
    int r = frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_STACK), &fault);
    if (r == 0)
        r = frames_load(w->reader, sqlite3_column_int64(s, ATTEMPT_LEAK_STACK), &leak);
    const struct frame *owner = r == 0 ? forgetful(&fault, &leak) : NULL;
    text_add(&identity, "leaked|");
    if (owner) {
        place_add_exact(owner, &identity);
        item->module = text_dup(owner->module);
        item->to = attribution_class(w->catalogue, item->module,
                                     store_column_text(s, ATTEMPT_EXE));
    }
    text_add(&identity, "|");
    add_place(w, sqlite3_column_int64(s, ATTEMPT_LEAK_LOCATION), s, ATTEMPT_LEAK_KEY,
              &identity);
    struct text place = {0};
    text_add(&place, "leaked|");
    add_place(w, sqlite3_column_int64(s, ATTEMPT_LEAK_LOCATION), s, ATTEMPT_LEAK_KEY,
              &place);
    item->place = text_take(&place);
    item->leaked = item->has_place = true;
    item->identity = text_take(&identity);
    add_folders(w, item);
    return r;
}

/* Each kind of what was left is a finding of its own. */
static const char *kind_of_damage(sqlite3_stmt *s) {
    const char *left = store_column_text(s, ATTEMPT_LEFT);
    static const char *const kinds[][2] = {{"process", "left running"},
                                           {"descriptor", "left open"},
                                           {"lock", "left locked"},
                                           {"child", "left unreaped"}};
    for (size_t i = 0; left && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(left, kinds[i][0]) == 0)
            return kinds[i][1];
    return "damaged";
}

/* @damaged: by what it left */
static int add_item(struct work *w, sqlite3_stmt *s, enum verdict verdict, bool damaged) {
    AUTO_FRAMES struct frames fault = {0};
    AUTO_FRAMES struct frames crash = {0};
    struct item *item = next_item(w, s, verdict);
    struct text identity = {0};
    item->damaged = damaged;
    int r = load_stacks(w, s, item, &fault, &crash);
    text_addf(&identity, "%s|", damaged ? kind_of_damage(s) : verdict_name(verdict));
    add_place(w, item->location_id, s, ATTEMPT_KEY, &identity);
    if (r == 0)
        r = attribute(w, s, item, &fault, &crash, &identity);
    item->identity = text_take(&identity);
    add_folders(w, item);
    return r;
}

struct series_key {
    int64_t site, occurrence, second, burst;
    enum fault_mode mode;
    enum under under;
    enum thread_role thread;
    uint64_t chance, scope; /* hashes */
};

static bool same_series(const struct series_key *a, const struct series_key *b) {
    return a->site == b->site && a->occurrence == b->occurrence &&
           a->second == b->second && a->burst == b->burst && a->mode == b->mode &&
           a->under == b->under && a->thread == b->thread && a->chance == b->chance &&
           a->scope == b->scope;
}

static struct series *next_series(struct work *w) {
    w->series = text_grow(w->series, w->n_series, sizeof *w->series);
    w->series[w->n_series] = (struct series){0};
    return &w->series[w->n_series++];
}

static int load_attempts(struct work *w) {
    AUTO_STMT sqlite3_stmt *s = NULL;
    int step, r = store_prepare(w->store, attempts_sql, &s);
    if (r < 0)
        return r;
    struct series_key last = {0};
    enum verdict first = VERDICT_NONE;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        const char *chance = store_column_text(s, ATTEMPT_CHANCE);
        const char *scope = store_column_text(s, ATTEMPT_SCOPE);
        struct series_key key = {
            .chance = chance ? key_hash(chance, strlen(chance)).lo : 0,
            .scope = scope ? key_hash(scope, strlen(scope)).lo : 0,
            .site = sqlite3_column_int64(s, ATTEMPT_SITE_ID),
            .occurrence = sqlite3_column_int64(s, ATTEMPT_OCCURRENCE),
            .second = sqlite3_column_int64(s, ATTEMPT_SECOND_SITE),
            .burst = sqlite3_column_int64(s, ATTEMPT_BURST),
            .mode = fault_mode_from_name(store_column_text(s, ATTEMPT_MODE)),
            .under = under_from_name(store_column_text(s, ATTEMPT_UNDER)),
            .thread = thread_role_from_name(store_column_text(s, ATTEMPT_THREAD))};
        enum verdict verdict = verdict_from_name(store_column_text(s, ATTEMPT_VERDICT));
        if (!w->n_series || !same_series(&key, &last)) {
            next_series(w);
            first = verdict;
            last = key;
        }
        struct series *series = &w->series[w->n_series - 1];
        if (verdict == VERDICT_UNREACHED) {
            series->unreached++;
            continue;
        }
        if (!series->tried)
            first = verdict;
        series->tried++;
        series->disagrees |= verdict != first;
        series->watched += sqlite3_column_type(s, ATTEMPT_LEAKED) != SQLITE_NULL;
        if (sqlite3_column_int64(s, ATTEMPT_LEAKED) > 0 &&
            sqlite3_column_type(s, ATTEMPT_LEAK_KEY) != SQLITE_NULL &&
            (r = add_leak(w, s, verdict)) < 0)
            return r;
        bool damaged = sqlite3_column_int(s, ATTEMPT_DAMAGED) > 0;
        series->damaged += damaged;
        if ((verdict_severity(verdict) >= SEVERITY_POLICY || damaged) &&
            (r = add_item(w, s, verdict, damaged)) < 0)
            return r;
    }
    return step == SQLITE_DONE ? 0 : store_error(w->store, "reading attempts");
}

/* --- groups --- */

static enum severity severity_of(const struct item *item) {
    enum severity severity = verdict_severity(item->verdict);
    return (item->leaked || item->damaged) && severity == SEVERITY_OK ? SEVERITY_WARNING
                                                                      : severity;
}

/* By severity, identity; within one the best evidence first: with a stack, not
 * guarded, silent, once, not a repeat. */
static int compare_items(const void *x, const void *y) {
    const struct item *a = x, *b = y;
    int severity = (int)severity_of(b) - (int)severity_of(a);
    if (severity)
        return severity;
    int identity = strcmp(a->identity, b->identity);
    if (identity)
        return identity;
    if (a->has_place != b->has_place)
        return a->has_place ? -1 : 1;
    if (a->plain != b->plain)
        return a->plain ? -1 : 1;
    if (a->silent != b->silent)
        return a->silent ? -1 : 1;
    if (a->once != b->once)
        return a->once ? -1 : 1;
    if (a->repeat != b->repeat)
        return a->repeat < b->repeat ? -1 : 1;
    return a->attempt_id < b->attempt_id ? -1 : a->attempt_id > b->attempt_id;
}

struct group {
    const struct item *items;
    uint32_t n;
    uint32_t tried, unreached;
    bool flaky; /* no fault of it showed the same every time */
};

/* @number: of the group, from 1 */
static struct group make_group(struct work *w, const struct item *items, uint32_t n,
                               uint32_t number) {
    struct group g = {.items = items, .n = n, .flaky = true};
    for (uint32_t i = 0; i < n; i++) {
        struct series *s = &w->series[items[i].series];
        if (s->group != number) {
            g.tried += items[i].leaked    ? s->watched
                       : items[i].damaged ? s->damaged
                                          : s->tried;
            g.unreached += s->unreached;
        }
        s->group = number;
        g.flaky &= s->disagrees && !items[i].leaked && !items[i].damaged;
    }
    return g;
}

/* What a finding says; the attempts decide it anew each time. */
#define FINDING_STANDING(X)                                                              \
    X(FINDING_VERDICT, "verdict")                                                        \
    X(FINDING_SEVERITY, "severity")                                                      \
    X(FINDING_ATTRIBUTED_MODULE, "attributed_module")                                    \
    X(FINDING_ATTRIBUTED_TO, "attributed_to")                                            \
    X(FINDING_POLICY, "policy")                                                          \
    X(FINDING_PLACE, "place")                                                            \
    X(FINDING_LOCATION_ID, "location_id")                                                \
    X(FINDING_ATTEMPT_ID, "attempt_id")                                                  \
    X(FINDING_BAD, "bad")                                                                \
    X(FINDING_TRIED, "tried")                                                            \
    X(FINDING_UNREACHED, "unreached")                                                    \
    X(FINDING_FACILITY, "facility")                                                      \
    X(FINDING_EFFECT, "effect")
#define FINDING_COLUMNS(X)                                                               \
    X(FINDING_REPLAY_ID, "replay_id") X(FINDING_IDENTITY, "identity") FINDING_STANDING(X)
enum { FINDING_FIRST = 0, FINDING_COLUMNS(STORE_COLUMN_ENUM) FINDING_LEAKED };

enum { LINK_FINDING_ID = 1, LINK_ATTEMPT_ID };

struct statements {
    sqlite3_stmt *upsert, *find, *link;
};

static int store_group(struct work *w, const struct statements *t, const struct group *g,
                       int64_t replay_id) {
    const struct item *best = &g->items[0];
    enum verdict verdict = g->flaky ? VERDICT_FLAKY : best->verdict;
    sqlite3_bind_int64(t->upsert, FINDING_REPLAY_ID, replay_id);
    store_bind_text(t->upsert, FINDING_IDENTITY, best->identity);
    store_bind_text(t->upsert, FINDING_VERDICT, verdict_name(verdict));
    store_bind_text(
        t->upsert, FINDING_SEVERITY,
        severity_name(g->flaky ? verdict_severity(verdict) : severity_of(best)));
    store_bind_text(t->upsert, FINDING_ATTRIBUTED_MODULE, best->module);
    store_bind_text(t->upsert, FINDING_ATTRIBUTED_TO, attribution_name(best->to));
    store_bind_text(t->upsert, FINDING_POLICY, best->policy);
    store_bind_text(t->upsert, FINDING_PLACE, best->place);
    if (best->location_id)
        sqlite3_bind_int64(t->upsert, FINDING_LOCATION_ID, best->location_id);
    sqlite3_bind_int64(t->upsert, FINDING_ATTEMPT_ID, best->attempt_id);
    sqlite3_bind_int64(t->upsert, FINDING_BAD, g->n);
    sqlite3_bind_int64(t->upsert, FINDING_TRIED, g->tried);
    sqlite3_bind_int(t->upsert, FINDING_LEAKED, best->leaked);
    sqlite3_bind_int64(t->upsert, FINDING_UNREACHED, g->unreached);
    store_bind_text(t->upsert, FINDING_FACILITY,
                    best->facility ? best->facility->name : NULL);
    store_bind_text(t->upsert, FINDING_EFFECT,
                    best->facility ? best->facility->effect : NULL);
    int r = store_step_done(w->store, t->upsert);
    if (r < 0)
        return r;
    store_bind_text(t->find, 1, best->identity);
    if (sqlite3_step(t->find) != SQLITE_ROW)
        return store_error(w->store, "reading a finding");
    int64_t id = sqlite3_column_int64(t->find, 0);
    sqlite3_reset(t->find);
    for (uint32_t i = 0; i < g->n && r == 0; i++) {
        sqlite3_bind_int64(t->link, LINK_FINDING_ID, id);
        sqlite3_bind_int64(t->link, LINK_ATTEMPT_ID, g->items[i].attempt_id);
        r = store_step_done(w->store, t->link);
    }
    return r;
}

static int prepare(struct work *w, struct statements *t) {
    int r = store_prepare(
        w->store,
        "INSERT INTO finding (" FINDING_COLUMNS(STORE_COLUMN_SQL) "leaked) VALUES (" FINDING_COLUMNS(
            STORE_COLUMN_PLACE) "?) ON CONFLICT (identity) DO UPDATE SET " FINDING_STANDING(STORE_COLUMN_NEWER) "leaked = excluded.leaked",
        &t->upsert);
    if (r == 0)
        r = store_prepare(w->store, "SELECT id FROM finding WHERE identity = ?1",
                          &t->find);
    if (r == 0)
        r = store_prepare(w->store,
                          "INSERT INTO finding_attempt (finding_id, attempt_id) "
                          "VALUES (?, ?)",
                          &t->link);
    return r;
}

static bool is_in_same(const struct item *a, const struct item *b) {
    return a->within.n == b->within.n &&
           (!a->within.n || strcmp(a->within.data, b->within.data) == 0);
}

/* Last, so that what comes before it is as it is without namesakes. */
static void tell_namesakes_apart(struct work *w) {
    for (uint32_t i = 0; i < w->n_items; i++) {
        struct item *item = &w->items[i];
        if (!item->within.n)
            continue;
        char *identity =
            text_format("%s" FINDING_WITHIN "%s", item->identity, item->within.data);
        free(item->identity);
        item->identity = identity;
        if (!item->place)
            continue;
        char *place =
            text_format("%s" FINDING_WITHIN "%s", item->place, item->within.data);
        free(item->place);
        item->place = place;
    }
}

/* An end without a stack (untraced) is taken for the same verdict at the same location whose place
 * is known. Identities are sorted, so those that begin with this one come after it. */
static void adopt_places(struct work *w) {
    for (uint32_t i = 0; i < w->n_items; i++) {
        struct item *item = &w->items[i];
        size_t n = strlen(item->identity);
        if (!has_place(item->verdict) || item->has_place)
            continue;
        for (uint32_t k = i + 1; k < w->n_items; k++) {
            const struct item *other = &w->items[k];
            if (strncmp(other->identity, item->identity, n) != 0)
                break;
            if (other->identity[n] != '|' || !is_in_same(item, other))
                continue;
            free(item->identity);
            free(item->place);
            item->identity = text_dup(other->identity);
            item->place = text_dup(other->place);
            break;
        }
    }
}

/* What comes behind the location in an identity. */
static const char *place_of(const struct item *item) {
    const char *location = strchr(item->identity, '|');
    const char *place = location ? strchr(location + 1, '|') : NULL;
    return place ? place : "";
}

/* Which call was the last to fail is known of whole programs. A copy that went wrong at the same place,
 * and failed first at the same location, is taken for the same. */
static void adopt_last_calls(struct work *w) {
    for (uint32_t i = 0; i < w->n_items; i++) {
        struct item *item = &w->items[i];
        const struct item *same = NULL;
        for (uint32_t k = 0; item->last_unknown && !item->leaked && k < w->n_items; k++) {
            const struct item *other = &w->items[k];
            if (other->once || other->last_unknown || other->leaked ||
                other->verdict != item->verdict ||
                other->first_location != item->first_location ||
                !is_in_same(other, item) || strcmp(place_of(other), place_of(item)) != 0)
                continue;
            if (!same || other->series == item->series)
                same = other;
        }
        if (!same)
            continue;
        free(item->identity);
        item->identity = text_dup(same->identity);
        item->location_id = same->location_id;
    }
}

static int store_groups(struct work *w, int64_t replay_id) {
    struct statements t = {0};
    int r = prepare(w, &t);
    if (r == 0)
        r = store_exec(w->store, "DELETE FROM finding_attempt");
    for (uint32_t i = 0, n; i < w->n_items && r == 0; i += n) {
        for (n = 1; i + n < w->n_items &&
                    strcmp(w->items[i].identity, w->items[i + n].identity) == 0;)
            n++;
        if (w->items[i].leaked && n < LEAKS_AGREEING)
            continue; /* a stale word may have held it in the others */
        struct group g = make_group(w, &w->items[i], n, i + 1);
        r = store_group(w, &t, &g, replay_id);
    }
    sqlite3_finalize(t.upsert);
    sqlite3_finalize(t.find);
    sqlite3_finalize(t.link);
    /* what no attempt stands for any more */
    if (r == 0)
        r = store_exec(w->store, "DELETE FROM finding WHERE id NOT IN "
                                 "(SELECT finding_id FROM finding_attempt)");
    return r;
}

int finding_store_reach(struct store *store, bool all) {
    return store_exec(store, all ? "INSERT OR REPLACE INTO setting(name, value) SELECT "
                                   "'findings_of', coalesce(max(id), 0) FROM attempt"
                                 : "INSERT OR REPLACE INTO setting(name, value) VALUES "
                                   "('findings_of', 0)");
}

bool finding_is_behind(struct store *store) {
    return store_int(store, "SELECT EXISTS (SELECT 1 FROM attempt WHERE " BEHIND_IS ")",
                     0) != 0;
}

int finding_derive(struct store *store, int64_t replay_id) {
    struct work w = {.store = store, .catalogue = catalogue_new()};
    int r = catalogue_load(w.catalogue, store);
    if (r == 0)
        r = frames_reader_new(store, &w.reader);
    if (r == 0)
        r = store_begin(store);
    if (r == 0)
        r = store_namesakes_load(store, &w.namesakes);
    w.is_suite = store_int(store, "SELECT EXISTS (SELECT 1 FROM unit_run)", 0) != 0;
    if (r == 0)
        r = load_places(&w);
    if (r == 0)
        r = load_attempts(&w);
    adopt_last_calls(&w);
    for (int pass = 0; pass < 2 && w.n_items; pass++) {
        qsort(w.items, w.n_items, sizeof *w.items, compare_items);
        if (pass == 0) {
            adopt_places(&w);
            tell_namesakes_apart(&w);
        }
    }
    if (r == 0)
        r = store_groups(&w, replay_id);
    if (r == 0)
        r = finding_store_reach(store, true);
    if (r == 0)
        r = store_commit(store);
    if (r < 0)
        store_rollback(store);
    work_deinit(&w);
    return r;
}
