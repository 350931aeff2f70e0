-- A database with every verdict, every reason and strings made to break out of whatever shows them.
-- Applied after schemas/store.sql by tests/replayer/report-fixture.sh.

INSERT INTO module VALUES
 (1, x'01', '/opt/<b>app</b>/prog', 0, 0, 'dwarf'),
 (2, x'02', '/usr/lib/libfoo.so.1', 0, 0, 'dwarf'),
 (3, x'03', '/lib/libc.so.6', 1, 0, 'dynsym'),
 (4, x'04', '/usr/lib/lib"quote''s&amp;.so', 1, 1, 'none');

-- Frames 1..20 are in the program, 21..30 in libfoo, 31..40 in libc; 41.. make one huge stack.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 540)
INSERT INTO frame SELECT i, CASE WHEN i <= 20 OR i > 40 THEN 1 WHEN i <= 30 THEN 2 ELSE 3 END,
                         4096 + i * 16, 1 FROM n;
INSERT INTO frame VALUES (600, 4, 77, 1), (601, 1, 9007199254740993, 0);
INSERT INTO symbol(frame_id, inline_index, function, linkage_name, file, line)
 SELECT id, 0, 'function_' || id, 'function_' || id, 'src/file' || (id % 7) || '.c', id * 10
 FROM frame WHERE id <= 20 OR (id > 40 AND id < 600);
INSERT INTO symbol(frame_id, inline_index, function, linkage_name, file, line)
 SELECT id, 0, 'foo_' || id, 'foo_' || id, NULL, NULL FROM frame WHERE id BETWEEN 21 AND 40;
UPDATE symbol SET function = '</script><script>alert(1)</script>' WHERE frame_id = 2;
UPDATE symbol SET function = 'std::map<int, char const*>::operator[]("x&y")', file = 'src/a b|`c`.c'
 WHERE frame_id = 3;
UPDATE symbol SET function = CAST(x'626164ff80c32866' AS TEXT) WHERE frame_id = 4;
UPDATE symbol SET function = 'esc' || char(27) || '[31m' || char(8) || char(155) || 'red' WHERE frame_id = 5;
-- how libc ends a program
UPDATE symbol SET function = '__GI_abort' WHERE frame_id = 34;
UPDATE symbol SET function = '__pthread_kill_implementation' WHERE frame_id = 33;
-- an inlined call
INSERT INTO symbol(frame_id, inline_index, function, linkage_name, file, line)
 VALUES (6, 1, 'outer_of_6', 'outer_of_6', 'src/outer.c', 99);
UPDATE symbol SET function = '<!-- <img src=x onerror=alert(1)> -->' WHERE frame_id = 7;

-- Stack n: main (frame 1) then frame n; 100 is 500 frames deep.
INSERT INTO stack VALUES (1, NULL, 1, 1, x'00000000000000000000000000000001');
WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
INSERT INTO stack SELECT i, 1, i, 2, randomblob(0) || CAST(printf('stack%011d', i) AS BLOB) FROM n;
INSERT INTO stack VALUES (41, NULL, 41, 1, x'00000000000000000000000000000041');
WITH RECURSIVE n(i) AS (SELECT 42 UNION ALL SELECT i + 1 FROM n WHERE i < 540)
INSERT INTO stack SELECT i, i - 1, i, i - 40, CAST(printf('stack%011d', i) AS BLOB) FROM n;
INSERT INTO stack VALUES (600, 1, 600, 2, CAST('stack00000000600' AS BLOB)),
                         (601, 1, 601, 2, CAST('stack00000000601' AS BLOB)),
                         (700, 2, 31, 3, CAST('stack00000000700' AS BLOB)),
                         (701, 2, 34, 3, CAST('stack00000000701' AS BLOB)),
                         (702, 701, 33, 4, CAST('stack00000000702' AS BLOB));

INSERT INTO location SELECT f.id, f.module_id, f.offset, 0, s.function, s.file, s.line,
                            'location ' || printf('%03d', f.id)
 FROM frame f JOIN symbol s ON s.frame_id = f.id AND s.inline_index = 0 WHERE f.id <= 25;
INSERT INTO location VALUES (600, 4, 77, 0, NULL, NULL, NULL, 'nameless'),
                            (540, 1, 12736, 0, 'deep', 'src/deep.c', 1, 'location deep');

INSERT INTO recording(id, state, started_unix_ns, duration_ns, argv, exe, cwd, exit_code, clock,
  exact, events, allocations, frees, failed, bytes, peak_bytes, live_blocks, live_bytes,
  events_lost, stacks_lost, stacks_truncated, stacks_incomplete, tool_version) VALUES
 (1, 'complete', 1700000000000000000, 1000000, '["other"]', '/opt/other', '/', 0, 'tsc', 1, 1, 1, 0,
  0, 1, 1, 1, 1, 0, 0, 0, 0, '0'),
 (2, 'complete', 1700000100000000000, 123456789, '["./prog","it''s </script>","\u00e9"]',
  '/opt/<b>app</b>/prog', '/home/user', 0, 'tsc', 0, 5000, 3000, 2000, 1, 18446744073709, 65536, 10,
  2048, 3, 1, 2, 4, '0');
