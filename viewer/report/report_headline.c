/* SPDX-License-Identifier: Apache-2.0 */
/* One line for a finding: see report_headline.h. */
#include "report_headline.h"

#include <string.h>

#include "place.h"
#include "report_words.h"
#include "shm.h"
#include "text.h"

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
                                        "__GI___libc_fatal",
                                        "std::__terminate",
                                        "std::terminate",
                                        "std::thread::~thread"};
    for (size_t i = 0; function && i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]); /* a part of it: "abort.cold" */
        if (strncmp(function, names[i], n) == 0 &&
            (!function[n] || function[n] == '.' || function[n] == '('))
            return true;
    }
    return false;
}

/* A sample of a hung program may be taken inside our own library. */
static bool is_ours(const struct frame *frame) {
    return frame_module_is_ours(frame->module);
}

uint32_t report_headline_skip(const struct frames *frames) {
    uint32_t i = 0;
    while (i + 1 < frames->n &&
           (is_way_out(frames->items[i].function) || is_ours(&frames->items[i])))
        i++;
    return i;
}

/* Who is to blame: the frame that the finding's place names, else the innermost of the blamed module.
 * Return: @frames->n when it is not among them. */
static uint32_t find_blamed(const struct report_finding *f, const struct frames *frames,
                            uint32_t first) {
    const char *module = f->module ? text_basename(f->module) : NULL;
    uint32_t i = first;
    while (i < frames->n && !place_is(f->place, &frames->items[i]))
        i++;
    if (i < frames->n)
        return i;
    for (i = first; module && i < frames->n; i++)
        if (strcmp(text_basename(frames->items[i].module), module) == 0)
            return i;
    return frames->n;
}

/* The innermost frame that is not a mere way out, and the one to blame when that is another one. */
static int add_crash_place(const struct report_data *data, const struct report_finding *f,
                           struct text *out) {
    AUTO_FRAMES struct frames frames = {0};
    int r = f->crash.stack_id ? report_data_stack(data, f->crash.stack_id, &frames) : 0;
    if (r < 0 || !frames.n)
        return r;
    uint32_t first = report_headline_skip(&frames), i = find_blamed(f, &frames, first);
    if (i == frames.n)
        i = first;
    text_add(out, " in ");
    if (i != first && !is_way_out(frames.items[0].function)) {
        frame_add(&frames.items[first], out);
        text_add(out, ", called from ");
    }
    frame_add(&frames.items[i], out);
    return 0;
}

/* Damage that a later look met: where that was says nothing of who did it, whose block it is does. */
static void add_damage(const struct report_finding *f, struct text *out) {
    text_add(out, ": ");
    report_words_add_damage(&f->damage, out);
    if (f->damage.location) {
        text_add(out, "; allocated in ");
        report_words_add_location(f->damage.location, out);
    }
}

/* Without numbers: findings with one headline are shown as one. */
static int add_leak_headline(const struct report_data *data,
                             const struct report_finding *f, struct text *out) {
    text_add(out, " and leaked what was allocated in ");
    return report_data_add_place(data, f->leaks[0].location, f->leaks[0].stack_id, out);
}

bool report_headline_found_later(const struct report_finding *f) {
    return f->damage.kind && (f->damage.where == SHM_DAMAGE_AT_EVICTION ||
                              f->damage.where == SHM_DAMAGE_AT_EXIT);
}

int report_headline_add(const struct report_data *data, const struct report_finding *f,
                        struct text *out) {
    char name[24];
    text_add(out, verdict_name(f->verdict));
    if (f->n_leaks)
        return add_leak_headline(data, f, out);
    if (report_headline_found_later(f)) {
        add_damage(f, out);
        return 0;
    }
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
    else if (f->exit_code >= 0)
        text_say(out, ": exit status %lld", (long long)f->exit_code);
    if (f->n_differences &&
        (f->verdict == VERDICT_DEGRADED || f->verdict == VERDICT_REPORTED ||
         f->verdict == VERDICT_HANDLED)) {
        text_add(out, ", but ");
        report_words_add_difference(&f->differences[0], false, out);
    }
    if (f->policy)
        text_say(out, " by policy %s", f->policy);
    if (f->facility)
        text_say(out, " (libc's %s)", f->facility);
    if (f->unplaced)
        text_add(out, " at a place that was not seen");
    int r = add_crash_place(data, f, out);
    if (f->crash.cause)
        text_say(out, ": %s", f->crash.cause);
    return r;
}
