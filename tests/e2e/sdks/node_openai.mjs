// The OpenAI SDK for Node, unchanged, of two majors: normal calls, and what it makes of each fault.
import { check, finish, load, under, version, within } from './common.mjs';

const name = process.argv[3];
const { default: OpenAI } = load(name);
const major = Number(version(name).split('.')[0]);
const messages = [{ role: 'user', content: 'hi' }];
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = [{ type: 'function', function: { name: 'weather', description: 'w', parameters } }];
const SAID = 'Hello, you said hi.';
const client = (options = {}) => new OpenAI({ maxRetries: 0, timeout: 5000, ...options });

const of = (error) => [error.constructor.name, error.status, error.code].filter((part) => part !== undefined && part !== null).join(' ');
const ended = async (work) => { try { return await work(); } catch (error) { return of(error); } };
const said = async (options) => {
  const { choices: [{ message, finish_reason }] } = await client(options).chat.completions.create({ model: 'm', messages });
  return `${message.content ?? message.refusal}|${finish_reason}`;
};
const streamed = async (options) => {
  let text = '';
  let last = null;
  try {
    for await (const chunk of await client(options).chat.completions.create({ model: 'm', messages, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? '';
      last = chunk.choices[0]?.finish_reason ?? last;
    }
  } catch (error) { return `${text}|${of(error)}`; }
  return `${text}|${last}`;
};
const helped = async () => (await client().chat.completions.stream({ model: 'm', messages }).finalChatCompletion()).choices[0].message.content;

const c = client();
check('plain', await said(), `${SAID}|stop`);
check('stream', await streamed(), `${SAID}|stop`);
check('helper', await helped(), SAID);
const { response } = await c.chat.completions.create({ model: 'm', messages }).withResponse();
check('request id', response.headers.get('x-request-id')?.startsWith('req_'), true);
const asked = [{ role: 'user', content: 'weather?' }];
const call = (await c.chat.completions.create({ model: 'm', messages: asked, tools })).choices[0].message.tool_calls[0];
check('asks for a tool', [call.function.name, JSON.parse(call.function.arguments)], ['weather', { city: 'Oslo' }]);
const streamedCall = (await c.chat.completions.stream({ model: 'm', messages: asked, tools }).finalChatCompletion()).choices[0].message.tool_calls[0];
check('asks for it in a stream', streamedCall.function.arguments, '{"city":"Oslo"}');
const answer = await c.chat.completions.create({
  model: 'm', tools,
  messages: [...asked, { role: 'assistant', content: null, tool_calls: [call] }, { role: 'tool', tool_call_id: call.id, content: '12 degrees' }],
});
check('answers with its result', answer.choices[0].message.content, 'It says: 12 degrees');
check('responses', (await c.responses.create({ model: 'm', input: 'hi' })).output_text, SAID);
let text = '';
let last;
for await (const event of await c.responses.create({ model: 'm', input: 'hi', stream: true })) {
  last = event.type;
  if (event.type === 'response.output_text.delta') text += event.delta;
}
check('responses stream', [text, last], [SAID, 'response.completed']);
check('responses helper', (await c.responses.stream({ model: 'm', input: 'hi' }).finalResponse()).output[0].content[0].text, SAID);
const vectors = await c.embeddings.create({ model: 'e', input: ['a refund', 'a refund'] });
check('embeddings', [vectors.data[0].embedding.length, vectors.data[0].embedding[5] === vectors.data[1].embedding[5]], [256, true]);
const ids = [];
for await (const model of c.models.list()) ids.push(model.id);
check('models', ids, ['llm']);

for (const [status, wanted, attempts] of [
  [429, 'RateLimitError 429 rate_limit_exceeded', 3], [503, 'InternalServerError 503 server_is_overloaded', 3],
  [400, 'BadRequestError 400', 1], [401, 'AuthenticationError 401 invalid_api_key', 1],
]) check(`status ${status}`, await under('llm', 'error', { share: '100%', status }, () => ended(() => said({ maxRetries: 2 }))), [wanted, attempts]);

for (const [stage, ending, wanted, attempts] of [
  ['before-headers', 'cut', '|APIConnectionError', 2], ['before-headers', 'reset', '|APIConnectionError', 2],
  ['event', 'cut', 'Hello,|TypeError', 1], ['event', 'reset', 'Hello,|TypeError', 1],
  // Nothing is thrown: half an answer is taken for a whole one.
  ['event', 'clean', 'Hello,|null', 1],
  ['event', 'error', 'Hello,|APIError', 1], ['first-event', 'error', '|APIError', 1],
  // The timeout of the client does not watch over the body.
  ['event', 'stall', 'still waiting', 1],
]) {
  const work = () => within(1500, streamed({ maxRetries: 1, timeout: ending === 'stall' ? 500 : 5000 }));
  check(`${stage}, ${ending}`, await under('llm', 'interruption', { share: '100%', stage, ending }, work), [wanted, attempts]);
}
check('the helper sees an early end', (await under('llm', 'interruption', { share: '100%', ending: 'clean' }, () => ended(helped)))[0], 'OpenAIError');
check('never answered', await under('llm', 'hang', { share: '100%' }, () => ended(() => said({ maxRetries: 1, timeout: 400 }))), ['APIConnectionTimeoutError', 2]);
check('refusal', (await under('llm', 'refusal', { share: '100%' }, said))[0], "I can't help with that.|content_filter");
console.log(`openai ${version(name)} (${major}) for Node ${process.version}`);
finish();
