/* The page's values: unpacked, and asked. Pure. page_columns.h and page.c say what is in them. */

/* Bytes of base64. */
function data_bytes(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const binary = atob(base64), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/* zlib, by the browser itself. */
async function data_inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* What characters that steer or hide text look like: no name may turn its line around. */
const DATA_UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g;
function data_shown(text) {
  return text.replace(DATA_UNSEEN, (c) => c === "\n" ? "\\n" : c === "\t" ? "\\t" :
    [...c].map((one) => "\\u" + one.codePointAt(0).toString(16).padStart(4, "0")).join(""));
}

/* The same but for ends of lines. */
const data_shown_lines = (text) => text.search(DATA_UNSEEN) < 0 ? text : text.split("\n").map(data_shown).join("\n");

/* Fill @list from @bytes at @at, seven bits a byte, the lowest first. -> behind them. By itself: this is most of what
 * unpacking does, and nothing here is shared with a closure. */
function data_varints(bytes, at, list) {
  for (let i = 0; i < list.length; i++) {
    let b = bytes[at++];
    if (b > 127) {
      let scale = 128, more;
      b &= 127;
      do {
        more = bytes[at++];
        b += (more & 127) * scale;
        scale *= 128;
      } while (more > 127);
    }
    list[i] = b;
  }
  return at;
}

/* The head, with `columns` as a Map from name to numbers. */
function data_unpack(bytes) {
  const first = new Float64Array(1);
  let at = data_varints(bytes, 0, first);
  const length = first[0];
  const json = new TextDecoder().decode(bytes.subarray(at, at + length));
  /* Such characters are all written as \u in JSON: mostly there are none to look for. */
  const head = JSON.parse(json, json.includes("\\u") ? (_, value) => typeof value === "string" ? data_shown_lines(value) : value : undefined);
  const columns = new Map();
  at += length;
  for (const [name, n, kind] of head.columns) {
    if (kind === 2) {
      columns.set(name, bytes.subarray(at, at + n));
      at += n;
      continue;
    }
    const list = new Float64Array(n);
    at = data_varints(bytes, at, list);
    if (kind)
      for (let i = 0; i < n; i++) list[i] = list[i] % 2 ? -(list[i] + 1) / 2 : list[i] / 2;
    columns.set(name, list);
  }
  if (at !== bytes.length) throw new Error("the values end too early");
  head.columns = columns;
  return head;
}

function data_column(data, name) {
  return data.columns.get(name) || new Float64Array(0);
}

function data_frames(data) {
  const frames = {};
  for (const name of ["function", "file", "line", "module", "offset", "inlined"])
    frames[name] = data_column(data, "frame." + name);
  return frames;
}

/* Nodes by number, from 1; parent 0 = none. */
function data_nodes(data) {
  const back = data_column(data, "node.back"), frame = data_column(data, "node.frame");
  const parent = new Int32Array(back.length + 1), of = new Int32Array(back.length + 1);
  for (let i = 1; i < parent.length; i++) {
    parent[i] = back[i - 1] ? i - back[i - 1] : 0;
    of[i] = frame[i - 1];
  }
  return { parent, frame: of, n: back.length };
}

/* Columns of sites by their names; `attempts` is found by data_attempt_starts(). */
function data_sites(data) {
  const sites = {};
  for (const [name, list] of data.columns)
    if (name.startsWith("site.")) sites[name.slice(5)] = list;
  return sites;
}

function data_key(data, sites, i) {
  let key = "";
  for (let k = i * data.key_bytes; k < (i + 1) * data.key_bytes; k++)
    key += sites.key[k].toString(16).padStart(2, "0");
  return key;
}

/* Where each site's attempts begin in their column. */
function data_attempt_starts(sites, n) {
  const starts = new Int32Array(n);
  for (let i = 0, at = 0; i < n; i++) {
    starts[i] = at;
    at += 1 + 2 * sites.attempts[at];
  }
  return starts;
}

/* The memory of the recording at @index: its rows, their cells. */
function data_memory(data, index) {
  const column = (name) => data_column(data, index + "." + name);
  const info = data.memory[index], n = column("site").length;
  const m = { info, n, timed: info.timed, site: new Int32Array(n), process: new Int32Array(n) };
  const site = column("site"), process = column("process");
  for (let i = 0, s = 0, p = 0; i < n; i++) {
    m.site[i] = (s += site[i]) - 1;
    m.process[i] = (p += process[i]) - 1;
  }
  for (const name of ["count", "bytes", "peak", "largest", "frees", "live_blocks", "live", "temporary",
    "cross_thread", "lifetime_us", "last_us", "thread", "test"])
    m[name] = column(name);
  m.start = new Int32Array(n + 1); /* of its cells */
  if (m.timed) {
    const cells = column("cells"), bin = column("cell_bin");
    for (let i = 0; i < n; i++) m.start[i + 1] = m.start[i] + cells[i];
    m.bin = new Uint16Array(bin.length);
    for (let i = 0; i < n; i++)
      for (let k = m.start[i], b = 0; k < m.start[i + 1]; k++) m.bin[k] = b += bin[k];
    m.cell_live = column("cell_live");
    m.cell_bytes = column("cell_bytes");
    m.cell_count = column("cell_count");
    m.high = column("high");
    m.low = column("low");
  }
  return m;
}

/* Nanoseconds at which bin @bin begins; bins are of one width up to the peak and of another behind it. */
function data_bin_ns(m, bin) {
  const { bins, peak_bins, peak_ns, end_ns } = m.info;
  return bin <= peak_bins ? peak_ns * bin / peak_bins : peak_ns + (end_ns - peak_ns) * (bin - peak_bins) / (bins - peak_bins);
}
function data_bin_of(m, ns) {
  const { bins, peak_bins, peak_ns, end_ns } = m.info;
  const bin = ns <= peak_ns ? ns / peak_ns * peak_bins - 1e-9 : peak_bins + (ns - peak_ns) / (end_ns - peak_ns) * (bins - peak_bins);
  return Math.max(0, Math.min(bins - 1, Math.floor(bin)));
}

/*
 * What can be asked of a row: its title, whether it needs time, whether it is in bytes, what a sum of it is called. `live`,
 * `grown`, `bytes` and `count` are of the chosen bins; the others of the whole run.
 */
const DATA_METRICS = {
  live: { title: "In use at that instant", timed: true, bytes: true },
  grown: { title: "Growth in the range: asked for less given back", timed: true, bytes: true, word: "grown" },
  bytes: { title: "Bytes asked for in the range", bytes: true, word: "asked for" },
  count: { title: "Calls in the range", bytes: false, word: "calls" },
  temporary: { title: "Temporary calls (whole run)", bytes: false, word: "temporary calls" },
  never: { title: "Never freed (whole run)", bytes: true, word: "never freed" },
  own: { title: "Each site's own peak (these do not add up)", bytes: true },
};
function data_values(m, metric, from, to) {
  const plain = { temporary: m.temporary, never: m.live, own: m.peak }[metric];
  if (plain || !m.timed) return plain || m[metric] || m.bytes;
  const values = new Float64Array(m.n), { start, bin } = m;
  if (metric === "live") from = 0;
  const cells = { live: m.cell_live, grown: m.cell_live, bytes: m.cell_bytes, count: m.cell_count }[metric];
  for (let i = 0; i < m.n; i++) {
    let sum = 0;
    for (let k = start[i]; k < start[i + 1] && bin[k] <= to; k++)
      if (bin[k] >= from) sum += cells[k];
    values[i] = sum > 0 ? sum : 0;
  }
  return values;
}
/* What was in use at the peak, by row; kept. */
function data_at_peak(m) {
  if (!m.at_peak) m.at_peak = data_values(m, "live", 0, m.info.peak_bins - 1);
  return m.at_peak;
}
/* Values of rows by site, added up; @most: the largest of them. */
function data_by_site(m, values, n_sites, most) {
  const sums = new Float64Array(n_sites);
  for (let i = 0; i < m.n; i++)
    if (!most) sums[m.site[i]] += values[i];
    else if (values[i] > sums[m.site[i]]) sums[m.site[i]] = values[i];
  return sums;
}
