/* Flame graphs: which boxes there are, and how large. Pure but for flame_draw(), which paints them.
 *
 * Stacks are merged by function: nodes of the recorded tree with equal names below equal callers are one box.
 * Box 0 is all; callers come before what they call.
 */

/* Numbers of pairs of numbers, in the order in which they are first asked for. */
function flame_pairs(capacity) {
  let size = 64;
  while (size < 2 * capacity) size *= 2;
  const slots = new Int32Array(4 * size), last = 4 * size - 1; /* first, second, value, nothing: side by side in memory */
  return (a, b, next) => {
    let i = ((Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)) >>> 5) & last & ~3;
    while (slots[i + 2] && (slots[i] !== a || slots[i + 1] !== b)) i = (i + 4) & last;
    if (!slots[i + 2]) {
      slots[i] = a;
      slots[i + 1] = b;
      slots[i + 2] = next;
    }
    return slots[i + 2];
  };
}

/* What frames are called: the function, else module and offset. names[0] = all. */
function flame_names(data, frames) {
  const names = ["all"], modules = [""], of = new Int32Array(frames.function.length), known = new Map();
  for (let i = 0; i < of.length; i++) {
    const path = data.strings[frames.module[i]] || "", module = path.slice(path.lastIndexOf("/") + 1) || path;
    const name = frames.function[i] ? data.strings[frames.function[i]] : module + "+0x" + frames.offset[i].toString(16);
    const key = name + "\0" + module;
    let n = known.get(key);
    if (n === undefined) {
      n = names.length;
      known.set(key, n);
      names.push(name);
      modules.push(module);
    }
    of[i] = n;
  }
  return { names, modules, of };
}

/* parent, name: of boxes; of: the box of a node. */
function flame_tree(nodes, names) {
  const list = () => new Int32Array(nodes.n + 1), parent = list(), name = list(), of = list(), pair = flame_pairs(nodes.n + 1);
  let n = 1;
  for (let k = 1; k <= nodes.n; k++) {
    const above = of[nodes.parent[k]], what = names.of[nodes.frame[k]], box = pair(above, what, n);
    if (box === n) {
      parent[n] = above;
      name[n++] = what;
    }
    of[k] = box;
  }
  return flame_children({ parent: parent.subarray(0, n), name: name.subarray(0, n), of });
}

/* The other way round, from what allocated to its callers: of the sites with the largest values alone, as far as
 * @most steps go; `left` is what the others have. */
function flame_inverted(nodes, names, site_node, values, most) {
  const parent = [0], name = [0], pair = flame_pairs(most + 1024), of = new Int32Array(site_node.length).fill(-1);
  const order = [];
  for (let i = 0; i < values.length; i++) if (values[i] > 0) order.push(i);
  order.sort((a, b) => values[b] - values[a] || a - b);
  let steps = 0, left = 0;
  for (const i of order) {
    if (steps > most - 1024) {
      left += values[i];
      continue;
    }
    let box = 0, last = -1;
    for (let k = site_node[i]; k && steps < most; k = nodes.parent[k]) {
      const what = names.of[nodes.frame[k]];
      if (what === last) continue; /* recursion */
      last = what;
      steps++;
      const below = pair(box, what, parent.length);
      if (below === parent.length) {
        parent.push(box);
        name.push(what);
      }
      box = below;
    }
    of[i] = box;
  }
  return { tree: flame_children({ parent: Int32Array.from(parent), name: Int32Array.from(name), of }), left };
}

/* Children by parent: child[first[b]] .. child[first[b + 1] - 1]. */
function flame_children(tree) {
  const n = tree.parent.length, first = new Int32Array(n + 1), child = new Int32Array(n);
  for (let b = 1; b < n; b++) first[tree.parent[b] + 1]++;
  for (let b = 1; b <= n; b++) first[b] += first[b - 1];
  const at = first.slice();
  for (let b = 1; b < n; b++) child[at[tree.parent[b]]++] = b;
  tree.first = first;
  tree.child = child;
  tree.n = n;
  return tree;
}

/* Values of boxes from those of sites. @box_of: by site; -1 = none. @hidden: boxes that are left out with all
 * that they call, as bytes; null = none. @only: sites that count, as bytes; none = all. */
function flame_values(tree, box_of, site_values, hidden, only) {
  const value = new Float64Array(tree.n);
  for (let i = 0; i < site_values.length; i++)
    if (site_values[i] > 0 && (!only || only[i]) && box_of[i] >= 0 && !(hidden && hidden[box_of[i]])) value[box_of[i]] += site_values[i];
  for (let b = tree.n - 1; b > 0; b--) value[tree.parent[b]] += value[b];
  return value;
}

/* Boxes of one of the @names (a Set), and all below them; null = none are hidden. */
function flame_hidden(tree, names) {
  if (!names.size) return null;
  const hidden = new Uint8Array(tree.n);
  for (let b = 1; b < tree.n; b++) hidden[b] = hidden[tree.parent[b]] | names.has(tree.name[b]);
  return hidden;
}

/* Boxes as they lie: [{box, x, width, depth}], in pixels; those narrower than @least are left out. */
function flame_layout(tree, value, root, width, least) {
  const list = [], todo = [[root, 0, width, 0]];
  if (!(value[root] > 0)) return list;
  while (todo.length) {
    const [box, x, w, depth] = todo.pop();
    list.push({ box, x, width: w, depth });
    const scale = w / value[box];
    let at = x;
    for (let i = tree.first[box]; i < tree.first[box + 1]; i++) {
      const c = tree.child[i], cw = value[c] * scale;
      if (cw >= least) todo.push([c, at, cw, depth + 1]);
      at += cw;
    }
  }
  return list;
}

