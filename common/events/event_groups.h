/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a long recording handed out group by group, as GROUP BY asks for them, without sorting all of
 * them: most recordings have few sites, threads and operations, and many events.
 *
 *   1st pass     count the rows of each group          groups of one pass fit into EVENT_GROUPS_BYTES
 *   nth pass     decode all again, keep the cells of the groups whose turn it is
 *   hand out     group after group, its rows in the order in which they were met
 *
 * Where only the columns that make the group are asked for, counting is all.
 *
 * Like event_reader.h, it prints nothing and ends no program.
 */
#ifndef DEARTH_EVENT_GROUPS_H
#define DEARTH_EVENT_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_groups;
struct event_reader;
struct allocation;

#define EVENT_GROUPS_KEYS  4u             /* columns that make a group, at most */
#define EVENT_GROUPS_CELLS 16u            /* other columns, at most */
#define EVENT_GROUPS_BYTES (512ull << 20) /* of cells at a time */

/* What rows are and where they come from. */
struct event_groups_source {
    int keys[EVENT_GROUPS_KEYS];   /* columns */
    int cells[EVENT_GROUPS_CELLS]; /* columns beside these */
    uint32_t n_keys, n_cells;
    bool distinct; /* one row of each group is enough */
    /* Value of a column of @row. Any: two values are the same, or the numbers differ. */
    int64_t (*value)(const struct allocation *row, int column, bool events);
    /* < 0, 0, > 0: groups come in this order, as they would if SQLite had sorted them */
    int (*compare)(int column, int64_t a, int64_t b, bool events);
    bool events;
    /* A reader from the beginning. Return: 0, or -errno. */
    int (*open)(void *context, struct event_reader **out);
    /* Frees it. @r: -errno where it was read no further for that, else 0 */
    void (*close)(void *context, struct event_reader *reader, int r);
    void *context;
    uint64_t most_bytes; /* of cells; 0 = EVENT_GROUPS_BYTES */
};

/**
 * Count the groups.
 * @source: copied
 * @out: event_groups_free(), also on failure
 * Return: 0, -ENOMEM, or -errno as of event_reader_next().
 */
int event_groups_new(const struct event_groups_source *source, struct event_groups **out);
struct event_groups *event_groups_free(struct event_groups *groups);

/** The next row. Return: 1, 0 after the last, or -errno as above. */
int event_groups_next(struct event_groups *groups);

/** Of a key or a cell of the source, in the row that event_groups_next() has come to. */
int64_t event_groups_value(const struct event_groups *groups, int column);

#endif
