/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared-memory arena: the only channel between a target process and dearth.
 *
 *   session directory (private, 0700)
 *   └── arena            one file, mapped whole by dearth and by every target process
 *        ├── block 0     struct shm_header (faults, process directory, free list)
 *        ├── block 1, 2  struct shm_bindings
 *        └── block n     SHM_BLOCK_BYTES each: process | nodes | ring segment | modules
 *
 * The collector side (recorder/session/session.c) pre-allocates blocks on disk *before* it raises
 * `blocks_ready`, so a full disk is an error over there and never a SIGBUS in here. Target
 * processes take blocks lock-free (a recycled one, else the next fresh one below
 * `blocks_ready`) and give none back but what they had no use for: the collector recycles
 * them. A fresh block is all zeroes, also after a reset; what is in a recycled one is chance.
 *
 * Who writes what
 *   header        dearth, except the fields marked (target)
 *   process block its own process; the collector writes only fields marked (collector)
 *   node block    its own process, published by `struct shm_node.state`
 *   ring segment  one thread; the collector only reads, then recycles the segment
 *
 * Invariants
 *   I1  an event is published (ring `head`, release) before the real free()/realloc()
 *       begins and after the real malloc() returned; so for one address, publication
 *       order is the order of ownership, and a collector that takes a time stamp T,
 *       then reads every head, then consumes only events with time <= T, always sees
 *       a block's free before its next allocation.
 *   I2  every node id found in a published event has state SHM_NODE_READY, and so has
 *       every ancestor.
 *   I3  block ids and node ids are never 0 when valid; 0 means "none".
 *   I4  the program can write over all of it by mistake, and no side believes what it reads:
 *       each keeps in private memory how far it has come and only publishes that here. A word
 *       that contradicts what its reader knows is damage: the reader puts its own copy back,
 *       the ring in question is read no further (`dropped`), its thread goes on without
 *       waiting, and the recording is not exact.
 *   I5  all fields are little-endian, naturally aligned, and the same in every process
 *       of one session (one architecture, one word size).
 *
 * All atomics are plain integers accessed with __atomic builtins, so that the layout is the
 * same for C and for tools that read a dead session ("recover").
 */
#ifndef DEARTH_SHM_H
#define DEARTH_SHM_H

#include <stdint.h>

#include "key.h"

/* What a field means stands beside it: */
/* clang-format off */
#define SHM_MAGIC 0x6d68736874726164ull /* "darthshm" */
#define SHM_VERSION 17u
#define SHM_BLOCK_BYTES 65536u
#define SHM_MAX_PROCESSES 8192u /* directory entries: processes at once; more are counted, not logged */
#define SHM_PATH_BYTES 1024u
#define SHM_DEFAULT_DEPTH 512u /* frames kept of a stack, when nothing else is asked for */
#define SHM_MAX_FAULTS 4u /* faults[1] is armed by the firing of faults[0]: --depth 2 */
#define SHM_EXPLORED_CALLS 65536u /* allocating calls of a process that are looked at after a failure */

/* Environment of the target; both are hidden from the program once the library is up. */
#define SHM_ENV_ARENA "DEARTH_ARENA" /* absolute path of the arena file */

/* struct shm_header.flags */
enum shm_flag {
    SHM_EVENTS = 1u << 0,       /* write every event to the thread's ring */
    SHM_COUNT_SITES = 1u << 1,  /* count per site node (count, bytes, failed) */
    SHM_FAULTS = 1u << 2,       /* a fault order is armed: match faults[] */
    SHM_SKIP_UNWIND = 1u << 3,  /* unwind only where the immediate caller can match a fault;
                                   once a fault fired, unwind everywhere with SHM_COUNT_SITES,
                                   nowhere without */
    SHM_DROP_WHEN_FULL = 1u << 4, /* count a loss instead of waiting for the collector */
    SHM_NO_ARGV = 1u << 5,      /* do not copy argv into the process block */
    SHM_SNAPSHOT = 1u << 6,     /* copy the process at every ordered site (struct shm_orders) */
    SHM_LEAKS = 1u << 7,        /* keep a table of live blocks and scan for unreachable ones at exit */
    SHM_GUARD = 1u << 8,        /* canaries, quarantine and poison around every block */
    SHM_VALGRIND = 1u << 20,    /* runs under Valgrind: some system calls are not understood there */
    SHM_CHANCE = 1u << 10,      /* with SHM_FAULTS and SHM_COUNT_SITES: calls fail by chance (struct shm_chance) */
    SHM_SWEEP = 1u << 15,       /* faults are armed and lifted while the target runs (claim) */
    SHM_NO_LIBUNWIND = 1u << 11, /* no stack of this program has ever needed libunwind: do not open it;
                                   a stack that needs it after all is incomplete */
    SHM_MARKED = 1u << 12,      /* failures only between dearth_begin() and dearth_end() */
    SHM_SEEN = 1u << 13,        /* with SHM_EVENTS: a program that starts waits until the collector has looked at its
                                   environment and descriptors from outside (shm_process.seen) */
};

/* Allocation functions. The value is also the `offset` of a site's leaf node. */
enum shm_op {
    SHM_OP_NONE = 0,
    SHM_OP_MALLOC = 1,
    SHM_OP_CALLOC = 2,
    SHM_OP_REALLOC = 3,
    SHM_OP_REALLOCARRAY = 4,
    SHM_OP_POSIX_MEMALIGN = 5,
    SHM_OP_ALIGNED_ALLOC = 6,
    SHM_OP_MEMALIGN = 7,
    SHM_OP_VALLOC = 8,
    SHM_OP_PVALLOC = 9,
    SHM_OP_FREE = 10, /* free, cfree, free_sized, free_aligned_sized */
    SHM_OP_MMAP = 11,
    SHM_OP_MREMAP = 12,
    SHM_OP_MUNMAP = 13,
    SHM_OP_BRK = 14,
    SHM_OP_SHOULD_FAIL = 15, /* dearth_should_fail(): the program's own allocator asks */
    SHM_N_OPS
};

