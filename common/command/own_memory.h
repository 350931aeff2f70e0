/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out inside of a library is never a wrong answer of ours: cJSON parses half of a text
 * then, or adds nothing, and says neither; of SQLite, a column's text is NULL as if it were so.
 */
#ifndef DEARTH_OWN_MEMORY_H
#define DEARTH_OWN_MEMORY_H

/**
 * Watch over what SQLite and cJSON ask for. cJSON gets what it asks for, or the command ends with a
 * word; SQLite, which mostly says so itself, and can roll back, may fail.
 * Context: main(), before either is used.
 */
void own_memory_start(void);

/**
 * What a command ends with that would end with @status.
 * Return: @status, or error_failed_status() after a word when it is EXIT_OK and SQLite found no memory at
 * some time.
 */
int own_memory_end(int status);

#endif
