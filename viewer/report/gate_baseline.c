/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier report has. A finding is known by its identity, which is equal across runs, databases and machines.
 *
 *   identity             in the baseline    known
 *   crashed|test!f       crashed|test!f     yes
 *   crashed|test!f|in a  crashed|test!f|in a   yes
 *   crashed|test!f|in a  crashed|test!f     when its module lies as this one, or does not say: it had no namesake then;
 *                                           or when that report has both modules: it was made before folders
 *                                           were told, and took them for one
 *   crashed|test!f       crashed|test!f|in a   when this module lies in such a folder
 */
#include "gate.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "report.h"
#include "store_namesakes.h"
#include "text.h"

/* A report of 100,000 sites has some 100 MB. */
#define BASELINE_MAX_BYTES (1u << 30)

static int read_file(const char *path, struct text *out) {
    FILE *file = fopen(path, "re");
    if (!file)
        return error_print_errno(-errno, "%s: cannot read the baseline", path);
    char buffer[65536];
    size_t n;
    while (out->n <= BASELINE_MAX_BYTES &&
           (n = fread(buffer, 1, sizeof buffer, file)) > 0)
        text_add_n(out, buffer, n);
    int r = out->n > BASELINE_MAX_BYTES
                ? error_print(-EFBIG, "%s: is too large for a report", path)
            : ferror(file) ? error_print(-EIO, "%s: cannot read the baseline", path)
                           : 0;
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
    else if (!cJSON_IsNumber(version) || version->valuedouble > REPORT_VERSION)
        r = error_print(-EINVAL, "%s: was written by a newer dearth; update dearth",
                        path);
    if (r < 0)
        cJSON_Delete(json);
    else
        *out = json;
    return r;
}

int gate_check_baseline(const char *path) {
    cJSON *json = NULL;
    int r = read_baseline(path, &json);
    cJSON_Delete(json);
    return r;
}

/* --- one finding of a baseline --- */

struct known {
    const char *identity;
    size_t n;                      /* of it without folders */
    char *bare;                    /* that alone; owned */
    const char *location, *module; /* paths; NULL = it does not say */
    bool by_abort;                 /* ended by SIGABRT */
};

static size_t bare_length(const char *identity) {
    const char *within = NULL;
    for (const char *at = identity; (at = strstr(at, FINDING_WITHIN)); at++)
        within = at;
    return within ? (size_t)(within - identity) : strlen(identity);
}

static int compare_bare(const char *a, size_t n, const char *b, size_t k) {
    int order = memcmp(a, b, n < k ? n : k);
    return order ? order : (n > k) - (n < k);
}

static int by_identity(const void *a, const void *b) {
    const struct known *x = a, *y = b;
    return compare_bare(x->identity, x->n, y->identity, y->n);
}

static const char *member(const cJSON *object, const char *name) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool is_by_abort(const cJSON *finding) {
    const cJSON *end = cJSON_GetObjectItemCaseSensitive(finding, "exit_status");
    const char *signal =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(end, "signal"));
    return signal && strcmp(signal, "SIGABRT") == 0;
}

/* The baseline's findings, sorted; they point into @json. free() the array, and what is bare. */
static struct known *known_findings(const cJSON *json, size_t *n) {
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(json, "findings"), *item;
    struct known *known =
        text_alloc(((size_t)cJSON_GetArraySize(findings) + 1) * sizeof *known);
    *n = 0;
    cJSON_ArrayForEach(item, findings) {
        const cJSON *fault = cJSON_GetObjectItemCaseSensitive(item, "fault");
        const char *identity = member(item, "identity");
        if (identity)
            known[(*n)++] = (struct known){
                .identity = identity,
                .n = bare_length(identity),
                .bare = text_format("%.*s", (int)bare_length(identity), identity),
                .location =
                    member(cJSON_GetObjectItemCaseSensitive(fault, "location"), "module"),
                .module = member(cJSON_GetObjectItemCaseSensitive(item, "attribution"),
                                 "module"),
                .by_abort = is_by_abort(item)};
    }
    if (*n)
        qsort(known, *n, sizeof *known, by_identity);
    return known;
}

/* --- modules of a baseline --- */

struct paths {
    const char **list;
    size_t n;
};

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_path(struct paths *paths, const char *path) {
    if (!path || (paths->n && strcmp(paths->list[paths->n - 1], path) == 0))
        return;
    paths->list = text_grow((void *)paths->list, paths->n, sizeof *paths->list);
    paths->list[paths->n++] = path;
}

/* Of its programs and sites, each once; they point into @json. */
static void add_paths(const cJSON *json, struct paths *paths) {
    const cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "recordings"))
        add_path(paths, member(item, "exe"));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "sites")) add_path(
        paths, member(cJSON_GetObjectItemCaseSensitive(item, "location"), "module"));
    if (paths->n)
        qsort((void *)paths->list, paths->n, sizeof *paths->list, by_text);
    for (size_t i = 0; i < paths->n; i++)
        if (!n || strcmp(paths->list[i], paths->list[n - 1]) != 0)
            paths->list[n++] = paths->list[i];
    paths->n = n;
}

