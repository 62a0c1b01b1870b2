import { afterAll, beforeAll, expect, it } from 'vitest';
import { streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { weirAt } from '../weir-command.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const headers = { 'x-weir-run': 'nightly', 'x-weir-metadata': '{"team":"blue","half":"a=b"}' };
  await streamed(gateway.url, 'openai', 'up/ok/text?words=3', { headers });
  await streamed(gateway.url, 'openai', 'up/ok/text?words=3', { headers: { 'x-weir-run': 'nightly' } });
  await streamed(gateway.url, 'anthropic', 'nobody/knows', { headers: { 'x-weir-run': 'nightly' } });
  await gateway.rows({}, 3);
});
afterAll(() => gateway?.stop());

const weir = (...args: readonly string[]) => weirAt(gateway.url, args);

it('lists requests, and shows one', async () => {
  const { out } = await weir('requests', 'list', '--org', 'dev', '--status', 'complete', '--limit', '1');
  expect(out.split('\n')[0]).toMatch(/^when +id +app +model +outcome +http +input +output +USD +ms$/);
  expect(out.split('\n')[1]).toMatch(/^\d{4}-\d\d-\d\d [\d:]{8} +req_\w+ +app_dev +up\/ok\/text\?words=3 +complete +200 +11 +3 +\S+ +\d+$/);
  expect(out).toMatch(/\nMore: --cursor \S+\n$/);
  const found = await weir('requests', 'list', '--metadata', 'team=blue', '--metadata', 'half=a=b', '--json');
  const { items } = JSON.parse(found.out);
  expect(items).toMatchObject([{ run: 'nightly', metadata: { team: 'blue', half: 'a=b' } }]);
  const shown = await weir('requests', 'show', items[0].id, '--json');
  const { decision, ...row } = JSON.parse(shown.out);
  expect(row).toEqual(items[0]);
  expect(decision).toMatchObject({ model: 'up/ok/text?words=3', attempts: [{ outcome: 'answered' }] });
  const told = await weir('requests', 'show', items[0].id);
  expect(told.out).toMatch(new RegExp(`^id +${items[0].id}$`, 'm'));
  expect(told.out).toMatch(/^metadata +\{"team":"blue","half":"a=b"\}$/m);
  expect(told.out).toMatch(/^Attempts\n +at ms +target +outcome +took ms\n +- +up\/ok\/text\?words=3 +answered +\d+$/m);
});

it('sums usage by what is asked for', async () => {
  const { out } = await weir('usage', '--by', 'model,day', '--run', 'nightly');
  const [heads = '', ...rows] = out.trimEnd().split('\n');
  expect(heads).toMatch(/^model +day +calls +errors +input +output +USD +unpriced +p50 ms +p95 ms$/);
  expect(rows).toHaveLength(2);
  expect(rows.find((row) => row.startsWith('up/'))).toMatch(
    /^up\/ok\/text\?words=3 +\d{4}-\d\d-\d\d +2 +0 +22 +6 +\d+\.\d{6} +\d +\d+ +\d+$/,
  );
  expect(rows.find((row) => row.startsWith('-'))).toMatch(/^- +\S+ +1 +1 +0 +0 +0\.000000 +0/);
});

it('lists runs, and shows one with its calls', async () => {
  const [, row = ''] = (await weir('runs', 'list', '--app', 'dev')).out.split('\n');
  expect(row).toMatch(/nightly +app_dev +failed +3 +1 +22 +6/);
  expect((await weir('runs', 'show', 'nightly')).out.match(/req_\w+/g)).toHaveLength(3);
});

it.each<[string[], number, RegExp]>([
  [['usage', '--by', 'colour'], 1, /group_by: does not take "colour"/],
  [['usage', '--metadata', 'team'], 2, /name=value/],
  [['usage', 'list'], 2, /no command "usage list"/],
  [['requests'], 2, /no command "requests"/],
  [['runs', 'show'], 2, /no command "runs show"/],
  [['runs', 'show', 'none'], 1, /No call names this run/],
  [['requests', 'list', '--colour', 'blue'], 2, /colour/],
])('weir %j is refused', async (args, code, said) => {
  const ran = await weir(...args);
  expect([ran.code, ran.out]).toEqual([code, '']);
  expect(ran.err).toMatch(said);
});
