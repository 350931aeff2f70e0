/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for frames that were just seen: see repro_names.h.
 *
 *   frames ─ one job for each module ─► namer ─► lines of each frame ─ in the order of the frames ─► text
 */
#include "repro_names.h"

#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "frames.h"
#include "namer.h"

struct named {    /* one frame */
    uint32_t job; /* 1-based; 0 = it is in no file */
    struct text lines;
};

struct naming {
    const struct crash_frame *frames;
    uint32_t n;
    struct named *named;
    struct namer_job *jobs;
    uint64_t *addresses; /* n for each job */
    uint32_t n_jobs;
};

static bool same_module(const struct namer_job *job, const struct crash_frame *f) {
    return strcmp(job->wanted.path, f->module) == 0 &&
           job->wanted.build_id_bytes == f->build_id_bytes &&
           memcmp(job->wanted.build_id, f->build_id, f->build_id_bytes) == 0;
}

static uint32_t job_of(struct naming *all, const struct crash_frame *f) {
    uint32_t i = 0;
    if (!f->module || f->module[0] != '/' || !f->build_id_bytes)
        return 0;
    while (i < all->n_jobs && !same_module(&all->jobs[i], f))
        i++;
    if (i == all->n_jobs)
        all->jobs[all->n_jobs++] =
            (struct namer_job){.wanted = {.path = f->module,
                                          .build_id = f->build_id,
                                          .build_id_bytes = f->build_id_bytes},
                               .addresses = all->addresses + (size_t)i * all->n};
    return i + 1;
}

static void plan(struct naming *all) {
    for (uint32_t i = 0; i < all->n; i++) {
        uint32_t at = all->named[i].job = job_of(all, &all->frames[i]);
        if (!at)
            continue;
        struct namer_job *job = &all->jobs[at - 1];
        all->addresses[(size_t)(at - 1) * all->n + job->n++] = all->frames[i].offset - 1;
    }
}

static void add_line(struct text *out, const struct frame *frame) {
    text_add(out, "    ");
    frame_add(frame, out);
    text_add(out, "\n");
}

static void take_lines(const struct crash_frame *f, const struct symbol_line *lines,
                       int n, struct text *out) {
    for (int i = 0; i < n; i++) {
        struct frame frame = {.function = lines[i].function,
                              .file = lines[i].file,
                              .line = lines[i].line,
                              .module = f->module,
                              .offset = f->offset,
                              .start = lines[i].start};
        add_line(out, &frame);
    }
}

/* Those of one job. Return: 0; negative: no more come. */
static int take_job(struct naming *all, struct namer *namer, uint32_t job) {
    struct namer_head head;
    const struct symbol_line *lines;
    int r = namer_head(namer, &head);
    for (uint32_t i = 0; i < all->n && r >= 0; i++)
        if (all->named[i].job == job && (r = namer_next(namer, &lines)) > 0)
            take_lines(&all->frames[i], lines, r, &all->named[i].lines);
    return r;
}

static void look_up(struct naming *all) {
    struct namer *namer = NULL;
    int signal, r = all->n_jobs ? namer_new(all->jobs, all->n_jobs, &namer) : -1;
    for (uint32_t job = 1; job <= all->n_jobs && r >= 0; job++)
        r = take_job(all, namer, job);
    if (namer)
        namer_end(namer, &signal);
}

/* What the supervisor itself saw. */
static void add_unnamed(const struct crash_frame *f, struct text *out) {
    AUTO_FREE char *name = f->function ? demangle(f->function, true) : NULL;
    struct frame frame = {.function = name ? name : f->function,
                          .module = f->module ? f->module : "?",
                          .offset = f->offset};
    add_line(out, &frame);
}

void repro_names_add(const struct crash_frame *frames, uint32_t n, struct text *out) {
    struct naming all = {.frames = frames,
                         .n = n,
                         .named = text_alloc((n + 1ull) * sizeof *all.named),
                         .jobs = text_alloc((n + 1ull) * sizeof *all.jobs),
                         .addresses =
                             text_alloc((n + 1ull) * (n + 1) * sizeof(uint64_t))};
    plan(&all);
    look_up(&all);
    for (uint32_t i = 0; i < n; i++) {
        if (all.named[i].lines.n)
            text_add_n(out, all.named[i].lines.data, all.named[i].lines.n);
        else
            add_unnamed(&frames[i], out);
        text_deinit(&all.named[i].lines);
    }
    free(all.named);
    free(all.jobs);
    free(all.addresses);
}
