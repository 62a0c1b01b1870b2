import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RawData, WebSocket } from 'ws';
import { KEY, type Row } from '../gateway.ts';
import { type OperationsGateway, startOperationsGateway, VENDOR_KEY } from '../operations.ts';
import { ask, type MadeKey, makeFamily, makeKey } from '../tenants.ts';

let at: OperationsGateway;
beforeAll(async () => {
  at = await startOperationsGateway({
    models: {
      voice: { strategy: 'failover', targets: ['closed/none', 'up/rt-second'] },
      brief: { strategy: 'failover', targets: ['up/rt-brief'], timeout: { idle: 40 } },
    },
  });
});
afterAll(() => at?.stop());

interface Talk {
  readonly socket: WebSocket;
  readonly events: { readonly type: string; readonly [field: string]: unknown }[];
  readonly binary: Buffer[];
  readonly closed: Promise<readonly [code: number, reason: string]>;
  say(event: object): void;
  /** The event of this type, once it has come. */
  heard(type: string): Promise<Talk['events'][number]>;
}

async function talk(
  model: string,
  protocols: readonly string[] = ['realtime'],
  headers: object = { authorization: `Bearer ${KEY}` },
): Promise<Talk> {
  const socket = new WebSocket(`${at.baseURL.replace('http', 'ws')}/realtime?model=${model}`, [...protocols], { headers: { ...headers } });
  const events: Talk['events'] = [];
  const binary: Buffer[] = [];
  const waiting = new Set<() => void>();
  socket.on('message', (data: RawData, isBinary) => {
    if (isBinary) binary.push(data as Buffer);
    else events.push(JSON.parse(String(data)) as Talk['events'][number]);
    for (const wake of waiting) wake();
  });
  const closed = once(socket, 'close').then(([code, reason]) => [code as number, String(reason)] as const);
  await once(socket, 'open');
  const heard = async (type: string) => {
    for (;;) {
      const found = events.find((event) => event.type === type);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  };
  return { socket, events, binary, closed, say: (event) => socket.send(JSON.stringify(event)), heard };
}

const rowOf = async (servedModel: string): Promise<Row> => {
  const find = async () => (await at.gateway.rows({})).find((row) => row.servedModel === servedModel);
  for (let tries = 0; tries < 600; tries++) {
    const found = await find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`no row of ${servedModel}`);
};

describe('a realtime session', () => {
  it('ends when its key is revoked, however silent it is, and no other does', async () => {
    const { app } = await makeFamily(at.gateway, `realtime-${crypto.randomUUID()}`);
    const [mine, other] = await Promise.all(['mine', 'other'].map((name) => makeKey(at.gateway, { name, app })));
    const open = (key: MadeKey | undefined) => talk('up/rt-revoked', ['realtime'], { authorization: `Bearer ${key?.key}` });
    const [cut, beside] = await Promise.all([open(mine), open(other)]);
    await Promise.all([cut, beside].map(({ heard }) => heard('session.created')));
    expect((await ask(at.gateway, 'DELETE', `/keys/${mine?.id}`)).status).toBe(200);
    expect(await cut.closed).toEqual([1008, 'invalid_key']);
    expect(cut.events.at(-1)).toMatchObject({ type: 'error', error: { code: 'invalid_key' } });
    beside.say({ type: 'bye' });
    expect(await beside.closed).toEqual([4001, 'as asked']);
  });

  it('carries frames both ways, and is metered by the last word on each response', async () => {
    const { socket, say, heard, events, binary, closed } = await talk('up/rt-1');
    expect(socket.protocol).toBe('realtime');
    expect(await heard('session.created')).toMatchObject({ session: { model: 'rt-1' } });
    say({ type: 'input_audio_buffer.append', audio: 'x'.repeat(2_000_000) });
    await heard('echo');
    socket.send(Buffer.from([1, 2, 3]));
    say({ type: 'response.create' });
    await heard('response.done');
    say({ type: 'response.create' });
    say({ type: 'bye' });
    expect(await closed).toEqual([4001, 'as asked']);
    expect(binary.map((each) => [...each])).toEqual([[1, 2, 3]]);
    expect(events.filter(({ type }) => type === 'response.done')).toHaveLength(4);
    const seen = at.upstream.of('rt-1')[0];
    expect(seen?.headers.authorization).toBe(`Bearer ${VENDOR_KEY}`);
    expect(JSON.stringify(seen?.headers)).not.toContain(KEY);
    expect(await rowOf('up/rt-1')).toMatchObject({ status: 'complete', httpStatus: 101, stream: true, usage: { input: 20, output: 10 } });
  });

  it('opens for a browser, whose key is a subprotocol and stays here', async () => {
    const { heard, socket, closed } = await talk('up/rt-browser', ['realtime', `openai-insecure-api-key.${KEY}`], {});
    await heard('session.created');
    expect(JSON.stringify(at.upstream.of('rt-browser')[0]?.headers)).not.toContain(KEY);
    socket.close(1000, 'done');
    expect((await closed)[0]).toBe(1000);
    expect(await rowOf('up/rt-browser')).toMatchObject({ status: 'complete' });
  });

  it('opens at the next target where the first is not there', async () => {
    const { heard, socket } = await talk('voice');
    await heard('session.created');
    socket.terminate();
    expect(await rowOf('up/rt-second')).toMatchObject({ attempts: expect.any(Number), status: 'aborted' });
  });

  it('ends in an error event and code 1011 where the provider dies', async () => {
    const { say, heard, closed } = await talk('up/rt-dies');
    await heard('session.created');
    say({ type: 'die' });
    expect(await heard('error')).toMatchObject({ error: { type: 'server_error', code: 'upstream_interrupted' } });
    expect((await closed)[0]).toBe(1011);
    expect(await rowOf('up/rt-dies')).toMatchObject({ status: 'partial', errorCode: 'upstream_interrupted' });
  });

  it('ends where nobody says anything', async () => {
    const { heard, closed } = await talk('brief');
    expect(await heard('error')).toMatchObject({ error: { code: 'upstream_timeout' } });
    expect((await closed)[0]).toBe(1001);
  });

  it('ends at a frame that is too large', async () => {
    const { heard, socket, closed } = await talk('up/rt-large');
    await heard('session.created');
    socket.send('x'.repeat(17 * 1024 * 1024));
    expect((await closed)[0]).toBe(1009);
  });
});

describe('a session that is refused', () => {
  const refused = (model: string, headers: object = { authorization: `Bearer ${KEY}` }) =>
    new Promise<{ readonly status: number; readonly body: string }>((resolve) => {
      const socket = new WebSocket(`${at.baseURL.replace('http', 'ws')}/realtime?model=${model}`, ['realtime'], {
        headers: { ...headers },
      });
      socket.on('error', () => undefined);
      socket.on('unexpected-response', async (_request, response) => {
        let body = '';
        for await (const piece of response) body += String(piece);
        resolve({ status: response.statusCode ?? 0, body });
      });
    });

  it('is refused as any call is, before it opens', async () => {
    expect(await refused('up/rt', {})).toMatchObject({ status: 401 });
    expect(await refused('nobody/rt')).toMatchObject({ status: 404 });
    expect(await refused('closed/rt')).toMatchObject({ status: 502 });
    const told = await refused('up/rt-refused');
    expect(told).toMatchObject({ status: 502 });
    expect(JSON.parse(told.body)).toMatchObject({ error: { code: 'upstream_credential' } });
    const plain = await at.call('/v1/realtime?model=up/rt');
    expect(plain.status).toBe(400);
  });

  it('is refused where a policy could not see what is said', async () => {
    await at.publish({ policies: [{ use: 'terms', entries: [{ action: 'refuse', terms: ['x'], in: 'requests' }] }] });
    expect(await refused('up/rt')).toMatchObject({ status: 501 });
    await at.publish({ policies: [{ use: 'models', deny: ['rt-*'] }] });
    expect(await refused('up/rt-1')).toMatchObject({ status: 403 });
    await at.publish();
  });
});
