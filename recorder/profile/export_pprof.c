/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `dearth export --format pprof`: see export.h. The few messages of profile.proto are
 * encoded by hand: a protobuf library would be a dependency for sixty lines.
 *
 *   Profile ─► sample_type, sample ─► location ─► line ─► function;  location ─► mapping
 *          └─► string_table: every text once, "" first; all others name their index
 *
 * Mappings get address ranges of our own making, 1 << 40 apart: the offsets of a module
 * are the same in every process, its load addresses are not. Times are those of the
 * recording, so the same recording gives the same bytes. Source:
 * https://protobuf.dev/programming-guides/encoding/
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "error.h"
#include "export.h"
#include "idmap.h"

#define MODULE_SHIFT 40

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2 };

struct pprof {
    struct export *export;
    struct text body;         /* the Profile message so far */
    struct profile strings;   /* key = text; n.count = index + 1 */
    struct profile functions; /* key = name, file; n.count = id */
    struct idmap locations;   /* frame id → 1 */
    struct idmap modules;     /* module id → mapping id */
    uint64_t n_locations;
};

/* --- protobuf --- */

/* Zero is the default of proto3 and left out. */
static void put_number(struct text *t, uint32_t field, uint64_t v) {
    if (!v)
        return;
    text_add_varint(t, (uint64_t)field << 3 | WIRE_VARINT);
    text_add_varint(t, v);
}

static void put_bytes(struct text *t, uint32_t field, const char *s, size_t n) {
    text_add_varint(t, (uint64_t)field << 3 | WIRE_BYTES);
    text_add_varint(t, n);
    text_add_n(t, s, n);
}

static void put_message(struct text *t, uint32_t field, const struct text *message) {
    put_bytes(t, field, message->data ? message->data : "", message->n);
}

/* --- tables --- */

/* Field 6 of Profile, string_table, is written here, in order of first use. */
static uint64_t string_index(struct pprof *p, const char *s) {
    if (!s) /* of a damaged row */
        s = "?";
    struct profile_item *item = profile_item(&p->strings, s, "");
    if (!item->n.count) {
        item->n.count = p->strings.n_items;
        AUTO_FREE char *clean = text_utf8(s, strlen(s)); /* proto3 strings are UTF-8 */
        put_bytes(&p->body, 6, clean, strlen(clean));
    }
    return item->n.count - 1;
}

static uint64_t function_id(struct pprof *p, const struct frame *f) {
    AUTO_TEXT struct text name = {0};
    AUTO_TEXT struct text key = {0};
    export_add_frame(&name, f);
    text_addf(&key, "%s\n%s", name.data, f->file ? f->file : "");
    struct profile_item *item = profile_item(&p->functions, key.data, "");
    if (!item->n.count) {
        uint64_t id = item->n.count = p->functions.n_items;
        AUTO_TEXT struct text m = {0};
        put_number(&m, 1, id);
        put_number(&m, 2, string_index(p, name.data));
        put_number(&m, 3, string_index(p, f->linkage_name ? f->linkage_name : name.data));
        put_number(&m, 4, string_index(p, f->file ? f->file : ""));
        put_message(&p->body, 5, &m);
        return id;
    }
    return item->n.count;
}

#define MAPPING_COLUMNS(X)                                                               \
    X(MAPPING_ID, "id")                                                                  \
    X(MAPPING_PATH, "path")                                                              \
    X(MAPPING_BUILD_ID, "lower(hex(build_id))")
enum { MAPPING_COLUMNS(STORE_COLUMN_ENUM) };

/* Readers take the first for the program itself. */
static int put_mappings(struct pprof *p) {
    AUTO_STMT sqlite3_stmt *q = NULL;
    int r = store_prepare(
        p->export->store,
        STORE_SELECT(
            MAPPING_COLUMNS) "FROM module ORDER BY "
                             "path IS (SELECT exe FROM process WHERE recording_id = ?1 "
                             "ORDER BY ordinal LIMIT 1) DESC, id",
        &q);
    if (r < 0)
        return r;
    sqlite3_bind_int64(q, 1, p->export->heading.recording_id);
    for (uint64_t id = 1; sqlite3_step(q) == SQLITE_ROW; id++) {
        AUTO_TEXT struct text m = {0};
        idmap_put(&p->modules, sqlite3_column_int64(q, MAPPING_ID), (int64_t)id);
        put_number(&m, 1, id);
        put_number(&m, 2, id << MODULE_SHIFT);
        put_number(&m, 3, (id + 1) << MODULE_SHIFT);
        put_number(&m, 5, string_index(p, store_column_text(q, MAPPING_PATH)));
        put_number(&m, 6, string_index(p, store_column_text(q, MAPPING_BUILD_ID)));
        for (uint32_t has = 7; has <= 10;
             has++) /* functions, filenames, lines, inlines */
            put_number(&m, has, 1);
        put_message(&p->body, 3, &m);
    }
    return 0;
}

