/* SPDX-License-Identifier: Apache-2.0 */
/* JSON writer: see json.h. Two blanks per level. */
#include "json.h"

#include <cjson/cJSON.h>

/* Nearly every string is plain; the rest is text_add_json()'s, which looks at each character. */
static void add_string(struct text *out, const char *s) {
    size_t n = 0;
    while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
        n++;
    if (s[n]) {
        text_add_json(out, s);
        return;
    }
    text_add_n(out, "\"", 1);
    text_add_n(out, s, n);
    text_add_n(out, "\"", 1);
}

static void begin_value(struct json *json, const char *name) {
    if (json->started)
        text_add(json->out, ",");
    if (json->compact)
        ;
    else if (json->flat && json->started)
        text_add(json->out, " ");
    else if (!json->flat && json->depth)
        text_addf(json->out, "\n%*s", json->depth * 2, "");
    if (name) {
        add_string(json->out, name);
        text_add(json->out, json->compact ? ":" : ": ");
    }
    json->started = true;
}

void json_open(struct json *json, const char *name, char bracket) {
    begin_value(json, name);
    text_add_n(json->out, &bracket, 1);
    json->depth++;
    json->flat += json->flat > 0;
    json->started = false;
}

void json_open_flat(struct json *json, const char *name, char bracket) {
    json_open(json, name, bracket);
    json->flat += json->flat == 0;
}

void json_close(struct json *json, char bracket) {
    json->depth--;
    if (json->started && !json->flat && !json->compact)
        text_addf(json->out, "\n%*s", json->depth * 2, "");
    text_add_n(json->out, &bracket, 1);
    json->flat -= json->flat > 0;
    json->started = true;
}

void json_raw(struct json *json, const char *name, const char *value) {
    begin_value(json, name);
    text_add(json->out, value);
}

void json_null(struct json *json, const char *name) {
    json_raw(json, name, "null");
}

void json_bool(struct json *json, const char *name, bool value) {
    json_raw(json, name, value ? "true" : "false");
}

void json_text(struct json *json, const char *name, const char *value) {
    if (!value) {
        json_null(json, name);
        return;
    }
    begin_value(json, name);
    add_string(json->out, value);
}

void json_int(struct json *json, const char *name, int64_t value) {
    begin_value(json, name);
    text_addf(json->out, "%lld", (long long)value);
}

void json_int_or_null(struct json *json, const char *name, int64_t value) {
    if (value < 0)
        json_null(json, name);
    else
        json_int(json, name, value);
}

double json_number_of(const struct cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

const char *json_text_of(const struct cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}
