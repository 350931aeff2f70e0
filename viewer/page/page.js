/* The page: its head, what is chosen, its address, its keys. */

/* --- the address: #TARGET?NAME=VALUE&..., all that is chosen --- */
const hash_state = { target: "", params: new Map() };
/* Pure. */
function hash_parse(hash) {
  const [target, query] = hash.replace(/^#/, "").split("?");
  return { target: decodeURIComponent(target || ""), params: new Map(new URLSearchParams(query || "")) };
}
function hash_text(state) {
  const query = new URLSearchParams([...state.params].filter(([, value]) => value !== "")).toString();
  return "#" + encodeURIComponent(state.target) + (query ? "?" + query : "");
}
const hash_chosen = () => hash_text({ target: "", params: hash_state.params });
function hash_write() {
  const hash = hash_text(hash_state);
  if (!P.applying) P.applied = hash_chosen();
  if (!P.applying && (location.hash || "#") !== hash) history.replaceState(null, "", hash === "#" ? "#" : hash);
}
function hash_set(target) {
  hash_state.target = target;
  hash_write();
}
function hash_param(name, value, later) {
  if (value === "" || value == null) hash_state.params.delete(name);
  else hash_state.params.set(name, value);
  if (!later) hash_write();
}
function hash_apply() {
  const state = hash_parse(location.hash);
  /* a link to a place keeps what is chosen */
  if (location.hash.includes("?") || !state.target) hash_state.params = state.params;
  hash_state.target = state.target;
  if (P.applied === hash_chosen()) { /* only another place of the same page */
    go_to(state.target);
    hash_write();
    return;
  }
  P.applying = true;
  choose_recording(Number(hash_state.params.get("r")) || 0);
  P.update_memory(hash_state.params);
  const wanted = { search: hash_state.params.get("q") || "", verdict: hash_state.params.get("v") || "",
    test: hash_state.params.has("st") ? Number(hash_state.params.get("st")) : undefined, stay: true };
  P.show_sites(wanted);
  go_to(state.target);
  P.applying = false;
  hash_write();
}
function go_to(target) {
  const id = /^f(\d+)$/.exec(target), test = /^t(\d+)$/.exec(target), key = /^s([0-9a-f]{4,32})$/.exec(target);
  if (id && P.show_finding) {
    if (!P.show_finding(Number(id[1]))) say("There is no finding " + target);
  } else if (test) {
    if (!P.show_test || !P.show_test(Number(test[1]))) say("There is no test " + target);
  } else if (key) {
    for (let i = 0; i < P.D.sites; i++)
      if (data_key(P.D, P.S, i).startsWith(key[1].slice(0, 2 * P.D.key_bytes))) {
        P.show_sites({ search: key[1].slice(0, 2 * P.D.key_bytes), site: i });
        return;
      }
    say("There is no site " + key[1]);
  } else if (target && $(target)) {
    $(target).scrollIntoView();
  }
}

/* --- the head --- */

function show_glossary() {
  const { D } = P;
  const GLOSSARY = [
    ["site", "A distinct call stack (recursion folded) of an allocating call: the unit that is made to fail and tested."],
    ["location", "The line of the user's code that a site stands for: its first frame that is neither an allocator nor a wrapper of one. One location has one or more sites."],
    ["target", "Of a test suite: the project's own part of a stack that asks for memory, whichever test called it. Each is made to fail once; sites are its contexts."],
    ["fault", "One ordered failure: a site, which of its calls (occurrence), and whether only that call fails (once) or every later one too (sticky)."],
    ["attempt", "One execution of the program with its fault."],
    ["verdict", "What an attempt showed. A site's verdict is the worst of its attempts."],
    ["finding", "A verdict that someone must look at, with its evidence and the command that shows it again."],
    ["coverage", "Tested sites / testable sites. A site is tested when a failure was proved to have been injected there."],
    ["policy", "The program decided that this allocation cannot fail, and aborts when it does: an exposure, not a mistake."],
    ["recording", "One run of a program under dearth record, all its processes and threads."],
  ].concat(D.verdicts.map((name, i) => [name, D.meanings[i][0].toUpperCase() + D.meanings[i].slice(1) + "."]));
  for (const [word, meaning] of GLOSSARY) MEANING.set(word, meaning);
}
const verdict_words = { bug: ["bug", "bugs"], warning: ["warning", "warnings"], policy: ["policy", "policies"], look: ["worth a look", "worth a look"] };
function findings_sentence() {
  const { D } = P, bugs = D.severity_counts[0];
  return bugs ? plural(bugs, "bug") + (bugs > 1 ? " at " + plural(D.severity_places[0], "place") : "") : "No bugs";
}
/* What was tested and what came of it: never green for what was not seen. */
function verdict_sentence() {
  const { D } = P, tally = D.target_tally || D.site_tally, what = D.target_tally ? "target" : "site";
  if (!D.attempts && D.recordings.some((r) => r.sample_bytes)) return ["A sample: which sites there are is not known, and none was tested", "none"];
  if (!D.attempts) return ["Not tested yet", "none"];
  if (tally.millionths < 0) return [findings_sentence() + "; coverage is void", D.severity_counts[0] ? "bug" : "none"];
  const all = tally.testable === tally.tested;
  return [findings_sentence() + "; " + (all ? "all " + plural(tally.testable, what) : percent(tally.millionths) + " of " + plural(tally.testable, what)) + " tested" + (D.quick ? " (quick)" : ""),
    D.severity_counts[0] ? "bug" : all && tally.tested ? "ok" : "none"];
}
function memory_sentence() {
  const { m, recording: r } = P;
  if (r.peak_bytes == null) return "";
  if (r.sample_bytes) return "Peak about " + bytes(r.peak_bytes) + ", estimated from a sample, one byte in " + bytes(r.sample_bytes) + ".";
  if (!m.timed) return "Peak " + bytes(r.peak_bytes) + " (without single events: what held it is not known).";
  const values = data_at_peak(m);
  const top = memory_fold(m, values, location_row, () => true)[0];
  return ["Peak " + bytes(r.peak_bytes) + " at " + duration(m.info.peak_ns), top ? [": " + portion(top.self, values.reduce((a, b) => a + b, 0)) + " in ",
    h("bdi", { class: "fn" }, short_name(location_name(top.name)[0]))] : "", "."];
}

function show_head() {
  const { D } = P, many = D.programs ? plural(D.programs.length, "program") : null;
  document.title = data_shown(many || base(P.newest.exe)) + ": dearth report";
  $("version").textContent = D.version;
  const picker = $("picker");
  if (D.recordings.length > 1) {
    const select = h("select", { id: "recording" }, D.recordings.map((r) => h("option", { value: String(r.id) },
      "Recording " + r.id + ": " + data_shown(r.command).slice(0, 60) + " (" + new Date(r.started_s * 1000).toISOString().slice(0, 16).replace("T", " ") + ")")));
    select.addEventListener("change", () => {
      hash_param("r", select.value);
      for (const name of ["t", "p"]) hash_param(name, "");
      choose_recording(Number(select.value));
      P.update_memory(hash_state.params);
    });
    picker.append(h("label", { for: "recording" }, "Numbers are of "), select, h("span", { class: "quiet small" }, " Verdicts are of all recordings."));
  }
  const link = (id, label, count) => h("a", { href: "#" + id }, label,
    count == null ? null : [" ", h("span", { class: "count" }, number(count))]);
  $("nav").firstElementChild.append(link("findings", "Findings", D.findings.length), D.suite ? link("tests", "Tests", suite_order(P.tests).length) : "", P.before ? link("compare", "Compared") : "", link("untested", "Never tested", P.n_untested),
    link("memory", "Memory"), link("sites", "Sites", P.n_sites), link("leaks", "Never freed"), link("processes", "Processes"),
    link("trust", "How far to rely on it"), link("glossary", "Words"));
}
/* All numbers are of one recording, @id; 0 = the newest. */
function choose_recording(id) {
  const { D } = P;
  let index = D.recordings.findIndex((r) => r.id === id);
  if (index < 0) index = D.recordings.length - 1;
  if (P.index === index) return;
  P.index = index;
  P.m = data_memory(D, index);
  P.recording = D.recordings[index];
  P.numbers = sites_numbers(P.m, D.sites);
  if ($("recording")) $("recording").value = String(P.recording.id);
  const r = P.recording;
  $("program").replaceChildren(h("span", { class: "clamp" }, clamped(D.programs && D.recordings.length > 1 ? r.command : r.command, 400)));
  const list = [data_shown(D.path), plural(D.recordings.length, "recording"), plural(D.replays.length, "replay"), plural(D.attempts, "attempt")];
  if (r.allocations != null) list.push(plural(r.allocations, "allocation") + " in recording " + r.id);
  $("facts").replaceChildren(name_of(list.join(" · ")));
  const [words, severity] = verdict_sentence();
  $("verdict").replaceChildren(h("span", { class: "s-" + severity }, words + "."));
  $("peak").replaceChildren(...[memory_sentence()].flat(2));
  P.update_sites();
  P.update_leaks();
  P.update_processes();
  if (P.update_compare) P.update_compare();
}

function coverage_card(word, title, tally) {
  const fill = h("span", { class: "v-handled" });
  fill.style.width = (tally.testable ? Math.max(0, tally.millionths) / 1e4 : 0) + "%";
  const rest = tally.testable - tally.tested, some = tally.millionths > 0 && tally.tested > 0;
  return h("div", { class: "card" }, h("h2", null, term(word, title)),
    h("div", { class: "big" + (P.D.attempts ? "" : " s-none") }, P.D.attempts ? share(tally) : "Not tested yet"),
    h("div", { class: "bar", role: "img", "aria-label": share(tally) }, some ? fill : null),
    h("div", { class: "small quiet" }, number(tally.tested) + " of " + number(tally.testable) + " tested" +
      (rest ? ", " + number(rest) + " never" : "") +
      (tally.excluded ? "; " + number(tally.excluded) + " cannot be made to fail" : "")));
}
function findings_card() {
  const { D } = P, [, severity] = verdict_sentence(), at = (i) => D.severity_counts[i] > 1 ? " at " + plural(D.severity_places[i], "place") : "";
  return h("div", { class: "card" }, h("h2", null, term("finding", "Findings")),
    h("div", { class: "big s-" + severity }, D.attempts ? findings_sentence() : "Not tested yet"),
    h("div", { class: "chips" }, D.severities.map((name, i) => D.severity_counts[i] && i
      ? badge(name, number(D.severity_counts[i]) + " " + verdict_words[name][D.severity_counts[i] === 1 ? 0 : 1] + at(i)) : null)),
    D.attempts ? null : h("div", { class: "small quiet" }, "Nothing was replayed: what happens when memory runs out is not known."));
}
function verdict_card() {
  const { D } = P, all = D.verdict_counts.reduce((a, b) => a + b, 0);
  const shown = D.verdicts.map((name, i) => [name, i, D.verdict_counts[i]]).filter((x) => x[2]);
  const segments = shown.map(([name, , n]) => {
    const e = h("span", { class: "v-" + name, title: name + ": " + number(n) });
    e.style.flex = n + " 1 0";
    return e;
  });
  return h("div", { class: "card broad" }, h("h2", null, term("verdict", "Verdicts"), " of tested sites, by the worst"),
    all ? h("div", { class: "bar tall", role: "img", "aria-label": shown.map(([name, , n]) => name + " " + n).join(", ") }, segments)
      : h("p", { class: "quiet" }, "No site is tested yet."),
    h("ul", { class: "legend" }, shown.map(([name, i, n]) => h("li", null,
      h("button", { type: "button", title: MEANING.get(name), onclick: () => {
        P.show_sites({ verdict: String(i) });
      } }, dot(name), name + " " + number(n))))));
}
/* Those with the most findings first. */
function programs_card() {
  const { D } = P, most = 200, sorted = D.programs.slice().sort((a, b) => b.findings - a.findings || a.id - b.id);
  return h("div", { class: "card broad" }, h("h2", null, "Programs"),
    h("ul", null, sorted.slice(0, most).map((program) => h("li", null, h("code", { title: program.exe }, clamped(program.command, 200)), ": " +
      share(program.sites) + " of " + plural(program.sites.testable, "site") + " tested, " + plural(program.findings, "finding") +
      (program.attempts ? "" : ", never replayed") + (program.recordings > 1 ? ", " + program.recordings + " recordings" : "")))),
    sorted.length > most ? h("p", { class: "quiet" }, "... and " + plural(sorted.length - most, "more program")) : null);
}

/* --- keys --- */

const KEYS = [["/", "search all sites"], ["n, p", "the next, the previous place that was never tested"], ["?", "this list; Escape closes it"],
  ["g then f, t, u, m, s, l", "go to findings, a suite's tests, never tested, memory, sites, never freed"],
  ["in the timeline: ← →", "move the instant; with Shift: a range; Home, End"],
  ["in the flame graph: ← → ↑ ↓", "the box beside, above, below"], ["Enter, Escape", "zoom into it, and back"], ["h, f, c, i", "hide the function; only what goes through it; its callers and callees; turn the graph round"]];
function show_keys() {
  const dialog = $("keys");
  dialog.append(h("h2", { id: "keys-title" }, "Keys"), h("dl", { class: "facts" }, KEYS.map(([key, what]) => [h("dt", null, h("kbd", null, key)), h("dd", null, what)])),
    h("button", { type: "button", onclick: () => dialog.close() }, "Close"));
  let go = false;
  document.addEventListener("keydown", (event) => {
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = go && { f: "findings", t: P.D.suite ? "tests" : null, u: "untested", m: "memory", s: "sites", l: "leaks" }[event.key];
    go = event.key === "g";
    if (target) {
      hash_set(target);
      go_to(target);
      const first = $(target).querySelector("summary, button, input, [tabindex='0']");
      if (first) first.focus({ preventScroll: true });
    } else if (event.key === "/") {
      event.preventDefault();
      P.sites_search.focus();
      $("sites").scrollIntoView();
    } else if (event.key === "?" && !dialog.open) {
      dialog.showModal();
    } else if (event.key === "n" || event.key === "p") {
      untested_jump(event.key === "n" ? 1 : -1);
    }
  });
}

/* --- from the values to the page --- */

function page_start([data, before]) {
  P.D = data;
  P.before = before;
  P.F = data_frames(data);
  P.N = data_nodes(data);
  P.S = data_sites(data);
  P.stands = data_column(data, "stands");
  P.n_sites = P.stands.reduce((a, b) => a + b, 0);
  P.attempt_start = data_attempt_starts(P.S, data.sites);
  P.newest = data.recordings[data.recordings.length - 1];
  const tally = data.target_tally || data.site_tally;
  P.all_tested = tally.testable > 0 && tally.millionths >= 0 && tally.tested === tally.testable;
  place_prepare();
  suite_prepare();
  show_glossary();
  const wanted = hash_parse(location.hash);
  P.index = Math.max(-1, data.recordings.findIndex((r) => r.id === Number(wanted.params.get("r"))));
  if (P.index < 0) P.index = data.recordings.length - 1;
  P.m = data_memory(data, P.index);
  P.numbers = sites_numbers(P.m, data.sites);
  P.index = -1;
  show_untested();
  show_head();
  show_findings();
  show_suite();
  show_sites();
  show_leaks();
  show_processes();
  show_memory();
  if (before) show_compare(before);
  if (data.quick) $("summary").append(h("div", { class: "card broad" }, h("h2", null, "Quick"), h("p", null, data.quick[0].toUpperCase() + data.quick.slice(1) + ".")));
  $("summary").append(data.target_tally ? coverage_card("target", "Coverage of targets", data.target_tally) : "",
    coverage_card("coverage", data.target_tally ? "Contexts of targets" : "Coverage of sites", data.site_tally),
    coverage_card("location", "Coverage of locations", data.location_tally), findings_card(), verdict_card(), data.programs ? programs_card() : "");
  show_trust();
  show_words();
  show_keys();
  hash_apply();
  addEventListener("hashchange", hash_apply);
  const redraw = () => {
    P.redraw_memory();
    if (before) P.redraw_compare();
  };
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(redraw, 100);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  performance.mark("ready");
  document.documentElement.dataset.ready = "1";
}
function page_failed(error) {
  const old = typeof DecompressionStream === "undefined";
  $("summary").append(h("p", { class: "notice", role: "alert" }, old ? "This browser is too old to unpack the page's values (it has no DecompressionStream). "
    : "The page's values cannot be read: " + error.message + ". ", h("code", null, "dearth report --format text"), " prints the same in a terminal."));
  document.documentElement.dataset.ready = "failed";
}
function page_open() {
  const values = ["data", "before"].map((id) => {
    const element = $(id), packed = element.textContent.trim();
    element.remove();
    return packed ? data_inflate(data_bytes(packed)).then(data_unpack) : null;
  });
  Promise.all(values).then(page_start).catch((error) => {
    page_failed(error);
    throw error;
  });
}
if (typeof document !== "undefined")
  try {
    page_open();
  } catch (error) {
    page_failed(error);
  }
