/* Where the memory goes, and where it was never tested: one selection of time, seen as a flame graph, a table, and
 * callers and callees. */

const MEMORY_BY = {
  location: "location", function: "function", module: "module", process: "process", test: "test", thread: "thread of its first call", size: "largest block",
};
const INVERTED_STEPS = 300000;

/* The class of a size: powers of two. Pure. */
function memory_size_class(size) {
  return size < 1 ? "0 B" : "up to " + bytes(2 ** Math.ceil(Math.log2(size)));
}

/*
 * Sums by what @label(row) says: [{name, self, untested}], largest first. @values: of rows. @tested(site). Pure.
 */
function memory_fold(m, values, label, tested) {
  const sums = new Map();
  for (let i = 0; i < m.n; i++) {
    if (!(values[i] > 0)) continue;
    const name = label(i);
    let sum = sums.get(name);
    if (!sum) sums.set(name, sum = { name, self: 0, untested: 0, site: m.site[i], most: 0 });
    sum.self += values[i];
    if (!tested(m.site[i])) sum.untested += values[i];
    if (values[i] > sum.most) {
      sum.most = values[i];
      sum.site = m.site[i];
    }
  }
  return [...sums.values()].sort((a, b) => b.self - a.self || (a.name < b.name ? -1 : 1));
}

/* Where a row is, as what sums go by: the number of its location, else words. */
function location_row(i) {
  const site = P.m.site[i];
  return P.S.location[site] >= 0 ? P.S.location[site] : site_label(site).join("\n");
}
/* In words: [name, place]. */
const location_name = (row) => typeof row === "number" ? P.location_label[row] : row.split("\n");

/* What is looked at: made new for every recording. */
function memory_start(m) {
  return { metric: m.timed ? "live" : "bytes", from: 0, to: m.timed ? m.info.peak_bins - 1 : 0, range: false, inverted: false,
    root: 0, path: [], by: "location", process: -1, test: -1, search: "", only: false, terms: [], hidden: new Set(), function: -1, cursor: 0, sort: "self" };
}

