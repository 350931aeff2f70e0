/* SPDX-License-Identifier: Apache-2.0 */
/* The phrases of the table of fields: see report_phrases.h. */
#include "report_phrases.h"

#include "report_advice.h"
#include "report_data.h"
#include "report_headline.h"
#include "report_words.h"
#include "text.h"

int report_phrases_command_line(const struct report_data *data, const void *object,
                                struct text *out) {
    (void)data;
    report_words_add_argv(object, out);
    return 0;
}

int report_phrases_exclusion(const struct report_data *data, const void *object,
                             struct text *out) {
    (void)data;
    const char *exclusion = report_words_exclusion(object);
    if (exclusion)
        text_add(out, exclusion);
    return 0;
}

int report_phrases_command(const struct report_data *data, const void *object,
                           struct text *out) {
    report_words_add_command(data, object, out);
    return 0;
}

int report_phrases_headline(const struct report_data *data, const void *object,
                            struct text *out) {
    return report_headline_add(data, object, out);
}

int report_phrases_hang(const struct report_data *data, const void *object,
                        struct text *out) {
    const struct report_finding *f = object;
    (void)data;
    if (f->timed_out && f->hang)
        text_add(out, hang_meaning(f->hang));
    return 0;
}

int report_phrases_hang_call(const struct report_data *data, const void *object,
                             struct text *out) {
    const struct report_finding *f = object;
    (void)data;
    if (f->timed_out && f->hang_call)
        text_add(out, f->hang_call);
    return 0;
}

int report_phrases_went_on(const struct report_data *data, const void *object,
                           struct text *out) {
    return report_words_add_went_on(data, object, out);
}

int report_phrases_loop(const struct report_data *data, const void *object,
                        struct text *out) {
    const struct report_finding *f = object;
    AUTO_FRAMES struct frames frames = {0};
    const struct frame *loop = NULL;
    int r = f->timed_out ? report_data_loop(data, f, &frames, &loop) : 0;
    if (loop)
        frame_add(loop, out);
    return r < 0 ? r : 0;
}

int report_phrases_repro(const struct report_data *data, const void *object,
                         struct text *out) {
    report_words_add_repro(data, object, out);
    return 0;
}

int report_phrases_cause(const struct report_data *data, const void *object,
                         struct text *out) {
    (void)data;
    report_advice_add_reason(object, out);
    return 0;
}

int report_phrases_help(const struct report_data *data, const void *object,
                        struct text *out) {
    (void)data;
    report_advice_add_help(object, out);
    return 0;
}

int report_phrases_thread(const struct report_data *data, const void *object,
                          struct text *out) {
    const struct report_fault *fault = object;
    const char *phrase = thread_role_phrase(thread_role_from_name(fault->thread));
    (void)data;
    if (phrase)
        text_add(out, phrase);
    return 0;
}

int report_phrases_then(const struct report_data *data, const void *object,
                        struct text *out) {
    (void)data;
    report_words_add_then(object, out);
    return 0;
}

int report_phrases_chance(const struct report_data *data, const void *object,
                          struct text *out) {
    const struct report_fault *fault = object;
    (void)data;
    if (fault->chance)
        report_words_add_chance(fault, out);
    return 0;
}

int report_phrases_address(const struct report_data *data, const void *object,
                           struct text *out) {
    const struct report_crash *crash = object;
    (void)data;
    if (crash->has_address)
        text_addf(out, "0x%llx", (unsigned long long)crash->address);
    return 0;
}

int report_phrases_damage(const struct report_data *data, const void *object,
                          struct text *out) {
    (void)data;
    report_words_add_damage(object, out);
    return 0;
}
