/* SPDX-License-Identifier: Apache-2.0 */
/* Short names: see short_name.h. viewer/page/page.js does the same. */
#include "short_name.h"

#include <ctype.h>
#include <string.h>

#include "short_path.h"

#define LEFT_OUT  "\xe2\x80\xb9\xe2\x80\xa6\xe2\x80\xba" /* ‹…› */
#define DOTS      "\xe2\x80\xa6"                         /* … */
#define BRIEF     12 /* bytes of arguments that are shown: <int>, <char const*> */
#define MOST_DEEP 32 /* groups within each other that are looked into */

bool short_name_whole;

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* Length of "operator<<", "operator()" at @p, which begins a word; 0 = it is none. */
static size_t operator_at(const char *p) {
    static const char word[] = "operator";
    size_t n = sizeof word - 1;
    if (strncmp(p, word, n) != 0 || is_word(p[n]))
        return 0;
    if (strncmp(p + n, "()", 2) == 0 || strncmp(p + n, "[]", 2) == 0)
        return n + 2;
    return n + strspn(p + n, "<>=!+-*/%^&|~,");
}

/* Behind the bracket that closes the one at @p, or NULL. '<' within parentheses compares. */
static const char *group_end(const char *p) {
    int angles = 0, round = 0;
    for (; *p; p++) {
        round += (*p == '(') - (*p == ')');
        if (round)
            continue;
        angles += (*p == '<') - (*p == '>' && p[-1] != '-');
        if (!angles)
            return p + 1;
    }
    return NULL;
}

/* Is it "<T as Trait>" at the start of a path, which is no argument but what the path is of? */
static bool begins_path(const char *name, const char *p) {
    return p == name ||
           !(is_word(p[-1]) || p[-1] == ' ' || strchr("<>=!+-*/%^&|~,)]}", p[-1]));
}

/* [@p, @end) with arguments of templates left out. */
static void add_groups(const char *name, const char *p, const char *end, int depth,
                       struct text *out) {
    while (p < end) {
        size_t n = p == name || !is_word(p[-1]) ? operator_at(p) : 0;
        const char *behind = !n && *p == '<' && depth < MOST_DEEP ? group_end(p) : NULL;
        if (!behind || behind > end || behind - p <= BRIEF + 2) {
            n = n ? n : behind && behind <= end ? (size_t)(behind - p) : 1;
            text_add_n(out, p, n);
            p += n;
            continue;
        }
        if (begins_path(name, p)) {
            text_add(out, "<");
            add_groups(p + 1, p + 1, behind - 1, depth + 1, out);
            text_add(out, ">");
        } else {
            text_add(out, LEFT_OUT);
        }
        p = behind;
    }
}

/* The parameters of what is now without templates become "(…)". */
static void drop_parameters(struct text *t) {
    size_t end = t->n, from;
    int depth = 0;
    while (end && t->data[end - 1] != ')')
        end--;
    for (from = end; from > 0; from--) {
        depth += (t->data[from - 1] == ')') - (t->data[from - 1] == '(');
        if (!depth)
            break;
    }
    if (from < 2 || end - from < 2 || strpbrk(t->data + end, ":>"))
        return;
    AUTO_FREE char *rest = text_dup(t->data + end);
    t->n = from;
    text_add(t, DOTS ")");
    text_add(t, rest);
}

/* Bytes of the first @most characters of @s. */
static size_t first_characters(const char *s, size_t most) {
    const char *p = s;
    for (size_t n = 0; *p; p++) {
        n += ((unsigned char)*p & 0xc0) != 0x80;
        if (n > most)
            break;
    }
    return (size_t)(p - s);
}

static bool is_short(const char *s) {
    return !s[first_characters(s, SHORT_NAME_CHARACTERS)];
}

static void cut(struct text *t) {
    size_t n = first_characters(t->data, SHORT_NAME_MOST);
    if (n == t->n)
        return;
    t->n = n;
    text_add(t, DOTS);
}

void short_name_add(const char *name, struct text *out) {
    AUTO_TEXT struct text t = {0};
    if (short_name_whole || !name || is_short(name)) {
        text_add_name(out, name);
        return;
    }
    add_groups(name, name, name + strlen(name), 0, &t);
    if (!is_short(t.data))
        drop_parameters(&t);
    cut(&t);
    text_add_name(out, t.data);
}

void short_name_add_place(const char *place, struct text *out) {
    const char *open = strstr(place, " (");
    size_t n = strlen(place);
    const char *colon = open ? memchr(place, ':', (size_t)(open - place)) : NULL;
    if (!colon || !isdigit((unsigned char)open[-1]) || place[n - 1] != ')') {
        short_name_add(place, out);
        return;
    }
    AUTO_FREE char *at = text_format("%.*s", (int)(open - place), place);
    AUTO_FREE char *function =
        text_format("%.*s", (int)(place + n - 1 - (open + 2)), open + 2);
    text_add_name(out, short_path(at));
    text_add(out, " (");
    short_name_add(function, out);
    text_add(out, ")");
}
