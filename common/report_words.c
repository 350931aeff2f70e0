/* The words of a report: names of verdicts, severities, reasons; commands to copy. Pure.
 */
#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "report_private.h"
#include "text.h"

static const char *const verdicts[REPORT_N_VERDICTS] = {
    [REPORT_CORRUPTED] = "corrupted", [REPORT_CRASHED] = "crashed",
    [REPORT_HUNG] = "hung",           [REPORT_DEGRADED] = "degraded",
    [REPORT_ABORTED] = "aborted",     [REPORT_FLAKY] = "flaky",
    [REPORT_REPORTED] = "reported",   [REPORT_HANDLED] = "handled",
    [REPORT_UNREACHED] = "unreached",
};
static const char *const meanings[REPORT_N_VERDICTS] = {
    [REPORT_CORRUPTED] = "the heap was damaged: double free, invalid free, overrun",
    [REPORT_CRASHED] = "a fatal signal or a failed assertion",
    [REPORT_HUNG] = "did not end within its time limit",
    [REPORT_DEGRADED] =
        "ended as usual, with other output: a wrong answer without an error",
    [REPORT_ABORTED] = "gave up by a policy: xmalloc, g_malloc, Rust, std::bad_alloc",
    [REPORT_FLAKY] = "repeated attempts disagree",
    [REPORT_REPORTED] = "ended with an error status",
    [REPORT_HANDLED] = "same status and output as without the failure",
    [REPORT_UNREACHED] = "the failure never came up",
};
static const char *const severities[REPORT_N_SEVERITIES] = {
    [REPORT_BUG] = "bug",   [REPORT_WARNING] = "warning", [REPORT_POLICY] = "policy",
    [REPORT_LOOK] = "look", [REPORT_OK] = "ok",           [REPORT_NONE] = "none",
};
static const struct {
    const char *name, *text;
} reasons[REPORT_N_REASONS] = {
    [REPORT_TESTED] = {NULL, "tested"},
    [REPORT_NEVER_SELECTED] = {"never_selected", "no replay chose it yet"},
    [REPORT_FILTERED] = {"filtered", "a filter of the replay left it out"},
    [REPORT_BUDGET] = {"budget", "the time or the number of attempts ran out"},
    [REPORT_NOT_REACHED] = {"unreached",
                            "attempts were made, but the call never came up"},
    [REPORT_NOT_FAILABLE] = {"not_failable",
                             "no call of it can be made to fail, or may be"},
};

static int find(const char *const *names, int n, const char *name, int fallback) {
    for (int i = 0; name && i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return fallback;
}

const char *report_verdict_name(int verdict) {
    return verdict >= 0 && verdict < REPORT_N_VERDICTS ? verdicts[verdict] : NULL;
}

const char *report_verdict_meaning(int verdict) {
    return verdict >= 0 && verdict < REPORT_N_VERDICTS ? meanings[verdict] : "";
}

const char *report_severity_name(int severity) {
    return severity >= 0 && severity < REPORT_N_SEVERITIES ? severities[severity]
                                                           : "none";
}

int report_verdict_from_name(const char *name) {
    return find(verdicts, REPORT_N_VERDICTS, name, -1);
}

int report_severity_from_name(const char *name) {
    return find(severities, REPORT_N_SEVERITIES, name, REPORT_NONE);
}

const char *report_reason_name(int reason) {
    return reason > 0 && reason < REPORT_N_REASONS ? reasons[reason].name : NULL;
}

const char *report_reason_text(int reason) {
    return reason >= 0 && reason < REPORT_N_REASONS ? reasons[reason].text : "";
}

int report_reason_from_name(const char *name) {
    for (int i = 1; name && i < REPORT_N_REASONS; i++)
        if (strcmp(reasons[i].name, name) == 0)
            return i;
    return REPORT_TESTED;
}

const char *report_hang_words(const char *hang) {
    static const char *const words[][2] = {
        {"spinning", "spinning: it used the processor and allocated nothing"},
        {"allocating", "it asked for memory again and again"},
        {"printing", "it printed without end"},
        {"polling", "it slept and looked again and again"},
        {"blocked", "it waited in a system call that did not come back"},
        {"deadlock", "deadlock: every thread waited for a lock, or for one that did"},
    };
    for (size_t i = 0; hang && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], hang) == 0)
            return words[i][1];
    return hang;
}

int report_data_loop(const struct report_data *data, const struct report_finding *finding,
                     struct frames *frames, const struct frame **frame) {
    AUTO_FRAMES struct frames later = {0};
    *frame = NULL;
    if (!finding->crash.stack_id || !finding->later_stack_id)
        return 0;
    int r = report_data_stack(data, finding->crash.stack_id, frames);
    if (r == 0)
        r = report_data_stack(data, finding->later_stack_id, &later);
    if (r < 0)
        return r;
    uint32_t at = frames_meet(frames, &later);
    if (at == frames->n)
        return 0;
    *frame = &frames->items[at];
    return 1;
}

const char *report_difference_words(const char *how) {
    static const char *const words[][2] = {
        {"truncated", "is truncated"},
        {"empty", "is empty"},
        {"content", "is different"},
        {"missing", "is missing"},
        {"removed", "was removed"},
        {"left_behind", "was left behind"},
        {"mode", "has another mode"},
        {"type", "is of another type"},
        {"check", "is not as usual, --output-check says"},
        {"sent", "was sent to its parent, or to every process in reach"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], how) == 0)
            return words[i][1];
    return how;
}

