/* SPDX-License-Identifier: Apache-2.0 */
/* The row of `recording`, its notes, and the summary that is printed from them. */
#ifndef DEARTH_RECORD_ROW_H
#define DEARTH_RECORD_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector.h"
#include "program.h"
#include "record.h"
#include "session.h"
#include "store.h"

struct record_stdin {
    const char *kind; /* as in recording.stdin_kind */
    char *path;       /* 'file' */
    uint64_t offset;
    const uint8_t *data; /* 'pipe': what went by, up to the cap */
    size_t n;
    bool truncated;
};

struct record_start {
    const struct record_options *options;
    char **argv;
    const char *exe;
    const struct record_stdin *input;
    const struct session *session;
};

struct record_end {
    const struct collector_totals *totals;
    const struct program *program; /* NULL = its end was not seen: 'recovered' */
    const struct record_stdin *input;
    const struct session *session;
    bool interrupted;
    bool
        going_on; /* it was ended by `dearth control`: how the program ends is not known */
    bool unseen;  /* record_note_unseen() */
    uint64_t made; /* record_row_salvage(): calls that the program made */
};

/* What rings_damaged means: PRIu64. */
#define RECORD_NOTE_DAMAGED                                                              \
    "%" PRIu64 " places of the memory that the program shares with dearth were written " \
    "over, by the program: the calls in and after them are lost, and not all are "       \
    "counted"

/** Commit the row in state 'running'. Return: its id, or a negative errno after a
 * message. */
int64_t record_row_start(struct store *store, const struct record_start *start);

/** Remove it again: the program could not be started. */
void record_row_remove(struct store *store, int64_t id);

/** Fill in what is known at the end. Return: 0 or a negative errno after a message. */
int record_row_end(struct store *store, int64_t id, const struct record_end *end);

/** Put down the sums so far, of a recording that goes on. Return: 0 or a negative errno after a message. */
int record_row_sums(struct store *store, int64_t id, const struct record_end *end);

/**
 * The same after the database could not be written: without the large columns, and in
 * silence when that fails too.
 * Return: 0.
 */
int record_row_salvage(struct store *store, int64_t id, const struct record_end *end);

struct record_notes {
    struct store *store;
    int64_t recording_id;
};

/** Add a row of `note`. @subject: may be NULL. */
void record_note(const struct record_notes *notes, const char *kind, const char *subject,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Put @text in place of what the note of that kind said. Return: 0 or a negative errno after a message. */
int record_note_again(const struct record_notes *notes, const char *kind,
                      const char *text);

/** Note the stacks that are missing or not whole, which makes a recording not exact. */
void record_note_stacks(const struct record_notes *notes,
                        const struct collector_totals *totals);

/** Note the allocators that the library did not see. Return: whether there is any, or none could be
 * looked for. */
bool record_note_unseen(const struct record_notes *notes, const struct session *session);

/** Note that calls failed, or were lost, under a limit of memory that the library lives in as well: the program may have
 * met it because of us. */
void record_note_limits(const struct record_notes *notes,
                        const struct collector_totals *totals);

/** Note the programs that --only-exe left alone, or that nothing was recorded for it. @recorded: processes that
 * were. */
void record_note_left_out(const struct record_notes *notes, const struct session *session,
                          uint32_t recorded);

/** Tell the user on stderr what was recorded, the notes, and what to do next. */
void record_summary(struct store *store, int64_t id,
                    const struct collector_totals *totals);

#endif
