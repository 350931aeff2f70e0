/* SPDX-License-Identifier: Apache-2.0 */
/* The report as Markdown: short, for a pull request. Everything from the program is in
 * code spans or code blocks, in which nothing is markup; `|` is escaped inside tables. */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "report_completeness.h"
#include "report_group.h"
#include "report_headline.h"
#include "report_programs.h"
#include "report_suite.h"
#include "report_unseen.h"
#include "report_words.h"

/* Bytes that would end a span, a row or a line. */
static void add_code(const char *s, struct text *out) {
    AUTO_TEXT struct text clean = {0};
    text_add_name(&clean, s);
    text_add(out, "`");
    for (const char *p = clean.data; *p; p++) {
        if (*p == '`')
            text_add(out, "'");
        else if (*p == '|')
            text_add(out, "\\|");
        else
            text_add_n(out, p, 1);
    }
    text_add(out, "`");
}

static void add_location(const struct report_location *location, struct text *out) {
    AUTO_TEXT struct text place = {0};
    report_words_add_location(location, &place);
    add_code(place.data, out);
}

static void add_failed(const struct report_finding *f, struct text *out) {
    if (f->second.op) {
        add_location(f->second.location, out);
        text_add(out, " after that of ");
    }
    if (f->last.op) {
        add_location(f->last.location, out);
        text_add(out, ", the last since ");
    }
    add_location(f->fault.location, out);
}

static void add_tally(const char *what, const struct report_tally *t, struct text *out) {
    uint32_t coverage = (uint32_t)t->millionths;
    text_addf(out, "| %s | ", what);
    if (t->millionths < 0)
        text_add(out, "void");
    else
        text_addf(out, "%u.%u %%", coverage / 10000, coverage / 1000 % 10);
    text_addf(out, " | %llu | %llu | %llu | %llu |", (unsigned long long)t->tested,
              (unsigned long long)t->untested, (unsigned long long)t->excluded,
              (unsigned long long)t->total);
}

static void add_row(const char *what, const struct report_tally *t, struct text *out) {
    add_tally(what, t, out);
    text_add(out, "\n");
}

/* The others of a group, behind what failed in the first: " and 25 more: #6 #7 ...". */
static void add_others(const struct report_group *g, struct text *out) {
    const size_t most = 8;
    if (g->n < 2)
        return;
    text_addf(out, ", and %zu more:", g->n - 1);
    for (size_t i = 1; i < g->n && i <= most; i++)
        text_addf(out, " #%lld", (long long)g->members[i]->id);
    if (g->n > most + 1)
        text_add(out, " ...");
}

static int add_finding(const struct report_data *data, const struct report_finding *f,
                       const struct report_group *others, struct text *out) {
    AUTO_TEXT struct text headline = {0}, repro = {0};
    int r = report_headline_add(data, f, &headline);
    if (r < 0)
        return r;
    if (f->leaked) {
        int64_t blocks, bytes;
        report_words_count_leaks(f, &blocks, &bytes);
        text_addf(&headline, ": %lld block%s, %lld bytes", (long long)blocks,
                  blocks == 1 ? "" : "s", (long long)bytes);
    }
    report_words_add_repro(data, f, &repro);
    text_addf(out, "| %lld | %s | ", (long long)f->id,
              f->apart    ? "in the tests' own code"
              : f->silent ? "silent warning"
                          : severity_name(f->severity));
    add_code(headline.data, out);
    text_add(out, " | ");
    add_failed(f, out);
    if (others)
        add_others(others, out);
    if (report_programs_several(data)) {
        AUTO_TEXT struct text of = {0};
        report_programs_add_of(data, f, "", &of);
        text_add(out, ", in ");
        add_code(of.data, out);
    }
    text_addf(out, " | %zu | %lld of %lld | ", f->n_sites, (long long)f->bad,
              (long long)f->tried);
    add_code(repro.data, out);
    text_add(out, " |\n");
    return 0;
}

/* A row for each place, and for each finding that has none. */
static int add_rows(const struct report_data *data, const struct report_group *groups,
                    int64_t n, struct text *out) {
    const size_t most = 100;
    size_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        const struct report_group *g = &groups[i];
        for (size_t k = 0; k < (g->place ? 1 : g->n); k++) {
            int r = rows++ < most
                        ? add_finding(data, g->members[k], g->place ? g : NULL, out)
                        : 0;
            if (r < 0)
                return r;
        }
    }
    if (rows > most)
        text_addf(out, "\n... and %zu more.\n", rows - most);
    return 0;
}

static int add_findings(const struct report_data *data, struct text *out) {
    struct report_group *groups = NULL;
    int64_t n = report_groups_new(data, &groups);
    text_add(out, "\n### Findings: ");
    report_words_add_severities(data, out);
    text_add(out, "\n\n");
    if (data->n_findings)
        text_add(
            out,
            "| | severity | what happened | after a failure in | sites | seen | again "
            "|\n|---|---|---|---|---|---|---|\n");
    int r = n < 0 ? (int)n : add_rows(data, groups, n, out);
    report_groups_free(groups, n);
    return r;
}