/* The location of a physical frame: lines [0, n) of it, innermost inlined function first. */
static void put_location(struct pprof *p, const struct frame *lines, uint32_t n) {
    int64_t mapping = 0, there;
    AUTO_TEXT struct text m = {0};
    if (idmap_get(&p->locations, lines->frame_id, &there))
        return;
    idmap_put(&p->locations, lines->frame_id, 1);
    idmap_get(&p->modules, lines->module_id, &mapping);
    put_number(&m, 1, (uint64_t)lines->frame_id);
    put_number(&m, 2, (uint64_t)mapping);
    put_number(&m, 3, ((uint64_t)mapping << MODULE_SHIFT) + lines->offset);
    for (uint32_t i = 0; i < n; i++) {
        AUTO_TEXT struct text line = {0};
        put_number(&line, 1, function_id(p, &lines[i]));
        put_number(&line, 2, lines[i].line);
        put_message(&m, 4, &line);
    }
    put_message(&p->body, 4, &m);
}

/* --- samples --- */

static const struct {
    const char *type, *unit;
    enum profile_cost cost;
} sample_types[] = {
    {"alloc_objects", "count", PROFILE_COUNT},
    {"alloc_space", "bytes", PROFILE_BYTES},
    {"temporary_objects", "count", PROFILE_TEMPORARY},
    {"inuse_objects", "count", PROFILE_LIVE_BLOCKS},
    {"inuse_space", "bytes", PROFILE_LIVE},
    {"peak_space", "bytes", PROFILE_AT_PEAK}, /* last: left out when not known */
};

static size_t n_types(const struct pprof *p) {
    return sizeof sample_types / sizeof *sample_types - !p->export->at_peak;
}

static void put_types(struct pprof *p) {
    for (size_t i = 0; i < n_types(p); i++) {
        AUTO_TEXT struct text m = {0};
        uint64_t type = string_index(p, sample_types[i].type);
        put_number(&m, 1, type);
        put_number(&m, 2, string_index(p, sample_types[i].unit));
        put_message(&p->body, 1, &m);
        if (sample_types[i].cost == p->export->cost)
            put_number(&p->body, 14, type);
    }
}

static void put_label(struct pprof *p, struct text *sample, const char *key,
                      const char *value) {
    AUTO_TEXT struct text m = {0};
    put_number(&m, 1, string_index(p, key));
    put_number(&m, 2, string_index(p, value));
    put_message(sample, 3, &m);
}

static int put_sample(struct pprof *p, const struct profile_item *item) {
    AUTO_FRAMES struct frames frames = {0};
    AUTO_TEXT struct text sample = {0};
    AUTO_TEXT struct text ids = {0};
    AUTO_TEXT struct text values = {0};
    int r = frames_load(p->export->frames, item->stack_id, &frames);
    if (r < 0)
        return r;
    for (uint32_t i = 0, n; i < frames.n; i += n) {
        for (n = 1; frames.items[i + n - 1].inlined && i + n < frames.n; n++)
            ;
        put_location(p, &frames.items[i], n);
        text_add_varint(&ids, (uint64_t)frames.items[i].frame_id);
    }
    for (size_t i = 0; i < n_types(p); i++)
        text_add_varint(&values, profile_cost(&item->n, sample_types[i].cost));
    put_message(&sample, 1, &ids);
    put_message(&sample, 2, &values);
    put_label(p, &sample, "op", item->op);
    put_label(p, &sample, "program", item->name);
    put_message(&p->body, 2, &sample);
    return 0;
}

static int build(struct pprof *p) {
    const struct heading *h = &p->export->heading;
    AUTO_TEXT struct text period = {0};
    string_index(p, ""); /* index 0 is always empty */
    put_types(p);
    int r = put_mappings(p);
    for (uint32_t i = 0; i < p->export->profile.n_items && r == 0; i++)
        r = put_sample(p, &p->export->profile.items[i]);
    put_number(&p->body, 9, h->started_unix_ns);
    put_number(&p->body, 10, h->duration_ns);
    put_number(&period, 1, string_index(p, "space"));
    put_number(&period, 2, string_index(p, "bytes"));
    put_message(&p->body, 11, &period);
    /* values are whole already: estimates, or of every byte */
    put_number(&p->body, 12, h->sample_bytes ? h->sample_bytes : 1);
    put_number(&p->body, 13, string_index(p, h->command));
    if (h->sample_bytes) {
        AUTO_TEXT struct text comment = {0};
        heading_add_exactness(&comment, h);
        put_number(&p->body, 13, string_index(p, comment.data));
    }
    return r;
}

/* gzip without a name and a time in its header. */
static int write_gzip(const struct text *body, FILE *out) {
    z_stream z = {.next_in = (Bytef *)body->data, .avail_in = (uInt)body->n};
    char buf[1 << 16];
    int rc;
    if (body->n > UINT32_MAX)
        return error_print(-EFBIG, "the profile is larger than 4 GiB");
    if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return error_print(-ENOMEM, "cannot start gzip");
    do {
        z.next_out = (Bytef *)buf;
        z.avail_out = sizeof buf;
        rc = deflate(&z, Z_FINISH);
        fwrite(buf, 1, sizeof buf - z.avail_out, out);
    } while (rc == Z_OK);
    deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : error_print(-EIO, "gzip failed");
}

int export_pprof(struct export *e, FILE *out) {
    struct pprof p = {.export = e};
    int r = build(&p);
    if (r == 0)
        r = write_gzip(&p.body, out);
    text_deinit(&p.body);
    profile_deinit(&p.strings);
    profile_deinit(&p.functions);
    idmap_deinit(&p.locations);
    idmap_deinit(&p.modules);
    return r;
}
