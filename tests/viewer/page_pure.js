// SPDX-License-Identifier: Apache-2.0
// page_pure.js SCRIPT...: what the page computes, without a browser: the functions of its scripts that touch no document.
"use strict";
const assert = require("node:assert");
const fs = require("node:fs");

const names = ["data_unpack", "data_values", "data_by_site", "data_bin_ns", "data_bin_of", "data_shown", "search_parse", "search_text",
  "search_sites", "flame_names", "flame_tree", "flame_inverted", "flame_values", "flame_hidden", "flame_layout", "flame_by_name",
  "flame_neighbours", "timeline_x", "timeline_bin", "memory_fold", "memory_size_class", "untested_tree", "untested_order",
  "findings_groups", "leaks_fold", "leaks_hint", "processes_order", "hash_parse", "hash_text", "compare_match", "compare_rows",
  "reason_options", "suite_reach", "suite_sites", "suite_order", "suite_units", "compare_word", "compare_tree", "compare_color", "portion", "short_name", "glob_word"];
const source = process.argv.slice(2).map((file) => fs.readFileSync(file, "utf8")).join("\n");
const page = new Function('"use strict";\n' + source + "\nreturn {" + names.join(", ") + "};")();
let n_tests = 0;
function test(what, body) {
  body();
  n_tests++;
  console.log("ok: " + what);
}

function varint(n) {
  const out = [];
  for (; n >= 128; n = Math.floor(n / 128)) out.push(n % 128 + 128);
  return [...out, n];
}
function packed(head, columns) {
  const list = Object.entries(columns).map(([name, [kind, numbers]]) => [name, numbers.length, kind]);
  const json = Buffer.from(JSON.stringify({ strings: [null], ...head, columns: list }).replace(/[\u2066\u202e]/g, (c) => "\\u" + c.charCodeAt(0).toString(16)));
  const bytes = [...varint(json.length), ...json];
  for (const [kind, numbers] of Object.values(columns))
    for (const n of numbers) bytes.push(...(kind === 2 ? [n] : varint(kind ? (n < 0 ? -2 * n - 1 : 2 * n) : n)));
  return Uint8Array.from(bytes);
}

test("columns of every kind come back, up to 2^53", () => {
  const plain = [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40 + 7, 2 ** 52 + 1], signed = [0, -1, 1, 63, -64, 64, -(2 ** 40), 2 ** 45 + 3];
  const data = page.data_unpack(packed({}, { a: [0, plain], b: [1, signed], c: [2, [0, 128, 255]], d: [0, []] }));
  assert.deepEqual([...data.columns.get("a")], plain);
  assert.deepEqual([...data.columns.get("b")], signed);
  assert.deepEqual([...data.columns.get("c")], [0, 128, 255]);
  assert.equal(data.columns.get("d").length, 0);
  assert.throws(() => page.data_unpack(packed({}, { a: [0, [1]] }).slice(0, -1)));
  assert.throws(() => page.data_unpack(Uint8Array.from([...packed({}, { a: [0, [1]] }), 1])));
});

test("what steers text is shown, not obeyed", () => {
  assert.equal(page.data_shown("a\u202eb\u200fc\u001b[1m"), "a\\u202eb\\u200fc\\u001b[1m");
  assert.equal(page.data_unpack(packed({ strings: [null, "x\u2066y"] }, {})).strings[1], "x\\u2066y");
});

test("searching", () => {
  const asks = (query, text) => page.search_text(page.search_parse(query), text);
  assert.ok(asks("parse JSON", "json_Parse") && !asks("parse yaml", "json_parse"));
  assert.ok(asks("json -free", "json_parse") && !asks("json -parse", "json_parse"));
  assert.ok(asks("/^json.*e$/", "json_parse") && !asks("-/^json/", "json_parse") && asks("/A|B/", "xb"));
  assert.ok(asks('"a b"', "xa by") && !asks('"a b"', "a x b") && asks("", "x") && asks("a/b", "x a/b c"));
  assert.match(page.search_parse("/(/").error, /no regular expression/);
});

