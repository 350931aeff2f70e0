/* SPDX-License-Identifier: Apache-2.0 */
/* What broke, for people: the part of report_text.c that is about findings. */
#include "report_text_findings.h"

#include <stdio.h>
#include <string.h>

#include "report_advice.h"
#include "report_group.h"
#include "report_headline.h"
#include "report_programs.h"
#include "report_source.h"
#include "report_words.h"
#include "short_name.h"
#include "text.h"

/* @max: frames, 0 = all; when not all are wanted, those of a mere way out are not. */
static int add_stack(const struct report_data *data, int64_t stack_id, uint32_t max,
                     struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = report_data_stack(data, stack_id, &frames);
    if (r < 0)
        return r;
    uint32_t first = max ? report_headline_skip(&frames) : 0, left = frames.n - first;
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

/* The calls that failed by chance, the last of which is the fault. */
static void add_failed(const struct report_data *data, const struct report_finding *f,
                       struct text *out) {
    const int most = 8;
    const struct report_site *site;
    int64_t call;
    int i = 0;
    for (; f->fault.chance && i < most &&
           report_words_failed_call(data, f, i, &site, &call);
         i++) {
        text_say(out, "      %s %s in ", i ? "           " : "by chance  ",
                 site ? site->op : "a call");
        report_words_add_location(site ? site->location : NULL, out);
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
    report_words_add_location(f->fault.location, out);
    text_say(out, ", call %lld of its site", (long long)f->fault.occurrence);
    if (strcmp(f->fault.thread, "any") != 0)
        text_say(out, " %s", thread_role_phrase(thread_role_from_name(f->fault.thread)));
    if (f->fault.call)
        text_say(out, ", call %lld of the run", (long long)f->fault.call);
    AUTO_TEXT struct text then = {0};
    report_words_add_then(&f->fault, &then);
    if (then.n)
        text_say(out, " %s", then.data);
    if (f->fault.chance) {
        text_add(out, ", ");
        report_words_add_chance(&f->fault, out);
    }
    text_add(out, "\n");
    add_failed(data, f, out);
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
    report_words_count_leaks(f, &blocks, &bytes);
    text_add(out, "      leaked      ");
    report_words_add_plural(out, (uint64_t)blocks, "block", "blocks");
    text_say(out, ", %s", text_bytes((uint64_t)bytes, buf));
    text_add(out, ": nothing points there any more when the program ends\n");
    for (size_t i = 0; i < f->n_leaks && i < most && r == 0; i++) {
        const struct report_leak *leak = &f->leaks[i];
        text_add(out, "        ");
        report_words_add_plural(out, (uint64_t)leak->blocks, "block", "blocks");
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
    text_add(out, "      damage      ");
    report_words_add_damage(&f->damage, out);
    if (f->damage.location) {
        text_add(out, "; allocated in ");
        report_words_add_location(f->damage.location, out);
    }
    text_add(out, "\n");
}

static void add_second(const struct report_finding *f, struct text *out) {
    text_say(out, "      then        %s in ", f->second.op);
    report_words_add_location(f->second.location, out);
    text_say(out, ", call %lld of its site after that failure\n",
             (long long)f->second.occurrence);
}

static void add_last(const struct report_finding *f, struct text *out) {
    text_say(out, "      last        %s in ", f->last.op);
    report_words_add_location(f->last.location, out);
    text_add(out, ", which failed as the last before it went wrong\n");
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

static int add_went_on(const struct report_data *data, const struct report_finding *f,
                       struct text *out) {
    AUTO_TEXT struct text where = {0};
    int r = report_words_add_went_on(data, f, &where);
    if (r == 0 && where.n)
        text_say(out, "      went on in  %s\n", where.data);
    return r;
}

static void add_differences(const struct report_finding *f, struct text *out) {
    for (size_t i = 0; i < f->n_differences; i++) {
        text_add(out, i ? "                  " : "      differs     ");
        report_words_add_difference(&f->differences[i], true, out);
        text_add(out, "\n");
    }
}

static bool add_excerpt(void *out, const struct report_source *source,
                        const struct report_finding *f, const struct report_excerpt *e) {
    return report_source_add(source, f, e, out) > 0;
}

static int add_sources(const struct report_data *data, const struct report_finding *f,
                       const struct report_text_options *options, struct text *out) {
    const struct report_source source = {data, options->source_folders, options->width};
    return options->sources ? report_source_each(&source, f, add_excerpt, out) : 0;
}

/* What it comes from, and what to do about it. */
static void add_advice(const struct report_finding *f, struct text *out) {
    AUTO_TEXT struct text reason = {0}, help = {0};
    if (report_advice_add_reason(f, &reason))
        text_addf(out, "      reason      %s\n", reason.data);
    if (report_advice_add_help(f, &help)) {
        text_add(out, "      to do       ");
        terminal_begin(out, COLOR_GOOD);
        text_add(out, help.data);
        terminal_end(out);
        text_add(out, "\n");
    }
}

static int add_title(const struct report_data *data, const struct report_finding *f,
                     struct text *out) {
    AUTO_TEXT struct text headline = {0};
    int r = report_headline_add(data, f, &headline);
    text_add(out, "\n  ");
    terminal_say(out, report_text_color(f->severity), "#%lld %s%s", (long long)f->id,
                 severity_name(f->severity), f->runtime ? " of the runtime" : "");
    text_add(out, ": ");
    terminal_begin(out, COLOR_TITLE);
    text_add(out, headline.n ? headline.data : "");
    terminal_end(out);
    text_add(out, "\n");
    return r;
}

int report_text_finding(const struct report_data *data, const struct report_finding *f,
                        const struct report_text_options *options, struct text *out) {
    uint32_t max_frames = options->max_frames;
    int r = add_title(data, f, out);
    if (r == 0)
        r = add_sources(data, f, options, out);
    if (r < 0)
        return r;
    report_programs_add_of(data, f, "      program     ", out);
    if (report_programs_several(data))
        text_add(out, "\n");
    add_fault(data, f, out);
    if ((r = add_stack(data, f->fault.stack_id, max_frames, out)) < 0)
        return r;
    if (f->second.op) {
        add_second(f, out);
        if ((r = add_stack(data, f->second.stack_id, max_frames, out)) < 0)
            return r;
    }
    if (f->last.op) {
        add_last(f, out);
        if ((r = add_stack(data, f->last.stack_id, max_frames, out)) < 0)
            return r;
    }
    if ((r = add_hang(data, f, out)) < 0)
        return r;
    if (f->crash.stack_id) {
        text_add(out, f->timed_out                     ? "      stopped in"
                      : report_headline_found_later(f) ? "      found"
                                                       : "      went wrong");
        if (f->crash.has_address)
            text_say(out, "  at address 0x%llx", (unsigned long long)f->crash.address);
        text_add(out, "\n");
        if ((r = add_stack(data, f->crash.stack_id, max_frames, out)) < 0)
            return r;
    }
    if (f->after_stack_id && (r = add_went_on(data, f, out)) < 0)
        return r;
    if (f->unplaced)
        text_add(out,
                 "      went wrong  at a place that was not seen: it was not traced\n");
    if ((r = add_leaks(data, f, max_frames, out)) < 0)
        return r;
    add_under(f, out);
    if (f->module)
        text_say(out, "      module      %s%s%s%s%s\n",
                 f->unplaced ? "of the failed call: " : "", f->module,
                 f->kind ? " (" : "", f->kind ? f->kind : "", f->kind ? ")" : "");
    if (f->facility)
        text_say(out, "      facility    libc's %s: %s\n", f->facility, f->effect);
    if (f->verdict == VERDICT_DEGRADED || f->verdict == VERDICT_FLAKY ||
        f->verdict == VERDICT_REPORTED || f->verdict == VERDICT_HANDLED)
        add_differences(f, out);
    add_stderr(f->stderr_tail, out);
    text_say(out, "      seen        in %lld of %lld executions, at ", (long long)f->bad,
             (long long)f->tried);
    report_words_add_plural(out, f->n_sites, "site", "sites");
    if (f->unreached)
        text_say(out, "; %lld more did not come to the call", (long long)f->unreached);
    if (f->unconfirmed)
        text_add(out, "; in copies of the running program alone, not confirmed by a "
                      "run of its own");
    text_add(out, "\n");
    if (f->in_suite)
        text_say(out, "      in the whole suite: %s\n", f->in_suite);
    add_advice(f, out);
    text_add(out, "      again       ");
    terminal_begin(out, COLOR_TITLE);
    report_words_add_repro(data, f, out);
    terminal_end(out);
    text_add(out, "\n");
    return 0;
}

/* The others of a group: their number and what failed. */
static void add_members(const struct report_data *data, const struct report_group *g,
                        size_t first, uint32_t max, struct text *out) {
    size_t left = g->n - first, shown = max && left > max ? max : left;
    for (size_t i = first; i < first + shown; i++) {
        const struct report_finding *f = g->members[i];
        text_say(out, "          #%-5lld ", (long long)f->id);
        report_words_add_failed(f, out);
        if (f->n_sites > 1)
            text_say(out, ", %zu sites", f->n_sites);
        report_programs_add_of(data, f, ", in ", out);
        text_add(out, "\n");
    }
    if (shown < left)
        text_say(out, "          ... %zu more\n", left - shown);
}

static int add_group(const struct report_data *data, const struct report_group *g,
                     const struct report_text_options *options, struct text *out) {
    int r = report_text_finding(data, g->members[0], options, out);
    if (g->n > 1) {
        text_add(out, "      the same    at the end of ");
        report_words_add_plural(out, g->n - 1, "more finding, after a failed",
                                "more findings, after a failed");
        text_add(out, "\n");
        add_members(data, g, 1, options->max_members, out);
    }
    return r;
}

static void add_first_difference(const struct report_finding *f, struct text *out) {
    if (f->verdict != VERDICT_DEGRADED || !f->n_differences || !f->differences[0].detail)
        return;
    text_add(out, "      ");
    report_words_add_difference(&f->differences[0], true, out);
    text_say(out, " in #%lld\n", (long long)f->id);
}

/* Policies, looks, and what goes beyond max_findings: a headline and what failed. */
static void add_short_group(const struct report_data *data, const struct report_group *g,
                            uint32_t max_members, struct text *out) {
    const struct report_finding *f = g->members[0];
    const uint32_t few = 3; /* of what is known already */
    text_add(out, "\n  ");
    terminal_say(out, report_text_color(f->known ? SEVERITY_POLICY : f->severity),
                 "%s%s%s%s", f->known ? "known " : "", severity_name(f->severity),
                 f->runtime ? " of the runtime" : "",
                 !f->apart ? ""
                 : f->kind && strcmp(f->kind, "harness") == 0
                     ? " of the test harness"
                     : " in the tests' own code");
    text_say(out, ": %s\n", g->headline);
    add_first_difference(f, out);
    text_add(out, "      after a failed\n");
    add_members(data, g, 0,
                f->known && (!max_members || max_members > few) ? few : max_members, out);
}

int report_text_findings(const struct report_data *data,
                         const struct report_text_options *options, struct text *out) {
    struct report_group *groups = NULL;
    int64_t n = report_groups_new(data, &groups);
    int r = n < 0 ? (int)n : 0;
    if (data->n_attempts) {
        text_add(out, "\n");
        terminal_say(out, COLOR_TITLE, "Findings");
        text_add(out, ": ");
        report_words_add_severities(data, out);
        if (data->n_apart)
            text_say(
                out,
                "; %llu of these went wrong in code that --blame does not name, in the "
                "tests' own, or in a test harness",
                (unsigned long long)data->n_apart);
        text_add(out, "\n");
    }
    uint32_t full = 0;
    for (int64_t i = 0; r == 0 && i < n; i++) {
        const struct report_group *g = &groups[i];
        bool serious = g->members[0]->severity >= SEVERITY_WARNING;
        bool room = !options->max_findings || full < options->max_findings;
        if (!serious || !room || g->members[0]->known || g->members[0]->apart ||
            (!g->place && options->max_findings)) {
            add_short_group(data, g, options->max_members, out);
            continue;
        }
        full++;
        r = g->place ? add_group(data, g, options, out) : 0;
        for (size_t k = 0; !g->place && r == 0 && k < g->n; k++)
            r = report_text_finding(data, g->members[k], options, out);
    }
    if (n > 0) {
        text_add(out, "\n  Each again by its number: dearth repro ");
        text_add_shell_shown(out, data->path);
        text_add(out, " NUMBER\n");
    }
    report_groups_free(groups, n);
    return r;
}
