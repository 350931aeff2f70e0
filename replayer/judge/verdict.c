/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict: one execution judged against the baseline. Pure, a table of rules from the
 * surest evidence down (verdicts: README).
 *
 *   did not fire ──────────────────────────────────────────► unreached, whatever happened
 *   the guard found damage ────────────────────────────────► corrupted
 *   past its time limit, or endless ───────────────────────► hung
 *   ended by a signal, or a descendant did, or a signal of
 *     the processor was caught and the end was another one ─► crashed | corrupted
 *                                                           | aborted | reported
 *     (of abort(): abort.h, of std::terminate(): uncaught.h)
 *   a sanitizer spoke ─────────────────────────────────────► corrupted | crashed | aborted
 *   other status than the baseline ────────────────────────► reported (degraded when it is 0)
 *   same status ───────────────────────────────────────────► handled, or degraded by its output,
 *                                                             or reported: not 0, and more is said
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "baseline.h"
#include "leaks.h"
#include "policy.h"
#include "text.h"

/* --- signals --- */

/* Signals that the processor raises for a program's mistake. */
static bool is_fault_signal(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE ||
           signal == SIGILL || signal == SIGTRAP || signal == SIGSYS;
}

static const char *signal_text(int signal) {
    const char *name = sigabbrev_np(signal);
    return name ? name : "?";
}

/* A handler that lies on the stack below an abort: the abort is the handler's way out,
 * the signal that called it is the cause. */
static bool has_signal_frame(const struct observation *o) {
    for (uint32_t i = 0; i < o->crash.n_frames; i++) {
        const char *f = o->crash.frames[i].function;
        if (f &&
            (strcmp(f, "__restore_rt") == 0 || strcmp(f, "__kernel_rt_sigreturn") == 0))
            return true;
    }
    return false;
}

/* How the execution ended by a signal: the first process's own, else a descendant's
 * death, else a processor's signal (or abort) that a handler turned into another end,
 * else what a shell's 128 + n says. 0 = no signal had a part in it. */
struct signal_end {
    int signal;
    enum { END_OWN, END_DESCENDANT, END_CAUGHT, END_SHELL } how;
};

static bool status_same(const struct baseline *b, const struct observation *o) {
    return o->end.exit_code == b->exit_code && o->end.exit_signal == b->exit_signal;
}

static struct signal_end find_signal(const struct baseline *b,
                                     const struct observation *o) {
    bool new_signal = o->end.exit_signal && !(b->status_stable && status_same(b, o));
    /* Process 1 of a pid namespace: its abort() ends by a fault, since the SIGABRT is dropped. */
    bool aborted = o->crash.signal == SIGABRT && o->crash.fatal;
    /* A handler that ends by abort(), or by a signal that it sends: what called it is the place to know, and
     * was kept. */
    bool handled = !is_fault_signal(o->end.exit_signal) &&
                   is_fault_signal(o->crash.signal) && o->crash.signal != SIGTRAP &&
                   o->crash.code > 0;
    /* a child's: its own handler's abort() ends the program, and is the end of it */
    bool child = o->crash.fatal && o->end.exit_signal != SIGABRT;
    if (new_signal && handled)
        return (struct signal_end){o->crash.signal, child ? END_DESCENDANT : END_CAUGHT};
    if (new_signal && !(aborted && is_fault_signal(o->end.exit_signal)))
        return (struct signal_end){o->end.exit_signal, END_OWN};
    if (o->crash.signal && o->crash.fatal)
        return (struct signal_end){o->crash.signal, END_DESCENDANT};
    if (status_same(b, o))
        return (struct signal_end){0};
    /* a trap that is handled was put there to be met */
    if (o->crash.signal == SIGABRT || (is_fault_signal(o->crash.signal) &&
                                       o->crash.signal != SIGTRAP && o->crash.code > 0))
        return (struct signal_end){o->crash.signal, END_CAUGHT};
    if (o->served.outlived)
        return (struct signal_end){0}; /* the status is a client's */
    int shell = o->end.exit_code - 128;
    if (is_fault_signal(shell) || shell == SIGABRT)
        return (struct signal_end){shell, END_SHELL};
    return (struct signal_end){0};
}

