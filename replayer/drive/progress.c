/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line: see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "terminal.h"
#include "text.h"

#define TTY_INTERVAL_NS 200000000u
#define LOG_INTERVAL_NS 10000000000u /* a CI log wants signs of life, not a film */

void progress_init(struct progress *p, uint64_t planned) {
    uint64_t now = clock_mono_ns();
    *p = (struct progress){.hidden = error_quiet(),
                           .tty = isatty(STDERR_FILENO),
                           .started_ns = now,
                           .last_ns = now,
                           .planned = planned};
}

void progress_deinit(struct progress *p) {
    idmap_deinit(&p->seen);
}

void progress_found(struct progress *p, enum verdict verdict, int64_t location) {
    int64_t known;
    if (verdict == VERDICT_UNREACHED || verdict_severity(verdict) <= SEVERITY_OK)
        return;
    int64_t key = location * N_VERDICTS + verdict;
    p->findings[verdict] += !idmap_get(&p->seen, key, &known);
    idmap_put(&p->seen, key, 1);
}

static void add_findings(const struct progress *p, struct text *out) {
    for (enum verdict v = N_VERDICTS - 1; v > VERDICT_NONE; v--)
        if (p->findings[v])
            text_addf(out, ", %s at %u location%s", verdict_name(v), p->findings[v],
                      p->findings[v] == 1 ? "" : "s");
}

void progress_add_line(const struct progress *p, uint64_t now, struct text *out) {
    char done[32], planned[32], left[24];
    double ns = (double)(now - p->started_ns), seconds = ns / 1e9;
    double rate = seconds > 0 ? (double)p->executions / seconds : 0;
    text_addf(out, "%s of %s faults", text_count(p->done, done),
              text_count(p->planned, planned));
    if (rate > 0)
        text_addf(out, ", %.*f/s", rate < 10 ? 1 : 0, rate);
    add_findings(p, out);
    if (p->done && p->planned > p->done)
        text_addf(
            out, ", %s left",
            text_left((uint64_t)(ns / (double)p->done * (double)(p->planned - p->done)),
                      left));
}

void progress_show(struct progress *p) {
    uint64_t now = clock_mono_ns();
    if (p->hidden || now - p->last_ns < (p->tty ? TTY_INTERVAL_NS : LOG_INTERVAL_NS))
        return;
    p->last_ns = now;
    AUTO_TEXT struct text line = {0};
    progress_add_line(p, now, &line);
    if (!p->tty) {
        error_info("%s", line.data);
        return;
    }
    unsigned width = terminal_width(STDERR_FILENO);
    fprintf(stderr, "\r%.*s\033[K", width > 1 ? (int)width - 1 : 79, line.data);
    fflush(stderr);
    p->shown = true;
}

void progress_clear(struct progress *p) {
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->shown = false;
}
