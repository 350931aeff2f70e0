/* Findings: grouped as people count defects, searched, linked to. */

/* What is left of a headline when two that differ in numbers alone are one. Pure. */
function findings_likeness(headline) {
  return headline.replace(/\+0x[0-9a-f]+/g, "+").replace(/\b0x[0-9a-f]+\b/g, "#").replace(/\d+/g, "#");
}
/*
 * Groups of findings, as indexes: one for a policy, however many places meet it; one for all that went wrong at one
 * place; one for those that read alike but for numbers. @groups: those that end at one place. Pure.
 */
function findings_groups(findings, groups) {
  const known = new Map(), list = [];
  for (const members of groups) {
    const first = findings[members[0]];
    const key = [first.severity, first.runtime, first.policy ? "policy " + first.policy
      : [first.verdict, first.module, findings_likeness(first.headline)]].join("\n");
    let group = known.get(key);
    if (!group) {
      group = { members: [], places: 0, policy: first.policy };
      known.set(key, group);
      list.push(group);
    }
    group.members.push(...members);
    group.places++;
  }
  return list;
}
/* What a search looks at, of a finding. */
function finding_text(f) {
  const place_of = (node) => frames_of(node).map((i) => frame_name(i) + " " + text(P.F.file[i]) + " " + text(P.F.module[i])).join(" ");
  return [f.test, f.command, f.headline, f.op, f.module, f.policy, f.stderr, f.program, "f" + f.id, place_of(f.node),
    f.crash ? place_of(f.crash.node) : ""].join(" ");
}

