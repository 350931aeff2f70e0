/* SPDX-License-Identifier: Apache-2.0 */
/* The progress line: see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
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

static void add_verdicts(const struct progress *p, struct text *out) {
    for (enum verdict v = N_VERDICTS - 1; v > VERDICT_NONE; v--)
        if (p->verdicts[v] && verdict_severity(v) != SEVERITY_OK)
            text_addf(out, ", %s %u", verdict_name(v), p->verdicts[v]);
}

static void compose(const struct progress *p, uint64_t now, struct text *out) {
    char done[32], planned[32], left[24];
    double seconds = (double)(now - p->started_ns) / 1e9;
    double rate = seconds > 0 ? (double)p->executions / seconds : 0;
    text_addf(out, "%s of %s faults", text_count(p->done, done),
              text_count(p->planned, planned));
    if (rate > 0)
        text_addf(out, ", %.*f/s", rate < 10 ? 1 : 0, rate);
    add_verdicts(p, out);
    if (p->done && p->planned > p->done) {
        double ns = (double)(now - p->started_ns) / (double)p->done *
                    (double)(p->planned - p->done);
        text_addf(out, ", %s left", text_duration((uint64_t)ns, left));
    }
}

void progress_show(struct progress *p) {
    uint64_t now = clock_mono_ns();
    if (p->hidden || now - p->last_ns < (p->tty ? TTY_INTERVAL_NS : LOG_INTERVAL_NS))
        return;
    p->last_ns = now;
    AUTO_TEXT struct text line = {0};
    compose(p, now, &line);
    if (!p->tty) {
        error_info("%s", line.data);
        return;
    }
    struct winsize size = {0};
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
                    ? size.ws_col - 1
                    : 79;
    fprintf(stderr, "\r%.*s\033[K", width, line.data);
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