static void say_signal(struct judgement *j, struct signal_end end, const char *what) {
    static const char *const how[] = {"ended by", "a descendant was ended by",
                                      "caught, then gave up:", "a shell reports"};
    snprintf(j->reason, sizeof j->reason, "%s SIG%s%s%s", how[end.how],
             signal_text(end.signal), what ? ": " : "", what ? what : "");
}

static void apply_policy(struct judgement *j, const struct policy *p) {
    static const enum verdict verdicts[] = {[POLICY_DAMAGE] = VERDICT_CORRUPTED,
                                            [POLICY_CRASH] = VERDICT_CRASHED,
                                            [POLICY_DELIBERATE] = VERDICT_ABORTED};
    j->verdict = verdicts[p->class];
    if (p->class == POLICY_DELIBERATE)
        j->policy = p->name;
    _Static_assert(sizeof j->cause == sizeof p->cause, "one text");
    memcpy(j->cause, p->cause, sizeof j->cause);
}

/* Is a call on the stack more than once? One that is too deep to be read whole has many. */
static bool goes_round(const struct observation *o) {
    const struct crash_frame *frames = o->crash.frames;
    uint32_t n = o->crash.n_frames, same = 0;
    for (uint32_t i = 0; n && i + 1 < n; i++)
        same += frames[i].offset == frames[n - 1].offset && frames[i].module &&
                frames[n - 1].module &&
                strcmp(frames[i].module, frames[n - 1].module) == 0;
    return same > 0;
}

/* A processor's signal is a crash unless the runtime says it is damage, or it is the trap
 * with which glib, V8 and Rust's intrinsic abort end on purpose. */
static void judge_fault_signal(struct judgement *j, const struct observation *o,
                               struct signal_end end, const struct policy *p) {
    bool trap = end.signal == SIGTRAP || end.signal == SIGILL;
    j->verdict = VERDICT_CRASHED;
    if (end.signal == SIGSEGV && o->crash.signal == SIGSEGV && o->crash.overflow) {
        snprintf(j->cause, sizeof j->cause, "%s",
                 goes_round(o) ? "stack overflow, by calls that go round"
                               : "stack overflow");
        say_signal(j, end, j->cause);
        return;
    }
    if (p && (p->class != POLICY_DELIBERATE || trap || p->any_exit))
        apply_policy(j, p);
    say_signal(j, end, p && j->verdict != VERDICT_CRASHED ? p->name : NULL);
}

/* What an execution is judged by. */
struct evidence {
    const struct baseline *baseline;
    const struct failed_stacks *failed;
    const struct observation *seen;
    const struct catalogue *catalogue;
};

static void judge_abort(struct judgement *j, const struct evidence *e,
                        struct signal_end end, const struct policy *p) {
    if (p && p->class != POLICY_DELIBERATE) {
        apply_policy(j, p);
        say_signal(j, end, p->cause[0] ? p->cause : p->name);
    } else if (has_signal_frame(e->seen)) {
        j->verdict = VERDICT_CRASHED;
        say_signal(j, end, "raised by the handler of another signal");
    } else if (p) {
        apply_policy(j, p);
        say_signal(j, end, j->policy);
    } else {
        static const struct policy plain = {.name = "abort", .class = POLICY_DELIBERATE};
        struct policy check;
        enum abort_kind kind =
            policy_find_check(e->catalogue, e->baseline, e->failed, e->seen, &check);
        apply_policy(j, kind == ABORT_CHECKED || kind == ABORT_TOLD ? &check : &plain);
        say_signal(j, end, j->policy ? j->policy : j->cause);
        j->unsure = kind == ABORT_UNSURE;
    }
}

