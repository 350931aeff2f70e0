/* SPDX-License-Identifier: Apache-2.0 */
/* Text helpers: see text.h. Pure apart from memory. */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static _Noreturn void text_oom(size_t n) {
    char wanted[64] = "";
    if (n)
        snprintf(wanted, sizeof wanted, " (%zu bytes wanted)", n);
    error_print(-ENOMEM,
                "out of memory%s; what was finished is in the "
                "database, run the command again to go on",
                wanted);
    exit(error_failed_status());
}

void text_out_of_memory(void) {
    text_oom(0);
}

void *text_alloc(size_t n) {
    void *p = calloc(1, n ? n : 1);
    if (!p)
        text_oom(n);
    return p;
}

void *text_realloc(void *p, size_t n) {
    void *q = realloc(p, n ? n : 1);
    if (!q)
        text_oom(n);
    return q;
}

void *text_grow(void *array, size_t n, size_t size) {
    if (n & (n - 1)) /* its capacity is the next power of two */
        return array;
    if (n > SIZE_MAX / 2 / size)
        text_oom(n);
    return text_realloc(array, (n ? 2 * n : 1) * size);
}

void *text_reach(void *array, uint32_t *n, uint32_t index, size_t size) {
    if (index < *n)
        return array;
    if (index >= UINT32_MAX / 2)
        text_oom(index * size);
    uint32_t bigger = (index + 1) * 2;
    array = text_realloc(array, bigger * size);
    memset((char *)array + *n * size, 0, (bigger - *n) * size);
    *n = bigger;
    return array;
}

char *text_dup(const char *s) {
    if (!s)
        return NULL;
    size_t n = strlen(s) + 1;
    return memcpy(text_alloc(n), s, n);
}

char *text_format(const char *format, ...) {
    char *s = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&s, format, args);
    va_end(args);
    if (n < 0)
        text_oom(0);
    return s;
}

void text_deinit(struct text *t) {
    free(t->data);
    *t = (struct text){0};
}

static void reserve(struct text *t, size_t more) {
    if (t->n + more + 1 <= t->capacity)
        return;
    size_t want = t->capacity ? t->capacity * 2 : 64;
    if (want < t->n + more + 1)
        want = t->n + more + 1;
    t->data = text_realloc(t->data, want);
    t->capacity = want;
}

void text_add_n(struct text *t, const char *s, size_t n) {
    reserve(t, n);
    if (n)
        memcpy(t->data + t->n, s, n);
    t->n += n;
    t->data[t->n] = 0;
}

void text_add(struct text *t, const char *s) {
    text_add_n(t, s, strlen(s));
}

void text_add_varint(struct text *t, uint64_t v) {
    char bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    text_add_n(t, bytes, n);
}

