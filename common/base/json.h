/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON: straight into a text, so that a report of 100,000 sites needs no tree in
 * memory and 64-bit numbers keep every digit. Reading is cJSON's.
 *
 * Context: json_open/json_close nest; inside an object every value has a name, elsewhere
 * NULL.
 */
#ifndef DEARTH_JSON_H
#define DEARTH_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

struct json {
    struct text *out; /* not owned */
    int depth;
    int flat;     /* > 0: inside something that is written on one line */
    bool started; /* the innermost object or list has a member */
    bool compact; /* no line breaks or blanks at all */
};

/** @bracket: '{' or '['. */
void json_open(struct json *json, const char *name, char bracket);
/** The same, written on one line with all that is in it. */
void json_open_flat(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket); /* '}' or ']' */

/** A string; NULL gives null. Invalid UTF-8 becomes U+FFFD. */
void json_text(struct json *json, const char *name, const char *value);
void json_int(struct json *json, const char *name, int64_t value);
/** @value < 0 gives null. */
void json_int_or_null(struct json *json, const char *name, int64_t value);
void json_bool(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);
/** @value is JSON already (a checked literal or the database's own). */
void json_raw(struct json *json, const char *name, const char *value);

/* --- reading: a member of a parsed object --- */

struct cJSON;

/** Return: the number, 0 when there is none of that name. */
double json_number_of(const struct cJSON *object, const char *name);
/** Return: the string, the object's, "" when there is none of that name. */
const char *json_text_of(const struct cJSON *object, const char *name);

#endif