static void judge_signal(struct judgement *j, const struct evidence *e,
                         struct signal_end end, const struct policy *p) {
    if (end.signal == SIGABRT) {
        judge_abort(j, e, end, p);
    } else if (is_fault_signal(end.signal)) {
        judge_fault_signal(j, e->seen, end, p);
    } else if (end.how == END_DESCENDANT) {
        return; /* a parent that ends its children is at work: its own end decides */
    } else if (end.signal == SIGKILL) {
        j->verdict = VERDICT_CRASHED;
        say_signal(j, end, "not sent by dearth; the kernel's out-of-memory killer?");
    } else {
        j->verdict = VERDICT_REPORTED;
        say_signal(j, end, "sent by itself");
    }
}

/* --- ordinary ends --- */

static void judge_status(struct judgement *j, const struct baseline *b,
                         const struct observation *o) {
    if (o->end.exit_code != 0) {
        j->verdict = VERDICT_REPORTED;
        snprintf(j->reason, sizeof j->reason, "exit status %d, baseline %d",
                 o->end.exit_code, b->exit_code);
    } else {
        j->verdict = VERDICT_DEGRADED;
        snprintf(j->reason, sizeof j->reason,
                 "exit status 0 although the baseline ends with %s %d",
                 b->exit_signal ? "signal" : "status",
                 b->exit_signal ? b->exit_signal : b->exit_code);
    }
}

static void say_differences(struct judgement *j) {
    const struct difference *d = &j->differences[0];
    bool file = strcmp(d->what, "file") == 0;
    int n =
        snprintf(j->reason, sizeof j->reason, "status as without the fault, but %s%s %s",
                 file ? "file " : d->what, d->path, difference_meaning(d->how));
    if (d->detail[0] && n > 0 && (size_t)n < sizeof j->reason)
        snprintf(j->reason + n, sizeof j->reason - (size_t)n, " (%s)", d->detail);
}

/* An exit with 0 and another output, without a word: nobody would notice. */
static bool is_silent(const struct baseline *b, const struct observation *o) {
    return o->end.exit_code == 0 && !baseline_says_more(b, o) &&
           !baseline_complains(b, o);
}

static void judge_output(struct judgement *j, const struct baseline *b,
                         const struct observation *o) {
    if (j->n_differences) {
        j->verdict = o->end.exit_code ? VERDICT_REPORTED : VERDICT_DEGRADED;
        j->silent = j->verdict == VERDICT_DEGRADED && is_silent(b, o);
        say_differences(j);
        return;
    }
    if (o->end.exit_code && b->status_stable && baseline_says_more(b, o)) {
        j->verdict = VERDICT_REPORTED;
        snprintf(j->reason, sizeof j->reason,
                 "exit status %d, as without the fault, and standard error says more",
                 o->end.exit_code);
        return;
    }
    j->verdict = VERDICT_HANDLED;
    snprintf(j->reason, sizeof j->reason, "%s",
             j->stdout_same < 0
                 ? "same status; the output differs from run to run and was "
                   "not compared"
                 : "same status and output as the baseline");
}

/* The user's own comparison takes the place of ours. */
static void ask_check(struct judgement *j, const struct observation *o) {
    if (!o->output.checked)
        return;
    j->n_differences = j->n_more = 0;
    j->stdout_same = j->files_same = o->output.check == 0;
    if (o->output.check == 0)
        return;
    j->differences[0] = (struct difference){.what = "output", .how = "check"};
    j->n_differences = 1;
}

static void say_report(struct judgement *j, const struct observation *o,
                       const struct policy *p) {
    apply_policy(j, p);
    snprintf(j->reason, sizeof j->reason, "%s, exit status %d", p->name,
             o->end.exit_code);
}

