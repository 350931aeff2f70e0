/* Names of the words an attempt is described with, and the end of an observation:
 * attempt.h. */
#include "attempt.h"

#include <stdlib.h>
#include <string.h>

#include "written.h"

static const char *const verdict_names[N_VERDICTS] = {
    [VERDICT_NONE] = "none",           [VERDICT_HANDLED] = "handled",
    [VERDICT_REPORTED] = "reported",   [VERDICT_DEGRADED] = "degraded",
    [VERDICT_ABORTED] = "aborted",     [VERDICT_CRASHED] = "crashed",
    [VERDICT_CORRUPTED] = "corrupted", [VERDICT_HUNG] = "hung",
    [VERDICT_UNREACHED] = "unreached", [VERDICT_FLAKY] = "flaky",
};

static const char *const severity_names[] = {
    [SEVERITY_NONE] = "none",       [SEVERITY_OK] = "ok",
    [SEVERITY_LOOK] = "look",       [SEVERITY_POLICY] = "policy",
    [SEVERITY_WARNING] = "warning", [SEVERITY_BUG] = "bug",
};

const char *verdict_name(enum verdict v) {
    return (unsigned)v < N_VERDICTS ? verdict_names[v] : "none";
}

const char *severity_name(enum severity s) {
    return (unsigned)s <= SEVERITY_BUG ? severity_names[s] : "none";
}

enum verdict verdict_from_name(const char *name) {
    for (int v = 0; name && v < N_VERDICTS; v++)
        if (strcmp(verdict_names[v], name) == 0)
            return (enum verdict)v;
    return VERDICT_NONE;
}

enum severity verdict_severity(enum verdict v) {
    switch (v) {
    case VERDICT_HANDLED:
    case VERDICT_REPORTED:
        return SEVERITY_OK;
    case VERDICT_DEGRADED:
        return SEVERITY_WARNING;
    case VERDICT_ABORTED:
        return SEVERITY_POLICY;
    case VERDICT_CRASHED:
    case VERDICT_CORRUPTED:
    case VERDICT_HUNG:
        return SEVERITY_BUG;
    case VERDICT_FLAKY:
        return SEVERITY_LOOK;
    default:
        return SEVERITY_NONE;
    }
}

const char *fault_mode_name(enum fault_mode m) {
    switch (m) {
    case MODE_ONCE:
        return "once";
    case MODE_STICKY:
        return "sticky";
    case MODE_BURST:
        return "burst";
    case MODE_CHANCE:
        return "chance";
    }
    return "none";
}

enum fault_mode fault_mode_from_name(const char *name) {
    for (int m = MODE_ONCE; name && m <= MODE_CHANCE; m++)
        if (strcmp(fault_mode_name((enum fault_mode)m), name) == 0)
            return (enum fault_mode)m;
    return MODE_ONCE;
}

const char *thread_role_name(enum thread_role role) {
    static const char *const names[] = {"any", "main", "other"};
    return names[role];
}

enum thread_role thread_role_from_name(const char *name) {
    for (int role = THREAD_ANY; name && role <= THREAD_OTHER; role++)
        if (strcmp(thread_role_name((enum thread_role)role), name) == 0)
            return (enum thread_role)role;
    return THREAD_ANY;
}

const char *hang_name(enum hang hang) {
    static const char *const names[N_HANGS] = {
        NULL, "spinning", "allocating", "printing", "polling", "blocked", "deadlock"};
    return (unsigned)hang < N_HANGS ? names[hang] : NULL;
}

const char *how_name(enum how how) {
    static const char *const names[] = {"rerun", "snapshot", "sweep"};
    return names[how];
}

const char *under_name(enum under under) {
    static const char *const names[] = {"plain", "guarded", "asan", "valgrind"};
    return names[under];
}

enum under under_from_name(const char *name) {
    for (int u = UNDER_PLAIN; name && u <= UNDER_VALGRIND; u++)
        if (strcmp(under_name((enum under)u), name) == 0)
            return (enum under)u;
    return UNDER_PLAIN;
}

void crash_frames_free(struct crash_frame *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        free(frames[i].module);
        free(frames[i].function);
    }
    free(frames);
}

void observation_deinit(struct observation *o) {
    crash_frames_free(o->crash_frames, o->n_crash_frames);
    crash_frames_free(o->sample_frames, o->n_sample_frames);
    written_free_files(o->files, o->n_files);
    free(o->leaks);
    free(o->crash_exe);
    free(o->fired_exe);
    free(o->stdout_data);
    free(o->after_data);
    free(o->stderr_tail);
    *o = (struct observation){0};
}
