/* Two databases: what was before (A), and this one (B). */

/*
 * Sites of A in B: by key; else by portable key (function names, so that a rebuilt program's are found), where that is one
 * site's alone on either side. -> by site of A: the site of B, -1 = none. Pure.
 */
function compare_match(a, b) {
  const keys = (one, name, n) => {
    const column = data_column(one, name), list = [];
    for (let i = 0; i < one.sites; i++) {
      let key = "";
      for (let k = i * n; k < (i + 1) * n; k++) key += column[k] + ".";
      list.push(column.length && !/^(0\.)*$/.test(key) ? key : null);
    }
    return list;
  };
  const n = Math.min(a.key_bytes, b.key_bytes), own = (one) => keys(one, "site.key", one.key_bytes).map((key) => key && key.split(".").slice(0, n).join("."));
  const of = new Int32Array(a.sites).fill(-1), taken = new Uint8Array(b.sites);
  const in_b = new Map(own(b).map((key, i) => [key, i]));
  own(a).forEach((key, i) => {
    if (!in_b.has(key)) return;
    of[i] = in_b.get(key);
    taken[of[i]] = 1;
  });
  const unique = (list, free) => {
    const map = new Map();
    list.forEach((key, i) => { if (key && free(i)) map.set(key, map.has(key) ? -1 : i); });
    return map;
  };
  const left_a = unique(keys(a, "portable", 16), (i) => of[i] < 0), left_b = unique(keys(b, "portable", 16), (i) => !taken[i]);
  for (const [key, i] of left_a) if (i >= 0 && left_b.get(key) >= 0) of[i] = left_b.get(key);
  return of;
}

/* Rows [{name, a, b}] by name, the largest difference first. @a, @b: Maps of name to value. Pure. */
function compare_rows(a, b) {
  return [...new Set([...a.keys(), ...b.keys()])].map((name) => ({ name, a: a.get(name) || 0, b: b.get(name) || 0 }))
    .filter((row) => row.a !== row.b).sort((x, y) => Math.abs(y.b - y.a) - Math.abs(x.b - x.a) || (x.name < y.name ? -1 : 1));
}
function compare_word(row) {
  return !row.a ? "new" : !row.b ? "gone" : row.b > row.a ? "grown" : "shrunk";
}

/* One tree of both, by what functions are called. -> {tree, names, of_a, of_b}: boxes of nodes. Pure. */
function compare_tree(a, b) {
  const names = ["all"], known = new Map(), parent = [0], name = [0];
  const pair = flame_pairs(a.nodes.n + b.nodes.n + 2);
  const add = (one) => {
    const own = flame_names(one.data, one.frames), to = own.names.map((text_of, i) => {
      if (!i) return 0;
      const key = text_of + "\0" + own.modules[i];
      if (!known.has(key)) {
        known.set(key, names.length);
        names.push(text_of);
      }
      return known.get(key);
    });
    const of = new Int32Array(one.nodes.n + 1);
    for (let k = 1; k <= one.nodes.n; k++) {
      const above = of[one.nodes.parent[k]], what = to[own.of[one.nodes.frame[k]]], box = pair(above, what, parent.length);
      if (box === parent.length) {
        parent.push(above);
        name.push(what);
      }
      of[k] = box;
    }
    return of;
  };
  const of_b = add(b), of_a = add(a);
  return { tree: flame_children({ parent: Int32Array.from(parent), name: Int32Array.from(name) }), names, of_a, of_b };
}

const COMPARE_METRICS = { at_peak: ["At peak", true], bytes: ["Bytes", true], count: ["Calls", false], live: ["Never freed", true] };

/* What one side knows, of the recording at @index. */
function compare_side(data, index) {
  const m = data_memory(data, index), sites = data_sites(data);
  return { data, m, sites, frames: data_frames(data), nodes: data_nodes(data), numbers: sites_numbers(m, data.sites), recording: data.recordings[index] };
}
/* Where a site is: words that do not change with a line. */
function compare_place(side, i) {
  const { data } = side, location = side.sites.location[i];
  if (location < 0) {
    const node = side.sites.node[i], frame = side.nodes.frame[node];
    return node ? base(data.strings[side.frames.module[frame]]) + "+0x" + side.frames.offset[frame].toString(16) : "unknown";
  }
  const [fn, file, , module, offset] = data.locations[location], of = (k) => data.strings[k];
  return fn ? of(fn) + "\n" + (file ? of(file) : base(of(module))) : base(of(module)) + "+0x" + offset;
}

