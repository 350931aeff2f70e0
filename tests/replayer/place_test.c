/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of places: a function as its symbol has it in, the name of the place out. */
#include "check.h"
#include "place.h"
#include "text.h"

static const struct {
    const char *function, *module, *wanted;
} cases[] = {
    {"__strcmp_evex", "/lib/libc.so.6", "libc!strcmp"},
    {"__strcmp_avx2_rtm", "/lib/libc-2.31.so", "libc-2.31!strcmp"},
    {"__strncasecmp_l_sse42", "/lib/libc.so.6", "libc!strncasecmp_l"},
    {"__memmove_avx_unaligned_erms", "/lib/libc.so.6", "libc!memmove"},
    {"__memset_evex512_unaligned", "/lib/libc.so.6", "libc!memset"},
    {"__memcpy_generic", "/lib/libc.so.6", "libc!memcpy"},
    {"__strlen_asimd", "/lib/libc.so.6", "libc!strlen"},
    {"__GI_strlen", "/lib/libc.so.6", "libc!strlen"},
    {"strcmp", "/lib/libc.so.6", "libc!strcmp"},
    {"__libc_start_main", "/lib/libc.so.6", "libc!__libc_start_main"},
    {"sum_sse4_1", "/usr/bin/prog", "prog!sum"},
    {"read_unaligned", "/usr/bin/prog", "prog!read_unaligned"},
    {"_avx2", "/usr/bin/prog", "prog!_avx2"},
    {"parse.part.0", "/usr/bin/prog", "prog!parse"},
    {"parse.constprop.0.isra.0", "/usr/bin/prog", "prog!parse"},
    {"parse.cold", "/usr/bin/prog", "prog!parse"},
    {"parse(int) [clone .cold]", "/usr/bin/prog", "prog!parse"},
    {"alpha(int)", "/usr/bin/prog", "prog!alpha"},
    {"void sort<int (*)(int)>(int (*)(int))", "/usr/bin/prog",
     "prog!void sort<int (*)(int)>"},
    {"Reader::operator()(char const*) const", "/usr/lib/libread.so.3",
     "libread!Reader::operator()"},
    {"Reader::operator()", "/usr/lib/libread.so.3", "libread!Reader::operator()"},
    {"(anonymous namespace)::load(std::string const&)", "/usr/bin/prog",
     "prog!(anonymous namespace)::load"},
    {"(anonymous namespace)::load", "/usr/bin/prog", "prog!(anonymous namespace)::load"},
    {NULL, "/usr/bin/prog", "prog+0x40"},
};

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct frame frame = {
            .module = cases[i].module, .function = cases[i].function, .offset = 0x40};
        AUTO_TEXT struct text place = {0};
        place_add(&frame, &place);
        CHECK_TEXT(cases[i].function ? cases[i].function : "no name", cases[i].wanted,
                   place.data);
    }
    const struct frame parse = {.module = "/usr/bin/prog", .function = "parse(int)"};
    CHECK("blamed", place_is("crashed|SIGSEGV|prog!parse|libc!strlen", &parse));
    CHECK("without a signal", place_is("hung|prog!parse", &parse));
    CHECK("another that begins so", !place_is("crashed|SIGSEGV|prog!parse_all", &parse));
    CHECK("called", !place_is("crashed|SIGSEGV|prog!main|prog!parse", &parse));
    CHECK("of none", !place_is(NULL, &parse));
    return check_result();
}
