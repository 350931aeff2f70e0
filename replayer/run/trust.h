/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database makes dearth run, before it does: the recorded command and the shell commands of an
 * earlier replay are in the file, and a file can be anybody's.
 */
#ifndef DEARTH_TRUST_H
#define DEARTH_TRUST_H

#include <stdbool.h>
#include <stdint.h>

struct store;

struct trust {
    struct store *store;
    const char *
        stranger; /* store_stranger() of the file before it was opened: SQLite takes over an
                             empty log that somebody put beside it, and its mode */
    int64_t recording_id;
    int64_t replay_id; /* whose shell commands are taken up again; 0 = none are */
    const char *drive, *health, *output_check; /* of that replay; NULL = none */
    char *const
        *argv;    /* given by the user in the place of what is not stored; NULL = not */
    bool trusted; /* --trust */
    bool silent;  /* a command that was just recorded need not be shown to who gave it */
};

/**
 * Show everything that is about to run, in the words of a shell; refuse it when the database, or the
 * one that the recording or the replay was merged from, is a stranger's (store_owner.h).
 * Never asks. What is not shown with -q is still shown when it is a stranger's.
 * Return: 0, or -EPERM after a message with the way out.
 */
int trust_check(const struct trust *trust);

#endif
