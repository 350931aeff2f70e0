/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth stats`: where a recording's memory went.
 *
 *   site_stat (or the events) ──profile──► items ──sort, limit──► table | JSON
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "build_folder.h"
#include "cli.h"
#include "commands.h"
#include "error.h"
#include "frames.h"
#include "heading.h"
#include "idmap.h"
#include "kept.h"
#include "listing.h"
#include "profile.h"
#include "short_name.h"
#include "store.h"
#include "store_programs.h"
#include "terminal.h"
#include "text.h"
#include "words.h"

enum format { FORMAT_TEXT, FORMAT_JSON };

struct stats {
    int by, sort, format;
    int64_t limit, recording;
    const char *program;
    uint32_t printed; /* recordings */
    bool leaks, stacks;
    bool unknown; /* leaks: which there are cannot be told */
    uint64_t tail_ns;
    struct store *store;
    struct heading heading;
    struct profile profile;
    struct frames_reader *frames;
};

static bool from_events(int by) {
    return by == PROFILE_BY_SIZE || by == PROFILE_BY_THREAD;
}

/* --- loading --- */

static int load_items(struct stats *s) {
    bool reallocs = s->sort == PROFILE_REALLOC;
    if ((from_events(s->by) || s->tail_ns || reallocs) &&
        strcmp(s->heading.detail, "events") != 0)
        return error_print(
            0,
            "--by size, --by thread, --tail and --sort realloc need the single events, "
            "and recording %lld has only counts per site (--detail=sites): record with "
            "--detail=events",
            (long long)s->heading.recording_id);
    if (s->sort == PROFILE_TEMPORARY && s->heading.sample_bytes)
        return error_print(
            0,
            "recording %lld is a sample: what was allocated between a call "
            "and its free is not known, and no block is called temporary",
            (long long)s->heading.recording_id);
    if (from_events(s->by))
        return profile_load_events(s->store, s->heading.recording_id, s->by, reallocs,
                                   &s->profile);
    struct idmap at_peak = {0}, blocks = {0}, bytes = {0};
    struct profile_reallocs growth = {0};
    struct profile_filter filter = {.recording_id = s->heading.recording_id,
                                    .skip_execed = s->leaks,
                                    .by_cost = s->sort};
    int r = 0;
    if (s->sort == PROFILE_PEAK && strcmp(s->heading.detail, "events") == 0) {
        r = profile_at_peak(s->store, s->heading.recording_id, s->heading.peak_ns,
                            &at_peak);
        filter.at_peak = &at_peak;
        filter.by_cost = s->sort = PROFILE_AT_PEAK;
    }
    if (r == 0 && s->tail_ns) {
        r = profile_live_without_tail(s->store, s->heading.recording_id, s->tail_ns,
                                      &blocks, &bytes);
        filter.live_blocks = &blocks;
        filter.live_bytes = &bytes;
    }
    if (reallocs) {
        r = profile_reallocs(s->store, s->heading.recording_id, &growth);
        filter.reallocs = &growth;
    }
    if (r == 0)
        r = profile_load(s->store, &filter, s->by, &s->profile);
    idmap_deinit(&at_peak);
    idmap_deinit(&blocks);
    idmap_deinit(&bytes);
    profile_reallocs_deinit(&growth);
    return r;
}

static int withhold_leaks(struct stats *s) {
    AUTO_FREE char *module = NULL;
    int r = kept_unknown(s->store, s->heading.recording_id, &module);
    if (r < 0 || !module)
        return r;
    error_warn("what was never freed is not known: %s frees past dearth", module);
    s->unknown = true;
    profile_deinit(&s->profile);
    return 0;
}

static uint32_t shown_items(const struct stats *s) {
    bool all = s->limit <= 0 || (uint64_t)s->limit >= s->profile.n_items;
    return all ? s->profile.n_items : (uint32_t)s->limit;
}

/* --- text --- */

static int add_stack(struct text *t, struct stats *s, int64_t stack_id) {
    AUTO_FRAMES struct frames frames = {0};
    int r = frames_load(s->frames, stack_id, &frames);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < frames.n; i++) {
        text_add(t, "              ");
        frame_add(&frames.items[i], t);
        text_add(t, frames.items[i].inlined ? " [inlined]\n" : "\n");
    }
    return 0;
}

static void add_heading(struct listing *c, const struct stats *s) {
    listing_row(c)->heading = true;
    if (s->leaks) {
        listing_cell(c, 12, N_COLORS, "live blocks");
        listing_cell(c, 10, N_COLORS, "bytes");
    } else {
        listing_cell(c, 13, N_COLORS, "count");
        listing_cell(c, 10, N_COLORS, "bytes");
    }
    if (s->sort == PROFILE_REALLOC) {
        listing_cell(c, 13, N_COLORS, "grown");
        listing_cell(c, 13, N_COLORS, "moved");
        listing_cell(c, 10, N_COLORS, "copied");
    } else if (!s->leaks) {
        listing_cell(c, 10, N_COLORS, "own peak");
        if (s->sort == PROFILE_AT_PEAK)
            listing_cell(c, 10, N_COLORS, "at peak");
        listing_cell(c, 10, N_COLORS, "live");
        if (!s->heading.sample_bytes)
            listing_cell(c, 13, N_COLORS, "temporary");
        if (s->sort == PROFILE_CROSS_THREAD)
            listing_cell(c, 13, N_COLORS, "cross-thread");
    }
    c->rows[c->n_rows - 1].name = text_dup("where");
}

static void add_count(struct listing *c, int fixed, uint64_t n) {
    char buf[32];
    listing_cell(c, fixed, N_COLORS, text_count(n, buf));
}

static void add_bytes(struct listing *c, uint64_t n) {
    char buf[16];
    listing_cell(c, 10, N_COLORS, text_bytes(n, buf));
}

static void add_numbers(struct listing *c, const struct stats *s,
                        const struct profile_numbers *n) {
    listing_row(c);
    if (s->leaks) {
        add_count(c, 12, n->live_blocks);
        add_bytes(c, n->live_bytes);
        return;
    }
    add_count(c, 13, n->count);
    add_bytes(c, n->bytes);
    if (s->sort == PROFILE_REALLOC) {
        add_count(c, 13, n->grown);
        add_count(c, 13, n->moved);
        add_bytes(c, n->copied_bytes);
        return;
    }
    add_bytes(c, n->peak_bytes);
    if (s->sort == PROFILE_AT_PEAK)
        add_bytes(c, n->at_peak_bytes);
    add_bytes(c, n->live_bytes);
    if (!s->heading.sample_bytes)
        add_count(c, 13, n->temporary);
    if (s->sort == PROFILE_CROSS_THREAD)
        add_count(c, 13, n->cross_thread_frees);
}

static int add_item(struct listing *c, struct stats *s, const struct profile_item *item) {
    struct text name = {0}, rest = {0}, below = {0};
    add_numbers(c, s, &item->n);
    struct listing_row *row = &c->rows[c->n_rows - 1];
    profile_add_name(item, (enum profile_by)s->by, &name);
    if (item->op)
        text_say(&rest, " [%s %.8s]", item->op, item->key);
    if (item->n.failed)
        text_say(&rest, " (%llu failed)", (unsigned long long)item->n.failed);
    if (s->leaks) {
        text_add(&rest, "; ");
        const struct kept kept = {item->n.frees, item->n.live_blocks, item->n.live_bytes,
                                  item->n.last_ns};
        kept_add_hint(&rest, &kept, s->heading.duration_ns);
    }
    int r = s->stacks && item->stack_id ? add_stack(&below, s, item->stack_id) : 0;
    row->name = text_take(&name);
    row->rest = text_take(&rest);
    row->below = text_take(&below);
    return r;
}

static void add_nothing(struct text *t, const struct stats *s) {
    if (strcmp(s->heading.state, "running") == 0)
        text_add(
            t,
            "  nothing yet: sums are written now and then, and by 'dearth control FILE "
            "snapshot'; 'dearth top'\n  waits for them, --by size, --by thread and "
            "'dearth sql' show the events so far\n");
    else
        text_add(t, s->unknown ? "  not known: a module frees past dearth\n"
                    : s->heading.sample_bytes ? "  nothing that is in the sample\n"
                    : s->leaks                ? "  nothing: every block was freed\n"
                                              : "  nothing\n");
}

static void add_sum(struct listing *c, const struct stats *s, uint32_t shown) {
    struct text name = {0};
    add_numbers(c, s, &s->profile.total);
    struct text rest = {0};
    text_add(&name, "in all");
    if (shown < s->profile.n_items && !s->leaks)
        text_addf(&rest, " (%u of %u shown; --limit 0 shows all)", shown,
                  s->profile.n_items);
    c->rows[c->n_rows - 1].name = text_take(&name);
    c->rows[c->n_rows - 1].rest = text_take(&rest);
}

static const char *const by_names[] = {"site", "location", "function", "module",
                                       "size", "thread",   "process"};
static const char *const sort_names[] = {
    [PROFILE_COUNT] = "count",         [PROFILE_BYTES] = "bytes",
    [PROFILE_PEAK] = "peak",           [PROFILE_LIVE] = "live",
    [PROFILE_TEMPORARY] = "temporary", [PROFILE_CROSS_THREAD] = "cross-thread",
    [PROFILE_REALLOC] = "realloc",     [PROFILE_AT_PEAK] = "peak",
    [PROFILE_BY_KEY] = "size"};

static int print_text(struct stats *s) {
    AUTO_TEXT struct text t = {0};
    uint32_t n = shown_items(s);
    char buf[24];
    if (s->printed++)
        text_add(&t, "\n");
    terminal_use(STDOUT_FILENO);
    if (terminal_is(STDOUT_FILENO) && !short_name_whole && build_folder_cut(s->store) < 0)
        return -EIO;
    heading_add_text(&t, s->store->path, &s->heading);
    if (s->leaks)
        text_say(&t, "\n%s%s, by %s (left out: processes that an exec replaced%s%s):\n",
                 s->heading.sample_bytes ? "estimates of what was " : "",
                 s->heading.off ? "not freed while recorded" : "never freed",
                 by_names[s->by], s->tail_ns ? ", what was asked for in the last " : "",
                 s->tail_ns ? text_duration(s->tail_ns, buf) : "");
    else
        text_say(&t, "\n%sby %s, sorted by %s:\n",
                 s->heading.sample_bytes ? "estimates " : "", by_names[s->by],
                 sort_names[s->sort]);
    terminal_wrap(&t, 0, terminal_width(STDOUT_FILENO));
    AUTO_LISTING struct listing c = {.width = terminal_width(STDOUT_FILENO)};
    add_heading(&c, s);
    for (uint32_t i = 0; i < n; i++) {
        int r = add_item(&c, s, &s->profile.items[i]);
        if (r < 0)
            return r;
    }
    if (n) {
        add_sum(&c, s, n);
        listing_add(&c, &t);
    } else {
        listing_add(&c, &t);
        add_nothing(&t, s);
        AUTO_LISTING struct listing sum = {.width = c.width};
        add_sum(&sum, s, n);
        listing_add(&sum, &t);
    }
    fputs(t.data, stdout);
    return 0;
}

/* --- JSON: schemas/stats.schema.json --- */

static int add_json_stack(struct text *t, struct stats *s, int64_t stack_id) {
    AUTO_FRAMES struct frames frames = {0};
    int r = frames_load(s->frames, stack_id, &frames);
    text_add(t, ",\"stack\":[");
    for (uint32_t i = 0; i < frames.n; i++) {
        const struct frame *f = &frames.items[i];
        text_add(t, i ? ",{\"file\":" : "{\"file\":");
        if (f->file)
            text_add_json(t, f->file);
        else
            text_add(t, "null");
        text_add(t, ",\"function\":");
        if (f->function)
            text_add_json(t, f->function);
        else
            text_add(t, "null");
        text_addf(t, ",\"line\":%u,\"module\":", f->line);
        text_add_json(t, f->module);
        text_addf(t, ",\"offset\":%llu}", (unsigned long long)f->offset);
    }
    text_add(t, "]");
    return r;
}

static void add_json_numbers(struct text *t, const struct stats *s,
                             const struct profile_numbers *n) {
    profile_add_json(t, n);
    if (s->sort == PROFILE_REALLOC)
        text_addf(t,
                  ",\"realloc_copied_bytes\":%llu,\"realloc_grown\":%llu,"
                  "\"realloc_moved\":%llu",
                  (unsigned long long)n->copied_bytes, (unsigned long long)n->grown,
                  (unsigned long long)n->moved);
}

static int add_json_item(struct text *t, struct stats *s,
                         const struct profile_item *item) {
    text_add(t, "{");
    add_json_numbers(t, s, &item->n);
    text_add(t, ",\"name\":");
    text_add_json(t, item->name);
    if (item->op) {
        text_addf(t, ",\"key\":\"%s\",\"op\":", item->key);
        text_add_json(t, item->op);
    }
    int r = s->stacks && item->stack_id ? add_json_stack(t, s, item->stack_id) : 0;
    text_add(t, "}");
    return r;
}

static int print_json(struct stats *s) {
    AUTO_TEXT struct text t = {0};
    uint32_t n = shown_items(s);
    text_addf(&t, "{\"format\":\"dearth-stats\",\"version\":1,\n\"recording\":");
    heading_add_json(&t, &s->heading);
    text_addf(&t, ",\n\"by\":\"%s\",\"sort\":\"%s\",\"leaks\":%s,\"items_total\":%u,\n",
              by_names[s->by], sort_names[s->sort], s->leaks ? "true" : "false",
              s->profile.n_items);
    text_add(&t, "\"total\":{");
    add_json_numbers(&t, s, &s->profile.total);
    text_add(&t, "},\n\"items\":[");
    for (uint32_t i = 0; i < n; i++) {
        text_add(&t, i ? ",\n" : "\n");
        int r = add_json_item(&t, s, &s->profile.items[i]);
        if (r < 0)
            return r;
    }
    text_add(&t, "\n]}\n");
    fputs(t.data, stdout);
    return 0;
}

static void forget(struct stats *s) {
    frames_reader_free(s->frames);
    profile_deinit(&s->profile);
    heading_deinit(&s->heading);
    store_free(s->store);
}

static int show(struct stats *s, const char *path, int64_t recording) {
    int64_t id;
    int r = profile_open(path, recording, &s->store, &id);
    if (r < 0)
        return r;
    if ((r = heading_load(s->store, id, &s->heading)) < 0 || (r = load_items(s)) < 0)
        return r;
    if (s->leaks)
        profile_keep_live(&s->profile);
    if (s->leaks && (r = withhold_leaks(s)) < 0)
        return r;
    profile_sort(&s->profile, s->sort);
    if (s->stacks && (r = frames_reader_new(s->store, &s->frames)) < 0)
        return r;
    return s->format == FORMAT_JSON ? print_json(s) : print_text(s);
}

/* Each is begun as the first: what it found out of itself is another's. */
static int show_one(const struct stats *asked, const char *path, int64_t recording) {
    struct stats one = *asked;
    int r = show(&one, path, recording);
    forget(&one);
    return r;
}

static void say_chosen(const struct stats *s, const struct store_programs *programs) {
    if (programs->n > 1 && !s->format)
        printf(
            "%zu of the %zu programs in the database, the newest recording of each\n\n",
            programs->n_wanted, programs->n);
}

/* The newest recording of each program. */
static int show_programs(struct stats *s, const char *path) {
    struct store_programs programs = {0};
    AUTO_STORE struct store *store = NULL;
    int r = store_new(path, STORE_READ, &store);
    if (r == 0)
        r = store_programs_load(store, s->program, &programs);
    if (r == 0 && programs.n_wanted > 1 && s->format == FORMAT_JSON)
        r = error_print(
            -EINVAL,
            "%s: holds %zu programs, and JSON is about one recording: name it "
            "with --program or --recording",
            path, programs.n_wanted);
    if (r == 0)
        say_chosen(s, &programs);
    for (size_t i = 0; r == 0 && i < programs.n; i++)
        if (programs.items[i].wanted) {
            r = show_one(s, store->path, programs.items[i].recording);
            s->printed++;
        }
    store_programs_deinit(&programs);
    return r;
}

int command_stats(int argc, char **argv) {
    struct stats s = {.by = PROFILE_BY_LOCATION, .sort = -1, .limit = -1};
    const struct cli_option options[] = {
        {0, "by", CLI_CHOICE, &s.by, NULL, "what a line stands for", PROFILE_BY_CHOICES},
        {'s', "sort", CLI_CHOICE, &s.sort, NULL, "which cost comes first (bytes)",
         PROFILE_SORT_CHOICES},
        {'n', "limit", CLI_INT, &s.limit, "N", "lines shown (20); 0 = all"},
        {0, "leaks", CLI_FLAG, &s.leaks, NULL,
         "what was never freed, and what hints at why"},
        {0, "tail", CLI_DURATION, &s.tail_ns, "TIME",
         "with --leaks: leave out blocks asked for within TIME of their process's end"},
        {0, "stacks", CLI_FLAG, &s.stacks, NULL,
         "below each line the stack of its most expensive site"},
        SHORT_NAME_OPTION,
        TERMINAL_COLOR_OPTION,
        {'r', "recording", CLI_INT, &s.recording, "ID",
         "which recording (the newest of each program)"},
        {0, "program", CLI_TEXT, &s.program, "GLOB|ID", STORE_PROGRAM_HELP},
        {'f', "format", CLI_CHOICE, &s.format, NULL, "for people or programs",
         "text|json"},
        {0}};
    const struct cli_command command = {
        "stats", "[options] [FILE]",
        "Show where a recording's memory went. FILE is dearth.db by default.",
        "bytes: requested by calls that succeeded. own peak: the largest sum of live "
        "bytes of a site alone; of a line with several sites it is the sum of theirs, an "
        "upper bound. at peak (with --sort peak): what was live when the whole recording "
        "was at its peak. live: never freed. temporary: freed or moved by the same "
        "thread with no allocation in between. cross-thread: freed by another thread. "
        "--sort realloc: calls that grew a block, those of them that moved it, and the "
        "bytes in the blocks they moved. --sort peak, --sort realloc, --tail, --by size "
        "and --by thread read every event; the rest comes from sums and is immediate.",
        options};
    int n, r = cli_parse(&command, argc, argv, false, &n);
    if (r != CLI_RUN)
        return r == CLI_DONE ? EXIT_OK : EXIT_CANNOT;
    if (n > 1) {
        error_print(0, "stats: one database at a time; 'dearth diff' compares two");
        return EXIT_CANNOT;
    }
    if (s.sort < 0)
        s.sort = s.leaks                   ? PROFILE_LIVE
                 : s.by == PROFILE_BY_SIZE ? PROFILE_BY_KEY
                                           : PROFILE_BYTES;
    if (s.limit < 0)
        s.limit = s.by == PROFILE_BY_SIZE ? 0 : 20;
    if (s.leaks && s.sort == PROFILE_REALLOC) {
        error_print(0, "stats: --leaks and --sort realloc look at different blocks: one "
                       "at a time");
        return EXIT_CANNOT;
    }
    if ((s.tail_ns && !s.leaks) || (s.leaks && from_events(s.by))) {
        error_print(0, s.leaks
                           ? "stats: --leaks goes by site, location, function, module or "
                             "process"
                           : "stats: --tail goes with --leaks");
        return EXIT_CANNOT;
    }
    if (s.program && s.recording) {
        error_print(0, "stats: --program or --recording, not both");
        return EXIT_CANNOT;
    }
    const char *path = n ? argv[1] : STORE_DEFAULT_PATH;
    r = s.recording ? show_one(&s, path, s.recording) : show_programs(&s, path);
    return r < 0 ? EXIT_CANNOT : EXIT_OK;
}