/* struct shm_event.kind */
enum shm_event_kind {
    SHM_EV_NONE = 0,
    SHM_EV_ALLOC = 1,         /* after success: address, size, node, op; aux = log2(alignment) or 0 */
    SHM_EV_FAIL = 2,          /* the real allocator failed: address 0, aux = errno */
    SHM_EV_INJECTED = 3,      /* dearth made it fail: address 0, aux = errno */
    SHM_EV_FREE = 4,          /* before the real free: address (never NULL) */
    SHM_EV_REALLOC_BEGIN = 5, /* before the real realloc of a non-NULL block: address = old block */
    SHM_EV_REALLOC_END = 6,   /* after success: address = new block, size, node; always follows the
                                 same thread's REALLOC_BEGIN if the old block was not NULL */
    SHM_EV_REALLOC_FAIL = 7,  /* after failure: the old block (address) lives on; size, node, aux = errno */
    SHM_EV_ASKED = 9,         /* dearth_should_fail() said no: address 0, size, node */
    SHM_EV_REALLOC_GONE = 10, /* in place of REALLOC_END when the new block is not in the sample (sample_bytes) */
    SHM_EV_THREAD = 8,        /* first record of a thread in its ring: address = tid, size = thread
                                 serial within the process (main thread 1) */
};

/* In `aux` of what allocates, beside its value: where the program said so (dearth.h). */
#define SHM_AUX_NEVER  0x8000u /* between dearth_never_begin() and dearth_never_end() */
#define SHM_AUX_INSIDE 0x4000u /* between dearth_begin() and dearth_end() */
#define SHM_AUX_VALUE  0x00ffu
#define SHM_AUX_CHECK  0x3f00u /* shm_event_check() */

/* 32 bytes; written by one thread, in program order. */
struct shm_event {
    uint64_t time;    /* ticks: see shm_header.clock */
    uint64_t address; /* as the program sees it */
    uint64_t size;    /* bytes requested (calloc, reallocarray: the product) */
    uint32_t node;    /* site node (leaf) in the process's tree; 0 for frees or when unknown */
    uint8_t kind;     /* enum shm_event_kind */
    uint8_t op;       /* enum shm_op */
    uint16_t aux;
};

/* What a record's check is mixed with, so that one of another ring or of the segment's former life
 * has another: @serial is that of the segment in its ring. */
static inline uint64_t shm_segment_seed(uint32_t process, uint32_t ring, uint32_t serial) {
    uint64_t seed = ((uint64_t)process << 32 | serial) * 0x9e3779b97f4a7c15ull;
    return (seed ^ ring) * 0xbf58476d1ce4e5b9ull;
}

/* Six bits over a record, without those six. A changed bit changes them; other damage is found in
 * 63 of 64 cases. @rest: node | kind << 32 | op << 40 | aux << 48 */
static inline uint64_t shm_event_check(uint64_t seed, uint64_t time, uint64_t address,
                                       uint64_t size, uint64_t rest) {
    return (seed ^ time ^ address ^ size ^ rest) * 0x9e3779b97f4a7c15ull >> 58;
}

/* A ring is a chain of segments. The writer fills records[0..SHM_SEGMENT_EVENTS), then links the
 * next segment and goes on there; the reader recycles a segment once it is full, read and linked. */
#define SHM_SEGMENT_EVENTS ((SHM_BLOCK_BYTES - 64u) / sizeof(struct shm_event))
struct shm_segment {
    uint32_t head;    /* (target, release) records published in this segment */
    uint32_t next;    /* (target, release) block id of the next segment, 0 while there is none */
    uint32_t owner;   /* process block id */
    uint32_t ring;    /* number of the ring in its process */
    uint32_t serial;  /* of the segment in its ring, 1 = first */
    uint8_t reserved[44];
    struct shm_event records[SHM_SEGMENT_EVENTS];
};

/* One per thread that ever had an event; slots are taken over when their thread has died. 64 bytes. */
struct shm_ring {
    uint32_t first;    /* (target sets once; then collector) oldest segment not yet recycled */
    uint32_t tid;      /* kernel thread id of the current owner, 0 = slot never used; after its first event */
    uint32_t serial;   /* thread serial within the process, 1 = first seen */
    uint32_t made;     /* (target, release) segments linked so far: after `next` or `first` names the last */
    uint32_t given;    /* (collector) of these, given back so far */
    uint32_t dropped;  /* (collector) 1 = found damaged: read no further, its thread counts its events as lost */
    uint64_t emitted;  /* (target) records written so far: at its end, and when it has seen `dropped`; 0 = not said */
    uint64_t waited_ns;/* time this thread spent waiting for the collector */
    uint64_t lost;     /* events dropped (SHM_DROP_WHEN_FULL, collector gone, `dropped`) */
    uint32_t reserved[4];
};
#define SHM_RING_SEGMENTS 128u      /* 8 MiB of backlog: a thread's own */
#define SHM_RING_SEGMENTS_MAX 1024u /* 64 MiB, where blocks are to be had; then the thread waits (or drops) */

/* Frame tree. Root's children are the outermost frames; a leaf with module 0 is a *site*: its
 * offset is the enum shm_op. Recursion is folded by loop erasure: adding a frame that is already on
 * the path from the root returns that ancestor instead of a new node.
 * 64 bytes. */
