/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: see gate.h. */
#include "gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "report_group.h"
#include "report_programs.h"
#include "report_suite.h"
#include "report_unseen.h"
#include "report_words.h"
#include "store_shards.h"
#include "terminal.h"

static bool counts(const struct report_finding *f, const struct gate_options *options) {
    if (options->fail_on == SEVERITY_NONE)
        return false;
    return f->severity >= options->fail_on || (options->silent && f->silent);
}

struct tally {
    size_t n_new, n_known, n_by_call, n_runtime, n_apart;
    const struct report_finding **counted; /* n_new */
};

/* The programs that a group's findings are of, the first few; nothing when there is one program alone. */
static void add_programs(const struct report_data *data, const struct report_group *g,
                         struct text *why) {
    const size_t most = 4;
    const char *shown[4];
    size_t n = 0;
    for (size_t i = 0; i < g->n && report_programs_several(data); i++) {
        const char *command = g->members[i]->command;
        size_t k = 0;
        while (k < n && k < most && strcmp(shown[k], command) != 0)
            k++;
        if (k == n && n < most)
            text_say(why, "%s%s", n ? ", " : " in ", shown[n] = command), n++;
        else if (k == most) {
            text_add(why, ", ...");
            return;
        }
    }
}

/* One line for a group: what happened, and the numbers of those that count. */
static void judge_group(const struct report_data *data, const struct report_group *g,
                        const struct gate_options *options, struct tally *tally,
                        struct text *why) {
    const size_t most = 8; /* numbers in a line */
    size_t n = 0;
    AUTO_TEXT struct text numbers = {0};
    for (size_t i = 0; i < g->n; i++) {
        tally->n_by_call += g->members[i]->known_by_call;
        if (g->members[i]->known)
            tally->n_known++;
        else if (g->members[i]->apart)
            tally->n_apart++;
        else if (g->members[i]->runtime && !options->runtime)
            tally->n_runtime++;
        else {
            tally->counted[tally->n_new++] = g->members[i];
            if (n++ < most)
                text_addf(&numbers, " #%lld", (long long)g->members[i]->id);
        }
    }
    if (!n)
        return;
    text_say(why, "  %s:%s", g->headline, numbers.data);
    if (n > most)
        text_addf(why, " and %zu more", n - most);
    add_programs(data, g, why);
    text_add(why, "\n");
}

static void add_count(const struct gate_options *options, const struct tally *tally,
                      struct text *why) {
    uint64_t places[N_SEVERITIES], n = 0;
    report_group_count_places(tally->counted, tally->n_new, places);
    for (enum severity i = 0; i < N_SEVERITIES; i++)
        n += places[i];
    text_add(why, "  ");
    report_words_add_plural(why, tally->n_new, "finding", "findings");
    report_words_add_places(tally->n_new, n, why);
    text_addf(why, " of severity %s or worse%s\n",
              options->silent ? "silent" : severity_name(options->fail_on),
              options->baseline ? " that the baseline does not have" : "");
}

static int judge_findings(const struct report_data *data,
                          const struct gate_options *options, struct text *why) {
    struct report_group *groups;
    int64_t n = report_groups_new(data, &groups);
    if (n < 0)
        return (int)n;
    AUTO_FREE const struct report_finding **counted =
        text_alloc((data->n_findings + 1) * sizeof *counted);
    struct tally tally = {.counted = counted};
    for (int64_t i = 0; i < n; i++)
        if (counts(groups[i].members[0], options))
            judge_group(data, &groups[i], options, &tally, why);
    report_groups_free(groups, n);
    if (tally.n_new)
        add_count(options, &tally, why);
    if (tally.n_known)
        text_addf(why, "  %zu known from the baseline\n", tally.n_known);
    if (tally.n_by_call)
        text_addf(why,
                  "  %zu of these by the failed call alone: where %s went wrong is not "
                  "known here or in the baseline (not traced)\n",
                  tally.n_by_call, tally.n_by_call == 1 ? "it" : "they");
    if (tally.n_apart)
        text_addf(why,
                  "  %zu went wrong in code that --blame does not name, in the tests' "
                  "own, or in a test harness, and do%s not count\n",
                  tally.n_apart, tally.n_apart == 1 ? "es" : "");
    if (tally.n_runtime)
        text_addf(why,
                  "  %zu inside the C library, the C++ runtime or the loader do%s not "
                  "count; --fail-on-runtime counts %s\n",
                  tally.n_runtime, tally.n_runtime == 1 ? "es" : "",
                  tally.n_runtime == 1 ? "it" : "them");
    return tally.n_new ? GATE_FAILED : GATE_PASSED;
}