static void add_untested(const struct report_data *data, struct text *out) {
    uint64_t n = data->site_tally.untested;
    const size_t most = 10;
    size_t shown = 0;
    if (!n)
        return;
    text_addf(out, "\n### Never tested: %llu site%s\n\n", (unsigned long long)n,
              n == 1 ? "" : "s");
    for (size_t i = 0; i < data->n_untested && shown < most; i++) {
        const struct report_site *site = data->untested[i];
        if (site->reason == REASON_NOT_FAILABLE)
            continue;
        AUTO_TEXT struct text command = {0};
        report_words_add_command(data, site, &command);
        text_add(out, "- ");
        add_location(site->location, out);
        text_addf(out, ": %s; ", reason_meaning(site->reason));
        add_code(command.data, out);
        text_add(out, "\n");
        shown++;
    }
    if (n > shown)
        text_addf(out, "- ... and %llu more\n", (unsigned long long)(n - shown));
}

static void add_untested_targets(const struct report_data *data, struct text *out) {
    uint64_t n = data->target_tally.untested, shown = 0;
    const uint64_t most = 10;
    if (n)
        text_addf(out, "\n### Never tested: %llu target%s\n\n", (unsigned long long)n,
                  n == 1 ? "" : "s");
    for (size_t i = 0; i < data->suite->n_targets && shown < most; i++) {
        const struct report_target *t = &data->suite->targets[i];
        if (!t->reason || !t->shown)
            continue;
        text_add(out, "- ");
        add_location(t->shown->location, out);
        text_add(out, ": ");
        add_code(t->reason, out);
        text_add(out, "\n");
        shown++;
    }
    if (n > shown)
        text_addf(out, "- ... and %llu more\n", (unsigned long long)(n - shown));
}

static void add_programs(const struct report_data *data, struct text *out) {
    const size_t most = 100;
    if (data->n_programs < 2)
        return;
    text_add(out,
             "\n| program | coverage | tested | untested | excluded | total | findings "
             "|\n|---|---:|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < data->n_programs && i < most; i++) {
        const struct report_program *p = &data->programs[i];
        AUTO_TEXT struct text name = {0};
        add_code(p->command, &name);
        add_tally(name.data, &p->sites, out);
        text_addf(out, " %llu |\n", (unsigned long long)p->n_findings);
    }
    if (data->n_programs > most)
        text_addf(out, "\n... and %zu more programs.\n", data->n_programs - most);
}

int report_markdown(const struct report_data *data, struct text *out) {
    AUTO_TEXT struct text argv = {0};
    text_add(out, "## dearth: ");
    if (report_programs_several(data)) {
        text_addf(out, "%zu programs", data->n_programs);
    } else {
        report_words_add_argv(&data->recordings[data->n_recordings - 1], &argv);
        add_code(argv.data, out);
    }
    text_add(out, "\n\n| | coverage | tested | untested | excluded | total |\n"
                  "|---|---:|---:|---:|---:|---:|\n");
    if (data->suite)
        add_row("targets", &data->target_tally, out);
    add_row(data->suite ? "contexts" : "sites", &data->site_tally, out);
    add_row("locations", &data->location_tally, out);
    if (data->error_tally.total)
        add_row("error path", &data->error_tally, out);
    if (data->quick) {
        text_add(out, "\n**Quick**: ");
        survivor_describe(&data->survivors, out);
        text_add(out, ".\n");
    }
    if (data->site_tally.millionths < 0) {
        text_add(out, "\n**Coverage is void**: ");
        report_unseen_add(data, out);
        text_add(out, ". What was not seen is neither recorded nor tested.\n");
    }
    text_add(out, "\n| verdict | sites |\n|---|---:|\n");
    for (enum verdict i = N_VERDICTS - 1; i > VERDICT_UNREACHED; i--)
        if (data->verdicts[i])
            text_addf(out, "| %s | %llu |\n", verdict_name(i),
                      (unsigned long long)data->verdicts[i]);
    add_programs(data, out);
    int r = add_findings(data, out);
    if (data->suite)
        add_untested_targets(data, out);
    else
        add_untested(data, out);
    for (size_t i = 0, others; i < data->n_notes; i++) {
        if (!report_completeness_first(data, i, &others))
            continue;
        text_add(out, i ? "- " : "\n### To know\n\n- ");
        add_code(data->notes[i].text, out);
        if (strcmp(data->notes[i].kind, "in_suite") == 0) {
            text_add(out, " in the whole suite, of ");
            add_code(data->notes[i].subject, out);
        }
        text_add(out, "\n");
    }
    return r;
}