enum shm_node_state { SHM_NODE_EMPTY = 0, SHM_NODE_READY = 1 };
struct shm_node {
    struct dearth_key key; /* stack_key of the folded path, see key.h */
    uint64_t address;      /* return address in this process; enum shm_op for a site node */
    uint64_t offset;       /* address - module's load bias; enum shm_op for a site node */
    uint32_t parent;       /* node id, 0 = root */
    uint32_t module;       /* 1-based index into the process's module table, 0 for a site node */
    uint32_t state;        /* enum shm_node_state (release) */
    uint32_t flags;        /* enum shm_node_flag */
    uint64_t count;        /* SHM_COUNT_SITES: allocating calls seen at this site */
    uint64_t bytes;        /* SHM_COUNT_SITES: bytes requested */
};
enum shm_node_flag {
    SHM_NODE_AFTER_FAULT = 1u << 0, /* first seen in this process after a fault fired */
    SHM_NODE_TRUNCATED = 1u << 1,   /* the stack was deeper than the limit; outermost frames cut */
    SHM_NODE_INCOMPLETE = 1u << 2,  /* the unwinder stopped early (no CFI); path is what was found */
    SHM_NODE_ALIAS = 1u << 3,       /* never appears in events; private to the target */
};
#define SHM_NODES_PER_BLOCK (SHM_BLOCK_BYTES / sizeof(struct shm_node)) /* 1024 */
/* node id n lives in block node_blocks[n / SHM_NODES_PER_BLOCK], slot n % SHM_NODES_PER_BLOCK */
#define SHM_MAX_NODE_BLOCKS 1024u /* 1 Mi nodes a process; beyond: node 0 and counted */

enum shm_module_flag {
    SHM_MODULE_ANONYMOUS = 1u << 0, /* code in no mapped file (JIT, trampolines): one pseudo module */
    SHM_MODULE_CONTENT_ID = 1u << 1,/* no build-id note: build_id is a hash of the text segment */
    SHM_MODULE_UNLOADED = 1u << 2,
    SHM_MODULE_NO_CFI = 1u << 3,    /* has no .eh_frame_hdr */
};
struct shm_module {
    uint64_t bias;       /* link_map l_addr; file vaddr = address - bias */
    uint64_t start, end; /* mapped range */
    uint64_t loaded, unloaded; /* ticks; unloaded 0 = still there */
    uint32_t flags;      /* enum shm_module_flag */
    uint32_t build_id_bytes;
    uint8_t build_id[32];
    char path[SHM_PATH_BYTES - 80];
}; /* 1024 bytes */
#define SHM_MODULES_PER_BLOCK (SHM_BLOCK_BYTES / sizeof(struct shm_module)) /* 64 */
#define SHM_MAX_MODULE_BLOCKS 64u

enum shm_process_state {
    SHM_PROCESS_EMPTY = 0,
    SHM_PROCESS_READY = 1,   /* fields below are valid (release) */
    SHM_PROCESS_EXECED = 2,  /* called an exec function that is about to replace the image (target);
                                goes back to READY if the exec failed */
    SHM_PROCESS_EXITED = 3,  /* ran its destructors, or called _exit() or the like */
};
enum shm_process_origin { SHM_ORIGIN_FIRST = 0, SHM_ORIGIN_FORK = 1, SHM_ORIGIN_EXEC = 2 };

/* Something the user must be told about: an exec that cannot be followed, a refused mapping. */
enum shm_note_kind {
    SHM_NOTE_NONE = 0,
    SHM_NOTE_EXEC_STATIC = 1,  /* text = path of the program */
    SHM_NOTE_EXEC_SETUID = 2,
    SHM_NOTE_EXEC_OTHER_LIBC = 3, /* musl and friends: another PT_INTERP */
    SHM_NOTE_EXEC_OTHER_ABI = 4,  /* 32 bit, other machine */
    SHM_NOTE_NO_LIBUNWIND = 5,
    SHM_NOTE_EXEC_NO_ACCESS = 6, /* after setuid() or chroot(): the library or the arena is
                                    out of reach; text = path of the program */
    SHM_NOTE_SANDBOX = 7, /* put a seccomp filter around itself; text = path of the program */
    SHM_NOTE_CLOCK = 8,   /* may not read the clock any more (PR_SET_TSC, strict mode): `time` is as
                             of the collector's last round and a count; text = path of the program */
};
struct shm_note {
    uint32_t state; /* 1 = valid (release) */
    uint32_t kind;
    char text[248];
};
#define SHM_MAX_NOTES 16u
/* Rings 0 .. SHM_INNER_RINGS-1 lie in the process block, ring i of the others in the block
 * ring_blocks[(i - SHM_INNER_RINGS) / SHM_RINGS_PER_BLOCK], at the remainder. */
#define SHM_INNER_RINGS 768u
#define SHM_RINGS_PER_BLOCK (SHM_BLOCK_BYTES / sizeof(struct shm_ring)) /* 1024 */
#define SHM_MAX_RING_BLOCKS 64u
#define SHM_MAX_RINGS (SHM_INNER_RINGS + SHM_MAX_RING_BLOCKS * 1024u) /* threads alive at once */
#define SHM_ARGV_BYTES 4096u

/* A block that was given back. */
struct shm_free {
    uint32_t next; /* block id of the next one, 0 = last */
    uint32_t reserved;
    uint64_t mark; /* shm_free_mark() of its own id, as long as it is in the list */
};
static inline uint64_t shm_free_mark(uint32_t id) {
    return (id + 1ull) * 0x9e3779b97f4a7c15ull;
}

