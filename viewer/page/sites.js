/* All sites: a table that is searched, sorted and opened. Numbers are those of the chosen recording. */

function site_link(i) {
  const key = data_key(P.D, P.S, i);
  return h("a", { class: "mono", href: "#s" + key }, key.slice(0, 12));
}
const attempts_of = (i) => {
  let n = 0;
  const from = P.attempt_start[i];
  for (let k = 0; k < P.S.attempts[from]; k++) n += P.S.attempts[from + 2 + 2 * k];
  return n;
};

/* What the chosen recording knows of each site; each column is made when it is first asked for. */
function sites_numbers(m, n_sites) {
  const numbers = { there: new Uint8Array(n_sites) };
  const column = (name, make) => Object.defineProperty(numbers, name, { configurable: true, get: () => {
    const list = make();
    Object.defineProperty(numbers, name, { value: list });
    return list;
  } });
  for (const name of ["count", "bytes", "live", "temporary", "cross_thread", "frees", "live_blocks", "lifetime_us"])
    column(name, () => data_by_site(m, m[name], n_sites));
  for (const name of ["peak", "largest", "last_us"]) column(name, () => data_by_site(m, m[name], n_sites, true));
  column("at_peak", () => m.timed ? data_by_site(m, data_at_peak(m), n_sites) : null);
  numbers.row = new Int32Array(n_sites).fill(-1);
  for (let i = m.n; i-- > 0;) {
    numbers.there[m.site[i]] = 1;
    numbers.row[m.site[i]] = i;
  }
  return numbers;
}

function site_details(i) {
  const { D, S, numbers: n, m } = P, how = ["rerun", "snapshot", "sweep"].filter((_, k) => S.how[i] & (1 << k)), tried = [];
  for (let k = 0, at = P.attempt_start[i]; k < S.attempts[at]; k++)
    tried.push(number(S.attempts[at + 2 + 2 * k]) + " × " + verdict_name(S.attempts[at + 1 + 2 * k]));
  const flags = ["only ever seen while a failure was handled", "its stack was cut at the limit",
    "its stack ended early", "called between dearth_never_begin() and dearth_never_end(): not to be failed there",
    "called outside of every dearth_begin() and dearth_end(): not to be failed there"].filter((_, k) => S.flags[i] & (1 << k));
  const wrong = D.findings.filter((f) => f.sites.includes(i)), tested = !S.reason[i], there = n.there[i], row = n.row[i];
  const key = data_key(D, S, i), tests = tests_of(i), about = P.recording.sample_bytes ? "about " : "";
  return h("div", null,
    wrong.length ? [h("h3", null, plural(wrong.length, "finding")), h("ul", null, wrong.slice(0, 8).map((f) =>
      h("li", null, h("a", { href: "#f" + f.id }, "f" + f.id), " ", name_of(f.headline))))] : null,
    tests.length ? [h("h3", null, plural(tests.length, "test comes", "tests come") + " here"), h("div", { class: "chips" }, tests.slice(0, 16).map(test_link),
      tests.length > 16 ? h("span", { class: "quiet" }, "and " + number(tests.length - 16) + " more") : null)] : null,
    h("h3", null, "Stack"), stack(S.node[i], S.location[i]),
    facts([["tried", tried.join(", ") || "never"], ["occurrences tested", number(S.occurrences[i])],
      ["how", how.join(", ")], ["not tested because", S.reason[i] ? reason_words(S.reason[i], S.skipped_by[i]) : null],
      ["calls", there ? about + number(n.count[i]) + (n.temporary[i] ? ", " + number(n.temporary[i]) + " temporary" : "") +
        (n.cross_thread[i] ? ", " + number(n.cross_thread[i]) + " freed by another thread" : "") : "none in this recording"],
      ["bytes", there ? about + bytes(n.bytes[i]) + " asked for; " + (n.at_peak ? bytes(n.at_peak[i]) + " in use at the recording's peak; " : "") +
        "at most " + bytes(n.peak[i]) + " at once; " + bytes(n.live[i]) + " never freed; largest block " + bytes(n.largest[i]) : null],
      ["lifetime", there && n.frees[i] ? duration(n.lifetime_us[i] * 1000 / n.frees[i]) + " on average" : null],
      ["program", there ? m.info.processes[m.process[row]].exe : null],
      ["run as", D.programs && S.command && S.command[i] ? text(S.command[i]) : null],
      ["first thread", there && m.thread[row] ? String(m.thread[row]) : null],
      ["to know", flags.join("; ")], ["stands for", P.stands[i] > 1 ? plural(P.stands[i], "small site") + " of this location; the key is one of theirs" : null], ["key", h("code", null, key)], ["link", h("a", { href: "#s" + key }, "#s" + key)]]),
    D.reasons[S.reason[i]] === "not_failable" || !D.replay_site ? null
      : [h("h3", null, tested ? "Fail it again" : "Test this site"),
        command(replay_one(i, tested ? " --retest" : ""))]);
}