function fault_words(f) {
  const which = f.occurrence === 1 ? "the first call" : "call " + number(f.occurrence);
  const then = f.then ? ", " + f.then : "";
  return f.op + (f.size >= 0 ? " of " + bytes(f.size) : "") + ", " + which + " of its site"
    + (f.thread ? " " + f.thread : "") + (f.call ? ", call " + number(f.call) + " of the run" : "") + (f.chance ? ", " + f.chance : "") + then;
}
function ending(f) {
  return f.timed_out ? "stopped by dearth: it did not end"
    : f.exit_signal ? "killed by " + f.exit_signal : f.exit_code != null ? "exit status " + f.exit_code : "unknown";
}
const sources_of = (f) => P.D.sources ? P.D.sources[P.D.findings.indexOf(f)] : [];
function finding_body(f) {
  const body = h("div", { class: "body" });
  body.append(h("h3", null, "See it again"), command(f.repro), h("div", { class: "pair" }, sources_of(f).map(excerpt)));
  body.append(h("div", { class: "pair" },
    h("div", null, h("h3", null, "The ", term("fault"), ": where the allocation failed"), stack(f.node, f.location)),
    f.second ? h("div", null, h("h3", null, "While that was handled: the second failure"),
      stack(f.second.node, f.second.location)) : null,
    f.last ? h("div", null, h("h3", null, "The last call that failed"), stack(f.last.node, f.last.location)) : null,
    f.crash ? h("div", null, h("h3", null, f.damage ? "Where the damage was found" : f.crash.signal ? "Where it went wrong: " + f.crash.signal +
      (f.crash.address ? " at " + f.crash.address : "") : "Where it was when it was stopped"),
      stack(f.crash.node, -1)) : null,
    f.unplaced ? h("div", null, h("h3", null, "Where it went wrong was not seen"),
      h("p", null, "Its attempt was not traced; the notes say why.")) : null));
  for (const leak of f.leaks.slice(0, 8))
    body.append(h("div", null, h("h3", null, "Leaked: " + plural(leak.blocks, "block") + ", " + bytes(leak.bytes) +
      ", by " + leak.op + (leak.direct ? "" : " (held by other leaked blocks alone)")), stack(leak.node, leak.location)));
  body.append(facts([["reason", f.cause], ["to do", f.help], ["fault", fault_words(f)],
    ["then", f.second ? f.second.op + ", call " + number(f.second.occurrence) + " of its site after that failure" : null], 
    ["last to fail", f.last ? f.last.op : null], ["what is wrong", f.crash ? f.crash.cause : null],
    ["program", f.program], ["run as", P.D.programs || P.D.suite ? of_programs(f) : null], ["the whole suite", f.in_suite], ["ended", ending(f)],
    ["went on in", f.went_on], ["doing", f.hang], ["waiting in", f.hang_call], ["both samples in", f.loop],
    [f.unplaced ? "memory was short in" : "went wrong in", f.module ? f.module + (f.kind ? " (" + f.kind + ")" : "") : null],
    ["run under", { guarded: "guarded blocks: canaries, quarantine, poison", asan: "AddressSanitizer",
      valgrind: "Valgrind" }[f.under] || null],
    ["files", { copy: "a private copy of the working folder; everything outside of it was real",
      shared: "the real ones" }[f.isolation] || null],
    ["damage", f.damage ? f.damage + (f.damage_location >= 0 ? "; allocated in " +
      short_name(P.location_label[f.damage_location][0]) + " " + P.location_label[f.damage_location][1] : "") : null],
    ["policy", f.policy], ["libc's", f.facility ? f.facility + ": " + f.effect : null],
    ["seen", number(f.bad) + " of " + plural(f.tried, "execution") +
      (f.unreached ? "; " + number(f.unreached) + " more did not come to the call" : "") +
      (f.unconfirmed ? "; in copies of the running program alone, not confirmed by a run of its own" : "")],
    ["leaked", f.leaked ? plural(f.leaks.reduce((n, l) => n + l.blocks, 0), "block") + ", " +
      bytes(f.leaks.reduce((n, l) => n + l.bytes, 0)) + ": nothing points there any more when the program ends" : null]]));
  if (f.differs.length)
    body.append(h("h3", null, "What is not as without the failure"), h("ul", null, f.differs.map((d) => h("li", null, name_of(d)))));
  if (f.stderr)
    body.append(h("h3", null, "What it said on stderr"), h("pre", { tabindex: "0", dir: "ltr" }, f.stderr));
  if (f.sites.length) {
    const list = f.sites.slice(0, 12).map((i) => site_link(i));
    body.append(h("h3", null, plural(f.sites.length, "site")), h("div", { class: "chips" }, list,
      f.sites.length > list.length ? h("span", { class: "quiet" }, "and " + number(f.sites.length - list.length) + " more") : null));
  }
  return body;
}
function finding(f, open) {
  const severity = P.D.severities[f.severity];
  const label = f.location >= 0 ? P.location_label[f.location] : ["unknown", "no readable stack"];
  const e = h("details", { class: "finding f-" + severity, id: "f" + f.id },
    h("summary", null,
      h("span", { class: "head" }, badge(severity, severity), " ",
        f.silent ? [h("span", { class: "tag", title: "Exit status 0, another output, and no word about it on stderr" }, "silent"), " "] : null,
        f.test ? [h("span", { class: "tag", title: "The test that showed it" }, name_of(f.test)), " "] : null,
        f.runtime ? [h("span", { class: "tag", title: "Went wrong in the C library, the C++ runtime or the loader, not in the program" }, f.kind), " "] : null,
        h("bdi", { class: "headline" }, f.headline)),
      h("span", { class: "after small quiet" }, "after a failed " + f.op + " in ", h("code", null, fn_name(label[0])), " ", name_of(label[1]),
        f.second ? [", then of a " + f.second.op + " in ",
          h("code", null, f.second.location >= 0 ? fn_name(P.location_label[f.second.location][0]) : "unknown")] : null),
      h("span", { class: "rate small quiet" }, f.bad + " of " + f.tried + " · " + plural(f.sites.length, "site") + " · f" + f.id)));
  let filled = false;
  const fill = () => {
    if (!filled) e.append(finding_body(f));
    filled = true;
  };
  e.addEventListener("toggle", () => {
    if (!e.open) return;
    fill();
    if (!P.applying) hash_set("f" + f.id);
  });
  if (open) {
    fill();
    e.open = true;
  }
  return e;
}

/* Lines of sources, where the page has them: as compilers show them. */
function excerpt(one) {
  const line = (text_of, i) => h("span", { class: "line" + (one.first + i === one.line ? " here" : "") }, h("span", { class: "number", "aria-hidden": "true" }, String(one.first + i)),
    data_shown(text_of), one.first + i === one.line ? h("span", { class: "says" }, data_shown(one.says)) : null);
  return h("figure", { class: "source" }, h("figcaption", { class: "small" }, name_of(one.file + ":" + one.line), one.doubt ? h("span", { class: "s-warning" }, " (" + one.doubt + ")") : null),
    h("pre", { tabindex: "0", dir: "ltr", role: "group", "aria-label": "Lines of " + data_shown(one.file) + ":" + one.line }, one.lines.map(line)));
}