/* main calls a and b; a calls itself; both call m. Two frames are named m: one box below one caller. */
const D = { strings: [null, "main", "a", "b", "m", "/lib/x.so"], sites: 3, key_bytes: 2 };
const F = { function: [1, 2, 3, 4, 4], file: [0, 0, 0, 0, 0], line: [0, 0, 0, 0, 0], module: [5, 5, 5, 5, 5], offset: [1, 2, 3, 4, 5], inlined: [0, 0, 0, 0, 0] };
const N = { n: 6, parent: [0, 0, 1, 2, 3, 3, 1], frame: [0, 0, 1, 1, 3, 4, 2] }; // 4: main a a m, 5: main a a m', 6: main b
const S = { node: [4, 5, 6], op: [0, 0, 0], key: Uint8Array.from([0xab, 0xcd, 0xab, 0xce, 0x12, 0x34]) };
const fnames = page.flame_names(D, F), tree = page.flame_tree(N, fnames), box_of = Int32Array.from(S.node, (k) => tree.of[k]);
const named = (name) => fnames.names.indexOf(name);

test("flame graphs: equal names below equal callers are one, values add up", () => {
  assert.equal(tree.n, 6); // all, main, a, a, m, b
  assert.equal(box_of[0], box_of[1]);
  const value = page.flame_values(tree, box_of, [10, 5, 1], null);
  assert.equal(value[0], 16);
  assert.equal(value[box_of[0]], 15);
  const boxes = page.flame_layout(tree, value, 0, 160, 0.5), b = boxes.find((box) => box.box === box_of[2]);
  assert.equal(b.width, 10);
  assert.equal(b.depth, 2);
  assert.equal(boxes.length, 6);
  assert.equal(page.flame_layout(tree, value, 0, 160, 20).length, 5);
  assert.deepEqual(page.flame_layout(tree, page.flame_values(tree, box_of, [0, 0, 0], null), 0, 160, 1), []);
  const hidden = page.flame_hidden(tree, new Set([named("a")]));
  assert.equal(page.flame_values(tree, box_of, [10, 5, 1], hidden)[0], 1);
});

test("by function: what calls itself counts once", () => {
  const sums = page.flame_by_name(tree, page.flame_values(tree, box_of, [10, 5, 1], null), (name) => name);
  assert.deepEqual(sums.get(named("a")), { self: 0, total: 15 });
  assert.deepEqual(sums.get(named("m")), { self: 15, total: 15 });
  assert.deepEqual(sums.get(named("main")), { self: 0, total: 16 });
  const modules = page.flame_by_name(tree, page.flame_values(tree, box_of, [10, 5, 1], null), (name) => fnames.modules[name]);
  assert.deepEqual(modules.get("x.so"), { self: 16, total: 16 });
});

test("callers and callees", () => {
  const around = page.flame_neighbours(tree, page.flame_values(tree, box_of, [10, 5, 1], null), named("a"));
  assert.deepEqual(around, { callers: [[named("main"), 15]], callees: [[named("m"), 15]] });
});

test("turned round: from what allocated to its callers, the largest first", () => {
  const { tree: round, left } = page.flame_inverted(N, fnames, S.node, [10, 5, 1], 1e6);
  const value = page.flame_values(round, round.of, [10, 5, 1], null);
  assert.equal(value[0], 16);
  assert.equal(left, 0);
  const top = [...round.child.slice(round.first[0], round.first[1])].map((box) => [fnames.names[round.name[box]], value[box]]);
  assert.deepEqual(top, [["m", 15], ["b", 1]]);
  assert.equal(page.flame_inverted(N, fnames, S.node, [10, 5, 1], 1025).left, 6);
});

test("sites by words in frames, by key", () => {
  const lower = D.strings.map((s) => (s || "").toLowerCase());
  const ask = (query) => [...page.search_sites(page.search_parse(query), D, F, N, S, lower)].join("");
  assert.equal(ask("main"), "111");
  assert.equal(ask("main b -/^a$/"), "001");
  assert.equal(ask("/^m$/"), "110");
  assert.equal(ask("abcd"), "100");
  assert.equal(ask("x.so nothing"), "000");
});