static int judge_coverage(const struct report_data *data,
                          const struct gate_options *options, struct text *why) {
    double coverage = (double)report_suite_measure(data)->millionths / 1e4;
    if (coverage >= options->min_coverage)
        return GATE_PASSED;
    text_addf(why, "  %.2f %% of the %s are tested, %g %% are wanted\n",
              floor(coverage * 100) / 100, report_suite_measured(data),
              options->min_coverage);
    return GATE_FAILED;
}

/* --changed-since, and nothing was: that there is no evidence is in order, and said.
 * @exe: of a program, or NULL: of any */
static bool is_unchanged(const struct report_data *data, const char *exe) {
    for (size_t i = 0; i < data->n_notes; i++) {
        const struct report_note *note = &data->notes[i];
        if (strcmp(note->kind, "nothing_changed") == 0 &&
            (!exe || (note->subject && strcmp(note->subject, exe) == 0)))
            return true;
    }
    return false;
}

/* Without a single attempt. */
static int judge_nothing(const struct report_data *data, struct text *why) {
    bool unchanged = is_unchanged(data, NULL);
    text_addf(why, "  nothing was replayed: %s\n",
              unchanged ? "no function on the stack of a recorded allocation was changed "
                          "(--changed-since)"
                        : "there is no evidence to judge");
    return unchanged ? GATE_PASSED : GATE_FAILED;
}

/* Each program needs evidence of its own, unless others have tried all that it does. */
static int judge_programs(const struct report_data *data, struct text *why) {
    const size_t most = 8;
    size_t n = 0;
    for (size_t i = 0; i < data->n_programs && data->n_programs > 1; i++) {
        const struct report_program *p = &data->programs[i];
        if (report_programs_unproven(p) && !is_unchanged(data, p->exe) && n++ < most)
            text_say(why,
                     "  %s (recording %lld) was never replayed: there is no "
                     "evidence to judge\n",
                     p->command, (long long)p->recording);
    }
    if (n > most)
        text_addf(why, "  ... and %zu more programs\n", n - most);
    return n ? GATE_FAILED : GATE_PASSED;
}

static void add_chosen(const struct report_data *data, struct text *why) {
    if (data->n_left_out)
        text_say(why, "  of %zu programs only %zu: --program %s\n",
                 data->n_programs + data->n_left_out, data->n_programs,
                 data->wanted_program);
    if (data->n_other_builds)
        text_addf(why,
                  "  %llu recording%s of another build than the newest of %s program "
                  "left out\n",
                  (unsigned long long)data->n_other_builds,
                  data->n_other_builds == 1 ? "" : "s",
                  data->n_other_builds == 1 ? "its" : "their");
}

/* Attempts were compared with another program than the recorded one, so to speak: no bug that they
 * show is taken back, but that they show none says nothing. */
static int judge_doubtful(const struct report_data *data, int outcome, struct text *why) {
    text_say(why,
             "  %llu site%s tested only where the program, without any fault, ended in "
             "another way than in the recording (note baseline_differs): record it "
             "again, or mend what is around it and say 'dearth replay --retest %s'\n",
             (unsigned long long)data->n_doubtful,
             data->n_doubtful == 1 ? " was" : "s were", data->path);
    return outcome == GATE_PASSED ? GATE_UNDECIDED : outcome;
}

