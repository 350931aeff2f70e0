/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for people: see report_text.h. What a reader wants first comes first: how
 * much is tested, what broke and how to see it again, then what was never tested.
 */
#include "report_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_folder.h"
#include "report_completeness.h"
#include "report_suite.h"
#include "report_text_findings.h"
#include "report_unseen.h"
#include "report_words.h"
#include "short_name.h"
#include "short_path.h"
#include "terminal.h"
#include "text.h"

enum color report_text_color(enum severity severity) {
    return severity == SEVERITY_BUG       ? COLOR_BUG
           : severity == SEVERITY_WARNING ? COLOR_WARNING
           : severity <= SEVERITY_OK      ? COLOR_GOOD
                                          : COLOR_TITLE;
}

static void add_title(const char *title, struct text *out) {
    text_add(out, "\n");
    terminal_say(out, COLOR_TITLE, "%s", title);
}

static void add_percent(uint32_t millionths, struct text *out) {
    text_say(out, "%u.%u %%", millionths / 10000, millionths / 1000 % 10);
}

/* --- the head --- */

static void add_recording(const struct report_recording *r, struct text *out) {
    char bytes[16], count[32], name[24];
    const char *about = r->sample_bytes > 0 ? "about " : "";
    text_say(out, "  recording %lld: ", (long long)r->id);
    report_words_add_argv(r, out);
    if (r->allocations >= 0)
        text_say(out, "\n      %s%s allocations, %s%s", about,
                 text_count((uint64_t)r->allocations, count), about,
                 text_bytes(r->bytes < 0 ? 0 : (uint64_t)r->bytes, bytes));
    if (r->peak_bytes >= 0)
        text_say(out, ", at most %s%s at once", about,
                 text_bytes((uint64_t)r->peak_bytes, bytes));
    if (r->exit_signal)
        text_say(out, "; killed by %s", signal_name(r->exit_signal, name));
    else if (r->exit_code >= 0)
        text_say(out, "; exit status %lld", (long long)r->exit_code);
    if (strcmp(r->state, "complete") != 0)
        text_say(out, "; %s", r->state);
    text_add(out, "\n");
}

