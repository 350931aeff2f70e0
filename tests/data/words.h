/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
char *words_copy(const char *s);
size_t words_length(const char *s);
char *words_twice(const char *s);
