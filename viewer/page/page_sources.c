/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of sources: see page_sources.h. */
#include "page_sources.h"

static bool add_excerpt(void *state, const struct report_source *source,
                        const struct report_finding *f, const struct report_excerpt *e) {
    struct json *j = state;
    struct report_lines lines;
    if (!report_source_read(source, f, e, &lines))
        return false;
    json_open(j, NULL, '{');
    json_text(j, "file", e->file);
    json_int(j, "line", e->line);
    json_int(j, "first", lines.first);
    json_open(j, "lines", '[');
    for (uint32_t i = 0; i < lines.n; i++)
        json_text(j, NULL, lines.items[i]);
    json_close(j, ']');
    json_text(j, "says", e->says);
    json_text(j, "doubt", lines.doubt);
    json_close(j, '}');
    report_lines_deinit(&lines);
    return true;
}

int page_sources_add(const struct report_source *source, struct json *json) {
    const struct report_data *data = source->data;
    int r = 0;
    json_open(json, "sources", '[');
    for (size_t i = 0; r == 0 && i < data->n_findings; i++) {
        json_open(json, NULL, '[');
        r = report_source_each(source, &data->findings[i], add_excerpt, json);
        json_close(json, ']');
    }
    json_close(json, ']');
    return r;
}
