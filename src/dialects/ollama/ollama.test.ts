import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { ndjson } from '../../core/framing.ts';
import type { JsonObject } from '../../core/json.ts';
import { Wire } from '../../core/wire.ts';
import { ollama } from './index.ts';

const AT = '2026-11-21T12:00:00.123456789Z';
const line = (message: JsonObject, fields: JsonObject = {}) => ({
  model: 'qwen3',
  created_at: AT,
  message: { role: 'assistant', content: '', ...message },
  done: false,
  ...fields,
});
const DURATIONS = { total_duration: 5, load_duration: 1, prompt_eval_duration: 2, eval_duration: 3 };
const last = (fields: JsonObject = {}) =>
  line({}, { done: true, done_reason: 'stop', ...DURATIONS, prompt_eval_count: 26, eval_count: 8, ...fields });

const read = (...bodies: readonly JsonObject[]): readonly ChatChunk[] => {
  const splitter = ndjson.splitter();
  const reader = ollama.replyReader();
  const bytes = new TextEncoder().encode(bodies.map((body) => `${JSON.stringify(body)}\n`).join(''));
  return [...splitter.push(bytes).flatMap((frame) => reader.read(frame)), ...(reader.close?.() ?? [])];
};

describe('an answer of Ollama', () => {
  it('is thinking, text, calls whole, and in its last line what it cost', () => {
    const chunks = read(
      line({ thinking: 'Hm.' }),
      line({ content: 'Let me' }),
      line({ content: ' look.' }),
      line({
        tool_calls: [
          { function: { name: 'f', arguments: { city: 'Rome', done: true } } },
          { id: 'own', function: { name: 'g', arguments: {} } },
        ],
      }),
      last(),
    );
    expect(chunks).toEqual([
      { type: 'start', model: 'qwen3', created: 1_795_262_400 },
      { type: 'thinking', part: 0, choice: 0, text: 'Hm.' },
      { type: 'text', part: 1, choice: 0, text: 'Let me' },
      { type: 'text', part: 1, choice: 0, text: ' look.' },
      { type: 'tool-call', part: 2, choice: 0, id: 'call_20261121120000123456789_0', name: 'f' },
      { type: 'tool-input', part: 2, choice: 0, text: '{"city":"Rome","done":true}' },
      { type: 'tool-call', part: 3, choice: 0, id: 'own', name: 'g' },
      { type: 'tool-input', part: 3, choice: 0, text: '{}' },
      { type: 'raw', dialect: 'ollama', name: 'durations', value: DURATIONS },
      { type: 'usage', usage: { input: 26, output: 8 } },
      { type: 'finish', choice: 0, reason: 'tool-calls' },
      { type: 'end' },
    ]);
    // What a JSON answer says is what its stream says.
    const whole = { ...last(), message: { role: 'assistant', content: 'Let me look.', thinking: 'Hm.' } };
    expect(ollama.readReply(whole)).toEqual(read(whole));
    expect(ollama.replyUsage(whole)).toEqual({ input: 26, output: 8 });
  });

  it('was cut where the last line did not come, whatever a tool was called with', () => {
    const chunks = read(line({ tool_calls: [{ function: { name: 'f', arguments: { done: true, done_reason: 'stop' } } }] }));
    expect(chunks.some(({ type }) => type === 'end')).toBe(false);
  });

  it('says why it ended, and nothing of a prompt that it did not count', () => {
    const end = (fields: JsonObject) => read(last(fields)).filter(({ type }) => type === 'finish' || type === 'usage');
    expect(end({ done_reason: 'length' })).toMatchObject([{ usage: { input: 26 } }, { reason: 'length' }]);
    expect(end({ done_reason: 'unload', prompt_eval_count: undefined })).toEqual([
      { type: 'finish', choice: 0, reason: 'other', vendor: 'unload' },
    ]);
    expect(end({ eval_count: -1 })).toHaveLength(1);
  });

  it('may be an error, in a line or instead of an answer', () => {
    expect(read(line({ content: 'a' }), { error: 'out of memory' }, last()).at(-1)).toMatchObject({
      type: 'error',
      error: { message: 'out of memory' },
    });
    expect(() => ollama.readReply({ error: 'out of memory' })).toThrow('out of memory');
    expect(ollama.readError(404, { error: "model 'x' not found" }, new Headers())).toMatchObject({
      code: 'upstream_rejected',
      status: 404,
    });
  });

  it('keeps what only this dialect says, and names it elsewhere', () => {
    const logprobs = [{ token: 'a', logprob: -1 }];
    expect(read(line({ content: 'a' }, { logprobs }))).toContainEqual({
      type: 'raw',
      dialect: 'ollama',
      name: 'logprobs',
      value: logprobs,
    });
    const { body } = ollama.writeReply(read(last()), { id: 'i', model: 'm', created: 1, wantsUsage: true });
    expect(body).toMatchObject({ ...DURATIONS, model: 'qwen3', created_at: '2026-11-21T12:00:00.000Z' });
  });

  it('is edited line by line, without the tokens that repeat the text', () => {
    const [frame] = ndjson.splitter().push(new TextEncoder().encode(`${JSON.stringify(line({ content: 'a' }, { logprobs: [] }))}\n`));
    if (frame === undefined) throw new Error('no frame');
    expect(ollama.frameTexts(frame, (said) => said)).toBe(frame);
    const edited = ollama.frameTexts(frame, (said) => said.toUpperCase());
    expect(edited.text).toBe(`${JSON.stringify(line({ content: 'A' }))}\n`);
    expect(JSON.parse(edited.data ?? '')).toEqual(line({ content: 'A' }));
  });
});

