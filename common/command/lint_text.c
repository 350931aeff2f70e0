/* SPDX-License-Identifier: Apache-2.0 */
/* What `dearth lint` prints: see lint_private.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "json.h"
#include "lint_private.h"
#include "short_name.h"
#include "text.h"

/* Below the working folder a path is as the compiler would show it. */
static const char *shown(const char *file, const char *cwd) {
    size_t n = cwd ? strlen(cwd) : 0;
    return n && strncmp(file, cwd, n) == 0 && file[n] == '/' ? file + n + 1 : file;
}

static void add_call(const struct lint_call *call, const char *cwd, struct text *out) {
    if (call->file && call->line)
        text_say(out, "%s:%u", shown(call->file, cwd), call->line);
    else if (call->function)
        short_name_add(call->function, out);
    else
        text_say(out, "%s+0x%llx", text_basename(call->module),
                 (unsigned long long)call->offset);
    if (call->file && call->line && call->column)
        text_addf(out, ":%u", call->column);
    text_say(out, " via %s\n", call->via);
}

static void tell_counts(const struct lint *lint) {
    uint32_t itself = lint_count(lint, RUST_CALL_ITSELF),
             unknown = lint_count(lint, RUST_CALL_UNKNOWN),
             foreign = lint_count(lint, RUST_CALL_FOREIGN);
    error_info("%u infallible, %u fallible", lint_count(lint, RUST_CALL_INFALLIBLE),
               lint_count(lint, RUST_CALL_FALLIBLE));
    if (itself)
        error_info(
            "%u ask the allocator itself, and get a null pointer: what they do then, "
            "'dearth check' shows",
            itself);
    if (foreign)
        error_info("%u are made by code that is not Rust's: 'dearth check' shows what "
                   "comes of them",
                   foreign);
    if (unknown)
        error_tell(
            "%u could not be told from try_reserve() and its kin: build with debug "
            "information (debug = 1), or fail them with 'dearth replay'",
            unknown);
}

void lint_text(const struct lint *lint) {
    AUTO_FREE char *cwd = getcwd(NULL, 0);
    AUTO_TEXT struct text out = {0};
    for (uint32_t i = 0; i < lint->n_calls; i++)
        if (lint->calls[i].judged == RUST_CALL_INFALLIBLE)
            add_call(&lint->calls[i], cwd, &out);
    fputs(out.n ? out.data : "", stdout);
    fflush(stdout);
    out.n = 0;
    for (uint32_t i = 0; i < lint->n_calls; i++)
        if (lint->calls[i].judged == RUST_CALL_UNKNOWN) {
            text_add(&out, "perhaps ");
            add_call(&lint->calls[i], cwd, &out);
        }
    fputs(out.n ? out.data : "", stderr);
    tell_counts(lint);
}

static const char *judged_name(enum rust_call judged) {
    static const char *const names[] = {
        [RUST_CALL_FOREIGN] = "foreign",   [RUST_CALL_INFALLIBLE] = "infallible",
        [RUST_CALL_FALLIBLE] = "fallible", [RUST_CALL_ITSELF] = "allocator",
        [RUST_CALL_UNKNOWN] = "unknown",
    };
    return names[judged];
}

static void add_json(struct json *j, const struct lint_call *call) {
    json_open(j, NULL, '{');
    json_text(j, "judged", judged_name(call->judged));
    json_bool(j, "proven", call->proven);
    json_text(j, "file", call->file);
    json_int_or_null(j, "line", call->line ? (int64_t)call->line : -1);
    json_int_or_null(j, "column", call->column ? (int64_t)call->column : -1);
    json_text(j, "via", call->via);
    json_text(j, "function", call->function);
    json_text(j, "module", call->module);
    json_int(j, "calls", (int64_t)call->calls);
    json_int(j, "largest", (int64_t)call->largest);
    json_open_flat(j, "sites", '[');
    for (uint32_t i = 0; i < call->n_sites; i++)
        json_text(j, NULL, call->sites[i]);
    json_close(j, ']');
    json_close(j, '}');
}

void lint_text_json(const struct lint *lint) {
    AUTO_TEXT struct text out = {0};
    struct json j = {.out = &out};
    json_open(&j, NULL, '{');
    json_text(&j, "format", "dearth-lint");
    json_int(&j, "version", 1);
    json_text(&j, "tree", lint->tree);
    json_open(&j, "calls", '[');
    for (uint32_t i = 0; i < lint->n_calls; i++)
        add_json(&j, &lint->calls[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    puts(out.data);
}
