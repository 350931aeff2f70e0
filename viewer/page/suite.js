/* A suite: its tests, what each comes to, found and cost; programs that were run by themselves; targets never tested. */

/* Tests by site: of site i they are index[start[i]] .. index[start[i + 1] - 1]. Pure. */
function suite_reach(steps, index, n_sites) {
  const start = new Int32Array(n_sites + 1);
  let site = 0;
  for (let k = 0; k < steps.length; k++) start[(site += steps[k]) + 1]++;
  for (let i = 0; i < n_sites; i++) start[i + 1] += start[i];
  return { start, index };
}
/* Sites that a test comes to, as bytes. Pure. */
function suite_sites(reach, test) {
  const there = new Uint8Array(reach.start.length - 1);
  for (let i = 0; i < there.length; i++)
    for (let k = reach.start[i]; k < reach.start[i + 1]; k++) if (reach.index[k] === test) there[i] = 1;
  return there;
}
/* Those that found most first, then those that come to most. Pure. */
function suite_order(tests) {
  return tests.map((_, i) => i).filter((i) => tests[i].sites || tests[i].findings.length)
    .sort((a, b) => tests[b].findings.length - tests[a].findings.length || tests[b].targets - tests[a].targets || a - b);
}
/* Findings by what they were seen in: [[program or test, [finding, ...]], ...], most first. Pure. */
function suite_units(findings) {
  const units = new Map();
  for (const f of findings) {
    const name = f.test ? f.test + "\n" + f.command : f.command || "";
    if (!units.has(name)) units.set(name, []);
    units.get(name).push(f);
  }
  return [...units].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
}

function suite_prepare() {
  const { D } = P;
  P.tests = D.suite ? D.suite.tests : [];
  P.reach = suite_reach(data_column(D, "test.site"), data_column(D, "test.index"), D.sites);
}
const tests_of = (site) => [...P.reach.index.subarray(P.reach.start[site], P.reach.start[site + 1])];
const test_link = (i) => h("a", { href: "#t" + i }, name_of(P.tests[i].name));
const finding_links = (ids) => ids.map((id) => [h("a", { href: "#f" + id }, "f" + id), " "]);

function suite_details(i) {
  const test = P.tests[i], { D } = P;
  const found = D.findings.filter((f) => test.findings.includes(f.id));
  return h("div", null,
    found.length ? [h("h3", null, plural(found.length, "finding")), h("ul", null, found.slice(0, 20).map((f) =>
      h("li", null, h("a", { href: "#f" + f.id }, "f" + f.id), " ", name_of(f.headline))),
    found.length > 20 ? h("li", { class: "quiet" }, "and " + number(found.length - 20) + " more") : null)] : null,
    facts([["program", h("code", null, clamped(test.command, 400))], ["run inside of", test.of],
      ["chosen by", test.filter ? h("code", null, test.filter) : test.shared ? "its function on the stack: its program runs all of its tests" : null],
      ["targets", number(test.targets) + (test.targets ? ", " + number(test.tested) + " of them tested, in whichever test" : "")],
      ["sites", number(test.sites)],
      ["cost", test.attempts ? plural(test.attempts, "attempt") + ", " + duration(test.cost_ns) + " in sum" + (test.shared ? " (its whole program)" : "")
        : "nothing was failed in it: others that come to the same cost less"]]),
    h("div", { class: "chips" }, h("button", { type: "button", onclick: () => P.show_sites({ test: i }) }, "Sites it comes to"),
      h("button", { type: "button", onclick: () => P.memory_of_test(i) }, "Memory of it")));
}

/* Lists that are long are opened a part at a time. */
function suite_list(items, make, most) {
  const list = h("ul", { class: "small" });
  let shown = 0;
  const more = h("button", { type: "button", onclick: () => fill() });
  const fill = () => {
    const part = items.slice(shown, shown + most);
    list.append(...part.map((item) => h("li", null, make(item))));
    shown += part.length;
    if (shown >= items.length) more.remove();
    more.textContent = "Show more (" + number(items.length - shown) + ")";
  };
  fill();
  return h("div", null, list, shown < items.length ? more : null);
}

