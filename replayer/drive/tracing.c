/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without ptrace a verdict has no place: the status says that it crashed, nothing says where. Findings are
 * then told apart by the failed call alone, which is said to the user, in the report and by the gate.
 */
#include "tracing.h"

#include "error.h"
#include "replay_private.h"
#include "text.h"

static int say(struct replay *r, const char *why, bool aloud) {
    AUTO_FREE char *text = text_format(
        "attempts are not traced: %s. Where a program crashes, aborts or hangs is not "
        "seen, nor a crash that its own handler turns into another end; such findings are "
        "told apart by the failed call alone, and a baseline knows them by that",
        why);
    if (aloud)
        error_warn("%s", text);
    return ledger_note(r->ledger, "not_traced", NULL, text);
}

int tracing_take(struct replay *r, const struct observation *seen) {
    if (!seen->end.trace_refused || !r->traced)
        return 0;
    r->traced = false;
    int err = ledger_set_traced(r->ledger, false);
    return err < 0 ? err
                   : say(r,
                         "the kernel refuses ptrace here (a container's or service's "
                         "seccomp filter, or kernel.yama.ptrace_scope=3)",
                         true);
}

int tracing_left_out(struct replay *r, const char *why) {
    return say(r, why, false);
}
