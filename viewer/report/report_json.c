/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON: schemas/report.schema.json describes every field. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "report.h"
#include "report_completeness.h"
#include "report_unseen.h"

static void add_argv(struct json *j, const char *name, const char *argv) {
    cJSON *list = argv ? cJSON_Parse(argv) : NULL, *item;
    if (!cJSON_IsArray(list)) {
        json_null(j, name);
        cJSON_Delete(list);
        return;
    }
    json_open_flat(j, name, '[');
    cJSON_ArrayForEach(item, list) {
        if (cJSON_IsString(item))
            json_text(j, NULL, item->valuestring);
    }
    json_close(j, ']');
    cJSON_Delete(list);
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

/* JSON that the database holds, or null. */
static void add_stored(struct json *j, const char *name, const char *text) {
    cJSON *value = text ? cJSON_Parse(text) : NULL;
    if (value)
        add_value(j, name, value);
    else
        json_null(j, name);
    cJSON_Delete(value);
}

static void add_options(struct json *j, const char *name, const char *options) {
    cJSON *value = options ? cJSON_Parse(options) : NULL;
    if (cJSON_IsObject(value)) {
        add_value(j, name, value);
    } else {
        json_open_flat(j, name, '{');
        json_close(j, '}');
    }
    cJSON_Delete(value);
}

static void add_time(struct json *j, const char *name, int64_t unix_ns) {
    char stamp[40];
    struct tm tm;
    time_t seconds = (time_t)(unix_ns / 1000000000);
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    snprintf(stamp, sizeof stamp, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    json_text(j, name, stamp);
}

static void add_key(struct json *j, const char *name, struct dearth_key key) {
    char hex[DEARTH_KEY_HEX + 1];
    text_key(key, hex);
    json_text(j, name, hex);
}

static void add_signal(struct json *j, const char *name, int number) {
    char buf[24];
    json_text(j, name, number ? signal_name(number, buf) : NULL);
}

static void add_ratio(struct json *j, const char *name, uint32_t millionths) {
    char number[16];
    int n = snprintf(number, sizeof number, "%u.%06u", millionths / 1000000,
                     millionths % 1000000);
    while (n > 1 && number[n - 1] == '0')
        number[--n] = 0;
    if (n > 1 && number[n - 1] == '.')
        number[--n] = 0;
    json_raw(j, name, number);
}

static void add_place(struct json *j, const char *function, const char *file,
                      int64_t line, const char *module, int64_t offset) {
    json_text(j, "function", function);
    json_text(j, "file", file);
    json_int_or_null(j, "line", line > 0 ? line : -1);
    json_text(j, "module", module);
    json_int(j, "offset", offset);
}

static void add_location(struct json *j, const char *name,
                         const struct report_location *l) {
    if (!l) {
        json_null(j, name);
        return;
    }
    json_open_flat(j, name, '{');
    add_place(j, l->function, l->file, l->line, l->module, l->offset);
    json_close(j, '}');
}

static int add_stack(struct json *j, const char *name, const struct report_data *data,
                     int64_t stack_id) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(data, stack_id, &frames);
    json_open(j, name, '[');
    for (uint32_t i = 0; r == 0 && i < frames.n; i++) {
        const struct frame *f = &frames.items[i];
        json_open_flat(j, NULL, '{');
        add_place(j, f->function, f->file, f->line, f->module, (int64_t)f->offset);
        if (f->inlined)
            json_bool(j, "inlined", true);
        json_close(j, '}');
    }
    json_close(j, ']');
    return r;
}

/* --- sections --- */

static void add_recording(struct json *j, const struct report_recording *r) {
    json_open(j, NULL, '{');
    json_int(j, "id", r->id);
    json_text(j, "state", r->state);
    add_time(j, "started", r->started_unix_ns);
    json_int_or_null(j, "duration_ns", r->duration_ns);
    json_text(j, "exe", r->exe);
    add_argv(j, "argv", r->argv);
    json_text(j, "cwd", r->cwd);
    if (r->has_code)
        json_int(j, "exit_code", r->exit_code);
    else
        json_null(j, "exit_code");
    add_signal(j, "exit_signal", r->exit_signal);
    json_bool(j, "exact", r->exact);
    json_int_or_null(j, "events", r->events);
    json_int_or_null(j, "allocations", r->allocations);
    json_int_or_null(j, "frees", r->frees);
    json_int_or_null(j, "failed", r->failed);
    json_int_or_null(j, "bytes", r->bytes);
    json_int_or_null(j, "peak_bytes", r->peak_bytes);
    json_int_or_null(j, "live_blocks", r->live_blocks);
    json_int_or_null(j, "live_bytes", r->live_bytes);
    json_int(j, "sites", r->sites);
    json_int(j, "processes", r->processes);
    json_int(j, "threads", r->threads);
    json_close(j, '}');
}

static void add_bool_or_null(struct json *j, const char *name, int value) {
    if (value < 0)
        json_null(j, name);
    else
        json_bool(j, name, value);
}

static void add_replay(struct json *j, const struct report_replay *r) {
    json_open(j, NULL, '{');
    json_int(j, "id", r->id);
    json_int(j, "recording", r->recording);
    json_text(j, "state", r->state);
    add_time(j, "started", r->started_unix_ns);
    json_int_or_null(j, "duration_ns", r->duration_ns);
    add_options(j, "options", r->options);
    json_text(j, "isolation", r->isolation);
    json_bool(j, "traced", r->traced);
    json_int(j, "jobs", r->jobs);
    json_int_or_null(j, "time_limit_ns", r->time_limit_ns);
    add_bool_or_null(j, "deterministic_output", r->deterministic_output);
    add_bool_or_null(j, "deterministic_sites", r->deterministic_sites);
    json_int_or_null(j, "planned", r->planned);
    json_int_or_null(j, "done", r->done);
    json_int(j, "attempts", r->attempts);
    json_close(j, '}');
}

static void add_tally(struct json *j, const char *name, const struct report_tally *t) {
    json_open_flat(j, name, '{');
    json_int(j, "total", (int64_t)t->total);
    json_int(j, "testable", (int64_t)t->testable);
    json_int(j, "tested", (int64_t)t->tested);
    json_int(j, "untested", (int64_t)(t->testable - t->tested));
    json_int(j, "excluded", (int64_t)t->excluded);
    json_close(j, '}');
}

static void add_coverage(struct json *j, const char *name, const struct report_data *data,
                         const struct report_tally *tally) {
    if (report_unseen_open(data))
        json_raw(j, name, "null");
    else
        add_ratio(j, name, report_coverage(tally));
}

static void add_summary(struct json *j, const struct report_data *data) {
    /* In the order of the design's table, not of badness. */
    static const enum verdict order[] = {
        VERDICT_HANDLED, VERDICT_REPORTED,  VERDICT_DEGRADED, VERDICT_ABORTED,
        VERDICT_CRASHED, VERDICT_CORRUPTED, VERDICT_HUNG,     VERDICT_FLAKY};
    json_open(j, "summary", '{');
    add_tally(j, "sites", &data->site_tally);
    add_tally(j, "locations", &data->location_tally);
    add_tally(j, "error_path", &data->error_tally);
    add_coverage(j, "coverage", data, &data->site_tally);
    add_coverage(j, "location_coverage", data, &data->location_tally);
    json_open_flat(j, "verdicts", '{');
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        json_int(j, verdict_name(order[i]), (int64_t)data->verdicts[order[i]]);
    json_close(j, '}');
    json_open_flat(j, "findings", '{');
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--)
        json_int(j, severity_name(i), (int64_t)data->severities[i]);
    json_close(j, '}');
    json_int(j, "attempts", (int64_t)data->n_attempts);
    json_close(j, '}');
}

