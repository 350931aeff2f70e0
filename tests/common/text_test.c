/* SPDX-License-Identifier: Apache-2.0 */
/* Text helpers by tables: escaping, UTF-8, numbers, parsers, globs, keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "text.h"

static void test_growing(void) {
    struct text t = {0};
    text_deinit(&t);
    text_deinit(&t);
    AUTO_FREE char *empty = text_take(&t);
    MUST_TEXT("", empty);
    for (int i = 0; i < 1000; i++)
        text_addf(&t, "%d,", i);
    MUST(t.n == 10 * 2 + 90 * 3 + 900 * 4 && t.data[t.n] == 0);
    MUST(strncmp(t.data + t.n - 8, "998,999,", 8) == 0);
    AUTO_FREE char *taken = text_take(&t);
    MUST(strlen(taken) == 3890 && t.n == 0 && !t.data);
    text_add_n(&t, "a\0b", 3);
    MUST(t.n == 3 && memcmp(t.data, "a\0b", 4) == 0);
    text_deinit(&t);
    MUST(text_dup(NULL) == NULL);
}

/* Invalid sequences become one replacement character a byte. Source: RFC 3629, section 4.
 */
static void test_utf8(void) {
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } cases[] = {
        {"plain", 5, "plain"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9,
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\0b", 3,
         "a\xef\xbf\xbd"
         "b"},
        {"\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong '/' */
        {"\xe0\x80\xaf", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf4\x90\x80\x80", 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82", 2, "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut short */
        {"\xff"
         "x",
         2,
         "\xef\xbf\xbd"
         "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_FREE char *out = text_utf8(cases[i].in, cases[i].n);
        MUST_TEXT(cases[i].out, out);
    }
}

static void test_escaping(void) {
    static const struct {
        const char *in, *json, *html, *shell;
    } cases[] = {
        {"", "\"\"", "", "''"},
        {"plain-1.0/x", "\"plain-1.0/x\"", "plain-1.0/x", "plain-1.0/x"},
        {"a b", "\"a b\"", "a b", "'a b'"},
        {"it's", "\"it's\"", "it&#39;s", "'it'\\''s'"},
        {"<&\">", "\"<&\\\">\"", "&lt;&amp;&quot;&gt;", "'<&\">'"},
        {"\\\n\t\x01\x7f", "\"\\\\\\n\\t\\u0001\\u007f\"", "\\\n\t\x01\x7f",
         "'\\\n\t\x01\x7f'"},
        {"~", "\"~\"", "~", "'~'"},
        {"\xff", "\"\xef\xbf\xbd\"", "\xff", "'\xff'"},
        {"$(x)`y`", "\"$(x)`y`\"", "$(x)`y`", "'$(x)`y`'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_TEXT struct text json = {0}, html = {0}, shell = {0};
        text_add_json(&json, cases[i].in);
        text_add(&html, "");
        text_add_html(&html, cases[i].in, strlen(cases[i].in));
        text_add_shell(&shell, cases[i].in);
        MUST_TEXT(cases[i].json, json.data);
        MUST_TEXT(cases[i].html, html.data);
        MUST_TEXT(cases[i].shell, shell.data);
    }
}

static void test_numbers(void) {
    char b[16], d[24], c[32];
    MUST_TEXT("0 B", text_bytes(0, b));
    MUST_TEXT("1023 B", text_bytes(1023, b));
    MUST_TEXT("1.0 KiB", text_bytes(1024, b));
    MUST_TEXT("1.0 MiB", text_bytes(1048575, b)); /* never "1024.0 KiB" */
    MUST_TEXT("16.0 EiB", text_bytes(UINT64_MAX, b));
    MUST_TEXT("0 ns", text_duration(0, d));
    MUST_TEXT("1.5 us", text_duration(1500, d));
    MUST_TEXT("12.3 ms", text_duration(12345678, d));
    MUST_TEXT("1 min 01 s", text_duration(61000000000ull, d));
    MUST_TEXT("3 h 02 min", text_duration(3 * 3600000000000ull + 125 * 1000000000ull, d));
    MUST_TEXT("0", text_count(0, c));
    MUST_TEXT("999", text_count(999, c));
    MUST_TEXT("1,000", text_count(1000, c));
    MUST_TEXT("18,446,744,073,709,551,615", text_count(UINT64_MAX, c));
}

static void test_parsers(void) {
    static const struct {
        const char *s;
        long long bytes, ns; /* -1 = refused */
    } cases[] = {
        {"0", 0, 0},
        {"100", 100, 100000000000},
        {"1.5", 1, 1500000000},
        {"64K", 65536, -1},
        {"64k", 65536, -1},
        {"1.5M", 1572864, -1},
        {"2GiB", 2147483648, -1},
        {"1KB", 1024, -1},
        {"512B", 512, -1},
        {"30s", -1, 30000000000},
        {"250ms", -1, 250000000},
        {"5m", -1, 300000000000}, /* a size of 5m is 5 MiB: below */
        {"2min", -1, 120000000000},
        {"1h", -1, 3600000000000},
        {"1d", -1, 86400000000000},
        {"", -1, -1},
        {"K", -1, -1},
        {"-1", -1, -1},
        {"1x", -1, -1},
        {"1 K", -1, -1},
        {"nan", -1, -1},
        {"inf", -1, -1},
        {"1e30", -1, -1},
        {"0x10", 16, 16000000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = 77, ns = 77;
        int rb = text_parse_bytes(cases[i].s, &bytes);
        int rn = text_parse_duration(cases[i].s, &ns);
        if (strcmp(cases[i].s, "5m") == 0)
            MUST(rb == 0 && bytes == 5 * 1048576);
        else if (cases[i].bytes < 0)
            MUST_CASE(cases[i].s, rb == -EINVAL);
        else
            MUST_CASE(cases[i].s, rb == 0 && bytes == (uint64_t)cases[i].bytes);
        if (cases[i].ns < 0)
            MUST_CASE(cases[i].s, rn == -EINVAL);
        else
            MUST_CASE(cases[i].s, rn == 0 && ns == (uint64_t)cases[i].ns);
    }
}

static void test_globs(void) {
    static const struct {
        const char *pattern, *s;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "a/b", true},
        {"a*c", "abbc", true},
        {"a*c", "ac", true},
        {"a*c", "acb", false},
        {"*.c", "src/x.c", true},
        {"*ab*ab", "abxabab", true},
        {"?", "", false},
        {"?", "x", true},
        {"a?c", "ac", false},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[^a]x", "ax", false},
        {"[]]", "]", true},
        {"[", "[", true},
        {"[ab", "[ab", true},
        {"a\\*b", "a*b", true},
        {"a\\*b", "axb", false},
        {"[a-]", "-", true},
        {"**a", "ba", true},
        {"std::*<*>", "std::v<int>", true},
        {"*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        MUST_CASE(cases[i].pattern,
                  text_glob(cases[i].pattern, cases[i].s) == cases[i].match);
}

/* Nothing that steers a terminal, forges a line or turns the text round is left as it is. */
static void test_names(void) {
    static const struct {
        const char *in, *shown, *shell;
    } cases[] = {
        {"plain \xc3\xa4 \xe2\x82\xac", "plain \xc3\xa4 \xe2\x82\xac",
         "'plain \xc3\xa4 \xe2\x82\xac'"},
        {"", "", "''"},
        {"a\nb\tc\rd", "a\\nb\\tc\\rd", "$'a\\x0ab\\x09c\\x0dd'"},
        {"\x1b[31m", "\\x1b[31m", "$'\\x1b[31m'"},
        {"\x7f'\\", "\\x7f'\\", "$'\\x7f\\'\\\\'"},
        {"\xc2\x9bm", "\\x9bm", "$'\\xc2\\x9bm'"}, /* C1: CSI */
        {"\xc2\xa0", "\xc2\xa0", "'\xc2\xa0'"},
        {"\xe2\x80\xae"
         "cba",
         "\\u202ecba", "$'\\xe2\\x80\\xaecba'"},
        {"\xe2\x81\xa7\xe2\x80\xa8", "\\u2067\\u2028",
         "$'\\xe2\\x81\\xa7\\xe2\\x80\\xa8'"},
        {"\xef\xbb\xbf\xd8\x9c", "\\ufeff\\u061c", "$'\\xef\\xbb\\xbf\\xd8\\x9c'"},
        {"\xf3\xa0\x81\x81", "\\U000e0041", "$'\\xf3\\xa0\\x81\\x81'"},
        {"a\xff", "a\xef\xbf\xbd", "$'a\\xff'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO_TEXT struct text shown = {0}, shell = {0}, json = {0};
        text_add_name(&shown, cases[i].in);
        MUST_TEXT(cases[i].shown, shown.data);
        text_add_shell_shown(&shell, cases[i].in);
        MUST_TEXT(cases[i].shell, shell.data);
        text_add_json(&json, cases[i].in);
        size_t n = json.n;
        text_disarm(&json, 0); /* nothing is left to do */
        MUST(json.n == n);
    }
    AUTO_TEXT struct text lines = {0};
    text_add(&lines, "kept\x1b\none\x1b\ntwo");
    text_disarm(&lines, 5);
    MUST_TEXT("kept\x1b\none\\x1b\ntwo", lines.data);
}

/* As printf(3) has it, but for what %s brings in. */
static void test_saying(void) {
    char want[256];
    struct text t = {0};
#define SAY(...)                                                                         \
    do {                                                                                 \
        snprintf(want, sizeof want, __VA_ARGS__);                                        \
        text_say(&t, __VA_ARGS__);                                                       \
        MUST_TEXT(want, t.data);                                                         \
        text_deinit(&t);                                                                 \
    } while (0)
    SAY("no conversion");
    SAY("100 %% of %d, %5d|%-5d|%05d|%+d|%.3d", 1, 2, 3, 4, 5, 6);
    SAY("%lld %lu %zu %hhu %#x 0x%llx", -1ll, 2ul, (size_t)3, (unsigned char)4, 255u,
        1ull << 63);
    SAY("%.1f %g %6.2f|%-8.3f|%*.*f", 1.25, 1e9, 3.14159, 2.0, 9, 2, 2.5);
    SAY("%c%5c|%-3c|", 'a', 'b', 'c');
    SAY("%s|%5s|%-5s|%.2s|%*s|%.*s|%-*s|", "a", "b", "c", "defg", 4, "h", 1, "ij", 3,
        "k");
    SAY("%p", (void *)&t);
#undef SAY
    text_say(&t, "%s: %-6s|%6s|%.3s|", "a\nb", "\x1b", "\xc3\xa4", "\x1b[31m");
    MUST_TEXT("a\\nb: \\x1b  |     \xc3\xa4|\\x1b[3|", t.data);
    text_deinit(&t);
    text_say(&t, "%d%%", 7);
    text_say(&t, " %s", "\n");
    MUST_TEXT("7% \\n", t.data);
    text_deinit(&t);
}

static void test_keys(void) {
    struct dearth_key key = {.hi = 0x0123456789abcdefull, .lo = 0xfedcba9876543210ull},
                      back;
    char hex[DEARTH_KEY_HEX + 1];
    uint8_t blob[16];
    text_key(key, hex);
    MUST_TEXT("0123456789abcdeffedcba9876543210", hex);
    MUST(text_parse_key(hex, &back) == 0 && key_equal(key, back));
    MUST(text_parse_key("0123456789ABCDEFFEDCBA9876543210", &back) == 0 &&
         key_equal(key, back));
    MUST(text_parse_key("0123", &back) == -EINVAL);
    MUST(text_parse_key("0123456789abcdeffedcba98765432100", &back) == -EINVAL);
    MUST(text_parse_key("0123456789abcdeffedcba987654321g", &back) == -EINVAL);
    MUST(text_parse_key("", &back) == -EINVAL);
    text_key_to_blob(key, blob);
    MUST(blob[0] == 0x01 && blob[7] == 0xef && blob[8] == 0xfe && blob[15] == 0x10);
    MUST(key_equal(text_key_from_blob(blob), key));
}

static void test_arrays(void) {
    uint64_t *items = NULL;
    size_t n = 0;
    while (n < 1000) { /* what is written past its end a sanitizer sees */
        items = text_grow(items, n, sizeof *items);
        items[n] = n * n;
        n++;
    }
    for (size_t i = 0; i < n; i++)
        MUST(items[i] == i * i);
    for (n = 5; n < 300; n++) { /* given back and used again */
        items = text_grow(items, n, sizeof *items);
        items[n] = n;
    }
    MUST(items[4] == 16 && items[5] == 5 && items[299] == 299);
    free(items);
}

int main(void) {
    test_growing();
    test_arrays();
    test_utf8();
    test_escaping();
    test_numbers();
    test_parsers();
    test_globs();
    test_names();
    test_saying();
    test_keys();
    return 0;
}
