// The MCP SDKs for TypeScript, unchanged: major 1 (with a handshake), and the client of major 2 in both eras.
import { check, finish, load, under, version } from './common.mjs';

const name = process.argv[3];
const mode = process.argv[4];
const isNew = name.endsWith('/client');
const { Client, StreamableHTTPClientTransport } = isNew ? load(name) : {
  ...load(`${name}/client/index.js`), ...load(`${name}/client/streamableHttp.js`),
};
const url = new URL(`${process.env.STORMDRILL_TOOLS_URL}/mcp`);
const GOOD = '{"city":"Oslo","degrees":12}';

async function connected() {
  const client = new Client({ name: 'test', version: '1' }, isNew ? { versionNegotiation: { mode } } : {});
  client.onerror = () => {};
  await client.connect(new StreamableHTTPClientTransport(url));
  return client;
}
const ask = (client, tool, args) => {
  const [params, options] = [{ name: tool, arguments: args }, { timeout: 800 }];
  return isNew ? client.callTool(params, options) : client.callTool(params, undefined, options);
};
const called = async (client, tool = 'weather', args = { city: 'Oslo' }) => {
  try {
    const result = await ask(client, tool, args);
    return `${result.isError ? 'error: ' : ''}${result.content[0].text}`;
  } catch (error) {
    return [error.constructor.name, error.code ?? error.data?.status].filter((part) => part !== undefined).join(' ');
  }
};
// What came of a call under a fault, and of the next one without it.
const both = async (kind, dose) => {
  const client = await connected();
  const [first] = await under('tools', kind, dose, () => called(client));
  const next = await called(client);
  await client.close();
  return [first, next];
};

const client = await connected();
check('tools', (await client.listTools()).tools.map((tool) => tool.name), ['refund', 'weather']);
check('call', await called(client), GOOD);
if (isNew) check('version', client.getNegotiatedProtocolVersion(), mode === 'auto' ? '2026-07-28' : '2025-11-25');
await client.close();

const failed = isNew ? 'ProtocolError' : 'McpError';
const http = isNew ? 'SdkHttpError' : 'StreamableHTTPError';
const late = isNew ? 'SdkError REQUEST_TIMEOUT' : 'McpError -32001';
for (const [kind, dose, wanted] of [
  ['error', { share: '100%', code: 'tool-error' }, 'error: the tool failed'],
  ['error', { share: '100%', code: 'rpc-error' }, `${failed} -32603`],
  ['tool-vanish', { share: '100%' }, `${failed} -32602`],
  ['hang', { share: '100%' }, late],
  ['interruption', { share: '100%', stage: 'event', after: 1, ending: 'clean' }, late],
]) check(`${kind} ${dose.code ?? dose.ending ?? ''}`, await both(kind, dose), [wanted, GOOD]);
const status = await both('error', { share: '100%', status: 500 });
check('status 500', [status[0].startsWith(http), status[1]], [true, GOOD]);
// Here one closed connection is one failed call.
const cut = await both('interruption', { share: '100%', stage: 'before-headers', ending: 'cut' });
check('a closed connection', [cut[0].startsWith('TypeError'), cut[1]], [true, GOOD]);
console.log(`${name} ${version(name)} ${mode ?? ''} for Node ${process.version}`);
finish();
