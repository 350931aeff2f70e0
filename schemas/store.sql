-- dearth.db. One database gathers many recordings and replays of one program.
-- Units: bytes; *_ns are nanoseconds; *_unix_ns count from the epoch; others *_ns count from the
-- start of their recording. Keys are 16-byte blobs: hi then lo, big-endian, so that hex(key) reads
-- as it is printed. Applied by common/store/store.c, which sets application_id and user_version.

-- A piece of code mapped into a process: an executable, a library, the vDSO.
CREATE TABLE module (
    id        INTEGER PRIMARY KEY,
    build_id  BLOB NOT NULL,             -- NT_GNU_BUILD_ID, or a content hash, or 'anon'
    path      TEXT NOT NULL,             -- as mapped; '[anon]' for code in no file
    no_cfi    INTEGER NOT NULL DEFAULT 0,-- 1 = has no .eh_frame_hdr
    content_id INTEGER NOT NULL DEFAULT 0,-- 1 = build_id is a content hash
    symbols   TEXT,                      -- where symbols came from: 'dwarf', 'symtab', 'minidebuginfo',
                                         -- 'dynsym', 'none'; NULL = not looked yet
    UNIQUE (build_id, path)
);

-- A return address.
CREATE TABLE frame (
    id        INTEGER PRIMARY KEY,
    module_id INTEGER NOT NULL REFERENCES module(id),
    offset    INTEGER NOT NULL,          -- return address - load bias; look up offset-1 for the call
    resolved  INTEGER NOT NULL DEFAULT 0,-- 1 = symbol rows are there (perhaps none)
    UNIQUE (module_id, offset)
);

-- What a frame's call instruction belongs to; several rows when calls were inlined.
CREATE TABLE symbol (
    frame_id  INTEGER NOT NULL REFERENCES frame(id),
    inline_index INTEGER NOT NULL,       -- 0 = innermost inlined function
    function  TEXT,                      -- demangled; NULL = unknown (start and size may still be known)
    linkage_name TEXT,                   -- as in the symbol table
    file      TEXT,                      -- NULL = unknown
    line      INTEGER,
    start     INTEGER,                   -- file address where the function begins; NULL = unknown or inlined
    size      INTEGER,                   -- bytes of the function, perhaps with padding; NULL = unknown or inlined
    PRIMARY KEY (frame_id, inline_index)
) WITHOUT ROWID;

-- Stacks as a tree, recursion folded. A row is the path from the outermost frame to frame_id.
CREATE TABLE stack (
    id        INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES stack(id), -- the caller's; NULL = outermost frame
    frame_id  INTEGER NOT NULL REFERENCES frame(id),
    depth     INTEGER NOT NULL,          -- frames on the path, 1 = outermost
    key       BLOB NOT NULL UNIQUE       -- key_frame chain of schemas/key.h
);

-- The line of the user's code that a site stands for.
CREATE TABLE location (
    id        INTEGER PRIMARY KEY,
    module_id INTEGER NOT NULL REFERENCES module(id),
    offset    INTEGER NOT NULL,          -- of the frame it was taken from
    inline_index INTEGER NOT NULL DEFAULT 0,
    function  TEXT, file TEXT, line INTEGER,
    name      TEXT NOT NULL UNIQUE       -- 'file:line' with function, else 'module!function+offset',
                                         -- else 'module+offset': what makes two sites one location
);

-- A stack that ends in a call of an allocation function: the unit that is failed and tested.
CREATE TABLE site (
    id        INTEGER PRIMARY KEY,
    key       BLOB NOT NULL UNIQUE,      -- key_site
    op        TEXT NOT NULL,             -- 'malloc', 'calloc', 'realloc', ...
    stack_id  INTEGER REFERENCES stack(id), -- NULL = the stack could not be read
    location_id INTEGER REFERENCES location(id), -- NULL until symbols are resolved
    portable_key BLOB,                   -- over function names, inlines, ordinal; NULL until resolved
    truncated INTEGER NOT NULL DEFAULT 0,-- deeper than the limit: outermost frames are missing
    incomplete INTEGER NOT NULL DEFAULT 0,-- the unwinder stopped early
    error_path INTEGER NOT NULL DEFAULT 0 -- 1 = only ever seen while handling a failure
);

