/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report as JSON: schemas/report.schema.json describes every field, report_fields.def lists them. Here is how
 * each kind of them is written, and what holds them together.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "damage.h"
#include "json.h"
#include "report.h"
#include "report_completeness.h"
#include "report_json.h"
#include "report_programs.h"
#include "report_stacks.h"
#include "report_suite.h"

/* --- kinds --- */

static int write_int(struct report_out *out, const char *name, const void *value) {
    json_int(out->json, name, *(const int64_t *)value);
    return 0;
}

static int write_maybe(struct report_out *out, const char *name, const void *value) {
    json_int_or_null(out->json, name, *(const int64_t *)value);
    return 0;
}

static int write_positive(struct report_out *out, const char *name, const void *value) {
    int64_t n = *(const int64_t *)value;
    json_int_or_null(out->json, name, n > 0 ? n : -1);
    return 0;
}

static int write_bool(struct report_out *out, const char *name, const void *value) {
    json_bool(out->json, name, *(const bool *)value);
    return 0;
}

static int write_not(struct report_out *out, const char *name, const void *value) {
    json_bool(out->json, name, !*(const bool *)value);
    return 0;
}

static int write_tristate(struct report_out *out, const char *name, const void *value) {
    int state = *(const int *)value;
    if (state < 0)
        json_null(out->json, name);
    else
        json_bool(out->json, name, state);
    return 0;
}

static int write_text(struct report_out *out, const char *name, const void *value) {
    json_text(out->json, name, *(const char *const *)value);
    return 0;
}

static int write_argv(struct report_out *out, const char *name, const void *value) {
    const char *argv = *(const char *const *)value;
    cJSON *list = argv ? cJSON_Parse(argv) : NULL, *item;
    if (cJSON_IsArray(list)) {
        json_open_flat(out->json, name, '[');
        cJSON_ArrayForEach(item, list) {
            if (cJSON_IsString(item))
                json_text(out->json, NULL, item->valuestring);
        }
        json_close(out->json, ']');
    } else {
        json_null(out->json, name);
    }
    cJSON_Delete(list);
    return 0;
}

/* Another part's JSON, written again by our rules so that whatever it holds stays inside.
 */
static void add_value(struct json *j, const char *name, const cJSON *value) {
    const cJSON *item;
    if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
        bool object = cJSON_IsObject(value);
        json_open_flat(j, name, object ? '{' : '[');
        cJSON_ArrayForEach(item, value) {
            /* how a running replay is known: no option */
            if (!object || strncmp(item->string, "pid", 3) != 0)
                add_value(j, object ? item->string : NULL, item);
        }
        json_close(j, object ? '}' : ']');
    } else if (cJSON_IsString(value)) {
        json_text(j, name, value->valuestring);
    } else if (cJSON_IsBool(value)) {
        json_bool(j, name, cJSON_IsTrue(value));
    } else if (cJSON_IsNumber(value) && isfinite(value->valuedouble)) {
        char number[32];
        snprintf(number, sizeof number, "%.15g", value->valuedouble);
        json_raw(j, name, number);
    } else {
        json_null(j, name);
    }
}

static int write_json(struct report_out *out, const char *name, const void *value) {
    const char *text = *(const char *const *)value;
    cJSON *json = text ? cJSON_Parse(text) : NULL;
    if (json)
        add_value(out->json, name, json);
    else
        json_null(out->json, name);
    cJSON_Delete(json);
    return 0;
}

static int write_options(struct report_out *out, const char *name, const void *value) {
    cJSON *options = cJSON_Parse(*(const char *const *)value);
    if (cJSON_IsObject(options)) {
        add_value(out->json, name, options);
    } else {
        json_open_flat(out->json, name, '{');
        json_close(out->json, '}');
    }
    cJSON_Delete(options);
    return 0;
}

