/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for people: see report_text.h. What a reader wants first comes first: how
 * much is tested, what broke and how to see it again, then what was never tested.
 */
#include "report_text.h"

#include <stdlib.h>
#include <string.h>

#include "report_completeness.h"
#include "report_group.h"
#include "report_unseen.h"
#include "text.h"

static void add_percent(uint32_t millionths, struct text *out) {
    text_say(out, "%u.%u %%", millionths / 10000, millionths / 1000 % 10);
}

static void add_plural(struct text *out, uint64_t n, const char *one, const char *many) {
    char buf[32];
    text_say(out, "%s %s", text_count(n, buf), n == 1 ? one : many);
}

static uint64_t count_known(const struct report_data *data, enum severity severity) {
    uint64_t n = 0;
    for (size_t i = 0; i < data->n_findings; i++)
        n += data->findings[i].known && data->findings[i].severity == severity;
    return n;
}

void report_add_severities(const struct report_data *data, struct text *out) {
    bool any = false;
    for (enum severity i = SEVERITY_BUG; i >= SEVERITY_LOOK; i--) {
        if (!data->severities[i])
            continue;
        if (any)
            text_add(out, ", ");
        any = true;
        uint64_t known = count_known(data, i);
        add_plural(out, data->severities[i], severity_name(i), severity_plural(i));
        if (known)
            text_say(out, " (%llu known)", (unsigned long long)known);
        if (i == SEVERITY_WARNING && data->silent)
            text_say(out, " (%llu silent)", (unsigned long long)data->silent);
        if (data->runtime[i])
            text_say(out, " (%llu of the C library, the C++ runtime or the loader)",
                     (unsigned long long)data->runtime[i]);
    }
    if (!any)
        text_add(out, "nothing");
}

/* --- the head --- */

static void add_recording(const struct report_recording *r, struct text *out) {
    char bytes[16], count[32], name[24];
    text_say(out, "  recording %lld: ", (long long)r->id);
    report_add_argv(r, out);
    if (r->allocations >= 0)
        text_say(out, "\n      %s allocations, %s",
                 text_count((uint64_t)r->allocations, count),
                 text_bytes(r->bytes < 0 ? 0 : (uint64_t)r->bytes, bytes));
    if (r->peak_bytes >= 0)
        text_say(out, ", at most %s at once", text_bytes((uint64_t)r->peak_bytes, bytes));
    if (r->exit_signal)
        text_say(out, "; killed by %s", signal_name(r->exit_signal, name));
    else if (r->has_code)
        text_say(out, "; exit status %lld", (long long)r->exit_code);
    if (strcmp(r->state, "complete") != 0)
        text_say(out, "; %s", r->state);
    text_add(out, "\n");
}

static void add_replay(const struct report_replay *r, struct text *out) {
    char duration[24];
    text_say(out, "  replay %lld of recording %lld: ", (long long)r->id,
             (long long)r->recording);
    add_plural(out, (uint64_t)r->attempts, "attempt", "attempts");
    if (r->duration_ns >= 0)
        text_say(out, " in %s", text_duration((uint64_t)r->duration_ns, duration));
    if (strcmp(r->isolation, "copy") == 0)
        text_add(out, "; files outside of the working folder were real");
    else if (strcmp(r->isolation, "shared") == 0)
        text_add(out, "; files were real");
    if (strcmp(r->state, "complete") != 0)
        text_say(out, "; %s",
                 strcmp(r->state, "budget") == 0 ? "stopped by its budget" : r->state);
    text_add(out, "\n");
}

static void add_head(const struct report_data *data, struct text *out) {
    const size_t most = 5; /* of each; the newest */
    text_add_name(out, data->path);
    text_add(out, "\n");
    size_t i = data->n_recordings > most ? data->n_recordings - most : 0;
    if (i)
        text_say(out, "  %zu earlier recordings\n", i);
    for (; i < data->n_recordings; i++)
        add_recording(&data->recordings[i], out);
    i = data->n_replays > most ? data->n_replays - most : 0;
    if (i)
        text_say(out, "  %zu earlier replays\n", i);
    for (; i < data->n_replays; i++)
        add_replay(&data->replays[i], out);
}