function show_suite() {
  const { D } = P, root = $("tests");
  if (!D.suite) return;
  root.hidden = false;
  const { suite } = D, order = suite_order(P.tests), open = new Set(), body = h("tbody"), refused = suite.units.filter((unit) => unit.refused);
  const search = h("input", { type: "search", placeholder: "Words, -not, /regex/", "aria-label": "Search tests" }), count = h("span", { class: "quiet", role: "status" });
  const titles = ["Test", "Harness", "Targets", "Tested", "Sites", "Findings", "Cost"];
  const values = [(t) => t.name, (t) => t.harness, (t) => -t.targets, (t) => -t.tested, (t) => -t.sites, (t) => -t.findings.length, (t) => -(t.cost_ns || 0)];
  let sort = 5, rows = order;
  const heads = titles.map((title, k) => h("th", { scope: "col", class: (k > 1 ? "num " : "") + ([1, 3, 4].includes(k) ? "lesser" : "") },
    h("button", { type: "button", class: "plain", onclick: () => { sort = k; update(); } }, title)));
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of tests" },
    h("table", { "aria-label": "tests" }, h("thead", null, h("tr", null, heads)), body));
  const details = (i) => h("tr", { class: "more" }, h("td", { colspan: titles.length }, suite_details(i)));
  const draw = rows_as_needed(scroll, body, (k) => {
    const i = rows[k], t = P.tests[i], tr = h("tr", { class: "row" });
    const button = row_opener(tr, open, i, details, "t" + i, h("bdi", { class: "fn" }, data_shown(t.name)), h("bdi", { class: "at" }, data_shown(t.command).slice(0, 200)));
    const num = (cell, lesser) => h("td", { class: "num" + (lesser ? " lesser" : "") }, cell);
    tr.append(h("td", { class: "place" }, button), h("td", { class: "lesser" }, name_of(t.harness)), num(number(t.targets)), num(number(t.tested), true), num(number(t.sites), true),
      num(t.findings.length ? h("span", null, number(t.findings.length), " ", finding_links(t.findings.slice(0, 3))) : "0"), num(t.attempts ? duration(t.cost_ns) : "–"));
    return open.has(i) ? [tr, details(i)] : [tr];
  });
  function update() {
    const query = search_parse(search.value), way = values[sort];
    rows = order.filter((i) => search_text(query, [P.tests[i].name, P.tests[i].harness, P.tests[i].command, P.tests[i].filter].join(" ")))
      .sort((a, b) => { const x = way(P.tests[a]), y = way(P.tests[b]); return x < y ? -1 : x > y ? 1 : a - b; });
    heads.forEach((th, k) => th.setAttribute("aria-sort", k !== sort ? "none" : k > 1 ? "descending" : "ascending"));
    count.textContent = query.error || plural(rows.length, "test");
    draw(rows.length);
    if (!rows.length) body.append(h("tr", null, h("td", { colspan: titles.length, class: "quiet" }, order.length ? "No test matches."
      : "No test has a name: dearth suite record finds those of automake, CTest, meson, bats, cargo, pytest, and of the harnesses that programs are built with.")));
  }
  search.addEventListener("input", update);
  root.append(h("header", null, h("h2", { id: "tests-title" }, "Tests"),
    h("span", { class: "quiet small" }, plural(suite.programs, "program was", "programs were") + " started; " + number(suite.units.length - refused.length) +
      " were run by themselves, and do there what they did in the suite.")),
  h("div", { class: "tools" }, search, count), scroll);
  const units = suite_units(D.findings), quiet = suite.units.filter((unit) => !unit.refused && !units.some(([name]) => name.split("\n").pop() === unit.command));
  if (units.length)
    root.append(h("h3", null, "Findings by program and test"), suite_list(units, ([name, findings]) => {
      const [test, program] = name.split("\n");
      return [h("b", null, number(findings.length)), " in ", program ? [name_of(test), ", of "] : "", h("code", null, clamped(program || test, 160)), ": ", finding_links(findings.slice(0, 12).map((f) => f.id)),
        findings.length > 12 ? "…" : ""];
    }, 20));
  if (quiet.length)
    root.append(h("h3", null, "Programs in which nothing was found"), suite_list(quiet, (unit) => h("code", null, clamped(unit.command, 160)), 8));
  if (refused.length)
    root.append(h("h3", null, plural(refused.length, "program does", "programs do") + " something else when run alone, and " + (refused.length === 1 ? "was" : "were") + " not used"),
      suite_list(refused, (unit) => [h("code", null, clamped(unit.command, 160)), ": ", name_of(unit.refused)], 8));
  if (suite.targets.length)
    root.append(h("h3", null, plural(suite.targets.length, "target") + " never tested"), suite_list(suite.targets, (target) =>
      [site_link(target.site), " ", place(target.site), " ", h("span", { class: "quiet" }, name_of(target.reason), "; " + plural(target.contexts, "context"))], 20));
  root.append(h("h3", null, "Not seen, since programs were run by themselves"), h("ul", { class: "small quiet" }, suite.not_seen.map((line) => h("li", null, name_of(line)))));
  update();
  /* Show test @i, wherever it is. */
  P.show_test = (i) => {
    if (!P.tests[i]) return false;
    search.value = "";
    open.add(i);
    update();
    const at = rows.indexOf(i);
    for (let k = 0; k <= at; k += ROWS_STEP) scroll.dispatchEvent(new Event("more"));
    const button = [...body.querySelectorAll("tr.row button.plain")][at];
    if (button) {
      button.scrollIntoView({ block: "nearest" });
      button.focus();
    }
    return true;
  };
}
