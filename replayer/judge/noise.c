/* SPDX-License-Identifier: Apache-2.0 */
/* Taking the noise out of lines: see noise.h. */
#include "noise.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "key.h"

/* --- which classes vary --- */

#define FORMS 64u

/* What a run has: sums over the tokens, so that lines which only move do not count. */
struct seen {
    uint64_t of_class[TOKEN_N_CLASSES];
    uint64_t of_form[FORMS];
    uint64_t forms; /* 1 << form: there are such durations */
    uint64_t brief; /* and one that nothing but a clock prints */
    bool now;       /* there is a time of day that is the run's own */
    bool epoch;     /* and one in seconds since 1970 */
};

/* The unit of a duration, and whether it has decimals. */
static uint32_t form_of(struct span duration) {
    char form[32];
    size_t n = 0;
    for (uint64_t i = 0; i < duration.n && n + 1 < sizeof form; i++) {
        uint8_t c = duration.data[i];
        bool decimals = c == '.' || c == ',';
        if (decimals || (!isdigit(c) && c != ' '))
            form[n++] = decimals ? '.' : (char)c;
    }
    return (uint32_t)(key_hash(form, n).lo % FORMS);
}

static void look_for_now(struct token t, uint64_t unix_ns, struct seen *seen) {
    if (!unix_ns)
        return;
    seen->now |= t.class == TOKEN_CLOCK && token_is_near(t.text, unix_ns);
    seen->epoch |= t.class == TOKEN_NUMBER && token_is_epoch(t.text, unix_ns);
}

static void add_tokens(struct span line, uint64_t unix_ns, struct seen *seen) {
    for (uint64_t at = 0; at < line.n;) {
        struct token t = token_at(line, at);
        uint64_t hash = t.class > TOKEN_NUMBER ? key_hash(t.text.data, t.text.n).lo : 0;
        seen->of_class[t.class] += hash;
        look_for_now(t, unix_ns, seen);
        if (t.class == TOKEN_DURATION) {
            uint32_t form = form_of(t.text);
            seen->of_form[form] += hash;
            seen->forms |= 1ull << form;
            seen->brief |= (uint64_t)token_is_brief(t.text) << form;
        }
        at += t.text.n;
    }
}

static void compare(struct noise *noise, const struct seen *first,
                    const struct seen *seen) {
    for (int class = 0; class < TOKEN_N_CLASSES; class ++)
        noise->varies[class] |= seen->of_class[class] != first->of_class[class];
    noise->varies[TOKEN_DURATION] |= seen->brief != 0;
    noise->varies[TOKEN_CLOCK] |= seen->now;
    noise->epoch |= seen->epoch;
    noise->constant &= ~seen->brief;
    for (uint32_t form = 0; form < FORMS; form++)
        if (seen->of_form[form] != first->of_form[form])
            noise->constant &= ~(1ull << form);
}

struct noise noise_learn(const struct catalogue *catalogue, const struct spans *runs,
                         const uint64_t *unix_ns, uint32_t n) {
    struct noise noise = {.catalogue = catalogue};
    struct seen first = {0};
    for (uint32_t i = 0; i < n; i++) {
        struct seen seen = {0};
        for (uint64_t k = 0; k < runs[i].n; k++)
            add_tokens(runs[i].items[k], unix_ns[i], &seen);
        if (i == 0) {
            first = seen;
            noise.constant = seen.forms;
            noise.unix_ns = unix_ns[0];
        }
        compare(&noise, &first, &seen);
    }
    return noise;
}

/* --- taking them out --- */

static bool is_harness_line(const struct noise *noise, struct span line) {
    if (!noise->catalogue || !line.n)
        return false;
    uint64_t n = line.n - (line.data[line.n - 1] == '\n');
    AUTO_FREE char *text = text_alloc(n + 1);
    memcpy(text, line.data, n);
    return catalogue_text(noise->catalogue, CATALOGUE_HARNESS, FIELD_LINE, text);
}

static bool is_noise(const struct noise *noise, struct token t, bool harness) {
    if (noise->any)
        return t.class > TOKEN_NUMBER ||
               (t.class == TOKEN_NUMBER && !span_is_digits(t.text));
    switch (t.class) {
    case TOKEN_DURATION:
        return harness ||
               (noise->varies[t.class] && !(noise->constant >> form_of(t.text) & 1));
    case TOKEN_CLOCK:
        return harness || noise->varies[t.class];
    case TOKEN_POINTER:
        return noise->varies[t.class];
    case TOKEN_NUMBER:
        return noise->epoch && token_is_epoch(t.text, noise->unix_ns);
    default:
        return false;
    }
}

/* Numbers that are set flush right have blanks before them, more for a short one. */
static void drop_blanks(struct text *out, uint64_t start) {
    while (out->n > start + 1 && out->data[out->n - 1] == ' ' &&
           out->data[out->n - 2] == ' ')
        out->data[--out->n] = 0;
}

static bool add_line(const struct noise *noise, struct span line, bool harness,
                     struct text *out) {
    static const char *const instead[TOKEN_N_CLASSES] = {[TOKEN_NUMBER] = "0.0",
                                                         [TOKEN_DURATION] = "0 s",
                                                         [TOKEN_CLOCK] = "00:00:00",
                                                         [TOKEN_POINTER] = "0x0"};
    uint64_t start = out->n;
    bool masked = false;
    for (uint64_t at = 0; at < line.n;) {
        struct token t = token_at(line, at);
        at += t.text.n;
        if (!is_noise(noise, t, harness)) {
            text_add_n(out, (const char *)t.text.data, t.text.n);
            continue;
        }
        drop_blanks(out, start);
        text_add(out, instead[t.class]);
        masked = true;
    }
    return masked;
}

static void place(struct spans *lines, const struct text *store) {
    for (uint64_t i = 0; i < lines->n; i++)
        lines->items[i].data =
            (const uint8_t *)store->data + (uintptr_t)lines->items[i].data;
}

struct noise_lines noise_lines(const struct noise *noise, const struct spans *lines) {
    struct noise_lines out = {.own_numbers =
                                  text_alloc((lines->n + 1) * sizeof *out.own_numbers)};
    for (uint64_t i = 0; i < lines->n; i++) {
        bool harness = is_harness_line(noise, lines->items[i]);
        uint64_t start = out.store.n;
        out.masked += add_line(noise, lines->items[i], harness, &out.store);
        if (!harness)
            out.own_numbers[out.own.n] = i + 1;
        span_push(harness ? &out.harness : &out.own, (const uint8_t *)(uintptr_t)start,
                  out.store.n - start);
    }
    place(&out.own, &out.store);
    place(&out.harness, &out.store);
    return out;
}

void noise_lines_deinit(struct noise_lines *lines) {
    free(lines->own.items);
    free(lines->harness.items);
    free(lines->own_numbers);
    text_deinit(&lines->store);
    *lines = (struct noise_lines){0};
}

static bool has_noise(const struct noise *noise, struct span line) {
    for (uint64_t at = 0; at < line.n;) {
        struct token t = token_at(line, at);
        if (is_noise(noise, t, false))
            return true;
        at += t.text.n;
    }
    return false;
}

bool noise_is_in(const struct noise *noise, const struct spans *lines) {
    for (uint64_t i = 0; i < lines->n; i++)
        if (has_noise(noise, lines->items[i]) || is_harness_line(noise, lines->items[i]))
            return true;
    return false;
}