static void add_replay(const struct report_replay *r, struct text *out) {
    char duration[24];
    text_say(out, "  replay %lld of recording %lld: ", (long long)r->id,
             (long long)r->recording);
    report_words_add_plural(out, (uint64_t)r->attempts, "attempt", "attempts");
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

static void add_program(const struct report_program *p, struct text *out) {
    char count[32];
    text_say(out, "  program %lld: %s\n      ", (long long)p->recording, p->command);
    if (!p->sites.testable)
        text_add(out, "nothing to test");
    else
        text_say(out, "%s of %s sites tested", text_count(p->sites.tested, count),
                 text_count(p->sites.testable, (char[32]){0}));
    text_add(out, ", ");
    report_words_add_plural(out, p->n_attempts, "attempt", "attempts");
    text_add(out, ", ");
    report_words_add_plural(out, p->n_findings, "finding", "findings");
    text_add(out, "\n");
}

static int by_findings(const void *a, const void *b) {
    const struct report_program *x = *(struct report_program *const *)a;
    const struct report_program *y = *(struct report_program *const *)b;
    if (x->n_findings != y->n_findings)
        return x->n_findings < y->n_findings ? 1 : -1;
    return (x->recording > y->recording) - (x->recording < y->recording);
}

/* Those with the most findings first. */
static void add_programs(const struct report_data *data, struct text *out) {
    const size_t most = 20;
    size_t n = data->n_programs, shown = n > most ? most : n;
    AUTO_FREE const struct report_program **sorted = text_alloc(n * sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &data->programs[i];
    qsort(sorted, n, sizeof *sorted, by_findings);
    text_say(out, "  %zu programs in %zu recordings, tried in %zu replays\n", n,
             data->n_recordings, data->n_replays);
    for (size_t i = 0; i < shown; i++)
        add_program(sorted[i], out);
    if (shown < n)
        text_say(out, "  ... and %zu more programs\n", n - shown);
}

static void add_head(const struct report_data *data, struct text *out) {
    const size_t most = 5; /* of each; the newest */
    terminal_say(out, COLOR_TITLE, "%s", data->path);
    text_add(out, "\n");
    if (short_path_folder()) {
        text_add(out, "  sources below ");
        terminal_say(out, COLOR_PLACE, "%s\n", short_path_folder());
    }
    if (data->suite) {
        report_suite_add_head(data, out);
        return;
    }
    if (data->n_programs > 1) {
        add_programs(data, out);
        return;
    }
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

static void add_tally(const char *what, const struct report_tally *t, struct text *out) {
    char tested[32], testable[32];
    text_say(out, "  %-10s ", what);
    if (!t->testable) {
        text_add(out, "nothing to test\n");
        return;
    }
    if (t->millionths < 0)
        text_add(out, "void   ");
    else
        add_percent((uint32_t)t->millionths, out);
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
    add_title("How", out);
    text_add(out, " (a site confirmed by rerun counts in both)\n");
    for (int k = 2; k >= 0; k--)
        if (sites[k])
            text_say(out, "  %-10s %7s\n", names[k], text_count(sites[k], count));
    for (size_t i = 0; i < data->n_refusals; i++)
        text_say(out, "    no snapshot of %s: %s\n",
                 text_count(data->refusals[i].sites, count),
                 refusal_meaning(data->refusals[i].reason));
}

static void add_verdict(enum verdict verdict, uint64_t sites, struct text *out) {
    char count[32];
    text_add(out, "  ");
    terminal_say(out, report_text_color(verdict_severity(verdict)), "%-10s",
                 verdict_name(verdict));
    text_say(out, " %7s  %s\n", text_count(sites, count), verdict_meaning(verdict));
}

static void add_summary(const struct report_data *data, struct text *out) {
    add_title("Coverage", out);
    text_add(out, "\n");
    if (data->suite)
        add_tally("targets", &data->target_tally, out);
    add_tally(data->suite ? "contexts" : "sites", &data->site_tally, out);
    add_tally("locations", &data->location_tally, out);
    if (data->error_tally.total)
        add_tally("error path", &data->error_tally, out);
    if (data->quick) {
        text_add(out, "  quick: ");
        survivor_describe(&data->survivors, out);
        text_add(out, "\n");
    }
    if (data->site_tally.millionths < 0) {
        text_add(out, "  void: ");
        report_unseen_add(data, out);
        text_add(out, " (see the notes)\n");
    }
    if (!data->site_tally.tested)
        return;
    add_title("Verdicts", out);
    text_add(out, " (tested sites, by the worst)\n");
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_UNREACHED; i--)
        if (data->verdicts[i])
            add_verdict(i, data->verdicts[i], out);
    add_how(data, out);
}

/* --- untested --- */

static int by_bytes(const void *a, const void *b) {
    const struct report_text_place *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

size_t report_text_untested(const struct report_data *data,
                            struct report_text_place **out) {
    struct report_text_place *places =
        text_alloc((data->n_untested + 1) * sizeof *places);
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

/* A replay is of one program: a line for each that has something to test. */
static void add_replays(const struct report_data *data, const char *options,
                        struct text *out) {
    const size_t most = 8;
    size_t n = 0;
    for (size_t i = 0; i < data->n_programs && data->n_programs > 1; i++) {
        const struct report_program *p = &data->programs[i];
        if (!p->sites.untested || n++ >= most)
            continue;
        text_add(out, "    dearth replay ");
        text_add_shell_shown(out, data->path);
        text_say(out, "%s --recording %lld\n", options, (long long)p->recording);
    }
    if (n > most)
        text_say(out, "    ... and %zu more programs\n", n - most);
    if (data->n_programs > 1)
        return;
    text_add(out, " dearth replay ");
    text_add_shell_shown(out, data->path);
    text_add(out, options);
    if (data->replay_recording)
        text_addf(out, " --recording %lld", (long long)data->replay_recording);
    text_add(out, "\n");
}

static void add_untested(const struct report_data *data, uint32_t max, struct text *out) {
    uint64_t n = data->site_tally.untested;
    const char *line = data->n_programs > 1 ? "\n" : "";
    char count[32], bytes[16];
    if (!n)
        return;
    if (report_unseen_sample(data)) {
        text_add(out, "\nA sample is not replayed; its sizes below are estimates.\n");
    } else if (!data->n_attempts) {
        text_addf(out, "\nNothing was replayed yet; this tests every site:%s", line);
        add_replays(data, "", out);
    }
    add_title("Never tested", out);
    text_add(out, ": ");
    report_words_add_plural(out, n, "site", "sites");
    text_add(out, "\n");
    for (int i = 1; i < REASON_NOT_FAILABLE; i++)
        if (data->reasons[i])
            text_say(out, "  %-14s %7s  %s\n", reason_name(i),
                     text_count(data->reasons[i], count), reason_meaning(i));
    AUTO_FREE struct report_text_place *places = NULL;
    size_t n_places = report_text_untested(data, &places);
    size_t shown = max && n_places > max ? max : n_places;
    text_say(out, "  %s\n",
             shown < n_places ? "the locations with the most bytes:" : "where:");
    for (size_t i = 0; i < shown; i++) {
        const struct report_site *site = data->untested[places[i].first];
        text_add(out, "    ");
        report_data_add_place(data, site->location, site->stack_id, out);
        text_say(out, ": %s, ", text_bytes(places[i].bytes, bytes));
        report_words_add_plural(out, places[i].n, "site", "sites");
        text_say(out, ", %s\n", reason_name(site->reason));
        if (data->n_attempts) {
            text_add(out, "        ");
            report_words_add_command(data, site, out);
            text_add(out, "\n");
        }
    }
    if (shown < n_places)
        text_say(out, "    ... and %zu more locations\n", n_places - shown);
    if (data->n_attempts) {
        text_addf(out, "  all of them:%s", line);
        add_replays(data, " --untested", out);
    }
}

static void add_notes(const struct report_data *data, struct text *out) {
    AUTO_TEXT struct text head = {0};
    add_title("To know", &head);
    text_add(&head, "\n");
    const char *title = head.data;
    if (data->n_recordings) {
        text_add(out, title);
        text_add(out, "  Recorded: ");
        report_completeness_add_recorded(data, out);
        text_add(out, ".\n");
        title = "";
    }
    if (data->suite) {
        text_add(out, "  Not seen, since programs were run by themselves:\n");
        report_suite_add_limits(data, "    - ", "\n", out);
        text_add(out, "\n");
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
        if (strcmp(data->notes[i].kind, "in_suite") == 0 ||
            strcmp(data->notes[i].kind, "no_replay") == 0 ||
            strcmp(data->notes[i].kind, "suite") == 0)
            continue; /* said above */
        size_t others;
        if (!report_completeness_first(data, i, &others))
            continue;
        text_add(out, title);
        text_say(out, "  %s", data->notes[i].text);
        if (data->notes[i].subject)
            text_say(out, others ? " [%s and %zu more]" : " [%s]", data->notes[i].subject,
                     others);
        text_add(out, "\n");
        title = "";
    }
}

int report_text_suit(const struct report_data *data, bool here,
                     enum report_sources sources, struct report_text_options *options) {
    bool person = here && terminal_is(STDOUT_FILENO);
    terminal_use(here ? STDOUT_FILENO : -1);
    options->width = person ? terminal_width(STDOUT_FILENO) : 0;
    options->sources = sources == SOURCES_ALWAYS || (sources == SOURCES_AUTO && person);
    return person && !short_name_whole ? build_folder_cut(data->store) : 0;
}

int report_text(const struct report_data *data, const struct report_text_options *options,
                struct text *out) {
    size_t start = out->n;
    add_head(data, out);
    add_summary(data, out);
    int r = report_text_findings(data, options, out);
    if (data->suite)
        report_suite_add_untested(data, options->max_untested, out);
    else
        add_untested(data, options->max_untested, out);
    if (r == 0)
        r = report_tests_add_by(data, options->by, out);
    add_notes(data, out);
    terminal_disarm(out, start); /* what the program itself laid out: its stderr */
    terminal_wrap(out, start, options->width);
    return r;
}
