/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons and remedies: see report_advice.h. Only what the evidence shows is said. */
#include "report_advice.h"

#include <signal.h>

#include "report_words.h"
#include "text.h"

#define NEAR_NULL 65536u /* bytes from NULL that a field or an item may lie */

bool report_advice_is_near_null(const struct report_finding *f) {
    return f->crash.signal == SIGSEGV && f->crash.has_address &&
           (uint64_t)f->crash.address < NEAR_NULL;
}

static bool add_crash(const struct report_finding *f, struct text *out) {
    if (f->crash.signal == SIGSEGV && f->crash.cause) /* such a signal has no other */
        text_add(out,
                 "the stack is used up: what answers the failure calls itself, or takes "
                 "more of it than there is");
    else if (report_advice_is_near_null(f))
        text_say(out,
                 "a pointer that the failure left NULL is used (address 0x%llx is NULL "
                 "or close to it)",
                 (unsigned long long)f->crash.address);
    else if (f->crash.signal == SIGSEGV || f->crash.signal == SIGBUS)
        text_add(out, "memory is used that is not the program's: what the failure left "
                      "unset or half made");
    else
        return false;
    return true;
}

bool report_advice_add_reason(const struct report_finding *f, struct text *out) {
    if (f->n_leaks) {
        text_add(out, "what was there when the allocation failed is not freed on the way "
                      "out");
        return true;
    }
    switch (f->verdict) {
    case VERDICT_CRASHED:
        return add_crash(f, out);
    case VERDICT_CORRUPTED:
        text_add(out, "the way out of the failure frees what is not to be freed, or "
                      "writes past what it has");
        return true;
    case VERDICT_HUNG:
        text_add(out, "the program waits or loops for what the failed allocation was "
                      "for");
        return true;
    case VERDICT_DEGRADED:
        text_say(out, "the failure is passed over: %s",
                 f->silent ? "neither the status nor standard error says that the "
                             "result is another one"
                           : "the status says that all went well");
        return true;
    default:
        return false;
    }
}

bool report_advice_add_help(const struct report_finding *f, struct text *out) {
    if (f->n_leaks) {
        text_add(out, "free it where the failure is passed on");
        return true;
    }
    switch (f->verdict) {
    case VERDICT_CRASHED:
        if (!report_advice_is_near_null(f))
            return false;
        text_add(out, "check what comes from ");
        report_words_add_location(f->fault.location, out);
        text_add(out, " before it is used, and pass the failure on");
        return true;
    case VERDICT_CORRUPTED:
        text_add(out, "have each block freed by one owner, and pointers to it cleared");
        return true;
    case VERDICT_HUNG:
        text_add(out, "give up, or release what others wait for, when the allocation "
                      "fails");
        return true;
    case VERDICT_DEGRADED:
        text_add(out, "end with another status than 0, and say on standard error what "
                      "is missing");
        return true;
    default:
        return false;
    }
}
