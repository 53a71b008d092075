// The pages, opened in Chromium: they ask for nothing, complain of nothing, are accessible, and show faults
// and alerts where the JSON says they are. Usage: browser.mjs FOLDER CHROMIUM, with *.html and *.json in it.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , folder, executablePath] = process.argv;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });

/** Opens a page and fails at whatever it complains of or asks for. */
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  const url = pathToFileURL(join(folder, name)).href;
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (request.url() !== url) complaints.push(`request: ${request.url()}`); });
  await page.goto(url, { waitUntil: "load" });
  return { page, close: async () => { await context.close(); assert.deepEqual(complaints, [], name); } };
}

async function accessible(page, name) {
  // Not by a script element, which the page's own policy refuses.
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations, passes } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), tags);
  assert.ok(passes.length > 10, `${name}: axe looked at it`);
  const told = violations.map((of) => `${of.id}: ${of.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, [], `${name} is accessible`);
}

function near(measured, expected, what) {
  assert.ok(Math.abs(measured - expected) < 0.004, `${what}: at ${measured}, not ${expected}`);
}

async function places(page, drill, name) {
  const end = drill.system.duration_s, run = drill.shown[0].run;
  const first = await page.$(".chart");
  const of = (selector) => first.$$eval(selector, (rects) => rects.map((rect) => {
    const box = rect.getBoundingClientRect(), picture = rect.ownerSVGElement.getBoundingClientRect();
    return [(box.left - picture.left) / picture.width, (box.right - picture.left) / picture.width];
  }));
  const faults = await of("svg.time rect.fault");
  // Where the baseline did not hold nothing was injected.
  const injected = run.verdict === "INVALID" ? [] : drill.system.faults;
  assert.equal(faults.length, injected.length, `${name}: a bar for each fault`);
  injected.forEach((fault, index) => {
    near(faults[index][0], fault.start_s / end, `${name}: the start of ${fault.id}`);
    near(faults[index][1], Math.min(fault.end_s / end, 1), `${name}: the end of ${fault.id}`);
  });
  const alerts = await of("svg.time rect.alert");
  const fired = drill.alerts.flatMap((alert) => run.alerts.filter((of) => of.name === alert.name));
  assert.equal(alerts.length, fired.length, `${name}: a bar for each time that an alert fired`);
  fired.forEach((alert, index) => near(alerts[index][0], alert.fired_s / end, `${name}: when ${alert.name} fired`));
  for (const moment of ["onset", "detect", "acknowledge", "contain", "recover"]) {
    const at = run.came_s[moment];
    const lines = await of(`svg.panel line.${moment}`);
    assert.equal(lines.length > 0, at !== null, `${name}: ${moment} is drawn if it came`);
    if (at === null) continue;
    near(lines[0][0], at / end, `${name}: ${moment}`);
  }
}

/** Zooms by the buttons and by dragging, and points at a moment. */
async function moves(page, name) {
  const chart = await page.$(".chart");
  const box = () => chart.$eval("svg.panel", (svg) => svg.getAttribute("viewBox"));
  const whole = await box();
  await (await chart.$('button[data-zoom="in"]')).click();
  const closer = await box();
  assert.notEqual(closer, whole, `${name}: closer is closer`);
  await (await chart.$('button[data-zoom="out"]')).click();
  assert.equal(await box(), whole, `${name}: the whole drill again`);
  const panel = await chart.$("svg.panel");
  await panel.scrollIntoViewIfNeeded();
  const at = await panel.boundingBox();
  await page.mouse.move(at.x + at.width * 0.5, at.y + at.height / 2);
  const said = await chart.$eval('output[data-key="done"]', (output) => output.textContent);
  assert.match(said, /%/, `${name}: the values under the pointer`);
  await page.mouse.move(at.x + at.width * 0.25, at.y + at.height / 2);
  await page.mouse.down();
  await page.mouse.move(at.x + at.width * 0.75, at.y + at.height / 2, { steps: 4 });
  await page.mouse.up();
  const [from, , width] = (await box()).split(" ").map(Number);
  const end = Number(whole.split(" ")[2]);
  assert.ok(Math.abs(width / end - 0.5) < 0.02 && Math.abs(from / end - 0.25) < 0.02, `${name}: dragging zooms to what was dragged over`);
}

let pages = 0;
for (const file of readdirSync(folder).filter((file) => file.endsWith(".html")).sort()) {
  const { page, close } = await open(file);
  const took = await page.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventEnd);
  assert.ok(took < 1000, `${file} is there within a second: ${took} ms`);
  assert.ok(readFileSync(join(folder, file)).length < 1.5e6, `${file} is small`);
  await accessible(page, file);
  const json = file.replace(/\.html$/, ".json");
  if (readdirSync(folder).includes(json)) {
    const result = JSON.parse(readFileSync(join(folder, json), "utf8"));
    await places(page, result.drills[0], file);
    await moves(page, file);
  }
  await close();
  for (const options of [{ colorScheme: "dark" }, { viewport: { width: 390, height: 800 } }]) {
    const other = await open(file, options);
    await accessible(other.page, `${file}, ${JSON.stringify(options)}`);
    const wide = await other.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, `${file}: nothing stands out to the right, ${JSON.stringify(options)}`);
    await other.close();
  }
  const still = await open(file, { javaScriptEnabled: false });
  assert.ok(await still.page.$("h1"), `${file} can be read without a script`);
  await still.close();
  pages += 1;
  console.log(`ok     ${file}: there after ${Math.round(took)} ms`);
}
await browser.close();
assert.ok(pages > 0, "there are pages");