static void add_tally(const char *what, const struct report_tally *t, bool is_void,
                      struct text *out) {
    char tested[32], testable[32];
    text_say(out, "  %-10s ", what);
    if (!t->testable) {
        text_add(out, "nothing to test\n");
        return;
    }
    if (is_void)
        text_add(out, "void   ");
    else
        add_percent(report_coverage(t), out);
    text_say(out, "  %s of %s tested", text_count(t->tested, tested),
             text_count(t->testable, testable));
    if (t->excluded)
        text_say(out, ", %s more cannot be made to fail",
                 text_count(t->excluded, tested));
    text_add(out, "\n");
}

/* How the sites were tested, and why not all in snapshots. */
static void add_how(const struct report_data *data, struct text *out) {
    static const char *const names[] = {"rerun", "snapshot", "sweep"};
    char count[32];
    uint64_t sites[3] = {0};
    for (size_t i = 0; i < data->n_sites; i++)
        for (int k = 0; k < 3; k++)
            sites[k] += data->sites[i].how >> k & 1;
    if (sites[0] == data->site_tally.tested && !data->n_refusals)
        return;
    text_add(out, "\nHow (a site confirmed by rerun counts in both)\n");
    for (int k = 2; k >= 0; k--)
        if (sites[k])
            text_say(out, "  %-10s %7s\n", names[k], text_count(sites[k], count));
    for (size_t i = 0; i < data->n_refusals; i++)
        text_say(out, "    no snapshot of %s: %s\n",
                 text_count(data->refusals[i].sites, count),
                 refusal_meaning(data->refusals[i].reason));
}

static void add_summary(const struct report_data *data, struct text *out) {
    char count[32];
    text_add(out, "\nCoverage\n");
    bool is_void = report_unseen_open(data) > 0;
    add_tally("sites", &data->site_tally, is_void, out);
    add_tally("locations", &data->location_tally, is_void, out);
    if (data->error_tally.total)
        add_tally("error path", &data->error_tally, is_void, out);
    if (is_void) {
        text_add(out, "  void: ");
        report_add_unseen(data, out);
        text_add(out, " (see the notes)\n");
    }
    if (!data->site_tally.tested)
        return;
    text_add(out, "\nVerdicts (tested sites, by the worst)\n");
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_UNREACHED; i--)
        if (data->verdicts[i])
            text_say(out, "  %-10s %7s  %s\n", verdict_name(i),
                     text_count(data->verdicts[i], count), verdict_meaning(i));
    add_how(data, out);
}

/* --- findings --- */

/* How libc ends a program: what lies under these on the stack is what wanted it. */
static bool is_way_out(const char *function) {
    static const char *const names[] = {"pthread_kill",
                                        "__pthread_kill_implementation",
                                        "__pthread_kill_internal",
                                        "raise",
                                        "__GI_raise",
                                        "gsignal",
                                        "abort",
                                        "__GI_abort",
                                        "__assert_fail_base",
                                        "__assert_fail",
                                        "__GI___assert_fail",
                                        "__assert_perror_fail",
                                        "__libc_message",
                                        "malloc_printerr",
                                        "__fortify_fail",
                                        "__GI___fortify_fail",
                                        "__stack_chk_fail",
                                        "__chk_fail",
                                        "__GI___chk_fail",
                                        "__libc_fatal",
                                        "__GI___libc_fatal"};
    for (size_t i = 0; function && i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]); /* a part of it: "abort.cold" */
        if (strncmp(function, names[i], n) == 0 && (!function[n] || function[n] == '.'))
            return true;
    }
    return false;
}

/* A sample of a hung program may be taken inside our own library. */
static bool is_ours(const struct frame *frame) {
    return strncmp(text_basename(frame->module), "libdearth", 9) == 0;
}