struct shm_process {
    uint32_t state;  /* enum shm_process_state */
    uint32_t origin; /* enum shm_process_origin */
    uint32_t pid, ppid;
    uint32_t serial; /* order of arrival, from 1; never given twice in a session */
    uint32_t slot;   /* its entry in shm_header.processes */
    uint32_t parent; /* serial of the process it was forked from or whose image it replaced; 0 if unknown */
    uint32_t parent_slot; /* where that had its entry; another one's by now when the serial there differs */
    uint32_t n_threads; /* thread serials handed out */
    uint64_t started, ended; /* ticks */
    uint64_t pid_start_time; /* field 22 of /proc/PID/stat, so that a reused pid is not mistaken; 0 = unknown */
    uint64_t pid_namespace;  /* inode of /proc/PID/ns/pid: where `pid` means it; 0 = unknown. With SHM_EVENTS only */
    uint32_t closed;  /* (collector) 1 = it was seen to end and nothing is read any more: who writes here
                         after all must neither wait nor go on unnoticed */
    uint32_t n_nodes;   /* ids handed out so far, including duplicates never published */
    uint32_t n_modules;
    uint32_t n_rings;   /* rings in use; the block of the last ones may not be there yet */
    uint32_t argc_stored; /* argv, cwd and pid_start_time are filled in with SHM_EVENTS only */
    uint64_t waited_ns;       /* before it was entered, for the collector (entry_limit) */
    uint64_t lost;            /* events with no ring (no block to be had, too many threads) */
    uint64_t nodes_lost;      /* events whose stack could not be interned */
    uint64_t truncated;       /* events whose stack was deeper than the limit */
    uint64_t incomplete;      /* events whose unwinding stopped early */
    uint64_t fallbacks;       /* stacks that needed libunwind */
    uint64_t boot_events;     /* calls served by the static area before the allocator was known */
    uint64_t inherited_sticky;/* 1 = born with a sticky fault in force */
    uint32_t exit_told;       /* (target) 256 + the status that it gave to exit(), _exit() or the like; 0 = none */
    uint32_t seen;            /* (collector) SHM_SEEN: 1 = looked at, it need not wait any more */
    uint8_t reserved[56];
    uint32_t node_blocks[SHM_MAX_NODE_BLOCKS];
    uint32_t module_blocks[SHM_MAX_MODULE_BLOCKS];
    struct shm_note notes[SHM_MAX_NOTES];
    char exe[SHM_PATH_BYTES];
    char cwd[SHM_PATH_BYTES];
    char argv[SHM_ARGV_BYTES]; /* argc_stored strings, each NUL-terminated; may be cut */
    struct shm_ring rings[SHM_INNER_RINGS];
    uint32_t ring_blocks[SHM_MAX_RING_BLOCKS]; /* (target, release) taken when first needed; 0 = none */
};

enum shm_fault_mode {
    SHM_FAULT_NONE = 0,
    SHM_FAULT_ONCE = 1,   /* this occurrence only */
    SHM_FAULT_STICKY = 2, /* this occurrence and every later allocation of that process and of what it forks; with a scope
                             (shm_header.scope_block) those in it, with a `thread` those of it */
    SHM_FAULT_BURST = 3,  /* this occurrence and the next burst-1 allocations of that process, likewise */
};
enum shm_fault_thread {
    SHM_FAULT_ANY = 0,
    SHM_FAULT_MAIN = 1,  /* only calls of the calling process's main thread count and fail */
    SHM_FAULT_OTHER = 2, /* only calls of its other threads */
};
struct shm_fault {
    struct dearth_key site;      /* site key to fail */
    struct dearth_key leaf_module; /* module_key of the innermost real frame: lets the hook skip unwinding */
    uint64_t leaf_offset;        /* offset of the innermost real frame */
    uint64_t occurrence;         /* 1-based, counted over all processes of the session */
    uint32_t mode;               /* enum shm_fault_mode */
    uint32_t burst;
    /* proof (target): written before the hook returns NULL, `fired` last (release) */
    uint64_t hits;       /* matching calls so far */
    uint64_t fired_time; /* ticks */
    uint64_t fired_size; /* bytes requested */
    uint32_t fired_pid, fired_tid;
    uint32_t fired_process; /* process block id */
    uint32_t fired_node;
    uint64_t also_failed;   /* further calls failed by sticky or burst */
    uint64_t spared;        /* with a scope: later calls that sticky or burst would have met, and that are not in it */
    uint64_t unsure;        /* of both: those in whose decision a frame counted of which not all is known (SHM_SCOPE_NEARLY) */
    uint64_t unseen;        /* of those spared: there was no stack to decide by */
    uint64_t last;          /* the last call that failed, of its own process: process block id << 32 | site node */
    uint32_t fired;         /* shm_fired() of the attempt's nonce = this fault was injected */
    uint32_t thread;        /* enum shm_fault_thread: part of the order, not of the proof */
};

static inline uint32_t shm_fired(uint64_t nonce, uint32_t index) {
    return (uint32_t)((nonce + index) * 0x9e3779b97f4a7c15ull >> 32) | 1;
}

/* The same proof where no wild write of the program comes to: in the block of the arena's file that
 * is behind the part that is mapped, entry i of fault i; it is mapped only while it is written.
 * Missing in sweeps, and where the program cannot map it (a sandbox, another root, no descriptor or
 * address space left). */
struct shm_proof {
    uint64_t nonce; /* of the attempt */
    uint64_t hits, size, time;
    uint32_t pid, tid;
    uint32_t process, node; /* block id; site node */
    uint32_t fired;         /* shm_fired() */
    uint32_t reserved;
    char exe[SHM_PATH_BYTES]; /* of the process, NUL-terminated */
};

