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
 * Format, version 1. Integers are unsigned LEB128 ("varint"); z() is the zigzag map of a
 * signed number to an unsigned one; differences are taken modulo 2^64, so every value
 * survives.
 *
 *   4 bytes   "DCH1"
 *   varint    first_event
 *   varint    n_events, 1..65536
 *   1 byte    shift, 0..10: times are in units of 2^shift ns (rounded down), see below
 *   varint    time of the first event, in units
 *   7 columns, each: varint raw bytes, varint stored bytes, then the stored bytes;
 *             stored = 0 and raw > 0 means that the raw bytes follow as they are,
 * otherwise one zstd frame of that many bytes follows. Nothing comes after the last.
 *
 *   column 0  dictionaries: varint number of codes, each: byte kind, byte op, varint aux;
 *             varint number of sites, each: varint z(row id - previous row id)
 *   column 1  one varint an event: index of its code
 *   column 2  one varint an event: z(time - time of the event before), in units
 *   column 3  threads: pairs of varints (thread serial, events in a row); runs add up to
 *             n_events
 *   column 4  sites, for each event with a site (all but frees): varint 0 = the predicted
 *             one, else 1 + index. Predicted is the site that followed the previous
 * event's site the last time (index 0 at first). column 5  sizes, for the same events:
 * varint z(size - size of the last event of that site in this chunk (0 at first)) column
 * 6  blocks, for each event but FAIL, INJECTED and ASKED: a, then b. a) which allocation of this
 * process it refers to; nothing for ALLOC 0..7   the n-th youngest that is still live and
 * *of this chunk* 8, 9   the next younger, next older of those, seen from the one that
 * ended last by 0..10 10     varint: this event's number - the allocation's (in this
 * chunk) 11     any other: varint z(its number - the number the last 11 named) 12 none:
 * realloc(NULL), or a block that was not seen being allocated b) its address, as one
 * varint; nothing for FREE and REALLOC_FAIL with 0..10 0      the guessed one: for
 * REALLOC_END with 0..10 the old block's, else what was freed last in the free list
 * (below) of thread and size 1      varint: the address itself n >= 2 n - 2 = z((address
 * - expected) / 8); expected is where the last block of its lane (below) ends; for FREE
 * and REALLOC_FAIL: what the last of these in this column had (0 at first)
 *
 * A block ends at address + max(32, size + 8 rounded up to 16), as glibc's malloc has it.
 * Lane: 2 (thread mod 64) + (size >= 128 KiB); it starts expecting 0. Free list: 1024 of
 * them, each a stack of the last 16 blocks (an older one falls out), index
 * ((size + 23) / 16 * 0x9e3779b1 + thread * 0x85ebca6b mod 2^32) >> 22, with thread and
 * size of the allocation; blocks go in when they end by 0..10 (not when a realloc keeps
 * the address) and come out when the guess was right. All sums wrap at 2^64.
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
    uint64_t time_ns; /* since the start of the recording, rounded down to the unit */
    uint64_t
        address;   /* the new block; FREE, REALLOC_FAIL: the old one; 0 when it failed */
    uint64_t size; /* bytes requested; 0 for frees */
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