/* Index of the innermost frame that is neither. */
static uint32_t skip_way_out(const struct frames *frames) {
    uint32_t i = 0;
    while (i + 1 < frames->n &&
           (is_way_out(frames->items[i].function) || is_ours(&frames->items[i])))
        i++;
    return i;
}

/* @max: frames, 0 = all; when not all are wanted, those of a mere way out are not. */
static int add_stack(const struct report_data *data, int64_t stack_id, uint32_t max,
                     struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(data, stack_id, &frames);
    if (r < 0)
        return r;
    uint32_t first = max ? skip_way_out(&frames) : 0, left = frames.n - first;
    uint32_t n = first + (max && left > max ? max : left);
    for (uint32_t i = first; i < n; i++) {
        text_say(out, "        %s", i > first ? "  called by " : "  ");
        frame_add(&frames.items[i], out);
        text_add(out, frames.items[i].inlined ? " [inlined]\n" : "\n");
    }
    if (n < frames.n)
        text_say(out, "          ... %u more\n", frames.n - n);
    return 0;
}

/* The innermost frame that is not a mere way out, and the innermost of the blamed module when
 * that is another one. */
static int add_crash_place(const struct report_data *data, const struct report_finding *f,
                           struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = f->crash.stack_id ? report_data_stack(data, f->crash.stack_id, &frames) : 0;
    if (r < 0 || !frames.n)
        return r;
    const char *blamed = f->module ? text_basename(f->module) : NULL;
    uint32_t first = skip_way_out(&frames), i;
    for (i = first; blamed && i < frames.n; i++)
        if (strcmp(text_basename(frames.items[i].module), blamed) == 0)
            break;
    if (i == frames.n || !blamed)
        i = first;
    text_add(out, " in ");
    if (i != first && !is_way_out(frames.items[0].function)) {
        frame_add(&frames.items[first], out);
        text_add(out, ", called from ");
    }
    frame_add(&frames.items[i], out);
    return 0;
}

/* Without numbers: findings with one headline are shown as one. */
static int add_leak_headline(const struct report_data *data,
                             const struct report_finding *f, struct text *out) {
    text_add(out, " and leaked what was allocated in ");
    return report_add_place(data, f->leaks[0].location, f->leaks[0].stack_id, out);
}

int report_add_headline(const struct report_data *data, const struct report_finding *f,
                        struct text *out) {
    char name[24];
    text_add(out, verdict_name(f->verdict));
    if (f->n_leaks)
        return add_leak_headline(data, f, out);
    if (f->silent)
        text_add(out, " silently");
    if (f->leaked)
        text_add(out, " and leaked");
    if (f->timed_out)
        text_say(out, ": %s", f->hang ? f->hang : "time limit passed");
    else if (f->crash.signal)
        text_say(out, ": %s", signal_name(f->crash.signal, name));
    else if (f->exit_signal)
        text_say(out, ": %s", signal_name(f->exit_signal, name));
    else if (f->has_code)
        text_say(out, ": exit status %lld", (long long)f->exit_code);
    if (f->n_differences && f->verdict == VERDICT_DEGRADED) {
        text_add(out, ", but ");
        report_add_difference(&f->differences[0], false, out);
    }
    if (f->policy)
        text_say(out, " by policy %s", f->policy);
    if (f->facility)
        text_say(out, " (libc's %s)", f->facility);
    return add_crash_place(data, f, out);
}

/* The calls that failed by chance, the last of which is the fault. */
static void add_failed(const struct report_data *data, const struct report_finding *f,
                       struct text *out) {
    const int most = 8;
    const struct report_site *site;
    int64_t call;
    int i = 0;
    for (; f->fault.chance && i < most && report_failed_call(data, f, i, &site, &call);
         i++) {
        text_say(out, "      %s %s in ", i ? "           " : "by chance  ",
                 site ? site->op : "a call");
        report_add_location(site ? site->location : NULL, out);
        text_say(out, ", call %lld\n", (long long)call);
    }
    if (i == most)
        text_add(out, "                  ...\n");
}

