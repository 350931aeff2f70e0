/* SPDX-License-Identifier: Apache-2.0 */
/* The scope of a failure that lasts (attempt.scope), for people. */
#ifndef DEARTH_SCOPE_WORDS_H
#define DEARTH_SCOPE_WORDS_H

struct text;

/** Add " in the scope (--in 'a*')", or " in what is the project's own"; nothing for NULL. @scope: JSON, as attempt.scope */
void scope_words_add(const char *scope, struct text *out);

#endif
