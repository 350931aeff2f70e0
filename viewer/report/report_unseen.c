/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording could not see: see report_unseen.h. */
#include "report_unseen.h"

#include <fnmatch.h>
#include <string.h>

#include "report_strings.h"
#include "report_tally.h"
#include "text.h"

static bool is_of_system(const char *path) {
    static const char *const folders[] = {"/bin/", "/sbin/", "/lib", "/usr/"};
    if (strncmp(path, "/usr/local/", 11) == 0)
        return false;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

bool report_unseen_counts(const struct report_note *note) {
    switch (unseen_from_name(note->kind)) {
    case UNSEEN_NOTHING:
        return false;
    case UNSEEN_STATIC:
    case UNSEEN_SETUID:
    case UNSEEN_OTHER_LIBC:
    case UNSEEN_OTHER_ABI:
        return !note->subject || !is_of_system(note->subject);
    default:
        return true;
    }
}

static bool matches(const struct cli_list *globs, const char *module) {
    for (size_t i = 0; i < globs->n; i++)
        if (fnmatch(globs->items[i], module, 0) == 0 ||
            fnmatch(globs->items[i], text_basename(module), 0) == 0)
            return true;
    return false;
}

void report_unseen_accept(struct report_data *data, const struct cli_list *globs) {
    for (size_t i = 0; i < data->n_notes; i++) {
        struct report_note *note = &data->notes[i];
        if (!note->unseen || note->accepted || !note->subject ||
            !matches(globs, note->subject))
            continue;
        AUTO_FREE char *text = text_format("accepted: %s", note->text);
        note->text = report_strings_keep(data, text);
        note->accepted = true;
    }
    report_tally_void(data, report_unseen_is_void(data));
}

size_t report_unseen_open(const struct report_data *data) {
    size_t n = 0;
    for (size_t i = 0; i < data->n_notes; i++)
        n += data->notes[i].unseen && !data->notes[i].accepted;
    return n;
}

const struct report_recording *report_unseen_sample(const struct report_data *data) {
    for (size_t i = 0; i < data->n_recordings; i++)
        if (data->recordings[i].sample_bytes > 0)
            return &data->recordings[i];
    return NULL;
}

bool report_unseen_is_void(const struct report_data *data) {
    return report_unseen_open(data) || report_unseen_sample(data);
}

static void add_sample(const struct report_recording *r, struct text *out) {
    char every[16];
    text_addf(
        out,
        "recording %lld is a sample, one byte in %s: which sites there are is not known",
        (long long)r->id, text_bytes((uint64_t)r->sample_bytes, every));
}

void report_unseen_add(const struct report_data *data, struct text *out) {
    const size_t most = 5;
    size_t n = report_unseen_open(data), shown = 0;
    const struct report_recording *sample = report_unseen_sample(data);
    if (sample)
        add_sample(sample, out);
    if (!n)
        return;
    text_add(out, sample ? "; " : "");
    text_addf(out, "%zu %s past dearth: ", n,
              n == 1 ? "module allocates" : "modules allocate");
    for (size_t i = 0; i < data->n_notes && shown < most; i++) {
        const struct report_note *note = &data->notes[i];
        if (!note->unseen || note->accepted)
            continue;
        text_say(out, "%s%s", shown++ ? ", " : "",
                 note->subject ? text_basename(note->subject) : "unknown");
    }
    if (n > shown)
        text_addf(out, " and %zu more", n - shown);
}
