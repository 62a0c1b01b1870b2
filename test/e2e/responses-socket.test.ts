import OpenAI from 'openai';
import { ResponsesWS } from 'openai/resources/responses/ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { type ResponsesVendor, startResponsesVendor } from '../upstream/responses-vendor.ts';

let gateway: TestGateway;
let vendor: ResponsesVendor;
beforeAll(async () => {
  [gateway, vendor] = await Promise.all([startTestGateway(), startResponsesVendor('own')]);
  const providers = {
    chat: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } },
    own: { like: 'openai', baseUrl: `${vendor.origin}/v1`, dialects: ['openai-responses'], key: { value: 'k' } },
  };
  const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers }) });
  if (!published.ok) throw new Error(await published.text());
});
afterAll(() => Promise.all([gateway?.stop(), vendor?.close()]));

interface Event {
  readonly type: string;
  readonly status?: number;
  readonly delta?: string;
  readonly stream_id?: string;
  readonly error?: { readonly code: string; readonly param?: string | null };
  readonly response?: {
    readonly id: string;
    readonly previous_response_id: string | null;
    readonly store: boolean;
    readonly output: readonly object[];
  };
}

const ENDS = ['response.completed', 'response.incomplete', 'response.failed', 'error'];

/** A connection on which turns are asked for one by one. */
async function connection(headers: { readonly [name: string]: string } = { authorization: `Bearer ${KEY}` }) {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/responses`, { headers });
  const turns: Event[][] = [[]];
  const waiting: ((turn: readonly Event[]) => void)[] = [];
  socket.on('message', (data) => {
    const event = JSON.parse(data.toString()) as Event;
    turns.at(-1)?.push(event);
    if (!ENDS.includes(event.type)) return;
    waiting.shift()?.(turns.at(-1) ?? []);
    turns.push([]);
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, response) => reject(new Error(`status ${response.statusCode}`)));
    socket.once('error', reject);
  });
  const send = (message: object | string): Promise<readonly Event[]> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    });
  return { send, create: (body: object) => send({ type: 'response.create', ...body }), close: () => socket.close(), socket };
}

const lastOf = (turn: readonly Event[]) => turn.at(-1);
const textOf = (turn: readonly Event[]) =>
  turn.flatMap(({ type, delta }) => (type === 'response.output_text.delta' ? [delta] : [])).join('');

describe('a WebSocket', () => {
  it('answers turn after turn, each in the log', async () => {
    const { create, close } = await connection();
    const first = await create({ model: 'chat/ok/text?words=3&id=ws-1', input: 'One' });
    expect(first[0]?.type).toBe('response.created');
    expect(lastOf(first)).toMatchObject({ type: 'response.completed', response: { status: 'completed', store: true } });
    expect(textOf(first)).toBe('w0 w1 w2');
    const second = await create({ model: 'chat/ok/text?words=2&id=ws-1', input: 'Two', previous_response_id: lastOf(first)?.response?.id });
    expect(lastOf(second)?.response?.previous_response_id).toBe(lastOf(first)?.response?.id);
    const bodies = gateway.upstream.journal.of('id=ws-1').map(({ body }) => JSON.parse(body.toString()));
    expect(bodies.at(-1).messages.map(({ role }: { role: string }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(await gateway.rows({ model: 'chat/ok/text?words=3&id=ws-1' })).toMatchObject([{ status: 'complete', stream: true }]);
    close();
  });

  it.each(['chat/ok/text?words=3', 'own/m'])('goes on from memory where nothing is stored (%s)', async (model) => {
    const { create, close } = await connection();
    const first = await create({ model, store: false, input: 'Remember: cobalt.' });
    const id = lastOf(first)?.response?.id;
    const second = await create({ model, store: false, input: 'What was it?', previous_response_id: id });
    expect(lastOf(second)).toMatchObject({ type: 'response.completed', response: { previous_response_id: id } });
    const third = await create({ model, store: false, input: 'Again.', previous_response_id: lastOf(second)?.response?.id });
    expect(lastOf(third)?.type).toBe('response.completed');
    const asked = model === 'own/m' ? vendor.calls.at(-1) : JSON.parse(gateway.upstream.journal.all.at(-1)?.body.toString() ?? '');
    const text = JSON.stringify(asked);
    for (const word of ['cobalt', 'What was it?', 'Again.']) expect(text).toContain(word);
    if (model === 'own/m') {
      expect(asked.include).toEqual(['reasoning.encrypted_content']);
      expect(text).toContain('own:sealed');
      expect(text).not.toContain('previous_response_id');
    }
    // On another connection it is not there.
    const other = await connection();
    const missed = await other.create({ model, store: false, input: 'What was it?', previous_response_id: id });
    expect(missed).toMatchObject([
      { type: 'error', status: 404, error: { code: 'previous_response_not_found', param: 'previous_response_id' } },
    ]);
    other.close();
    close();
  });

  it('forgets what could not be continued', async () => {
    const { create, close } = await connection();
    const model = 'chat/ok/text?words=3';
    const id = lastOf(await create({ model, store: false, input: 'One' }))?.response?.id;
    const stray = [{ type: 'function_call_output', call_id: 'call_nobody', output: 'x' }];
    const failed = await create({ model, store: false, input: stray, previous_response_id: id });
    expect(failed).toMatchObject([{ type: 'error', status: 400, error: { code: 'invalid_request' } }]);
    const again = await create({ model, store: false, input: 'Two', previous_response_id: id });
    expect(again).toMatchObject([{ type: 'error', error: { code: 'previous_response_not_found' } }]);
    close();
  });

  it('prepares a turn without asking anybody, and goes on from it', async () => {
    const { create, close } = await connection();
    const model = 'chat/ok/text?words=3&id=ws-warm';
    const warm = await create({ model, input: 'Be ready.', generate: false });
    expect(lastOf(warm)).toMatchObject({ type: 'response.completed', response: { output: [] } });
    expect(gateway.upstream.journal.of('id=ws-warm')).toHaveLength(0);
    const turn = await create({ model, input: 'Now.', previous_response_id: lastOf(warm)?.response?.id });
    expect(textOf(turn)).toBe('w0 w1 w2');
    expect(gateway.upstream.journal.one('id=ws-warm').body.toString()).toContain('Be ready.');
    close();
  });

  it('answers one at a time, in order, each under the name it was asked with', async () => {
    const { create, close } = await connection();
    const turns = await Promise.all(
      [1, 2, 3].map((at) => create({ model: `chat/ok/text?words=${at}`, input: 'x', store: false, stream_id: `lane-${at}` })),
    );
    expect(turns.map(textOf)).toEqual(['w0', 'w0 w1', 'w0 w1 w2']);
    for (const [at, turn] of turns.entries()) for (const event of turn) expect(event.stream_id).toBe(`lane-${at + 1}`);
    close();
  });

  it('says what is wrong, and stays', async () => {
    const { send, create, close } = await connection();
    expect(await send('not json')).toMatchObject([{ type: 'error', status: 400, error: { code: 'invalid_json' } }]);
    expect(await send({ type: 'response.steer' })).toMatchObject([{ type: 'error', status: 400, error: { code: 'invalid_request' } }]);
    expect(await create({ model: 'nobody/nothing', input: 'x' })).toMatchObject([{ status: 404, error: { code: 'model_not_found' } }]);
    expect(await create({ input: 'x' })).toMatchObject([{ status: 400, error: { param: 'model' } }]);
    expect(await create({ model: 'own/m', input: 'x', background: true })).toMatchObject([
      { status: 501, error: { code: 'not_supported' } },
    ]);
    const broken = await create({ model: 'chat/fault/reset?n=6', input: 'x' });
    expect(textOf(broken)).toMatch(/^w0 w1 w2/);
    expect(lastOf(broken)?.type).toBe('response.failed');
    expect(textOf(await create({ model: 'chat/ok/text?words=2', input: 'x' }))).toBe('w0 w1');
    close();
  });

  it('is opened with a key, or not at all', async () => {
    await expect(connection({})).rejects.toThrow('status 401');
    await expect(connection({ authorization: 'Bearer weir_dev_wrong' })).rejects.toThrow('status 401');
    const plain = await fetch(`${gateway.url}/v1/responses`, { headers: { authorization: `Bearer ${KEY}` } });
    expect([plain.status, plain.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('ends the call of a caller who leaves', async () => {
    const { create, socket } = await connection();
    void create({ model: 'chat/fault/stall?n=3&id=ws-leave', input: 'x' });
    await new Promise((resolve) => socket.once('message', resolve));
    socket.close();
    const seen = () => gateway.upstream.journal.of('id=ws-leave')[0];
    await until(() => seen()?.closedByPeerAt !== undefined, 15_000, 'the upstream is closed');
  });

  it('is what the official client speaks', async () => {
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY });
    const socket = new ResponsesWS(client);
    const text = await new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('response.completed', ({ response }) => resolve(response.output));
      socket.send({ type: 'response.create', model: 'chat/ok/text?words=2', input: 'Hello' });
    });
    expect(JSON.stringify(text)).toContain('w0 w1');
    socket.close();
  });
});
