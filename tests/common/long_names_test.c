/* SPDX-License-Identifier: Apache-2.0 */
/* Names without end: demangled within bounds of text and work, short in a line of text; and words that
 * were mistyped. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "demangle.h"
#include "short_name.h"
#include "suggest.h"
#include "text.h"

static double seconds_of_work(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void demangles_to(const char *mangled, const char *wanted) {
    AUTO_FREE char *name = demangle(mangled, true);
    MUST(wanted ? name && strcmp(name, wanted) == 0 : !name);
}

static void test_plain(void) {
    demangles_to("_ZN6Parser5parseEi", "Parser::parse(int)");
    demangles_to("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
    demangles_to("_RNvC6_123foo3bar", "123foo::bar");
    demangles_to("main", NULL);
    demangles_to("_Z", NULL);
    demangles_to("_ZN", NULL);
    demangles_to("", NULL);
    AUTO_FREE char *bare = demangle("_ZN6Parser5parseEi", false);
    MUST(bare && strcmp(bare, "Parser::parse") == 0);
}

/* f(P<T1,T1>*) where T1 is P<T0,T0>, ...: each is two letters that refer to the one before. */
static char *doubled(int levels) {
    struct text t = {0};
    text_add(&t, "_Z1fP");
    for (int i = 0; i < levels; i++)
        text_add(&t, i ? "S_I" : "1PI");
    text_add(&t, "iiE");
    for (int i = 1; i < levels; i++)
        text_addf(&t, "S%d_E", i - 1);
    return text_take(&t);
}

/* Is it made within its bounds? */
static void bounded(const char *mangled) {
    double before = seconds_of_work();
    AUTO_FREE char *name = demangle(mangled, true);
    MUST(seconds_of_work() - before < 1);
    MUST(!name || strlen(name) <= DEMANGLE_NAME_BYTES);
}

static char *repeated(const char *before, const char *word, int n, const char *after) {
    struct text t = {0};
    text_add(&t, before);
    while (n-- > 0)
        text_add(&t, word);
    text_add(&t, after);
    return text_take(&t);
}

static void test_bounds(void) {
    for (int levels = 1; levels < 40; levels++) {
        AUTO_FREE char *name = doubled(levels);
        bounded(name);
    }
    static const struct {
        const char *before, *word, *after;
    } shapes[] = {
        {"_Z1f", "P", "i"},          /* pointers to pointers */
        {"_Z1f", "1AI", "i"},        /* arguments in arguments, not closed */
        {"_Z1fIiEv", "DpT_", ""},    /* packs */
        {"_ZN", "1A", "3fooEv"},     /* a long path */
        {"_RNvC1a", "1b", ""},       /* Rust */
        {"_RIC1a", "TB2_B2_E", "E"}, /* Rust: tuples of what was before, twice */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int n = 1; n < 60000; n = n * 3 + 1) {
            AUTO_FREE char *name =
                repeated(shapes[i].before, shapes[i].word, n, shapes[i].after);
            bounded(name);
        }
}

/* What is cut ends in "…", in whole characters. */
static void test_cut(void) {
    AUTO_FREE char *path = repeated("_ZN", "9abcdefghi", 400, "Ev");
    AUTO_FREE char *name = demangle(path, true);
    MUST(name && strlen(name) <= DEMANGLE_NAME_BYTES);
    MUST(strcmp(name + strlen(name) - 3, "…") == 0);
    AUTO_FREE char *wide = repeated("x", "é", 4000, "");
    AUTO_FREE char *cut = demangle_cut(wide), *clean = text_utf8(cut, strlen(cut));
    MUST(strlen(cut) <= DEMANGLE_NAME_BYTES && strcmp(cut, clean) == 0);
}

static void test_short(void) {
    static const struct {
        const char *name, *wanted;
    } table[] = {
        {"main", "main"},
        {"std::vector<int, std::allocator<int> >::push_back(int const&)",
         "std::vector<int, std::allocator<int> >::push_back(int const&)"},
        {"std::vector<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > "
         ">::push_back(int)",
         "std::vector‹…›::push_back(int)"},
        {"f(std::vector<std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > > "
         "const&)",
         "f(std::vector‹…› const&)"},
        {"a_long_name_in_a_namespace::another_one::f(one_type_of_many, another_type_of_many, a_third_one) "
         "const",
         "a_long_name_in_a_namespace::another_one::f(…) const"},
        {"std::basic_ostream<char, std::char_traits<char> >& std::operator<< "
         "<std::char_traits<char> >(std::basic_ostream<char, std::char_traits<char> >&, char const*)",
         "std::basic_ostream‹…›& std::operator<< ‹…›(…)"},
        {"bool operator< <long_type_number_one, long_type_number_two>(holder<long_type_number_one> "
         "const&, int)",
         "bool operator< ‹…›(holder‹…› const&, int)"},
        {"<alloc::vec::Vec<some::module::Thing> as core::iter::traits::collect::FromIterator<some::module::Thing>"
         ">::from_iter",
         "<alloc::vec::Vec‹…› as core::iter::traits::collect::FromIterator‹…›>::from_iter"},
        {"(anonymous namespace)::a_function_with_quite_a_long_name(the_type_of_its_argument, and_more)",
         "(anonymous namespace)::a_function_with_quite_a_long_name(…)"},
        {"holder<&(ns::f(int, long, some_type_with_a_name)), ((1)>(2)), 12345678901234567890>::operator()(int) "
         "const",
         "holder‹…›::operator()(int) const"},
        {"unclosed<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "unclosed<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        AUTO_TEXT struct text t = {0};
        short_name_add(table[i].name, &t);
        MUST_TEXT(table[i].wanted, t.data);
    }
    AUTO_FREE char *endless = repeated("name", "_and_more", 400, "");
    AUTO_TEXT struct text t = {0};
    short_name_add(endless, &t);
    MUST(t.n == SHORT_NAME_MOST + strlen("…"));
}

static void test_place(void) {
    AUTO_TEXT struct text t = {0};
    short_name_add_place("/a (b)/c.cc:5 (f(std::vector<std::__cxx11::basic_string<char, "
                         "std::char_traits<char>, std::allocator<char> > >))",
                         &t);
    MUST(strstr(t.data, "/a (b)/c.cc:5") == t.data ||
         strstr(t.data, "f(std::vector‹…›)"));
    text_deinit(&t);
    short_name_whole = true;
    short_name_add(
        "f(std::vector<std::__cxx11::basic_string<char, std::char_traits<char>, "
        "std::allocator<char> > >)",
        &t);
    MUST(!strstr(t.data, "…"));
    short_name_whole = false;
}

static void suggests(const char *word, const char *wanted) {
    static const char *const names[] = {"output", "on-full", "stdin-cap", "recording",
                                        "replay", "report",  "repro",     "jobs"};
    struct suggest s = {.word = word, .n = strlen(word)};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        suggest_offer(&s, names[i]);
    const char *best = suggest_best(&s);
    MUST(wanted ? best && strcmp(best, wanted) == 0 : !best);
}

static void test_suggest(void) {
    suggests("outptu", "output");
    suggests("ouput", "output");
    suggests("recor", "recording");
    suggests("rpelay", "replay");
    suggests("jobz", "jobs");
    suggests("rep", NULL); /* three begin so */
    suggests("xyz", NULL);
    suggests("", NULL);
    suggests("a-word-that-is-longer-than-any-option-could-ever-be-made", NULL);
}

int main(void) {
    test_plain();
    test_bounds();
    test_cut();
    test_short();
    test_place();
    test_suggest();
    return 0;
}
