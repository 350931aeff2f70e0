/* SPDX-License-Identifier: Apache-2.0 */
/* Table test of libc's facilities: the stack of a failed allocation in, the facility out. */
#include "check.h"
#include "facility.h"

static const struct {
    const char *name;
    const char *stack
        [6]; /* functions, innermost first; "+" before those of libc, "/" of the loader */
    const char *facility, *entry;
} cases[] = {
    {"setlocale",
     {"+_nl_load_locale", "+_nl_find_locale", "+setlocale", "main"},
     "locale",
     "setlocale"},
    {"the outermost counts",
     {"+__newlocale", "+strcoll_l", "+qsort", "main"},
     "sorting",
     "qsort"},
    {"getpwuid",
     {"+getline", "+nss_files_parse", "+getpwuid", "format_user"},
     "user and group names",
     "getpwuid"},
    {"a buffer of stdio",
     {"+_IO_file_doallocate", "+_IO_doallocbuf", "+puts", "main"},
     "stdio buffer",
     "_IO_doallocbuf"},
    {"what the loader loads for it",
     {"/strdup", "/_dl_map_object", "+__gconv_find_shlib", "+iconv_open", "main"},
     "character sets",
     "iconv_open"},
    {"what it loads for the program", {"/_dl_map_object", "+dlopen", "main"}, NULL, NULL},
    {"fopen returns an error", {"+fopen", "main"}, NULL, NULL},
    {"the program's own", {"xmalloc", "main"}, NULL, NULL},
    {"a callback of libc's", {"compare", "+qsort", "main"}, NULL, NULL},
};

int main(void) {
    struct catalogue *builtin = catalogue_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame stack[6] = {0};
        uint32_t n = 0;
        for (; n < 6 && cases[i].stack[n]; n++) {
            const char *name = cases[i].stack[n];
            bool libc = name[0] == '+', loader = name[0] == '/';
            stack[n].function = name + (libc || loader);
            stack[n].module = libc     ? "/lib/libc.so.6"
                              : loader ? "/lib64/ld-linux-x86-64.so.2"
                                       : "/usr/bin/prog";
        }
        const struct frame *entry = NULL;
        const struct catalogue_section *f =
            facility_find(builtin, stack, n, "/usr/bin/prog", &entry);
        CHECK_TEXT(cases[i].name, cases[i].facility ? cases[i].facility : "-",
                   f ? f->name : "-");
        CHECK_TEXT(cases[i].name, cases[i].entry ? cases[i].entry : "-",
                   entry ? entry->function : "-");
    }
    catalogue_free(builtin);
    return check_result();
}
