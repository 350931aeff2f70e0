/* SPDX-License-Identifier: Apache-2.0 */
/* The phrases of a report: see report_words.h. */
#include "report_words.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "damage.h"
#include "json.h"
#include "scope_words.h"
#include "text.h"

void report_words_add_chance(const struct report_fault *fault, struct text *out) {
    cJSON *chance = fault->chance ? cJSON_Parse(fault->chance) : NULL;
    cJSON *failed = fault->failed ? cJSON_Parse(fault->failed) : NULL;
    int n = cJSON_GetArraySize(failed);
    text_say(out, "%s%d call%s that failed by chance (probability %g, seed %s)",
             n == 1 ? "the " : "the last of ", n, n == 1 ? "" : "s",
             json_number_of(chance, "probability"), json_text_of(chance, "seed"));
    cJSON_Delete(chance);
    cJSON_Delete(failed);
}

void report_words_add_then(const struct report_fault *fault, struct text *out) {
    bool sticky = strcmp(fault->mode, "sticky") == 0;
    if (!sticky && strcmp(fault->mode, "burst") != 0)
        return;
    if (sticky)
        text_add(out, "and every allocation after it");
    else
        text_say(out, "and the %lld allocations after it", (long long)fault->burst - 1);
    scope_words_add(fault->scope, out);
    if (fault->spared)
        text_say(out, "; %lld outside got memory", (long long)fault->spared);
}

bool report_words_failed_call(const struct report_data *data,
                              const struct report_finding *f, int i,
                              const struct report_site **site, int64_t *call) {
    cJSON *failed = f->fault.failed ? cJSON_Parse(f->fault.failed) : NULL;
    const cJSON *item = cJSON_GetArrayItem(failed, i);
    *site = NULL;
    *call = (int64_t)json_number_of(item, "call");
    for (size_t k = 0; item && k < data->n_sites && !*site; k++) {
        char key[DEARTH_KEY_HEX + 1];
        text_key(data->sites[k].key, key);
        if (strcmp(key, json_text_of(item, "site")) == 0)
            *site = &data->sites[k];
    }
    bool there = item != NULL;
    cJSON_Delete(failed);
    return there;
}

void report_words_add_difference(const struct report_difference *d, bool detail,
                                 struct text *out) {
    const char *of = strcmp(d->what, "process") == 0      ? "process "
                     : strcmp(d->what, "child") == 0      ? "the child process "
                     : strcmp(d->what, "descriptor") == 0 ? "the descriptor of "
                                                          : "";
    text_say(out, "%s%s %s", d->path ? of : "", d->path ? d->path : d->what,
             difference_meaning(d->how));
    if (detail && d->detail)
        text_say(out, " (%s)", d->detail);
}

/* Of the C library or ours: they tell their callers. */
static bool tells(const struct frame *f) {
    return frame_module_is_libcs(f->module) || frame_module_is_ours(f->module);
}

int report_words_add_went_on(const struct report_data *data,
                             const struct report_finding *f, struct text *out) {
    AUTO_FRAMES struct frames fault = {0};
    AUTO_FRAMES struct frames after = {0};
    int r = f->after_stack_id ? report_data_stack(data, f->fault.stack_id, &fault) : 0;
    if (r == 0 && f->after_stack_id)
        r = report_data_stack(data, f->after_stack_id, &after);
    uint32_t at = r == 0 && after.n ? frames_part(&fault, &after) : fault.n, n = 0;
    if (r < 0 || at >= fault.n || tells(&fault.items[at]))
        return r;
    frame_add(&fault.items[at], out);
    for (uint32_t i = 0; i < at; i++) {
        const struct frame *callee = &fault.items[at - 1 - i];
        if (tells(callee))
            continue;
        text_add(out, n++ ? ", " : "; it or one of these ignored it, who had returned: ");
        frame_add(callee, out);
    }
    if (!n)
        text_add(out, ", who asked for it");
    return 0;
}

void report_words_add_location(const struct report_location *location, struct text *out) {
    if (!location) {
        frame_add_location(NULL, out);
        return;
    }
    const struct frame frame = {.function = location->function,
                                .file = location->file,
                                .line = (uint32_t)location->line,
                                .module = location->module,
                                .offset = (uint64_t)location->offset};
    frame_add_location(&frame, out);
}

void report_words_add_damage(const struct report_damage *damage, struct text *out) {
    const struct damage_seen seen = {.kind = damage->kind,
                                     .where = damage->where,
                                     .size = (uint64_t)damage->size,
                                     .offset = damage->offset};
    char what[160];
    if (!damage->kind)
        return;
    damage_describe(&seen, what, sizeof what);
    text_add(out, what);
}