INSERT INTO process(id, recording_id, ordinal, pid, origin, exe, started_ns, "end") VALUES
 (1, 2, 1, 100, 'first', '/opt/<b>app</b>/prog', 0, 'exit'),
 (2, 2, 2, 101, 'fork', '/opt/<b>app</b>/prog', 10, 'exit'), (3, 1, 1, 99, 'first', '/opt/other', 0, 'exit');
INSERT INTO process_module(process_id, module_id, bias, start, "end") VALUES
 (1, 1, 0, 0, 1), (1, 2, 0, 0, 1), (1, 3, 0, 0, 1), (1, 4, 0, 0, 1), (2, 1, 0, 0, 1);
INSERT INTO thread(id, process_id, serial, tid) VALUES (1, 1, 1, 100), (2, 1, 2, 102), (3, 2, 1, 101);

-- Sites 1..9: one for each verdict; 10..14: one for each reason; 15 deep, 16 nameless, 17 without a stack.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 17)
INSERT INTO site(id, key, op, stack_id, location_id)
 SELECT i, CAST(printf('k%015d', (i * 7) % 17) AS BLOB),
        CASE i % 3 WHEN 0 THEN 'malloc' WHEN 1 THEN 'realloc' ELSE 'calloc' END, i + 1,
        CASE WHEN i IN (11, 12) THEN 12 ELSE i + 1 END FROM n;
UPDATE site SET stack_id = 540, location_id = 540, truncated = 1 WHERE id = 15;
UPDATE site SET stack_id = 600, location_id = 600 WHERE id = 16;
UPDATE site SET stack_id = NULL, location_id = NULL, incomplete = 1 WHERE id = 17;
INSERT INTO site(id, key, op, stack_id, location_id, error_path) VALUES
 (18, CAST('k000000000000090' AS BLOB), 'malloc', 20, 20, 1),
 (19, CAST('k000000000000091' AS BLOB), 'malloc', 21, 21, 0); -- of the other program
INSERT INTO site_stat(recording_id, process_id, site_id, count, failed, failable, bytes, min_size, max_size,
 frees, peak_bytes, peak_blocks, live_blocks, live_bytes, temporary, lifetime_ns, cross_thread_frees, first_ns, last_ns,
 first_thread_id)
 SELECT 2, 1, id, id * 10, 0, CASE WHEN id = 14 THEN 0 ELSE id * 10 END, id * 1000,
  1, 100, 0, id * 500, 5, 1, id, 0, 0, 0, 0, 1, CASE WHEN id % 2 THEN 1 ELSE 2 END FROM site WHERE id <= 17;
INSERT INTO site_stat(recording_id, process_id, site_id, count, failed, failable, bytes, min_size, max_size,
 frees, peak_bytes, peak_blocks, live_blocks, live_bytes, temporary, lifetime_ns, cross_thread_frees, first_ns, last_ns,
 first_thread_id)
 SELECT 2, 2, id, 5, 0, 5, 50, 10, 10, 0, 50, 5, 0, 0, 0, 0, 0, 0, 1, 3
 FROM site WHERE id <= 3;
INSERT INTO site_stat(recording_id, process_id, site_id, count, failed, failable, bytes, min_size, max_size,
 frees, peak_bytes, peak_blocks, live_blocks, live_bytes, temporary, lifetime_ns, cross_thread_frees, first_ns, last_ns,
 first_thread_id)
 SELECT 1, 3, 19, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, NULL;

INSERT INTO replay(id, recording_id, state, started_unix_ns, duration_ns, options, isolation, traced, jobs,
  time_limit_ns, deterministic_output, deterministic_sites, planned, done, tool_version) VALUES
 (1, 2, 'budget', 1700000200000000000, 4500000000,
  '{"mode":"both","in":["*</script>*"],"time_budget_s":1.5,"nested":{"a":[1,true,null]}}', 'overlay', 1, 2,
  1000000000, 1, 0, 40, 20, '0'),
 (2, 2, 'interrupted', 1700000300000000000, NULL, 'not json', 'shared', 0, 1, NULL, NULL, NULL, NULL, NULL, '0');

