import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { type ResponsesVendor, startResponsesVendor } from '../upstream/responses-vendor.ts';

let gateway: TestGateway;
let one: ResponsesVendor;
let two: ResponsesVendor;
let openai: OpenAI;
beforeAll(async () => {
  [gateway, one, two] = await Promise.all([startTestGateway(), startResponsesVendor('one'), startResponsesVendor('two')]);
  openai = clientOf(gateway);
  const native = (vendor: ResponsesVendor) => ({
    like: 'openai',
    baseUrl: `${vendor.origin}/v1`,
    dialects: ['openai-responses'],
    key: { value: 'k' },
  });
  const { origin } = gateway.upstream;
  const document = {
    providers: {
      chat: { like: 'openai', baseUrl: `${origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: 'k' } },
      one: native(one),
      two: native(two),
    },
    models: { either: { strategy: 'failover', targets: ['two/m', 'one/m'] } },
  };
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!published.ok) throw new Error(await published.text());
});
afterAll(() => Promise.all([gateway?.stop(), one?.close(), two?.close()]));

const clientOf = ({ url }: TestGateway) => new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });

let marks = 0;
/** A model of the scripted vendor, and what that vendor was asked. */
function marked(provider: string, content = 'ok/text?words=3') {
  const mark = `id=state-${marks++}`;
  return {
    model: `${provider}/${content}${content.includes('?') ? '&' : '?'}${mark}`,
    asked: () => gateway.upstream.journal.of(mark).map(({ body }) => JSON.parse(body.toString())),
  };
}

const said = (messages: readonly { readonly role: string; readonly content: unknown }[]) =>
  messages.map(({ role, content }) => [role, typeof content === 'string' ? content : (content as { text: string }[])[0]?.text]);

// The vendors of these know nothing of responses: all that is remembered is remembered by the gateway.
describe.each(['chat', 'ant'])('a vendor that keeps no responses (%s)', (provider) => {
  it.each([false, true])('goes on from an earlier response, streamed: %s', async (stream) => {
    const { model, asked } = marked(provider);
    const ask = (params: { model: string; input: string; instructions?: string; previous_response_id?: string }) =>
      stream ? openai.responses.stream(params).finalResponse() : openai.responses.create(params);
    const first = await ask({ model, input: 'My name is Ada.', instructions: 'Be brief.' });
    expect(first).toMatchObject({ store: true, previous_response_id: null, instructions: 'Be brief.', output_text: 'w0 w1 w2' });
    const second = await ask({ model, input: 'What is my name?', previous_response_id: first.id });
    expect(second).toMatchObject({ previous_response_id: first.id, status: 'completed', instructions: null });
    const third = await ask({ model, input: 'And again?', previous_response_id: second.id });
    expect(third.id).not.toBe(second.id);
    // Instructions are not inherited: https://platform.openai.com/docs/api-reference/responses/create
    expect(said(asked().at(-1)?.messages)).toEqual([
      ['user', 'My name is Ada.'],
      ['assistant', 'w0 w1 w2'],
      ['user', 'What is my name?'],
      ['assistant', 'w0 w1 w2'],
      ['user', 'And again?'],
    ]);
  });

  it('goes on from a tool call with nothing but its result', async () => {
    const { model, asked } = marked(provider, 'ok/tools?calls=2');
    const tools: OpenAI.Responses.Tool[] = [{ type: 'function', name: 'get_weather', parameters: { type: 'object' }, strict: false }];
    const first = await openai.responses.create({ model, input: 'Weather?', tools });
    const results = first.output.flatMap((item) =>
      item.type === 'function_call' ? [{ type: 'function_call_output' as const, call_id: item.call_id, output: 'rain' }] : [],
    );
    expect(results).toHaveLength(2);
    await openai.responses.create({ model, input: results, tools, previous_response_id: first.id });
    expect(JSON.stringify(asked().at(-1))).toContain('rain');
    expect(JSON.stringify(asked().at(-1))).toContain('Zürich');
    const stray = [{ type: 'function_call_output' as const, call_id: 'call_nobody', output: 'x' }];
    const asking = openai.responses.create({ model, input: stray, tools, previous_response_id: first.id });
    await expect(asking).rejects.toThrow('No tool call found for function call output with call_id call_nobody');
    await expect(asking).rejects.toThrow(BadRequestError);
  });
});

describe('a stored response', () => {
  it('is read, listed, deleted, and then gone', async () => {
    const { model } = marked('chat');
    const first = await openai.responses.create({ model, input: 'One', metadata: { about: 'a test' } });
    const second = await openai.responses.create({ model, input: [{ role: 'user', content: 'Two' }], previous_response_id: first.id });
    const { output_text: _, ...plain } = first;
    expect(await openai.responses.retrieve(first.id)).toMatchObject(JSON.parse(JSON.stringify(plain)));
    const items = [];
    for await (const item of openai.responses.inputItems.list(second.id, { order: 'asc', limit: 2 })) items.push(item);
    expect(items).toMatchObject([
      { role: 'user', content: [{ type: 'input_text', text: 'One' }] },
      { role: 'assistant', content: [{ type: 'output_text', text: 'w0 w1 w2' }] },
      { role: 'user', content: [{ type: 'input_text', text: 'Two' }] },
    ]);
    await expect(openai.responses.cancel(first.id)).rejects.toThrow(BadRequestError);
    await openai.responses.delete(first.id);
    await expect(openai.responses.retrieve(first.id)).rejects.toThrow(NotFoundError);
    // What it was continued by lacks its beginning now, and says so instead of forgetting it.
    const asking = openai.responses.create({ model, input: 'Three', previous_response_id: second.id });
    await expect(asking).rejects.toMatchObject({ status: 404, code: 'previous_response_not_found', param: 'previous_response_id' });
  });

  it('is none with store: false, and for an id that nobody made', async () => {
    const { model, asked } = marked('chat');
    const first = await openai.responses.create({ model, input: 'One', store: false });
    expect(first).toMatchObject({ store: false });
    for (const id of [first.id, 'resp_nobody']) {
      await expect(openai.responses.retrieve(id)).rejects.toThrow(NotFoundError);
      await expect(openai.responses.create({ model, input: 'Two', previous_response_id: id })).rejects.toMatchObject({
        status: 404,
        code: 'previous_response_not_found',
      });
    }
    expect(asked()).toHaveLength(1);
  });

  it('gives its items to who only refers to them', async () => {
    const { model, asked } = marked('chat');
    const first = await openai.responses.create({ model, input: 'One' });
    const reference = { type: 'item_reference' as const, id: first.output[0]?.id ?? '' };
    await openai.responses.create({ model, input: [{ role: 'user', content: 'One' }, reference, { role: 'user', content: 'Two' }] });
    expect(said(asked().at(-1)?.messages)).toEqual([
      ['user', 'One'],
      ['assistant', 'w0 w1 w2'],
      ['user', 'Two'],
    ]);
    const asking = openai.responses.create({ model, input: [{ ...reference, id: 'msg_nobody' }] });
    await expect(asking).rejects.toThrow(NotFoundError);
  });

  it('loses nothing on its way, as the answer says', async () => {
    const { model } = marked('chat');
    const { response } = await openai.responses.create({ model, input: 'One', metadata: { a: 'b' }, store: true }).withResponse();
    expect(response.headers.get('x-weir-loss')).toBeNull();
  });

  it('is not made in the background where that cannot be', async () => {
    const asking = openai.responses.create({ model: marked('chat').model, input: 'One', background: true });
    await expect(asking).rejects.toMatchObject({ status: 501, code: 'not_supported', param: 'background' });
  });
});

describe('a conversation', () => {
  it.each(['chat', 'one'])('holds what was said in it (%s)', async (provider) => {
    const { model, asked } = provider === 'chat' ? marked('chat') : { model: 'one/m', asked: () => [...one.calls] };
    const items = [{ type: 'message' as const, role: 'user' as const, content: 'Before' }];
    const conversation = await openai.conversations.create({ items, metadata: { topic: 'weather' } });
    const first = await openai.responses.create({ model, input: 'One', conversation: conversation.id });
    if (provider === 'chat') expect(first.conversation).toEqual({ id: conversation.id });
    await openai.responses.stream({ model, input: 'Two', conversation: { id: conversation.id } }).finalResponse();
    const text = JSON.stringify(asked().at(-1));
    for (const word of ['Before', 'One', 'Two', provider === 'chat' ? 'w0 w1 w2' : 'answer of one']) expect(text).toContain(word);
    expect(asked().at(-1)).not.toHaveProperty('conversation');
    const listed = [];
    for await (const item of openai.conversations.items.list(conversation.id, { order: 'asc' })) listed.push(item);
    expect(listed.flatMap((item) => (item.type === 'message' ? item.role : []))).toEqual([
      'user',
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
    expect(await openai.conversations.retrieve(conversation.id)).toMatchObject({ metadata: { topic: 'weather' } });
    expect(await openai.conversations.delete(conversation.id)).toMatchObject({ deleted: true });
    await expect(openai.conversations.items.list(conversation.id)).rejects.toThrow(NotFoundError);
    await expect(openai.responses.create({ model, input: 'Three', conversation: conversation.id })).rejects.toThrow(NotFoundError);
  });
});

describe('a vendor that keeps its responses', () => {
  it('is handed its own ids, and never those of nobody', async () => {
    const first = await openai.responses.create({ model: 'one/m', input: 'One' });
    const before = one.calls.length;
    await openai.responses.create({ model: 'one/m', input: 'Two', previous_response_id: first.id });
    expect(one.calls.at(-1)).toMatchObject({ input: 'Two', previous_response_id: first.id });
    await expect(openai.responses.create({ model: 'one/m', input: 'Two', previous_response_id: 'resp_one_999' })).rejects.toThrow(
      NotFoundError,
    );
    expect(one.calls).toHaveLength(before + 1);
    expect(await openai.responses.retrieve(first.id)).toMatchObject({ id: first.id, status: 'completed' });
    await expect(openai.responses.retrieve('resp_one_999')).rejects.toThrow(NotFoundError);
    await openai.responses.delete(first.id);
    expect(one.others.slice(-2)).toEqual([`GET /v1/responses/${first.id}`, `DELETE /v1/responses/${first.id}`]);
    await expect(openai.responses.retrieve(first.id)).rejects.toThrow(NotFoundError);
  });

  it('gets the follow-ups of what it answered, whatever the model tries first', async () => {
    const first = await openai.responses.stream({ model: 'one/m', input: 'One' }).finalResponse();
    const before = two.calls.length;
    const second = await openai.responses.create({ model: 'either', input: 'Two', previous_response_id: first.id });
    expect(second.output_text).toBe('answer of one');
    expect(two.calls).toHaveLength(before);
    const asking = openai.responses.create({ model: 'two/m', input: 'Two', previous_response_id: first.id });
    await expect(asking).rejects.toThrow('is kept by the provider "one"');
  });

  it.each([false, true])('is not sent reasoning that another sealed, streamed: %s', async (stream) => {
    const first = await openai.responses.create({ model: 'one/m', input: 'One', store: false, include: ['reasoning.encrypted_content'] });
    const input = [{ role: 'user' as const, content: 'One' }, ...first.output, { role: 'user' as const, content: 'Two' }];
    const before = two.calls.length;
    const params = { model: 'two/m', input: input as OpenAI.Responses.ResponseInput, store: false };
    const { data, response } = stream
      ? await openai.responses.create({ ...params, stream: true }).withResponse()
      : await openai.responses.create(params).withResponse();
    if (Symbol.asyncIterator in data) for await (const _ of data);
    expect(response.headers.get('x-weir-loss')).toContain('thinking.signature');
    expect(two.calls.slice(before).map((call) => JSON.stringify(call).includes('one:sealed'))).toEqual([true, false]);
    expect(JSON.stringify(two.calls.at(-1))).toContain('answer of one');
    // Its own it gets back at once.
    await openai.responses.create({ ...params, model: 'one/m' });
    expect(JSON.stringify(one.calls.at(-1))).toContain('one:sealed');
    const strict = openai.responses.create(params, { headers: { 'x-weir-strict': '1' } });
    await expect(strict).rejects.toMatchObject({ code: 'invalid_encrypted_content' });
  });
});

describe('beside the call itself', () => {
  it('counts tokens, by estimate where the vendor does not', async () => {
    const { data, response } = await openai.responses.inputTokens
      .count({ model: marked('chat').model, input: 'One two three' })
      .withResponse();
    expect(data).toMatchObject({ object: 'response.input_tokens', input_tokens: expect.any(Number) });
    expect(response.headers.get('x-weir-loss')).toBe('input_tokens.exact');
  });

  it('compacts, and goes on from what was kept', async () => {
    const { model, asked } = marked('chat', 'ok/multibyte');
    const input = [
      { type: 'message' as const, role: 'user' as const, content: 'We launch on Tuesday.' },
      { type: 'message' as const, role: 'assistant' as const, content: 'Understood.' },
    ];
    const compacted = await openai.responses.compact({ model, input } as OpenAI.Responses.ResponseCompactParams);
    expect(compacted).toMatchObject({ object: 'response.compaction', usage: { input_tokens: 11 } });
    expect(compacted.output.map(({ type }) => type)).toEqual(['message', 'compaction']);
    expect(JSON.stringify(compacted.output.at(-1))).not.toContain('日本語');
    await openai.responses.create({
      model,
      input: [...compacted.output, { role: 'user', content: 'When?' }] as OpenAI.Responses.ResponseInput,
    });
    // What the model wrote as its summary is what it is told.
    expect(JSON.stringify(asked().at(-1))).toContain('日本語');
    const torn = [{ ...compacted.output.at(-1), encrypted_content: 'weir.compaction.1.AAAA' }] as OpenAI.Responses.ResponseInput;
    await expect(openai.responses.create({ model, input: torn })).rejects.toThrow(BadRequestError);
  });
});

describe('a gateway without a secret', () => {
  let plain: TestGateway;
  beforeAll(async () => {
    plain = await startTestGateway({}, { WEIR_SECRET: '' });
    const providers = {
      chat: { like: 'openai', baseUrl: `${plain.upstream.origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } },
    };
    await plain.admin('/config', { method: 'PUT', body: JSON.stringify({ providers }) });
  });
  afterAll(() => plain?.stop());

  it('answers, says that it kept nothing, and refuses what it would need for more', async () => {
    const client = clientOf(plain);
    const model = 'chat/ok/text?words=3';
    const { data, response } = await client.responses.create({ model, input: 'One' }).withResponse();
    expect(data).toMatchObject({ output_text: 'w0 w1 w2', store: false });
    expect(response.headers.get('x-weir-loss')).toBe('store');
    const off = { status: 501, code: 'state_off' };
    await expect(client.responses.create({ model, input: 'Two', previous_response_id: data.id })).rejects.toMatchObject(off);
    await expect(client.responses.retrieve(data.id)).rejects.toMatchObject(off);
    await expect(client.conversations.create()).rejects.toMatchObject(off);
  });
});