static int add_untested(struct json *j, const struct report_data *data) {
    int r = 0;
    json_open(j, "untested", '[');
    for (size_t i = 0; r == 0 && i < data->n_untested; i++) {
        const struct report_site *site = data->untested[i];
        AUTO_TEXT struct text command = {0};
        report_add_command(data, site, &command);
        json_open(j, NULL, '{');
        add_key(j, "key", site->key);
        json_text(j, "op", site->op);
        add_location(j, "location", site->location);
        r = add_stack(j, "stack", data, site->stack_id);
        json_int(j, "count", (int64_t)site->count);
        json_int(j, "bytes", (int64_t)site->bytes);
        json_text(j, "reason", reason_name(site->reason));
        json_text(j, "command", command.n ? command.data : NULL);
        json_close(j, '}');
    }
    json_close(j, ']');
    return r;
}

static int add_fault(struct json *j, const struct report_data *data,
                     const struct report_finding *f) {
    json_open(j, "fault", '{');
    add_key(j, "site", f->fault.site);
    json_text(j, "op", f->fault.op);
    add_location(j, "location", f->fault.location);
    int r = add_stack(j, "stack", data, f->fault.stack_id);
    json_text(j, "mode", f->fault.mode);
    json_int(j, "occurrence", f->fault.occurrence);
    json_int(j, "burst", f->fault.burst);
    json_int_or_null(j, "size", f->fault.size);
    json_text(j, "program", f->fault.program);
    json_text(j, "thread", f->fault.thread);
    json_int_or_null(j, "call", f->fault.call ? f->fault.call : -1);
    add_stored(j, "chance", f->fault.chance);
    add_stored(j, "failed", f->fault.failed);
    json_close(j, '}');
    return r;
}

