/* Places and stacks of the page's values. P: what the parts of the page share, set by page.js. */
const P = {};
const text = (index) => P.D.strings[index];
const verdict_name = (v) => (v < 0 ? "not tried" : P.D.verdicts[v]);
function verdict_badge(v) {
  return v < 0 ? badge("none", "not tried") : badge(P.D.verdict_severities[v], P.D.verdicts[v]);
}

function where(file, line, module, offset) {
  return file ? file + (line ? ":" + line : "") : base(module) + "+0x" + offset;
}
function place_prepare() {
  const { D } = P;
  P.location_label = D.locations.map(([fn, file, line, module, offset]) => {
    const at = where(text(file), line, text(module), offset);
    return fn ? [text(fn), at] : [at, text(module)];
  });
  P.location_offset = Float64Array.from(D.locations, (location) => parseInt(location[4], 16));
  /* Ranks, so that sorting 100,000 rows compares numbers. */
  P.location_rank = new Int32Array(D.locations.length + 1);
  const label = P.location_label;
  D.locations.map((_, i) => i).sort((a, b) => {
    const x = label[a], y = label[b];
    return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : 0;
  }).forEach((location, rank) => { P.location_rank[location + 1] = rank + 1; });
}
const frame_offset = (i) => P.F.offset[i].toString(16);
function frame_name(i) {
  return P.F.function[i] ? text(P.F.function[i]) : base(text(P.F.module[i])) + "+0x" + frame_offset(i);
}

/* Frames of a node, innermost first. */
function frames_of(node) {
  const list = [];
  for (; node > 0; node = P.N.parent[node]) list.push(P.N.frame[node]);
  return list;
}
function is_location(frame, location) {
  const wanted = P.D.locations[location];
  return P.location_offset[location] === P.F.offset[frame] && wanted[2] === P.F.line[frame] &&
    text(P.F.function[frame]) === text(wanted[0]) && text(P.F.module[frame]) === text(wanted[3]);
}

/* Sites by their location, made when first asked for. */
function sites_of_location(location) {
  if (!P.by_location) {
    P.by_location = P.D.locations.map(() => []);
    P.S.location.forEach((l, i) => { if (l >= 0) P.by_location[l].push(i); });
  }
  return P.by_location[location];
}
/* What tells a site from the others of its location: the first caller that none of them has there, and the nearest
 * one. */
function callers_of(site) {
  const location = P.S.location[site], own = frames_of(P.S.node[site]);
  let from = location < 0 ? 0 : own.findIndex((frame) => is_location(frame, location));
  from = Math.max(0, from) + 1;
  if (from >= own.length) return [];
  const others = location < 0 ? [] : sites_of_location(location);
  if (others.length < 2) return [];
  let left = others.slice(0, 300).filter((i) => i !== site).map((i) => {
    const frames = frames_of(P.S.node[i]);
    return frames.slice(Math.max(0, frames.findIndex((frame) => is_location(frame, location))) + 1);
  });
  const list = [own[from]];
  for (let k = from; k < own.length; k++) {
    left = left.filter((frames) => frames[k - from] === own[k]);
    if (left.length) continue;
    if (k > from) list.push(own[k]);
    break;
  }
  return list;
}
function site_label(site) {
  const location = P.S.location[site], node = P.S.node[site];
  if (location >= 0) return P.location_label[location];
  if (!node) return ["unknown", "no readable stack"];
  const frame = P.N.frame[node];
  return [frame_name(frame), text(P.F.module[frame])];
}
function place(site) {
  const [name, at] = site_label(site), via = callers_of(site);
  return [fn_name(name), h("bdi", { class: "at" }, at),
    via.length ? h("span", { class: "at via" }, "called from ", via.map((frame, i) =>
      [i ? " … from " : "", h("bdi", { class: "fn" }, short_name(frame_name(frame)))])) : null];
}

function frame_line(frame, here) {
  const { F } = P, fn = F.function[frame], file = text(F.file[frame]), module = text(F.module[frame]);
  const at = where(file, F.line[frame], module, frame_offset(frame));
  return h("li", { class: here ? "here" : null, title: module + "+0x" + frame_offset(frame) },
    fn_name(frame_name(frame)), " ",
    fn ? h("bdi", { class: "at" }, file ? at : base(module)) : null,
    F.inlined[frame] ? [" ", h("span", { class: "tag" }, "inlined")] : null,
    here ? [" ", h("span", { class: "tag" }, "location")] : null);
}
const SHOWN_FRAMES = 24;
function stack(node, location) {
  const frames = frames_of(node);
  if (!frames.length)
    return h("p", { class: "quiet small" }, "No stack is known.");
  let found = location < 0;
  const line = (frame) => {
    const here = !found && is_location(frame, location);
    found = found || here;
    return frame_line(frame, here);
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

/* A replay is of one program. */
function replay_of(recording) {
  return P.D.programs && recording ? " --recording " + recording : "";
}
function of_programs(f) {
  return (f.test ? f.test + ": " : "") + f.command + (f.programs > 1 ? " and " + plural(f.programs - 1, "more program") : "");
}
/* What a shell and a glob both take for @text itself. */
function glob_word(text) {
  const glob = text.replace(/\\u[0-9a-f]{4}|[*?[\]\\]/g, "?");
  return /^[\w@%+=:,./-]+$/.test(glob) ? glob : "'" + glob.replace(/'/g, "'\\''") + "'";
}
/* What tests one site, all below a name, everything. A suite fails places, whoever calls them, each once; then, when asked,
 * for other callers: of all, since a filter would be its report's from then on. */
const replay_rest = () => P.D.replay_site + (P.D.attempts ? " --contexts 0" : "");
function replay_one(site, more) {
  const { D, S } = P;
  return D.suite ? replay_rest() : D.replay_site + data_key(D, S, site) + replay_of(S.recording ? S.recording[site] : 0) + more;
}
function replay_below(glob) {
  return P.D.suite ? replay_rest() : P.D.replay_site.replace(/ --site $/, " --untested --in " + glob_word(glob));
}
const replay_all = (recording) => P.D.suite ? P.D.replay_site : P.D.replay_site.replace(/ --site $/, replay_of(recording));