/*
 * A scope: which later calls a failure that lasts takes, decided by the stack of each. dearth writes it before the target
 * starts, in as many blocks as it takes from shm_header.scope_block on, one piece.
 *
 *   frame ─ module's key ─► modules[] ─► entries[first, first + n), sorted: the last one that is not above the return
 *        address's offset ─► its classes; none: those of the module; no such module: SHM_SCOPE_NEARLY alone
 *
 *   in scope: for each class that is wanted some frame has it, none is OUT, and who asks (the innermost frame that does
 *   not only pass the call on) is no HARNESS. From an END on outward nothing is looked at.
 */
enum shm_scope_class {
    SHM_SCOPE_IN = 1u << 0,
    SHM_SCOPE_OUT = 1u << 1,
    SHM_SCOPE_OWN = 1u << 2,
    SHM_SCOPE_PASSES = 1u << 3,  /* an allocator, a runtime: who asks is further out */
    SHM_SCOPE_HARNESS = 1u << 4, /* a test harness that is not named as a part of the scope */
    SHM_SCOPE_END = 1u << 5,     /* a test harness, where the scope is what its tests come to */
    SHM_SCOPE_NEARLY = 1u << 6,  /* by its function alone: the recording has no such address, and what is inlined there is
                                    not known */
};
#define SHM_SCOPE_CLASS_BITS 8u
#define SHM_SCOPE_MODULES 1024u
#define SHM_SCOPE_ENTRIES 262144u /* 2 MiB */
struct shm_scope_module {
    struct dearth_key key; /* module_key */
    uint32_t first, n;     /* of entries[] */
    uint32_t classes;      /* of what lies before the first of them */
    uint32_t reserved;
};
struct shm_scope {
    uint32_t wanted; /* SHM_SCOPE_IN, SHM_SCOPE_OWN */
    uint32_t doubts; /* SHM_SCOPE_OUT, SHM_SCOPE_HARNESS: classes that a frame of which not all is known may have */
    uint32_t n_modules, n_entries;
    struct shm_scope_module modules[SHM_SCOPE_MODULES];
    uint64_t entries[]; /* offset of a return address << SHM_SCOPE_CLASS_BITS | classes from there on */
};
static inline uint32_t shm_scope_blocks(uint32_t n_entries) {
    return (uint32_t)((sizeof(struct shm_scope) + n_entries * 8ull + SHM_BLOCK_BYTES - 1) / SHM_BLOCK_BYTES);
}

/* What goes on after a fault fired, under SHM_SKIP_UNWIND and in copies: is a program that does not end at work? */
#define SHM_PROGRESS_BITS 4096u
struct shm_progress {
    uint64_t calls; /* (target) allocating calls */
    uint64_t places[SHM_PROGRESS_BITS / 64]; /* (target) one bit for each return address they came from, hashed */
};

/*
 * Snapshots (SHM_SNAPSHOT): the original runs through; at an ordered site it is copied, and the
 * copy gets the failure.
 *
 *   target (original)                      worker (its tracer)
 *   orders[i] is due at this call
 *   may it be copied? no: refusal ──────────────────────────────► left to rerun
 *   socket pair, `asked` = i + 1
 *   clone ──── PTRACE_EVENT_CLONE ───────► stopped, and stays so
 *     copy: waits on its end ◄──────────── private descriptors, by the socket it took out of the
 *     dup3 each, forget the original        original; or refusal, and the copy is killed
 *     proof in faults[0], NULL               watches the copy until its last process is gone
 *                                            puts back what the copy did to files
 *   dup3 each, where files are others now ◄─ `renewed` and private descriptors, by the same socket
 *   closes the pair, goes on ◄──────────── continued
 *
 * The copy is made by a raw clone without CLONE_VM: glibc does not learn of it, so the thread id in the
 * thread control block is still the original's, and locks that the thread holds can be released.
 */
enum shm_refusal {
    SHM_REFUSED_NOT = 0,
    SHM_REFUSED_NEVER_DUE,  /* the original ended before */
    SHM_REFUSED_THREADS,    /* another thread is alive */
    SHM_REFUSED_CHILDREN,   /* it has children, which a copy could not wait for */
    SHM_REFUSED_PIPE,       /* a pipe to another process */
    SHM_REFUSED_SOCKET,     /* a socket that a copy would share */
    SHM_REFUSED_DESCRIPTOR, /* another descriptor that cannot be made private: epoll, timerfd, a terminal */
    SHM_REFUSED_MAPPING,    /* a writable shared mapping */
    SHM_REFUSED_TIMER,      /* an interval timer runs: a copy would have none */
    SHM_REFUSED_FILES,      /* files were written that could not be put back after a copy */
    SHM_REFUSED_PARENT,     /* another process decides what the copy's end means */
    SHM_REFUSED_LIMIT,      /* no process or descriptor to be had */
    SHM_REFUSED_DIVERGED,   /* the original did not end as the baseline */
    SHM_REFUSED_UNAVAILABLE,/* untraced, no private tree, or a kernel without pidfd_getfd */
    SHM_REFUSED_BUSY,       /* another process of the tree was being copied, for too long to wait */
    SHM_REFUSED_CHECK,      /* the user's comparison has to look at it: it wants the tree for itself */
    SHM_REFUSED_SIGNALS,    /* the copy sent signals to the original, its parent or everybody */
    SHM_REFUSED_IPC,        /* there are System V objects or message queues, which a copy would share */
    SHM_REFUSED_LAST,       /* it ended by abort(), and a later failed call decides what that means */
    SHM_REFUSED_PROCESS_ID, /* where files are written: it compared its process id, perhaps, with its original's */
    SHM_REFUSED_SCOPE,      /* the failure lasts and has a scope, and in a copy a thread or child asked whose stack is not seen */
    SHM_N_REFUSALS
};
#define SHM_ASKING UINT32_MAX
struct shm_order {
    struct dearth_key site;
    uint64_t occurrence; /* 1-based, counted over all processes of the run */
    uint64_t hits;       /* (target) calls seen */
    uint32_t mode;       /* enum shm_fault_mode */
    uint32_t burst;
    uint32_t refusal;    /* (target, worker) enum shm_refusal */
    uint32_t most;       /* at the first allocating call after so many the copy sends itself SIGSTOP, once, which its
                            tracer takes from it: that of its end; 0 = never */
    uint64_t fired_size; /* (target) bytes requested, before it asks */
    uint32_t leaks;      /* SHM_LEAKS: 1 = the copy looks for leaks when it ends; 0 = it is watched no more */
    uint32_t reserved;
};
/* In SHM_ORDER_BLOCKS blocks from shm_header.orders_block on, one piece. `index` finds an order by its
 * key: open addressing from key.lo on, entry = order + 1, 0 = empty. Orders of one site are neighbours. */
