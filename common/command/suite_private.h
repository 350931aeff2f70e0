/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of `dearth suite` share.
 *
 *   suite.c          the command lines: record, list, replay, check
 *   suite_load.c     a recorded suite: units, targets, what has been failed
 *   suite_replay.c   which unit fails which targets, and the loop over them
 *   suite_confirm.c  what the whole suite makes of a finding
 *   suite_unit.c     a unit as a recording of its own
 *   suite_text.c     what is printed
 *   suite_tests.c    the tests of a recorded suite: names, and those inside programs (suite_tests.h)
 *   suite_functions.c  those without a filter
 *   suite_gather.c   what `dearth wrap` recorded, as a suite
 */
#ifndef DEARTH_SUITE_PRIVATE_H
#define DEARTH_SUITE_PRIVATE_H

#include "cli.h"
#include "fault_options.h"
#include "shard.h"
#include "suite_load.h"

struct suite_options {
    struct cli_list own, not_own;
    struct suite_gate {
        struct cli_list blame, accepted;
        const char *baseline;
        double min_coverage;
        int fail_on; /* as `dearth report` counts its choices; -1 = not given */
        bool fail_on_runtime;
    } gate;
    const char *tree;
    uint64_t unit_time_ns; /* programs that take longer are not run by themselves */
    bool fresh, json, confirm;
    struct fault_options faults;
    struct cli_given given;
    bool more_catalogues, more_policies; /* of the project's file, not in `given` */
    struct shard shard;                  /* n 0 = no sharding */
    int64_t n_shards;                    /* plan */
    int64_t contexts;                    /* of each target, at most; 0 = all */
};

/* What a replay of a suite has done. */
struct suite_outcome {
    uint32_t chosen, run, refused; /* units */
    uint32_t reused;     /* targets whose verdicts are those of earlier suites */
    int64_t reused_from; /* the newest of these; 0 = none */
    uint64_t duration_ns;
    bool budget, interrupted; /* what ended it early */
    bool done;                /* nothing is left of what this shard is to do */
    char **reasons;           /* by target: why it is not tested; NULL = it is; owned */
};

/** --own, --not-own, --in, --not-in, --tree, --mode, --fresh as suite_load() takes them. */
struct suite_scope suite_replay_scope(const struct suite_options *options);

/**
 * Fail every target in the cheapest unit that reaches it.
 * @database: path
 * Return: an exit status.
 */
int suite_replay_run(const struct suite_options *options, const char *database,
                     struct suite *suite, struct suite_outcome *out);

/**
 * Run the whole suite once for each finding, with its failure, and write down how it ends: in notes that 'dearth report'
 * shows with the finding. Return: an exit status.
 */
int suite_confirm_run(const struct suite_options *options, struct suite *suite);

/**
 * Make one suite of what `dearth wrap` recorded into @path, if it did.
 * @path: as the user gave it, perhaps a folder
 * @file: the database; free() it; out
 * Return: 0 or a negative errno after a message.
 */
int suite_gather(const char *path, const struct suite_options *options, char **file);

/** Of programs whose runners have no filter, the tests as functions on the stacks of targets: rows of `test`
 * and `test_site` anew. Context: in a transaction. Return: 0 or a negative errno after a message. */
int suite_functions_store(struct suite *suite);

/** Print what each of options->n_shards would do. Return: 0 or a negative errno after a message. */
int suite_replay_plan(const struct suite_options *options, const char *database,
                      struct suite *suite);
void suite_replay_deinit(struct suite_outcome *outcome, const struct suite *suite);

/** Print the units, as a table or JSON. Return: 0 or a negative errno after a message. */
int suite_text_list(struct suite *suite, bool json);
/** Write down which targets were failed, and why not, and print what was done for it; `dearth report` says the rest.
 * @scope: what was replayed; the table is of all that is own, whatever its --in is
 * Return: 0 or a negative errno after a message. */
int suite_text_summary(struct suite *suite, const struct suite_outcome *outcome,
                       const struct suite_scope *scope);

#endif
