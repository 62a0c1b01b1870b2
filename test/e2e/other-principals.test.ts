import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, type MadeKey, makeFamily, makeKey } from '../tenants.ts';
import { type OperationsUpstream, startOperationsUpstream } from '../upstream/operations.ts';
import { type ResponsesVendor, startResponsesVendor } from '../upstream/responses-vendor.ts';

let gateway: TestGateway;
let vendor: OperationsUpstream;
let keeper: ResponsesVendor;
afterAll(() => Promise.all([gateway?.stop(), vendor?.close(), keeper?.close()]));

const LINE = '{"custom_id":"mine","method":"POST","url":"/v1/chat/completions","body":{"model":"files/m","messages":[]}}\n';
const batchOf = (id: string) => ({ input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('what one app’s calls leave for its later ones', () => {
  const providers = () => ({
    up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, dialects: ['openai-chat'], key: { secret: 'UP_KEY' } },
    files: { like: 'openai', baseUrl: `${vendor.origin}/v1`, key: { value: 'k' } },
    keeps: { like: 'openai', baseUrl: `${keeper.origin}/v1`, dialects: ['openai-responses'], key: { value: 'k' } },
  });
  interface Principals {
    readonly mine: MadeKey;
    readonly sibling: MadeKey;
    readonly others: readonly MadeKey[];
  }
  let principals: Principals;
  const asked = () => gateway.upstream.journal.all.length + vendor.asked.length;
  const ids: Record<string, string> = {};

  const send = (key: string, method: string, at: string, body?: object) =>
    fetch(gateway.url + at, {
      method,
      headers: { 'content-type': 'application/json', ...bearer(key) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const idOf = async (response: Response) => {
    const body = (await response.json()) as { id?: string };
    if (!response.ok || body.id === undefined) throw new Error(`${response.status} ${JSON.stringify(body)}`);
    return body.id;
  };

  beforeAll(async () => {
    [gateway, vendor, keeper] = await Promise.all([startTestGateway(), startOperationsUpstream(), startResponsesVendor('keeper')]);
    const models = { both: { targets: ['keeps/m', 'up/ok/text'] } };
    const published = await ask(gateway, 'PUT', '/config', { providers: providers(), models });
    if (published.status !== 200) throw new Error(JSON.stringify(published.body));
    const acme = await makeFamily(gateway, 'acme');
    const { app } = acme;
    const other = await makeFamily(gateway, 'other');
    const neighbour = await ask(gateway, 'POST', '/apps', { team: acme.team, name: 'neighbour' });
    principals = {
      mine: await makeKey(gateway, { app, name: 'mine' }),
      sibling: await makeKey(gateway, { app, name: 'sibling' }),
      others: [
        await makeKey(gateway, { app: other.app, name: 'stranger' }),
        await makeKey(gateway, { app: String(neighbour.body.id), name: 'neighbour' }),
        { id: 'key_dev', key: KEY },
      ],
    };
    const { key } = principals.mine;
    ids.response = await idOf(await send(key, 'POST', '/v1/responses', { model: 'up/ok/text', input: 'mine' }));
    ids.conversation = await idOf(
      await send(key, 'POST', '/v1/conversations', { items: [{ type: 'message', role: 'user', content: 'mine' }] }),
    );
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new File([LINE], 'mine.txt'));
    ids.file = await idOf(
      await fetch(`${gateway.url}/v1/files`, { method: 'POST', headers: { ...bearer(key), 'x-weir-provider': 'files' }, body: form }),
    );
    ids.batch = await idOf(await send(key, 'POST', '/v1/batches', batchOf(ids.file)));
  });

  /** Everything on the data plane that takes an id. The last of a kind deletes it. */
  const uses: readonly {
    readonly of: string;
    readonly method: string;
    readonly at: (id: string) => string;
    readonly body?: (id: string) => object;
  }[] = [
    { of: 'response', method: 'GET', at: (id) => `/v1/responses/${id}` },
    { of: 'response', method: 'GET', at: (id) => `/v1/responses/${id}/input_items` },
    {
      of: 'response',
      method: 'POST',
      at: () => '/v1/responses',
      body: (id) => ({ model: 'up/ok/text', input: 'x', previous_response_id: id }),
    },
    { of: 'response', method: 'DELETE', at: (id) => `/v1/responses/${id}` },
    { of: 'conversation', method: 'GET', at: (id) => `/v1/conversations/${id}` },
    { of: 'conversation', method: 'GET', at: (id) => `/v1/conversations/${id}/items` },
    { of: 'conversation', method: 'POST', at: (id) => `/v1/conversations/${id}`, body: () => ({ metadata: { a: 'b' } }) },
    {
      of: 'conversation',
      method: 'POST',
      at: (id) => `/v1/conversations/${id}/items`,
      body: () => ({ items: [{ type: 'message', role: 'user', content: 'theirs' }] }),
    },
    {
      of: 'conversation',
      method: 'POST',
      at: () => '/v1/responses',
      body: (id) => ({ model: 'up/ok/text', input: 'x', conversation: id }),
    },
    { of: 'conversation', method: 'DELETE', at: (id) => `/v1/conversations/${id}` },
    { of: 'file', method: 'GET', at: (id) => `/v1/files/${id}` },
    { of: 'file', method: 'GET', at: (id) => `/v1/files/${id}/content` },
    {
      of: 'file',
      method: 'POST',
      at: () => '/v1/batches',
      body: batchOf,
    },
    { of: 'batch', method: 'GET', at: (id) => `/v1/batches/${id}` },
    { of: 'batch', method: 'POST', at: (id) => `/v1/batches/${id}/cancel` },
    { of: 'file', method: 'DELETE', at: (id) => `/v1/files/${id}` },
  ];
  const name = ({ method, at, of }: (typeof uses)[number]) => `${method} ${at(`{${of}}`)} of a ${of}`;

  it.each(uses.map((use) => [name(use), use] as const))('%s is 404 for everybody else’s key', async (_name, { of, method, at, body }) => {
    const id = ids[of] ?? '';
    const before = asked();
    for (const { id: keyId, key } of principals.others) {
      const response = await send(key, method, at(id), body?.(id));
      expect(response.status, keyId).toBe(404);
      expect(await response.text()).not.toContain('mine');
    }
    expect(asked()).toBe(before);
  });

  it.each(uses.map((use) => [name(use), use] as const))(
    '%s is there for another key of the app',
    async (_name, { of, method, at, body }) => {
      const id = ids[of] ?? '';
      const response = await send(principals.sibling.key, method, at(id), body?.(id));
      expect(response.status, await response.text()).toBe(200);
    },
  );

  describe('items that a provider keeps', () => {
    const made = async (stream: boolean) => {
      const response = await send(principals.mine.key, 'POST', '/v1/responses', { model: 'keeps/m', input: 'mine', stream });
      expect(response.status, await response.text()).toBe(200);
      return `resp_keeper_${keeper.calls.length}`;
    };
    const referring: readonly (readonly [string, (id: string) => object])[] = [
      ['a reference', (id) => ({ type: 'item_reference', id: `msg_${id}` })],
      ['an id alone', (id) => ({ id: `msg_${id}` })],
      ['reasoning without its content', (id) => ({ type: 'reasoning', id: `rs_${id}`, summary: [] })],
    ];
    const asking = (key: string, item: object, more: object = {}) =>
      send(key, 'POST', '/v1/responses', { model: 'keeps/m', input: [item, { role: 'user', content: 'x' }], ...more });

    it.each([false, true])('are for the app’s own keys, streamed %s', async (stream) => {
      const id = await made(stream);
      const before = keeper.calls.length;
      for (const [said, item] of referring) {
        for (const { id: keyId, key } of principals.others) {
          const response = await asking(key, item(id));
          expect(response.status, `${said}, ${keyId}`).toBe(404);
          expect(await response.json()).toMatchObject({ error: { code: 'previous_response_not_found', type: 'invalid_request_error' } });
        }
      }
      expect(keeper.calls.length).toBe(before);
      for (const [said, item] of referring) {
        for (const { key } of [principals.mine, principals.sibling]) {
          expect((await asking(key, item(id))).status, said).toBe(200);
          expect(keeper.calls.at(-1)?.input[0], said).toEqual(item(id));
        }
      }
    });

    it('and not by another spelling, behind a response of one’s own, or for a virtual model of both kinds', async () => {
      const id = await made(false);
      const before = keeper.calls.length;
      const [stranger] = principals.others;
      const spelt = await fetch(`${gateway.url}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(stranger?.key ?? '') },
        body: `{"model":"keeps/m","input":[{"type":"item\\u005freference","\\u0069d":"msg_${id}"}]}`,
      });
      expect(spelt.status).toBe(404);
      expect(keeper.calls.length).toBe(before);
      const own = await idOf(await send(stranger?.key ?? '', 'POST', '/v1/responses', { model: 'keeps/m', input: 'theirs' }));
      const item = { type: 'item_reference', id: `msg_${id}` };
      const behind = await asking(stranger?.key ?? '', item, { previous_response_id: own });
      expect(behind.status).toBe(404);
      const mixed = await asking(stranger?.key ?? '', { type: 'reasoning', id: `rs_${id}`, summary: [] }, { model: 'both' });
      expect(mixed.status).toBe(404);
      expect(keeper.calls.length).toBe(before + 1);
    });

    it('while what an item says itself is anybody’s', async () => {
      const sealed = { type: 'reasoning', id: 'rs_elsewhere', summary: [], encrypted_content: 'keeper:sealed' };
      expect((await asking(principals.others[0]?.key ?? '', sealed)).status).toBe(200);
      const said = { type: 'message', id: 'msg_elsewhere', role: 'assistant', content: [{ type: 'output_text', text: 'x' }] };
      expect((await asking(principals.others[0]?.key ?? '', said)).status).toBe(200);
    });
  });
});
