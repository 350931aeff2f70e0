/* SPDX-License-Identifier: Apache-2.0 */
/* Tables over words.def: see words.h. */
#include "words.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shm.h"

struct word {
    const char *name, *meaning;
};

static const struct word verdicts[N_VERDICTS] = {
    [VERDICT_NONE] = {"none", ""},
#define VERDICT(constant, name, severity, meaning) [VERDICT_##constant] = {name, meaning},
#include "words.def"
};
static const enum severity verdict_severities[N_VERDICTS] = {
#define VERDICT(constant, name, severity, meaning)                                       \
    [VERDICT_##constant] = SEVERITY_##severity,
#include "words.def"
};
static const struct word severities[N_SEVERITIES] = {
    [SEVERITY_NONE] = {"none", "none"},
#define SEVERITY(constant, name, plural) [SEVERITY_##constant] = {name, plural},
#include "words.def"
};
static const struct word reasons[N_REASONS] = {
    [REASON_TESTED] = {NULL, "tested"},
#define REASON(constant, name, meaning) [REASON_##constant] = {name, meaning},
#include "words.def"
};
static const struct word hangs[N_HANGS] = {
#define HANG(constant, name, meaning) [HANG_##constant] = {name, meaning},
#include "words.def"
};
static const struct word refusals[] = {
#define REFUSAL(constant, name, meaning) [SHM_REFUSED_##constant] = {name, meaning},
#include "words.def"
    [SHM_N_REFUSALS] = {REFUSAL_CONTRADICTED, "a rerun showed another verdict"},
    {REFUSAL_ALIKE,
     "another thread was alive at every call of other runs of the same executable"},
};
static const struct word differences[] = {
#define DIFFERENCE(name, meaning) {name, meaning},
#include "words.def"
};
static const struct word unseens[N_UNSEEN_KINDS] = {
#define UNSEEN(constant, name) [UNSEEN_##constant] = {name, NULL},
#include "words.def"
};
static const struct word modes[N_MODES] = {
    [MODE_NONE] = {"none", NULL},
#define MODE(constant, name) [MODE_##constant] = {name, NULL},
#include "words.def"
};
static const struct word roles[N_THREAD_ROLES] = {
#define ROLE(constant, name) {name, NULL},
#include "words.def"
};
static const struct word hows[N_HOWS] = {
#define HOW(constant, name) {name, NULL},
#include "words.def"
};
static const struct word unders[N_UNDERS] = {
#define UNDER(constant, name) {name, NULL},
#include "words.def"
};
static const struct word isolations[N_ISOLATIONS] = {
#define ISOLATION(constant, name) {name, NULL},
#include "words.def"
};

#define LENGTH(words) ((int)(sizeof(words) / sizeof *(words)))

static int find(const struct word *words, int n, const char *name, int fallback) {
    for (int i = 0; name && i < n; i++)
        if (words[i].name && strcmp(words[i].name, name) == 0)
            return i;
    return fallback;
}

static const char *meaning(const struct word *words, int n, const char *name) {
    int i = find(words, n, name, -1);
    return i < 0 ? name : words[i].meaning;
}

const char *verdict_name(enum verdict verdict) {
    return verdicts[(unsigned)verdict < N_VERDICTS ? verdict : VERDICT_NONE].name;
}

enum verdict verdict_from_name(const char *name) {
    return (enum verdict)find(verdicts, N_VERDICTS, name, VERDICT_NONE);
}

const char *verdict_meaning(enum verdict verdict) {
    return verdicts[(unsigned)verdict < N_VERDICTS ? verdict : VERDICT_NONE].meaning;
}

enum severity verdict_severity(enum verdict verdict) {
    return verdict_severities[(unsigned)verdict < N_VERDICTS ? verdict : VERDICT_NONE];
}

const char *severity_name(enum severity severity) {
    return severities[(unsigned)severity < N_SEVERITIES ? severity : SEVERITY_NONE].name;
}

const char *severity_plural(enum severity severity) {
    return severities[(unsigned)severity < N_SEVERITIES ? severity : SEVERITY_NONE]
        .meaning;
}

enum severity severity_from_name(const char *name) {
    return (enum severity)find(severities, N_SEVERITIES, name, SEVERITY_NONE);
}

const char *reason_name(enum reason reason) {
    return (unsigned)reason < N_REASONS ? reasons[reason].name : NULL;
}

const char *reason_meaning(enum reason reason) {
    return (unsigned)reason < N_REASONS ? reasons[reason].meaning : "";
}

enum reason reason_from_name(const char *name) {
    return (enum reason)find(reasons, N_REASONS, name, REASON_TESTED);
}

const char *fault_mode_name(enum fault_mode mode) {
    return modes[(unsigned)mode < N_MODES ? mode : MODE_NONE].name;
}

enum fault_mode fault_mode_from_name(const char *name) {
    int mode = find(modes, N_MODES, name, MODE_ONCE);
    return mode == MODE_NONE ? MODE_ONCE : (enum fault_mode)mode;
}

const char *thread_role_name(enum thread_role role) {
    return roles[role].name;
}

enum thread_role thread_role_from_name(const char *name) {
    return (enum thread_role)find(roles, N_THREAD_ROLES, name, THREAD_ANY);
}

const char *thread_role_phrase(enum thread_role role) {
    return role == THREAD_MAIN    ? "in the main thread"
           : role == THREAD_OTHER ? "in the other threads"
                                  : "";
}

const char *hang_name(enum hang hang) {
    return (unsigned)hang < N_HANGS ? hangs[hang].name : NULL;
}

const char *hang_meaning(const char *name) {
    return meaning(hangs, N_HANGS, name);
}

const char *unseen_name(enum unseen_kind kind) {
    return (unsigned)kind < N_UNSEEN_KINDS ? unseens[kind].name : NULL;
}

enum unseen_kind unseen_from_name(const char *name) {
    return (enum unseen_kind)find(unseens, N_UNSEEN_KINDS, name, UNSEEN_NOTHING);
}

const char *how_name(enum how how) {
    return hows[how].name;
}

int how_from_name(const char *name) {
    return find(hows, N_HOWS, name, -1);
}

const char *under_name(enum under under) {
    return unders[under].name;
}

enum under under_from_name(const char *name) {
    return (enum under)find(unders, N_UNDERS, name, UNDER_PLAIN);
}

const char *isolation_name(enum isolation isolation) {
    return isolations[isolation].name;
}

enum isolation isolation_from_name(const char *name) {
    return (enum isolation)find(isolations, N_ISOLATIONS, name, ISOLATION_AUTO);
}

const char *difference_meaning(const char *name) {
    return meaning(differences, LENGTH(differences), name);
}

const char *refusal_name(uint32_t refusal) {
    return refusal < SHM_N_REFUSALS ? refusals[refusal].name : NULL;
}

const char *refusal_meaning(const char *name) {
    return meaning(refusals, LENGTH(refusals), name);
}

const char *signal_name(int number, char buf[static 24]) {
    static const struct {
        int number;
        const char *name;
    } signals[] = {
        {SIGABRT, "SIGABRT"}, {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},
        {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"},
        {SIGSYS, "SIGSYS"},   {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"},
        {SIGINT, "SIGINT"},   {SIGHUP, "SIGHUP"},   {SIGQUIT, "SIGQUIT"},
        {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGUSR1, "SIGUSR1"},
        {SIGUSR2, "SIGUSR2"}, {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"},
        {SIGCHLD, "SIGCHLD"},
    };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i].number == number)
            return signals[i].name;
    snprintf(buf, 24, "signal %d", number);
    return buf;
}
