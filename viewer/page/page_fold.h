/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sites the page has. A page of a million would not open: of very many the small ones are folded, by
 * location, verdict and reason, into one each, that stands below a frame "(small sites)".
 *
 *   report's sites ──keep──► 0 .. n_kept - 1     in the order of their keys
 *                  ──fold──► n_kept .. n - 1     one for each location, verdict and reason
 *
 * Kept are those with a finding, and those with the largest share of any sum of a recording (calls, bytes, its own
 * peak of the recording's, never freed, temporary).
 */
#ifndef DEARTH_PAGE_FOLD_H
#define DEARTH_PAGE_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "report_data.h"

struct page_fold {
    uint32_t *place;  /* by index in the report: in the page */
    uint32_t *first;  /* by place: the first in the report */
    uint32_t *stands; /* by place: for how many */
    size_t n, n_kept;
    size_t n_folded; /* sites that are not kept */
    uint32_t limit;  /* these have less than as many billionths of every sum */
};

/**
 * Choose. Some 20 MB are what sites may take in the page; fewer are all kept.
 * @out: page_fold_deinit(), also after a failure
 * Return: 0, or negative errno after a message.
 */
int page_fold_init(struct page_fold *out, const struct report_data *data);
void page_fold_deinit(struct page_fold *fold); /* twice is safe */

#endif