static void judge_ordinary(struct judgement *j, const struct catalogue *c,
                           const struct baseline *b, const struct observation *o) {
    struct policy p;
    if (policy_find_any_exit(c, b, o, &p)) {
        say_report(j, o, &p);
    } else if (b->status_stable ? !status_same(b, o) : o->end.exit_code != 0) {
        judge_status(j, b, o);
    } else {
        judge_output(j, b, o);
    }
}

/* A program that serves: it lived through the fault, or its own end is what was seen. */
static void judge_served(struct judgement *j, const struct catalogue *c,
                         const struct baseline *b, const struct observation *o) {
    struct policy p;
    if (o->served.unhealthy) {
        j->verdict = VERDICT_HUNG;
        snprintf(j->reason, sizeof j->reason,
                 "it runs, but %s although memory is back%s%s",
                 o->served.loop ? "does not go on" : "the health command fails",
                 o->end.hang ? ": " : "",
                 o->end.hang ? hang_meaning(hang_name(o->end.hang)) : "");
    } else if (!o->served.outlived && policy_find_any_exit(c, b, o, &p)) {
        say_report(j, o, &p);
    } else if (!o->served.outlived) {
        j->verdict = o->end.exit_code ? VERDICT_REPORTED : VERDICT_DEGRADED;
        snprintf(j->reason, sizeof j->reason,
                 "the program ended with status %d; without the failure it goes on",
                 o->end.exit_code);
    } else if (o->served.loop) {
        j->verdict = VERDICT_HANDLED;
        snprintf(j->reason, sizeof j->reason, "the program goes on");
    } else if (o->end.timed_out) {
        j->verdict = VERDICT_HUNG;
        snprintf(j->reason, sizeof j->reason, "the drive command got no answer in time");
    } else if (b->status_stable ? !status_same(b, o) : o->end.exit_code != 0) {
        j->verdict = VERDICT_REPORTED;
        snprintf(j->reason, sizeof j->reason,
                 "the drive command ended with status %d, the program lives",
                 o->end.exit_code);
    } else {
        judge_output(j, b, o);
    }
}

/* The failure is over: does the drive command show what it shows without one? */
static void judge_after(struct judgement *j, const struct baseline *b,
                        const struct observation *o) {
    struct judgement after = {0};
    struct observation again = {.output.stdout_data = o->served.after_data,
                                .output.stdout_kept = o->served.after_kept,
                                .output.stdout_bytes = o->served.after_bytes,
                                .end.exit_code = o->served.after_code};
    memcpy(again.output.stdout_digest, o->served.after_digest,
           sizeof again.output.stdout_digest);
    bool ordinary = j->verdict == VERDICT_HANDLED || j->verdict == VERDICT_REPORTED ||
                    j->verdict == VERDICT_DEGRADED;
    if (!o->served.driven || !o->served.outlived || !o->served.after_known || !ordinary)
        return;
    after.stdout_same = baseline_stdout_same(b, &again, &after);
    if (b->status_stable && o->served.after_code != b->exit_code) {
        after.n_differences = 0;
        snprintf(after.reason, sizeof after.reason,
                 "the failure is over, but the drive command %s",
                 o->served.after_code < 0 ? "gets no answer in time any more"
                                          : "still ends with another status");
        after.verdict = o->served.after_code < 0 ? VERDICT_HUNG : VERDICT_DEGRADED;
    } else if (after.stdout_same == 0) {
        snprintf(
            after.reason, sizeof after.reason,
            "the failure is over, but the drive command still prints something else");
        after.verdict = VERDICT_DEGRADED;
    } else {
        return;
    }
    after.files_same = j->files_same;
    *j = after;
}