-- How derived columns were made, so that they are made again when that changes.
CREATE TABLE setting (
    name      TEXT PRIMARY KEY,          -- 'location_rules': hash of the catalogue and the --wrapper globs behind
                                         -- location_id; 'catalogue FILE': text that --catalogue FILE added;
                                         -- 'suite_tree': the project's folder, of the newest suite's targets, where its own is what lies below it;
                                         -- 'findings_of': the newest attempt that findings are derived of
                                         -- 'circumstances STARTED', 'input STARTED': of the recording that began then, hashes of its environment
                                         -- and the files that its arguments name, and of the file on its standard input
    value     BLOB NOT NULL
) WITHOUT ROWID;

-- One run under `dearth record`.
CREATE TABLE recording (
    id        INTEGER PRIMARY KEY,
    state     TEXT NOT NULL,             -- 'running', 'complete', 'interrupted' (ended by the user, or the disk was full),
                                         -- 'recovered' (dearth was killed; completed by `dearth recover`)
    started_unix_ns INTEGER NOT NULL,
    duration_ns INTEGER,
    argv      TEXT,                      -- JSON array; NULL with --no-argv
    argv_bytes BLOB,                     -- each argument ended by a NUL; only when one is not UTF-8,
                                         -- which JSON cannot say
    exe       TEXT NOT NULL,             -- resolved path of the program
    cwd       TEXT NOT NULL,
    env_named TEXT NOT NULL DEFAULT '{}',-- JSON object: only variables the user named (--env NAME)
    wrappers  TEXT NOT NULL DEFAULT '[]',-- JSON array of --wrapper globs
    exit_code INTEGER,                   -- NULL when killed by a signal or still running
    exit_signal INTEGER,                 -- NULL when it exited
    stdin_kind TEXT NOT NULL DEFAULT 'none', -- 'none' (closed, /dev/null), 'file', 'pipe', 'tty', 'other'
    stdin_path TEXT,                     -- for 'file'
    stdin_offset INTEGER,                -- for 'file'
    stdin_data BLOB,                     -- for 'pipe': what was read, up to the cap
    stdin_truncated INTEGER NOT NULL DEFAULT 0, -- 1 = the pipe carried more than the cap
    clock     TEXT NOT NULL,             -- 'tsc', 'cntvct', 'monotonic'
    ticks_per_ns REAL,                   -- calibrated
    detail    TEXT NOT NULL DEFAULT 'events', -- 'events', or 'sites': no rows in event_chunk
    exact     INTEGER,                   -- 1 = nothing lost, every stack whole
    events    INTEGER, allocations INTEGER, frees INTEGER, failed INTEGER, bytes INTEGER,
    peak_bytes INTEGER, peak_ns INTEGER, -- largest sum of live bytes over all processes, and when
    live_blocks INTEGER, live_bytes INTEGER, -- never freed by the process that allocated them
    events_lost INTEGER, stacks_lost INTEGER, stacks_truncated INTEGER, stacks_incomplete INTEGER,
    unwind_fallbacks INTEGER, waited_ns INTEGER,
    own_bytes INTEGER,                   -- shared memory the recording needed at most
    tool_version TEXT NOT NULL,
    marked    INTEGER NOT NULL DEFAULT 0,-- 1 = it called dearth_begin(): only calls inside may fail
    session   TEXT,                      -- path of the shared memory while 'running': what `dearth recover` reads
    processes_lost INTEGER,              -- processes that found no room in the shared memory
    max_depth INTEGER NOT NULL DEFAULT 512, -- frames kept of a stack (--max-depth): a replay must cut where the recording did
    stranger  TEXT,                      -- why its command runs only with --trust: the file that it was merged from could be
                                         -- written to by others than who merged it; NULL = recorded here, or merged from an own file
    rings_damaged INTEGER,               -- threads' rings, processes' blocks and headers of the shared memory that were found
                                         -- written over, by the program: what was in them is lost, not all of it is counted
    suite_id  INTEGER REFERENCES recording(id), -- of the tests of that suite, each run by itself with its runner's filter; NULL = is no such
    sample_bytes INTEGER,                -- --sample: a call for n bytes was recorded with probability 1 - exp(-n / sample_bytes); all sums
                                         -- of calls, blocks and bytes are estimates then, `events` counts records. NULL = every call was
    only_exe  TEXT                       -- JSON array of the globs of --only-exe: other programs were not recorded; NULL = all were
);

