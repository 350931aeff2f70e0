/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a user ends a command of dearth that has something to put away: rows, folders, processes.
 *
 *   first   Ctrl-C, SIGTERM, SIGHUP, SIGQUIT   the command stops where it is, keeps what is done
 *   second                                     it waits for nothing more, and puts away
 *   no end within some seconds of that         dearth ends; the next command puts away
 *   SIGPIPE                                    nobody reads what we say: like a first
 *
 *   while something is guarded                 whoever catches none of these is ended by them as
 *                                              always, and what is guarded taken back before
 *
 * Handlers only set flags, and take back. What was ignored when dearth was started (nohup, a background job of a
 * script) stays ignored.
 */
#ifndef DEARTH_INTERRUPT_H
#define DEARTH_INTERRUPT_H

#include <stdbool.h>

/** Catch these signals from here on until the process ends: one that comes late must not change the status
 * of what is done. Calling it again does nothing. */
void interrupt_install(void);

/** In a child that its parent ends: the parent answers these signals, which a terminal sends to both. */
void interrupt_ignore(void);

/** Was there a first? */
bool interrupt_wanted(void);
/** Was there a second? */
bool interrupt_pressing(void);
/** How often a user asked for an end: for work that only those end which come after its start. */
unsigned interrupt_count(void);
/**
 * Have something taken back when a signal ends dearth from here on: one thing at a time, after
 * interrupt_install() where a command has that. Signals that somebody ignores or handles do not end it.
 * @last: runs in a signal handler, once
 */
void interrupt_guard(void (*last)(void));
/** It stays. Without interrupt_guard() before, nothing is done. */
void interrupt_unguard(void);

/** Return: 128 + the first of them, as a shell shows it; 0 = none. */
int interrupt_status(void);

#endif