void text_addf(struct text *t, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        reserve(t, (size_t)n);
        vsnprintf(t->data + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
}

char *text_take(struct text *t) {
    char *s = t->data ? t->data : text_dup("");
    *t = (struct text){0};
    return s;
}

/* Length of the valid UTF-8 sequence at @s, 0 if there is none. Source: RFC 3629,
 * section 4. */
static size_t utf8_sequence(const unsigned char *s, size_t left) {
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

#define REPLACEMENT "\xef\xbf\xbd"

char *text_utf8(const char *s, size_t n) {
    struct text t = {0};
    for (size_t i = 0; i < n;) {
        size_t k = s[i] ? utf8_sequence((const unsigned char *)s + i, n - i) : 0;
        if (k)
            text_add_n(&t, s + i, k);
        else
            text_add(&t, REPLACEMENT);
        i += k ? k : 1;
    }
    return text_take(&t);
}

/* --- for people --- */

/* Code point of the valid sequence of @k bytes at @s. */
static uint32_t code_point(const unsigned char *s, size_t k) {
    uint32_t c = k == 1 ? s[0] : s[0] & (0x7fu >> k);
    for (size_t i = 1; i < k; i++)
        c = c << 6 | (s[i] & 0x3f);
    return c;
}

/* Controls; marks of direction; characters of no width that are no part of a word. */
static bool must_hide(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200b ||
           c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           c == 0xfffe || c == 0xffff || (c >= 0xe0000 && c <= 0xe007f);
}

/* The first character of @s (@left > 0 bytes) as people may see it: @shown, NUL-terminated, at
 * most 10 bytes. Return: bytes of @s that it stands for. */
static size_t show_character(const char *s, size_t left, char shown[static 12]) {
    size_t k = utf8_sequence((const unsigned char *)s, left);
    uint32_t c = k ? code_point((const unsigned char *)s, k) : 0xfffd;
    if (!k)
        memcpy(shown, REPLACEMENT, sizeof REPLACEMENT);
    else if (c == '\n' || c == '\t' || c == '\r')
        memcpy(shown, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r", 3);
    else if (must_hide(c))
        snprintf(shown, 12,
                 c < 0x100     ? "\\x%02x"
                 : c < 0x10000 ? "\\u%04x"
                               : "\\U%08x",
                 c);
    else
        *(char *)mempcpy(shown, s, k) = 0;
    return k ? k : 1;
}

static void add_shown(struct text *t, const char *s, size_t n, bool lines) {
    char shown[12];
    for (size_t i = 0; i < n;) {
        size_t plain = i;
        while (plain < n && s[plain] >= 0x20 && s[plain] < 0x7f)
            plain++;
        text_add_n(t, s + i, plain - i);
        if ((i = plain) == n)
            return;
        bool newline = lines && s[i] == '\n';
        i += show_character(s + i, n - i, shown);
        text_add(t, newline ? "\n" : shown);
    }
}

void text_add_name(struct text *t, const char *s) {
    text_add(t, ""); /* a string in any case */
    add_shown(t, s ? s : "?", s ? strlen(s) : 1, false);
}

void text_disarm(struct text *t, size_t start) {
    if (t->n == start)
        return;
    AUTO_FREE char *raw = text_alloc(t->n - start);
    size_t n = t->n - start;
    memcpy(raw, t->data + start, n);
    t->n = start;
    add_shown(t, raw, n, true);
}

/* Where text_vsay() writes: what does not fit is counted. */
struct said {
    char *buf;
    size_t size, n;
};

static void put(struct said *to, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++, to->n++)
        if (to->n + 1 < to->size)
            to->buf[to->n] = s[i];
}

/* One conversion: "%-*.3lld". */
struct conversion {
    char spec[32]; /* of a number, for snprintf() */
    bool left;
    int width, precision; /* -1 = none */
    char length[3], kind;
};

static const char *read_number(const char *p, va_list *args, int *out) {
    if (*p == '*') {
        *out = va_arg(*args, int);
        return p + 1;
    }
    for (*out = 0; isdigit((unsigned char)*p); p++)
        *out = *out * 10 + (*p - '0');
    return p;
}

/* @p: behind the %. Return: behind the conversion. */
static const char *read_conversion(const char *p, va_list *args, struct conversion *c) {
    char flags[8] = "", *f = flags;
    *c = (struct conversion){.width = -1, .precision = -1};
    for (; *p && strchr("-+ #0'", *p); p++) {
        c->left |= *p == '-';
        if (f < flags + sizeof flags - 1)
            *f++ = *p;
    }
    if (*p == '*' || isdigit((unsigned char)*p))
        p = read_number(p, args, &c->width);
    if (c->width < -1) {
        c->left = true;
        c->width = -c->width;
    }
    if (*p == '.')
        p = read_number(p + 1, args, &c->precision);
    for (size_t i = 0; *p && strchr("hlLqjzt", *p); p++)
        if (i < sizeof c->length - 1)
            c->length[i++] = *p;
    c->kind = *p ? *p : '%';
    snprintf(c->spec, sizeof c->spec, "%%%s%s*.*%s%c", flags, c->left ? "-" : "",
             c->length, c->kind);
    return *p ? p + 1 : p;
}

static void say_string(struct said *to, const struct conversion *c, const char *s) {
    char shown[12];
    if (!s)
        s = "(null)";
    size_t n = c->precision < 0 ? strlen(s) : strnlen(s, (size_t)c->precision);
    size_t characters = 0, pad = 0;
    for (size_t i = 0; i < n;) {
        i += show_character(s + i, n - i, shown);
        characters += (unsigned char)shown[0] >= 0x80 ? 1 : strlen(shown);
    }
    if (c->width > 0 && (size_t)c->width > characters)
        pad = (size_t)c->width - characters;
    for (size_t i = 0; !c->left && i < pad; i++)
        put(to, " ", 1);
    for (size_t i = 0; i < n;) {
        i += show_character(s + i, n - i, shown);
        put(to, shown, strlen(shown));
    }
    for (size_t i = 0; c->left && i < pad; i++)
        put(to, " ", 1);
}

/* Arguments are taken by their own type, as printf(3) lists them, and printed by snprintf(). */
static void say_number(struct said *to, const struct conversion *c, va_list *args) {
    char out[400];
    int w = c->width < 0 ? 0 : c->width, p = c->precision;
    const char *l = c->length;
    bool wide = *l == 'q' || *l == 'j' || *l == 'z' || *l == 't' || *l == 'l';
    _Static_assert(sizeof(long) == sizeof(long long) && sizeof(size_t) == sizeof(long),
                   "every wide integer is taken alike");
    int n;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (strchr("eEfFgGaA", c->kind))
        n = snprintf(out, sizeof out, c->spec, w, p, va_arg(*args, double));
    else if (c->kind == 'p')
        n = snprintf(out, sizeof out, "%*p", w, va_arg(*args, void *));
    else if (c->kind == 'c')
        n = snprintf(out, sizeof out, "%*c", c->left ? -w : w, va_arg(*args, int));
    else if (wide)
        n = snprintf(out, sizeof out, c->spec, w, p, va_arg(*args, long long));
    else
        n = snprintf(out, sizeof out, c->spec, w, p, va_arg(*args, int));
#pragma GCC diagnostic pop
    if (n > 0)
        put(to, out, (size_t)n < sizeof out ? (size_t)n : sizeof out - 1);
}

int text_vsay(char *buf, size_t size, const char *format, va_list args) {
    struct said to = {buf, size, 0};
    struct conversion c;
    va_list left;
    va_copy(left, args);
    while (*format) {
        size_t plain = strcspn(format, "%");
        put(&to, format, plain);
        if (!*(format += plain))
            break;
        format = read_conversion(format + 1, &left, &c);
        if (c.kind == '%')
            put(&to, "%", 1);
        else if (c.kind == 's')
            say_string(&to, &c, va_arg(left, const char *));
        else
            say_number(&to, &c, &left);
    }
    va_end(left);
    if (size)
        buf[to.n < size ? to.n : size - 1] = 0;
    return (int)to.n;
}

void text_say(struct text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = text_vsay(NULL, 0, format, args);
    reserve(t, (size_t)n);
    text_vsay(t->data + t->n, (size_t)n + 1, format, args);
    t->n += (size_t)n;
    va_end(args);
}

void text_add_json(struct text *t, const char *s) {
    AUTO_FREE char *clean = text_utf8(s, strlen(s));
    text_add(t, "\"");
    for (const unsigned char *p = (const unsigned char *)clean; *p;) {
        size_t k = utf8_sequence(p, 4);
        uint32_t c = code_point(p, k);
        if (c == '"' || c == '\\')
            text_addf(t, "\\%c", *p);
        else if (c == '\n')
            text_add(t, "\\n");
        else if (c == '\t')
            text_add(t, "\\t");
        else if (must_hide(c) &&
                 c >= 0x10000) /* the tags, as a pair: RFC 8259, section 7 */
            text_addf(t, "\\udb40\\u%04x", 0xdc00 | (c & 0x3ff));
        else if (must_hide(c))
            text_addf(t, "\\u%04x", c);
        else
            text_add_n(t, (const char *)p, k);
        p += k;
    }
    text_add(t, "\"");
}

void text_add_html(struct text *t, const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        switch (s[i]) {
        case '&':
            text_add(t, "&amp;");
            break;
        case '<':
            text_add(t, "&lt;");
            break;
        case '>':
            text_add(t, "&gt;");
            break;
        case '"':
            text_add(t, "&quot;");
            break;
        case '\'':
            text_add(t, "&#39;");
            break;
        default:
            text_add_n(t, s + i, 1);
        }
    }
}

void text_add_shell(struct text *t, const char *s) {
    size_t plain = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789_-+=./:,@%^");
    if (*s && !s[plain]) {
        text_add(t, s);
        return;
    }
    text_add(t, "'");
    for (; *s; s++) {
        if (*s == '\'')
            text_add(t, "'\\''");
        else
            text_add_n(t, s, 1);
    }
    text_add(t, "'");
}

void text_add_shell_shown(struct text *t, const char *s) {
    AUTO_TEXT struct text shown = {0};
    text_add_name(&shown, s);
    if (strcmp(shown.data, s) == 0) {
        text_add_shell(t, s);
        return;
    }
    text_add(t, "$'");
    for (const char *p = s; *p;) {
        char one[12];
        size_t k = show_character(p, strlen(p), one);
        if (k == 1 && (*p == '\'' || *p == '\\'))
            text_addf(t, "\\%c", *p);
        else if (strncmp(p, one, k) == 0)
            text_add_n(t, p, k);
        else
            for (size_t i = 0; i < k; i++)
                text_addf(t, "\\x%02x", (unsigned char)p[i]);
        p += k;
    }
    text_add(t, "'");
}

const char *text_bytes(uint64_t bytes, char buf[static 16]) {
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    int u = 0;
    while (v >= 1023.95 && u < 6) {
        v /= 1024;
        u++;
    }
    snprintf(buf, 16, u ? "%.1f %s" : "%.0f %s", v, unit[u]);
    return buf;
}

const char *text_duration(uint64_t ns, char buf[static 24]) {
    double s = (double)ns / 1e9;
    if (ns < 1000)
        snprintf(buf, 24, "%d ns", (int)ns);
    else if (s < 1e-3)
        snprintf(buf, 24, "%.1f us", s * 1e6);
    else if (s < 1)
        snprintf(buf, 24, "%.1f ms", s * 1e3);
    else if (s < 60)
        snprintf(buf, 24, "%.1f s", s);
    else if (s < 3600)
        snprintf(buf, 24, "%d min %02d s", (int)(s / 60), (int)fmod(s, 60));
    else
        snprintf(buf, 24, "%d h %02d min", (int)(s / 3600), (int)(fmod(s, 3600) / 60));
    return buf;
}

/* In units that can be told to change: nobody waits for milliseconds. */
const char *text_left(uint64_t ns, char buf[static 24]) {
    unsigned long long seconds = (ns + 500000000) / 1000000000,
                       minutes = (seconds + 30) / 60;
    if (seconds < 1)
        snprintf(buf, 24, "less than 1 s");
    else if (seconds < 60)
        snprintf(buf, 24, "%llu s", seconds);
    else if (minutes < 60)
        snprintf(buf, 24, "%llu min", minutes);
    else
        snprintf(buf, 24, "%llu h %02llu min", minutes / 60, minutes % 60);
    return buf;
}

const char *text_count(uint64_t n, char buf[static 32]) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), o = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            buf[o++] = ',';
        buf[o++] = digits[i];
    }
    buf[o] = 0;
    return buf;
}

