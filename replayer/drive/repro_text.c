/* SPDX-License-Identifier: Apache-2.0 */
/* See repro_text.h. */
#include "repro_text.h"

#include <stdio.h>

#include "conditions.h"
#include "error.h"
#include "isolation.h"
#include "output.h"
#include "repro_case.h"
#include "repro_names.h"
#include "text.h"

/* "malloc in f (f.c:3) fails, call 1 of site K, and ..." */
static void add_fault(const struct repro_case *e, struct text *t) {
    char key[DEARTH_KEY_HEX + 1];
    text_key(e->order.site, key);
    text_say(t, "%s in %s fails, call %llu of site %s", e->op, e->location,
             (unsigned long long)e->order.occurrence, key);
    if (e->order.thread != THREAD_ANY)
        text_addf(t, " %s", thread_role_phrase(e->order.thread));
    if (e->order.mode == MODE_CHANCE)
        text_addf(t,
                  ", as the last of what fails by chance (dearth replay --probability %g "
                  "--seed %llu)",
                  e->order.chance.probability, (unsigned long long)e->order.chance.seed);
    if (e->order.call)
        text_addf(t, ", call %llu of the run", (unsigned long long)e->order.call);
    if (e->order.mode == MODE_STICKY)
        text_say(t, ", and every allocation after it%s", e->scope_shown);
    else if (e->order.mode == MODE_BURST)
        text_say(t, ", and the %u allocations after it%s", e->order.burst - 1,
                 e->scope_shown);
    if (!e->order.second_site_id)
        return;
    text_key(e->order.second_site, key);
    text_say(t, ", then %s in %s, call %llu of site %s after that", e->second_op,
             e->second_location, (unsigned long long)e->order.second_occurrence, key);
}

void repro_text_fault(const struct repro_case *e) {
    AUTO_TEXT struct text t = {0};
    add_fault(e, &t);
    error_tell("finding %lld, %s%s%s: %s%s", (long long)e->finding_id, e->verdict,
               e->test ? ", test " : "", e->test ? e->test : "", t.data,
               e->order.under == UNDER_GUARDED ? "; with guarded blocks" : "");
}

static void add_comment(struct text *t, const char *what, const char *command) {
    if (!command)
        return;
    text_addf(t, "# %s: sh -c ", what);
    text_add_shell_shown(t, command);
    text_add(t, "\n");
}

static void print_sweep(const struct repro_case *e, struct text *t) {
    add_comment(t, "It serves when this ends with 0", e->health);
    add_comment(t, "It is driven by", e->drive);
    text_addf(t, "# The failure can come up %s; it is driven %u more times without.\n",
              e->order.at_start ? "from its start until it serves"
                                : "while it is driven, not at its start",
              e->drive ? e->order.rounds : 0);
}

static void add_isolation(const struct repro_case *e, struct text *t) {
    if (e->isolation == ISOLATION_COPY || e->isolation == ISOLATION_SHARED)
        text_addf(t, " --isolation %s", isolation_name(e->isolation));
    text_add(t, "\n");
}

void repro_text_command(const struct repro_case *e, const struct conditions *c,
                        const char *path) {
    AUTO_TEXT struct text t = {0};
    if (e->test)
        text_say(&t, "# The test: %s\n", e->test);
    text_addf(&t, "# The recorded command, without the fault:\n(cd ");
    text_add_shell_shown(&t, c->cwd);
    text_add(&t, " && exec");
    for (char **a = c->argv; *a; a++) {
        text_add(&t, " ");
        text_add_shell_shown(&t, *a);
    }
    text_add(&t, c->stdin_path && !c->stdin_is_ours ? " <" : " </dev/null");
    if (c->stdin_path && !c->stdin_is_ours)
        text_add_shell_shown(&t, c->stdin_path);
    if (c->stdin_is_ours)
        text_addf(&t, " # recorded with a %s as its standard input",
                  c->stdin_is_pipe ? "pipe" : "file");
    text_add(&t, ")\n# The fault: ");
    add_fault(e, &t);
    text_addf(&t, "; mode %s.\n", fault_mode_name(e->order.mode));
    if (e->sweep)
        print_sweep(e, &t);
    text_addf(&t, "# With the fault%s:\ndearth repro ",
              e->sweep ? "" : "; and stopped at the failing call");
    text_add_shell_shown(&t, path);
    text_addf(&t, " %lld", (long long)e->finding_id);
    add_isolation(e, &t);
    if (!e->sweep) {
        text_add(&t, "dearth repro --gdb ");
        text_add_shell_shown(&t, path);
        text_addf(&t, " %lld", (long long)e->finding_id);
        add_isolation(e, &t);
    }
    fputs(t.data, stdout);
}

int repro_text_output(const struct observation *seen) {
    fwrite(seen->output.stdout_data, 1, seen->output.stdout_kept, stdout);
    int r = output_flush();
    if (seen->output.stderr_bytes > seen->output.stderr_tail_n)
        error_tell("the last %llu bytes of its stderr:",
                   (unsigned long long)seen->output.stderr_tail_n);
    fwrite(seen->output.stderr_tail, 1, seen->output.stderr_tail_n, stderr);
    if (seen->output.stderr_tail_n &&
        seen->output.stderr_tail[seen->output.stderr_tail_n - 1] != '\n')
        fputc('\n', stderr);
    return r;
}

void repro_text_end(const struct observation *seen) {
    char name[24];
    if (seen->served.driven && seen->served.unhealthy)
        error_tell("it lived but did not serve, and was stopped");
    else if (seen->served.driven && seen->served.outlived)
        error_tell("it lives; %s status %d",
                   seen->served.loop ? "its loop goes on,"
                                     : "the drive command ended with",
                   seen->end.exit_code);
    else if (seen->end.timed_out)
        error_tell("it was stopped: %s", seen->end.endless ? "it would never have ended"
                                                           : "past its time limit");
    else if (seen->end.exit_signal)
        error_tell("it was killed by %s", signal_name(seen->end.exit_signal, name));
    else
        error_tell("it ended with status %d", seen->end.exit_code);
    AUTO_TEXT struct text t = {0};
    const uint32_t most = 12;
    if (seen->crash.signal && seen->crash.n_frames)
        text_say(&t, "dearth: %s at\n", signal_name(seen->crash.signal, name));
    else if (seen->crash.n_frames)
        text_add(&t, "dearth: it was at\n");
    repro_names_add(seen->crash.frames,
                    seen->crash.n_frames < most ? seen->crash.n_frames : most, &t);
    if (seen->crash.n_frames > most)
        text_addf(&t, "    ... %u more\n", seen->crash.n_frames - most);
    if (t.n)
        fputs(t.data, stderr);
}
