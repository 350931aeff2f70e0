/* SPDX-License-Identifier: Apache-2.0 */
/* How far a report can be relied on, over all its recordings: see report_completeness.h. */
#include "report_completeness.h"

#include "text.h"

static uint64_t known(int64_t n) {
    return n > 0 ? (uint64_t)n : 0;
}

struct report_completeness report_completeness(const struct report_data *data) {
    struct report_completeness c = {0};
    for (size_t i = 0; i < data->n_recordings; i++) {
        const struct report_recording *r = &data->recordings[i];
        c.events_lost += known(r->events_lost);
        c.stacks_lost += known(r->stacks_lost);
        c.stacks_truncated += known(r->stacks_truncated);
        c.stacks_incomplete += known(r->stacks_incomplete);
        c.unwind_fallbacks += known(r->unwind_fallbacks);
        c.waited_ns += known(r->waited_ns);
        c.processes += known(r->processes);
        c.processes_lost += known(r->processes_lost);
        c.rings_damaged += known(r->rings_damaged);
        c.threads += known(r->threads);
        if (known(r->own_bytes) > c.own_bytes)
            c.own_bytes = known(r->own_bytes);
    }
    return c;
}

static void add_part(struct text *out, uint64_t n, const char *one, const char *many) {
    char count[32];
    if (n)
        text_addf(out, ", %s %s", text_count(n, count), n == 1 ? one : many);
}

void report_add_recorded(const struct report_data *data, struct text *out) {
    struct report_completeness c = report_completeness(data);
    char count[32], threads[32], bytes[16], waited[24];
    text_addf(out, "%s %s and %s %s", text_count(c.processes, count),
              c.processes == 1 ? "process" : "processes", text_count(c.threads, threads),
              c.threads == 1 ? "thread" : "threads");
    if (c.own_bytes)
        text_addf(out, ", %s of shared memory", text_bytes(c.own_bytes, bytes));
    if (c.waited_ns)
        text_addf(out, ", threads waited %s for dearth",
                  text_duration(c.waited_ns, waited));
    add_part(out, c.unwind_fallbacks, "stack needed libunwind",
             "stacks needed libunwind");
    add_part(out, data->n_modules_without_cfi, "module without unwind information",
             "modules without unwind information");
    add_part(out, c.processes_lost, "process not recorded", "processes not recorded");
    add_part(out, c.rings_damaged, "place of the shared memory written over",
             "places of the shared memory written over");
    add_part(out, c.events_lost, "event lost", "events lost");
    add_part(out, c.stacks_lost, "event without a stack", "events without a stack");
    add_part(out, c.stacks_truncated, "stack deeper than --max-depth",
             "stacks deeper than --max-depth");
    add_part(out, c.stacks_incomplete, "stack that ended early",
             "stacks that ended early");
    for (size_t i = 0; i < data->n_stops; i++)
        text_addf(out, "%s %s (%s)", i ? "," : ", in", data->stops[i].module,
                  text_count(data->stops[i].calls, count));
}
