// A whole game day in Chromium: two people and an observer play a live drill in the console; a browser reconnects; steps
// are done out of order; another drill is stopped. Usage: gameday.mjs STORMDRILL SCENARIO CHROMIUM
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [, , stormdrill, scenario, executablePath] = process.argv;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
const folder = mkdtempSync(join(tmpdir(), "stormdrill-gameday-"));

/** Begins a drill; returns its links by role, and how it ends. */
async function begin(name, ...more) { return beginWith(scenario, name, ...more); }

async function beginWith(path, name, ...more) {
  const result = join(folder, `${name}.json`);
  const child = spawn(stormdrill, ["live", path, "--console", "--format", "json", "--output", result, ...more], { stdio: ["ignore", "inherit", "pipe"] });
  const ended = new Promise((resolve) => { child.on("exit", (code) => resolve({ code, drill: JSON.parse(readFileSync(result, "utf8")).drills[0] })); });
  const links = {};
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    const found = /^\(console, (\w+)\)\s+(\S+)$/.exec(line);
    if (found) links[found[1]] = found[2];
    if (Object.keys(links).length === 4) break;
  }
  child.stderr.resume();
  return { links, ended, stop: () => child.kill("SIGKILL") };
}

/** Opens the console in a browser of its own; whatever it complains of or asks for elsewhere fails. */
async function come(link) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const complaints = [];
  const origin = new URL(link).origin;
  page.on("console", (message) => {
    // That the connection was cut is what the test did.
    if (!/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|409|403/.test(message.text())) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => { if (!request.url().startsWith(`${origin}/`)) complaints.push(`request: ${request.url()}`); });
  await page.goto(link);
  await page.waitForFunction(() => document.getElementById("link").textContent === "live");
  assert.ok(!page.url().includes("key="), "the key is gone from the address");
  return { page, context, leave: async () => { await context.close(); assert.deepEqual(complaints, []); } };
}

const answer = (page, text) => page.waitForFunction((wanted) => document.getElementById("answer").textContent.includes(wanted), text);
const state = (page, step, wanted) => page.waitForFunction(
  ([id, states]) => states.includes(document.querySelector(`[data-step="${id}"]`)?.dataset.state), [step, wanted], { timeout: 60000 });