static void add_fault(const struct report_data *data, const struct report_finding *f,
                      struct text *out) {
    char bytes[16];
    text_say(out, "      fault       %s", f->fault.op);
    if (f->fault.size >= 0)
        text_say(out, " of %s", text_bytes((uint64_t)f->fault.size, bytes));
    text_add(out, " in ");
    report_add_location(f->fault.location, out);
    text_say(out, ", call %lld of its site", (long long)f->fault.occurrence);
    if (strcmp(f->fault.thread, "any") != 0)
        text_say(out, " %s", thread_role_phrase(thread_role_from_name(f->fault.thread)));
    if (f->fault.call)
        text_say(out, ", call %lld of the run", (long long)f->fault.call);
    if (strcmp(f->fault.mode, "sticky") == 0)
        text_add(out, " and every allocation after it");
    else if (strcmp(f->fault.mode, "burst") == 0)
        text_say(out, " and the %lld allocations after it",
                 (long long)f->fault.burst - 1);
    else if (f->fault.chance) {
        text_add(out, ", ");
        report_add_chance(f, out);
    }
    text_add(out, "\n");
    add_failed(data, f, out);
}

void report_count_leaks(const struct report_finding *f, int64_t *blocks, int64_t *bytes) {
    *blocks = *bytes = 0;
    for (size_t i = 0; i < f->n_leaks; i++) {
        *blocks += f->leaks[i].blocks;
        *bytes += f->leaks[i].bytes;
    }
}

/* "1 block, 16 B, calloc in new_reader (leak.c:23)" and the stack, for each site. */
static int add_leaks(const struct report_data *data, const struct report_finding *f,
                     uint32_t max_frames, struct text *out) {
    const size_t most = 4;
    int64_t blocks, bytes;
    char buf[16];
    int r = 0;
    if (!f->n_leaks)
        return 0;
    report_count_leaks(f, &blocks, &bytes);
    text_add(out, "      leaked      ");
    add_plural(out, (uint64_t)blocks, "block", "blocks");
    text_say(out, ", %s", text_bytes((uint64_t)bytes, buf));
    text_add(out, ": nothing points there any more when the program ends\n");
    for (size_t i = 0; i < f->n_leaks && i < most && r == 0; i++) {
        const struct report_leak *leak = &f->leaks[i];
        text_add(out, "        ");
        add_plural(out, (uint64_t)leak->blocks, "block", "blocks");
        text_say(out, " (%s) by %s%s\n", text_bytes((uint64_t)leak->bytes, buf), leak->op,
                 leak->direct ? "" : ", held by other leaked blocks alone");
        r = add_stack(data, leak->stack_id, max_frames, out);
    }
    if (f->n_leaks > most)
        text_say(out, "        ... of %zu more sites\n", f->n_leaks - most);
    return r;
}

/* What the execution ran under, when that was not the program alone, and what it showed. */
static void add_under(const struct report_finding *f, struct text *out) {
    char what[160];
    if (strcmp(f->isolation, "overlay") != 0)
        text_addf(out, "      files       real%s (--isolation %s)\n",
                  strcmp(f->isolation, "copy") == 0 ? " outside of the working folder"
                                                    : "",
                  f->isolation);
    if (f->under && strcmp(f->under, "plain") != 0)
        text_say(out, "      under       %s\n",
                 strcmp(f->under, "guarded") == 0 ? "guarded blocks (--guard)"
                 : strcmp(f->under, "asan") == 0  ? "AddressSanitizer"
                                                  : "Valgrind");
    if (!f->damage.kind)
        return;
    damage_describe(&f->damage, what, sizeof what);
    text_say(out, "      damage      %s", what);
    if (f->damage_location) {
        text_add(out, "; allocated in ");
        report_add_location(f->damage_location, out);
    }
    text_add(out, "\n");
}

