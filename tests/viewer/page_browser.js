// SPDX-License-Identifier: Apache-2.0
// page_browser.js FOLDER [PART...]: pages made by page_browser.sh, in Chromium, as somebody uses them.
"use strict";
const assert = require("node:assert");
const path = require("node:path");
const { Browser } = require("./browser.js");

const folder = path.resolve(process.argv[2]), url = (name, hash = "") => "file://" + path.join(folder, name) + hash;
let n_tests = 0;
function ok(what) {
  n_tests++;
  console.log("ok: " + what);
}
const text_of = (selector) => `document.querySelector(${JSON.stringify(selector)}).textContent`;

/* Runs in the page: what a person who does not see well, or has no mouse, would trip over. */
function barriers() {
  const wrong = [], shown = (e) => e.offsetParent !== null && getComputedStyle(e).visibility !== "hidden";
  const name_of = (e) => (e.getAttribute("aria-label") || (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => (document.getElementById(id) || {}).textContent || "").join("") ||
    (e.labels && e.labels.length ? e.labels[0].textContent : "") || e.textContent || e.title || "").trim();
  for (const e of document.querySelectorAll("button, a[href], input, select, canvas, dialog, [role=region], [role=slider], table"))
    if (!name_of(e)) wrong.push("no name: " + e.outerHTML.slice(0, 90));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => wrong.push("id twice: " + id));
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"])
    for (const e of document.querySelectorAll("[" + attribute + "]"))
      for (const id of e.getAttribute(attribute).split(" ")) if (!document.getElementById(id)) wrong.push(attribute + " leads nowhere: " + id);
  for (const th of document.querySelectorAll("th")) if (th.getAttribute("scope") !== "col") wrong.push("a head without scope");
  if (document.querySelectorAll("h1").length !== 1 || document.querySelectorAll("main").length !== 1 || !document.documentElement.lang) wrong.push("landmarks");
  for (const e of document.querySelectorAll("main *")) /* scrolls, so the keyboard must get there */
    if (/auto|scroll/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight + 1 && shown(e) && e.tabIndex < 0) wrong.push("scrolls by mouse alone: " + e.className);
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(e) || /SCRIPT|STYLE|NOSCRIPT|OPTION/.test(e.tagName) || e.closest(".skip, .said, :disabled")) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(behind(e)), contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) wrong.push("contrast " + contrast.toFixed(2) + ": " + e.tagName + "." + e.className + " " + e.textContent.slice(0, 40));
  }
  return [...new Set(wrong)];
}

async function opened(browser, name, hash, options) {
  const page = await browser.page(url(name, hash), options);
  assert.equal(await page.get("document.documentElement.dataset.ready"), "1", name);
  return page;
}
function clean(page, name) {
  assert.deepEqual(page.errors, [], name + ": errors");
  assert.deepEqual(page.requests.filter((request) => !request.startsWith(url(name)) && request !== "about:blank"), [], name + ": requests");
}

async function themes(browser, name) {
  for (const dark of [false, true]) {
    const page = await opened(browser, name, "", { dark });
    await page.get("document.querySelectorAll('details').forEach((e) => { e.open = true; })");
    assert.deepEqual(await page.get(barriers), [], name + (dark ? ", dark" : ""));
    clean(page, name);
    await page.close();
  }
  ok(name + ": both themes");
}

async function sizes(browser, name) {
  const phone = await opened(browser, name, "", { width: 390, height: 800 });
  assert.ok(await phone.get("document.documentElement.scrollWidth <= 390"), name + " is wider than a phone");
  const height = await phone.get("document.documentElement.scrollHeight");
  assert.ok(height < 12000, name + " is " + height + " pixels high on a phone");
  await phone.close();
  const print = await opened(browser, name, "", { media: "print" });
  assert.deepEqual(await print.get(() => ["#sites th button", "#sites tbody td", "#sites td.place .fn", "#memory tbody td"].filter((selector) => {
    const e = document.querySelector(selector), text_in = document.createRange();
    if (e) text_in.selectNodeContents(e);
    return !e || !text_in.getClientRects().length;
  })), [], name + ": not printed");
  assert.deepEqual(await print.get("[...document.querySelectorAll('thead button')].filter((e) => getComputedStyle(e).display !== 'contents').length"), 0,
    "a button in a head is a box: it is empty where the head is repeated on the next sheet");
  assert.ok(await print.get("[...document.querySelectorAll('#sites tbody tr.row')].filter((e) => e.getClientRects().length).length <= 20"));
  await print.close();
  ok(name + ": phone, print");
}

