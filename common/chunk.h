/*
 * Chunks: up to 65536 consecutive events of one process, in columns, compressed. What lies in
 * event_chunk.data; written by the collector, read by whoever looks at single events.
 *
 * An event here is one *call*: the REALLOC_BEGIN and REALLOC_END records of the ring are one
 * event (kind SHM_EV_REALLOC_END). Events of a process are numbered from 0 in the order in which
 * the collector merged its threads; event_chunk.first_event is the number of a chunk's first.
 * A free names the *event number* of the allocation it ends ("reference"), so a reader needs no
 * map of addresses, and an address that is reused many times is never ambiguous.
 *
 * Format, version 1. Integers are unsigned LEB128 ("varint"); z() is the zigzag map of a signed
 * number to an unsigned one; differences are taken modulo 2^64, so every value survives.
 *
 *   4 bytes   "DCH1"
 *   varint    first_event
 *   varint    n_events, 1..65536
 *   varint    base_ns: time all column-2 sums start from
 *   1 byte    shift, 0..10: times are in units of 2^shift ns (rounded down), see below
 *   7 columns, each: varint raw bytes, varint stored bytes, then the stored bytes;
 *             stored = 0 and raw > 0 means that the raw bytes follow as they are, otherwise one
 *             zstd frame of that many bytes follows.
 *   and nothing after them.
 *
 *   column 0  dictionaries: varint number of codes (<= 255), each: byte kind, byte op,
 *             varint aux; varint number of sites, each: varint z(row id - previous row id)
 *   column 1  one byte an event: index of its code
 *   column 2  one varint an event: z(time - time of the event before)
 *   column 3  threads: pairs of varints (thread serial, events in a row); runs add up to n_events
 *   column 4  sites, for each event with a site (all but frees): varint 0 = the predicted one,
 *             else 1 + index. Predicted is the site that followed the previous event's site the
 *             last time (index 0 at first).
 *   column 5  sizes, for the same events: varint z(size - size of the last event of that site
 *             index in this chunk (0 at first))
 *   column 6  blocks. For each event but FAIL and INJECTED, in this order:
 *             a) unless ALLOC: one byte, which allocation it refers to
 *                0..7   the n-th youngest still live allocation *of this chunk*
 *                8, 9   in order of age the next younger, next older neighbour, among the live
 *                       ones, of the allocation last referred to by 0..11 (which is
 *                       remembered as neighbours when it goes)
 *                10     varint: this event's number minus the allocation's, in this chunk
 *                11     the same, but the allocation is in an earlier chunk:
 *                       varint z(allocation's number - the number the last 11 named (0 at first))
 *                12     none: realloc(NULL), or a block that was not seen being allocated
 *             b) unless the address follows from a reference inside the chunk (FREE and
 *                REALLOC_FAIL with 0..10): the address, varint:
 *                0      the block of this size class and thread that was freed last ("guess")
 *                1      varint: the address itself
 *                n >= 2 n - 2 = z((address - expected) / 8), expected = where the previous
 *                       address of this thread slot would end under glibc's malloc
 *
 * Time. Clock readings are the one column without structure: at one event every 100 ns their low
 * bits alone cost more than all the rest. The writer picks the unit by the mean gap between the
 * chunk's events, never coarser than 1024 ns; the order of events is exact in any case, and
 * sums of lifetimes in site_stat are made from the full times.
 */
#ifndef DEARTH_CHUNK_H
#define DEARTH_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#define CHUNK_MAX_EVENTS 65536u
#define CHUNK_NONE       UINT64_MAX

struct chunk_event {
    uint64_t time_ns;   /* since the start of the recording, rounded down to the unit */
    uint64_t address;   /* the new block; FREE, REALLOC_FAIL: the old one; 0 when it failed */
    uint64_t size;      /* bytes requested; 0 for frees */
    uint64_t reference; /* event number of the allocation that this call ends (FREE,
                           REALLOC_END) or leaves alone (REALLOC_FAIL); CHUNK_NONE = none */
    int64_t site;       /* row of `site`, 0 = unknown or a free */
    uint32_t thread;    /* serial within the process: thread.serial */
    uint16_t aux;       /* log2(alignment) or errno, see schemas/shm.h */
    uint8_t kind;       /* enum shm_event_kind: ALLOC, FAIL, INJECTED, FREE, REALLOC_END,
                           REALLOC_FAIL */
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
 * Return: 0, or 1 when the chunk is full: call chunk_writer_finish() before the next.
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

#endif