const char *report_thread_words(const char *thread) {
    return strcmp(thread, "main") == 0    ? "in the main thread"
           : strcmp(thread, "other") == 0 ? "in the other threads"
                                          : "";
}

void report_add_chance(const struct report_finding *f, struct text *out) {
    cJSON *chance = f->fault.chance ? cJSON_Parse(f->fault.chance) : NULL;
    cJSON *failed = f->fault.failed ? cJSON_Parse(f->fault.failed) : NULL;
    int n = cJSON_GetArraySize(failed);
    text_say(out, "%s%d call%s that failed by chance (probability %g, seed %s)",
             n == 1 ? "the " : "the last of ", n, n == 1 ? "" : "s",
             json_number_of(chance, "probability"), json_text_of(chance, "seed"));
    cJSON_Delete(chance);
    cJSON_Delete(failed);
}

bool report_failed_call(const struct report_data *data, const struct report_finding *f,
                        int i, const struct report_site **site, int64_t *call) {
    cJSON *failed = f->fault.failed ? cJSON_Parse(f->fault.failed) : NULL;
    const cJSON *item = cJSON_GetArrayItem(failed, i);
    *site = NULL;
    *call = (int64_t)json_number_of(item, "call");
    for (size_t k = 0; item && k < data->n_sites && !*site; k++) {
        char key[DEARTH_KEY_HEX + 1];
        text_key(data->sites[k].key, key);
        if (strcmp(key, json_text_of(item, "site")) == 0)
            *site = &data->sites[k];
    }
    bool there = item != NULL;
    cJSON_Delete(failed);
    return there;
}

void report_add_difference(const struct report_difference *d, bool detail,
                           struct text *out) {
    text_say(out, "%s %s", d->path ? d->path : d->what, report_difference_words(d->how));
    if (detail && d->detail)
        text_say(out, " (%s)", d->detail);
}

uint32_t report_coverage(const struct report_tally *tally) {
    if (!tally->testable)
        return 1000000;
    return (uint32_t)(tally->tested * 1000000u / tally->testable);
}

const char *report_signal_name(int number, char buf[static 24]) {
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

void report_add_location(const struct report_location *location, struct text *out) {
    if (!location) {
        text_add(out, "unknown");
        return;
    }
    const char *module = frame_basename(location->module);
    if (location->file && location->line)
        text_say(out, "%s (%s:%lld)", location->function ? location->function : module,
                 location->file, (long long)location->line);
    else if (location->function)
        text_say(out, "%s (%s)", location->function, module);
    else
        text_say(out, "%s+0x%llx", module, (unsigned long long)location->offset);
}

int report_add_place(const struct report_data *data,
                     const struct report_location *location, int64_t stack_id,
                     struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = location || !stack_id ? 0 : report_data_stack(data, stack_id, &frames);
    if (frames.n)
        frame_add(&frames.items[0], out);
    else
        report_add_location(location, out);
    return r;
}

static void add_path(const struct report_data *data, struct text *out) {
    if (data->path[0] == '-') /* not an option */
        text_add(out, "./");
    text_add_shell_shown(out, data->path);
}

const char *report_exclusion(const struct report_site *site) {
    if (site->reason != REPORT_NOT_FAILABLE)
        return NULL;
    return site->never ? "never" : site->outside ? "outside" : "call";
}

void report_add_command(const struct report_data *data, const struct report_site *site,
                        struct text *out) {
    if (site->reason == REPORT_NOT_FAILABLE)
        return;
    char key[DEARTH_KEY_HEX + 1];
    text_key(site->key, key);
    text_add(out, "dearth replay ");
    add_path(data, out);
    if (site->after_failure) /* no fault of its own: it is failed after others */
        text_add(out, " --depth 2");
    else
        text_say(out, " --site %s", key);
}

void report_add_repro(const struct report_data *data,
                      const struct report_finding *finding, struct text *out) {
    text_add(out, "dearth repro ");
    add_path(data, out);
    text_say(out, " %lld", (long long)finding->id);
    if (strcmp(finding->isolation, "overlay") != 0) /* the default of repro */
        text_addf(out, " --isolation %s", finding->isolation);
}

void report_add_argv(const struct report_recording *recording, struct text *out) {
    cJSON *list = recording->argv ? cJSON_Parse(recording->argv) : NULL, *item;
    bool first = true;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item))
            continue;
        if (!first)
            text_add(out, " ");
        first = false;
        text_add_shell_shown(out, item->valuestring);
    }
    if (first)
        text_add_shell_shown(out, recording->exe);
    cJSON_Delete(list);
}

const char *report_refusal_meaning(const char *reason) {
    static const char *const words[][2] = {
        {"never_due", "not reached in the run that was copied"},
        {"threads", "another thread was alive"},
        {"children", "the process had children"},
        {"pipe", "a pipe to another process was open"},
        {"socket", "a socket was open"},
        {"descriptor", "a descriptor was open that cannot be made private"},
        {"shared_mapping", "writable memory was shared"},
        {"timer", "a timer was running"},
        {"files", "files had been written"},
        {"parent_decides", "another process of the tree decides how it ends"},
        {"limit", "no process or descriptor was to be had"},
        {"diverged", "the copied run did not end as without copies"},
        {"unavailable", "no snapshot is possible here"},
        {"busy", "another process of the tree was being copied"},
        {"signals", "the copy sent signals to the original or its parent"},
        {"ipc", "System V IPC objects or message queues"},
        {"output_check", "--output-check had to compare a whole run"},
        {"contradicted", "a rerun showed another verdict"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], reason) == 0)
            return words[i][1];
    return reason;
}