/* Programs that no suite started: they are for a report of their own. */
static int judge_strangers(const struct report_data *data, int outcome,
                           struct text *why) {
    text_addf(
        why,
        "  %llu recording%s of the database %s no part of the suite: judge the suite "
        "in a database of its own, or name the others with --program\n",
        (unsigned long long)data->suite->n_strangers,
        data->suite->n_strangers == 1 ? "" : "s",
        data->suite->n_strangers == 1 ? "is" : "are");
    return outcome == GATE_PASSED ? GATE_UNDECIDED : outcome;
}

/* Shards that were joined are all that there is to judge, or not yet. One alone is judged alone. */
static int judge_shards(const struct report_data *data, int outcome, struct text *why) {
    AUTO_TEXT struct text missing = {0};
    int n = store_shards_missing(data->store, &missing);
    if (n < 0)
        return n;
    if (n < 2 || !missing.n)
        return outcome;
    text_addf(why,
              "  of the suite's shards these are missing, or have not done all: %s\n",
              missing.data);
    return outcome == GATE_PASSED ? GATE_UNDECIDED : outcome;
}

/* What was not seen was not tested: no bug is taken back, but that there is none says nothing. */
static int judge_unseen(const struct report_data *data, int outcome, struct text *why) {
    text_add(why, "  ");
    report_unseen_add(data, why);
    if (report_unseen_sample(data))
        text_add(why,
                 ". Judge a database of whole recordings; 'dearth report THAT --demand "
                 "THIS' says what of the sample it never failed");
    text_add(why,
             report_unseen_open(data)
                 ? ". What modules allocate past dearth is neither recorded nor "
                   "tested: the notes say what to do; --accept-unseen GLOB accepts it\n"
                 : "\n");
    return outcome == GATE_PASSED ? GATE_UNDECIDED : outcome;
}

/* Findings that there are count; that there are no more is not known. */
static int judge_behind(const struct report_data *data, int outcome, struct text *why) {
    text_say(
        why,
        "  %llu execution%s of a replay that goes on or was killed, and in no finding "
        "yet: 'dearth %sreplay %s' goes on with it\n",
        (unsigned long long)data->n_behind, data->n_behind == 1 ? " is" : "s are",
        data->suite ? "suite " : "", data->path);
    return outcome == GATE_PASSED ? GATE_UNDECIDED : outcome;
}

int gate_judge(const struct report_data *data, const struct gate_options *options,
               struct text *why) {
    static const char *const words[] = {"passed", "FAILED", "UNDECIDED"};
    AUTO_TEXT struct text details = {0};
    int r = judge_findings(data, options, &details);
    if (r < 0)
        return r;
    bool is_void = data->site_tally.millionths < 0;
    bool any = data->suite ? data->target_tally.tested > 0 : data->n_attempts > 0;
    if (data->narrowed && !is_void && !report_suite_measure(data)->testable) {
        text_add(why,
                 "gate passed\n  nothing to do: nothing that --own and --in name can "
                 "be made to fail\n");
        return GATE_PASSED;
    }
    if (!any && !is_void && judge_nothing(data, &details) == GATE_FAILED)
        r = GATE_FAILED;
    else if (judge_programs(data, &details) == GATE_FAILED)
        r = GATE_FAILED;
    if (!is_void && judge_coverage(data, options, &details) == GATE_FAILED)
        r = GATE_FAILED;
    if (is_void)
        r = judge_unseen(data, r, &details);
    if (data->suite && (r = judge_shards(data, r, &details)) < 0)
        return r;
    if (data->suite && data->suite->n_strangers)
        r = judge_strangers(data, r, &details);
    if (data->n_doubtful)
        r = judge_doubtful(data, r, &details);
    if (data->n_behind)
        r = judge_behind(data, r, &details);
    add_chosen(data, &details);
    text_add(why, "gate ");
    terminal_say(why, r == GATE_PASSED ? COLOR_GOOD : COLOR_BUG, "%s", words[r]);
    if (data->quick) {
        text_add(why, " (quick)\n  quick: ");
        survivor_describe(&data->survivors, why);
    }
    text_addf(why, "\n%s", details.n ? details.data : "");
    return r;
}