/* --- is it known? --- */

struct baseline {
    struct known *known; /* sorted */
    size_t n;
    struct paths paths;
    struct store_namesakes namesakes; /* of this database, not of the baseline's */
};

/* It has that module, beside the one that it names. */
static bool has_beside(const struct baseline *b, const char *mine, const char *theirs) {
    for (size_t i = 0; i < b->paths.n; i++)
        if (strcmp(b->paths.list[i], theirs) != 0 &&
            store_namesakes_is_one(b->paths.list[i], mine) &&
            store_namesakes_is_nearest(&b->namesakes, mine, b->paths.list[i]))
            return true;
    return false;
}

/* One of the two is without folders: where the modules lie decides. */
static bool lies_as(const struct baseline *b, const struct known *k, const char *mine,
                    const char *theirs) {
    if (!mine)
        return true;
    if (k->identity[k->n])
        return store_namesakes_is_in(mine, k->identity + k->n + strlen(FINDING_WITHIN));
    return !theirs || !store_namesakes_folder(&b->namesakes, mine) ||
           store_namesakes_is_nearest(&b->namesakes, mine, theirs) ||
           has_beside(b, mine, theirs);
}

static bool is_same(const struct baseline *b, const struct known *k,
                    const struct report_finding *f, const char *identity) {
    if (strcmp(k->identity, identity) == 0)
        return true;
    const char *location = f->fault.location ? f->fault.location->module : NULL;
    bool first = lies_as(b, k, location, k->location),
         second = lies_as(b, k, f->module, k->module);
    return k->identity[k->n] ? first || second : first && second;
}

/* --- findings whose place is not known --- */

/* An identity is "verdict|failed call|place": only these verdicts have a place, and where nothing was traced
 * they are without. */
static bool is_placed_verdict(const char *identity) {
    static const char *const verdicts[] = {"crashed|", "corrupted|", "aborted|"};
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strncmp(identity, verdicts[i], strlen(verdicts[i])) == 0)
            return true;
    return false;
}

/* Is @bare without a place, and the same failed call as @other's? */
static bool is_same_call(const char *bare, const char *other) {
    const char *call = strchr(bare, '|') + 1, *others = strchr(other, '|') + 1;
    size_t n = strlen(call);
    return !strchr(call, '|') && strncmp(others, call, n) == 0 &&
           (!others[n] || others[n] == '|');
}

/* May both be one finding, as far as can be seen? Without a stack no check of the program's own is told
 * from its giving up: both end by SIGABRT. */
static bool may_be_same(const struct known *a, const struct known *b) {
    size_t n = strcspn(a->bare, "|") + 1;
    bool same_verdict = strncmp(a->bare, b->bare, n) == 0;
    return is_placed_verdict(a->bare) && is_placed_verdict(b->bare) &&
           (same_verdict || (a->by_abort && b->by_abort)) &&
           (is_same_call(a->bare, b->bare) || is_same_call(b->bare, a->bare));
}

static bool is_known(const struct baseline *b, const struct report_finding *f,
                     const struct known *wanted) {
    size_t at = 0, end = b->n;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (by_identity(&b->known[middle], wanted) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    for (; at < b->n && by_identity(&b->known[at], wanted) == 0; at++)
        if (is_same(b, &b->known[at], f, wanted->identity))
            return true;
    return false;
}

static void mark(const struct baseline *b, struct report_finding *f) {
    /* The report's text is cleaned UTF-8; so must be what is compared with it. */
    AUTO_FREE char *identity = text_utf8(f->identity, strlen(f->identity));
    size_t n = bare_length(identity);
    AUTO_FREE char *bare = text_format("%.*s", (int)n, identity);
    const struct known wanted = {.identity = identity,
                                 .n = n,
                                 .bare = bare,
                                 .by_abort = f->exit_signal == SIGABRT};
    f->known = is_known(b, f, &wanted);
    for (size_t i = 0; i < b->n && !f->known; i++)
        f->known = f->known_by_call =
            may_be_same(&wanted, &b->known[i]) &&
            (strcmp(identity + n, b->known[i].identity + b->known[i].n) == 0 ||
             is_same(b, &b->known[i], f, identity));
}

int gate_mark_known(struct report_data *data, const char *path) {
    struct baseline b = {0};
    cJSON *json = NULL;
    int r = read_baseline(path, &json);
    if (r < 0)
        return r;
    r = store_namesakes_load(data->store, &b.namesakes);
    b.known = known_findings(json, &b.n);
    if (b.namesakes.n)
        add_paths(json, &b.paths);
    for (size_t i = 0; i < data->n_findings && r == 0; i++)
        mark(&b, &data->findings[i]);
    for (size_t i = 0; i < b.n; i++)
        free(b.known[i].bare);
    store_namesakes_deinit(&b.namesakes);
    free((void *)b.paths.list);
    free(b.known);
    cJSON_Delete(json);
    return r;
}
