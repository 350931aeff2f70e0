/* Leaks, processes, how far to rely on it, words. */

/*
 * What was never freed, by location: [{name, bytes, blocks, frees, count, last_us, site}], most bytes first. Images that
 * an exec replaced lose all they have: they are left out. Pure. @label(site).
 */
function leaks_fold(m, label) {
  const sums = new Map();
  for (let i = 0; i < m.n; i++) {
    if (m.info.processes[m.process[i]] && m.info.processes[m.process[i]].end === "exec") continue;
    const name = label(m.site[i]);
    let sum = sums.get(name);
    if (!sum) sums.set(name, sum = { name, bytes: 0, blocks: 0, frees: 0, last_us: 0, most: -1, site: 0 });
    sum.bytes += m.live[i];
    sum.blocks += m.live_blocks[i];
    sum.frees += m.frees[i];
    sum.last_us = Math.max(sum.last_us, m.last_us[i]);
    if (m.live[i] > sum.most) {
      sum.most = m.live[i];
      sum.site = m.site[i];
    }
  }
  return [...sums.values()].filter((sum) => sum.blocks > 0).sort((a, b) => b.bytes - a.bytes || b.blocks - a.blocks || a.site - b.site);
}
/* What the numbers hint at: as `dearth stats --leaks` says it. Pure. */
function leaks_hint(sum, duration_ns) {
  const kept = !sum.frees && sum.blocks === 1 ? "one block, kept" : !sum.frees ? "none was freed"
    : (100 * sum.blocks / (sum.blocks + sum.frees)).toFixed(1) + " % kept";
  const last = sum.last_us * 1000;
  if (!duration_ns) return kept;
  return kept + (last >= duration_ns - duration_ns / 100 ? ", still asked for at the end"
    : ", last asked for " + duration(duration_ns - last) + " before the end");
}

function show_leaks() {
  const root = $("leaks"), note = h("p", { class: "small quiet" }), body = h("tbody");
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of leaks" }, h("table", { "aria-label": "leaks" },
    h("thead", null, h("tr", null, ["Location", "Bytes", "Blocks", "What it looks like", "Largest site"].map((title, i) =>
      h("th", { scope: "col", class: i === 1 || i === 2 ? "num" : null }, title)))), body));
  root.append(h("header", null, h("h2", { id: "leaks-title" }, "Never freed")), note, scroll);
  let list = [], duration_ns = 0;
  const draw = rows_as_needed(scroll, body, (i) => {
    const [name, at] = site_label(list[i].site);
    return [h("tr", { class: "row" }, h("td", { class: "place" }, fn_name(name), h("bdi", { class: "at" }, at)), h("td", { class: "num" }, bytes(list[i].bytes)),
      h("td", { class: "num" }, number(list[i].blocks)), h("td", null, leaks_hint(list[i], duration_ns)), h("td", null, site_link(list[i].site)))];
  });
  P.update_leaks = () => {
    const { info } = P.m;
    duration_ns = P.recording.duration_ns || 0;
    list = info.frees_past ? [] : leaks_fold(P.m, (site) => P.S.location[site] >= 0 ? P.S.location[site] : site_label(site).join("\n"));
    const sum = list.reduce((n, one) => n + one.bytes, 0);
    scroll.hidden = !list.length;
    note.textContent = info.frees_past ? "What was never freed is not known: " + data_shown(info.frees_past) + " frees past dearth."
      : list.length ? (P.recording.sample_bytes ? "About " : "") + bytes(sum) + " in " + plural(list.reduce((n, one) => n + one.blocks, 0), "block") + " were not freed by the process that asked for them. " +
        "What a program keeps until its end need not have leaked."
        : P.recording.sample_bytes ? "Every block that is in the sample was freed." : "Every block was freed.";
    draw(list.length);
  };
}