/* Of a replay's options those that leave sites out: filters, or what ends it. Pure. */
const REASON_OPTIONS = {
  filtered: ["in", "not_in", "site", "untested", "min_size", "changed_since", "demand", "from_symbol", "until_symbol", "thread", "limit", "shard", "n_shards"],
  budget: ["time_budget_ns", "limit"],
};
function reason_options(name, json) {
  let options = {};
  try { options = JSON.parse(json) || {}; } catch (e) { /* nothing is known of them */ }
  const wanted = REASON_OPTIONS[name] || [];
  return JSON.stringify(Object.fromEntries(Object.entries(options).filter(([option, value]) => wanted.includes(option) && !(option === "thread" && value === "any"))));
}
/* Why a site was not tested, with the replay that decided it. */
function reason_words(reason, replay) {
  const { D } = P, name = D.reasons[reason], r = D.replays.find((one) => one.id === replay);
  const options = r ? replay_options(reason_options(name, r.options)) : "";
  return D.reason_texts[reason] + (r && REASON_OPTIONS[name] ? " (replay " + r.id + (options ? ": " + options : "") + ")" : "");
}

/* Worst first; what was never tried last. */
const verdict_order = (i) => (P.S.verdict[i] < 0 ? 99 : P.S.verdict[i]);
const number_of = (name) => (i) => P.numbers[name] ? P.numbers[name][i] : 0;
const byte_column = (title, name, more) => ({ title, num: true, most: true, value: number_of(name),
  cell: (i) => P.numbers.there[i] && P.numbers[name] ? bytes(P.numbers[name][i]) : "–", ...more });
const SITE_COLUMNS = [
  { title: "Verdict", value: (i) => verdict_order(i), cell: (i) => verdict_badge(P.S.verdict[i]) },
  { title: "Location", opens: true, value: (i) => P.location_rank[P.S.location[i] + 1], cell: place },
  { title: "Call", lesser: true, value: (i) => P.S.op[i], cell: (i) => h("code", null, text(P.S.op[i])) },
  byte_column("At peak", "at_peak", { timed: true, help: "In use when the whole recording was at its peak. These add up." }),
  byte_column("Own peak", "peak", { lesser: true, help: "The most that this site alone had in use, at its own time. These do not add up." }),
  byte_column("Bytes", "bytes", { help: "Asked for in the whole run." }),
  { title: "Calls", num: true, most: true, value: number_of("count"), cell: (i) => P.numbers.there[i] ? number(P.numbers.count[i]) : "–" },
  byte_column("Never freed", "live", { lesser: true }),
  { title: "Attempts", num: true, lesser: true, most: true, value: attempts_of, cell: (i) => number(attempts_of(i)) },
];

/* What is not here one by one. */
function folded_note() {
  return P.D.folded ? h("p", { class: "notice" }, number(P.D.folded) + " of " + plural(P.n_sites, "site") +
    " are too small to be shown one by one: each has less than " +
    (P.D.folded_below / 1e7).toPrecision(2) + " % of the calls, the bytes, the peak and what was never freed. They are one row " +
    "for each location, and “(small sites)” in the flame graph.") : "";
}