int text_parse_bytes(const char *s, uint64_t *out) {
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (end == s || errno || !(v >= 0))
        return -EINVAL;
    static const char units[] = "KMGTPE";
    const char *u = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (u) {
        for (const char *p = units; p <= u; p++)
            v *= 1024;
        end++;
        if (*end == 'i')
            end++;
    }
    if (*end == 'B' || *end == 'b')
        end++;
    if (*end || v >= 0x1p63)
        return -EINVAL;
    *out = (uint64_t)v;
    return 0;
}

int text_parse_duration(const char *s, uint64_t *out_ns) {
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"", 1e9},   {"s", 1e9},    {"ms", 1e6},   {"us", 1e3},
                 {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (end == s || errno || !(v >= 0))
        return -EINVAL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) == 0 && v * units[i].ns < 0x1p63) {
            *out_ns = (uint64_t)(v * units[i].ns);
            return 0;
        }
    }
    return -EINVAL;
}

/* Match one [set] at @p against @c; sets @next behind the set. Return: 1, 0, -1 = no set
 * here. */
static int glob_set(const char *p, char c, const char **next) {
    const char *q = p + 1;
    bool negate = *q == '!' || *q == '^', hit = false;
    if (negate)
        q++;
    const char *first = q;
    for (; *q && (*q != ']' || q == first); q++) {
        if (q[1] == '-' && q[2] && q[2] != ']') {
            hit |= q[0] <= c && c <= q[2];
            q += 2;
        } else {
            hit |= *q == c;
        }
    }
    if (*q != ']')
        return -1;
    *next = q + 1;
    return hit != negate;
}