static void add_second(const struct report_finding *f, struct text *out) {
    text_say(out, "      then        %s in ", f->second.op);
    report_add_location(f->second.location, out);
    text_say(out, ", call %lld of its site after that failure\n",
             (long long)f->second.occurrence);
}

void report_add_failed(const struct report_finding *f, struct text *out) {
    if (f->second.op) {
        text_say(out, "%s in ", f->second.op);
        report_add_location(f->second.location, out);
        text_add(out, ", after the failure of ");
    }
    text_say(out, "%s in ", f->fault.op);
    report_add_location(f->fault.location, out);
}

/* The last lines of what it said, indented. */
static void add_stderr(const char *tail, struct text *out) {
    const int most = 4;
    size_t n = tail ? strlen(tail) : 0;
    while (n && (tail[n - 1] == '\n' || tail[n - 1] == ' '))
        n--;
    if (!n)
        return;
    size_t start = n;
    for (int lines = 0; start > 0; start--)
        if (tail[start - 1] == '\n' && ++lines == most)
            break;
    text_add(out, "      stderr      ");
    for (size_t i = start; i < n; i++) {
        text_add_n(out, tail + i, 1);
        if (tail[i] == '\n')
            text_add(out, "                  ");
    }
    text_add(out, "\n");
}

/* What it did instead of ending, and where both samples found it. */
static int add_hang(const struct report_data *data, const struct report_finding *f,
                    struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    const struct frame *loop;
    int r = report_data_loop(data, f, &frames, &loop);
    if (r < 0 || !f->timed_out)
        return r;
    text_say(out, "      doing       %s",
             f->hang ? hang_meaning(f->hang) : "past its time limit");
    if (f->hang_call)
        text_say(out, "; in %s", f->hang_call);
    text_add(out, "\n");
    if (loop) {
        text_add(out, "      twice in    ");
        frame_add(loop, out);
        text_add(out, ", some time apart\n");
    }
    return 0;
}

static void add_differences(const struct report_finding *f, struct text *out) {
    for (size_t i = 0; i < f->n_differences; i++) {
        text_add(out, i ? "                  " : "      differs     ");
        report_add_difference(&f->differences[i], true, out);
        text_add(out, "\n");
    }
}

static int add_finding(const struct report_data *data, const struct report_finding *f,
                       uint32_t max_frames, struct text *out) {
    text_say(out, "\n  #%lld %s%s: ", (long long)f->id, severity_name(f->severity),
             f->runtime ? " of the runtime" : "");
    int r = report_add_headline(data, f, out);
    if (r < 0)
        return r;
    text_add(out, "\n");
    add_fault(data, f, out);
    if ((r = add_stack(data, f->fault.stack_id, max_frames, out)) < 0)
        return r;
    if (f->second.op) {
        add_second(f, out);
        if ((r = add_stack(data, f->second.stack_id, max_frames, out)) < 0)
            return r;
    }
    if ((r = add_hang(data, f, out)) < 0)
        return r;
    if (f->crash.stack_id) {
        text_add(out, f->timed_out ? "      stopped in" : "      went wrong");
        if (f->crash.has_address)
            text_say(out, "  at address 0x%llx", (unsigned long long)f->crash.address);
        text_add(out, "\n");
        if ((r = add_stack(data, f->crash.stack_id, max_frames, out)) < 0)
            return r;
    }
    if ((r = add_leaks(data, f, max_frames, out)) < 0)
        return r;
    add_under(f, out);
    if (f->module)
        text_say(out, "      module      %s%s%s%s\n", f->module, f->kind ? " (" : "",
                 f->kind ? f->kind : "", f->kind ? ")" : "");
    if (f->facility)
        text_say(out, "      facility    libc's %s: %s\n", f->facility, f->effect);
    if (f->verdict == VERDICT_DEGRADED || f->verdict == VERDICT_FLAKY)
        add_differences(f, out);
    add_stderr(f->stderr_tail, out);
    text_say(out, "      seen        in %lld of %lld executions, at ", (long long)f->bad,
             (long long)f->tried);
    add_plural(out, f->n_sites, "site", "sites");
    if (f->unreached)
        text_say(out, "; %lld more did not come to the call", (long long)f->unreached);
    if (f->unconfirmed)
        text_add(out, "; in copies of the running program alone, not confirmed by a "
                      "run of its own");
    text_add(out, "\n      again       ");
    report_add_repro(data, f, out);
    text_add(out, "\n");
    return 0;
}

