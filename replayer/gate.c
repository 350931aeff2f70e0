/* The gate: see gate.h. A finding is known when the baseline has its identity, which is
 * equal across runs, databases and machines. */
#include "gate.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/error.h"
#include "../common/report_text.h"

static int read_file(const char *path, struct text *out) {
    FILE *file = fopen(path, "re");
    if (!file)
        return error_print_errno(-errno, "%s: cannot read the baseline", path);
    char buffer[65536];
    size_t n;
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_add_n(out, buffer, n);
    int r = ferror(file) ? error_print(-EIO, "%s: cannot read the baseline", path) : 0;
    fclose(file);
    return r;
}

/* @out: the parsed report, cJSON_Delete() it. */
static int read_baseline(const char *path, cJSON **out) {
    AUTO_TEXT struct text content = {0};
    int r = read_file(path, &content);
    if (r < 0)
        return r;
    cJSON *json = cJSON_ParseWithLength(content.data ? content.data : "", content.n);
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(json, "format");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "version");
    if (!cJSON_IsString(format) || strcmp(format->valuestring, "dearth-report") != 0 ||
        !cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(json, "findings")))
        r = error_print(-EINVAL,
                        "%s: is not a report; 'dearth report FILE -o %s' makes one", path,
                        path);
    else if (!cJSON_IsNumber(version) || version->valuedouble > 1)
        r = error_print(-EINVAL, "%s: was written by a newer dearth; update dearth",
                        path);
    if (r < 0)
        cJSON_Delete(json);
    else
        *out = json;
    return r;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Identities of the baseline's findings, sorted; they point into @json. free() the array.
 */
static const char **known_identities(const cJSON *json, size_t *n) {
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(json, "findings"), *item;
    const char **known =
        text_alloc(((size_t)cJSON_GetArraySize(findings) + 1) * sizeof *known);
    *n = 0;
    cJSON_ArrayForEach(item, findings) {
        const cJSON *identity = cJSON_GetObjectItemCaseSensitive(item, "identity");
        if (cJSON_IsString(identity))
            known[(*n)++] = identity->valuestring;
    }
    if (*n)
        qsort(known, *n, sizeof *known, by_text);
    return known;
}

static int judge_findings(const struct report_data *data,
                          const struct gate_options *options, const char **known,
                          size_t n_known, struct text *why) {
    size_t n_new = 0, n_old = 0;
    for (size_t i = 0; i < data->n_findings; i++) {
        const struct report_finding *f = &data->findings[i];
        if (options->fail_on == REPORT_NONE || f->severity > options->fail_on)
            continue;
        /* The report's text is cleaned UTF-8; so must be what is compared with it. */
        AUTO_FREE char *identity = text_utf8(f->identity, strlen(f->identity));
        const char *key = identity;
        if (n_known && bsearch(&key, known, n_known, sizeof *known, by_text)) {
            n_old++;
            continue;
        }
        if (n_new++ < 20) {
            text_addf(why, "  #%lld ", (long long)f->id);
            int r = report_add_headline(data, f, why);
            if (r < 0)
                return r;
            text_add(why, ", after a failure in ");
            report_add_location(f->fault.location, why);
            text_add(why, "\n");
        }
    }
    if (n_new > 20)
        text_addf(why, "  ... %zu more\n", n_new - 20);
    if (n_new)
        text_addf(why, "  %zu finding%s of severity %s or worse%s\n", n_new,
                  n_new == 1 ? "" : "s", report_severity_name(options->fail_on),
                  options->baseline ? " that the baseline does not have" : "");
    if (n_old)
        text_addf(why, "  %zu known from the baseline\n", n_old);
    return n_new ? GATE_FAILED : GATE_PASSED;
}

static int judge_coverage(const struct report_data *data,
                          const struct gate_options *options, struct text *why) {
    double coverage = report_coverage(&data->site_tally) / 1e4;
    if (coverage >= options->min_coverage)
        return GATE_PASSED;
    text_addf(why, "  %.2f %% of the testable sites are tested, %g %% are wanted\n",
              floor(coverage * 100) / 100, options->min_coverage);
    return GATE_FAILED;
}

int gate_judge(const struct report_data *data, const struct gate_options *options,
               struct text *why) {
    cJSON *json = NULL;
    AUTO_FREE const char **known = NULL;
    AUTO_TEXT struct text details = {0};
    size_t n_known = 0;
    int r = options->baseline ? read_baseline(options->baseline, &json) : 0;
    if (r < 0)
        return r;
    if (json)
        known = known_identities(json, &n_known);
    r = judge_findings(data, options, known, n_known, &details);
    if (r >= 0 && judge_coverage(data, options, &details) == GATE_FAILED)
        r = GATE_FAILED;
    cJSON_Delete(json);
    if (r < 0)
        return r;
    text_addf(why, "gate %s\n%s", r == GATE_PASSED ? "passed" : "FAILED",
              details.n ? details.data : "");
    report_disarm(why, 0);
    return r;
}
