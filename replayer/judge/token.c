/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, durations, clocks and pointers in a line: see token.h. */
#include "token.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A line, and how far it is read. */
struct reading {
    const uint8_t *data;
    uint64_t n, at;
};

static int peek(const struct reading *r, uint64_t ahead) {
    return r->at + ahead < r->n ? r->data[r->at + ahead] : 0;
}

static uint64_t digits(const struct reading *r, uint64_t ahead) {
    uint64_t n = 0;
    while (isdigit(peek(r, ahead + n)))
        n++;
    return n;
}

static bool is_end_of_word(const struct reading *r) {
    return r->at >= r->n || !span_is_word(r->data[r->at]);
}

/* --- pointers --- */

#define POINTER_DIGITS 5u /* 0x1f is a flag, not an address */

static bool read_pointer(struct reading *r) {
    uint64_t n = 2;
    if (peek(r, 0) != '0' || (peek(r, 1) | 0x20) != 'x')
        return false;
    while (isxdigit(peek(r, n)))
        n++;
    if (n < 2 + POINTER_DIGITS)
        return false;
    r->at += n;
    return is_end_of_word(r);
}

/* --- clocks --- */

static bool is_fraction(const struct reading *r) {
    return (peek(r, 0) == '.' || peek(r, 0) == ',') && isdigit(peek(r, 1));
}

static bool read_date(struct reading *r) {
    int mark = peek(r, 4);
    if (digits(r, 0) != 4 || (mark != '-' && mark != '/') || digits(r, 5) != 2 ||
        peek(r, 7) != mark || digits(r, 8) != 2)
        return false;
    r->at += 10;
    return true;
}

static void read_zone(struct reading *r) {
    if (peek(r, 0) == 'Z')
        r->at++;
    else if ((peek(r, 0) == '+' || peek(r, 0) == '-') && digits(r, 1) == 4)
        r->at += 5;
    else if ((peek(r, 0) == '+' || peek(r, 0) == '-') && digits(r, 1) == 2 &&
             peek(r, 3) == ':' && digits(r, 4) == 2)
        r->at += 6;
}

/* 16:59:37, 16:59:37.5, 1:02.34 */
static bool read_time(struct reading *r) {
    uint64_t first = digits(r, 0);
    if (first < 1 || first > 3 || peek(r, first) != ':' || digits(r, first + 1) != 2)
        return false;
    r->at += first + 3;
    bool seconds = peek(r, 0) == ':' && digits(r, 1) == 2, fraction;
    if (seconds)
        r->at += 3;
    fraction = is_fraction(r);
    if (fraction)
        r->at += 1 + digits(r, 1);
    return seconds || fraction;
}

static bool read_clock(struct reading *r) {
    struct reading date = *r, time;
    bool dated = read_date(&date);
    time = dated ? date : *r;
    if (dated &&
        (peek(&time, 0) == 'T' || peek(&time, 0) == ' ' || peek(&time, 0) == '_'))
        time.at++;
    if (read_time(&time))
        read_zone(&time);
    else if (dated)
        time = date;
    else
        return false;
    *r = time;
    return is_end_of_word(r);
}

bool token_is_calendar(struct span w) {
    static const char names[] =
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun ";
    char wanted[5];
    if (w.n < 3 || w.n > 9 || !isalpha(w.data[0]))
        return false;
    memcpy(wanted, w.data, 3);
    wanted[3] = ' ';
    wanted[4] = 0;
    return strstr(names, wanted) != NULL;
}

static struct span word_at(const struct reading *r) {
    uint64_t n = 0;
    while (r->at + n < r->n && span_is_word(r->data[r->at + n]))
        n++;
    return (struct span){r->data + r->at, n};
}

static bool is_zone(struct span word) {
    for (uint64_t i = 0; i < word.n; i++)
        if (!isupper(word.data[i]))
            return false;
    return word.n >= 2 && word.n <= 5;
}

/* A day, a month, their numbers and a time of day, in any order. */
static bool read_calendar(struct reading *r) {
    bool named = false, timed = false;
    struct reading next = *r;
    for (;;) {
        struct span word = word_at(&next);
        struct reading time = next;
        bool numeral = span_is_digits(word) && word.n <= 4;
        if (read_time(&time)) {
            next = time;
            read_zone(&next);
            timed = true;
        } else if (word.n &&
                   (numeral || token_is_calendar(word) || (timed && is_zone(word)))) {
            named |= token_is_calendar(word);
            next.at += word.n;
        } else {
            break;
        }
        *r = next;
        next.at += peek(&next, 0) == ',';
        if (peek(&next, 0) != ' ')
            break;
        while (peek(&next, 0) == ' ')
            next.at++;
    }
    return named && timed && is_end_of_word(r);
}

