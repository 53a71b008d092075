// The Anthropic SDK for TypeScript, unchanged, of two majors: normal calls, and what it makes of each fault.
import { check, finish, load, under, version, within } from './common.mjs';

const name = process.argv[3];
const { default: Anthropic } = load(name);
const major = Number(version(name).split('.')[0]);
delete process.env.ANTHROPIC_API_KEY;
const messages = [{ role: 'user', content: 'hi' }];
const ask = { model: 'claude-x', max_tokens: 100, messages };
const tools = [{ name: 'weather', description: 'w', input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } }];
const SAID = 'Hello, you said hi.';
const client = (options = {}) => new Anthropic({ apiKey: 'stormdrill', maxRetries: 0, timeout: 5000, ...options });

const of = (error) => [error.constructor.name, error.status, error.type ?? error.error?.error?.type].filter((part) => part !== undefined && part !== null).join(' ');
const ended = async (work) => { try { return await work(); } catch (error) { return of(error); } };
const said = async (options) => {
  const reply = await client(options).messages.create(ask);
  return `${reply.content[0].text}|${reply.stop_reason}`;
};
const streamed = async (options) => {
  let text = '';
  let stop = null;
  try {
    for await (const event of await client(options).messages.create({ ...ask, stream: true })) {
      if (event.type === 'content_block_delta') text += event.delta.text;
      if (event.type === 'message_delta') stop = event.delta.stop_reason;
    }
  } catch (error) { return `${text}|${of(error)}`; }
  return `${text}|${stop}`;
};
const helped = async () => (await client().messages.stream(ask).finalMessage()).content[0].text;

const c = client();
check('plain', await said(), `${SAID}|end_turn`);
check('stream', await streamed(), `${SAID}|end_turn`);
check('helper', await helped(), SAID);
const asked = [{ role: 'user', content: 'weather?' }];
const first = await c.messages.stream({ ...ask, messages: asked, tools }).finalMessage();
const use = first.content.find((block) => block.type === 'tool_use');
check('asks for a tool', [use.name, use.input, first.stop_reason], ['weather', { city: 'Oslo' }, 'tool_use']);
const second = await c.messages.create({
  ...ask, tools,
  messages: [...asked, { role: 'assistant', content: [{ type: 'tool_use', id: use.id, name: use.name, input: use.input }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '12 degrees' }] }],
});
check('answers with its result', second.content[0].text, 'It says: 12 degrees');
check('count', (await c.messages.countTokens({ model: 'm', messages })).input_tokens, 5);
const ids = [];
for await (const model of c.models.list()) ids.push(model.id);
check('models', ids, ['llm']);

for (const [status, wanted, attempts] of [
  [429, 'RateLimitError 429 rate_limit_error', 3],
  [529, `${major >= 1 ? 'OverloadedError' : 'InternalServerError'} 529 overloaded_error`, 3],
  [400, 'BadRequestError 400 invalid_request_error', 1],
  [402, `${major >= 1 ? 'PaymentRequiredError' : 'APIError'} 402 billing_error`, 1],
]) check(`status ${status}`, await under('llm', 'error', { share: '100%', status }, () => ended(() => said({ maxRetries: 2 }))), [wanted, attempts]);

for (const [stage, ending, wanted, attempts] of [
  ['before-headers', 'cut', '|APIConnectionError', 2], ['event', 'cut', 'Hello,|TypeError', 1],
  ['event', 'reset', 'Hello,|TypeError', 1], ['event', 'clean', 'Hello,|null', 1],
  ['event', 'error', 'Hello,|APIError overloaded_error', 1], ['event', 'stall', 'still waiting', 1],
]) {
  const after = stage === 'event' ? { after: 5 } : {};
  const work = () => within(1500, streamed({ maxRetries: 1, timeout: ending === 'stall' ? 500 : 5000 }));
  check(`${stage}, ${ending}`, await under('llm', 'interruption', { share: '100%', stage, ending, ...after }, work), [wanted, attempts]);
}
check('refusal', (await under('llm', 'refusal', { share: '100%' }, said))[0], "I can't help with that.|refusal");
console.log(`@anthropic-ai/sdk ${version(name)} for Node ${process.version}`);
finish();