function show_compare(before) {
  const root = $("compare"), a = compare_side(before, before.recordings.length - 1), of = compare_match(before, P.D);
  let b = null, metric = "bytes", union = null, boxes = [], va = null, vb = null, at = 0, rows = [];
  const names_in = (findings) => new Map(findings.map((f) => [findings_likeness(f.headline), f]));
  const select = h("select", { "aria-label": "Compared by" });
  const body = h("tbody"), lead = h("p", { class: "lead" }), lines = h("ul", { class: "plain" }), status = h("p", { class: "small details", role: "status", "aria-live": "polite" });
  const flame = h("canvas", { class: "flame", tabindex: "0", role: "application", "aria-roledescription": "flame graph", "aria-label": "Flame graph of the difference. The table above says the same." });
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of differences" }, h("table", { "aria-label": "differences" },
    h("thead", null, h("tr", null, ["Location", "", "A", "B", "Difference"].map((title, i) => h("th", { scope: "col", class: i > 1 ? "num" : i === 1 ? "lesser" : null }, title || h("span", { class: "quiet" }, "What"))))), body));
  const times = [a, null].map((_, i) => h("canvas", { class: "timeline", role: "img", "aria-label": "What was in use over the run, " + "AB"[i] }));
  const verdicts = h("div");
  root.hidden = false;
  root.append(h("header", null, h("h2", { id: "compare-title" }, "Compared"), h("span", { class: "quiet small" }, "A: ", name_of(before.path), ", B: ", name_of(P.D.path))),
    lead, lines, h("div", { class: "pair" }, times.map((e, i) => h("div", null, h("h3", null, "AB"[i]), e))),
    h("div", { class: "tools" }, select), scroll, h("p", { class: "small quiet" }, "Red: more than before; blue: less. The width is the larger of both."), h("div", { class: "graph" }, flame), status, verdicts);
  const amount = (n) => (COMPARE_METRICS[metric][1] ? bytes(n) : number(n));
  const signed = (n) => (n > 0 ? "+" : n < 0 ? "−" : "") + amount(Math.abs(n));
  const draw_rows = rows_as_needed(scroll, body, (i) => {
    const row = rows[i], [name, place_of] = row.name.split("\n");
    return [h("tr", { class: "row" }, h("td", { class: "place" }, fn_name(name), place_of ? h("bdi", { class: "at" }, place_of) : null), h("td", { class: "lesser" }, compare_word(row)),
      h("td", { class: "num" }, amount(row.a)), h("td", { class: "num" }, amount(row.b)), h("td", { class: "num" }, signed(row.b - row.a)))];
  });
  function by_place(side) {
    const sums = new Map(), values = side.numbers[metric];
    for (let i = 0; i < side.data.sites; i++) {
      const name = compare_place(side, i);
      if (values[i]) sums.set(name, (sums.get(name) || 0) + values[i]);
    }
    return sums;
  }
  function draw() {
    const width = flame.clientWidth;
    if (!width || !b) return;
    if (!union) union = compare_tree(a, b);
    va = flame_values(union.tree, Int32Array.from(a.sites.node, (k) => union.of_a[k]), a.numbers[metric], null);
    vb = flame_values(union.tree, Int32Array.from(b.sites.node, (k) => union.of_b[k]), b.numbers[metric], null);
    const widest = Float64Array.from(va, (n, i) => Math.max(n, vb[i]));
    for (let k = union.tree.n - 1; k > 0; k--) { /* children must fit into their caller */
      let sum = 0;
      for (let i = union.tree.first[k]; i < union.tree.first[k + 1]; i++) sum += widest[union.tree.child[i]];
      widest[k] = Math.max(widest[k], sum);
    }
    let sum = 0;
    for (let i = union.tree.first[0]; i < union.tree.first[1]; i++) sum += widest[union.tree.child[i]];
    widest[0] = Math.max(widest[0], sum);
    boxes = flame_layout(union.tree, widest, 0, width, 0.5);
    flame_draw({ canvas: flame, boxes, label: (box) => short_name(union.names[union.tree.name[box]]), color: (box) => compare_color(va[box], vb[box]),
      untested: () => 0, bugs: () => 0, marked: () => false, chosen: at });
    times.forEach((canvas, i) => {
      const { m } = [a, b][i], style = getComputedStyle(document.documentElement), color = (name) => style.getPropertyValue("--" + name).trim();
      canvas.hidden = !m.timed;
      if (m.timed && canvas.clientWidth) timeline_draw({ canvas, m, from: 0, to: m.info.peak_bins - 1, range: false, lanes: [], most: Math.max(...[a, b].map((side) => side.m.timed ? side.m.high.reduce((x, y) => Math.max(x, y), 1) : 1)),
        colors: { area: color("area"), line: color("area-line"), ink: color("ink"), chosen: color("link"), lane: color("quiet") } });
    });
  }
  function speak(box) {
    if (!va) return;
    status.textContent = (box ? union.names[union.tree.name[box]] : "all") + ": " + amount(va[box]) + " before, " + amount(vb[box]) + " now, " + signed(vb[box] - va[box]);
  }
  function update() {
    rows = compare_rows(by_place(a), by_place(b));
    draw_rows(rows.length);
    if (!rows.length) body.append(h("tr", null, h("td", { colspan: 5, class: "quiet" }, "No difference.")));
    const sum = (side) => side.numbers[metric].reduce((x, y) => x + y, 0);
    lead.textContent = COMPARE_METRICS[metric][0] + ": " + amount(sum(a)) + " before, " + amount(sum(b)) + " now (" + signed(sum(b) - sum(a)) + ").";
    draw();
  }
  function show_verdicts() {
    const changed = new Map(), old = names_in(before.findings), now = names_in(P.D.findings), of_b = new Set(of), list = [];
    of.forEach((i, k) => {
      if (i < 0) return;
      const from = a.sites.verdict[k] < 0 ? "not tried" : before.verdicts[a.sites.verdict[k]], to = verdict_name(P.S.verdict[i]);
      if (from === to) return;
      const key = from + " → " + to;
      if (!changed.has(key)) changed.set(key, []);
      changed.get(key).push(i);
    });
    const matched = of.reduce((n, i) => n + (i >= 0), 0);
    lines.append(h("li", null, plural(matched, "site") + " in both, " + number(before.sites - matched) + " gone, " + number(P.D.sites - of_b.size + (of_b.has(-1) ? 1 : 0)) + " new."));
    const left_out = [before, P.D].filter((one) => !one.attempts);
    if (left_out.length) {
      verdicts.append(h("p", { class: "notice" }, (left_out.length > 1 ? "Neither was tested" : (left_out[0] === before ? "A" : "B") + " was not tested") +
        ": what broke in one and not in the other is not known."));
      return;
    }
    for (const [title, there, not] of [["New findings", now, old], ["Findings that are gone", old, now]])
      list.push([title, [...there].filter(([key]) => !not.has(key)).map(([, f]) => f)]);
    verdicts.append(...list.map(([title, findings], i) => h("div", null, h("h3", null, title + ": " + number(findings.length)), h("ul", null, findings.slice(0, 30).map((f) =>
      h("li", null, i ? null : [h("a", { href: "#f" + f.id }, "f" + f.id), " "], name_of(f.headline)))))),
    h("h3", null, "Verdicts that changed"), h("ul", null, [...changed].map(([key, sites]) => h("li", null, key + ": " + plural(sites.length, "site") + " ", sites.slice(0, 8).map((i) => [site_link(i), " "])))));
    if (!changed.size) verdicts.append(h("p", { class: "quiet" }, "None of a site that is in both."));
  }
  flame.addEventListener("pointermove", (event) => {
    const depth = Math.floor(event.offsetY / FLAME_ROW), hit = boxes.find((box) => box.depth === depth && event.offsetX >= box.x && event.offsetX < box.x + box.width);
    if (hit) speak(hit.box);
  });
  flame.addEventListener("keydown", (event) => {
    const here = boxes.some((box) => box.box === at) ? at : 0, tree = union.tree;
    const beside = boxes.filter((box) => box.box && tree.parent[box.box] === tree.parent[here]).sort((x, y) => x.x - y.x).map((box) => box.box);
    const below = boxes.filter((box) => box.box && tree.parent[box.box] === here).sort((x, y) => y.width - x.width)[0];
    const next = { ArrowUp: tree.parent[here], ArrowDown: below ? below.box : here, ArrowLeft: beside[beside.indexOf(here) - 1], ArrowRight: here ? beside[beside.indexOf(here) + 1] : here }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    at = next;
    draw();
    speak(at);
  });
  flame.addEventListener("focus", () => speak(at));
  select.addEventListener("change", () => { metric = select.value; hash_param("cm", metric); update(); });
  show_verdicts();
  P.update_compare = () => {
    b = { data: P.D, m: P.m, sites: P.S, frames: P.F, nodes: P.N, numbers: P.numbers, recording: P.recording };
    const usable = Object.keys(COMPARE_METRICS).filter((name) => name !== "at_peak" || (a.numbers.at_peak && b.numbers.at_peak));
    select.replaceChildren(...usable.map((name) => h("option", { value: name }, COMPARE_METRICS[name][0])));
    metric = usable.includes(hash_state.params.get("cm")) ? hash_state.params.get("cm") : usable[0];
    select.value = metric;
    update();
  };
  P.redraw_compare = draw;
}
/* From blue (gone) by grey to red (new). Pure. */
function compare_color(a, b) {
  const share = a + b > 0 ? (b - a) / Math.max(a, b) : 0, pale = 92 - Math.min(1, Math.abs(share)) * 27;
  return Math.abs(share) < 0.01 ? "#d9dde3" : `hsl(${share > 0 ? 8 : 214} 75% ${pale}%)`;
}