static int add_second(struct json *j, const struct report_data *data,
                      const struct report_finding *f) {
    if (!f->second.op) {
        json_null(j, "second_fault");
        return 0;
    }
    json_open(j, "second_fault", '{');
    add_key(j, "site", f->second.site);
    json_text(j, "op", f->second.op);
    add_location(j, "location", f->second.location);
    int r = add_stack(j, "stack", data, f->second.stack_id);
    json_int(j, "occurrence", f->second.occurrence);
    json_close(j, '}');
    return r;
}

static int add_crash(struct json *j, const struct report_data *data,
                     const struct report_finding *f) {
    char address[24];
    if (!f->crash.seen) {
        json_null(j, "crash");
        return 0;
    }
    snprintf(address, sizeof address, "0x%llx", (unsigned long long)f->crash.address);
    json_open(j, "crash", '{');
    add_signal(j, "signal", f->crash.signal);
    json_text(j, "address", f->crash.has_address ? address : NULL);
    int r = add_stack(j, "stack", data, f->crash.stack_id);
    json_text(j, "program", f->crash.program);
    json_close(j, '}');
    return r;
}

static int add_leaks(struct json *j, const struct report_data *data,
                     const struct report_finding *f) {
    int r = 0;
    json_open(j, "leaks", '[');
    for (size_t i = 0; i < f->n_leaks && r == 0; i++) {
        const struct report_leak *leak = &f->leaks[i];
        json_open(j, NULL, '{');
        add_key(j, "site", leak->site);
        json_text(j, "op", leak->op);
        add_location(j, "location", leak->location);
        r = add_stack(j, "stack", data, leak->stack_id);
        json_int(j, "blocks", leak->blocks);
        json_int(j, "bytes", leak->bytes);
        json_int(j, "direct", leak->direct);
        json_close(j, '}');
    }
    json_close(j, ']');
    return r;
}

static void add_ending(struct json *j, const struct report_finding *f) {
    json_open_flat(j, "exit_status", '{');
    if (f->has_code && !f->exit_signal)
        json_int(j, "code", f->exit_code);
    else
        json_null(j, "code");
    add_signal(j, "signal", f->exit_signal);
    json_bool(j, "timed_out", f->timed_out);
    json_close(j, '}');
}

static void add_damage(struct json *j, const struct report_finding *f) {
    char what[160];
    if (!f->damage.kind) {
        json_null(j, "damage");
        return;
    }
    damage_describe(&f->damage, what, sizeof what);
    json_open(j, "damage", '{');
    json_text(j, "kind", damage_name(f->damage.kind));
    json_text(j, "found_at", damage_where_name(f->damage.where));
    json_int_or_null(j, "size", f->damage.size ? (int64_t)f->damage.size : -1);
    json_int(j, "offset", f->damage.offset);
    add_location(j, "allocated_in", f->damage_location);
    json_text(j, "text", what);
    json_close(j, '}');
}