async function accessible(page, name) {
  await page.evaluate(axe);
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: "tag", values } }), tags);
  const told = violations.map((of) => `${of.id}: ${of.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, [], `${name} is accessible`);
}

const day = await begin("day", "--pace", "12", "--hide-injects");
try {
  const commander = await come(day.links.commander);
  const responder = await come(day.links.responder);
  const observer = await come(day.links.observer);
  assert.equal(await observer.page.locator("main button:visible").count(), 0, "an observer has nothing to press");
  assert.ok(await responder.page.locator("#faults-section").isHidden(), "injects are hidden from responders");
  assert.ok(await commander.page.locator("#faults-section").isVisible(), "and not from the commander");
  assert.equal(await responder.page.locator("#stop").isVisible(), false, "only the commander stops");

  await commander.page.click("#contained");
  await answer(commander.page, "Refused: nothing has happened");
  await responder.page.getByRole("button", { name: "acknowledge: mend" }).click({ timeout: 60000 });
  await answer(responder.page, "Acknowledged.");
  await commander.page.waitForFunction(() => document.querySelector("#incidents h3").textContent === "mend", null, { timeout: 10000 });
  await state(responder.page, "degrade", ["doing"]);
  await accessible(responder.page, "the console of a responder");
  await accessible(commander.page, "the console of the commander");

  // Two at once: one begins, the other notes; then a step before its turn.
  await responder.page.getByRole("button", { name: "start: degrade of mend" }).click();
  await commander.page.fill("#note", "the <b>cache</b> looks fine");
  await commander.page.press("#note", "Enter");
  await answer(commander.page, "Noted.");
  await observer.page.waitForFunction(() => document.getElementById("notes").textContent.includes("the <b>cache</b> looks fine"));
  assert.equal(await observer.page.locator("#notes b").count(), 0, "a text is a text");
  await responder.page.getByRole("button", { name: "done: locate of mend" }).click();
  await answer(responder.page, "locate is done.");

  // The browser loses its connection and comes back.
  await responder.context.setOffline(true);
  await responder.page.evaluate(() => { /* the stream is cut by the next line */ });
  await responder.page.reload({ waitUntil: "commit" }).catch(() => {});
  await responder.context.setOffline(false);
  await responder.page.goto(new URL("/", day.links.responder).href);
  await responder.page.waitForFunction(() => document.getElementById("link").textContent === "live");
  await state(responder.page, "locate", ["done"]);
  await responder.page.getByRole("button", { name: "done: degrade of mend" }).click();
  await answer(responder.page, "degrade is done.");
  await state(commander.page, "degrade", ["done"]);

  await responder.page.waitForFunction(() => document.querySelector('[data-step="restore"]')?.dataset.state === "doing", null, { timeout: 60000 });
  // Nobody's focus is moved while the clock runs on.
  const button = responder.page.getByRole("button", { name: "skip: restore of mend" });
  await button.click();
  await responder.page.keyboard.type("not now");
  await responder.page.waitForTimeout(1500);
  assert.equal(await responder.page.locator('[data-step="restore"] input').inputValue(), "not now", "what is half written stays");
  await responder.page.getByRole("button", { name: "done: restore of mend" }).click();
  await answer(responder.page, "restore is done.");
  await observer.page.waitForFunction(() => document.getElementById("link").textContent === "the drill is over", null, { timeout: 90000 });
  const { code, drill } = await day.ended;
  assert.equal(code, 0, JSON.stringify(drill.because));
  assert.equal(drill.runs[0].process.swapped, 1, "one step was overtaken");
  await Promise.all([commander.leave(), responder.leave(), observer.leave()]);
  console.log("ok     a game day in Chromium: two people and an observer, out of order, with a browser that came back");
} finally {
  day.stop();
}

const stopped = await begin("stopped", "--pace", "60");
try {
  const commander = await come(stopped.links.commander);
  await commander.page.waitForFunction(() => document.getElementById("faults").textContent.includes("has been met"), null, { timeout: 60000 });
  await commander.page.click("#stop");
  await commander.page.click("#stop-cancel");
  await commander.page.click("#stop");
  await commander.page.keyboard.type("a real incident");
  await commander.page.keyboard.press("Enter");
  const { code, drill } = await stopped.ended;
  assert.equal(code, 4);
  assert.equal(drill.verdict, "ABORTED");
  assert.ok(drill.because[0].includes("a real incident"));
  assert.equal(drill.live.released, true, "every fault was lifted");
  await commander.leave();
  console.log("ok     stop in Chromium lifts every fault and aborts the drill");
} finally {
  stopped.stop();
}
// A new model goes out by steps; a gate waits for somebody, in front of a browser.
const parts = [scenario, join(dirname(scenario), "rollout.toml")].map((path) => readFileSync(path, "utf8"));
const withRollout = join(folder, "rollout.toml");
writeFileSync(withRollout, parts.join("\n"));
const upgrade = await beginWith(withRollout, "upgrade", "--pace", "20");
try {
  const observer = await come(upgrade.links.observer);
  const responder = await come(upgrade.links.responder);
  await observer.page.locator('[data-gate="upgrade"]').waitFor({ timeout: 60000 });
  assert.equal(await observer.page.locator('[data-gate="upgrade"] button').count(), 0, "an observer passes nothing");
  await accessible(responder.page, "the console with a gate");
  await responder.page.waitForFunction(() => document.querySelector('[data-gate="upgrade"]').textContent.includes("1 of 1"), null, { timeout: 60000 });
  await responder.page.getByRole("button", { name: "pass: upgrade" }).click();
  await answer(responder.page, "The gate of upgrade is passed.");
  await observer.page.waitForFunction(() => document.getElementById("journal").textContent.includes("gate-passed"));
  await Promise.all([observer.leave(), responder.leave()]);
  const { drill } = await upgrade.ended;
  const events = drill.runs[0].rollouts.map((of) => of.event);
  assert.deepEqual(events, ["weight", "gate-passed", "weight", "done"], JSON.stringify(drill.runs[0].rollouts));
  console.log("ok     a gate of a rollout waits for somebody in Chromium, and is passed");
} finally {
  upgrade.stop();
}
await browser.close();
