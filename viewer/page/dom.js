/* Elements, numbers and words for people. Texts become text nodes: there is no markup made from a string. */
const $ = (id) => document.getElementById(id);

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

const NUMBERS = new Intl.NumberFormat("en-US"); /* kept: making one takes longer than what it does */
const number = (n) => NUMBERS.format(n);
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

/* Every use of a name that comes from elsewhere stands by itself: it does not turn what is around it. */
const name_of = (text) => h("bdi", null, data_shown(text));
/* Long ones are cut; the whole is a click away. */
function clamped(text, most) {
  if (text.length <= most) return name_of(text);
  text = data_shown(text);
  const e = h("bdi", null, text.slice(0, most) + "…");
  return [e, " ", h("button", { type: "button", class: "small", onclick: (event) => {
    e.textContent = text;
    event.currentTarget.remove();
  } }, "Show all of it")];
}

/* A function's name: short, the whole of it at a click. */
function fn_name(name) {
  const short = short_name(name);
  if (short === name) return h("bdi", { class: "fn" }, name);
  const e = h("bdi", { class: "fn cut", title: name, onclick: (event) => {
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
const MEANING = new Map();
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
const dot = (name) => h("span", { class: "dot v-" + name, "aria-hidden": "true" });
function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value != null && value !== "")
    .map(([name, value]) => [h("dt", null, name), h("dd", null, typeof value === "string" ? name_of(value) : value)]));
}
/* A share as a percentage that is never rounded up to all, nor down to nothing. */
function portion(part, whole) {
  const x = whole > 0 ? part / whole * 100 : 0;
  return (x > 0 && x < 0.1 ? "<0.1" : x > 99.9 && x < 100 ? ">99.9" : x >= 10 || !x ? x.toFixed(0) : x.toFixed(1)) + " %";
}

/* The button in row @tr of item @i that opens the row of what else there is of it, and closes it. @open: the items
 * that are; @details(i): that row; @name: of the item in the page's address. */
function row_opener(tr, open, i, details, name, ...content) {
  const button = h("button", { type: "button", class: "plain", "aria-expanded": String(open.has(i)), onclick: () => {
    const was = open.delete(i);
    button.setAttribute("aria-expanded", String(!was));
    if (was) {
      tr.nextSibling.remove();
      return;
    }
    open.add(i);
    tr.after(details(i));
    hash_set(name);
  } }, ...content);
  return button;
}

/* Rows of a table that are made when they are scrolled to. @make(i): a row. The box scrolls by itself, so that the
 * page stays short; an event "more" makes more of them. Return: draw(n), which begins again. */
const ROWS_STEP = 60;
function rows_as_needed(scroll, body, make) {
  let n = 0, shown = 0;
  const more = () => {
    const to = Math.min(n, shown + ROWS_STEP), list = [];
    for (; shown < to; shown++) list.push(make(shown));
    body.append(...list.flat());
  };
  let scrolled = false; /* to set it back makes the whole page be laid out at once */
  scroll.addEventListener("scroll", () => {
    scrolled = true;
    if (shown < n && scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - 600) more();
  });
  scroll.addEventListener("more", more);
  return (count) => {
    n = count;
    shown = 0;
    body.replaceChildren();
    if (scrolled) scroll.scrollTop = 0;
    scrolled = false;
    more();
  };
}