#define SHM_ORDER_BLOCKS 8u
#define SHM_MAX_ORDERS   4096u
#define SHM_ORDER_INDEX  8192u
struct shm_orders {
    uint32_t n;
    uint32_t asked;    /* (target) order + 1 that a copy is being made for, when the fields below are filled in
                          (release); SHM_ASKING until then; 0 = none, and whoever changes that is the one
                          process of the tree that asks */
    int32_t pid;       /* (target) who asks */
    int32_t channel;   /* (target) descriptor in the asking process: the worker's end of the pair */
    uint32_t nested;   /* (target) the copy is the child of an intermediate process */
    uint32_t copies;   /* (target) made so far */
    int32_t own;       /* (target) the copy's end of the pair */
    uint32_t renewed;  /* (both) 1 = a message with descriptors for the original lies at that end; 0 when it has them */
    uint32_t asked_pid; /* (target) 1 = a copy asked for its process id, as its original had done before; 0 by the worker */
    uint32_t waited;    /* (target) 1 = a process waits for its turn to ask; 0 by whoever asks or gives way */
    uint32_t reserved[6];
    struct shm_order orders[SHM_MAX_ORDERS];
    uint16_t index[SHM_ORDER_INDEX];
};
/* What the worker sends over the pair, with the descriptors as SCM_RIGHTS in the same order. */
#define SHM_COPY_DESCRIPTORS 64u
enum shm_cloexec {
    SHM_CLOEXEC_OFF,
    SHM_CLOEXEC_ON,
    SHM_CLOEXEC_AS_IT_IS /* of the descriptor that is replaced: asked in the copy, at a tenth of the price */
};
struct shm_copy_message {
    uint32_t n;
    struct {
        int32_t fd;      /* number in the target that it replaces */
        uint32_t cloexec; /* enum shm_cloexec */
    } place[SHM_COPY_DESCRIPTORS];
};

/* SHM_LEAKS: what a process found at its end, one block each, linked from shm_header.leaks. */
enum shm_leaks_state {
    SHM_LEAKS_NONE = 0,
    SHM_LEAKS_DONE = 1,    /* the scan ran to its end: what is not in here is not leaked */
    SHM_LEAKS_BUDGET = 2,  /* given up: it took too long */
    SHM_LEAKS_THREADS = 3, /* given up: another thread was alive and could not be stopped */
    SHM_LEAKS_MEMORY = 4,  /* given up: no memory for the table of live blocks, or too many mappings */
    SHM_LEAKS_REFUSED = 5, /* given up: the program may not read its own /proc (sandbox, not dumpable) */
};
struct shm_leak {
    uint32_t node; /* site node in the process's tree */
    uint32_t reserved;
    uint64_t blocks, bytes; /* that nothing points to any more; bytes as requested */
    uint64_t direct;        /* of these blocks, those that no other such block leads to */
};
#define SHM_LEAKS_MAX 2045u
struct shm_leaks {
    uint32_t process; /* block id of the process */
    uint32_t state;   /* enum shm_leaks_state */
    uint32_t next;    /* block id of the next one, 0 = last */
    uint32_t n;       /* entries of leaks[] */
    uint64_t overflow_blocks, overflow_bytes; /* of sites that found no room */
    uint64_t live_blocks; /* looked at */
    uint64_t cpu_ns;      /* the scan took */
    uint32_t exit_node;   /* frame node: from where the end was asked for, 0 = unknown */
    uint32_t reserved;
    struct shm_leak leaks[SHM_LEAKS_MAX];
};

/* SHM_GUARD: damage to a block, found by recorder/preload/guard.c */
enum shm_damage_kind {
    SHM_DAMAGE_NONE = 0,
    SHM_DAMAGE_OVERRUN = 1,     /* written behind the block */
    SHM_DAMAGE_UNDERRUN = 2,    /* written before it */
    SHM_DAMAGE_AFTER_FREE = 3,  /* written after it was freed */
    SHM_DAMAGE_DOUBLE_FREE = 4, /* freed twice */
    SHM_DAMAGE_BAD_FREE = 5,    /* an address inside of it was freed */
};
enum shm_damage_where {
    SHM_DAMAGE_AT_FREE = 1,
    SHM_DAMAGE_AT_REALLOC = 2,
    SHM_DAMAGE_AT_EVICTION = 3, /* when the freed block left the quarantine: the stack is a later one */
    SHM_DAMAGE_AT_EXIT = 4,
};
struct shm_damage {
    uint32_t claimed; /* (target) 1 = somebody fills it in: the first in the tree */
    uint32_t ready;   /* (target, release) 1 = the fields below are valid */
    uint32_t kind;    /* enum shm_damage_kind */
    uint32_t where;   /* enum shm_damage_where */
    uint32_t pid;
    uint32_t process; /* process block id */
    uint32_t node;    /* site that allocated the block, 0 = unknown */
    uint32_t reserved;
    uint64_t address; /* of the block; BAD_FREE: what was freed */
    uint64_t size;    /* bytes requested, 0 = unknown */
    int64_t offset;   /* first damaged byte, from the start of the block */
};

