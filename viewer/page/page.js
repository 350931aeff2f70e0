
"use strict";
/* The page's only script. The values come from the element #data (viewer/page.c describes them)
 * and reach the document as text alone: there is no markup made from a string in here. */
(function () {
  const D = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SITE = { key: 0, op: 1, location: 2, node: 3, count: 4, bytes: 5, peak: 6, live: 7,
    occurrences: 8, verdict: 9, reason: 10, how: 11, program: 12, thread: 13, flags: 14, attempts: 15,
    command: 16, recording: 17 }; /* the last two: in a report on several programs */
  const FRAME = 6; /* values per frame */
  const PAGE_ROWS = 50;
  const GLOSSARY = [
    ["site", "A distinct call stack (recursion folded) of an allocating call: the unit that is made to fail and tested."],
    ["location", "The line of the user's code that a site stands for: its first frame that is neither an allocator nor a wrapper of one. One location has one or more sites."],
    ["fault", "One ordered failure: a site, which of its calls (occurrence), and whether only that call fails (once) or every later one too (sticky)."],
    ["attempt", "One execution of the program with its fault."],
    ["verdict", "What an attempt showed. A site's verdict is the worst of its attempts."],
    ["finding", "A verdict that someone must look at, with its evidence and the command that shows it again."],
    ["coverage", "Tested sites / testable sites. A site is tested when a failure was proved to have been injected there."],
    ["policy", "The program decided that this allocation cannot fail, and aborts when it does: an exposure, not a mistake."],
    ["recording", "One run of a program under dearth record, all its processes and threads."],
  ].concat(D.verdicts.map((name, i) => [name, D.meanings[i][0].toUpperCase() + D.meanings[i].slice(1) + "."]));
  const MEANING = new Map(GLOSSARY);

  /* --- small things ------------------------------------------------------------------------ */

  /* Element with attributes and children; strings become text nodes. */
  function h(tag, attributes, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "onclick") e.addEventListener("click", value);
      else if (value === true) e.setAttribute(name, "");
      else if (value !== false && value != null) e.setAttribute(name, value);
    }
    for (const child of children.flat(Infinity))
      if (child != null) e.append(child);
    return e;
  }

  const number = (n) => n.toLocaleString("en-US");
  const plural = (n, one, many) => number(n) + " " + (n === 1 ? one : many || one + "s");
  function bytes(n) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let u = 0;
    while (n >= 1023.95 && u < units.length - 1) { n /= 1024; u++; }
    return (u ? n.toFixed(1) : n) + " " + units[u];
  }
  function duration(ns) {
    const s = ns / 1e9;
    return s < 1e-3 ? (ns / 1e3).toFixed(1) + " µs" : s < 1 ? (s * 1e3).toFixed(1) + " ms"
      : s < 120 ? s.toFixed(1) + " s" : Math.floor(s / 60) + " min " + Math.round(s % 60) + " s";
  }
  const share = (tally) => (tally.millionths < 0 ? "void" : tally.testable ? percent(tally.millionths) : "nothing to test");
  const percent = (millionths) => (Math.floor(millionths / 1000) / 10).toFixed(1) + " %";
  const base = (path) => path.slice(path.lastIndexOf("/") + 1) || path;
  const text = (index) => D.strings[index];

  /* --- long names: as common/base/short_name.c does --------------------------------------------- */

  const SHORT_NAME = 64, SHORT_NAME_MOST = 120, BRIEF_ARGUMENTS = 12;
  const is_word = (c) => /[\p{L}\p{N}_$]/u.test(c);
  /* Behind the bracket that closes the one at @at, 0 = none does. '<' within parentheses compares. */
  function group_end(name, at) {
    for (let i = at, angles = 0, round = 0; i < name.length; i++) {
      const c = name[i];
      round += (c === "(") - (c === ")");
      if (!round) angles += (c === "<") - (c === ">" && name[i - 1] !== "-");
      if (!round && !angles) return i + 1;
    }
    return 0;
  }
  function without_arguments(name, depth) {
    let out = "";
    for (let i = 0; i < name.length;) {
      const before = i ? name[i - 1] : "";
      const operator = !is_word(before) && /^operator(?:\(\)|\[\]|[-<>=!+*/%^&|~,]+)/.exec(name.slice(i, i + 16));
      const end = !operator && name[i] === "<" && depth < 32 ? group_end(name, i) : 0;
      if (!end || end - i <= BRIEF_ARGUMENTS + 2) {
        const n = operator ? operator[0].length : end ? end - i : 1;
        out += name.slice(i, i + n);
        i += n;
        continue;
      }
      out += before && (is_word(before) || " <>=!+-*/%^&|~,)]}".includes(before)) ? "‹…›"
        : "<" + without_arguments(name.slice(i + 1, end - 1), depth + 1) + ">";
      i = end;
    }
    return out;
  }
  function without_parameters(name) {
    const end = name.lastIndexOf(")") + 1;
    if (!end || /[:>]/.test(name.slice(end))) return name;
    let from = end, depth = 0;
    for (; from > 0; from--) {
      depth += (name[from - 1] === ")") - (name[from - 1] === "(");
      if (!depth) break;
    }
    return from < 2 || end - from < 2 ? name : name.slice(0, from) + "…)" + name.slice(end);
  }
  function short_name(name) {
    if (name.length <= SHORT_NAME) return name;
    let short = without_arguments(name, 0);
    if (short.length > SHORT_NAME) short = without_parameters(short);
    return short.length > SHORT_NAME_MOST ? short.slice(0, SHORT_NAME_MOST) + "…" : short;
  }
  /* A function's name: short, the whole of it at a click. */
  function fn_name(name) {
    const short = short_name(name);
    if (short === name) return h("span", { class: "fn" }, name);
    const e = h("span", { class: "fn cut", title: name, onclick: (event) => {
      event.preventDefault(); /* in a summary, it is not to open that */
      event.stopPropagation();
      e.textContent = e.textContent === short ? name : short;
    } }, short);
    return e;
  }

  let said_timer = 0;
  function say(message) {
    const e = $("said");
    e.textContent = message;
    e.classList.add("on");
    clearTimeout(said_timer);
    said_timer = setTimeout(() => e.classList.remove("on"), 1600);
  }

  function copy(from) {
    const fallback = () => {
      const range = document.createRange();
      range.selectNodeContents(from);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      let done = false;
      try { done = document.execCommand("copy"); } catch (e) { /* selected at least */ }
      say(done ? "Copied" : "Selected: press Ctrl+C");
    };
    if (navigator.clipboard)
      navigator.clipboard.writeText(from.textContent).then(() => say("Copied"), fallback);
    else
      fallback();
  }
  function command(line) {
    const code = h("code", null, line);
    return h("div", { class: "command" }, code,
      h("button", { type: "button", onclick: () => copy(code), "aria-label": "Copy the command" }, "Copy"));
  }

  /* A word with its meaning, for the mouse and the keyboard. */
  let n_terms = 0;
  function term(word, label) {
    const tip = h("span", { class: "tip", role: "tooltip", id: "tip-" + ++n_terms }, MEANING.get(word));
    const e = h("span", { class: "term", tabindex: "0", "aria-describedby": tip.id }, label || word, tip);
    const place = () => {
      tip.style.left = "0";
      const over = tip.getBoundingClientRect().right - document.documentElement.clientWidth + 8;
      if (over > 0) tip.style.left = -over + "px";
    };
    e.addEventListener("mouseenter", place);
    e.addEventListener("focus", place);
    e.addEventListener("keydown", (event) => { if (event.key === "Escape") e.blur(); });
    return e;
  }
  const badge = (severity, label) => h("span", { class: "badge s-" + severity }, label);
  const verdict_name = (v) => (v < 0 ? "not tried" : D.verdicts[v]);
  function verdict_badge(v) {
    return v < 0 ? badge("none", "not tried") : badge(D.verdict_severities[v], D.verdicts[v]);
  }
  const dot = (name) => h("span", { class: "dot v-" + name, "aria-hidden": "true" });

  /* --- places and stacks --------------------------------------------------------------------- */

  function where(file, line, module, offset) {
    return file ? file + (line ? ":" + line : "") : base(module) + "+0x" + offset;
  }
  const location_label = D.locations.map(([fn, file, line, module, offset]) => {
    const at = where(text(file), line, text(module), offset);
    return fn ? [text(fn), at] : [at, text(module)];
  });
  /* Ranks, so that sorting 100,000 rows compares numbers. */
  const location_rank = new Int32Array(D.locations.length + 1);
  D.locations.map((_, i) => i).sort((a, b) => {
    const x = location_label[a], y = location_label[b];
    return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : 0;
  }).forEach((location, rank) => { location_rank[location + 1] = rank + 1; });

  function place(location, node) {
    const frames = location < 0 && node ? frames_of(node).slice(0, 1) : [];
    for (const f of frames) {
      const module = text(D.frames[f + 3]), at = base(module) + "+0x" + D.frames[f + 4];
      return [fn_name(D.frames[f] ? text(D.frames[f]) : at), h("span", { class: "at" }, D.frames[f] ? at : module)];
    }
    if (location < 0)
      return [h("span", { class: "fn quiet" }, "unknown"), h("span", { class: "at" }, "no readable stack")];
    return [fn_name(location_label[location][0]),
      h("span", { class: "at" }, location_label[location][1])];
  }

  /* Frames of a node, innermost first, as indexes into D.frames. */
  function frames_of(node) {
    const list = [];
    for (; node > 0; node = D.nodes[(node - 1) * 2])
      list.push(D.nodes[(node - 1) * 2 + 1] * FRAME);
    return list;
  }
  function frame_line(f, here) {
    const fn = D.frames[f], file = text(D.frames[f + 1]), module = text(D.frames[f + 3]);
    const at = where(file, D.frames[f + 2], module, D.frames[f + 4]);
    return h("li", { class: here ? "here" : null, title: module + "+0x" + D.frames[f + 4] },
      fn_name(fn ? text(fn) : base(module) + "+0x" + D.frames[f + 4]), " ",
      fn ? h("span", { class: "at" }, file ? at : base(module)) : null,
      D.frames[f + 5] ? [" ", h("span", { class: "tag" }, "inlined")] : null,
      here ? [" ", h("span", { class: "tag" }, "location")] : null);
  }
  const SHOWN_FRAMES = 24;
  function stack(node, location) {
    const frames = frames_of(node);
    if (!frames.length)
      return h("p", { class: "quiet small" }, "No stack is known.");
    const wanted = location >= 0 ? D.locations[location] : null;
    const is_here = (f) => wanted && D.frames[f + 4] === wanted[4] && D.frames[f + 2] === wanted[2] &&
      text(D.frames[f]) === text(wanted[0]) && text(D.frames[f + 3]) === text(wanted[3]);
    let found = false;
    const line = (f) => {
      const here = !found && is_here(f);
      found = found || here;
      return frame_line(f, here);
    };
    const list = h("ol", { class: "stack" }, frames.slice(0, SHOWN_FRAMES).map(line));
    if (frames.length <= SHOWN_FRAMES)
      return list;
    const more = h("button", { type: "button", onclick: () => {
      list.append(...frames.slice(SHOWN_FRAMES).map(line));
      more.remove();
    } }, "Show " + plural(frames.length - SHOWN_FRAMES, "more frame"));
    return h("div", null, list, more);
  }
  function facts(pairs) {
    return h("dl", { class: "facts" }, pairs.filter(([, value]) => value != null && value !== "")
      .map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
  }

  /* --- head and summary ----------------------------------------------------------------------- */

  const newest = D.recordings[D.recordings.length - 1];
  const untested = [];
  D.sites.forEach((site, i) => { if (site[SITE.reason]) untested.push(i); });

  function show_head() {
    const many = D.programs ? plural(D.programs.length, "program") : null;
    document.title = (many || base(newest.exe)) + ": dearth report";
    $("version").textContent = D.version;
    $("program").textContent = many || newest.command;
    const list = [D.path, plural(D.recordings.length, "recording"), plural(D.replays.length, "replay"),
      plural(D.attempts, "attempt")];
    if (!many && newest.allocations != null) list.push(plural(newest.allocations, "allocation") + " recorded");
    if (!many && newest.peak_bytes != null) list.push("at most " + bytes(newest.peak_bytes) + " at once");
    $("facts").textContent = list.join(" · ");
    const link = (id, label, count) => h("a", { href: "#" + id }, label,
      count == null ? null : [" ", h("span", { class: "count" }, number(count))]);
    $("nav").firstElementChild.append(link("findings", "Findings", D.findings.length), link("sites", "Sites", D.sites.length),
      link("untested", "Never tested", untested.length), link("trust", "How far to rely on it"),
      link("glossary", "Words"));
  }

  function coverage_card(word, title, tally) {
    const fill = h("span", { class: "v-handled" });
    fill.style.width = (tally.testable ? Math.max(0, tally.millionths) / 1e4 : 0) + "%";
    const rest = tally.testable - tally.tested;
    return h("div", { class: "card" }, h("h2", null, term(word, title)),
      h("div", { class: "big" }, share(tally)),
      h("div", { class: "bar", role: "img", "aria-label": share(tally) }, fill),
      h("div", { class: "small quiet" }, number(tally.tested) + " of " + number(tally.testable) + " tested" +
        (rest ? ", " + number(rest) + " never" : "") +
        (tally.excluded ? "; " + number(tally.excluded) + " cannot be made to fail" : "")));
  }
  function findings_card() {
    const words = { bug: ["bug", "bugs"], warning: ["warning", "warnings"], policy: ["policy", "policies"],
      look: ["worth a look", "worth a look"] };
    const bugs = D.severity_counts[0], at = (i) => D.severity_counts[i] > 1 ? " at " + plural(D.severity_places[i], "place") : "";
    return h("div", { class: "card" }, h("h2", null, term("finding", "Findings")),
      h("div", { class: "big " + (bugs ? "s-bug" : "s-ok") }, bugs ? plural(bugs, "bug") + at(0) : "No bugs"),
      h("div", { class: "chips" }, D.severities.map((name, i) => D.severity_counts[i] && i
        ? badge(name, number(D.severity_counts[i]) + " " + words[name][D.severity_counts[i] === 1 ? 0 : 1] + at(i)) : null)),
      D.attempts ? null : h("div", { class: "small quiet" }, "Nothing was replayed yet."));
  }
  function verdict_card() {
    const total = D.verdict_counts.reduce((a, b) => a + b, 0);
    const shown = D.verdicts.map((name, i) => [name, i, D.verdict_counts[i]]).filter((x) => x[2]);
    const segments = shown.map(([name, , n]) => {
      const e = h("span", { class: "v-" + name, title: name + ": " + number(n) });
      e.style.flex = n + " 1 0";
      return e;
    });
    return h("div", { class: "card broad" }, h("h2", null, term("verdict", "Verdicts"), " of tested sites, by the worst"),
      total ? h("div", { class: "bar tall", role: "img", "aria-label":
        shown.map(([name, , n]) => name + " " + n).join(", ") }, segments)
        : h("p", { class: "quiet" }, "No site is tested yet."),
      h("ul", { class: "legend" }, shown.map(([name, i, n]) => h("li", null,
        h("button", { type: "button", title: MEANING.get(name), onclick: () => sites_table.show({ verdict: String(i) }) },
          dot(name), name + " " + number(n))))));
  }
  /* Those with the most findings first. */
  function programs_card() {
    const most = 200, sorted = D.programs.slice().sort((a, b) => b.findings - a.findings || a.id - b.id);
    return h("div", { class: "card broad" }, h("h2", null, "Programs"),
      h("ul", null, sorted.slice(0, most).map((program) => h("li", null, h("code", { title: program.exe }, program.command), ": " +
        share(program.sites) + " of " + plural(program.sites.testable, "site") + " tested, " + plural(program.findings, "finding") +
        (program.attempts ? "" : ", never replayed") + (program.recordings > 1 ? ", " + program.recordings + " recordings" : "")))),
      sorted.length > most ? h("p", { class: "quiet" }, "... and " + plural(sorted.length - most, "more program")) : null);
  }
  function show_summary() {
    $("summary").append(coverage_card("coverage", "Coverage of sites", D.site_tally),
      coverage_card("location", "Coverage of locations", D.location_tally), findings_card(), verdict_card());
    if (D.programs) $("summary").append(programs_card());
  }
  function of_programs(f) {
    return (f.test ? f.test + ": " : "") + f.command + (f.programs > 1 ? " and " + plural(f.programs - 1, "more program") : "");
  }
  /* A replay is of one program. */
  function replay_of(recording) {
    return D.programs && recording ? " --recording " + recording : "";
  }

  /* --- findings ------------------------------------------------------------------------------- */

  function fault_words(f) {
    const which = f.occurrence === 1 ? "the first call" : "call " + number(f.occurrence);
    const then = f.mode === "sticky" ? ", and every allocation after it"
      : f.mode === "burst" ? ", and the " + number(f.burst - 1) + " allocations after it" : "";
    return f.op + (f.size >= 0 ? " of " + bytes(f.size) : "") + ", " + which + " of its site"
      + (f.thread ? " " + f.thread : "") + (f.call ? ", call " + number(f.call) + " of the run" : "") + (f.chance ? ", " + f.chance : "") + then;
  }
  function ending(f) {
    return f.timed_out ? "stopped by dearth: past its time limit"
      : f.exit_signal ? "killed by " + f.exit_signal : f.exit_code != null ? "exit status " + f.exit_code : "unknown";
  }
  function finding_body(f) {
    const body = h("div", { class: "body" });
    body.append(h("h3", null, "See it again"), command(f.repro));
    body.append(h("div", { class: "pair" },
      h("div", null, h("h3", null, "The ", term("fault"), ": where the allocation failed"), stack(f.node, f.location)),
      f.second ? h("div", null, h("h3", null, "While that was handled: the second failure"),
        stack(f.second.node, f.second.location)) : null,
      f.last ? h("div", null, h("h3", null, "The last call that failed"), stack(f.last.node, f.last.location)) : null,
      f.crash ? h("div", null, h("h3", null, f.crash.signal ? "Where it went wrong: " + f.crash.signal +
        (f.crash.address ? " at " + f.crash.address : "") : "Where it was when it was stopped"),
        stack(f.crash.node, -1)) : null,
      f.unplaced ? h("div", null, h("h3", null, "Where it went wrong was not seen"),
        h("p", null, "Its attempt was not traced; the notes say why.")) : null));
    for (const leak of f.leaks.slice(0, 8))
      body.append(h("div", null, h("h3", null, "Leaked: " + plural(leak.blocks, "block") + ", " + bytes(leak.bytes) +
        ", by " + leak.op + (leak.direct ? "" : " (held by other leaked blocks alone)")), stack(leak.node, leak.location)));
    body.append(facts([["fault", fault_words(f)],
      ["then", f.second ? f.second.op + ", call " + number(f.second.occurrence) + " of its site after that failure" : null], 
      ["last to fail", f.last ? f.last.op : null], ["what is wrong", f.crash ? f.crash.cause : null],
      ["program", f.program], ["run as", D.programs ? of_programs(f) : null], ["ended", ending(f)],
      ["went on in", f.went_on], ["doing", f.hang], ["waiting in", f.hang_call], ["both samples in", f.loop],
      [f.unplaced ? "memory was short in" : "went wrong in", f.module ? f.module + (f.kind ? " (" + f.kind + ")" : "") : null],
      ["run under", { guarded: "guarded blocks: canaries, quarantine, poison", asan: "AddressSanitizer",
        valgrind: "Valgrind" }[f.under] || null],
      ["files", { copy: "a private copy of the working folder; everything outside of it was real",
        shared: "the real ones" }[f.isolation] || null],
      ["damage", f.damage ? f.damage + (f.damage_location >= 0 ? "; allocated in " +
        short_name(location_label[f.damage_location][0]) + " " + location_label[f.damage_location][1] : "") : null],
      ["policy", f.policy], ["libc's", f.facility ? f.facility + ": " + f.effect : null],
      ["seen", number(f.bad) + " of " + plural(f.tried, "execution") +
        (f.unreached ? "; " + number(f.unreached) + " more did not come to the call" : "") +
        (f.unconfirmed ? "; in copies of the running program alone, not confirmed by a run of its own" : "")],
      ["leaked", f.leaked ? plural(f.leaks.reduce((n, l) => n + l.blocks, 0), "block") + ", " +
        bytes(f.leaks.reduce((n, l) => n + l.bytes, 0)) + ": nothing points there any more when the program ends" : null]]));
    if (f.differs.length)
      body.append(h("h3", null, "What is not as without the failure"), h("ul", null, f.differs.map((d) => h("li", null, d))));
    if (f.stderr)
      body.append(h("h3", null, "What it said on stderr"), h("pre", { tabindex: "0" }, f.stderr));
    if (f.sites.length) {
      const list = f.sites.slice(0, 12).map((i) => h("button", { type: "button", class: "mono",
        onclick: () => sites_table.show({ search: D.sites[i][SITE.key] }) }, D.sites[i][SITE.key].slice(0, 12)));
      body.append(h("h3", null, plural(f.sites.length, "site")), h("div", { class: "chips" }, list,
        f.sites.length > list.length ? h("span", { class: "quiet" }, "and " + number(f.sites.length - list.length) + " more") : null));
    }
    return body;
  }
  function finding(f, open) {
    const severity = D.severities[f.severity];
    const label = f.location >= 0 ? location_label[f.location] : ["unknown", "no readable stack"];
    const e = h("details", { class: "finding f-" + severity },
      h("summary", null,
        h("span", { class: "head" }, badge(severity, severity), " ",
          f.silent ? [h("span", { class: "tag", title: "Exit status 0, another output, and no word about it on stderr" }, "silent"), " "] : null,
          f.runtime ? [h("span", { class: "tag", title: "Went wrong in the C library, the C++ runtime or the loader, not in the program" }, f.kind), " "] : null,
          h("b", null, f.headline)),
        h("span", { class: "after small quiet" }, "after a failed " + f.op + " in ", h("code", null, fn_name(label[0])), " ", label[1],
          f.second ? [", then of a " + f.second.op + " in ",
            h("code", null, f.second.location >= 0 ? fn_name(location_label[f.second.location][0]) : "unknown")] : null),
        h("span", { class: "rate small quiet" }, f.bad + " of " + f.tried + " · " + plural(f.sites.length, "site"))));
    let filled = false;
    const fill = () => { if (!filled) { filled = true; e.append(finding_body(f)); } };
    e.addEventListener("toggle", () => { if (e.open) fill(); });
    if (open) { fill(); e.open = true; }
    return e;
  }

  /* Findings that end at the same place: the first, and the others behind a line. */
  function group(members, open) {
    const first = finding(D.findings[members[0]], open);
    if (members.length === 1)
      return first;
    const rest = members.slice(1), policy = D.findings[members[0]].severity === 2;
    const same = h("details", { class: "same" }, h("summary", null, plural(rest.length, "more finding") +
      (policy ? " by the same policy at the same place" : rest.length === 1 ? " ends at the same place" : " end at the same place")));
    let shown = 0;
    const more = h("button", { type: "button", onclick: () => fill() });
    const fill = () => {
      more.before(...rest.slice(shown, shown + 50).map((i) => finding(D.findings[i], false)));
      shown += 50;
      if (shown >= rest.length) more.remove();
      more.textContent = "Show more (" + number(rest.length - shown) + ")";
    };
    same.append(more);
    same.addEventListener("toggle", () => { if (same.open && !shown) fill(); });
    return h("div", { class: "group" }, first, same);
  }

  function show_findings() {
    const root = $("findings"), list = h("div"), chips = h("div", { class: "chips", role: "group", "aria-label": "Severity" });
    const off = new Set();
    let limit = 40;
    root.append(h("header", null, h("h2", { id: "findings-title" }, "Findings"), chips), list);
    const draw = () => {
      const wanted = D.groups.filter((g) => !off.has(D.findings[g[0]].severity));
      list.replaceChildren(...wanted.slice(0, limit).map((g, i) => group(g, i === 0 && D.findings[g[0]].severity === 0)));
      if (wanted.length > limit)
        list.append(h("button", { type: "button", onclick: () => { limit += 200; draw(); } },
          "Show more (" + number(wanted.length - limit) + ")"));
    };
    D.severities.forEach((name, i) => {
      if (!D.severity_counts[i]) return;
      const chip = h("button", { type: "button", "aria-pressed": "true", onclick: () => {
        const hide = !off.delete(i);
        if (hide) off.add(i);
        chip.setAttribute("aria-pressed", String(!hide));
        draw();
      } }, h("span", { class: "s-" + name }, name), " " + number(D.severity_counts[i]));
      chips.append(chip);
    });
    if (!D.findings.length)
      list.append(D.attempts ? h("p", { class: "notice good" }, "Nothing broke in " + plural(D.attempts, "attempt") + ".")
        : h("div", { class: "notice" }, "Nothing was replayed yet. This tests every site:",
          (D.programs || [newest]).slice(0, 20).map((p) => command(D.replay_site.replace(/ --site $/, replay_of(p.id))))));
    else
      draw();
  }

  /* --- tables of sites ------------------------------------------------------------------------- */

  const site_location = (i) => D.sites[i][SITE.location];
  const numeric = (field) => (a, b) => D.sites[a][field] - D.sites[b][field];
  const attempts_of = (i) => {
    let n = 0;
    const list = D.sites[i][SITE.attempts];
    for (let k = 1; k < list.length; k += 2) n += list[k];
    return n;
  };
  const by_location = (a, b) => location_rank[site_location(a) + 1] - location_rank[site_location(b) + 1];
  /* Worst first; what was never tried last. */
  const verdict_order = (i) => (D.sites[i][SITE.verdict] < 0 ? 99 : D.sites[i][SITE.verdict]);

  /* Which nodes have a frame that matches: parents come before their children, so one pass does. */
  function matching_nodes(query) {
    const n = D.frames.length / FRAME, frame_matches = new Uint8Array(n);
    const string_matches = D.strings.map((s) => s != null && s.toLowerCase().includes(query));
    for (let f = 0; f < n; f++)
      if (string_matches[D.frames[f * FRAME]] || string_matches[D.frames[f * FRAME + 1]] ||
          string_matches[D.frames[f * FRAME + 3]] ||
          (D.frames[f * FRAME + 1] && (text(D.frames[f * FRAME + 1]) + ":" + D.frames[f * FRAME + 2]).toLowerCase().includes(query)))
        frame_matches[f] = 1;
    const nodes = new Uint8Array(D.nodes.length / 2 + 1);
    for (let k = 1; k < nodes.length; k++)
      nodes[k] = nodes[D.nodes[(k - 1) * 2]] | frame_matches[D.nodes[(k - 1) * 2 + 1]];
    return nodes;
  }

  function site_details(i) {
    const s = D.sites[i], how = ["rerun", "snapshot", "sweep"].filter((_, k) => s[SITE.how] & (1 << k));
    const tried = [];
    for (let k = 0; k < s[SITE.attempts].length; k += 2)
      tried.push(number(s[SITE.attempts][k + 1]) + " × " + verdict_name(s[SITE.attempts][k]));
    const flags = ["only ever seen while a failure was handled", "its stack was cut at the limit",
      "its stack ended early", "called between dearth_never_begin() and dearth_never_end(): not to be failed there",
      "called outside of every dearth_begin() and dearth_end(): not to be failed there"].filter((_, k) => s[SITE.flags] & (1 << k));
    const wrong = D.findings.filter((f) => f.sites.includes(i)), tested = !s[SITE.reason];
    return h("div", null,
      wrong.length ? [h("h3", null, plural(wrong.length, "finding")), wrong.slice(0, 8).map((f) => finding(f, false))] : null,
      h("h3", null, "Stack"), stack(s[SITE.node], s[SITE.location]),
      facts([["tried", tried.join(", ") || "never"], ["occurrences tested", number(s[SITE.occurrences])],
        ["how", how.join(", ")], ["not tested because", s[SITE.reason] ? D.reason_texts[s[SITE.reason]] : null],
        ["calls", number(s[SITE.count])], ["bytes", bytes(s[SITE.bytes]) + ", at most " + bytes(s[SITE.peak]) +
          " at once, " + bytes(s[SITE.live]) + " never freed"],
        ["program", text(s[SITE.program])], ["run as", D.programs ? text(s[SITE.command]) : null], ["first thread", s[SITE.thread] ? String(s[SITE.thread]) : null],
        ["to know", flags.join("; ")], ["key", h("code", null, s[SITE.key])]]),
      D.reasons[s[SITE.reason]] === "not_failable" ? null
        : [h("h3", null, tested ? "Fail it again" : "Test this site"),
          command(D.replay_site + s[SITE.key] + replay_of(s[SITE.recording]) + (tested ? " --retest" : ""))]);
  }

  /* A table over site indexes with search, one select, sorting, paging and rows that open. */
  function site_table(options) {
    const state = { search: "", select: "", sort: options.sort, descending: false, page: 0 };
    let rows = [];
    const body = h("tbody"), count = h("span", { class: "quiet", role: "status" });
    const search = h("input", { type: "search", placeholder: "Function, file, module or key", "aria-label": "Search " + options.title });
    const select = h("select", { "aria-label": options.select_label }, options.choices.map(([value, label]) =>
      h("option", { value }, label)));
    const heads = options.columns.map((column, k) => {
      const button = h("button", { type: "button", class: "plain", onclick: () => {
        state.descending = state.sort === k ? !state.descending : Boolean(column.largest_first);
        state.sort = k;
        update();
      } }, column.title);
      return h("th", { scope: "col", class: (column.num ? "num " : "") + (column.lesser ? "lesser" : "") }, button);
    });
    const step = (label, to) => h("button", { type: "button", onclick: () => { state.page = to(); draw(); } }, label);
    const previous = step("Previous", () => state.page - 1), next = step("Next", () => state.page + 1);

    function toggle(i, tr, button) {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) tr.nextSibling.remove();
      else tr.after(h("tr", { class: "more" }, h("td", { colspan: options.columns.length }, site_details(i))));
    }
    function draw() {
      const last = Math.max(0, Math.ceil(rows.length / PAGE_ROWS) - 1);
      state.page = Math.min(Math.max(state.page, 0), last);
      const from = state.page * PAGE_ROWS, part = rows.slice(from, from + PAGE_ROWS);
      body.replaceChildren(...part.map((i) => {
        const tr = h("tr", { class: "row" });
        tr.append(...options.columns.map((column) => {
          const cell = column.cell(i);
          if (column.opens) {
            const button = h("button", { type: "button", class: "plain", "aria-expanded": "false",
              onclick: () => toggle(i, tr, button) }, cell);
            return h("td", { class: "place" }, button);
          }
          return h("td", { class: (column.num ? "num " : "") + (column.lesser ? "lesser" : "") }, cell);
        }));
        return tr;
      }));
      if (!rows.length)
        body.append(h("tr", null, h("td", { colspan: options.columns.length, class: "quiet" }, "No site matches.")));
      count.textContent = rows.length ? number(from + 1) + "–" + number(from + part.length) + " of " + plural(rows.length, "site") : "";
      previous.disabled = state.page === 0;
      next.disabled = state.page === last;
    }
    function update() {
      const query = state.search.trim().toLowerCase();
      const nodes = query ? matching_nodes(query) : null;
      rows = options.rows.filter((i) => options.keep(i, state.select) && (!nodes || nodes[D.sites[i][SITE.node]] ||
        D.sites[i][SITE.key].startsWith(query) || text(D.sites[i][SITE.op]).includes(query)));
      const compare = options.columns[state.sort].compare;
      rows.sort((a, b) => (state.descending ? compare(b, a) : compare(a, b)) || D.sites[b][SITE.bytes] - D.sites[a][SITE.bytes] || a - b);
      heads.forEach((th, k) => th.setAttribute("aria-sort", k !== state.sort ? "none" : state.descending ? "descending" : "ascending"));
      state.page = 0;
      draw();
    }
    let timer = 0;
    search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { state.search = search.value; update(); }, 150);
    });
    select.addEventListener("change", () => { state.select = select.value; update(); });
    $(options.id).append(h("header", null, h("h2", { id: options.id + "-title" }, options.heading), options.under || null),
      h("div", { class: "tools" }, search, select, count),
      h("div", { class: "scroll" }, h("table", { "aria-label": options.title }, h("thead", null, h("tr", null, heads)), body)),
      options.rows.length > PAGE_ROWS ? h("div", { class: "pager" }, previous, next) : null);
    update();
    return {
      search,
      show(wanted) {
        state.search = search.value = wanted.search || "";
        state.select = select.value = wanted.verdict || "";
        update();
        $(options.id).scrollIntoView();
        const first = body.querySelector("button.plain");
        if (wanted.search && rows.length === 1 && first) { first.click(); first.focus({ preventScroll: true }); }
      },
    };
  }

  const COLUMNS = {
    verdict: { title: "Verdict", cell: (i) => verdict_badge(D.sites[i][SITE.verdict]), compare: (a, b) => verdict_order(a) - verdict_order(b) },
    location: { title: "Location", opens: true, cell: (i) => place(site_location(i), D.sites[i][SITE.node]), compare: by_location },
    op: { title: "Call", cell: (i) => h("code", null, text(D.sites[i][SITE.op])), compare: numeric(SITE.op) },
    count: { title: "Calls", num: true, largest_first: true, cell: (i) => number(D.sites[i][SITE.count]), compare: numeric(SITE.count) },
    bytes: { title: "Bytes", num: true, largest_first: true, cell: (i) => bytes(D.sites[i][SITE.bytes]), compare: numeric(SITE.bytes) },
    peak: { title: "Peak", num: true, lesser: true, largest_first: true, cell: (i) => bytes(D.sites[i][SITE.peak]), compare: numeric(SITE.peak) },
    live: { title: "Never freed", num: true, lesser: true, largest_first: true, cell: (i) => bytes(D.sites[i][SITE.live]), compare: numeric(SITE.live) },
    attempts: { title: "Attempts", num: true, lesser: true, largest_first: true, cell: (i) => number(attempts_of(i)), compare: (a, b) => attempts_of(a) - attempts_of(b) },
    reason: { title: "Why not", cell: (i) => h("span", { title: D.reason_texts[D.sites[i][SITE.reason]] }, D.reasons[D.sites[i][SITE.reason]].replace(/_/g, " ")), compare: numeric(SITE.reason) },
  };

  show_head();
  const tried = D.sites.reduce((n, s) => n + (s[SITE.verdict] < 0 ? 1 : 0), 0);
  const sites_table = site_table({
    id: "sites", title: "sites", heading: ["All ", term("site", "sites")],
    under: h("span", { class: "quiet small" }, "Open a row for its stack. Search looks at every frame. Press / to search."),
    select_label: "Verdict", rows: D.sites.map((_, i) => i), sort: 0,
    choices: [["", "Any verdict"]].concat(D.verdicts.map((name, i) => [i, D.sites.reduce((n, s) => n + (s[SITE.verdict] === i ? 1 : 0), 0)])
      .filter((x) => x[1]).map(([i, n]) => [String(i), D.verdicts[i] + " (" + number(n) + ")"]), tried ? [["-1", "not tried (" + number(tried) + ")"]] : []),
    keep: (i, value) => value === "" || D.sites[i][SITE.verdict] === Number(value),
    columns: [COLUMNS.verdict, COLUMNS.location, COLUMNS.op, COLUMNS.count, COLUMNS.bytes, COLUMNS.peak, COLUMNS.live, COLUMNS.attempts],
  });
  show_summary();
  show_findings();

  if (untested.length)
    site_table({
      id: "untested", title: "untested sites", heading: "Never tested",
      under: h("span", { class: "quiet small" }, "What happens at these when memory runs out is not known. A row opens to the command that tests it."),
      select_label: "Reason", rows: untested, sort: 0,
      choices: [["", "Any reason"]].concat(D.reasons.map((name, i) => [String(i), name]).filter(([i, name]) => name && D.reason_counts[i])
        .map(([i, name]) => [i, name.replace(/_/g, " ") + " (" + number(D.reason_counts[i]) + "): " + D.reason_texts[i]])),
      keep: (i, value) => value === "" || D.sites[i][SITE.reason] === Number(value),
      columns: [COLUMNS.reason, COLUMNS.location, COLUMNS.op, COLUMNS.count, COLUMNS.bytes],
    });
  else
    $("untested").append(h("header", null, h("h2", { id: "untested-title" }, "Never tested")),
      h("p", { class: "notice good" }, D.sites.length ? "Every site was tested." : "There is no site."));

  /* --- how far to rely on it --------------------------------------------------------------------- */

  /* Those that say something: neither empty nor off, and not how dearth knows its own processes. */
  function replay_options(json) {
    let options = {};
    try { options = JSON.parse(json) || {}; } catch (e) { return null; }
    return Object.entries(options).filter(([name, value]) => !name.startsWith("pid") && value && !(Array.isArray(value) && !value.length))
      .map(([name, value]) => name.replace(/_/g, " ") + " " + (/_ns$/.test(name) ? duration(value) : typeof value === "string" ? value : JSON.stringify(value)))
      .map((item) => item.replace(/ ns /, " ")).join(", ");
  }
  function show_trust() {
    const total = (field) => D.recordings.reduce((n, r) => n + (r[field] || 0), 0);
    const items = [];
    if (D.site_tally.millionths < 0) items.push("Coverage is void: a module allocates past dearth, and what it allocates there is neither recorded nor tested. The notes below name it.");
    items.push(D.exact ? "Every recording is complete: nothing was lost, every stack is whole."
      : "A recording is not exact; figures below.");
    const lost = [["events_lost", "call was not recorded", "calls were not recorded"],
      ["stacks_lost", "call has no stack", "calls have no stack"],
      ["stacks_truncated", "call had a stack deeper than the limit", "calls had a stack deeper than the limit"],
      ["stacks_incomplete", "call had a stack that ended early", "calls had a stack that ended early"]];
    for (const [field, one, many] of lost)
      if (total(field)) items.push(plural(total(field), one, many) + ".");
    if (total("processes_lost")) items.push(plural(total("processes_lost"), "process was", "processes were") + " not recorded for want of room.");
    if (total("rings_damaged")) items.push("The program wrote over " + plural(total("rings_damaged"), "place", "places") + " of the memory that it shares with dearth: calls in and after them are lost, and not all are counted.");
    if (D.stops.length) items.push("Stacks ended early in " + D.stops.join(", ") + ".");
    if (total("unwind_fallbacks")) items.push(plural(total("unwind_fallbacks"), "stack") + " needed libunwind.");
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
      h("div", { class: "card" }, h("ul", null, items.map((item) => h("li", null, item)))));
    for (const r of D.recordings)
      $("trust").append(h("h3", null, "Recording " + r.id + (r.state === "complete" ? "" : ": " + r.state)), facts([
        ["command", h("code", null, r.command)], ["program", r.exe], ["folder", r.cwd],
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
  show_trust();

  $("glossary").append(h("header", null, h("h2", { id: "glossary-title" }, "Words")),
    h("dl", null, GLOSSARY.map(([word, meaning]) => [h("dt", null, word), h("dd", null, meaning)])));

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      sites_table.search.focus();
      $("sites").scrollIntoView();
    }
  });
})();
