// SPDX-License-Identifier: Apache-2.0
// page.js FILE ROUNDS: what a page costs in Chromium, as Markdown cells: opened, and of that the page's own time on the
// processor (medians); that of a frame while the timeline is brushed, and of a search with its redraw; milliseconds.
"use strict";
const path = require("node:path");
const { Browser } = require("../viewer/browser.js");

const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
async function busy(page) {
  const { metrics } = await page.send("Performance.getMetrics");
  return metrics.find((metric) => metric.name === "TaskDuration").value * 1000;
}
async function settle(page) {
  await page.get("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))");
}
async function main() {
  const url = "file://" + path.resolve(process.argv[2]), rounds = Number(process.argv[3]), browser = new Browser();
  const opened = [], worked = [];
  try {
    for (let i = 0; i < rounds; i++) {
      const page = await browser.page(null);
      await page.send("Performance.enable", { timeDomain: "threadTicks" });
      const before = await busy(page);
      await page.go(url);
      worked.push(await busy(page) - before);
      opened.push(await page.get("performance.getEntriesByName('ready')[0].startTime"));
      await page.close();
    }
    const page = await browser.page(url);
    await page.send("Performance.enable", { timeDomain: "threadTicks" });
    await page.get("document.querySelector('#memory').scrollIntoView()");
    await settle(page);
    const at = await page.get("(() => { const r = document.querySelector('canvas.timeline').getBoundingClientRect(); return [r.left, r.top + 60, r.width]; })()");
    const mouse = (type, x) => page.send("Input.dispatchMouseEvent", { type, x, y: at[1], button: "left", buttons: 1, clickCount: 1 });
    await mouse("mousePressed", at[0] + at[2] * 0.2);
    await settle(page);
    let before = await busy(page);
    const frames = 40;
    for (let i = 0; i < frames; i++) {
      await mouse("mouseMoved", at[0] + at[2] * (0.2 + 0.6 * i / frames));
      await page.get("new Promise(requestAnimationFrame)");
    }
    const brush = (await busy(page) - before) / frames;
    await mouse("mouseReleased", at[0] + at[2] * 0.8);
    await settle(page);
    const searches = [];
    for (const word of ["malloc", "step_3 -step_4_of_2", "/of_[12]$/"]) {
      before = await busy(page);
      await page.get(`(() => { const e = document.querySelector("#memory input"); e.value = ${JSON.stringify(word)}; e.dispatchEvent(new Event("input")); })()`);
      await settle(page);
      searches.push(await busy(page) - before);
    }
    console.log([median(opened), median(worked), brush, median(searches)].map((ms) => ms.toFixed(0)).join(" | "));
  } finally {
    await browser.close();
  }
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