const m = { n: 3, timed: true, site: Int32Array.from([0, 1, 2]), process: Int32Array.from([0, 0, 1]), start: Int32Array.from([0, 2, 3, 4]),
  bin: Uint16Array.from([0, 3, 1, 2]), cell_live: [100, -40, 7, 9], cell_bytes: [120, 0, 7, 9], cell_count: [3, 0, 1, 1],
  live: [60, 7, 9], live_blocks: [2, 1, 1], frees: [1, 0, 0], last_us: [5, 1, 2], temporary: [0, 0, 1], peak: [120, 7, 9], bytes: [120, 7, 9],
  count: [3, 1, 1], info: { bins: 4, peak_bins: 2, peak_ns: 1000, end_ns: 11000, processes: [{ end: "exit", parent: -1 }, { end: "exec", parent: 0 }] } };
test("time: in use at an instant, asked for in a range, grown in it", () => {
  assert.deepEqual([...page.data_values(m, "live", 0, 1)], [100, 7, 0]);
  assert.deepEqual([...page.data_values(m, "live", 2, 3)], [60, 7, 9]);
  assert.deepEqual([...page.data_values(m, "bytes", 1, 3)], [0, 7, 9]);
  assert.deepEqual([...page.data_values(m, "count", 0, 0)], [3, 0, 0]);
  assert.deepEqual([...page.data_values(m, "grown", 1, 3)], [0, 7, 9]);
  assert.deepEqual(page.data_values({ ...m, timed: false }, "bytes", 0, 0), [120, 7, 9]);
  assert.deepEqual([...page.data_by_site(m, [1, 2, 3], 4)], [1, 2, 3, 0]);
});
test("bins: a boundary at the peak, and back from pixels", () => {
  assert.equal(page.data_bin_ns(m, 2), 1000);
  assert.equal(page.data_bin_ns(m, 4), 11000);
  assert.equal(page.data_bin_of(m, 1000), 1);
  assert.equal(page.data_bin_of(m, 1001), 2);
  for (let bin = 0; bin < 4; bin++)
    assert.equal(page.timeline_bin(m, (page.timeline_x(m, bin, 800) + page.timeline_x(m, bin + 1, 800)) / 2, 800), bin);
});

test("folding, leaks, processes", () => {
  const rows = page.memory_fold(m, [10, 20, 5], (i) => (i < 2 ? "x" : "y"), (site) => site === 0);
  assert.deepEqual(rows.map((row) => [row.name, row.self, row.untested, row.site]), [["x", 30, 20, 1], ["y", 5, 5, 2]]);
  const leaks = page.leaks_fold(m, () => "all");
  assert.deepEqual([leaks.length, leaks[0].bytes, leaks[0].blocks], [1, 67, 3]);
  assert.equal(page.leaks_hint(leaks[0], 1e6), "75.0 % kept, last asked for 995.0 µs before the end");
  assert.equal(page.leaks_hint({ frees: 0, blocks: 1, last_us: 1000 }, 1e6), "one block, kept, still asked for at the end");
  assert.deepEqual(page.processes_order(m.info.processes), [[0, 0], [1, 1]]);
  assert.equal(page.memory_size_class(33), "up to 64 B");
});

test("never tested: a tree, worst first", () => {
  const path = (file, fn) => ["lib", file, fn, file + ":1"];
  const root = page.untested_tree([{ path: path("a.c", "f"), tested: 1, testable: 1, sites: [] }, { path: path("b.c", "g"), tested: 0, testable: 1, sites: [1] },
    { path: path("b.c", "h"), tested: 0, testable: 5, sites: [2] }, { path: path("c.c", "i"), tested: 0, testable: 1, sites: [3] }]);
  assert.deepEqual([root.tested, root.testable], [1, 8]);
  const files = page.untested_order(page.untested_order(root)[0]);
  assert.deepEqual(files.map((file) => [file.name, file.testable]), [["b.c", 6], ["c.c", 1]]);
});

test("a suite: tests by site, sites by test, what found most first", () => {
  const reach = page.suite_reach([0, 0, 2], [4, 1, 4], 4); /* sites 0, 0, 2 */
  assert.deepEqual([...reach.start], [0, 2, 2, 3, 3]);
  assert.deepEqual([...page.suite_sites(reach, 4)], [1, 0, 1, 0]);
  const one = (sites, targets, findings) => ({ sites, targets, findings });
  assert.deepEqual(page.suite_order([one(2, 2, []), one(0, 0, []), one(1, 1, [7]), one(3, 3, [])]), [2, 3, 0]);
  const units = page.suite_units([{ test: "t", command: "a b" }, { command: "c" }, { test: "t", command: "a b" }]);
  assert.deepEqual(units.map(([name, list]) => [name, list.length]), [["t\na b", 2], ["c", 1]]);
});