static int write_time(struct report_out *out, const char *name, const void *value) {
    char stamp[40];
    struct tm tm;
    time_t seconds = (time_t)(*(const int64_t *)value / 1000000000);
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    snprintf(stamp, sizeof stamp, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    json_text(out->json, name, stamp);
    return 0;
}

static int write_key(struct report_out *out, const char *name, const void *value) {
    char hex[DEARTH_KEY_HEX + 1];
    text_key(*(const struct dearth_key *)value, hex);
    json_text(out->json, name, hex);
    return 0;
}

static int write_signal(struct report_out *out, const char *name, const void *value) {
    char buf[24];
    int number = *(const int *)value;
    json_text(out->json, name, number ? signal_name(number, buf) : NULL);
    return 0;
}

static int write_location(struct report_out *out, const char *name, const void *value) {
    const struct report_location *location = *(struct report_location *const *)value;
    if (location)
        return report_fields_write(out, &report_fields_location, name, location);
    json_null(out->json, name);
    return 0;
}

/* A frame is a line of code, like a location. */
int report_json_frame(struct report_out *out, const char *name, const struct frame *f,
                      bool inlined) {
    const struct report_location place = {.function = f->function,
                                          .file = f->file,
                                          .line = f->line,
                                          .module = f->module,
                                          .offset = (int64_t)f->offset};
    json_open_flat(out->json, name, '{');
    int r = report_fields_write_members(out, &report_fields_location, &place);
    if (inlined)
        json_bool(out->json, "inlined", true);
    json_close(out->json, '}');
    return r;
}

static int write_stack(struct report_out *out, const char *name, const void *value) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(out->data, *(const int64_t *)value, &frames);
    json_open(out->json, name, '[');
    for (uint32_t i = 0; r == 0 && i < frames.n; i++)
        r = report_json_frame(out, NULL, &frames.items[i], frames.items[i].inlined);
    json_close(out->json, ']');
    return r;
}

static int write_stack_ref(struct report_out *out, const char *name, const void *value) {
    int64_t stack_id = *(const int64_t *)value;
    json_int_or_null(out->json, name,
                     stack_id ? report_stacks_refer(out->kept, stack_id) : -1);
    return 0;
}

/* Where a hung program's two samples meet. */
static int write_loop(struct report_out *out, const char *name, const void *value) {
    AUTO_FRAMES struct frames frames = {0};
    const struct frame *loop;
    int r = report_data_loop(out->data, value, &frames, &loop);
    if (r > 0)
        return report_json_frame(out, name, loop, false);
    json_null(out->json, name);
    return r;
}

static int write_verdict(struct report_out *out, const char *name, const void *value) {
    enum verdict verdict = *(const enum verdict *)value;
    json_text(out->json, name, verdict ? verdict_name(verdict) : NULL);
    return 0;
}

static int write_severity(struct report_out *out, const char *name, const void *value) {
    json_text(out->json, name, severity_name(*(const enum severity *)value));
    return 0;
}

static int write_reason(struct report_out *out, const char *name, const void *value) {
    json_text(out->json, name, reason_name(*(const enum reason *)value));
    return 0;
}

static int write_attempts(struct report_out *out, const char *name, const void *value) {
    const uint32_t *attempts = value;
    json_open_flat(out->json, name, '{');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        if (attempts[i])
            json_int(out->json, verdict_name(i), attempts[i]);
    json_close(out->json, '}');
    return 0;
}

static int write_how(struct report_out *out, const char *name, const void *value) {
    json_open_flat(out->json, name, '[');
    for (enum how how = 0; how < N_HOWS; how++)
        if (*(const uint32_t *)value & 1u << how)
            json_text(out->json, NULL, how_name(how));
    json_close(out->json, ']');
    return 0;
}

static int write_damage(struct report_out *out, const char *name, const void *value) {
    json_text(out->json, name, damage_name(*(const uint32_t *)value));
    return 0;
}

static int write_damage_where(struct report_out *out, const char *name,
                              const void *value) {
    json_text(out->json, name, damage_where_name(*(const uint32_t *)value));
    return 0;
}

static int write_stops(struct report_out *out, const char *name, const void *value) {
    (void)value;
    json_open(out->json, name, '{');
    for (size_t i = 0; i < out->data->n_stops; i++)
        json_int(out->json, out->data->stops[i].module,
                 (int64_t)out->data->stops[i].calls);
    json_close(out->json, '}');
    return 0;
}

