/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of attempts and reports: enums and their names, all made from words.def.
 * Pure.
 *
 * Where an enum has a weight, the greater value is the worse: a site's verdict is the
 * greatest that one of its attempts showed. Zero is "nothing", and no row of words.def.
 */
#ifndef DEARTH_WORDS_H
#define DEARTH_WORDS_H

#include <stdint.h>

enum verdict {
    VERDICT_NONE = 0,
#define VERDICT(constant, name, severity, meaning) VERDICT_##constant,
#include "words.def"
    N_VERDICTS
};
enum severity {
    SEVERITY_NONE = 0,
#define SEVERITY(constant, name, plural) SEVERITY_##constant,
#include "words.def"
    N_SEVERITIES
};
enum reason {
    REASON_TESTED = 0,
#define REASON(constant, name, meaning) REASON_##constant,
#include "words.def"
    N_REASONS
};
enum hang {
    HANG_UNKNOWN = 0,
#define HANG(constant, name, meaning) HANG_##constant,
#include "words.def"
    N_HANGS
};
enum unseen_kind {
    UNSEEN_NOTHING = 0,
#define UNSEEN(constant, name) UNSEEN_##constant,
#include "words.def"
    N_UNSEEN_KINDS
};
enum fault_mode {
    MODE_NONE = 0,
#define MODE(constant, name) MODE_##constant,
#include "words.def"
    N_MODES
};
enum thread_role {
#define ROLE(constant, name) THREAD_##constant,
#include "words.def"
    N_THREAD_ROLES
};
enum how {
#define HOW(constant, name) HOW_##constant,
#include "words.def"
    N_HOWS
};
enum under {
#define UNDER(constant, name) UNDER_##constant,
#include "words.def"
    N_UNDERS
};
enum isolation {
#define ISOLATION(constant, name) ISOLATION_##constant,
#include "words.def"
    N_ISOLATIONS
};

const char *verdict_name(enum verdict verdict);         /* "none" for VERDICT_NONE */
enum verdict verdict_from_name(const char *name);       /* VERDICT_NONE when unknown */
const char *verdict_meaning(enum verdict verdict);      /* for people */
enum severity verdict_severity(enum verdict verdict);   /* by the design's table */
const char *severity_name(enum severity severity);      /* "none" for SEVERITY_NONE */
const char *severity_plural(enum severity severity);    /* "bugs" */
enum severity severity_from_name(const char *name);     /* SEVERITY_NONE when unknown */
const char *reason_name(enum reason reason);            /* NULL for REASON_TESTED */
const char *reason_meaning(enum reason reason);         /* for people; "tested" */
enum reason reason_from_name(const char *name);         /* REASON_TESTED when unknown */
const char *fault_mode_name(enum fault_mode mode);      /* "none" for MODE_NONE */
enum fault_mode fault_mode_from_name(const char *name); /* MODE_ONCE when unknown */
const char *thread_role_name(enum thread_role role);
enum thread_role thread_role_from_name(const char *name); /* THREAD_ANY when unknown */
/** "in the main thread", "in the other threads"; "" for THREAD_ANY. */
const char *thread_role_phrase(enum thread_role role);
const char *hang_name(enum hang hang); /* NULL for HANG_UNKNOWN */
/** For people. Return: @name itself when it is unknown, NULL for NULL. */
const char *hang_meaning(const char *name);
const char *unseen_name(enum unseen_kind kind);      /* NULL for UNSEEN_NOTHING */
enum unseen_kind unseen_from_name(const char *name); /* UNSEEN_NOTHING when unknown */
const char *how_name(enum how how);
int how_from_name(const char *name); /* enum how, -1 when unknown */
const char *under_name(enum under under);
enum under under_from_name(const char *name); /* UNDER_PLAIN when unknown */
const char *isolation_name(enum isolation isolation);
enum isolation isolation_from_name(const char *name); /* ISOLATION_AUTO when unknown */
/** Of difference.how, for people. Return: @name itself when it is unknown. */
const char *difference_meaning(const char *name);

/** What a snapshot that a rerun showed otherwise is stored as, beside the refusals. */
#define REFUSAL_CONTRADICTED "contradicted"
/** Of a suite: no copy was tried, since none was possible in other runs of the same executable. */
#define REFUSAL_ALIKE        "threads_alike"
/** @refusal: enum shm_refusal. Return: NULL for none, and for what has no name. */
const char *refusal_name(uint32_t refusal);
/** For people. Return: @name itself when it is unknown. */
const char *refusal_meaning(const char *name);

/** "SIGSEGV", static; "signal 99", in @buf, for what has no name. */
const char *signal_name(int number, char buf[static 24]);

#endif
