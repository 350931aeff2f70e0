/* What was never tested: module, file, function, location, with how much of each is; worst first. */

/*
 * The tree. @items: {path: [module, file, function, location], tested, testable, sites}: a location, how many of its sites
 * can be tested and were, those that were not.
 * A node: {name, tested, testable, sites (untested), children (Map)}. Pure.
 */
function untested_tree(items) {
  const root = { name: "", tested: 0, testable: 0, sites: [], children: new Map() };
  for (const item of items) {
    let node = root;
    for (let depth = 0; ; depth++) {
      node.testable += item.testable;
      node.tested += item.tested;
      if (depth === item.path.length) break;
      let child = node.children.get(item.path[depth]);
      if (!child) {
        child = { name: item.path[depth], tested: 0, testable: 0, sites: [], children: new Map() };
        node.children.set(item.path[depth], child);
      }
      node = child;
    }
    for (const site of item.sites) node.sites.push(site);
  }
  return root;
}
/* Most untested sites first. Pure. */
function untested_order(node) {
  return [...node.children.values()].filter((child) => child.tested < child.testable)
    .sort((a, b) => (b.testable - b.tested) - (a.testable - a.tested) || (a.name < b.name ? -1 : 1));
}

function untested_items() {
  const { D, S } = P, items = new Map(), not_failable = D.reasons.indexOf("not_failable");
  for (let i = 0; i < D.sites; i++) {
    if (S.reason[i] === not_failable || (S.flags[i] & 1)) continue;
    const location = S.location[i], key = location >= 0 ? location : site_label(i).join("\n");
    let item = items.get(key);
    if (!item) items.set(key, item = { path: untested_path(i), tested: 0, testable: 0, sites: [] });
    item.testable += P.stands[i];
    if (S.reason[i]) item.sites.push(i);
    else item.tested += P.stands[i];
  }
  return [...items.values()];
}
function untested_path(site) {
  const { D, S } = P, location = S.location[site];
  if (location < 0) {
    const [name, module] = site_label(site);
    return [module, "(source not known)", name, "(location not known)"];
  }
  const [fn, file, line, module, offset] = D.locations[location];
  return [text(module), file ? text(file) : "(source not known)", fn ? text(fn) : "(function not known)", where(text(file), line, text(module), offset)];
}

function coverage_bar(tested, testable) {
  const fill = h("span", { class: "v-handled" });
  fill.style.width = (testable ? tested / testable * 100 : 0) + "%";
  return h("span", { class: "bar", role: "img", "aria-label": number(tested) + " of " + number(testable) + " tested" }, tested ? fill : null);
}
const UNTESTED_LEVELS = ["module", "file", "function", "location"], UNTESTED_SHOWN = 40;
function untested_node(node, depth) {
  const rest = node.testable - node.tested, label = depth === 2 ? fn_name(node.name) : name_of(depth ? node.name : base(node.name));
  const e = h("details", { class: "branch level-" + depth }, h("summary", null,
    h("span", { class: "name", title: depth ? null : node.name }, label), coverage_bar(node.tested, node.testable),
    h("span", { class: "num small quiet" }, number(rest) + " of " + number(node.testable) + " never tested")));
  let filled = false;
  e.addEventListener("toggle", () => {
    if (!e.open || filled) return;
    filled = true;
    const body = h("div", { class: "below" });
    if (depth < 3 && P.D.replay_site && !node.name.startsWith("(")) body.append(h("p", { class: "small quiet" }, P.D.suite ? "Test what is left of the suite, other callers of what was tested too:" : "Test all of this " + UNTESTED_LEVELS[depth] + ":"),
      command(replay_below(depth ? node.name : base(node.name))));
    e.append(body);
    const children = depth < 3 ? untested_order(node) : [];
    if (children.length) untested_list(body, children, depth + 1);
    else untested_sites(body, node.sites);
    if (children.length === 1) body.querySelector("details").open = true;
  });
  return e;
}
function untested_list(root, nodes, depth) {
  let shown = 0;
  const more = h("button", { type: "button", onclick: () => fill() });
  const fill = () => {
    const part = nodes.slice(shown, shown + UNTESTED_SHOWN);
    more.before(...part.map((node) => untested_node(node, depth)));
    shown += part.length;
    if (shown >= nodes.length) more.remove();
    more.textContent = "Show more (" + number(nodes.length - shown) + ")";
  };
  root.append(more);
  fill();
}
function untested_sites(root, sites) {
  root.append(h("ul", { class: "plain" }, sites.slice(0, 100).map((i) => h("li", null, site_link(i), " ", P.stands[i] > 1 ? "and " + plural(P.stands[i] - 1, "small site") + " like it " : "",
    h("code", null, text(P.S.op[i])), " ", h("span", { class: "small quiet" }, reason_words(P.S.reason[i], P.S.skipped_by[i])),
    callers_of(i).slice(0, 2).map((frame, k) => [k ? " … from " : " called from ", h("bdi", { class: "fn small" }, short_name(frame_name(frame)))])))),
  sites.length > 100 ? h("p", { class: "quiet small" }, "and " + plural(sites.length - 100, "more site")) : "");
}

function show_untested() {
  const { D } = P, root = $("untested"), items = untested_items(), left = items.reduce((n, item) => n + item.testable - item.tested, 0);
  P.n_untested = left;
  root.append(h("header", null, h("h2", { id: "untested-title" }, "Never tested"),
    left ? h("span", { class: "quiet small" }, "What happens here when memory runs out is not known. " +
      (D.suite ? "A suite fails each target once, first; these are other ways to it. " : "") + "Press n and p to go from one to the next.") : ""));
  if (!left) {
    const sample = D.recordings.some((r) => r.sample_bytes);
    root.append(h("p", { class: "notice" + (items.length && !sample ? " good" : "") }, !items.length ? "There is no site." : sample ? "Every site that is in the sample was tested; which others there are is not known." : "Every site was tested."));
    return;
  }
  const reasons = new Map(); /* by the replay that left them out */
  P.S.reason.forEach((reason, i) => {
    if (!reason || (P.S.flags[i] & 1)) return;
    const words = reason_words(reason, P.S.skipped_by[i]);
    reasons.set(words, (reasons.get(words) || 0) + P.stands[i]);
  });
  root.append(h("ul", { class: "plain small" }, [...reasons].sort((a, b) => b[1] - a[1]).map(([words, n]) => h("li", null, h("b", null, number(n)), ": " + words))));
  untested_list(root, untested_order(untested_tree(items)), 0);
}

/* The next place below, or above, that was never tested. */
function untested_jump(step) {
  const list = [...$("untested").querySelectorAll("summary")].filter((e) => e.offsetParent);
  if (!list.length) return;
  const at = list.indexOf(document.activeElement), next = list[at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.max(0, Math.min(list.length - 1, at + step))];
  if (next === document.activeElement) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
