/* SPDX-License-Identifier: Apache-2.0 */
/* A database for the fuzzers: every verdict and reason of tests/data/report.sql, and events. */
#ifndef FUZZ_DATABASE_H
#define FUZZ_DATABASE_H

#include <sqlite3.h>

/** Make it at @path. @loose: columns may be NULL until database_tighten() */
void database_make(const char *path, int loose);
/** Put the definitions of schemas/store.sql over those of a loose one, whatever its rows hold. */
void database_tighten(sqlite3 *db);

#endif