static void add_path(const struct report_data *data, struct text *out) {
    if (data->path[0] == '-') /* not an option */
        text_add(out, "./");
    text_add_shell_shown(out, data->path);
}

const char *report_words_exclusion(const struct report_site *site) {
    if (site->reason != REASON_NOT_FAILABLE)
        return NULL;
    return site->failable  ? "harness" /* it can be made to fail, and was left out */
           : site->never   ? "never"
           : site->outside ? "outside"
                           : "call";
}

/* Samples are not replayed. */
static bool are_samples(const struct report_data *data) {
    for (size_t i = 0; i < data->n_recordings; i++)
        if (data->recordings[i].sample_bytes <= 0)
            return false;
    return true;
}

void report_words_add_command(const struct report_data *data,
                              const struct report_site *site, struct text *out) {
    if (site->reason == REASON_NOT_FAILABLE || are_samples(data))
        return;
    char key[DEARTH_KEY_HEX + 1];
    text_key(site->key, key);
    if (data->suite) {
        text_add(out, "dearth suite replay ");
        add_path(data, out);
        return;
    }
    text_add(out, "dearth replay ");
    add_path(data, out);
    int64_t recording =
        data->n_programs > 1 ? (int64_t)site->recording : data->replay_recording;
    if (recording)
        text_addf(out, " --recording %lld", (long long)recording);
    if (site->after_failure) /* no fault of its own: it is failed after others */
        text_add(out, " --depth 2");
    else
        text_say(out, " --site %s", key);
}

void report_words_add_repro(const struct report_data *data,
                            const struct report_finding *finding, struct text *out) {
    text_add(out, "dearth repro ");
    add_path(data, out);
    text_say(out, " %lld", (long long)finding->id);
    if (strcmp(finding->isolation, "overlay") != 0) /* the default of repro */
        text_addf(out, " --isolation %s", finding->isolation);
}

void report_words_add_argv(const struct report_recording *recording, struct text *out) {
    cJSON *list = recording->argv ? cJSON_Parse(recording->argv) : NULL, *item;
    bool first = true;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item))
            continue;
        if (!first)
            text_add(out, " ");
        first = false;
        text_add_shell_shown(out, item->valuestring);
    }
    if (first)
        text_add_shell_shown(out, recording->exe);
    cJSON_Delete(list);
}

void report_words_add_failed(const struct report_finding *f, struct text *out) {
    if (f->second.op) {
        text_say(out, "%s in ", f->second.op);
        report_words_add_location(f->second.location, out);
        text_add(out, ", after the failure of ");
    }
    if (f->last.op) {
        text_say(out, "%s in ", f->last.op);
        report_words_add_location(f->last.location, out);
        text_add(out, ", the last since ");
    }
    text_say(out, "%s in ", f->fault.op);
    report_words_add_location(f->fault.location, out);
}

void report_words_count_leaks(const struct report_finding *f, int64_t *blocks,
                              int64_t *bytes) {
    *blocks = *bytes = 0;
    for (size_t i = 0; i < f->n_leaks; i++) {
        *blocks += f->leaks[i].blocks;
        *bytes += f->leaks[i].bytes;
    }
}

void report_words_add_plural(struct text *out, uint64_t n, const char *one,
                             const char *many) {
    char buf[32];
    text_say(out, "%s %s", text_count(n, buf), n == 1 ? one : many);
}

void report_words_add_places(uint64_t n_findings, uint64_t n_places, struct text *out) {
    if (n_findings < 2)
        return;
    text_add(out, " at ");
    report_words_add_plural(out, n_places, "place", "places");
}

static uint64_t count_known(const struct report_data *data, enum severity severity) {
    uint64_t n = 0;
    for (size_t i = 0; i < data->n_findings; i++)
        n += data->findings[i].known && data->findings[i].severity == severity;
    return n;
}

void report_words_add_severities(const struct report_data *data, struct text *out) {
    bool any = false;
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--) {
        if (!data->severities[i])
            continue;
        if (any)
            text_add(out, ", ");
        any = true;
        uint64_t known = count_known(data, i);
        report_words_add_plural(out, data->severities[i], severity_name(i),
                                severity_plural(i));
        report_words_add_places(data->severities[i], data->places[i], out);
        if (known)
            text_say(out, " (%llu known)", (unsigned long long)known);
        if (i == SEVERITY_WARNING && data->silent)
            text_say(out, " (%llu silent)", (unsigned long long)data->silent);
        if (data->runtime[i])
            text_say(out, " (%llu of the C library, the C++ runtime or the loader)",
                     (unsigned long long)data->runtime[i]);
    }
    if (!any)
        text_add(out, data->n_behind ? "not known yet" : "nothing");
    else if (data->n_behind)
        text_add(out, ", and more may come");
}