-- What files were like before a recorded run changed them (dearth check): attempts find them so.
CREATE TABLE former_file (
    recording_id INTEGER NOT NULL REFERENCES recording(id),
    path      TEXT NOT NULL,             -- absolute
    mode      INTEGER NOT NULL,          -- st_mode; 0 = nothing of that name was there
    uid       INTEGER NOT NULL, gid INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,        -- st_mtime, since the epoch
    content   BLOB,                      -- of a file; of a link, where it leads; NULL = none
    UNIQUE (recording_id, path)
);

-- What the user must know about a recording or replay; nothing is silent.
CREATE TABLE note (
    id        INTEGER PRIMARY KEY,
    recording_id INTEGER REFERENCES recording(id),
    replay_id INTEGER REFERENCES replay(id),
    kind      TEXT NOT NULL,             -- 'static', 'setuid', 'other_libc', 'other_abi', 'no_libunwind', 'no_events', 'events_lost', 'shared_signals', 'shared_ipc', 'hidden_ipc', 'one_job', 'shared_tree', 'copied_tree', 'read_only_places', ...
    text      TEXT NOT NULL,             -- one sentence for people
    subject   TEXT                       -- path, module or process it is about
);

-- One program image: a fork starts one, an exec replaces it by a new one.
CREATE TABLE process (
    id        INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording(id),
    parent_id INTEGER REFERENCES process(id),
    ordinal   INTEGER NOT NULL,          -- order of arrival, 1 = first
    pid       INTEGER NOT NULL,
    origin    TEXT NOT NULL,             -- 'first', 'fork', 'exec'
    exe       TEXT NOT NULL,
    argv      TEXT,                      -- JSON array; NULL with --no-argv
    cwd       TEXT,
    started_ns INTEGER NOT NULL,
    ended_ns  INTEGER,
    end       TEXT,                      -- 'exit', 'exec', 'killed' (by a signal, or never said goodbye), 'running'
    events    INTEGER NOT NULL DEFAULT 0,
    events_lost INTEGER NOT NULL DEFAULT 0,
    -- sums up to its end, or to what is committed while it runs
    allocations INTEGER NOT NULL DEFAULT 0, -- successful calls
    frees     INTEGER NOT NULL DEFAULT 0,-- calls of free()
    failed    INTEGER NOT NULL DEFAULT 0,
    asked     INTEGER NOT NULL DEFAULT 0,-- calls of dearth_should_fail() that said no
    bytes     INTEGER NOT NULL DEFAULT 0,-- requested by `allocations`
    live_blocks INTEGER NOT NULL DEFAULT 0, live_bytes INTEGER NOT NULL DEFAULT 0,
    inherited INTEGER NOT NULL DEFAULT 0,-- frees and reallocs of blocks that were not seen being made, as after a fork
    replaced  INTEGER NOT NULL DEFAULT 0,-- blocks made at an address that was still taken: a free was not seen
    stacks_lost INTEGER NOT NULL DEFAULT 0, stacks_truncated INTEGER NOT NULL DEFAULT 0,
    stacks_incomplete INTEGER NOT NULL DEFAULT 0,
    unwind_fallbacks INTEGER NOT NULL DEFAULT 0, -- stacks that needed libunwind
    boot_events INTEGER NOT NULL DEFAULT 0, -- calls served before the real allocator was known
    waited_ns INTEGER NOT NULL DEFAULT 0,-- its threads, in sum, for dearth
    -- as its parent learns it; both NULL where the kernel no longer knew and it did not say so itself
    exit_code INTEGER,                   -- of 'exit'
    exit_signal INTEGER                  -- of 'killed'
);

-- How far each thread's ring in the shared memory was read when the rows of its process were last
-- written: in the same transaction as these, so that `dearth recover` takes every record once. Empty
-- but for recordings that are running.
CREATE TABLE ring_mark (
    process_id INTEGER NOT NULL REFERENCES process(id),
    ring      INTEGER NOT NULL,          -- index into shm_process.rings
    segment   INTEGER NOT NULL,          -- block id
    position  INTEGER NOT NULL,          -- records read of it
    thread    INTEGER NOT NULL,          -- serial of the thread that wrote last; 0 = none yet
    pending   INTEGER,                   -- realloc under way: number of the event that made its old block
    pending_ns INTEGER,                  -- when it began
    PRIMARY KEY (process_id, ring)
) WITHOUT ROWID;