/* Self and total by what @key makes of a name: what calls itself counts once. -> Map to {self, total} */
function flame_by_name(tree, value, key) {
  const sums = new Map(), open = new Map(), todo = [0];
  while (todo.length) {
    const item = todo.pop();
    if (item < 0) { /* done with it */
      const k = key(tree.name[-item]);
      open.set(k, open.get(k) - 1);
      continue;
    }
    if (!(value[item] > 0)) continue;
    let self = value[item];
    for (let i = tree.first[item]; i < tree.first[item + 1]; i++) self -= value[tree.child[i]];
    if (item) {
      const k = key(tree.name[item]), sum = sums.get(k) || { self: 0, total: 0 };
      if (self > value[item] * 1e-9) sum.self += self;
      if (!open.get(k)) sum.total += value[item];
      sums.set(k, sum);
      open.set(k, (open.get(k) || 0) + 1);
      todo.push(-item);
    }
    for (let i = tree.first[item]; i < tree.first[item + 1]; i++) todo.push(tree.child[i]);
  }
  return sums;
}

/* Who calls a function, and whom it calls, with how much: [[name, value], ...], largest first. */
function flame_neighbours(tree, value, name) {
  const callers = new Map(), callees = new Map();
  const add = (map, key, n) => { if (n > 0) map.set(key, (map.get(key) || 0) + n); };
  for (let b = 1; b < tree.n; b++) {
    const above = tree.name[tree.parent[b]];
    if (!(value[b] > 0) || above === tree.name[b]) continue;
    if (tree.name[b] === name) add(callers, above, value[b]);
    if (above === name) add(callees, tree.name[b], value[b]);
  }
  const sorted = (map) => [...map].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return { callers: sorted(callers), callees: sorted(callees) };
}

const FLAME_ROW = 19; /* pixels */
function flame_hue(text) {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash % 360;
}

/* A canvas of @height in its own width, empty; it is made anew only where its size has changed. -> context */
function flame_canvas(canvas, height) {
  const dense = window.devicePixelRatio || 1, width = canvas.clientWidth, g = canvas.getContext("2d");
  if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.height = height + "px";
  }
  g.setTransform(dense, 0, 0, dense, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

/* @view: canvas, boxes; by box: label, color or module, untested and bugs (shares of it), marked; chosen. What is of one
 * colour is painted together. */
function flame_draw(view) {
  const { canvas, boxes } = view, h = FLAME_ROW - 1;
  let deepest = 0;
  for (const b of boxes) if (b.depth > deepest) deepest = b.depth;
  const g = flame_canvas(canvas, (deepest + 1) * FLAME_ROW), width_of = (b) => Math.max(b.width - 0.6, 0.4);
  const colors = new Map(), add = (color, b) => {
    const list = colors.get(color);
    if (list) list.push(b);
    else colors.set(color, [b]);
  };
  for (const b of boxes)
    add(view.marked(b.box) ? 1 : view.color ? view.color(b.box) : b.box ? view.module(b.box) : 0, b);
  for (const [color, list] of colors) { /* 0 = of all, 1 = marked */
    g.fillStyle = color === 1 ? "#ffd54a" : !color ? "#d9dde3" : view.color ? color : `hsl(${flame_hue(color)} 45% 80%)`;
    for (const b of list) g.fillRect(b.x, b.depth * FLAME_ROW, width_of(b), h);
  }
  g.fillStyle = flame_hatch(g);
  for (const b of boxes) {
    const w = width_of(b), untested = w > 2 ? view.untested(b.box) : 0;
    if (untested > 0.001) g.fillRect(b.x, b.depth * FLAME_ROW, w * untested, h);
  }
  g.fillStyle = "#b3261e";
  for (const b of boxes) {
    const w = width_of(b), bugs = w > 1 ? view.bugs(b.box) : 0;
    if (bugs > 0.001) g.fillRect(b.x, b.depth * FLAME_ROW + h - 3, w * bugs, 3);
  }
  g.fillStyle = "#111";
  g.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  g.textBaseline = "middle";
  for (const b of boxes) {
    const y = b.depth * FLAME_ROW, w = width_of(b);
    if (w > 28) {
      const room = Math.floor((w - 6) / 7.2), label = view.label(b.box);
      g.fillText(label.length > room ? label.slice(0, Math.max(1, room - 1)) + "…" : label, b.x + 3, y + h / 2);
    }
    if (b.box === view.chosen) {
      g.strokeStyle = "#0a58ca";
      g.lineWidth = 2;
      g.strokeRect(b.x + 1, y + 1, Math.max(w - 2, 1), h - 2);
    }
  }
}
function flame_hatch(g) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 7;
  const t = tile.getContext("2d");
  t.strokeStyle = "rgba(40, 40, 50, .34)";
  t.lineWidth = 1.3;
  t.beginPath();
  for (const [x, y] of [[-1, 1], [0, 7], [6, 8]]) {
    t.moveTo(x, y);
    t.lineTo(x + 8, y - 8);
  }
  t.stroke();
  return g.createPattern(tile, "repeat");
}