/* --- numbers and durations --- */

static void read_number(struct reading *r) {
    r->at += digits(r, 0);
    if (is_fraction(r)) {
        uint64_t n = digits(r, 1);
        if (peek(r, n + 1) != '.' || !isdigit(peek(r, n + 2))) /* 1.2.3 is a version */
            r->at += 1 + n;
    }
    int sign = peek(r, 1) == '-' || peek(r, 1) == '+';
    if ((peek(r, 0) | 0x20) == 'e' && digits(r, 1 + (uint64_t)sign))
        r->at += 1 + (uint64_t)sign + digits(r, 1 + (uint64_t)sign);
}

/* Return: bytes of the unit of time that comes next, 0 = none. @followed: by digits, perhaps */
static uint64_t unit(const struct reading *r, bool followed) {
    static const char *const names[] = {
        "ns",      "us",      "\xc2\xb5s",    "\xce\xbcs",    "ms",         "s",
        "sec",     "secs",    "second",       "min",          "mins",       "minute",
        "minutes", "seconds", "hrs",          "hr",           "hours",      "hour",
        "day",     "days",    "nsec",         "usec",         "msec",       "nsecs",
        "usecs",   "msecs",   "milliseconds", "microseconds", "nanoseconds"};
    uint64_t n = 0;
    while (r->at + n < r->n && (isalpha(peek(r, n)) || peek(r, n) >= 0x80))
        n++;
    if (n == 0 || (isdigit(peek(r, n)) && !followed) || peek(r, n) == '_')
        return 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n &&
            strncasecmp((const char *)r->data + r->at, names[i], n) == 0)
            return n;
    return 0;
}

/* The part of a longer one: "1m" of "1m2.3s", "2h" of "2h 5min". */
static uint64_t larger_unit(const struct reading *r) {
    int u = peek(r, 0);
    uint64_t n = u == 'm' || u == 'h' || u == 'd' ? 1 : unit(r, true);
    uint64_t blank = peek(r, n) == ' ';
    return n && isdigit(peek(r, n + blank)) ? n + blank : 0;
}

static bool read_duration(struct reading *r) {
    for (;;) {
        struct reading number = *r;
        read_number(&number);
        if (number.at == r->at)
            return false;
        struct reading named = number, more;
        uint64_t n = unit(&named, false);
        if (!n && peek(&named, 0) == ' ') {
            named.at++;
            n = unit(&named, false);
        }
        named.at += n;
        more = number;
        uint64_t larger = larger_unit(&more);
        more.at += larger;
        if (n && is_end_of_word(&named)) {
            *r = named;
            more = named;
            more.at += peek(&more, 0) == ' ';
            struct reading rest = more;
            if (!isdigit(peek(&rest, 0)) || !read_duration(&rest))
                return true;
            *r = rest;
            return true;
        }
        if (!larger)
            return false;
        *r = more;
    }
}

/* "real 0.003", "time=\"0.01\"", "Elapsed: 1,5": a decimal number behind a word for time. */
static bool is_labelled(struct span line, uint64_t at) {
    static const char *const labels[] = {"real", "user", "sys",      "time", "elapsed",
                                         "took", "wall", "duration", "cpu",  "seconds"};
    while (at && strchr(" \t:=\"'(", line.data[at - 1]) && line.data[at - 1])
        at--;
    uint64_t end = at;
    while (at && isalpha(line.data[at - 1]))
        at--;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strlen(labels[i]) == end - at &&
            strncasecmp((const char *)line.data + at, labels[i], end - at) == 0)
            return true;
    return false;
}

static struct token make(struct span line, uint64_t from, enum token_class class,
                         uint64_t to) {
    return (struct token){class, {line.data + from, to - from}};
}

static bool has_decimals(const struct reading *r, uint64_t from) {
    for (uint64_t i = from; i < r->at; i++)
        if (r->data[i] == '.' || r->data[i] == ',')
            return true;
    return false;
}

/* --- tokens --- */

