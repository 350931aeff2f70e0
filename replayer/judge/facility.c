/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue behind facility.h. Pure.
 *
 *   malloc ◄ _nl_make_l10nflist ◄ _nl_find_locale ◄ setlocale ◄ main
 *            └───────── all of the C library ─────────┘ entry
 *
 * An entry stands here when its failure is no error to most callers: setlocale(3) returns
 * NULL and the "C" locale stays. What returns an error that every program has to look at
 * (fopen, opendir, getline) does not: there the program has gone on without.
 */
#include "facility.h"

#include "attribution.h"
#include "text.h"

#include <string.h>

enum { N_ENTRIES = 24 };

static const struct {
    struct facility facility;
    const char *entries[N_ENTRIES]; /* globs on names without leading underscores */
} catalogue[] = {
    {{"locale", "messages, sorting and formats as in the C locale"},
     {"setlocale", "newlocale*", "duplocale*", "uselocale*", "localeconv", "nl_langinfo*",
      "strcoll*", "strxfrm*", "wcscoll*", "wcsxfrm*"}},
    {{"translation", "messages that are not translated"},
     {"gettext", "dgettext", "dcgettext", "dcigettext", "ngettext", "dngettext",
      "dcngettext", "textdomain", "bindtextdomain", "bind_textdomain_codeset",
      "strerror*", "strsignal"}},
    {{"user and group names", "numbers in the place of names"},
     {"getpwuid*", "getpwnam*", "getpwent*", "getgrgid*", "getgrnam*", "getgrent*",
      "getgrouplist", "initgroups", "getlogin*", "cuserid"}},
    {{"host and service names", "addresses and numbers in the place of names"},
     {"getaddrinfo", "getnameinfo", "gethostby*", "getservby*", "getprotoby*",
      "getnetby*", "res_*"}},
    {{"stdio buffer", "output in other pieces, or lost"},
     {"IO_file_doallocate", "IO_wfile_doallocate", "IO_doallocbuf", "IO_wdoallocbuf"}},
    {{"character sets", "text that is not converted"},
     {"iconv_open", "iconv", "iconv_close", "gconv_open", "wcsmbs_load_conv", "fwide",
      "btowc", "wctob", "mbrtowc", "mbtowc", "wcrtomb", "mbsrtowcs*", "wcsrtombs*",
      "mbstowcs", "wcstombs"}},
    {{"time zone", "times in UTC"},
     {"tzset", "localtime*", "mktime", "strftime*", "wcsftime*", "timelocal"}},
    {{"sorting", "another order of elements that compare equal"}, {"qsort", "qsort_r"}},
};

/* Without the underscores of inner names either. */
static const char *bare_name(const struct frame *f) {
    const char *name = frame_plain_name(f->linkage_name ? f->linkage_name : f->function);
    while (name && *name == '_')
        name++;
    return name;
}

static const struct facility *facility_of(const struct frame *f) {
    const char *name = bare_name(f);
    for (size_t i = 0; name && i < sizeof catalogue / sizeof *catalogue; i++)
        for (int k = 0; k < N_ENTRIES && catalogue[i].entries[k]; k++)
            if (text_glob(catalogue[i].entries[k], name))
                return &catalogue[i].facility;
    return NULL;
}

/* Ours and the allocator's own frames lie before the C library's. */
static bool is_ours(const struct frame *f) {
    return strncmp(text_basename(f->module), "libdearth", 9) == 0;
}

const struct facility *facility_find(const struct frame *fault, uint32_t n,
                                     const char *exe, const struct frame **entry) {
    const struct facility *found = NULL;
    for (uint32_t i = 0; i < n; i++) {
        if (is_ours(&fault[i]))
            continue;
        if (attribution_class(fault[i].module, exe) != ATTRIBUTED_LIBC)
            break;
        const struct facility *f = facility_of(&fault[i]);
        if (f) { /* the outermost is what the program called */
            found = f;
            *entry = &fault[i];
        }
    }
    return found;
}
