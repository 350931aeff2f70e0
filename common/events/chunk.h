/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks: up to 65536 consecutive events of one process, in columns, compressed. What
 * lies in event_chunk.data; written by the collector, read by whoever looks at single
 * events.
 *
 * An event here is one *call*: the REALLOC_BEGIN and REALLOC_END records of the ring are
 * one event (kind SHM_EV_REALLOC_END). Events of a process are numbered from 0 in the
 * order in which the collector merged its threads; event_chunk.first_event is the number
 * of a chunk's first. A free names the *event number* of the allocation it ends
 * ("reference"), so a reader needs no map of addresses, and an address that is reused
 * many times is never ambiguous.
 *
 * Format, version 1
 *
 * Numbers are unsigned LEB128 ("varint"). z(d) maps a signed number to an unsigned one: 0, -1, 1, -2
 * become 0, 1, 2, 3. Differences are taken modulo 2^64, so that every value survives.
 *
 *   4 bytes   "DCH1"
 *   varint    first_event
 *   varint    n_events, 1..65536
 *   1 byte    shift, 0..10: times are in units of 2^shift ns, rounded down (below)
 *   varint    time of the first event, in units
 *   7 times   a column: varint raw bytes, varint stored bytes, the stored bytes;
 *             stored = 0: the raw bytes follow as they are; else one zstd frame
 *   nothing more
 *
 * What the columns hold, raw:
 *
 *   0  dictionaries   varint number of codes, then for each: byte kind, byte op, varint aux;
 *                     varint number of sites, then for each: varint z(row id - the one before it),
 *                     the first less 0
 *   1  codes          each event: varint index of its code
 *   2  times          each event: varint z(time - time of the event before), in units; the first: 0
 *   3  threads        runs: varint serial of the thread, varint events in a row; they add up to n_events
 *   4  sites          each event with a site (all but FREE): varint 0 = the predicted site, else
 *                     1 + index of the site; predicted is what followed the site of the event with a
 *                     site before this one the last time (index 0 when nothing did yet)
 *   5  sizes          the same events: varint z(size - size of the last event of its site in this
 *                     chunk), less 0 for the first
 *   6  blocks         each event but FAIL, INJECTED and ASKED: a reference, then an address
 *
 * A reference says which allocation of this process the call ends or leaves alone. ALLOC has none;
 * for all others it is one byte, and what its row says:
 *
 *   0..7   the n-th youngest allocation that is live and *of this chunk* (0 = the youngest)
 *   8, 9   of those, the next younger, the next older one, seen from where the one was that ended
 *          last by a reference 0..10
 *   10     varint: this event's index less the allocation's, in this chunk
 *   11     any other: varint z(event number - event number that the last 11 named; at first 0)
 *   12     none: realloc(NULL), or a block that was not seen being allocated
 *
 * An address follows, but for FREE and REALLOC_FAIL with a reference 0..10, whose block has one. It is a
 * varint:
 *
 *   0      the guess: for REALLOC_END with a reference 0..10 where the old block was, else what lies on
 *          top of the free list of the event's thread and size, which is taken off
 *   1      varint: the address
 *   n >= 2 n - 2 = z((address - expected) / 8). Expected is where the last block of the event's lane
 *          ends; for FREE and REALLOC_FAIL the last address that one of these has here (at first 0)
 *
 * A block ends at address + max(32, size + 8 rounded up to 16), as glibc's malloc has it.
 * Lane: number 2 (thread mod 64) + (1 when size >= 128 KiB, else 0); each expects 0 at first.
 * Free lists: 1024 stacks that hold the last 16 blocks put on them (an older one falls out). The list of
 * a thread and a size is number ((size + 23) / 16 * 0x9e3779b1 + thread * 0x85ebca6b mod 2^32) >> 22.
 * A block is put on the list of its allocation's thread and size when a FREE ends it by a reference
 * 0..10, or a REALLOC_END that moves it does.
 * All sums wrap at 2^64.
 *
 * Time. Clock readings are the one column without structure: at one event every 100 ns
 * their low bits alone cost more than all the rest. The writer picks the unit by the mean
 * gap between the chunk's events, never coarser than 1024 ns; the order of events is
 * exact in any case, and sums of lifetimes in site_stat are made from the full times.
 */
#ifndef DEARTH_CHUNK_H
#define DEARTH_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_MAX_EVENTS 65536u
#define CHUNK_NONE       UINT64_MAX

struct chunk_event {
    uint64_t time_ns;   /* since the start of the recording, rounded down to the unit */
    uint64_t address;   /* the new block; FREE, REALLOC_FAIL: the old one; 0: it failed */
    uint64_t size;      /* bytes requested; 0 for frees */
    uint64_t reference; /* event number of the allocation that this call ends (FREE,
                        REALLOC_END) or leaves alone (REALLOC_FAIL); CHUNK_NONE = none */
    int64_t site;       /* row of `site`, 0 = unknown or a free */
    uint32_t thread;    /* serial within the process: thread.serial */
    uint16_t aux;       /* log2(alignment) or errno, see schemas/shm.h */
    uint8_t kind;       /* enum shm_event_kind: ALLOC, FAIL, INJECTED, FREE, REALLOC_END,
                        REALLOC_FAIL, ASKED */
    uint8_t op;         /* enum shm_op */
};

/* What the row of a finished chunk says beside the data. */
struct chunk_summary {
    uint64_t first_event;
    uint32_t n_events;
    uint64_t start_ns, end_ns;   /* smallest and largest time */
    uint64_t min_size, max_size; /* over events with a site; 0, 0 when there are none */
};

struct chunk_writer;

/** Make a writer. @first_event: number of the first event of its first chunk. */
struct chunk_writer *chunk_writer_new(uint64_t first_event);
struct chunk_writer *chunk_writer_free(struct chunk_writer *writer); /* NULL allowed */

/**
 * Add the next event; its number is implied.
 * @event: reference < its own number, or CHUNK_NONE; kind one of those above
 * Return: 0, 1 when the chunk is full: call chunk_writer_finish() before the next; -ENOMEM:
 * it was not added.
 */
int chunk_writer_add(struct chunk_writer *writer, const struct chunk_event *event);

/** Events in the unfinished chunk. */
uint32_t chunk_writer_pending(const struct chunk_writer *writer);

/**
 * Encode what was added and start the next chunk.
 * @data, @n: the blob; owned by the writer, valid until the next add or finish
 * Return: 0, 1 when there was nothing to write, or -EIO (zstd failed).
 */
int chunk_writer_finish(struct chunk_writer *writer, struct chunk_summary *summary,
                        const uint8_t **data, size_t *n);

/**
 * Decode a chunk. Never reads or writes out of bounds, whatever the bytes.
 * @data, @n: the blob
 * @events: room for CHUNK_MAX_EVENTS
 * @first_event, @n_events: out
 * Return: 0, or -EBADMSG when the bytes are not a whole, consistent chunk.
 */
int chunk_read(const uint8_t *data, size_t n, struct chunk_event *events,
               uint64_t *first_event, uint32_t *n_events);

/** The same with address 0 everywhere, which is faster. Which allocation a call refers to is
 * told all the same; addresses that do not fit are not noticed. */
int chunk_read_without_addresses(const uint8_t *data, size_t n,
                                 struct chunk_event *events, uint64_t *first_event,
                                 uint32_t *n_events);

#endif
