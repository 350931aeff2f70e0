/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite's functions for code that is both part of `dearth` and of the loadable
 * extension. In the extension every call goes through the table that the host program
 * hands over at load time, so that a host with SQLite linked into it is not given a
 * second copy. Source: https://www.sqlite.org/loadext.html
 */
#ifndef DEARTH_SQLITE_API_H
#define DEARTH_SQLITE_API_H

#ifdef DEARTH_SQLITE_EXTENSION
#include <sqlite3ext.h>
extern const sqlite3_api_routines *sqlite3_api;
#else
#include <sqlite3.h>
#endif

#endif
