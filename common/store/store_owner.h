/* SPDX-License-Identifier: Apache-2.0 */
/* Whose is a database? What is stored in it is run: by nobody's word but the user's. */
#ifndef DEARTH_STORE_OWNER_H
#define DEARTH_STORE_OWNER_H

/**
 * Could somebody else have written what is in a database?
 * So it is when the file, or the log that SQLite keeps beside it, belongs to another user than the one
 * dearth runs as, or may be written to by the group or by all; or when its folder may be, and lets
 * everybody replace what is in it (no sticky bit). Root is another user than whose file it opens. A
 * file that was copied or downloaded is the user's own: what it holds is shown before it is run. Where
 * there is no file yet its folder is asked.
 * @path: of the database, or a link to it
 * Return: NULL when only the user could, else the reason in words ("belongs to user 1000, not to you
 * (0)"), free() it.
 */
char *store_stranger(const char *path);

#endif