CREATE TABLE process_module (
    process_id INTEGER NOT NULL REFERENCES process(id),
    module_id INTEGER NOT NULL REFERENCES module(id),
    bias      INTEGER NOT NULL,
    start     INTEGER NOT NULL, "end" INTEGER NOT NULL,
    loaded_ns INTEGER, unloaded_ns INTEGER
);

CREATE TABLE thread (
    id        INTEGER PRIMARY KEY,
    process_id INTEGER NOT NULL REFERENCES process(id),
    serial    INTEGER NOT NULL,          -- within the process, 1 = first seen
    tid       INTEGER NOT NULL,
    started_ns INTEGER,
    ended_ns  INTEGER,                   -- its last event, or that of its process; NULL = running
    events    INTEGER NOT NULL DEFAULT 0
);

-- Per recording, process and site.
CREATE TABLE site_stat (
    recording_id INTEGER NOT NULL REFERENCES recording(id),
    process_id INTEGER NOT NULL REFERENCES process(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    count     INTEGER NOT NULL,          -- calls, successful or not
    failed    INTEGER NOT NULL,          -- of these, failed by the real allocator
    failable  INTEGER NOT NULL,          -- of these, calls that dearth may fail (all but realloc to 0, boot calls, and what dearth.h forbids)
    bytes     INTEGER NOT NULL,          -- requested by successful calls; 0 for dearth_should_fail()
    min_size  INTEGER NOT NULL, max_size INTEGER NOT NULL,
    frees     INTEGER NOT NULL,          -- of its blocks
    peak_bytes INTEGER NOT NULL, peak_blocks INTEGER NOT NULL, -- of this site alone
    live_blocks INTEGER NOT NULL, live_bytes INTEGER NOT NULL, -- at the end
    temporary INTEGER NOT NULL,          -- freed by the same thread with no allocation in between
    lifetime_ns INTEGER NOT NULL,        -- sum over freed blocks
    cross_thread_frees INTEGER NOT NULL, -- freed by another thread than the allocating one
    first_ns  INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    first_thread_id INTEGER REFERENCES thread(id),
    never     INTEGER NOT NULL DEFAULT 0,-- of `count`, calls between dearth_never_begin() and dearth_never_end()
    samples   INTEGER NOT NULL DEFAULT 0,-- recording.sample_bytes: successful calls that were recorded, which the sums are estimated from; 0 = every call was recorded
    outside   INTEGER NOT NULL DEFAULT 0,-- others in no dearth_begin() and dearth_end(): not failable when recording.marked
    PRIMARY KEY (recording_id, process_id, site_id)
) WITHOUT ROWID;

-- Every event, in columns, compressed: the format is common/events/chunk.h.
CREATE TABLE event_chunk (
    id        INTEGER PRIMARY KEY,
    process_id INTEGER NOT NULL REFERENCES process(id),
    ordinal   INTEGER NOT NULL,          -- order within the process
    first_event INTEGER NOT NULL,        -- index of its first event within the process
    n_events  INTEGER NOT NULL,
    start_ns  INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    min_size  INTEGER NOT NULL, max_size INTEGER NOT NULL,
    data      BLOB NOT NULL,
    UNIQUE (process_id, ordinal)
);

-- One call of `dearth replay`.
CREATE TABLE replay (
    id        INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording(id),
    state     TEXT NOT NULL,             -- 'running', 'complete', 'interrupted', 'budget'
    started_unix_ns INTEGER NOT NULL,
    duration_ns INTEGER,
    options   TEXT NOT NULL,             -- JSON object: filters, mode, occurrence, how, jobs, budget
    isolation TEXT NOT NULL,             -- 'overlay', 'copy', 'shared': of every attempt and baseline of it
    traced    INTEGER NOT NULL,          -- 1 = attempts were ptraced
    jobs      INTEGER NOT NULL,
    time_limit_ns INTEGER,               -- of an attempt
    deterministic_output INTEGER,        -- 1 = all baseline runs printed the same
    deterministic_sites INTEGER,         -- 1 = all baseline runs reached the same sites
    planned   INTEGER, done INTEGER,
    tool_version TEXT NOT NULL,
    how       TEXT NOT NULL DEFAULT 'rerun', -- asked for: 'auto', 'rerun', 'snapshot', 'sweep'
    stranger  TEXT                       -- as recording.stranger, of the commands in its options
);

-- A run without a fault.
CREATE TABLE baseline (
    id        INTEGER PRIMARY KEY,
    replay_id INTEGER NOT NULL REFERENCES replay(id),
    ordinal   INTEGER NOT NULL,
    exit_code INTEGER, exit_signal INTEGER, timed_out INTEGER NOT NULL DEFAULT 0,
    duration_ns INTEGER NOT NULL, cpu_ns INTEGER,
    stdout    BLOB, stdout_bytes INTEGER NOT NULL, stdout_digest BLOB NOT NULL, -- stdout: up to the cap
    stderr    BLOB, stderr_bytes INTEGER NOT NULL,
    files_digest BLOB,                   -- over the files written in the private tree; NULL = not known
    sites     INTEGER NOT NULL           -- distinct sites reached
);
-- Sites a baseline run reached, and how often: `unreached` is judged against it.
CREATE TABLE baseline_site (
    baseline_id INTEGER NOT NULL REFERENCES baseline(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    count     INTEGER NOT NULL,
    PRIMARY KEY (baseline_id, site_id)
) WITHOUT ROWID;

-- Signals of the processor that a baseline run caught, and those that children of it died of, by place: in an attempt
-- they are no crash either.
CREATE TABLE baseline_signal (
    baseline_id INTEGER NOT NULL REFERENCES baseline(id),
    ordinal   INTEGER NOT NULL,          -- of the signal in its run, from 0
    depth     INTEGER NOT NULL,          -- of the frame, from 0 = innermost; the first few
    signal    INTEGER NOT NULL,
    address   INTEGER NOT NULL,          -- memory address of the fault; 0 = it has none
    module    TEXT NOT NULL,             -- path as mapped, '[anon]' for code in no file
    "offset"  INTEGER NOT NULL,          -- return address - load bias; of the innermost pc + 1
    code      INTEGER NOT NULL DEFAULT 0,-- si_code; 0 = nothing caught it
    PRIMARY KEY (baseline_id, ordinal, depth)
) WITHOUT ROWID;

-- Files that a baseline run wrote in its private tree.
CREATE TABLE baseline_file (
    baseline_id INTEGER NOT NULL REFERENCES baseline(id),
    path      TEXT NOT NULL,             -- as the program saw it
    mode      INTEGER NOT NULL,          -- st_mode; 0 = it was there before and is gone
    existed   INTEGER NOT NULL,          -- 1 = there was something of that name before
    size      INTEGER NOT NULL,
    digest    BLOB NOT NULL,             -- of its contents
    PRIMARY KEY (baseline_id, path)
) WITHOUT ROWID;

-- One execution with a fault.
CREATE TABLE attempt (
    id        INTEGER PRIMARY KEY,
    replay_id INTEGER NOT NULL REFERENCES replay(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    occurrence INTEGER NOT NULL,         -- 1-based
    mode      TEXT NOT NULL,             -- 'once', 'sticky', 'burst', 'chance' (site_id: that of the last call that failed)
    burst     INTEGER NOT NULL DEFAULT 1,
    how       TEXT NOT NULL,             -- 'rerun', 'snapshot', 'sweep'
    repeat    INTEGER NOT NULL DEFAULT 0,-- 0 = first execution, 1.. = repeated because of its verdict
    verdict   TEXT NOT NULL,             -- of this execution alone
    severity  TEXT NOT NULL,             -- 'ok', 'policy', 'warning', 'bug', 'look', 'none'
    policy    TEXT,                      -- name of the catalogue entry for 'aborted'
    fired     INTEGER NOT NULL,          -- 1 = proof that the failure was injected
    hits      INTEGER NOT NULL,          -- matching calls seen
    fired_size INTEGER, fired_pid INTEGER, fired_tid INTEGER,
    fired_exe TEXT,                      -- program the failure was injected into
    also_failed INTEGER NOT NULL DEFAULT 0, -- sticky/burst: further calls failed
    exit_code INTEGER, exit_signal INTEGER, timed_out INTEGER NOT NULL DEFAULT 0,
    duration_ns INTEGER NOT NULL, cpu_ns INTEGER,
    stdout_bytes INTEGER NOT NULL, stdout_digest BLOB, stdout_same INTEGER, -- NULL = not comparable
    files_same INTEGER,                  -- NULL = not known
    stderr_tail TEXT,                    -- last 4 KiB, valid UTF-8
    crash_signal INTEGER, crash_code INTEGER, crash_address INTEGER, crash_pid INTEGER, crash_exe TEXT,
    crash_stack_id INTEGER REFERENCES stack(id), -- stack at the fatal signal (hung: a sample)
    leaked    INTEGER,                   -- blocks that nothing points to at exit, beyond the baseline's; NULL = not looked
    started_unix_ns INTEGER NOT NULL,
    leaked_bytes INTEGER,                -- of these blocks; NULL = not looked
    silent    INTEGER NOT NULL DEFAULT 0,-- 1 = 'degraded' with status 0 and nothing said on stderr beyond the baseline, nor complained of on stdout
    output_check INTEGER,                -- exit status of --output-check; NULL = none was given
    sample_stack_id INTEGER REFERENCES stack(id), -- hung: a second sample, taken later than crash_stack_id
    under     TEXT NOT NULL DEFAULT 'plain', -- 'plain', 'guarded' (canaries, quarantine, poison), 'asan', 'valgrind'
    second_site_id INTEGER REFERENCES site(id), -- --depth 2: the error-path site that failed after the first; NULL = none
    second_occurrence INTEGER,           -- counted from the first failure on
    damage    TEXT,                      -- guarded: 'overrun', 'underrun', 'after_free', 'double_free', 'bad_free'; NULL = none found
    damage_where TEXT,                   -- when it was found: 'free', 'realloc', 'eviction' (from the quarantine), 'exit'
    damage_size INTEGER,                 -- bytes of the damaged block; NULL = unknown
    damage_offset INTEGER,               -- first damaged byte, from the start of the block
    damage_site_id INTEGER REFERENCES site(id), -- that allocated the block; NULL = unknown
    differs   TEXT,                      -- JSON array: what is not as without the fault, the first few: {"what": 'stdout', 'file' or 'output', "how", "path", "detail"}; NULL = nothing
    hang      TEXT,                      -- hung: 'spinning', 'allocating', 'printing', 'polling', 'blocked', 'deadlock', 'recursing'; NULL = not known
    hang_call TEXT,                      -- hung: system call it was blocked in, with what it waited for
    explored  INTEGER NOT NULL DEFAULT 0,-- 1 = `error_path` has the sites that came up after the failure
    thread    TEXT NOT NULL DEFAULT 'any',-- whose calls `occurrence` counts: 'any', 'main' (thread of its process), 'other'
    call      INTEGER,                   -- --nth: number in the recorded run of the call that was to fail; NULL = not asked for
    armed     TEXT,                      -- sweep: 'start' = before the program started, 'serving' = when it served; NULL = no sweep
    rounds    INTEGER,                   -- sweep: times that the program was driven again when the fault was lifted
    chance    TEXT,                      -- 'chance': JSON object: probability, seed (text), interval, times, space, sites (chosen; 0 = all), choice (hash of their keys)
    failed    TEXT,                      -- 'chance': JSON array: the calls that failed, the first 64: site, call (number among the chosen ones), occurrence, size
    inferred  INTEGER NOT NULL DEFAULT 0,-- 1 = not run by itself: 'sticky', and in the run or copy that failed the same call 'once' no allocating call came after: the same run, whose results these are
    cause     TEXT,                      -- of an end by abort(): what is wrong, beyond its signal; NULL = nothing to say
    boundary  INTEGER,                   -- frame of crash_stack_id, from 1, inlined ones not counted, that lets no exception out; NULL = none
    last_site_id INTEGER REFERENCES site(id), -- 'sticky', 'burst': site of the last call that failed before it went wrong, of a recursion deeper than stacks are kept that of the first so deep; NULL = the first, or not known
    scope     TEXT,                      -- 'sticky', 'burst': JSON object: what later calls must be in to fail: own, not_own, in, not_in (lists of globs), tree (of a suite's targets: its sources); NULL = every call
    spared    INTEGER NOT NULL DEFAULT 0,-- with a scope: later calls that got memory since they are not in it
    unsure    INTEGER NOT NULL DEFAULT 0 -- with a scope: of all later calls, those decided though not all of their stack is known
);
CREATE INDEX attempt_by_site ON attempt(site_id, replay_id);

-- Attempts of copies whose original has not ended yet, with the columns of `attempt`. They count nowhere:
-- when the original ends as the runs without a fault do, they become rows of `attempt` under the same
-- ids; when it does not, or when dearth is killed before, they are deleted.
CREATE TABLE unchecked_attempt AS SELECT * FROM attempt WHERE 0;
CREATE INDEX unchecked_by_id ON unchecked_attempt(id);

-- Sites that no run without a failure has, but this attempt met after its failure (--depth 2).
CREATE TABLE error_path (
    attempt_id INTEGER NOT NULL REFERENCES attempt(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    count     INTEGER NOT NULL,          -- calls after the failure
    PRIMARY KEY (attempt_id, site_id)
) WITHOUT ROWID;

-- Blocks that an attempt leaked and the baseline did not, by the site that allocated them.
CREATE TABLE leak (
    attempt_id INTEGER NOT NULL REFERENCES attempt(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    blocks    INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    direct    INTEGER NOT NULL DEFAULT 0,-- of the blocks, those that no other leaked block leads to
    PRIMARY KEY (attempt_id, site_id)
) WITHOUT ROWID;

-- Sites that a replay could not test in a snapshot and left to rerun, and why.
CREATE TABLE refused (
    replay_id INTEGER NOT NULL REFERENCES replay(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    reason    TEXT NOT NULL,             -- names of the REFUSALs in common/store/words.def: 'threads', 'pipe', 'socket', ...
    PRIMARY KEY (replay_id, site_id)
) WITHOUT ROWID;

-- Faults of a replay with --quick whose copies were ended while they went on, 100 allocating calls after their
-- failure, with nothing wrong until then. What came later is not known: they are no attempts.
CREATE TABLE survivor (
    replay_id INTEGER NOT NULL REFERENCES replay(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    occurrence INTEGER NOT NULL,         -- as attempt.occurrence
    mode      TEXT NOT NULL,             -- as attempt.mode: 'once', 'sticky', 'burst'
    burst     INTEGER NOT NULL,
    scope     TEXT,                      -- as attempt.scope
    PRIMARY KEY (replay_id, site_id, occurrence, mode, burst)
) WITHOUT ROWID;

-- What a user must look at. Derived from attempts by `dearth replay`; groups one (fault location, crash place).
CREATE TABLE finding (
    id        INTEGER PRIMARY KEY,       -- what `dearth repro ID` takes
    replay_id INTEGER NOT NULL REFERENCES replay(id), -- in which it was first seen
    identity  TEXT NOT NULL UNIQUE,      -- verdict, fault location, crash place (replayer/ledger/finding.h): equal across runs
    verdict   TEXT NOT NULL,
    severity  TEXT NOT NULL,
    leaked    INTEGER NOT NULL DEFAULT 0,
    attributed_module TEXT,              -- the module that went wrong
    attributed_to TEXT,                  -- 'program', 'library', 'libc', 'libstdc++', 'loader', 'harness' (of tests)
    policy    TEXT,
    place     TEXT,                      -- where it went wrong, and whose it is (replayer/ledger/finding.h): findings with the same are one to whoever mends them
    location_id INTEGER REFERENCES location(id), -- of the fault
    attempt_id INTEGER NOT NULL REFERENCES attempt(id), -- the evidence shown
    bad       INTEGER NOT NULL, tried INTEGER NOT NULL, -- rate, over its attempts and repeats
    unreached INTEGER NOT NULL DEFAULT 0,-- executions of the same faults that did not come to the call
    facility  TEXT,                      -- of the C library, that did without memory in its own way: 'locale', ...
    effect    TEXT                       -- what a user sees then
);
CREATE TABLE finding_attempt (
    finding_id INTEGER NOT NULL REFERENCES finding(id),
    attempt_id INTEGER NOT NULL REFERENCES attempt(id),
    PRIMARY KEY (finding_id, attempt_id)
) WITHOUT ROWID;

-- Sites a replay left out, and why, when a filter or the budget decided it.
CREATE TABLE skipped (
    replay_id INTEGER NOT NULL REFERENCES replay(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    reason    TEXT NOT NULL,             -- 'filtered', 'budget', 'not_failable'
    PRIMARY KEY (replay_id, site_id)
) WITHOUT ROWID;

-- --- suites: what `dearth suite record` keeps to run each program of a suite by itself ---

-- The environment of a program that a suite started; the same for many.
CREATE TABLE environment (
    id        INTEGER PRIMARY KEY,
    digest    BLOB NOT NULL UNIQUE,      -- key_hash of `variables` and `denied`
    variables BLOB NOT NULL,             -- NAME=VALUE, each ended by a NUL, without dearth's own
    denied    TEXT NOT NULL              -- JSON array: names of variables whose values are not kept: they may be secrets
);

-- All that is needed to run a program of a suite by itself: one row for each that was started (no forks), as it
-- was when it started.
CREATE TABLE unit (
    id        INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording(id), -- the suite's
    ordinal   INTEGER NOT NULL,          -- of its row in `process`
    environment_id INTEGER REFERENCES environment(id), -- NULL = could not be read
    exe       TEXT NOT NULL,
    argv_bytes BLOB NOT NULL,            -- each argument ended by a NUL
    cwd       TEXT NOT NULL,
    umask     INTEGER,                   -- NULL = unknown
    limits    TEXT,                      -- JSON array: soft limit of each RLIMIT_ in order of its number, -1 = none; NULL = unknown
    stdin_kind TEXT NOT NULL,            -- as recording.stdin_kind
    stdin_path TEXT, stdin_offset INTEGER, -- for 'file'
    stdin_digest BLOB,                   -- for 'file': over its bytes; of one that is too large to keep, over its size and times; for
                                         -- 'pipe': over its kind and its bytes; NULL = not known
    stdin_data BLOB,                     -- for 'file': its bytes from stdin_offset on; NULL = too many, or not to be kept; for 'pipe': all that it
                                         -- held when the program began and nobody could write any more; NULL = not known
    descriptors TEXT NOT NULL,           -- JSON array: what its other descriptors, from 3 on, were: a path, 'pipe', 'socket', ...
    UNIQUE (recording_id, ordinal)
);

-- A unit was run by itself, without a fault: does it do there what it did in the suite? Only what does is failed.
CREATE TABLE unit_run (
    id        INTEGER PRIMARY KEY,
    unit_id   INTEGER NOT NULL REFERENCES unit(id),
    recording_id INTEGER REFERENCES recording(id), -- what it did in the suite, as a recording that is replayed; NULL = refused
    reason    TEXT,                      -- refused: why, one sentence; else: a later suite does not start it any more, and what was seen is no evidence
    sites     INTEGER NOT NULL,          -- of the project's own, that it reached in the suite
    reached   INTEGER NOT NULL           -- of these, those that it reached by itself
);

-- What a project calls a test: a program that its harness started, or one of those that a program runs inside.
--   unit_id of the suite, whole_id NULL    the program, with all that it starts, is the test
--   unit_id of recording.suite_id          a runner's filter chose it: it was run by itself; whole_id ran it among others
--   unit_id = whole_id                     its runner has no filter: known by its function on stacks, test_site. Derived by
--                                          `dearth suite replay`, as target is
CREATE TABLE test (
    id        INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording(id), -- the suite's
    unit_id   INTEGER NOT NULL REFERENCES unit(id),
    whole_id  INTEGER REFERENCES unit(id),
    harness   TEXT NOT NULL,             -- 'automake', 'CTest', 'meson', 'bats', 'pytest', 'cargo', or a harness of the catalogue; 'stack' =
                                         -- none is known
    name      TEXT NOT NULL,             -- as the harness has it
    filter    TEXT                       -- arguments and variables that choose it, as a shell takes them; NULL = none
);
CREATE TABLE test_site (
    test_id   INTEGER NOT NULL REFERENCES test(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    PRIMARY KEY (test_id, site_id)
) WITHOUT ROWID;

-- The own part of stacks of a suite: what a project wants failed once, whoever called it. Derived by `dearth suite
-- replay` for the --own that it was given last.
CREATE TABLE target (
    id        INTEGER PRIMARY KEY,
    recording_id INTEGER NOT NULL REFERENCES recording(id), -- the suite's
    key       BLOB NOT NULL,             -- over the frames of the own part (replayer/plan/own.h)
    state     TEXT NOT NULL,             -- 'tested', 'untested'
    reason    TEXT,                      -- untested: one sentence
    contexts  INTEGER NOT NULL,          -- sites: the stacks of the suite that end in it
    contexts_tested INTEGER NOT NULL,    -- of these, those at which it was failed
    UNIQUE (recording_id, key)
);
CREATE TABLE target_site (
    target_id INTEGER NOT NULL REFERENCES target(id),
    site_id   INTEGER NOT NULL REFERENCES site(id),
    PRIMARY KEY (target_id, site_id)
) WITHOUT ROWID;