/* The others of a group: their number and what failed. */
static void add_members(const struct report_group *g, size_t first, uint32_t max,
                        struct text *out) {
    size_t left = g->n - first, shown = max && left > max ? max : left;
    for (size_t i = first; i < first + shown; i++) {
        const struct report_finding *f = g->members[i];
        text_say(out, "          #%-5lld ", (long long)f->id);
        report_add_failed(f, out);
        if (f->n_sites > 1)
            text_say(out, ", %zu sites", f->n_sites);
        text_add(out, "\n");
    }
    if (shown < left)
        text_say(out, "          ... %zu more\n", left - shown);
}

static int add_group(const struct report_data *data, const struct report_group *g,
                     const struct report_text_options *options, struct text *out) {
    int r = add_finding(data, g->members[0], options->max_frames, out);
    if (g->n > 1) {
        text_add(out, "      the same    at the end of ");
        add_plural(out, g->n - 1, "more finding, after a failed",
                   "more findings, after a failed");
        text_add(out, "\n");
        add_members(g, 1, options->max_members, out);
    }
    return r;
}

static void add_first_difference(const struct report_finding *f, struct text *out) {
    if (f->verdict != VERDICT_DEGRADED || !f->n_differences || !f->differences[0].detail)
        return;
    text_add(out, "      ");
    report_add_difference(&f->differences[0], true, out);
    text_say(out, " in #%lld\n", (long long)f->id);
}

/* Policies, looks, and what goes beyond max_findings: a headline and what failed. */
static void add_short_group(const struct report_group *g, uint32_t max_members,
                            struct text *out) {
    const struct report_finding *f = g->members[0];
    const uint32_t few = 3; /* of what is known already */
    text_say(out, "\n  %s%s%s: %s\n", f->known ? "known " : "",
             severity_name(f->severity), f->runtime ? " of the runtime" : "",
             g->headline);
    add_first_difference(f, out);
    text_add(out, "      after a failed\n");
    add_members(g, 0, f->known && (!max_members || max_members > few) ? few : max_members,
                out);
}

static int add_findings(const struct report_data *data,
                        const struct report_text_options *options, struct text *out) {
    struct report_group *groups = NULL;
    int64_t n = report_groups_new(data, &groups);
    int r = n < 0 ? (int)n : 0;
    if (data->n_attempts) {
        text_add(out, "\nFindings: ");
        report_add_severities(data, out);
        text_add(out, "\n");
    }
    uint32_t full = 0;
    for (int64_t i = 0; r == 0 && i < n; i++) {
        const struct report_group *g = &groups[i];
        bool serious = g->members[0]->severity >= SEVERITY_WARNING;
        bool room = !options->max_findings || full < options->max_findings;
        if (!serious || !room || g->members[0]->known ||
            (!g->place && options->max_findings)) {
            add_short_group(g, options->max_members, out);
            continue;
        }
        full++;
        r = g->place ? add_group(data, g, options, out) : 0;
        for (size_t k = 0; !g->place && r == 0 && k < g->n; k++)
            r = add_finding(data, g->members[k], options->max_frames, out);
    }
    if (n > 0) {
        text_add(out, "\n  Each again by its number: dearth repro ");
        text_add_shell_shown(out, data->path);
        text_add(out, " NUMBER\n");
    }
    report_groups_free(groups, n);
    return r;
}

/* --- untested --- */

struct place { /* a run of data->untested with one location */
    size_t first, n;
    uint64_t bytes;
};

