/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: a growing string, numbers for people, escaping, globs. Allocation failure in here
 * ends dearth with a message (text_oom): these run outside the target, in short commands,
 * and every result that counts is already committed to the database.
 */
#ifndef DEARTH_TEXT_H
#define DEARTH_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"

/* Growing string; zero is valid and empty. `data` is NUL-terminated once anything was
 * added. */
struct text {
    char *data;
    size_t n, capacity;
};

void text_deinit(struct text *t); /* twice is safe */
void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t n);
void text_addf(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** Append @v as a varint: seven bits a byte, the lowest first, the eighth set where more follow. */
void text_add_varint(struct text *t, uint64_t v);
/** Return: the string (never NULL), owned by the caller (free()); @t is empty afterwards. */
char *text_take(struct text *t);

/** Append @s as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD; what
 * text_add_name() would escape is escaped as JSON does it. */
void text_add_json(struct text *t, const char *s);
/** Append @s (@n bytes) with & < > " ' escaped for HTML text and attributes. */
void text_add_html(struct text *t, const char *s, size_t n);
/** Append @s quoted for a POSIX shell (no quotes where none are needed). */
void text_add_shell(struct text *t, const char *s);
/** The same for people to read and copy: what text_add_name() would escape is written as
 * bash, zsh and ksh take it, $'\x1b'. */
void text_add_shell_shown(struct text *t, const char *s);
/** Copy of @s with every invalid UTF-8 sequence and NUL replaced by U+FFFD; free() it. */
char *text_utf8(const char *s, size_t n);

/*
 * What leaves for people (a terminal, a log, Markdown) and came from elsewhere - a program, a
 * database, a file's name - is somebody's name: it must neither steer a terminal nor forge a line
 * nor show its characters in another order than they have. Escaped are C0 and C1 controls, DEL, line
 * and paragraph separators, what sets the direction of writing, and what is not seen at all: \n,
 * \x1b, \u202e. Bytes that are not UTF-8 become U+FFFD. Source: Unicode TR 36, section 2.6, and TR 9,
 * section 2. Formats with a way of their own to write such characters (JSON, CSV) keep them.
 */
/** Append @s (NULL: "?") so that it stays on its line, as itself. */
void text_add_name(struct text *t, const char *s);
/** text_addf() for people: what %s brings in is a name. Conversions of printf(3) but %n and
 * positions. */
void text_say(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** vsnprintf() for people, as text_say(). Allocates nothing. Return: as vsnprintf(). */
int text_vsay(char *buf, size_t size, const char *format, va_list args);
/** Escape in @t from @start on as text_add_name() does, but for newlines: for text of several
 * lines that somebody else laid out. */
void text_disarm(struct text *t, size_t start);

/** "1.5 MiB", "312 B" into @buf; returns @buf. */
const char *text_bytes(uint64_t bytes, char buf[static 16]);
/** "1.2 s", "35 ms", "2 min 03 s" into @buf; returns @buf. */
const char *text_duration(uint64_t ns, char buf[static 24]);
/** How long something may still take, "less than 1 s", "12 s", "3 min", "1 h 20 min", into @buf; returns
 * @buf. */
const char *text_left(uint64_t ns, char buf[static 24]);
/** "1,234,567" into @buf; returns @buf. */
const char *text_count(uint64_t n, char buf[static 32]);

/** Parse "64K", "1.5M", "2GiB", "100" to bytes. Return: 0, or -EINVAL. */
int text_parse_bytes(const char *s, uint64_t *out);
/** Parse "30s", "5m", "1h", "250ms", "1.5" (seconds) to ns. Return: 0, or -EINVAL. */
int text_parse_duration(const char *s, uint64_t *out_ns);

/** fnmatch-like: `*` any run (also of '/'), `?` one character, `[a-z]`; whole string. */
bool text_glob(const char *pattern, const char *s);

/** Hex of a key (32 digits + NUL), hi first. */
void text_key(struct dearth_key key, char out[static DEARTH_KEY_HEX + 1]);
/** Parse 32 hex digits. Return: 0, or -EINVAL. */
int text_parse_key(const char *s, struct dearth_key *out);
/** 16-byte blob as stored (hi, lo, big-endian) from a key, and back. */
void text_key_to_blob(struct dearth_key key, uint8_t out[static 16]);
struct dearth_key text_key_from_blob(const uint8_t in[static 16]);

/** malloc and friends that end dearth with a message instead of returning NULL. */
/** Say so and end dearth, with error_failed_status(): for callbacks that cannot return an error. */
void text_out_of_memory(void) __attribute__((noreturn));
void *text_alloc(size_t n); /* zeroed */
void *text_realloc(void *p, size_t n);
/** Make room for one more in an array of @n items of @size bytes that nothing but this has grown, or
 *  NULL and 0: it doubles. Return: the array; the new item is as it comes. */
void *text_grow(void *array, size_t n, size_t size);
/** Make [0, @index] of a growing array of @n items of @size bytes valid, what is new zero. Return:
 *  the array. */
void *text_reach(void *array, uint32_t *n, uint32_t index, size_t size);
char *text_dup(const char *s); /* NULL gives NULL */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Cleanup attributes: let the declaration own the memory. */
static inline void text_free_pointer(void *p) {
    __builtin_free(*(void **)p);
}
#define AUTO_FREE __attribute__((cleanup(text_free_pointer)))
#define AUTO_TEXT __attribute__((cleanup(text_deinit)))

/** Last component of a path (never NULL for a non-NULL @path). */
const char *text_basename(const char *path);

#endif
