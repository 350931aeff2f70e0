/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions for a line of text. A C++ or Rust name may be longer than a screen, and most of it
 * says of what a thing is, not what it is:
 *
 *   std::vector<std::__cxx11::basic_string<char, ...>, std::allocator<...> >::push_back(std::__cxx11::... const&)
 *   std::vector‹…›::push_back(…)
 */
#ifndef DEARTH_SHORT_NAME_H
#define DEARTH_SHORT_NAME_H

#include <stdbool.h>

#include "text.h"

#define SHORT_NAME_CHARACTERS 64u  /* names up to this are left alone */
#define SHORT_NAME_MOST       120u /* cut, whatever is in it */

/** Append @name, escaped as text_add_name() does; shortened unless names are wanted whole. */
void short_name_add(const char *name, struct text *out);

/** The same for "file:line (function)" and for "function": what is not the function stays. */
void short_name_add_place(const char *place, struct text *out);

/* Names are shown whole: --full-names, an option of every command that shows some. */
extern bool short_name_whole;
#define SHORT_NAME_OPTION                                                                            \
    {                                                                                                \
        0, "full-names", CLI_FLAG, &short_name_whole, NULL,                                          \
            "show long names of functions whole, with all arguments of templates and all parameters" \
    }

#endif
