/* SPDX-License-Identifier: Apache-2.0 */
/* Grouping findings: see report_group.h. Sorted by place (without one by headline), cut where it changes,
 * sorted back. */
#include "report_group.h"

#include <stdlib.h>
#include <string.h>

#include "report_headline.h"

struct entry {
    const struct report_finding
        *finding; /* findings lie in an array, in the report's order */
    char *headline;
    bool place;
};

/* What makes two of one group. */
static const char *sameness(const struct entry *e) {
    return e->place ? e->finding->place : e->headline;
}

static int by_sameness(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    int order = x->finding->known - y->finding->known;
    if (!order)
        order = x->finding->apart - y->finding->apart;
    if (!order)
        order = (int)y->finding->severity - (int)x->finding->severity;
    if (!order)
        order = x->finding->runtime - y->finding->runtime;
    if (!order)
        order = x->place - y->place;
    if (!order)
        order = strcmp(sameness(x), sameness(y));
    return order ? order : (x->finding > y->finding) - (x->finding < y->finding);
}

static int by_first_member(const void *a, const void *b) {
    const struct report_finding *x = ((const struct report_group *)a)->members[0];
    const struct report_finding *y = ((const struct report_group *)b)->members[0];
    if (x->known != y->known)
        return x->known - y->known;
    return x->apart != y->apart ? x->apart - y->apart : (x > y) - (x < y);
}

static bool together(const struct entry *a, const struct entry *b) {
    return a->place == b->place && a->finding->known == b->finding->known &&
           a->finding->apart == b->finding->apart &&
           a->finding->severity == b->finding->severity &&
           a->finding->runtime == b->finding->runtime &&
           strcmp(sameness(a), sameness(b)) == 0;
}

static int64_t cut(struct entry *entries, size_t n, struct report_group *groups) {
    int64_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        struct report_group *g = n_groups ? &groups[n_groups - 1] : NULL;
        if (!g || !together(&entries[i - 1], &entries[i])) {
            g = &groups[n_groups++];
            g->headline = text_dup(entries[i].headline);
            g->place = entries[i].place;
        }
        g->members = text_grow(g->members, g->n, sizeof *g->members);
        g->members[g->n++] = entries[i].finding;
    }
    return n_groups;
}

int64_t report_groups_new(const struct report_data *data, struct report_group **out) {
    size_t n = data->n_findings;
    struct entry *entries = text_alloc((n + 1) * sizeof *entries);
    struct report_group *groups = text_alloc((n + 1) * sizeof *groups);
    int64_t r = 0;
    size_t done = 0;
    for (; r == 0 && done < n; done++) {
        const struct report_finding *f = &data->findings[done];
        struct text headline = {0};
        r = report_headline_add(data, f, &headline);
        entries[done] = (struct entry){f, text_take(&headline),
                                       f->crash.stack_id || f->policy || f->n_leaks};
    }
    if (r == 0 && n) {
        qsort(entries, n, sizeof *entries, by_sameness);
        r = cut(entries, n, groups);
        qsort(groups, (size_t)r, sizeof *groups, by_first_member);
    }
    for (size_t i = 0; i < done; i++)
        free(entries[i].headline);
    free(entries);
    *out = r < 0 ? report_groups_free(groups, 0) : groups;
    return r;
}

struct report_group *report_groups_free(struct report_group *groups, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        free(groups[i].members);
        free(groups[i].headline);
    }
    free(groups);
    return NULL;
}

static int by_place(const void *a, const void *b) {
    const struct report_finding *x = *(const struct report_finding *const *)a;
    const struct report_finding *y = *(const struct report_finding *const *)b;
    int order = (int)y->severity - (int)x->severity;
    return order ? order : strcmp(x->place, y->place);
}

void report_group_count_places(const struct report_finding **findings, size_t n,
                               uint64_t places[static N_SEVERITIES]) {
    memset(places, 0, N_SEVERITIES * sizeof *places);
    if (n)
        qsort(findings, n, sizeof *findings, by_place);
    for (size_t i = 0; i < n; i++)
        places[findings[i]->severity] +=
            !i || by_place(&findings[i - 1], &findings[i]) != 0;
}