bool text_glob(const char *p, const char *s) {
    const char *star = NULL, *resume = NULL, *next;
    while (*s) {
        int set;
        if (*p == '*') {
            star = ++p;
            resume = s;
            continue;
        }
        if (*p == '[' && (set = glob_set(p, *s, &next)) >= 0) {
            if (set) {
                p = next;
                s++;
                continue;
            }
        } else if (*p == '\\' && p[1]) {
            if (p[1] == *s) {
                p += 2;
                s++;
                continue;
            }
        } else if (*p == '?' || *p == *s) {
            p++;
            s++;
            continue;
        }
        if (!star)
            return false;
        p = star;
        s = ++resume;
    }
    while (*p == '*')
        p++;
    return !*p;
}

void text_key(struct dearth_key key, char out[static DEARTH_KEY_HEX + 1]) {
    snprintf(out, DEARTH_KEY_HEX + 1, "%016llx%016llx", (unsigned long long)key.hi,
             (unsigned long long)key.lo);
}

int text_parse_key(const char *s, struct dearth_key *out) {
    uint64_t half[2] = {0, 0};
    for (int i = 0; i < DEARTH_KEY_HEX; i++) {
        if (!isxdigit((unsigned char)s[i]))
            return -EINVAL;
        int d = isdigit((unsigned char)s[i]) ? s[i] - '0'
                                             : tolower((unsigned char)s[i]) - 'a' + 10;
        half[i / 16] = half[i / 16] << 4 | (uint64_t)d;
    }
    if (s[DEARTH_KEY_HEX])
        return -EINVAL;
    *out = (struct dearth_key){.hi = half[0], .lo = half[1]};
    return 0;
}

void text_key_to_blob(struct dearth_key key, uint8_t out[static 16]) {
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(key.hi >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(key.lo >> (56 - 8 * i));
    }
}

struct dearth_key text_key_from_blob(const uint8_t in[static 16]) {
    struct dearth_key key = {0, 0};
    for (int i = 0; i < 8; i++) {
        key.hi = key.hi << 8 | in[i];
        key.lo = key.lo << 8 | in[8 + i];
    }
    return key;
}

const char *text_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}