function show_memory() {
  const root = $("memory");
  const status = h("p", { class: "small details", role: "status", "aria-live": "polite" });
  const heading = h("p", { class: "lead" });
  const timeline = h("canvas", { class: "timeline", tabindex: "0", role: "slider", "aria-label": "Instant", "aria-valuemin": "0", "aria-valuemax": "255", "aria-valuenow": "0" });
  const flame = h("canvas", { class: "flame", tabindex: "0", role: "application", "aria-roledescription": "flame graph", "aria-describedby": "flame-help",
    "aria-label": "Flame graph: arrow keys move, Enter zooms. The table below says the same." });
  const untimed = h("p", { class: "notice" });
  const metric = h("select", { "aria-label": "Metric" });
  const process = h("select", { "aria-label": "Process" });
  const test = h("select", { "aria-label": "Test of the memory" });
  const by = h("select", { "aria-label": "Table by" }, Object.entries(MEMORY_BY).filter(([value]) => value !== "test" || P.tests.length).map(([value, label]) => h("option", { value }, "by " + label)));
  const search = h("input", { type: "search", placeholder: "Words, -not, /regex/", "aria-label": "Search memory" });
  const found = h("span", { class: "quiet small", role: "status" });
  const only = h("button", { type: "button", "aria-pressed": "false", title: "Leave out what does not match; -word leaves out what does" }, "Only these");
  const chips = h("div", { class: "chips" });
  const invert = h("button", { type: "button", "aria-pressed": "false" }, "Inverted");
  const to_peak = h("button", { type: "button" }, "At the peak"), whole = h("button", { type: "button" }, "Whole run");
  const body = h("tbody"), head = h("tr");
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Memory table" },
    h("table", { "aria-label": "memory" }, h("thead", null, head), body));
  const neighbours = h("div", { class: "pair" });
  root.append(h("header", null, h("h2", { id: "memory-title" }, "Where the memory goes")), heading, untimed,
    timeline, h("div", { class: "tools" }, metric, to_peak, whole, process, test, invert, search, only, found), chips,
    h("p", { class: "small quiet", id: "flame-help" }, h("span", { class: "hatch", "aria-hidden": "true" }), " never failed in a test  ",
      h("span", { class: "bugline", "aria-hidden": "true" }), " a bug was found there. ", h("span", { class: "help" }, "Click or Enter: zoom; Escape: back; h: hide; ? : all keys.")),
    h("div", { class: "graph" }, flame), status, h("div", { class: "tools" }, by), scroll, neighbours);

  let v = null, values = null, tree = null, total = null, untested = null, bugs = null, boxes = [], found_sites = null, box_of = null, left = 0;
  const amount = (n) => (DATA_METRICS[v.metric].bytes ? bytes(n) : number(n));
  const said = (n) => amount(n) + (DATA_METRICS[v.metric].word ? " " + DATA_METRICS[v.metric].word : "");
  const tested = (site) => P.S.verdict[site] >= 0 && !P.S.reason[site];
  const is_bug = (site) => P.S.verdict[site] >= 0 && P.D.verdict_severities[P.S.verdict[site]] === "bug";

  /* Of sites, as bytes; verdicts are of all recordings. */
  function marks_of() {
    if (!P.site_marks) {
      P.site_marks = { untested: new Uint8Array(P.D.sites), bug: new Uint8Array(P.D.sites) };
      for (let i = 0; i < P.D.sites; i++) {
        P.site_marks.untested[i] = tested(i) ? 0 : 1;
        P.site_marks.bug[i] = is_bug(i) ? 1 : 0;
      }
    }
    return P.site_marks;
  }
  function names() {
    if (!P.flame_names) P.flame_names = flame_names(P.D, P.F);
    return P.flame_names;
  }
  function top_down() {
    if (!P.flame_tree) {
      P.flame_tree = flame_tree(P.N, names());
      P.flame_box_of = Int32Array.from(P.S.node, (node) => P.flame_tree.of[node]);
    }
    return P.flame_tree;
  }
  function instant() {
    const ns = data_bin_ns(P.m, v.to + 1);
    return v.to === P.m.info.peak_bins - 1 ? "the peak, " + duration(P.m.info.peak_ns) : duration(ns);
  }
  function when() {
    if (!P.m.timed || !["live", "grown", "bytes", "count"].includes(v.metric)) return "in the whole run";
    if (v.metric === "live") return "at " + instant();
    return "from " + duration(data_bin_ns(P.m, v.from)) + " to " + instant();
  }

  function compute() {
    const m = P.m;
    const row_values = data_values(m, v.metric, v.range ? v.from : v.metric === "live" ? 0 : v.from, v.to);
    values = row_values;
    if (v.process >= 0 || v.test >= 0 || (found_sites && v.only))
      values = row_values.map((n, i) => (v.process >= 0 && m.process[i] !== v.process) || (v.test >= 0 && m.test[i] !== v.test + 1) || (found_sites && v.only && !found_sites[m.site[i]]) ? 0 : n);
    const site_values = data_by_site(m, values, P.D.sites, v.metric === "own");
    if (v.inverted) {
      const made = flame_inverted(P.N, names(), P.S.node, site_values, INVERTED_STEPS);
      tree = made.tree;
      left = made.left;
      box_of = tree.of;
    } else {
      tree = top_down();
      left = 0;
      box_of = P.flame_box_of;
    }
    const hidden = flame_hidden(tree, v.hidden);
    total = flame_values(tree, box_of, site_values, hidden);
    untested = P.D.attempts ? flame_values(tree, box_of, site_values, hidden, marks_of().untested) : total;
    bugs = P.D.severity_counts[0] ? flame_values(tree, box_of, site_values, hidden, marks_of().bug) : new Float64Array(tree.n);
    v.root = find_path();
    v.site_values = site_values;
    v.hidden_boxes = hidden;
  }
  /* The path of names that is zoomed into, as a box of this tree. */
  function find_path() {
    let box = 0;
    for (const name of v.path) {
      let next = 0;
      for (let i = tree.first[box]; i < tree.first[box + 1]; i++) if (tree.name[tree.child[i]] === name) next = tree.child[i];
      if (!next) break;
      box = next;
    }
    return box;
  }
  function path_of(box) {
    const path = [];
    for (; box; box = tree.parent[box]) path.unshift(tree.name[box]);
    return path;
  }

  const box_name = (box) => names().names[tree.name[box]];
  function draw_flame() {
    const width = flame.clientWidth;
    if (!width) return;
    boxes = flame_layout(tree, total, v.root, width, 0.5);
    const marks = found_sites ? flame_values(tree, box_of, v.site_values, v.hidden_boxes, found_sites) : null;
    flame_draw({ canvas: flame, boxes, label: (box) => short_name(box_name(box)), module: (box) => names().modules[tree.name[box]],
      untested: (box) => untested[box] / total[box], bugs: (box) => bugs[box] / total[box],
      marked: (box) => marks && box && marks[box] > 0 && v.terms.some((term) => !term.not && search_test(term, box_name(box))), chosen: v.cursor });
  }
  function draw_timeline() {
    const m = P.m;
    timeline.hidden = !m.timed;
    untimed.hidden = m.timed;
    if (!m.timed || !timeline.clientWidth) return;
    const style = getComputedStyle(document.documentElement), color = (name) => style.getPropertyValue("--" + name).trim();
    timeline_draw({ canvas: timeline, m, from: v.from, to: v.to, range: v.range, lanes: timeline_lanes(m.info.processes, m.info.end_ns, 12),
      colors: { area: color("area"), line: color("area-line"), ink: color("ink"), chosen: color("link"), lane: color("quiet") } });
    timeline.setAttribute("aria-valuenow", String(v.to));
    timeline.setAttribute("aria-valuetext", (v.range ? "from " + duration(data_bin_ns(m, v.from)) + " to " : "") + instant() + ": " +
      bytes(Math.max(0, m.high[v.to])) + " at most");
  }
  function describe(box) {
    if (!total || !(total[box] > 0)) return "";
    const whole_of = total[0] || 1;
    return (box ? box_name(box) + (names().modules[tree.name[box]] ? " [" + names().modules[tree.name[box]] + "]" : "") : "all") + ": " + amount(total[box]) + ", " +
      portion(total[box], whole_of) + " of what is shown" + (untested[box] > 0 ? ", " + portion(untested[box], total[box]) + " of it never failed in a test" : ", all of it tested") +
      (bugs[box] > 0 ? ", " + portion(bugs[box], total[box]) + " where a bug was found" : "") + (!box && left ? "; " + amount(left) + " in smaller sites have no callers shown" : "");
  }
  function speak(box) {
    status.textContent = describe(box);
  }

  /* --- the table --- */
  const ROW_LABELS = {
    location: location_row,
    process: (i) => P.m.process[i], test: (i) => P.m.test[i] ? P.m.test[i] - 1 : "?" + process_label(P.m.process[i]), thread: (i) => P.m.process[i] + "." + P.m.thread[i], size: (i) => memory_size_class(P.m.largest[i]),
  };
  function process_label(i) {
    const one = P.m.info.processes[i];
    return one ? base(one.exe) + " (pid " + one.pid + ")" : "unknown";
  }
  function folded() {
    if (v.by === "function" || v.by === "module") {
      const all = names(), down = top_down();
      const full = v.inverted ? flame_values(down, P.flame_box_of, v.site_values, flame_hidden(down, v.hidden)) : total;
      const unsafe = v.inverted ? flame_values(down, P.flame_box_of, v.site_values, flame_hidden(down, v.hidden), marks_of().untested) : untested;
      const key = v.by === "function" ? (name) => name : (name) => all.modules[name];
      const sums = flame_by_name(down, full, key), not = flame_by_name(down, unsafe, key);
      return [...sums].map(([name, sum]) => ({ name, self: sum.self, total: sum.total, untested: (not.get(name) || { total: 0 }).total }))
        .sort((a, b) => v.sort === "self" ? b.self - a.self || b.total - a.total : b.total - a.total || b.self - a.self);
    }
    const hidden = v.hidden_boxes, shown = hidden ? values.map((n, i) => (box_of[P.m.site[i]] >= 0 && hidden[box_of[P.m.site[i]]] ? 0 : n)) : values;
    return memory_fold(P.m, shown, ROW_LABELS[v.by], tested);
  }
  let folds = [];
  function row_label(row) {
    switch (v.by) {
    case "function": return h("button", { type: "button", class: "plain", onclick: () => choose_function(row.name) }, fn_name(names().names[row.name]), h("bdi", { class: "at" }, names().modules[row.name]));
    case "module": return h("button", { type: "button", class: "plain", title: "Only what goes through it; again: all", onclick: () => focus_on(row.name) }, name_of(row.name));
    case "process": return name_of(process_label(row.name));
    case "test": return typeof row.name === "string" ? [name_of(row.name.slice(1)), h("span", { class: "at" }, "of none, or of several tests")]
      : h("button", { type: "button", class: "plain", onclick: () => { v.test = v.test === row.name ? -1 : row.name; update(); } }, h("bdi", { class: "fn" }, data_shown(P.tests[row.name].name)), h("bdi", { class: "at" }, data_shown(P.tests[row.name].command).slice(0, 120)));
    case "thread": return name_of("thread " + row.name.slice(row.name.indexOf(".") + 1) + " of " + process_label(parseInt(row.name, 10)));
    case "size": return row.name;
    default: {
      const [name, at] = location_name(row.name);
      return h("button", { type: "button", class: "plain", onclick: () => P.show_sites({ search: '"' + (at.includes("+0x") ? name : at) + '"' }) }, fn_name(name), h("bdi", { class: "at" }, at));
    }
    }
  }
  const draw_rows = rows_as_needed(scroll, body, (i) => {
    const row = folds[i], sum = total[0] || 1;
    return [h("tr", { class: "row" }, h("td", { class: "place" }, row_label(row)), h("td", { class: "num" }, amount(row.self)),
      row.total === undefined ? null : h("td", { class: "num" }, amount(row.total)),
      h("td", { class: "num" }, v.metric === "own" ? "–" : portion(row.total === undefined ? row.self : row.total, sum)),
      h("td", { class: "num" }, portion(row.untested, row.total === undefined ? row.self : row.total)))];
  });
  function draw_table() {
    const two = v.by === "function" || v.by === "module";
    const sorter = (name, label) => h("th", { scope: "col", class: "num", "aria-sort": two && v.sort === name ? "descending" : "none" },
      two ? h("button", { type: "button", class: "plain", onclick: () => { v.sort = name; draw_table(); } }, label) : label);
    head.replaceChildren(h("th", { scope: "col" }, MEMORY_BY[v.by]), sorter("self", two ? "Self" : DATA_METRICS[v.metric].bytes ? "Bytes" : "Calls"), two ? sorter("total", "With callees") : "",
      h("th", { scope: "col", class: "num" }, "Share"), h("th", { scope: "col", class: "num" }, "Never failed"));
    folds = folded();
    draw_rows(folds.length);
    if (!folds.length) body.append(h("tr", null, h("td", { colspan: two ? 5 : 4, class: "quiet" }, "Nothing.")));
  }
  function draw_neighbours() {
    neighbours.replaceChildren();
    if (v.function < 0) return;
    const down = top_down(), full = flame_values(down, P.flame_box_of, v.site_values, flame_hidden(down, v.hidden));
    const { callers, callees } = flame_neighbours(down, full, v.function), all = names();
    const list = (title, items) => h("div", null, h("h3", null, title), h("ol", { class: "plain" }, items.slice(0, 20).map(([name, n]) =>
      h("li", null, h("span", { class: "num" }, amount(n)), " ", name ? h("button", { type: "button", class: "plain", onclick: () => choose_function(name) }, fn_name(all.names[name])) : "(outermost)"))));
    neighbours.append(h("div", { class: "full" }, h("h3", null, name_of(all.names[v.function])), h("button", { type: "button", onclick: () => focus_on(all.names[v.function]) }, "Only through it"),
      h("button", { type: "button", onclick: () => toggle_hidden(v.function) }, "Hide it")),
      list("Called from", callers), list("Calls", callees));
  }
  function choose_function(name) {
    v.function = name;
    draw_neighbours();
    neighbours.scrollIntoView({ block: "nearest" });
  }
  function toggle_hidden(name) {
    if (!v.hidden.delete(name)) v.hidden.add(name);
    update();
  }
  /* Only stacks that have @name; all again when it is that already. */
  function focus_on(name) {
    const query = '"' + name + '"', again = v.only && v.search === query;
    v.search = search.value = again ? "" : query;
    v.only = !again;
    search_now();
    save();
    flame.focus({ preventScroll: true });
  }
  function draw_chips() {
    const all = v.hidden.size || v.path.length ? names().names : [];
    chips.replaceChildren(...(v.path.length ? [h("button", { type: "button", onclick: () => zoom([]) }, "Zoomed into ", name_of(short_name(all[v.path[v.path.length - 1]] || "?")), ": all")] : []),
      ...[...v.hidden].map((name) => h("button", { type: "button", onclick: () => toggle_hidden(name) }, "Hidden: ", name_of(short_name(all[name] || "?")), " ×")));
  }

  function update(light) {
    const m = P.m;
    compute();
    draw_timeline();
    draw_flame();
    const sum = total[0], top = !light && v.metric !== "own" ? memory_fold(m, values, ROW_LABELS.location, tested)[0] : null;
    const label = top ? location_name(top.name)[0] : "";
    heading.replaceChildren(v.metric === "own" ? "Each site's own peak; these do not add up." : said(sum) + " " + when() +
      (sum ? ", " + (untested[0] > 0 ? portion(untested[0], sum) + " of it never failed in a test" : "all of it tested") : ""), top ? ". Most: " + portion(top.self, sum) + " in " : "", top ? h("bdi", { class: "fn" }, short_name(label)) : "");
    flame.setAttribute("aria-label", "Flame graph of " + said(sum) + " " + when() + ". Arrow keys move, Enter zooms. The table below says the same.");
    if (light) return;
    draw_table();
    draw_neighbours();
    draw_chips();
    metric.value = v.metric;
    by.value = v.by;
    process.value = String(v.process);
    test.value = String(v.test);
    invert.setAttribute("aria-pressed", String(v.inverted));
    only.setAttribute("aria-pressed", String(v.only));
    only.hidden = !found_sites;
    save();
  }
  function save() {
    const start = memory_start(P.m), put = (name, value, usual) => hash_param(name, value === usual ? "" : String(value), true);
    put("m", v.metric, start.metric);
    put("t", (v.range ? v.from + "-" : "") + v.to, String(start.to));
    put("i", v.inverted ? "1" : "", "");
    put("z", v.path.join("."), "");
    put("h", [...v.hidden].join("."), "");
    put("by", v.by, start.by);
    put("p", v.process, -1);
    put("e", v.test, -1);
    put("mq", v.search, "");
    put("o", v.only ? "1" : "", "");
    hash_write();
  }
  function zoom(path) {
    v.path = path;
    v.cursor = 0;
    update();
    v.cursor = v.root;
    draw_flame();
    speak(v.root);
  }

  /* --- time --- */
  function choose(from, to, range, light) {
    v.range = range;
    v.from = Math.max(0, Math.min(from, to));
    v.to = Math.min(P.m.info.bins - 1, Math.max(from, to));
    if (!range) v.from = 0;
    if (range && v.metric === "live") v.metric = "grown";
    if (!range && v.metric === "grown") v.metric = "live";
    update(light);
  }
  let drag = -1, frame = 0;
  timeline.addEventListener("pointerdown", (event) => {
    drag = timeline_bin(P.m, event.offsetX, timeline.clientWidth);
    timeline.setPointerCapture(event.pointerId);
    choose(drag, drag, false, true);
  });
  timeline.addEventListener("pointermove", (event) => {
    if (drag < 0) return;
    const x = event.offsetX;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const bin = timeline_bin(P.m, x, timeline.clientWidth);
      if (drag >= 0) choose(drag, bin, bin !== drag, true);
    });
  });
  timeline.addEventListener("pointerup", () => {
    drag = -1;
    cancelAnimationFrame(frame);
    update();
  });
  timeline.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 16, PageDown: -16, Home: -1000, End: 1000 }[event.key];
    if (!step) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(P.m.info.bins - 1, v.to + step));
    if (event.shiftKey) choose(v.range ? v.from : v.to, to, true);
    else choose(0, to, false);
  });
  to_peak.addEventListener("click", () => choose(0, P.m.info.peak_bins - 1, false));
  whole.addEventListener("click", () => {
    v.range = true;
    v.from = 0;
    v.to = P.m.info.bins - 1;
    v.metric = "bytes";
    update();
  });

  /* --- the flame graph --- */
  function box_at(event) {
    const depth = Math.floor(event.offsetY / FLAME_ROW), x = event.offsetX;
    const hit = boxes.find((b) => b.depth === depth && x >= b.x && x < b.x + b.width);
    return hit ? hit.box : -1;
  }
  flame.addEventListener("pointermove", (event) => {
    const box = box_at(event);
    if (box < 0 || box === v.hover) return;
    v.hover = box;
    status.textContent = describe(box);
  });
  flame.addEventListener("click", (event) => {
    const box = box_at(event);
    if (box >= 0) zoom(path_of(box === v.root ? tree.parent[box] : box));
  });
  flame.addEventListener("keydown", (event) => {
    const siblings = (box) => boxes.filter((b) => tree.parent[b.box] === tree.parent[box] && b.box).sort((a, b) => a.x - b.x).map((b) => b.box);
    const box = boxes.some((b) => b.box === v.cursor) ? v.cursor : v.root;
    let next = box;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    switch (event.key) {
    case "ArrowDown": next = (boxes.filter((b) => b.box && tree.parent[b.box] === box).sort((a, b) => b.width - a.width)[0] || { box }).box; break;
    case "ArrowUp": next = box === v.root ? box : tree.parent[box]; break;
    case "ArrowLeft": case "ArrowRight": {
      const list = box ? siblings(box) : [box], at = list.indexOf(box) + (event.key === "ArrowLeft" ? -1 : 1);
      next = box === v.root ? box : list[Math.max(0, Math.min(list.length - 1, at))];
      break;
    }
    case "Enter": event.preventDefault(); zoom(path_of(box)); return;
    case "Escape": zoom(v.path.slice(0, -1)); return;
    case "h": if (box) { toggle_hidden(tree.name[box]); event.stopPropagation(); } return;
    case "f": if (box) focus_on(box_name(box)); return;
    case "c": if (box) choose_function(tree.name[box]); return;
    case "i": invert.click(); return;
    default: return;
    }
    event.preventDefault();
    v.cursor = next;
    draw_flame();
    speak(next);
  });
  flame.addEventListener("focus", () => speak(v.cursor));

  /* --- what is chosen above --- */
  metric.addEventListener("change", () => {
    v.metric = metric.value;
    if (v.metric === "grown" && !v.range) { v.range = true; v.from = 0; }
    if (v.metric === "live") v.range = false;
    update();
  });
  process.addEventListener("change", () => { v.process = Number(process.value); update(); });
  test.addEventListener("change", () => { v.test = Number(test.value); update(); });
  by.addEventListener("change", () => { v.by = by.value; draw_table(); save(); });
  invert.addEventListener("click", () => { v.inverted = !v.inverted; v.path = []; v.cursor = 0; update(); });
  function search_now() {
    const query = search_parse(v.search);
    v.terms = query.terms;
    found_sites = query.terms.length ? search_sites(query, P.D, P.F, P.N, P.S, lower_strings()) : null;
    if (v.only || !found_sites) update();
    else draw_flame();
    only.hidden = !found_sites;
    let n = 0, sum = 0, all = 0;
    const there = P.numbers.there;
    v.site_values.forEach((value, i) => {
      all += value;
      if (!found_sites || !found_sites[i] || !there[i]) return;
      n++;
      sum += value;
    });
    found.textContent = query.error || (found_sites ? plural(n, "site") + ", " + portion(sum, all) + (P.m.timed && v.metric === "live" && v.to === P.m.info.peak_bins - 1 ? " of the peak" : " of what is shown") : "");
  }
  only.addEventListener("click", () => {
    v.only = !v.only;
    update();
    search_now();
  });
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { v.search = search.value; search_now(); save(); }, 80);
  });

  /* @params: a Map, of the address. */
  P.update_memory = (params) => {
    const m = P.m, get = (name) => params.get(name) || "";
    v = memory_start(m);
    if (DATA_METRICS[get("m")] && (m.timed || !DATA_METRICS[get("m")].timed)) v.metric = get("m");
    const time = /^(?:(\d+)-)?(\d+)$/.exec(get("t"));
    if (time && m.timed) {
      v.range = time[1] !== undefined;
      v.from = v.range ? Math.min(Number(time[1]), m.info.bins - 1) : 0;
      v.to = Math.min(Number(time[2]), m.info.bins - 1);
    }
    v.inverted = get("i") === "1";
    v.path = get("z").split(".").filter(Boolean).map(Number);
    v.hidden = new Set(get("h").split(".").filter(Boolean).map(Number));
    if (MEMORY_BY[get("by")] && (get("by") !== "test" || P.tests.length)) v.by = get("by");
    if (/^\d+$/.test(get("p")) && Number(get("p")) < m.info.processes.length) v.process = Number(get("p"));
    if (/^\d+$/.test(get("e")) && P.tests[Number(get("e"))]) v.test = Number(get("e"));
    v.search = search.value = get("mq");
    v.only = get("o") === "1";
    found_sites = null;
    found.textContent = "";
    metric.replaceChildren(...Object.entries(DATA_METRICS).filter(([, one]) => m.timed || !one.timed).map(([value, one]) => h("option", { value },
      m.timed ? one.title : one.title.replace(" in the range", " (whole run)"))));
    process.hidden = m.info.processes.length < 2;
    test.hidden = !P.tests.length;
    test.replaceChildren(h("option", { value: "-1" }, "All tests"), ...suite_order(P.tests).slice(0, 2000).map((i) => h("option", { value: String(i) }, data_shown(P.tests[i].name).slice(0, 100))));
    process.replaceChildren(h("option", { value: "-1" }, "All processes"), ...m.info.processes.slice(0, 500).map((_, i) => h("option", { value: String(i) }, process_label(i))));
    for (const e of [to_peak, whole]) e.hidden = !m.timed;
    const of_sample = P.recording.sample_bytes;
    untimed.textContent = of_sample ? "Estimates from a sample, one byte in " + bytes(of_sample) + ": read each number as about so much. What was in use when is not known, at the peak neither. What is shown is of the whole run."
      : (m.info.damaged ? "The single events of this recording are damaged" : "This recording has no single events (--detail=sites)") + ": what was in use when is not known, at the peak neither. " +
      "What is shown is of the whole run.";
    update();
    if (v.search) search_now();
  };
  P.memory_of_test = (i) => {
    v.test = i;
    update();
    root.scrollIntoView();
    flame.focus({ preventScroll: true });
  };
  P.redraw_memory = () => {
    if (!v) return;
    draw_timeline();
    draw_flame();
  };
}
