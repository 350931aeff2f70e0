/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the terminal view shows, without a terminal: lists of one line each, a search that narrows them, and
 * the details of a line. All text is for a terminal already: names in it are escaped (text.h), colours are ours (terminal.h).
 *
 *   struct list   rows[]  ─search, folds─►  shown[]   indices of rows
 */
#ifndef DEARTH_LISTS_H
#define DEARTH_LISTS_H

#include "kept.h"
#include "report_data.h"
#include "report_group.h"
#include "report_source.h"
#include "report_text.h"

enum lists_tab { LISTS_FINDINGS, LISTS_UNTESTED, LISTS_SITES, LISTS_LEAKS, N_LISTS };

struct list_row {
    char *text;       /* owned */
    enum color color; /* of its first word */
    /* what it stands for: one of these, a finding with the others at its end, or sites [first, first + n) of `untested` */
    const struct report_finding *finding;
    const struct report_group *group; /* a heading; NULL = a line below it */
    const struct report_site *site;
    size_t first, n;
    struct kept kept; /* leaks: of the newest recording */
    uint32_t above;   /* findings: index of the heading */
    bool open;        /* a heading: what is below it is shown */
};

struct list {
    const char *title;
    struct list_row *rows;
    uint32_t n_rows;
    uint32_t *shown;
    uint32_t n_shown;
    char *query; /* owned; NULL = none */
    char *none;  /* owned: what is said where there is no row; NULL = nothing to say */
    int order;   /* of sites */
};

struct lists {
    const struct report_data *data;
    const struct report_source *source; /* NULL = lines are not shown */
    struct report_group *groups;
    int64_t n_groups;
    struct report_text_place *places;
    struct list tabs[N_LISTS];
};

/** @out: lists_free(); what is given must outlive it. Return: 0, or negative errno after a message. */
int lists_new(const struct report_data *data, const struct report_source *source,
              struct lists **out);
struct lists *lists_free(struct lists *lists); /* NULL is allowed; returns NULL */

/**
 * Show rows alone that have all words of @query, in any case, in their line, module or key; "-word": that have it not.
 * @query: copied; NULL, "" = all
 */
void lists_search(struct lists *lists, enum lists_tab tab, const char *query);

/** Show what is below a heading, or hide it. Return: whether it is one with something below. */
bool lists_fold(struct lists *lists, enum lists_tab tab, uint32_t shown, bool open);

/** The next order of the sites. Return: its name. */
const char *lists_reorder(struct lists *lists);

/** Append what is to be said of a row. @width: of the terminal. Return: 0, or negative errno after a message. */
int lists_details(const struct lists *lists, enum lists_tab tab, uint32_t shown,
                  unsigned width, struct text *out);

/** Append the one line above all lists. */
void lists_add_summary(const struct lists *lists, struct text *out);

#endif
