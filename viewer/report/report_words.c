/* SPDX-License-Identifier: Apache-2.0 */
/* The phrases of a report: places, differences, commands to copy. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "report_private.h"
#include "text.h"

int report_data_loop(const struct report_data *data, const struct report_finding *finding,
                     struct frames *frames, const struct frame **frame) {
    AUTO_FRAMES struct frames later = {0};
    *frame = NULL;
    if (!finding->crash.stack_id || !finding->later_stack_id)
        return 0;
    int r = report_data_stack(data, finding->crash.stack_id, frames);
    if (r == 0)
        r = report_data_stack(data, finding->later_stack_id, &later);
    if (r < 0)
        return r;
    uint32_t at = frames_meet(frames, &later);
    if (at == frames->n)
        return 0;
    *frame = &frames->items[at];
    return 1;
}

void report_add_chance(const struct report_finding *f, struct text *out) {
    cJSON *chance = f->fault.chance ? cJSON_Parse(f->fault.chance) : NULL;
    cJSON *failed = f->fault.failed ? cJSON_Parse(f->fault.failed) : NULL;
    int n = cJSON_GetArraySize(failed);
    text_say(out, "%s%d call%s that failed by chance (probability %g, seed %s)",
             n == 1 ? "the " : "the last of ", n, n == 1 ? "" : "s",
             json_number_of(chance, "probability"), json_text_of(chance, "seed"));
    cJSON_Delete(chance);
    cJSON_Delete(failed);
}

bool report_failed_call(const struct report_data *data, const struct report_finding *f,
                        int i, const struct report_site **site, int64_t *call) {
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

void report_add_difference(const struct report_difference *d, bool detail,
                           struct text *out) {
    text_say(out, "%s %s", d->path ? d->path : d->what, difference_meaning(d->how));
    if (detail && d->detail)
        text_say(out, " (%s)", d->detail);
}

uint32_t report_coverage(const struct report_tally *tally) {
    if (!tally->testable)
        return 1000000;
    return (uint32_t)(tally->tested * 1000000u / tally->testable);
}

void report_add_location(const struct report_location *location, struct text *out) {
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

int report_add_place(const struct report_data *data,
                     const struct report_location *location, int64_t stack_id,
                     struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = location || !stack_id ? 0 : report_data_stack(data, stack_id, &frames);
    if (frames.n)
        frame_add(&frames.items[0], out);
    else
        report_add_location(location, out);
    return r;
}

static void add_path(const struct report_data *data, struct text *out) {
    if (data->path[0] == '-') /* not an option */
        text_add(out, "./");
    text_add_shell_shown(out, data->path);
}

const char *report_exclusion(const struct report_site *site) {
    if (site->reason != REASON_NOT_FAILABLE)
        return NULL;
    return site->never ? "never" : site->outside ? "outside" : "call";
}

void report_add_command(const struct report_data *data, const struct report_site *site,
                        struct text *out) {
    if (site->reason == REASON_NOT_FAILABLE)
        return;
    char key[DEARTH_KEY_HEX + 1];
    text_key(site->key, key);
    text_add(out, "dearth replay ");
    add_path(data, out);
    if (site->after_failure) /* no fault of its own: it is failed after others */
        text_add(out, " --depth 2");
    else
        text_say(out, " --site %s", key);
}

void report_add_repro(const struct report_data *data,
                      const struct report_finding *finding, struct text *out) {
    text_add(out, "dearth repro ");
    add_path(data, out);
    text_say(out, " %lld", (long long)finding->id);
    if (strcmp(finding->isolation, "overlay") != 0) /* the default of repro */
        text_addf(out, " --isolation %s", finding->isolation);
}

void report_add_argv(const struct report_recording *recording, struct text *out) {
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
