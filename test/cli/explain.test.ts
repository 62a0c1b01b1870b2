import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callOf, post } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { makeKey } from '../tenants.ts';
import { weirAt } from '../weir-command.ts';

let gateway: TestGateway;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-explain-'));
  gateway = await startTestGateway({
    models: { second: { targets: ['up/fault/status?code=500', 'ant/ok/text?words=3'], retry: { attempts: 1 } } },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

const weir = (...args: readonly string[]) => weirAt(gateway.url, args);
const fileOf = async (name: string, body: unknown) => {
  const file = path.join(folder, name);
  await writeFile(file, typeof body === 'string' ? body : JSON.stringify(body));
  return file;
};

it('says in lines what would become of a call, and asks nobody', async () => {
  const file = await fileOf('call.json', callOf('openai', 'second', { logit_bias: { 5: 1 } }));
  const { code, out, err } = await weir('explain', file);
  expect([code, err]).toEqual([0, '']);
  const lines = out.trimEnd().split('\n');
  expect(lines[0]).toBe('second, ordered by second: failover');
  expect(lines).toContain('Candidates');
  expect(out).toMatch(/^ +1 +up\/fault\/status\?code=500 +number 1 of the list$/m);
  expect(out).toMatch(/^ +2 +ant\/ok\/text\?words=3 +number 2 of the list$/m);
  expect(out).toMatch(/^ +ant\/ok\/text\?words=3 +anthropic, translated +\d+ +\d+ +\S+ +\S+ +closed +-$/m);
  expect(out).toMatch(/^ +ant\/ok\/text\?words=3 cannot be told: logit_bias$/m);
  expect(lines.at(-1)).toBe('Asked first: up/fault/status?code=500');
  expect(gateway.upstream.journal.all).toEqual([]);
});

it('names whose call it would be, what stands in its head, and where it would go', async () => {
  const { id } = await makeKey(gateway, { app: 'dev', name: 'k', limits: [{ unit: 'requests', limit: 0, window: '1m' }] });
  const file = await fileOf('messages.json', callOf('anthropic', 'second'));
  const { code, out } = await weir('explain', file, '--key', id, '--path', '/v1/messages', '--header', 'x-weir-run: r1');
  expect(code).toBe(0);
  expect(out).toMatch(/^ +key +0 requests 60000ms +0 +1 +no$/m);
  expect(out).toMatch(/^Refused: rate_limited \(429\)/m);
  const json = JSON.parse((await weir('explain', file, '--app', 'dev', '--path', '/v1/messages', '--json')).out);
  expect(json).toMatchObject({ dialect: 'anthropic', first: 'up/fault/status?code=500' });
});

it('shows how a call found its way beside what the log has of it', async () => {
  const answer = await post(gateway.url, 'openai', 'second');
  const id = answer.headers.get('x-weir-request-id') ?? '';
  await gateway.row(id);
  const { out } = await weir('requests', 'show', id);
  expect(out).toMatch(/^servedModel +ant\/ok\/text\?words=3$/m);
  expect(out).toMatch(/^second, ordered by second: failover$/m);
  expect(out).toMatch(/^ +\d+ +up\/fault\/status\?code=500 +upstream_error \(502\) +\d+$/m);
  expect(out).toMatch(/^ +\d+ +ant\/ok\/text\?words=3 +answered +\d+$/m);
});

it('reads what it is piped', async () => {
  const { out } = await weirAt(gateway.url, ['explain', '-', '--json'], {}, JSON.stringify(callOf('openai', 'ant/ok/text')));
  expect(JSON.parse(out)).toMatchObject({ model: 'ant/ok/text', first: 'ant/ok/text' });
});

it.each<[string, () => Promise<string[]>, number, RegExp]>([
  ['without a file', async () => [], 2, /one file/],
  ['with a file that is not there', async () => [path.join(folder, 'none.json')], 2, /none\.json/],
  ['with a file that is no call', async () => [await fileOf('list.json', '[1]')], 2, /not one JSON object/],
  ['with a header that is none', async () => [await fileOf('one.json', {}), '--header', 'x'], 2, /name: value/],
  [
    'with a model that there is not',
    async () => [await fileOf('two.json', callOf('openai', 'nobody/knows'))],
    1,
    /no model "nobody\/knows"/,
  ],
  [
    'with a key that there is not',
    async () => [await fileOf('three.json', callOf('openai', 'second')), '--key', 'key_none'],
    1,
    /no key of this id/,
  ],
])('is refused %s', async (_, args, code, said) => {
  const ran = await weir('explain', ...(await args()));
  expect([ran.code, ran.out]).toEqual([code, '']);
  expect(ran.err).toMatch(said);
});