const call = (fields: JsonObject) => ollama.readCall({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields });

describe('a call of Ollama', () => {
  it('streams unless it says otherwise', () => {
    const head = (body: JsonObject) => ollama.head(Wire.of(body).fields);
    expect(head({ model: 'm' })).toEqual({ model: 'm', stream: true, wantsUsage: true });
    expect(head({ model: 'm', stream: false }).stream).toBe(false);
    expect([call({}).stream, call({ stream: false }).stream]).toEqual([true, false]);
    // To be silent would mean to stream.
    expect(ollama.writeCall(call({ stream: false }), {}).body.stream).toBe(false);
  });

  it('has its settings in options, and keeps those that others do not know', () => {
    const chat = call({
      options: { num_predict: 5, temperature: 1, top_p: 0.5, top_k: 9, seed: 3, stop: 'x', num_ctx: 4096 },
      keep_alive: '5m',
    });
    expect(chat).toMatchObject({ maxTokens: 5, temperature: 1, topP: 0.5, topK: 9, seed: 3, stop: ['x'] });
    expect(chat.extra).toEqual({ ollama: { options: { num_ctx: 4096 }, keep_alive: '5m' } });
    expect(ollama.writeCall(chat, {}).body).toMatchObject({ keep_alive: '5m', options: { num_ctx: 4096, num_predict: 5, stop: ['x'] } });
    expect(call({ options: { num_predict: -1 } })).toMatchObject({ extra: { ollama: { options: { num_predict: -1 } } } });
    expect(call({ options: { num_predict: -1 } }).maxTokens).toBeUndefined();
  });

  it('thinks by a switch or a level', () => {
    expect([true, false, 'high'].map((think) => call({ think }).reasoning)).toEqual([
      { mode: 'enabled' },
      { mode: 'disabled' },
      { effort: 'high' },
    ]);
    const think = (reasoning: object) => ollama.writeCall({ ...call({}), reasoning }, {}).body.think;
    expect([{ effort: 'minimal' }, { effort: 'none' }, { mode: 'enabled' }, { mode: 'adaptive' }, { effort: 'xhigh' }].map(think)).toEqual([
      'low',
      false,
      true,
      undefined,
      'max',
    ]);
  });

  it('asks for a form', () => {
    const schema = { type: 'object' };
    expect([call({ format: 'json' }), call({ format: schema }), call({ format: '' })].map(({ responseFormat }) => responseFormat)).toEqual([
      { type: 'json' },
      { type: 'schema', schema },
      undefined,
    ]);
  });

  it('finds the call that a result answers: by id, by the name of the tool, in order', () => {
    const made = (name: string, id?: string) => ({ ...(id !== undefined && { id }), function: { name, arguments: { a: 1 } } });
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '', thinking: 'Hm.', tool_calls: [made('f'), made('f'), made('g'), made('h', 'own')] },
      { role: 'tool', tool_name: 'g', content: 'of g' },
      { role: 'tool', tool_name: 'f', content: 'of the first f' },
      { role: 'tool', content: 'of the next' },
      { role: 'tool', tool_call_id: 'own', content: 'of h' },
    ];
    const chat = call({ messages });
    expect(chat.messages[1]?.content.map((part) => (part.type === 'tool-call' ? part.id : part.type))).toEqual([
      'thinking',
      'call_0',
      'call_1',
      'call_2',
      'own',
    ]);
    const answered = chat.messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'tool-result' ? [part.callId] : [])));
    expect(answered).toEqual(['call_2', 'call_0', 'call_1', 'own']);
    // The same ids every time: a conversation that grows keeps them.
    expect(call({ messages: [...messages, { role: 'user', content: 'b' }] }).messages.slice(0, 6)).toEqual(chat.messages);
    expect(ollama.writeCall(chat, {}).body.messages).toMatchObject([
      {},
      {},
      { tool_name: 'g', tool_call_id: 'call_2' },
      { tool_name: 'f' },
      { tool_name: 'f' },
      { tool_name: 'h' },
    ]);
  });

  it('says what a picture is by how its bytes begin', () => {
    const images = ['/9j/AA==', 'R0lGODlh', 'UklGRg==', 'iVBORw0KGgo='];
    const { messages } = call({ messages: [{ role: 'user', content: 'a', images }] });
    expect(messages[0]?.content.slice(1)).toEqual(
      ['image/jpeg', 'image/gif', 'image/webp', 'image/png'].map((mediaType, index) => ({
        type: 'image',
        source: { kind: 'base64', mediaType, data: images[index] },
      })),
    );
  });

  it('has no choice among tools: to use none is to have none', () => {
    const tools = [{ type: 'function' as const, name: 'f', strict: true }];
    const write = (mode: 'none' | 'required') => ollama.writeCall({ ...call({}), tools, toolChoice: { mode } }, {});
    expect(write('none').body.tools).toBeUndefined();
    expect(write('required')).toMatchObject({ body: { tools: [{ function: { name: 'f' } }] }, loss: ['tool_choice', 'tools.strict'] });
  });

  it.each([
    [{ messages: 'a' }, 'messages'],
    [{ messages: [{ role: 'x' }] }, 'messages[0].role'],
    [{ format: 5 }, 'format'],
    [{ think: 5 }, 'think'],
    [{ options: { top_k: 'x' } }, 'options.top_k'],
  ] as const)('is refused by the name of the field: %j', (fields, param) => {
    expect(() => call(fields)).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param } }));
  });
});