/* The tree of processes, as [index, depth], parents before children. Pure. */
function processes_order(processes) {
  const below = new Map(), list = [];
  processes.forEach((process, i) => {
    if (!below.has(process.parent)) below.set(process.parent, []);
    below.get(process.parent).push(i);
  });
  const todo = (below.get(-1) || []).slice().reverse().map((i) => [i, 0]);
  while (todo.length) {
    const [i, depth] = todo.pop();
    list.push([i, depth]);
    for (const child of (below.get(i) || []).slice().reverse()) todo.push([child, depth + 1]);
  }
  return list;
}
function show_processes() {
  const root = $("processes"), body = h("tbody");
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of processes" }, h("table", { "aria-label": "processes" },
    h("thead", null, h("tr", null, ["Process", "Ended", "Time", "Calls", "Bytes", "Never freed", "Sites", "Never tested"].map((title, i) =>
      h("th", { scope: "col", class: i > 1 ? "num" : null }, title)))), body));
  root.append(h("header", null, h("h2", { id: "processes-title" }, P.D.suite ? "Processes and their tests" : "Processes")), scroll);
  let order = [], sums = [];
  const draw = rows_as_needed(scroll, body, (k) => {
    const [i, depth] = order[k], process = P.m.info.processes[i], sum = sums[i];
    let command_line = process.exe || "?";
    try { command_line = (JSON.parse(process.argv) || [process.exe]).join(" "); } catch (e) { /* not recorded */ }
    const cell = h("td", { class: "place" }, h("bdi", { class: "fn" }, data_shown(command_line)), h("bdi", { class: "at" }, "pid " + process.pid + ", " + process.origin),
      process.test === undefined ? null : h("span", { class: "at" }, "test ", test_link(process.test), P.tests[process.test].findings.length ? [": ", finding_links(P.tests[process.test].findings.slice(0, 8))] : null));
    cell.style.paddingLeft = 0.7 + Math.min(depth, 12) * 1.2 + "rem";
    const ended = process.exit_signal ? "killed by signal " + process.exit_signal : process.exit_code !== null ? "status " + process.exit_code : process.end || "";
    return [h("tr", { class: "row" }, cell, h("td", null, ended), h("td", { class: "num" }, process.ended_ns === null ? "" : duration(process.ended_ns - process.started_ns)),
      [number(sum.count), bytes(sum.bytes), bytes(sum.live), number(sum.sites), number(sum.untested)].map((cell_text) => h("td", { class: "num" }, cell_text)))];
  });
  P.update_processes = () => {
    const { m } = P;
    sums = m.info.processes.map(() => ({ count: 0, bytes: 0, live: 0, sites: 0, untested: 0 }));
    for (let i = 0; i < m.n; i++) {
      const sum = sums[m.process[i]];
      sum.count += m.count[i];
      sum.bytes += m.bytes[i];
      sum.live += m.live[i];
      sum.sites++;
      sum.untested += P.S.reason[m.site[i]] ? 1 : 0;
    }
    order = processes_order(m.info.processes);
    draw(order.length);
  };
}