static int add_hang(struct json *j, const struct report_data *data,
                    const struct report_finding *f) {
    AUTO_FRAMES struct frames frames = {0};
    const struct frame *loop;
    if (!f->timed_out) {
        json_null(j, "hang");
        return 0;
    }
    int r = report_data_loop(data, f, &frames, &loop);
    json_open(j, "hang", '{');
    json_text(j, "kind", f->hang);
    json_text(j, "call", f->hang_call);
    if (r > 0) {
        json_open_flat(j, "loop", '{');
        add_place(j, loop->function, loop->file, loop->line, loop->module,
                  (int64_t)loop->offset);
        json_close(j, '}');
    } else {
        json_null(j, "loop");
    }
    if (r >= 0)
        r = add_stack(j, "later_stack", data, f->later_stack_id);
    json_close(j, '}');
    return r;
}

static int add_finding(struct json *j, const struct report_data *data,
                       const struct report_finding *f) {
    AUTO_TEXT struct text repro = {0};
    report_add_repro(data, f, &repro);
    json_open(j, NULL, '{');
    json_int(j, "id", f->id);
    json_text(j, "identity", f->identity);
    json_text(j, "verdict", verdict_name(f->verdict));
    json_text(j, "severity", severity_name(f->severity));
    json_bool(j, "leaked", f->leaked);
    json_open_flat(j, "attribution", '{');
    json_text(j, "module", f->module);
    json_text(j, "kind", f->kind);
    json_text(j, "policy", f->policy);
    json_text(j, "facility", f->facility);
    json_text(j, "effect", f->effect);
    json_close(j, '}');
    int r = add_fault(j, data, f);
    if (r == 0)
        r = add_second(j, data, f);
    if (r == 0)
        r = add_crash(j, data, f);
    if (r == 0)
        r = add_leaks(j, data, f);
    add_ending(j, f);
    if (r == 0)
        r = add_hang(j, data, f);
    json_text(j, "stderr_tail", f->stderr_tail);
    json_text(j, "under", f->under);
    json_text(j, "isolation", f->isolation);
    add_damage(j, f);
    json_bool(j, "silent", f->silent);
    json_open(j, "differences", '[');
    for (size_t i = 0; i < f->n_differences; i++) {
        json_open_flat(j, NULL, '{');
        json_text(j, "what", f->differences[i].what);
        json_text(j, "how", f->differences[i].how);
        json_text(j, "path", f->differences[i].path);
        json_text(j, "detail", f->differences[i].detail);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_open_flat(j, "rate", '{');
    json_int(j, "bad", f->bad);
    json_int(j, "tried", f->tried);
    json_int(j, "unreached", f->unreached);
    json_close(j, '}');
    json_bool(j, "confirmed", !f->unconfirmed);
    json_open(j, "sites", '[');
    for (size_t i = 0; i < f->n_sites; i++)
        add_key(j, NULL, f->sites[i]);
    json_close(j, ']');
    json_text(j, "repro", repro.data);
    json_close(j, '}');
    return r;
}

static void add_tried(struct json *j, const struct report_site *site) {
    json_text(j, "verdict", site->verdict ? verdict_name(site->verdict) : NULL);
    json_open_flat(j, "verdicts", '{');
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_NONE; i--)
        if (site->attempts[i])
            json_int(j, verdict_name(i), site->attempts[i]);
    json_close(j, '}');
    json_open_flat(j, "how", '[');
    for (enum how how = 0; how < N_HOWS; how++)
        if (site->how & 1 << how)
            json_text(j, NULL, how_name(how));
    json_close(j, ']');
}

static int add_site(struct json *j, const struct report_data *data,
                    const struct report_site *site, bool stacks) {
    json_open(j, NULL, '{');
    add_key(j, "key", site->key);
    json_text(j, "op", site->op);
    add_location(j, "location", site->location);
    int r = stacks ? add_stack(j, "stack", data, site->stack_id) : 0;
    json_int(j, "count", (int64_t)site->count);
    json_int(j, "bytes", (int64_t)site->bytes);
    json_int(j, "peak_bytes", (int64_t)site->peak_bytes);
    json_int(j, "live_bytes_at_exit", (int64_t)site->live_bytes);
    json_int(j, "occurrences_tested", site->occurrences_tested);
    add_tried(j, site);
    json_text(j, "untested_reason", reason_name(site->reason));
    json_text(j, "excluded_by", report_exclusion(site));
    json_text(j, "program", site->program);
    json_int_or_null(j, "first_thread", site->first_thread > 0 ? site->first_thread : -1);
    json_bool(j, "error_path", site->error_path);
    json_close(j, '}');
    return r;
}