async function hostile(browser, name) {
  const page = await opened(browser, name);
  await page.get("document.querySelectorAll('details').forEach((e) => { e.open = true; })");
  await page.get("document.querySelectorAll('#tests button.plain[aria-expanded=false], #sites button.plain[aria-expanded=false]').forEach((e) => e.click())");
  const seen = await page.get(() => ({ pwned: window.pwned || null, steering: /[\u202a-\u202e\u2066-\u2069\u200e\u200f]/.test(document.body.innerText + document.title),
    foreign: document.querySelectorAll("img, iframe, svg, object, b[onclick], [onerror]").length, scripts: document.scripts.length,
    heading: document.querySelector("#program").getBoundingClientRect().height }));
  assert.deepEqual({ ...seen, heading: 0 }, { pwned: null, steering: false, foreign: 0, scripts: 1, heading: 0 });
  assert.ok(seen.heading < 200, "a long command line fills the screen: " + seen.heading);
  clean(page, name);
  await page.close();
  ok(name + ": hostile names");
}

async function untested(browser) {
  const page = await opened(browser, "two.html");
  assert.match(await page.get(text_of("#verdict")), /^Not tested yet/);
  assert.ok(!/No bugs/.test(await page.get(text_of("#summary"))));
  assert.equal(await page.get("document.querySelectorAll('.s-ok, #summary .v-handled, .good').length"), 0, "green over nothing");
  assert.ok(await page.get("document.querySelectorAll('#untested summary').length > 0"));
  await page.get("document.querySelector('#untested details').open = true");
  await page.until("document.querySelector('#untested .command code')");
  assert.match(await page.get(text_of("#untested .command code")), /dearth replay .*--untested --in /);
  await page.press("n");
  assert.equal(await page.get("document.activeElement.tagName + document.activeElement.closest('section').id"), "SUMMARYuntested");
  await page.close();
  const some = await opened(browser, "report.html"), list = await some.get("document.querySelector('#untested ul').innerText");
  assert.match(list, /1: a filter of the replay left it out \(replay 1: in .*script/, "the replay and its filter");
  assert.match(list, /ran out \(replay 1\)/);
  await some.get("document.querySelectorAll('#untested details').forEach((e) => { e.open = true; })");
  await some.close();
  ok("not tested yet is neither green nor fine; commands for a subtree; n; reasons");
}

async function recordings(browser, wanted) {
  const page = await opened(browser, "two.html"), calls = (p) => p.get("[...document.querySelectorAll('#processes tbody tr')].map((tr) => tr.children[3].textContent.replace(/,/g, '')).reduce((a, b) => a + Number(b), 0)");
  assert.equal(await calls(page), wanted[1], "the newest recording alone");
  assert.ok(/at peak/i.test(await page.get("document.querySelector('#sites th[aria-sort=descending]').textContent")));
  await page.get("(() => { const e = document.querySelector('#recording'); e.value = '1'; e.dispatchEvent(new Event('change')); })()");
  assert.equal(await calls(page), wanted[0], "the first recording");
  const address = await page.get("location.href");
  assert.match(address, /r=1/);
  await page.close();
  const again = await browser.page(address);
  assert.equal(await calls(again), wanted[0], "by its address");
  await again.close();
  ok("recordings are never added up");
}

async function links(browser) {
  const page = await opened(browser, "report.html", "#f2");
  assert.equal(await page.get("document.querySelector('details.finding[open]').id"), "f2");
  assert.equal(await page.get("document.activeElement.parentElement.id"), "f2");
  const key = await page.get("document.querySelector('#f2 .chips a').getAttribute('href')");
  await page.get("document.querySelector('#f2 .chips a').click()");
  await page.until("document.querySelector('#sites tr.more')");
  assert.match(await page.get(text_of("#sites tr.more")), new RegExp(key.slice(2)));
  await page.close();
  const site = await opened(browser, "report.html", key);
  assert.ok(await site.get("document.querySelector('#sites tr.more') && document.activeElement.closest('#sites') !== null"));
  await site.close();
  const nowhere = await opened(browser, "report.html", "#f999999");
  assert.match(await nowhere.get(text_of("#said")), /no finding f999999/);
  clean(nowhere, "report.html");
  await nowhere.close();
  ok("links to findings and sites");
}

async function sites(browser) {
  const page = await opened(browser, "two.html");
  await page.get("document.querySelector('#sites td.place button').click()");
  const key = await page.get("document.querySelector('#sites tr.more .facts code').textContent");
  for (const k of [2, 5, 6, 3]) /* and back: it may be far down on the way */
    await page.get(`document.querySelectorAll('#sites th button')[${k}].click()`);
  assert.equal(await page.get("document.querySelectorAll('#sites tr.more').length"), 1, "sorting closes rows");
  assert.equal(await page.get("document.querySelector('#sites tr.more .facts code').textContent"), key);
  await page.press("/");
  assert.equal(await page.get("document.activeElement.getAttribute('aria-label')"), "Search sites");
  const all = await page.get("document.querySelector('#sites .tools span').textContent");
  await page.type("malloc -calloc");
  await page.until(`document.querySelector('#sites .tools span').textContent !== ${JSON.stringify(all)}`);
  assert.match(await page.get("location.hash"), /q=malloc/);
  await page.get("(() => { const e = document.activeElement; e.value = '/(/'; e.dispatchEvent(new Event('input')); })()");
  await page.until("/no regular expression/.test(document.querySelector('#sites .tools span').textContent)");
  clean(page, "two.html");
  await page.close();
  ok("sites: open rows stay, searching");
}

async function by_keyboard(browser) {
  const page = await opened(browser, "two.html");
  await page.press("?");
  assert.ok(await page.get("document.querySelector('dialog').open"));
  await page.press("Escape");
  await page.until("!document.querySelector('dialog').open");
  await page.press("g");
  await page.press("m");
  for (let i = 0; i < 40 && await page.get("document.activeElement.className") !== "timeline"; i++) await page.press("Tab");
  assert.equal(await page.get("document.activeElement.className"), "timeline");
  const before = await page.get("document.activeElement.getAttribute('aria-valuetext')");
  assert.match(before, /the peak/);
  await page.press("Home");
  assert.notEqual(await page.get("document.activeElement.getAttribute('aria-valuetext')"), before);
  assert.match(await page.get("location.hash"), /t=0/);
  await page.press("Shift+ArrowRight");
  assert.match(await page.get("location.hash"), /t=0-1/);
  await page.get("document.querySelector('canvas.timeline').blur()");
  await page.go(url("two.html"));
  await page.get("document.querySelector('canvas.flame').focus()");
  assert.match(await page.get(text_of("#memory .details")), /^all: /);
  for (let i = 0; i < 3; i++) await page.press("ArrowDown");
  const said = await page.get(text_of("#memory .details"));
  assert.match(said, /never failed in a test/);
  assert.ok(!said.startsWith("all: "));
  await page.press("Enter");
  assert.match(await page.get("location.hash"), /z=\d/);
  const address = await page.get("location.href"), chip = await page.get("document.querySelector('#memory .chips').textContent");
  const again = await browser.page(address);
  assert.equal(await again.get("document.querySelector('#memory .chips').textContent"), chip);
  await again.close();
  await page.press("Escape");
  await page.press("i");
  assert.match(await page.get("location.hash"), /i=1/);
  clean(page, "two.html");
  await page.close();
  ok("by keyboard alone; what is chosen is in the address");
}

async function memory(browser, peak) {
  const page = await opened(browser, "two.html");
  const totals = async (by) => {
    await page.get(`(() => { const e = document.querySelector('#memory select[aria-label="Table by"]'); e.value = '${by}'; e.dispatchEvent(new Event('change')); })()`);
    return page.get("[...document.querySelectorAll('#memory tbody tr')].length");
  };
  assert.match(await page.get(text_of("#memory .lead")), new RegExp("^" + peak.replace(".", "\\.") + " at the peak"));
  const look_for = (words) => page.get(`(() => { const e = document.querySelector('#memory input'); e.value = '${words}'; e.dispatchEvent(new Event('input')); })()`);
  await look_for("ask");
  await page.until("/^[\\d,]+ sites?, [\\d.]+ % of the peak$/.test(document.querySelector('#memory .tools .quiet').textContent)");
  await look_for("");
  await page.until("document.querySelector('#memory .tools .quiet').textContent === ''");
  for (const by of ["location", "function", "module", "process", "thread", "size"]) assert.ok(await totals(by) > 0, by);
  await page.get("(() => { const e = document.querySelector('#memory select[aria-label=\"Metric\"]'); e.value = 'count'; e.dispatchEvent(new Event('change')); })()");
  assert.match(await page.get("location.hash"), /m=count/);
  const lead = await page.get(text_of("#memory .lead"));
  assert.match(lead, /^[\d,]+ calls from /);
  await page.get("(() => { const e = document.querySelector('#memory input'); e.value = 'no_such_function'; e.dispatchEvent(new Event('input')); })()");
  await page.until("!document.querySelector('#memory button[title^=Leave]').hidden");
  assert.equal(await page.get(text_of("#memory .lead")), lead);
  await page.get("document.querySelector('#memory button[title^=Leave]').click()");
  assert.match(await page.get(text_of("#memory .lead")), /^0 /);
  assert.match(await page.get("location.hash"), /o=1/);
  /* only what goes through a function, or a module, and all again */
  await page.get("(() => { const e = document.querySelector('#memory input'); e.value = ''; e.dispatchEvent(new Event('input')); })()");
  await page.until("document.querySelector('#memory button[title^=Leave]').hidden");
  assert.equal(await page.get(text_of("#memory .lead")), lead);
  await totals("module");
  for (const through of [true, false]) {
    await page.get("[...document.querySelectorAll('#memory tbody button')].find((e) => /many/.test(e.textContent)).click()");
    assert.equal(await page.get("new URLSearchParams(location.hash.split('?')[1]).get('mq')"), through ? '"many"' : null);
  }
  await page.get("document.querySelector('#memory canvas.flame').focus()");
  for (let i = 0; i < 6; i++) await page.press("ArrowDown");
  await page.press("ArrowRight");
  await page.press("f");
  assert.match(await page.get("decodeURIComponent(location.hash)"), /mq="[^&]+&o=1/);
  assert.notEqual(await page.get(text_of("#memory .lead")), lead);
  await page.press("f");
  assert.equal(await page.get(text_of("#memory .lead")), lead);
  await page.close();
  const untimed = await opened(browser, "untimed.html");
  assert.ok(await untimed.get("document.querySelector('canvas.timeline').hidden"));
  assert.match(await untimed.get(text_of("#memory .notice")), /no single events/);
  clean(untimed, "untimed.html");
  await untimed.close();
  ok("memory");
}

async function suite(browser) {
  const page = await opened(browser, "suite.html"), names = "[...document.querySelectorAll('#tests tbody tr.row button.plain .fn')].map((e) => e.textContent)";
  const choose = (label, value) => page.get(`(() => { const e = document.querySelector('#memory select[aria-label="${label}"]'); e.value = '${value}'; e.dispatchEvent(new Event('change')); })()`);
  const click = (words) => page.get(`[...document.querySelectorAll('#tests tr.more button')].find((e) => e.textContent.includes('${words}')).click()`);
  assert.match(await page.get(text_of("#nav")), /Tests 2/);
  assert.deepEqual(await page.get(names), ["words.bats: length", "words.bats: copies"], "what found something is first");
  assert.match(await page.get(text_of("#tests tbody tr.row")), /f\d+/);
  assert.match(await page.get(text_of("#findings details.finding .head")), /words\.bats: length/);
  await page.get("document.querySelector('#findings details.finding').open = true");
  await page.until("document.querySelector('#findings .facts')");
  assert.match(await page.get(text_of("#findings .facts")), /run aswords\.bats: length: length/);
  assert.match(await page.get(text_of("#tests")), /something else when run alone.*once: /);
  /* which test comes to this site */
  await page.get("document.querySelector('#findings .chips a').click()");
  await page.until("document.querySelector('#sites tr.more')");
  assert.match(await page.get(text_of("#sites tr.more")), /1 test comes here.*words\.bats: length/);
  assert.equal(await page.get(text_of("#sites tr.more .command code")), "dearth suite replay suite.db --contexts 0");
  /* to that test by its link; its sites; its memory */
  await page.get("document.querySelector('#sites tr.more a[href^=\"#t\"]').click()");
  await page.until("document.querySelector('#tests tr.more')");
  assert.match(await page.get(text_of("#tests tr.more")), /programlength.*targets1.*attempts?/);
  assert.match(await page.get("location.hash"), /^#t\d/);
  await click("Sites");
  assert.equal(await page.get("document.querySelectorAll('#sites tbody tr.row').length"), 1);
  assert.match(await page.get("location.hash"), /st=\d/);
  await click("Memory");
  assert.match(await page.get("location.hash"), /[?&]e=\d/);
  const address = await page.get("location.href"), lead = await page.get(text_of("#memory .lead"));
  await choose("Test of the memory", "-1");
  assert.notEqual(await page.get(text_of("#memory .lead")), lead);
  await choose("Table by", "test");
  const rows = await page.get("[...document.querySelectorAll('#memory tbody tr')].map((e) => e.innerText)");
  for (const name of ["length", "copies"]) assert.ok(rows.some((row) => row.startsWith("words.bats: " + name)), rows.join());
  await page.press("g");
  await page.press("t");
  assert.equal(await page.get("document.activeElement.closest('section').id"), "tests");
  clean(page, "suite.html");
  await page.close();
  const again = await browser.page(address);
  assert.equal(await again.get("document.querySelectorAll('#sites tbody tr.row').length"), 1, "by its address");
  assert.equal(await again.get(text_of("#memory .lead")), lead);
  await again.close();
  ok("a suite: tests, what they come to, found and cost");
}

async function sources(browser) {
  const page = await opened(browser, "suite.html", "#f1");
  const lines = await page.get("[...document.querySelectorAll('#f1 figure')].map((e) => e.textContent)");
  assert.equal(lines.length, 2);
  assert.match(lines[0], /words\.c:\d+.*malloc\(strlen\(s\) \+ 1\);this malloc of 4 B fails/s);
  assert.match(lines[1], /strlen\(copy\);SIGSEGV/s);
  clean(page, "suite.html");
  await page.close();
  const elsewhere = await opened(browser, "elsewhere.html", "#f1");
  assert.match(await elsewhere.get(text_of("#f1 figure")), /pwned/);
  assert.deepEqual(await elsewhere.get(() => [window.pwned || null, document.querySelectorAll("img").length, /[\u202a-\u202e]/.test(document.body.innerText), document.documentElement.outerHTML.includes("secret-folder")]),
    [null, 0, false, false], "a source is text, and where it was found is not said");
  clean(elsewhere, "elsewhere.html");
  await elsewhere.close();
  ok("lines of sources");
}

async function compared(browser) {
  const same = await opened(browser, "same.html");
  assert.match(await same.get(text_of("#compare li")), /^20 sites in both, 0 gone, 0 new/);
  assert.match(await same.get(text_of("#compare tbody")), /No difference/);
  assert.equal(await same.get(text_of("#compare .details")), "");
  await same.close();
  const page = await opened(browser, "changed.html");
  assert.match(await page.get(text_of("#compare .notice")), /^Neither was tested/);
  assert.equal(await page.get("/Findings that are gone/.test(document.querySelector('#compare').textContent)"), false);
  const rows = await page.get("[...document.querySelectorAll('#compare tbody tr')].map((tr) => [...tr.cells].map((cell) => cell.textContent))");
  assert.ok(rows.length > 0 && rows.every((row) => /^(new|gone|grown|shrunk)$/.test(row[1])), JSON.stringify(rows[0]));
  await page.get("document.querySelector('#compare canvas.flame').focus()");
  await page.press("ArrowDown");
  assert.match(await page.get(text_of("#compare .details")), / before, .* now, /);
  await page.get("(() => { const e = document.querySelector('#compare select'); e.value = 'count'; e.dispatchEvent(new Event('change')); })()");
  assert.match(await page.get("location.hash"), /cm=count/);
  const calls = /Calls: ([\d,]+) before, ([\d,]+) now/.exec(await page.get(text_of("#compare .lead")));
  clean(page, "changed.html");
  await page.close();
  ok("two databases");
  return calls.slice(1).map((n) => Number(n.replace(/,/g, "")));
}

async function main() {
  const browser = new Browser(), facts = JSON.parse(require("node:fs").readFileSync(path.join(folder, "facts.json"), "utf8"));
  const parts = {
    themes: async () => { for (const name of ["report.html", "two.html", "untimed.html", "suite.html", "changed.html"]) await themes(browser, name); },
    sizes: async () => { for (const name of ["report.html", "two.html", "suite.html", "changed.html"]) await sizes(browser, name); },
    hostile: async () => { for (const name of ["hostile.html", "hostile_suite.html"]) await hostile(browser, name); },
    untested: () => untested(browser),
    recordings: () => recordings(browser, facts.calls),
    links: () => links(browser),
    sites: () => sites(browser),
    by_keyboard: () => by_keyboard(browser),
    memory: () => memory(browser, facts.peak),
    suite: () => suite(browser),
    sources: () => sources(browser),
    compared: async () => assert.deepEqual(await compared(browser), facts.compared),
  };
  try {
    for (const [name, part] of Object.entries(parts))
      if (process.argv.length < 4 || process.argv.includes(name, 3)) await part();
  } finally {
    await browser.close();
  }
  console.log(n_tests + " passed, 0 failed");
}
main().catch((error) => {
  console.error(error, error.actual);
  process.exitCode = 1;
});