static int by_bytes(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Testable ones only, grouped by location, most bytes first. @out: free() it. */
static size_t group_untested(const struct report_data *data, struct place **out) {
    struct place *places = text_alloc((data->n_untested + 1) * sizeof *places);
    size_t n = 0;
    const struct report_site *previous = NULL;
    for (size_t i = 0; i < data->n_untested; i++) {
        const struct report_site *site = data->untested[i];
        if (site->reason == REASON_NOT_FAILABLE)
            continue;
        if (!previous || previous->location != site->location || !site->location)
            places[n++].first = i;
        places[n - 1].n++;
        places[n - 1].bytes += site->bytes;
        previous = site;
    }
    if (n)
        qsort(places, n, sizeof *places, by_bytes);
    *out = places;
    return n;
}

static void add_untested(const struct report_data *data, uint32_t max, struct text *out) {
    uint64_t n = data->site_tally.testable - data->site_tally.tested;
    char count[32], bytes[16];
    if (!n)
        return;
    if (!data->n_attempts) {
        text_add(out,
                 "\nNothing was replayed yet; this tests every site: dearth replay ");
        text_add_shell_shown(out, data->path);
        text_add(out, "\n");
    }
    text_add(out, "\nNever tested: ");
    add_plural(out, n, "site", "sites");
    text_add(out, "\n");
    for (int i = 1; i < REASON_NOT_FAILABLE; i++)
        if (data->reasons[i])
            text_say(out, "  %-14s %7s  %s\n", reason_name(i),
                     text_count(data->reasons[i], count), reason_meaning(i));
    AUTO_FREE struct place *places = NULL;
    size_t n_places = group_untested(data, &places);
    size_t shown = max && n_places > max ? max : n_places;
    text_say(out, "  %s\n",
             shown < n_places ? "the locations with the most bytes:" : "where:");
    for (size_t i = 0; i < shown; i++) {
        const struct report_site *site = data->untested[places[i].first];
        text_add(out, "    ");
        report_add_place(data, site->location, site->stack_id, out);
        text_say(out, ": %s, ", text_bytes(places[i].bytes, bytes));
        add_plural(out, places[i].n, "site", "sites");
        text_say(out, ", %s\n", reason_name(site->reason));
        if (data->n_attempts) {
            text_add(out, "        ");
            report_add_command(data, site, out);
            text_add(out, "\n");
        }
    }
    if (shown < n_places)
        text_say(out, "    ... and %zu more locations\n", n_places - shown);
    if (data->n_attempts) {
        text_add(out, "  all of them: dearth replay ");
        text_add_shell_shown(out, data->path);
        text_add(out, " --untested\n");
    }
}

static void add_notes(const struct report_data *data, struct text *out) {
    const char *title = "\nTo know\n";
    if (data->n_recordings) {
        text_add(out, title);
        text_add(out, "  Recorded: ");
        report_add_recorded(data, out);
        text_add(out, ".\n");
        title = "";
    }
    if (!data->exact) {
        text_add(out, title);
        text_add(out,
                 "  The recording is not exact: see the notes and `completeness` in the "
                 "JSON report.\n");
        title = "";
    }
    for (size_t i = 0; i < data->n_notes; i++) {
        if (strcmp(data->notes[i].kind, "no_replay") == 0)
            continue; /* said above */
        text_add(out, title);
        text_say(out, "  %s%s", data->notes[i].accepted ? "accepted: " : "",
                 data->notes[i].text);
        if (data->notes[i].subject)
            text_say(out, " [%s]", data->notes[i].subject);
        text_add(out, "\n");
        title = "";
    }
}

int report_text(const struct report_data *data, const struct report_text_options *options,
                struct text *out) {
    size_t start = out->n;
    add_head(data, out);
    add_summary(data, out);
    int r = add_findings(data, options, out);
    add_untested(data, options->max_untested, out);
    add_notes(data, out);
    text_disarm(out, start); /* what the program itself laid out: its stderr */
    return r;
}