/* Those that say something: neither empty nor off, and not how dearth knows its own processes. */
function replay_options(json) {
  let options = {};
  try { options = JSON.parse(json) || {}; } catch (e) { return null; }
  return Object.entries(options).filter(([name, value]) => !name.startsWith("pid") && value && !(Array.isArray(value) && !value.length))
    .map(([name, value]) => name.replace(/_/g, " ") + " " + (/_ns$/.test(name) ? duration(value) : typeof value === "string" ? value : JSON.stringify(value)))
    .map((item) => item.replace(/ ns /, " ")).join(", ");
}
function show_trust() {
  const { D } = P;
  const items = [];
  const sample = D.recordings.find((r) => r.sample_bytes);
  if (sample) items.push("Coverage is void: recording " + sample.id + " is a sample, one byte in " + bytes(sample.sample_bytes) + ". All its numbers are estimates (about), and sites that are not in it are neither untested nor covered: they are not known.");
  else if (D.site_tally.millionths < 0) items.push("Coverage is void: a module allocates past dearth, and what it allocates there is neither recorded nor tested. The notes below name it.");
  items.push(D.exact ? "Every recording is complete: nothing was lost, every stack is whole."
    : "A recording is not exact; figures below.");
  const lost = [["events_lost", "call was not recorded", "calls were not recorded"],
    ["stacks_lost", "call has no stack", "calls have no stack"],
    ["stacks_truncated", "call had a stack deeper than the limit", "calls had a stack deeper than the limit"],
    ["stacks_incomplete", "call had a stack that ended early", "calls had a stack that ended early"]];
  for (const r of D.recordings) {
    const of = D.recordings.length > 1 ? "Recording " + r.id + ": " : "";
    for (const [field, one, many] of lost)
      if (r[field]) items.push(of + plural(r[field], one, many) + ".");
    if (r.processes_lost) items.push(of + plural(r.processes_lost, "process was", "processes were") + " not recorded for want of room.");
    if (r.rings_damaged) items.push(of + "The program wrote over " + plural(r.rings_damaged, "place", "places") + " of the memory that it shares with dearth: calls in and after them are lost, and not all are counted.");
    if (r.unwind_fallbacks) items.push(of + plural(r.unwind_fallbacks, "stack") + " needed libunwind.");
  }
  if (D.stops.length) items.push("Stacks ended early in " + D.stops.join(", ") + ".");
  if (D.modules_without_cfi.length)
    items.push("Without unwind information: " + D.modules_without_cfi.join(", ") + ".");
  for (const r of D.replays) {
    if (r.isolation === "shared") items.push("Replay " + r.id + ": the attempts shared their files; nothing kept them apart.");
    if (r.isolation === "copy") items.push("Replay " + r.id + ": only the working folder was private; outside of it the attempts shared the real files.");
    if (r.deterministic_output === 0) items.push("Replay " + r.id + ": the program prints something else every time, so only what is equal in all runs without a fault was compared.");
    if (r.deterministic_sites === 0) items.push("Replay " + r.id + ": the program does not reach the same sites every time.");
    if (r.state !== "complete") items.push("Replay " + r.id + (r.state === "budget" ? " was ended by its budget."
      : r.state === "running" ? " is still running." : " was interrupted."));
  }
  for (const [note, subject] of D.notes) items.push(note + (subject ? " [" + subject + "]" : ""));
  $("trust").append(h("header", null, h("h2", { id: "trust-title" }, "How far to rely on it")),
    h("div", { class: "card" }, h("ul", null, items.map((item) => h("li", null, name_of(item))))));
  for (const r of D.recordings)
    $("trust").append(h("h3", null, "Recording " + r.id + (r.state === "complete" ? "" : ": " + r.state)), facts([
      ["command", h("code", null, clamped(r.command, 400))], ["program", r.exe], ["folder", r.cwd],
      ["started", new Date(r.started_s * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC")],
      ["took", r.duration_ns == null ? null : duration(r.duration_ns)],
      ["ended", r.exit_signal ? "killed by " + r.exit_signal : r.exit_code == null ? null : "exit status " + r.exit_code],
      ["events", r.events == null ? null : number(r.events)], ["bytes", r.bytes == null ? null : bytes(r.bytes)],
      ["processes", plural(r.processes, "process", "processes") + ", " + plural(r.threads, "thread")],
      ["waited for dearth", r.waited_ns ? duration(r.waited_ns) + " in sum" : null],
      ["shared memory", r.own_bytes == null ? null : bytes(r.own_bytes)]]));
  for (const r of D.replays)
    $("trust").append(h("h3", null, "Replay " + r.id + " of recording " + r.recording), facts([
      ["attempts", number(r.attempts) + (r.duration_ns == null ? "" : " in " + duration(r.duration_ns)) + ", " + plural(r.jobs, "job")],
      ["files", r.isolation], ["time limit", r.time_limit_ns == null ? null : duration(r.time_limit_ns)],
      ["options", replay_options(r.options)]]));
}

function show_words() {
  $("glossary").append(h("header", null, h("h2", { id: "glossary-title" }, "Words")),
    h("dl", null, [...MEANING].map(([word, meaning]) => [h("dt", null, word), h("dd", null, meaning)])));
}