/* The first of a group, and the others behind a line. @wanted: one of them that must be there. */
function finding_group(group, open, wanted) {
  const { members } = group, { D } = P, first = finding(D.findings[members[0]], open || wanted === members[0]);
  if (members.length === 1)
    return first;
  const rest = members.slice(1);
  const words = plural(rest.length, "more finding") + (group.policy ? " by the same policy" + (group.places > 1 ? ", at " + plural(group.places, "place") : "")
    : group.places > 1 ? " read alike" : rest.length === 1 ? " ends at the same place" : " end at the same place");
  const same = h("details", { class: "same" }, h("summary", null, words));
  let shown = 0;
  const more = h("button", { type: "button", onclick: () => fill() }, "Show more");
  const fill = () => {
    const to = Math.max(shown + 50, rest.indexOf(wanted) + 1);
    more.before(...rest.slice(shown, to).map((i) => finding(D.findings[i], i === wanted)));
    shown = to;
    if (shown >= rest.length) more.remove();
    more.textContent = "Show more (" + number(rest.length - shown) + ")";
  };
  same.append(more);
  same.addEventListener("toggle", () => { if (same.open && !shown) fill(); });
  if (rest.includes(wanted)) {
    fill();
    same.open = true;
  }
  return h("div", { class: "group" }, first, same);
}

const FINDINGS_SHOWN = 12;
function show_findings() {
  const { D } = P, root = $("findings"), list = h("div"), chips = h("div", { class: "chips", role: "group", "aria-label": "Severity" });
  const groups = findings_groups(D.findings, D.groups), off = new Set(), count = h("span", { class: "quiet", role: "status" });
  const search = h("input", { type: "search", placeholder: "Words, -not, /regex/", "aria-label": "Search findings" });
  let limit = FINDINGS_SHOWN, texts = null, wanted = -1;
  root.append(h("header", null, h("h2", { id: "findings-title" }, "Findings"), chips));
  if (!D.findings.length) {
    root.append(D.attempts ? h("p", { class: "notice" + (P.all_tested ? " good" : "") }, "Nothing broke in " + plural(D.attempts, "attempt") + ".")
      : !D.replay_site ? h("p", { class: "notice" }, "Not tested: a sample is not replayed, since what it left out is not known.")
      : h("div", { class: "notice" }, "Not tested yet: nothing was replayed. This tests every site:",
        (!D.suite && D.programs || [P.newest]).slice(0, 20).map((p) => command(replay_all(p.id)))));
    return;
  }
  root.append(D.findings.length > 3 ? h("div", { class: "tools" }, search, count) : "", list);
  const draw = () => {
    const query = search_parse(search.value);
    if (query.terms.length && !texts) texts = D.findings.map(finding_text);
    const shown = groups.map((group) => ({ ...group, members: group.members.filter((i) => !query.terms.length || search_text(query, texts[i])) }))
      .filter((group) => group.members.length && !off.has(D.findings[group.members[0]].severity));
    const at = shown.findIndex((group) => group.members.includes(wanted));
    if (at >= limit) limit = at + 1;
    list.replaceChildren(...shown.slice(0, limit).map((group, i) => finding_group(group, i === 0 && wanted < 0 && D.findings[group.members[0]].severity === 0, wanted)));
    count.textContent = query.error || (query.terms.length ? plural(shown.reduce((n, group) => n + group.members.length, 0), "finding") : "");
    if (shown.length > limit)
      list.append(h("button", { type: "button", onclick: () => { limit += 100; draw(); } }, "Show more (" + number(shown.length - limit) + ")"));
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
  search.addEventListener("input", draw);
  draw();
  /* Show finding @id, wherever it is. */
  P.show_finding = (id) => {
    wanted = D.findings.findIndex((f) => f.id === id);
    if (wanted < 0) return false;
    search.value = "";
    off.clear();
    chips.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", "true"));
    draw();
    const e = $("f" + id);
    e.scrollIntoView();
    e.querySelector("summary").focus({ preventScroll: true });
    return true;
  };
}