/* SHM_CHANCE. Chosen are the sites of shm_orders, when orders_block is set, else all. Calls are counted
 * over all processes of the session. */
#define SHM_CHANCE_LOG 64u
struct shm_chance_failed { /* (target) the proof of one failure */
    uint64_t call;       /* number of the chosen call, 1-based */
    uint64_t size;       /* bytes requested */
    uint64_t occurrence; /* of the site in its process */
    uint32_t process;    /* process block id */
    uint32_t node;
    uint32_t pid, tid;
    uint32_t state;      /* shm_fired() of its place in the log = valid (release) */
    uint32_t reserved;
};
struct shm_chance {
    uint64_t threshold; /* a call fails when its random number is not above it */
    uint64_t seed;
    uint64_t interval;  /* only every so-many-th chosen call is looked at */
    uint64_t times;     /* so many calls fail at most; 0 = any number */
    uint64_t space;     /* bytes that chosen calls must have asked for before one fails */
    uint64_t calls, bytes; /* (target) of chosen calls so far */
    uint64_t struck;    /* (target) failures asked for, with `times` */
    uint32_t n_failed;  /* (target) failures; those beyond the log are only counted */
    uint32_t reserved;
    struct shm_chance_failed failed[SHM_CHANCE_LOG];
};

/*
 * Sweeps (SHM_SWEEP): faults[0] is laid down, armed and lifted again while the target runs.
 *
 *   claim = epoch << 32 | hits        epoch 0: nothing is armed
 *
 *   worker                                       any thread of the target
 *   claim is 0; writes faults[0], any_fired = 0
 *   claim = e << 32 (release) ──── armed ──────► v = claim (acquire); epoch 0: no fault
 *                                                reads faults[0]: is it this site?
 *                                                claim: v ─CAS─► v + 1; only who makes hits the
 *                                                ordered occurrence fails, proves, sets `fired`
 *   last = exchange(claim, 0) ──── lifted ─────► sticky and bursts remember the epoch they fired in:
 *   hits of last >= occurrence:                  another one in claim, and they are over, in forked
 *     waits for `fired`, reads the proof         children too
 *
 * An epoch never comes twice while a target lives, so a CAS that succeeds proves that what the thread
 * has read of faults[0] belonged to the fault that is armed: a half-written order matches nothing. A call
 * whose failure was decided before the exchange may return after it; it is the lifted fault's.
 */

enum shm_clock { SHM_CLOCK_MONOTONIC_NS = 0, SHM_CLOCK_TSC = 1, SHM_CLOCK_CNTVCT = 2 };

/* bind() to what other processes may want too: a port that is not 0, an abstract name. */
struct shm_addresses {
    uint32_t taken, refused; /* (target) how often; refused: EADDRINUSE */
    uint32_t family, port;   /* (target) of the last one; AF_UNIX: port is 0 */
};

/* A program that `only_exe` does not name. */
#define SHM_ONLY_BYTES 1024u
#define SHM_LEFT_OUT_FIRST 16u
struct shm_left_out {
    uint32_t claimed; /* (target) 1 = somebody fills it in */
    uint32_t ready;   /* (target, release) 1 = `name` is valid */
    char name[56];    /* the end of its path; may be cut */
};