test("never tested: of a replay's options those that left sites out", () => {
  const options = JSON.stringify({ in: ["a*"], mode: "both", thread: "any", time_budget_ns: 5e9, limit: 3 });
  assert.deepEqual(JSON.parse(page.reason_options("filtered", options)), { in: ["a*"], limit: 3 });
  assert.deepEqual(JSON.parse(page.reason_options("budget", options)), { time_budget_ns: 5e9, limit: 3 });
  assert.equal(page.reason_options("filtered", "no JSON"), "{}");
});

test("findings: one policy is one group, near-identical headlines are one", () => {
  const f = (headline, policy) => ({ severity: policy ? 2 : 0, runtime: false, verdict: 1, module: "m", headline, policy });
  const list = [f("aborted by policy p in x", "p"), f("aborted by policy p in y", "p"), f("crashed in lib+0x12a"), f("crashed in lib+0x99"), f("crashed in other")];
  const groups = page.findings_groups(list, [[0], [1], [2], [3], [4]]);
  assert.deepEqual(groups.map((group) => [group.members, group.places]), [[[0, 1], 2], [[2, 3], 2], [[4], 1]]);
});

test("addresses, portions, names, globs", () => {
  const state = page.hash_parse("#memory?q=a+b%26c&t=3-9");
  assert.deepEqual([state.target, [...state.params]], ["memory", [["q", "a b&c"], ["t", "3-9"]]]);
  assert.deepEqual(page.hash_parse(page.hash_text(state)), state);
  assert.deepEqual([page.portion(0, 5), page.portion(1, 5000), page.portion(4999.9, 5000), page.portion(5, 5)], ["0 %", "<0.1 %", ">99.9 %", "100 %"]);
  assert.equal(page.short_name("x"), "x");
  assert.equal(page.glob_word("/usr/lib/x.so.1"), "/usr/lib/x.so.1");
  assert.equal(page.glob_word("f(it's[*])"), "'f(it'\\''s???)'");
});
test("two databases: sites by key, else by a portable key that is one site's alone", () => {
  const side = (keys, portable) => ({ sites: keys.length, key_bytes: 1, columns: new Map([["site.key", Uint8Array.from(keys)],
    ["portable", Uint8Array.from(portable.flatMap((n) => [...new Array(15).fill(0), n]))]]) });
  const of = page.compare_match(side([1, 2, 3, 4, 5, 6], [9, 20, 30, 40, 40, 0]), side([7, 1, 8, 10, 11, 12], [20, 9, 30, 40, 50, 0]));
  assert.deepEqual([...of], [1, 0, 2, -1, -1, -1]); // two have 40 on one side; 0 is none
});
test("two databases: differences, the largest first; one tree of both", () => {
  const rows = page.compare_rows(new Map([["x", 5], ["y", 1], ["z", 2]]), new Map([["x", 5], ["y", 9], ["w", 3]]));
  assert.deepEqual(rows.map((row) => [row.name, row.b - row.a, page.compare_word(row)]), [["y", 8, "grown"], ["w", 3, "new"], ["z", -2, "gone"]]);
  const one = { data: D, frames: F, nodes: N }, other = { data: { ...D, strings: [null, "main", "b", "a", "m", "/lib/x.so"] }, frames: F, nodes: N };
  const { tree: both, of_a, of_b, names } = page.compare_tree(one, other);
  assert.equal(of_a[1], of_b[1]); // main
  assert.equal(names[both.name[of_a[2]]], "a");
  assert.equal(names[both.name[of_b[2]]], "b");
  assert.equal(of_a[2], of_b[6]);
  assert.equal(page.compare_color(5, 5), page.compare_color(0, 0));
  assert.match(page.compare_color(1, 2), /^hsl\(8 /);
  assert.match(page.compare_color(2, 0), /^hsl\(214 /);
});
console.log(n_tests + " passed, 0 failed");