static void add_completeness(struct json *j, const struct report_data *data) {
    struct report_completeness c = report_completeness(data);
    json_open(j, "completeness", '{');
    json_bool(j, "exact", data->exact);
    json_int(j, "events_lost", (int64_t)c.events_lost);
    json_int(j, "stacks_lost", (int64_t)c.stacks_lost);
    json_int(j, "stacks_truncated", (int64_t)c.stacks_truncated);
    json_int(j, "stacks_incomplete", (int64_t)c.stacks_incomplete);
    json_open(j, "stacks_incomplete_in", '{');
    for (size_t i = 0; i < data->n_stops; i++)
        json_int(j, data->stops[i].module, (int64_t)data->stops[i].calls);
    json_close(j, '}');
    json_int(j, "unwind_fallbacks", (int64_t)c.unwind_fallbacks);
    json_int(j, "waited_ns", (int64_t)c.waited_ns);
    json_int(j, "own_bytes", (int64_t)c.own_bytes);
    json_int(j, "processes", (int64_t)c.processes);
    json_int(j, "processes_lost", (int64_t)c.processes_lost);
    json_int(j, "rings_damaged", (int64_t)c.rings_damaged);
    json_int(j, "threads", (int64_t)c.threads);
    json_open(j, "modules_without_cfi", '[');
    for (size_t i = 0; i < data->n_modules_without_cfi; i++)
        json_text(j, NULL, data->modules_without_cfi[i]);
    json_close(j, ']');
    json_open(j, "snapshot_refused", '{');
    for (size_t i = 0; i < data->n_refusals; i++)
        json_int(j, data->refusals[i].reason, (int64_t)data->refusals[i].sites);
    json_close(j, '}');
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
    json_open(j, "notes", '[');
    for (size_t i = 0; i < data->n_notes; i++) {
        json_open_flat(j, NULL, '{');
        json_text(j, "kind", data->notes[i].kind);
        json_text(j, "text", data->notes[i].text);
        json_text(j, "subject", data->notes[i].subject);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void add_origin(struct json *j, const struct report_data *data) {
    const struct report_recording *newest = &data->recordings[data->n_recordings - 1];
    json_text(j, "format", "dearth-report");
    json_int(j, "version", 1);
    json_open_flat(j, "tool", '{');
    json_text(j, "name", "dearth");
    json_text(j, "version", DEARTH_VERSION);
    json_close(j, '}');
    json_open(j, "program", '{');
    json_text(j, "exe", newest->exe);
    add_argv(j, "argv", newest->argv);
    json_close(j, '}');
    json_open(j, "recordings", '[');
    for (size_t i = 0; i < data->n_recordings; i++)
        add_recording(j, &data->recordings[i]);
    json_close(j, ']');
    json_open(j, "replays", '[');
    for (size_t i = 0; i < data->n_replays; i++)
        add_replay(j, &data->replays[i]);
    json_close(j, ']');
}

int report_json(const struct report_data *data, bool stacks, struct text *out) {
    struct json j = {.out = out};
    json_open(&j, NULL, '{');
    add_origin(&j, data);
    add_summary(&j, data);
    int r = add_untested(&j, data);
    json_open(&j, "findings", '[');
    for (size_t i = 0; r == 0 && i < data->n_findings; i++)
        r = add_finding(&j, data, &data->findings[i]);
    json_close(&j, ']');
    json_open(&j, "sites", '[');
    for (size_t i = 0; r == 0 && i < data->n_sites; i++)
        r = add_site(&j, data, &data->sites[i], stacks);
    json_close(&j, ']');
    add_completeness(&j, data);
    json_close(&j, '}');
    text_add(out, "\n");
    return r;
}