struct shm_header {
    uint64_t magic;
    uint32_t version;
    uint32_t flags;         /* enum shm_flag */
    uint32_t clock;         /* enum shm_clock: what `time`, `started` ... count */
    uint32_t max_depth;     /* frames kept of a stack */
    uint64_t arena_bytes;   /* size of the mapping */
    uint64_t start_ticks, start_unix_ns; /* the same moment on both clocks */
    uint32_t collector_pid;
    uint32_t heartbeat;     /* incremented by the collector at least every 100 ms */
    uint32_t detached;      /* 1 = nobody reads rings any more: drop and count (either side) */
    uint32_t blocks_total;  /* arena_bytes / SHM_BLOCK_BYTES */
    uint32_t blocks_ready;  /* (release) blocks below this are pre-allocated */
    uint32_t blocks_next;   /* (target) next fresh block */
    uint64_t free_list;     /* (both) tag << 32 | block id of a struct shm_free */
    uint32_t blocks_wanted; /* (target) how often someone found no block: futex word for the collector */
    uint32_t n_processes;   /* (target) serials handed out; may exceed SHM_MAX_PROCESSES */
    uint64_t processes_lost; /* (target) that found no room, or nobody who reads */
    char preload_path[SHM_PATH_BYTES]; /* what LD_PRELOAD must name */
    char libunwind_path[SHM_PATH_BYTES]; /* what the library dlopens; empty = default name */
    uint32_t n_faults;
    uint32_t any_fired;     /* (target) 1 after the first fault fired, for SHM_NODE_AFTER_FAULT */
    struct shm_fault faults[SHM_MAX_FAULTS];
    uint32_t processes[SHM_MAX_PROCESSES]; /* (target, release) block id of each process; 0 = free. The first
                               round goes in order of arrival; the collector frees entries, and they are taken again */
    uint16_t pids[SHM_MAX_PROCESSES]; /* (target) the last 16 bits of the pid of whom an entry is: who looks for one
                               process touches its block, and not everybody's */
    uint32_t next_slot;     /* (target) entry to try next, modulo SHM_MAX_PROCESSES; below SHM_MAX_PROCESSES it is
                               never ahead of n_processes */
    uint32_t entry_limit;   /* (collector) who comes when so many serials are handed out waits for the next round, so
                               that memory is that of the living and of few others; 0 = nobody waits */
    uint32_t orders_block; /* first block of struct shm_orders, 0 = none */
    uint32_t scope_block;  /* first block of struct shm_scope, 0 = none: a lasting failure takes every call */
    uint32_t worker_pid;   /* what getppid() gives the target when it is the first process: its stand-in parent's pid (launch.h) */
    uint32_t leaks; /* (target, release) newest struct shm_leaks, 0 = none */
    struct shm_damage damage;
    struct shm_progress progress;
    uint32_t marked;        /* (target) 1 = some process called dearth_begin() */
    uint64_t claim;        /* (both) SHM_SWEEP: epoch << 32 | hits, see above; 0 in every other run */
    uint64_t start_mono_ns; /* start_ticks on CLOCK_MONOTONIC, of the boot `boot_id` */
    char boot_id[40];       /* /proc/sys/kernel/random/boot_id, or "" */
    struct shm_chance chance;
    struct shm_addresses addresses;
    uint64_t round_ticks;   /* (collector, seq_cst) when its last round began, stored before it reads any
                               head: the clock of processes that may not read one; 0 = there is none */
    uint64_t nonce;         /* drawn for each attempt: what a proof of it must carry */
    uint32_t proofs;        /* 1 = the file goes on behind arena_bytes: struct shm_proof */
    uint32_t damaged;       /* (target) how often it found the free list damaged itself */
    uint8_t before_paused[64]; /* every call looks at it: on a cache line that nobody writes to */
    uint32_t paused;        /* (dearth) 1 = nothing is recorded: hooks pass calls through. A call that is under way is still
                               recorded whole */
    uint8_t after_paused[60];
    uint64_t sample_bytes;  /* SHM_EVENTS: an allocation of n bytes is recorded with probability 1 - exp(-n / sample_bytes),
                               and its end with it; failed calls all are. 0 = everything is recorded */
    char only_exe[SHM_ONLY_BYTES]; /* globs, each ended by a NUL, and an empty one: a program is recorded, and may be failed, when
                               one of them matches its path or the end of that after a '/'. Empty = every program */
    uint32_t left_out;      /* (target) programs that were not recorded for that */
    uint32_t beyond;        /* (target) programs that those started and that cannot be recorded: static, setuid, another libc */
    struct shm_left_out left_out_first[SHM_LEFT_OUT_FIRST]; /* (target) some of them, each name once */
};
#define SHM_HEADER_BLOCKS 3u /* struct shm_header, then struct shm_bindings */

/*
 * SHM_EVENTS: where the modules of the session's processes have their allocation functions from, as far as
 * the library has looked (recorder/preload/binding.c). An entry is made once in a session, whoever meets it.
 */
enum shm_binding_kind {
    SHM_BINDING_NONE = 0,
    SHM_BINDING_LOADED = 1,    /* MODULE: it was loaded somewhere */
    SHM_BINDING_NEXT = 2,      /* MODULE: its malloc() is the one that ours calls */
    SHM_BINDING_ELSEWHERE = 3, /* MODULE, DEFINER, FUNCTION: MODULE's FUNCTION is DEFINER's, not ours */
    SHM_BINDING_NAMESPACE = 4, /* the same, in a link namespace of its own: dlmopen(), LD_AUDIT */
    SHM_BINDING_MAPPED = 5,    /* MODULE, a letter: it mapped 2^(letter - '0') bytes or more by itself */
};
struct shm_binding {
    uint16_t bytes; /* of text; stored last (release): 0 = being filled in */
    uint8_t kind;   /* enum shm_binding_kind */
    uint8_t reserved;
    char text[];    /* the words above, each NUL-terminated; the next entry is at the next multiple of 4 */
};
#define SHM_BINDINGS_SEEN 4096u
#define SHM_BINDINGS_TEXT (2u * SHM_BLOCK_BYTES - SHM_BINDINGS_SEEN * 8u - 16u)
struct shm_bindings {
    uint32_t used;     /* (target) bytes of `entries` handed out */
    uint32_t lost;     /* (target) entries that found no room */
    uint32_t reserved[2];
    uint64_t seen[SHM_BINDINGS_SEEN]; /* (target) hashes of what has an entry, open addressing; 0 = free */
    uint8_t entries[SHM_BINDINGS_TEXT];
};
static inline struct shm_bindings *shm_bindings(struct shm_header *arena) {
    return (struct shm_bindings *)((char *)arena + SHM_BLOCK_BYTES);
}

_Static_assert(sizeof(struct shm_event) == 32, "event layout");
_Static_assert(sizeof(struct shm_segment) == SHM_BLOCK_BYTES, "segment layout");
_Static_assert(sizeof(struct shm_node) == 64, "node layout");
_Static_assert(SHM_RINGS_PER_BLOCK == 1024, "ring layout");
_Static_assert(sizeof(struct shm_module) == 1024, "module layout");
_Static_assert(sizeof(struct shm_leaks) <= SHM_BLOCK_BYTES, "leaks layout");
_Static_assert(sizeof(struct shm_process) <= SHM_BLOCK_BYTES, "process layout");
_Static_assert(sizeof(struct shm_orders) <= SHM_ORDER_BLOCKS * SHM_BLOCK_BYTES, "orders layout");
_Static_assert(sizeof(struct shm_header) <= SHM_BLOCK_BYTES, "header layout");
_Static_assert(sizeof(struct shm_bindings) == 2 * SHM_BLOCK_BYTES, "bindings layout");

/* clang-format on */
#endif
