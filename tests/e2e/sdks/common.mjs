// What the Node tests of SDKs share: packages from a folder, the admin API, faults for a while, a table of checks.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';

const packages = process.argv[2];
const require = createRequire(`${packages}/x.js`);
const admin_url = process.env.STORMDRILL_ADMIN_URL;
const token = readFileSync(process.env.STORMDRILL_ADMIN_TOKEN_FILE, 'utf8').trim();
const failures = [];

export const load = (name) => require(name);
export const version = (name) => JSON.parse(readFileSync(`${packages}/node_modules/${name}/package.json`)).version;

export async function admin(path, body) {
  const options = { headers: { authorization: `Bearer ${token}` } };
  if (body !== undefined) Object.assign(options, { method: 'POST', body: JSON.stringify(body) });
  const reply = await fetch(`${admin_url}/${path}`, options);
  if (!reply.ok) throw new Error(`${path}: ${await reply.text()}`);
  return reply.json();
}

const state = async () => (await admin('faults')).find((fault) => fault.id === 'test');

// Arms a fault for as long as `work` lasts; returns what that returned, and how many requests came by the fault.
export async function under(mock, kind, dose, work) {
  await admin('faults', { id: 'test', on: mock, inject: { [kind]: dose } });
  const before = await state();
  try {
    const got = await work();
    return [got, (await state()).exposed - before.exposed];
  } finally {
    await admin('faults/test/release', {});
  }
}

export function check(name, got, wanted) {
  if (isDeepStrictEqual(got, wanted)) {
    console.log(`ok     ${name}: ${JSON.stringify(got)}`);
  } else {
    failures.push(name);
    console.log(`FAIL   ${name}: got ${JSON.stringify(got)}, expected ${JSON.stringify(wanted)}`);
  }
}

export function finish() {
  if (failures.length) console.log(`${failures.length} failed: ${failures.join(', ')}`);
  process.exit(failures.length ? 1 : 0);
}

// A client that never ends would hang the whole test.
export const within = (milliseconds, work) => Promise.race([
  work, new Promise((resolve) => setTimeout(() => resolve('still waiting'), milliseconds).unref()),
]);
