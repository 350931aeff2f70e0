/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording could not see: see report_unseen.h. */
#include "report_unseen.h"

#include <fnmatch.h>
#include <string.h>

#include "text.h"

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool matches(const struct cli_list *globs, const char *module) {
    for (size_t i = 0; i < globs->n; i++)
        if (fnmatch(globs->items[i], module, 0) == 0 ||
            fnmatch(globs->items[i], base_name(module), 0) == 0)
            return true;
    return false;
}

void report_unseen_accept(struct report_data *data, const struct cli_list *globs) {
    for (size_t i = 0; i < data->n_notes; i++) {
        struct report_note *note = &data->notes[i];
        note->accepted = note->unseen && note->subject && matches(globs, note->subject);
    }
}

size_t report_unseen_open(const struct report_data *data) {
    size_t n = 0;
    for (size_t i = 0; i < data->n_notes; i++)
        n += data->notes[i].unseen && !data->notes[i].accepted;
    return n;
}

void report_add_unseen(const struct report_data *data, struct text *out) {
    const size_t most = 5;
    size_t n = report_unseen_open(data), shown = 0;
    text_addf(out, "%zu %s past dearth: ", n,
              n == 1 ? "module allocates" : "modules allocate");
    for (size_t i = 0; i < data->n_notes && shown < most; i++) {
        const struct report_note *note = &data->notes[i];
        if (!note->unseen || note->accepted)
            continue;
        text_say(out, "%s%s", shown++ ? ", " : "",
                 note->subject ? base_name(note->subject) : "unknown");
    }
    if (n > shown)
        text_addf(out, " and %zu more", n - shown);
}
