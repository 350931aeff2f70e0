/* SPDX-License-Identifier: Apache-2.0 */
/* The report in the formats that CI systems read: SARIF, JUnit, LCOV. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "report.h"
#include "report_headline.h"
#include "report_programs.h"
#include "report_suite.h"
#include "report_words.h"

/* --- SARIF --- */

/* A path as a URI reference. Source: RFC 3986, sections 2.3 and 3.3. */
static void add_uri(const char *path, struct text *out) {
    if (path[0] == '/')
        text_add(out, "file://");
    AUTO_FREE char *clean = text_utf8(path, strlen(path));
    for (const unsigned char *p = (const unsigned char *)clean; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~/!$&'()*+,;=@", *p);
        text_addf(out, plain ? "%c" : "%%%02X", *p);
    }
}

static void sarif_place(struct json *j, const char *file, int64_t line,
                        const char *module) {
    AUTO_TEXT struct text uri = {0};
    bool known = file && line > 0;
    add_uri(known ? file : module, &uri);
    json_open(j, "physicalLocation", '{');
    json_open_flat(j, "artifactLocation", '{');
    json_text(j, "uri", uri.data);
    json_close(j, '}');
    if (known) {
        json_open_flat(j, "region", '{');
        json_int(j, "startLine", line);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static int sarif_stack(struct json *j, const struct report_data *data, int64_t stack_id,
                       const char *what) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(data, stack_id, &frames);
    if (r < 0 || !frames.n)
        return r;
    json_open(j, NULL, '{');
    json_open_flat(j, "message", '{');
    json_text(j, "text", what);
    json_close(j, '}');
    json_open(j, "frames", '[');
    for (uint32_t i = 0; i < frames.n; i++) {
        const struct frame *f = &frames.items[i];
        json_open_flat(j, NULL, '{');
        json_text(j, "module", f->module);
        json_open(j, "location", '{');
        sarif_place(j, f->file, f->line, f->module);
        if (f->function) {
            json_open(j, "logicalLocations", '[');
            json_open(j, NULL, '{');
            json_text(j, "fullyQualifiedName", f->function);
            json_close(j, '}');
            json_close(j, ']');
        }
        json_close(j, '}');
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    return 0;
}

static int sarif_result(struct json *j, const struct report_data *data,
                        const struct report_finding *f) {
    static const char *const level[N_SEVERITIES] = {
        [SEVERITY_BUG] = "error",   [SEVERITY_WARNING] = "warning",
        [SEVERITY_POLICY] = "note", [SEVERITY_LOOK] = "note",
        [SEVERITY_OK] = "none",     [SEVERITY_NONE] = "none"};
    AUTO_TEXT struct text message = {0};
    int r = report_headline_add(data, f, &message);
    if (f->leaked) {
        int64_t blocks, bytes;
        report_words_count_leaks(f, &blocks, &bytes);
        text_addf(&message, " (%lld block%s, %lld bytes)", (long long)blocks,
                  blocks == 1 ? "" : "s", (long long)bytes);
    }
    text_add(&message, " after a failed ");
    report_words_add_failed(f, &message);
    report_programs_add_of(data, f, ", in ", &message);
    text_add(&message, ". Again: ");
    report_words_add_repro(data, f, &message);
    json_open(j, NULL, '{');
    json_text(j, "ruleId", f->leaked ? "leaked" : verdict_name(f->verdict));
    json_text(j, "level", f->apart ? "note" : level[f->severity]);
    json_open_flat(j, "message", '{');
    json_text(j, "text", message.data);
    json_close(j, '}');
    if (report_programs_several(data)) {
        json_open_flat(j, "properties", '{');
        json_text(j, "command", f->command);
        json_int(j, "programs", (int64_t)f->programs);
        if (f->test)
            json_text(j, "test", f->test);
        json_close(j, '}');
    }
    json_open_flat(j, "partialFingerprints", '{');
    json_text(j, "dearthIdentity/v1", f->identity);
    json_close(j, '}');
    json_open(j, "locations", '[');
    json_open(j, NULL, '{');
    const struct report_location *l = f->fault.location;
    sarif_place(j, l ? l->file : NULL, l ? l->line : 0,
                l ? l->module : data->recordings[data->n_recordings - 1].exe);
    json_close(j, '}');
    json_close(j, ']');
    json_open(j, "stacks", '[');
    if (r == 0)
        r = sarif_stack(j, data, f->fault.stack_id,
                        "the allocation that was made to fail");
    if (r == 0 && f->second.op)
        r = sarif_stack(j, data, f->second.stack_id,
                        "the allocation that was made to fail after that");
    if (r == 0)
        r = sarif_stack(j, data, f->crash.stack_id, "where it went wrong");
    for (size_t i = 0; r == 0 && i < f->n_leaks; i++)
        r = sarif_stack(j, data, f->leaks[i].stack_id, "the allocation that leaked");
    json_close(j, ']');
    json_close(j, '}');
    return r;
}

int report_sarif(const struct report_data *data, struct text *out) {
    struct json j = {.out = out};
    json_open(&j, NULL, '{');
    json_text(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_text(&j, "version", "2.1.0");
    json_open(&j, "runs", '[');
    json_open(&j, NULL, '{');
    json_open(&j, "tool", '{');
    json_open(&j, "driver", '{');
    json_text(&j, "name", "dearth");
    json_text(&j, "version", DEARTH_VERSION);
    json_open(&j, "rules", '[');
    for (enum verdict i = N_VERDICTS - 1; i >= VERDICT_UNREACHED; i--) {
        bool leaked = i == VERDICT_UNREACHED; /* which is never a finding */
        json_open_flat(&j, NULL, '{');
        json_text(&j, "id", leaked ? "leaked" : verdict_name(i));
        json_open(&j, "shortDescription", '{');
        json_text(&j, "text",
                  leaked ? "ended in order, but lost blocks" : verdict_meaning(i));
        json_close(&j, '}');
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_close(&j, '}');
    json_open(&j, "results", '[');
    int r = 0;
    for (size_t i = 0; r == 0 && i < data->n_findings; i++)
        r = sarif_result(&j, data, &data->findings[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    json_close(&j, ']');
    json_close(&j, '}');
    text_add(out, "\n");
    return r;
}

/* --- JUnit --- */

struct evidence { /* a finding of severity bug or warning, by site */
    struct dearth_key site;
    const struct report_finding *finding;
};

static int by_site(const void *a, const void *b) {
    return key_compare(((const struct evidence *)a)->site,
                       ((const struct evidence *)b)->site);
}

static int by_site_and_weight(const void *a, const void *b) {
    int order = by_site(a, b);
    const struct evidence *x = a, *y = b; /* findings lie in an array, worst first */
    return order ? order : (x->finding > y->finding) - (x->finding < y->finding);
}

static size_t collect_evidence(const struct report_data *data, struct evidence **out) {
    size_t n = 0, most = 1;
    for (size_t i = 0; i < data->n_findings; i++)
        most += data->findings[i].n_sites;
    struct evidence *list = text_alloc(most * sizeof *list);
    for (size_t i = 0; i < data->n_findings; i++) {
        const struct report_finding *f = &data->findings[i];
        for (size_t k = 0; k < f->n_sites && f->severity >= SEVERITY_WARNING && !f->apart;
             k++)
            list[n++] = (struct evidence){f->sites[k], f};
    }
    if (n)
        qsort(list, n, sizeof *list, by_site_and_weight);
    *out = list;
    return n;
}

/* XML 1.0 has no way to write most control characters. */
static void add_xml(const char *s, struct text *out) {
    AUTO_TEXT struct text clean = {0};
    text_add(&clean, s);
    text_disarm(&clean, 0);
    text_add_html(out, clean.data, clean.n);
}

/* @why: it was not tested; NULL = as the site says */
static int junit_case(const struct report_data *data, const struct report_site *site,
                      const struct report_finding *finding, const char *why,
                      struct text *out) {
    char key[DEARTH_KEY_HEX + 1];
    AUTO_TEXT struct text name = {0}, detail = {0};
    text_key(site->key, key);
    int r = report_data_add_place(data, site->location, site->stack_id, &name);
    text_add(out, "    <testcase classname=\"");
    const char *test = finding && finding->test ? finding->test : site->test;
    add_xml(test ? test
            : report_programs_several(data)
                ? site->command
                : text_basename(site->program ? site->program : "unknown"),
            out);
    text_add(out, "\" name=\"");
    add_xml(name.data, out);
    text_add(out, " ");
    add_xml(site->op, out);
    text_addf(out, " %s\"", key);
    if (finding) {
        r = report_headline_add(data, finding, &detail);
        text_add(out, ">\n      <failure type=\"");
        text_add(out, verdict_name(finding->verdict));
        text_add(out, "\" message=\"");
        add_xml(detail.data, out);
        text_add(out, "\">");
        text_deinit(&detail);
        report_words_add_repro(data, finding, &detail);
        report_programs_add_of(data, finding, "\nin ", &detail);
        if (finding->stderr_tail)
            text_addf(&detail, "\n%s", finding->stderr_tail);
        add_xml(detail.data, out);
        text_add(out, "</failure>\n    </testcase>\n");
    } else if (site->reason != REASON_TESTED) {
        text_add(out, ">\n      <skipped message=\"");
        add_xml(why ? why : reason_meaning(site->reason), out);
        text_add(out, "\"/>\n    </testcase>\n");
    } else {
        text_add(out, "/>\n");
    }
    return r;
}

/* Return: the worst finding of a site; NULL = none. */
static const struct report_finding *
find_evidence(const struct evidence *evidence, size_t n, const struct report_site *site) {
    struct evidence wanted = {site->key, NULL};
    const struct evidence *found =
        n ? bsearch(&wanted, evidence, n, sizeof *evidence, by_site) : NULL;
    while (found && found > evidence && by_site(found - 1, &wanted) == 0)
        found--;
    return found ? found->finding : NULL;
}

static int junit_sites(const struct report_data *data, const struct evidence *evidence,
                       size_t n, size_t *failures, struct text *out) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < data->n_sites; i++) {
        const struct report_site *site = &data->sites[i];
        if (site->reason == REASON_NOT_FAILABLE)
            continue;
        const struct report_finding *finding = find_evidence(evidence, n, site);
        *failures += finding != NULL;
        r = junit_case(data, site, finding, NULL, out);
    }
    return r;
}

/* A case is a target, and stands for the worst that was seen at one of its sites. */
static int junit_targets(const struct report_data *data, const struct evidence *evidence,
                         size_t n, size_t *failures, struct text *out) {
    const struct report_suite *suite = data->suite;
    int r = 0;
    AUTO_FREE const struct report_finding **worst =
        text_alloc((suite->n_targets + 1) * sizeof *worst);
    for (size_t i = 0; i < data->n_sites; i++) {
        const struct report_finding *f = find_evidence(evidence, n, &data->sites[i]);
        uint32_t target = data->sites[i].target;
        if (f && target && (!worst[target - 1] || f < worst[target - 1]))
            worst[target - 1] = f;
    }
    for (size_t i = 0; r == 0 && i < suite->n_targets; i++) {
        const struct report_target *t = &suite->targets[i];
        if (!t->shown)
            continue;
        *failures += worst[i] != NULL;
        struct report_site shown = *t->shown;
        shown.reason = t->reason ? REASON_NEVER_SELECTED : REASON_TESTED;
        r = junit_case(data, &shown, worst[i], t->reason, out);
    }
    return r;
}

int report_junit(const struct report_data *data, struct text *out) {
    AUTO_FREE struct evidence *evidence = NULL;
    size_t n = collect_evidence(data, &evidence), failures = 0;
    AUTO_TEXT struct text cases = {0};
    int r = data->suite ? junit_targets(data, evidence, n, &failures, &cases)
                        : junit_sites(data, evidence, n, &failures, &cases);
    const struct report_tally *tally = report_suite_measure(data);
    unsigned long long total = tally->testable, skipped = total - tally->tested;
    text_addf(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n  <testsuite name=\"dearth\" tests=\"%llu\" failures=\"%zu\" "
        "errors=\"0\" skipped=\"%llu\">\n%s  </testsuite>\n</testsuites>\n",
        total, failures, skipped, cases.n ? cases.data : "");
    return r;
}

/* --- LCOV --- */

static int by_line(const void *a, const void *b) {
    const struct report_location *x = *(struct report_location *const *)a;
    const struct report_location *y = *(struct report_location *const *)b;
    int order = strcmp(x->file, y->file);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* An empty tracefile says that nothing is to be covered, and makes genhtml fail with another reason. */
static int no_lines(const struct report_data *data) {
    return error_print(
        -ENODATA,
        "%s: LCOV is about source lines, and of none of %zu locations the line is known: "
        "build the program with debug information (-g), or install its debug symbols, and "
        "record it again; the other formats need no lines",
        data->path, data->n_locations);
}

int report_lcov(const struct report_data *data, struct text *out) {
    AUTO_FREE const struct report_location **lines =
        text_alloc((data->n_locations + 1) * sizeof *lines);
    size_t n = 0;
    for (size_t i = 0; i < data->n_locations; i++)
        if (data->locations[i].testable && data->locations[i].file &&
            data->locations[i].line)
            lines[n++] = &data->locations[i];
    if (!n)
        return no_lines(data);
    qsort(lines, n, sizeof *lines, by_line);
    for (size_t i = 0; i < n;) {
        const char *file = lines[i]->file;
        size_t found = 0, hit = 0;
        text_say(out, "TN:\nSF:%s\n", file);
        while (i < n && strcmp(lines[i]->file, file) == 0) {
            int64_t line = lines[i]->line;
            uint64_t tested = 0;
            for (; i < n && lines[i]->line == line && strcmp(lines[i]->file, file) == 0;
                 i++)
                tested += lines[i]->tested;
            text_addf(out, "DA:%lld,%llu\n", (long long)line, (unsigned long long)tested);
            found++;
            hit += tested > 0;
        }
        text_addf(out, "LF:%zu\nLH:%zu\nend_of_record\n", found, hit);
    }
    return 0;
}