/* Is there a digit at @at with which a number begins, or the name of a day or month? */
static bool is_start(struct span line, uint64_t at) {
    const struct reading r = {line.data, line.n, at};
    if (isupper(line.data[at]) && (!at || !span_is_word(line.data[at - 1])))
        return token_is_calendar(word_at(&r));
    if (!isdigit(line.data[at]))
        return false;
    if (at && span_is_word(line.data[at - 1]))
        return false;
    return at < 2 || line.data[at - 1] != '.' || !isdigit(line.data[at - 2]);
}

struct token token_at(struct span line, uint64_t at) {
    const struct reading begin = {line.data, line.n, at};
    struct reading r = begin;
    if (!is_start(line, at)) {
        for (r.at++; r.at < line.n && !is_start(line, r.at);)
            r.at++;
        return make(line, at, TOKEN_TEXT, r.at);
    }
    if (read_calendar(&r))
        return make(line, at, TOKEN_CLOCK, r.at);
    if (isupper(line.data[at]))
        return make(line, at, TOKEN_TEXT, at + 3);
    r = begin;
    if (read_pointer(&r))
        return make(line, at, TOKEN_POINTER, r.at);
    r = begin;
    if (read_clock(&r))
        return make(line, at, TOKEN_CLOCK, r.at);
    r = begin;
    if (read_duration(&r))
        return make(line, at, TOKEN_DURATION, r.at);
    r = begin;
    read_number(&r);
    bool timed = is_end_of_word(&r) && has_decimals(&r, at) && is_labelled(line, at);
    return make(line, at, timed ? TOKEN_DURATION : TOKEN_NUMBER, r.at);
}

bool token_is_brief(struct span duration) {
    const struct reading all = {duration.data, duration.n, 0};
    struct reading first = all;
    read_number(&first);
    bool nought = true;
    for (uint64_t i = 0; i < duration.n; i++)
        nought &= duration.data[i] == '0' || !isdigit(duration.data[i]);
    return nought || (duration.data[0] == '0' && has_decimals(&first, 0));
}

#define NS_PER_SECOND   1000000000u
#define QUARTER_SECONDS 900u
#define BEFORE_SECONDS  2u     /* a time that the program took a little earlier */
#define AFTER_SECONDS   10u    /* the program ran so long until then */
#define LATER_SECONDS   86400u /* an attempt, after the runs without a fault */

/* The last h:m:s in it. Return: seconds, or -1. */
static int64_t time_of_day(struct span clock) {
    struct reading r = {clock.data, clock.n, 0};
    int64_t found = -1;
    for (; r.at < r.n; r.at++) {
        uint64_t hour = digits(&r, 0), at = hour + 1;
        bool whole = (hour == 1 || hour == 2) && peek(&r, hour) == ':' &&
                     digits(&r, at) == 2 && peek(&r, at + 2) == ':' &&
                     digits(&r, at + 3) == 2;
        if (whole)
            found = ((peek(&r, at) - '0') * 10 + peek(&r, at + 1) - '0') * 60 +
                    (peek(&r, at + 3) - '0') * 10 + peek(&r, at + 4) - '0';
        r.at += hour;
    }
    return found;
}

bool token_is_near(struct span clock, uint64_t unix_ns) {
    int64_t time = time_of_day(clock); /* of its hour */
    uint64_t begin = (unix_ns / NS_PER_SECOND - BEFORE_SECONDS) % QUARTER_SECONDS;
    return time >= 0 && ((uint64_t)time % QUARTER_SECONDS + QUARTER_SECONDS - begin) %
                                QUARTER_SECONDS <=
                            BEFORE_SECONDS + AFTER_SECONDS;
}

bool token_is_epoch(struct span number, uint64_t unix_ns) {
    enum { EPOCH_DIGITS = 10, MOST_DIGITS = 19 };
    const struct reading r = {number.data, number.n, 0};
    uint64_t n = digits(&r, 0), value = 0, now = unix_ns / NS_PER_SECOND;
    if (n < EPOCH_DIGITS || n > MOST_DIGITS || (n - EPOCH_DIGITS) % 3 != 0)
        return false;
    for (int i = 0; i < EPOCH_DIGITS; i++)
        value = value * 10 + (uint64_t)(number.data[i] - '0');
    return value + BEFORE_SECONDS >= now && value <= now + LATER_SECONDS;
}