report_write *const report_json_writers[N_REPORT_KINDS] = {
    [REPORT_INT] = write_int,
    [REPORT_MAYBE] = write_maybe,
    [REPORT_SIZE] = write_maybe,
    [REPORT_POSITIVE] = write_positive,
    [REPORT_NATURAL] = write_int,
    [REPORT_OFFSET] = write_int,
    [REPORT_TIME] = write_time,
    [REPORT_BOOL] = write_bool,
    [REPORT_NOT] = write_not,
    [REPORT_TRISTATE] = write_tristate,
    [REPORT_TEXT] = write_text,
    [REPORT_TEXT_OR_NULL] = write_text,
    [REPORT_TEXT_IF] = write_text,
    [REPORT_COUNT_IF] = write_int,
    [REPORT_ARGV] = write_argv,
    [REPORT_OPTIONS] = write_options,
    [REPORT_JSON] = write_json,
    [REPORT_JSON_IF] = write_json,
    [REPORT_KEY] = write_key,
    [REPORT_SITE_KEY] = write_key,
    [REPORT_SIGNAL] = write_signal,
    [REPORT_LOCATION] = write_location,
    [REPORT_STACK] = write_stack,
    [REPORT_STACK_REF] = write_stack_ref,
    [REPORT_STACK_REF_IF] = write_stack_ref,
    [REPORT_VERDICT] = write_verdict,
    [REPORT_SEVERITY] = write_severity,
    [REPORT_REASON] = write_reason,
    [REPORT_HOW] = write_how,
    [REPORT_ATTEMPTS] = write_attempts,
    [REPORT_LOOP] = write_loop,
    [REPORT_STOPS] = write_stops,
    [REPORT_DAMAGE_KIND] = write_damage,
    [REPORT_DAMAGE_WHERE] = write_damage_where,
};

/* --- sections --- */

/* @items: an array of the table's structs. */
static int add_list(struct report_out *out, const struct report_fields *fields,
                    const char *name, const void *items, size_t n) {
    int r = 0;
    json_open(out->json, name, '[');
    for (size_t i = 0; r == 0 && i < n; i++)
        r = report_fields_write(out, fields, NULL,
                                (const char *)items + i * fields->size);
    json_close(out->json, ']');
    return r;
}

/* Void is null. */
static void add_ratio(struct json *j, const char *name, int64_t millionths) {
    char number[48];
    if (millionths < 0) {
        json_raw(j, name, "null");
        return;
    }
    int n = snprintf(number, sizeof number, "%llu.%06llu",
                     (unsigned long long)millionths / 1000000,
                     (unsigned long long)millionths % 1000000);
    while (n > 1 && number[n - 1] == '0')
        number[--n] = 0;
    if (n > 1 && number[n - 1] == '.')
        number[--n] = 0;
    json_raw(j, name, number);
}