function show_sites() {
  const { D, S } = P, open = new Set(), state = { search: "", verdict: "", test: "", sort: P.m.timed ? 3 : 5, up: false };
  const columns = SITE_COLUMNS;
  let rows = [];
  const body = h("tbody"), count = h("span", { class: "quiet", role: "status" });
  const search = h("input", { type: "search", placeholder: "Words, -not, /regex/: function, file, module, key", "aria-label": "Search sites" });
  const counts = new Map();
  S.verdict.forEach((v) => counts.set(v, (counts.get(v) || 0) + 1));
  const select = h("select", { "aria-label": "Verdict" }, [["", "Any verdict"]].concat([...counts.keys()].sort((a, b) => (a < 0) - (b < 0) || a - b)
    .map((v) => [String(v), verdict_name(v) + " (" + number(counts.get(v)) + ")"])).map(([value, label]) => h("option", { value }, label)));
  const test = h("select", { "aria-label": "Test" }, h("option", { value: "" }, "Any test"), suite_order(P.tests).map((i) => h("option", { value: String(i) }, data_shown(P.tests[i].name).slice(0, 100))));
  test.hidden = !P.tests.length;
  const heads = columns.map((column, k) => h("th", { scope: "col", class: (column.num ? "num " : "") + (column.lesser ? "lesser " : "") + (column.timed ? "timed" : "") },
    h("button", { type: "button", class: "plain", title: column.help || null, onclick: () => {
      state.up = state.sort === k ? !state.up : !column.most;
      state.sort = k;
      update();
    } }, column.title)));
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of sites" },
    h("table", { "aria-label": "sites" }, h("thead", null, h("tr", null, heads)), body));
  const details = (i) => h("tr", { class: "more" }, h("td", { colspan: columns.length }, site_details(i)));

  function make(k) {
    const i = rows[k], tr = h("tr", { class: "row" });
    tr.append(...columns.map((column) => {
      const cell = column.cell(i);
      if (!column.opens)
        return h("td", { class: (column.num ? "num " : "") + (column.lesser ? "lesser " : "") + (column.timed ? "timed" : "") }, cell);
      return h("td", { class: "place" }, row_opener(tr, open, i, details, "s" + data_key(D, S, i), cell));
    }));
    return open.has(i) ? [tr, details(i)] : [tr];
  }
  const draw = rows_as_needed(scroll, body, make);
  function update() {
    const query = search_parse(state.search), column = columns[state.sort], values = new Float64Array(D.sites);
    const found = query.terms.length ? search_sites(query, D, P.F, P.N, S, lower_strings()) : null;
    rows = [];
    const of_test = state.test === "" ? null : suite_sites(P.reach, Number(state.test));
    let share = 0, all = 0;
    const weight = P.numbers.at_peak || P.numbers.bytes, verdict = state.verdict === "" ? null : Number(state.verdict);
    for (let i = 0; i < D.sites; i++) {
      all += weight[i];
      if ((found && !found[i]) || (of_test && !of_test[i]) || (verdict !== null && S.verdict[i] !== verdict)) continue;
      rows.push(i);
      share += weight[i];
      values[i] = column.value(i);
    }
    const way = state.up ? 1 : -1;
    rows.sort((a, b) => way * (values[a] - values[b]) || weight[b] - weight[a] || a - b);
    heads.forEach((th, k) => th.setAttribute("aria-sort", k !== state.sort ? "none" : state.up ? "ascending" : "descending"));
    scroll.classList.toggle("untimed", !P.m.timed);
    draw(rows.length);
    if (!rows.length)
      body.append(h("tr", null, h("td", { colspan: columns.length, class: "quiet" }, "No site matches.")));
    count.textContent = query.error || plural(rows.length, "site") + ((found || of_test) && rows.length
      ? ", " + portion(share, all) + (P.numbers.at_peak ? " of what was in use at the peak" : " of the bytes") : "");
  }
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      state.search = search.value;
      hash_param("q", state.search);
      update();
    }, 120);
  });
  select.addEventListener("change", () => {
    state.verdict = select.value;
    hash_param("v", state.verdict);
    update();
  });
  test.addEventListener("change", () => {
    state.test = test.value;
    hash_param("st", state.test);
    update();
  });
  $("sites").append(h("header", null, h("h2", { id: "sites-title" }, "All ", term("site", "sites")),
    h("span", { class: "quiet small" }, "A row opens to its stack.")), folded_note(),
  h("div", { class: "tools" }, search, select, test, count), scroll);
  P.sites_search = search;
  P.update_sites = update;
  P.show_sites = (wanted) => {
    state.search = search.value = wanted.search || "";
    state.verdict = select.value = wanted.verdict || "";
    state.test = test.value = P.tests[wanted.test] ? String(wanted.test) : "";
    if (!P.applying) for (const [name, value] of [["q", state.search], ["v", state.verdict], ["st", state.test]]) hash_param(name, value);
    if (wanted.site !== undefined) open.add(wanted.site);
    update();
    if (!wanted.stay) $("sites").scrollIntoView();
    const first = body.querySelector("button.plain");
    if (wanted.site !== undefined && first) first.focus({ preventScroll: true });
  };
  update();
}
function lower_strings() {
  if (!P.lower) P.lower = P.D.strings.map((s) => s === null ? "" : s.toLowerCase());
  return P.lower;
}
