// SPDX-License-Identifier: Apache-2.0
// A page in Chromium, driven through a pipe (Chrome DevTools Protocol): no packages of node's are needed.
"use strict";
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

class Browser {
  constructor() {
    this.profile = fs.mkdtempSync(path.join(os.tmpdir(), "browser-"));
    const options = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--user-data-dir=" + this.profile];
    this.process = spawn(process.env.CHROMIUM || "chromium", options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.next = 1;
    this.listeners = [];
    let rest = "";
    this.process.stdio[4].setEncoding("utf8");
    this.process.stdio[4].on("data", (part) => {
      const list = (rest + part).split("\0");
      rest = list.pop();
      list.forEach((message) => this.take(JSON.parse(message)));
    });
    this.process.on("exit", (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error("chromium ended with status " + code));
    });
  }
  take(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return this.listeners.forEach((listener) => listener(message));
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }
  send(method, params, sessionId) {
    const id = this.next++;
    this.process.stdio[3].write(JSON.stringify({ id, method, params: params || {}, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }
  /* url: null = an empty one; options: width, height, dark, media ("print") */
  async page(url, options = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, targetId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(domain + ".enable");
    await page.size(options.width || 1280, options.height || 900);
    await page.send("Emulation.setEmulatedMedia", { media: options.media || "",
      features: [{ name: "prefers-color-scheme", value: options.dark ? "dark" : "light" }] });
    if (url) await page.go(url);
    return page;
  }
  async close() {
    try { await this.send("Browser.close"); } catch (error) { /* it has gone */ }
    await new Promise((done) => this.process.exitCode === null ? this.process.on("exit", done) : done());
    fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  constructor(browser, session, target) {
    Object.assign(this, { browser, session, target, errors: [], requests: [] });
    browser.listeners.push((message) => {
      if (message.sessionId !== session) return;
      const { method, params } = message;
      if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
      if (method === "Log.entryAdded" && params.entry.level === "error") this.errors.push(params.entry.text);
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    });
  }
  send(method, params) {
    return this.browser.send(method, params, this.session);
  }
  size(width, height) {
    return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }
  async go(url) {
    await this.send("Page.navigate", { url: "about:blank" });
    await this.until("location.href === 'about:blank'");
    await this.send("Page.navigate", { url });
    await this.until("document.documentElement && document.documentElement.dataset.ready");
  }
  /* The value of an expression, or of a function called in the page. */
  async get(expression) {
    const code = typeof expression === "function" ? `(${expression})()` : expression;
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression: code, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error((exceptionDetails.exception?.description || exceptionDetails.text) + " in " + code);
    return result.value;
  }
  /* However long it takes: the test as a whole has a limit. */
  async until(expression) {
    for (;;) {
      try {
        if (await this.get(expression)) return;
      } catch (error) {
        if (!/context|navigat|Inspected/i.test(error.message)) throw error;
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  /* "a", "Enter", "ArrowLeft", "Shift+ArrowRight", "?" */
  async press(name) {
    const shift = name.startsWith("Shift+"), key = shift ? name.slice(6) : name, text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
    const code = { Enter: 13, Escape: 27, Tab: 9, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Home: 36, End: 35 }[key] || key.toUpperCase().charCodeAt(0);
    const event = { key, code: key, windowsVirtualKeyCode: code, modifiers: shift ? 8 : 0 };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", text, ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }
  async type(text) {
    await this.send("Input.insertText", { text });
  }
  close() {
    return this.browser.send("Target.closeTarget", { targetId: this.target });
  }
}

module.exports = { Browser };