static void add_summary(struct report_out *out) {
    const struct report_data *data = out->data;
    struct json *j = out->json;
    json_open(j, "summary", '{');
    if (data->suite)
        report_fields_write(out, &report_fields_tally, "targets", &data->target_tally);
    report_fields_write(out, &report_fields_tally, "sites", &data->site_tally);
    report_fields_write(out, &report_fields_tally, "locations", &data->location_tally);
    report_fields_write(out, &report_fields_tally, "error_path", &data->error_tally);
    add_ratio(j, "coverage", report_suite_measure(data)->millionths);
    add_ratio(j, "location_coverage", data->location_tally.millionths);
    json_open_flat(j, "verdicts", '{');
    for (enum verdict v = VERDICT_UNREACHED + 1; v < N_VERDICTS; v++)
        json_int(j, verdict_name(v), (int64_t)data->verdicts[v]);
    json_close(j, '}');
    json_open_flat(j, "findings", '{');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_int(j, severity_name(i), (int64_t)data->severities[i]);
    json_close(j, '}');
    json_open_flat(j, "places", '{');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_int(j, severity_name(i), (int64_t)data->places[i]);
    json_close(j, '}');
    json_int(j, "attempts", (int64_t)data->n_attempts);
    if (data->quick) {
        json_open_flat(j, "quick", '{');
        json_int(j, "calls", SURVIVOR_CALLS);
        json_int(j, "faults", (int64_t)data->survivors.faults);
        json_int(j, "open", (int64_t)data->survivors.open);
        json_int(j, "sites", (int64_t)data->survivors.sites);
        json_int(j, "whole", (int64_t)data->survivors.whole);
        json_int(j, "otherwise", (int64_t)data->survivors.otherwise);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static int add_untested(struct report_out *out) {
    int r = 0;
    json_open(out->json, "untested", '[');
    for (size_t i = 0; r == 0 && i < out->data->n_untested; i++)
        r = report_fields_write(out, &report_fields_untested, NULL,
                                out->data->untested[i]);
    json_close(out->json, ']');
    return r;
}

static void add_unseen(struct json *j, const struct report_data *data) {
    json_open(j, "unseen", '[');
    for (size_t i = 0; i < data->n_notes; i++) {
        if (!data->notes[i].unseen)
            continue;
        json_open_flat(j, NULL, '{');
        json_text(j, "module", data->notes[i].subject);
        json_text(j, "kind", data->notes[i].kind);
        json_bool(j, "accepted", data->notes[i].accepted);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static int add_completeness(struct report_out *out) {
    const struct report_data *data = out->data;
    struct json *j = out->json;
    struct report_completeness c = report_completeness(data);
    json_open(j, "completeness", '{');
    json_bool(j, "exact", data->exact);
    int r = report_fields_write_members(out, &report_fields_completeness, &c);
    json_open(j, "modules_without_cfi", '[');
    for (size_t i = 0; i < data->n_modules_without_cfi; i++)
        json_text(j, NULL, data->modules_without_cfi[i]);
    json_close(j, ']');
    json_open(j, "snapshot_refused", '{');
    for (size_t i = 0; i < data->n_refusals; i++)
        json_int(j, data->refusals[i].reason, (int64_t)data->refusals[i].sites);
    json_close(j, '}');
    add_unseen(j, data);
    if (r == 0)
        r = add_list(out, &report_fields_note, "notes", data->notes, data->n_notes);
    json_close(j, '}');
    return r;
}

static int add_origin(struct report_out *out) {
    const struct report_data *data = out->data;
    const struct report_recording *newest = &data->recordings[data->n_recordings - 1];
    struct json *j = out->json;
    json_text(j, "format", "dearth-report");
    json_int(j, "version", REPORT_VERSION);
    json_open_flat(j, "tool", '{');
    json_text(j, "name", "dearth");
    json_text(j, "version", DEARTH_VERSION);
    json_close(j, '}');
    json_open(j, "program", '{');
    json_text(j, "exe", newest->exe);
    write_argv(out, "argv", &newest->argv);
    json_close(j, '}');
    int r = data->n_programs > 1 ? add_list(out, &report_fields_program, "programs",
                                            data->programs, data->n_programs)
                                 : 0;
    if (r == 0)
        r = add_list(out, &report_fields_recording, "recordings", data->recordings,
                     data->n_recordings);
    return r ? r
             : add_list(out, &report_fields_replay, "replays", data->replays,
                        data->n_replays);
}

int report_json(const struct report_data *data, bool stacks, struct text *out) {
    AUTO_REPORT_STACKS struct report_stacks kept = {0};
    struct json j = {.out = out};
    struct report_out to = {.data = data,
                            .json = &j,
                            .writers = report_json_writers,
                            .stacks = stacks,
                            .kept = &kept,
                            .several = report_programs_several(data)};
    json_open(&j, NULL, '{');
    int r = add_origin(&to);
    if (r == 0)
        r = report_suite_json(&to);
    add_summary(&to);
    if (r == 0)
        r = add_untested(&to);
    if (r == 0)
        r = add_list(&to, &report_fields_finding, "findings", data->findings,
                     data->n_findings);
    if (r == 0)
        r = add_list(&to, &report_fields_site, "sites", data->sites, data->n_sites);
    if (r == 0)
        r = report_stacks_write(&kept, &to);
    if (r == 0)
        r = add_completeness(&to);
    json_close(&j, '}');
    text_add(out, "\n");
    return r;
}
