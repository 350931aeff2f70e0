// SPDX-License-Identifier: Apache-2.0
// page_axe.js AXE PAGE...: what axe-core says of pages, in both themes, on a screen and a phone; nothing may be wrong.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { Browser } = require("./browser.js");

/* Runs in the page. A violation: {rule, help, where: [selector, ...]} */
async function look() {
  document.querySelectorAll("details").forEach((e) => { e.open = true; });
  for (const e of document.querySelectorAll("td.place button.plain[aria-expanded=false]")) {
    e.click();
    if (document.querySelectorAll("tr.more").length > 6) break;
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)));
  /* What a canvas shows is not looked at: a table says the same. */
  const { violations, passes } = await window.axe.run(document, { resultTypes: ["violations"] });
  return { passed: passes.length, violations: violations.map(({ id, help, nodes }) => ({ rule: id, help, where: nodes.slice(0, 5).map((node) => node.target.join(" ") + ": " + node.html.slice(0, 120)) })) };
}

async function main() {
  const axe = fs.readFileSync(process.argv[2], "utf8"), browser = new Browser();
  let n_wrong = 0;
  try {
    for (const file of process.argv.slice(3))
      for (const options of [{ dark: false }, { dark: true }, { dark: false, width: 390, height: 800 }]) {
        const page = await browser.page("file://" + path.resolve(file), options), name = file + (options.dark ? ", dark" : "") + (options.width ? ", phone" : "");
        await page.get(axe + ";true"); /* past the page's own policy, as a debugger */
        const { passed, violations } = await page.get(look);
        for (const one of violations) console.error(name + ": " + JSON.stringify(one, null, 1));
        n_wrong += violations.length;
        if (!passed) throw new Error(name + ": axe-core has looked at nothing");
        console.log((violations.length ? "FAILED: " : "ok: ") + name + ": " + passed + " rules");
        await page.close();
      }
  } finally {
    await browser.close();
  }
  process.exitCode = n_wrong ? 1 : 0;
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