CREATE TEMP TABLE v(site INTEGER, verdict TEXT, severity TEXT, fired INTEGER, sig INTEGER);
INSERT INTO v VALUES (1, 'handled', 'ok', 1, NULL), (2, 'reported', 'ok', 1, NULL),
 (3, 'degraded', 'warning', 1, NULL), (4, 'aborted', 'policy', 1, 6), (5, 'crashed', 'bug', 1, 11),
 (6, 'corrupted', 'bug', 1, 6), (7, 'hung', 'bug', 1, 9), (8, 'unreached', 'none', 0, NULL),
 (9, 'flaky', 'look', 1, NULL), (5, 'handled', 'ok', 1, NULL), (15, 'crashed', 'bug', 1, 11),
 (16, 'handled', 'ok', 1, NULL), (18, 'handled', 'ok', 1, NULL),
 (10, 'handled', 'ok', 0, NULL), -- says handled without a proof: not tested
 (16, 'crashed', 'bug', 1, 11); -- at the same place as site 5
INSERT INTO attempt(id, replay_id, site_id, occurrence, mode, burst, how, repeat, verdict, severity, fired,
  hits, fired_size, fired_exe, exit_code, exit_signal, timed_out, duration_ns, stdout_bytes,
  started_unix_ns)
 SELECT rowid, 1, site, CASE WHEN rowid = 10 THEN 2 ELSE 1 END,
  CASE WHEN site = 4 THEN 'sticky' WHEN site = 6 THEN 'burst' ELSE 'once' END,
  CASE WHEN site = 6 THEN 3 ELSE 1 END, CASE WHEN rowid = 10 THEN 'snapshot' ELSE 'rerun' END, 0, verdict,
  severity, fired, 1, site * 100, '/opt/<b>app</b>/prog', CASE WHEN sig IS NULL THEN site % 3 END, sig,
  verdict = 'hung', 1000000, 10, 0 FROM v;
UPDATE attempt SET crash_signal = 11, crash_address = 16, crash_exe = '/opt/<b>app</b>/prog',
  crash_stack_id = 700, stderr_tail = 'line one' || char(10) || '</script><script>alert(2)</script>' || char(10)
  || 'esc ' || char(27) || ']0;title' || char(7) || ' ``` | "q" &amp; ' || CAST(x'fffe' AS TEXT) WHERE id = 5;
UPDATE attempt SET crash_signal = 6, crash_stack_id = 32, policy = 'g_malloc',
  stderr_tail = 'prog: memory exhausted' || char(10) WHERE id = 4;
UPDATE attempt SET crash_signal = 6, crash_stack_id = 702 WHERE id = 6;
UPDATE attempt SET crash_signal = 11, crash_address = 24, crash_stack_id = 700 WHERE id = 15;
UPDATE attempt SET crash_stack_id = 540 WHERE id = 7;
UPDATE attempt SET crash_signal = 11, crash_address = -1, crash_stack_id = 540 WHERE id = 11;

INSERT INTO finding(id, replay_id, identity, verdict, severity, leaked, attributed_module, attributed_to, policy,
 location_id, attempt_id, bad, tried) VALUES
 (1, 1, 'aborted|location 005|g_malloc|sticky', 'aborted', 'policy', 0, '/usr/lib/libfoo.so.1', 'library',
  'g_malloc', 5, 4, 1, 1),
 (2, 1, 'crashed|location 006|foo_31|once' || CAST(x'ff' AS TEXT), 'crashed', 'bug', 0,
  '/opt/<b>app</b>/prog', 'program', NULL, 6, 5, 2, 3),
 (3, 1, 'corrupted|location 007|foo_31|burst', 'corrupted', 'bug', 1, '/lib/libc.so.6', 'libc', NULL, 7, 6, 1, 1),
 (4, 1, 'hung|location 008||once', 'hung', 'bug', 0, NULL, NULL, NULL, 8, 7, 3, 3),
 (5, 1, 'degraded|location 004||once', 'degraded', 'warning', 0, NULL, 'program', NULL, 4, 3, 1, 1),
 (6, 1, 'flaky|location 010||once', 'flaky', 'look', 0, NULL, NULL, NULL, 10, 9, 1, 2),
 (7, 1, 'crashed|deep||once', 'crashed', 'bug', 0, '/opt/<b>app</b>/prog', 'program', NULL, 540, 11, 3, 3),
 (8, 1, 'crashed|nameless|foo_31', 'crashed', 'bug', 0, '/opt/<b>app</b>/prog', 'program', NULL, 600, 15, 1, 1);
UPDATE finding SET place = 'crashed|SIGSEGV|prog!foo_31' WHERE id IN (2, 8);
INSERT INTO finding_attempt VALUES (1, 4), (2, 5), (2, 10), (3, 6), (4, 7), (5, 3), (6, 9), (7, 11), (8, 15);
INSERT INTO skipped VALUES (1, 11, 'filtered'), (1, 12, 'budget'), (1, 14, 'not_failable'), (1, 1, 'filtered');
INSERT INTO note(id, recording_id, replay_id, kind, text, subject) VALUES
 (1, 2, NULL, 'static', 'A program that it ran is static </script>.', '/bin/<i>x'),
 (2, NULL, 1, 'shared', 'Files were not kept apart.', NULL),
 (3, 1, NULL, 'other', 'of the other program', NULL);
DROP TABLE v;