/* A pid that was never set: kill(-1), kill(getppid()). It met nobody but a parent made to be met. */
static void judge_outward(struct judgement *j, const struct baseline *b,
                          const struct observation *o) {
    uint64_t sent = o->outward & ~b->outward;
    bool ordinary = j->verdict == VERDICT_HANDLED || j->verdict == VERDICT_REPORTED ||
                    j->verdict == VERDICT_DEGRADED;
    if (!sent || !ordinary)
        return;
    char name[24];
    struct difference d = {.what = "signal", .how = "sent"};
    snprintf(d.detail, sizeof d.detail, "%s",
             signal_name(__builtin_ctzll(sent) + 1, name));
    snprintf(j->reason, sizeof j->reason,
             "sent %s to its parent, or to every process in reach; without the failure "
             "it does not",
             d.detail);
    if (j->n_differences == JUDGEMENT_DIFFERENCES)
        j->n_differences--, j->n_more++;
    memmove(j->differences + 1, j->differences, j->n_differences * sizeof d);
    j->differences[0] = d;
    j->n_differences++;
    j->verdict = VERDICT_DEGRADED;
    j->silent = false;
}

/* Only an ordinary end frees or leaks; what a crash leaves behind is nobody's fault. */
static void judge_leaks(struct judgement *j, const struct baseline *b,
                        const struct observation *o) {
    bool ordinary = j->verdict == VERDICT_HANDLED || j->verdict == VERDICT_REPORTED ||
                    j->verdict == VERDICT_DEGRADED;
    if (!ordinary || !o->leaks.known || !b->leaks_known || !o->leaks.n)
        return;
    struct leaked_site *left = text_alloc(o->leaks.n * sizeof *left);
    memcpy(left, o->leaks.sites, o->leaks.n * sizeof *left);
    uint32_t n = leaks_excess(b, left, o->leaks.n);
    for (uint32_t i = 0; i < n; i++) {
        j->leaked_blocks += left[i].blocks;
        j->leaked_bytes += left[i].bytes;
    }
    free(left);
    if (j->leaked_blocks && j->severity == SEVERITY_OK)
        j->severity = SEVERITY_WARNING;
}

struct judgement verdict_judge(const struct baseline *baseline,
                               const struct failed_stacks *failed,
                               const struct observation *seen,
                               const struct catalogue *catalogue) {
    struct judgement j = {0};
    j.stdout_same = baseline_stdout_same(baseline, seen, &j);
    j.files_same = baseline_files_same(baseline, seen, &j);
    ask_check(&j, seen);
    if (!seen->proof.fired) {
        j.verdict = VERDICT_UNREACHED;
        snprintf(j.reason, sizeof j.reason, "%s",
                 seen->proof.overwritten
                     ? "the program wrote over the memory it shares with "
                       "dearth: no proof is left that the call failed"
                 : seen->proof.attached ? "the fault never came up"
                                        : "the preload library did not come up");
    } else if (seen->damage.kind) {
        j.verdict = VERDICT_CORRUPTED;
        damage_describe(&seen->damage, j.reason, sizeof j.reason);
    } else if (seen->end.timed_out && !seen->served.driven) {
        j.verdict = VERDICT_HUNG;
        snprintf(j.reason, sizeof j.reason, "%s%s%s",
                 seen->end.endless ? "it would never have ended" : "past its time limit",
                 seen->end.hang ? ": " : "",
                 seen->end.hang ? hang_meaning(hang_name(seen->end.hang)) : "");
    } else {
        struct signal_end end = find_signal(baseline, seen);
        if (end.signal) {
            struct policy p;
            const struct evidence e = {baseline, failed, seen, catalogue};
            bool known = policy_find(catalogue, baseline, failed, seen, &p);
            judge_signal(&j, &e, end, known ? &p : NULL);
        }
        if (j.verdict == VERDICT_NONE && seen->served.driven)
            judge_served(&j, catalogue, baseline, seen);
        if (j.verdict == VERDICT_NONE)
            judge_ordinary(&j, catalogue, baseline, seen);
        judge_after(&j, baseline, seen);
        judge_outward(&j, baseline, seen);
    }
    if (j.verdict != VERDICT_DEGRADED) /* how it ended says it all */
        j.n_differences = j.n_more = 0;
    j.severity = verdict_severity(j.verdict);
    judge_leaks(&j, baseline, seen);
    return j;
}
