import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from '../../scripts/gateway.mjs';
import { post } from '../client.ts';
import { ADMIN_TOKEN, KEY, STATE_SECRET, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { ask, makeFamily, makeKey } from '../tenants.ts';

// The hour of London now and the hour before it: rules by the clock that are true and false today.
const hour = (offset: number) =>
  Number(
    new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', hour: '2-digit', hourCycle: 'h23' }).format(
      Date.now() + offset * 3_600_000,
    ),
  );

const MODELS = {
  ruled: {
    strategy: 'conditional',
    targets: [
      { model: 'up/ok/text', name: 'standard' },
      { model: 'ant/ok/text', name: 'premium' },
      { model: 'up/ok/text?words=3', name: 'long' },
      'spare',
    ],
    settings: {
      rules: [
        { when: 'metadata.plan == "gold"', use: ['premium'] },
        { name: 'large', when: 'tokens.input > 2000', use: ['long'], rest: true },
        { when: 'headers["x-team"] == "search" && !stream', use: ['up/ok/text?words=3'] },
        { when: '"lookup" in tools', use: ['spare'] },
        { when: 'has(metadata.fails)', use: ['down', 'standard'] },
      ],
      otherwise: ['standard'],
    },
  },
  clock: {
    strategy: 'conditional',
    targets: ['up/ok/text', 'ant/ok/text'],
    settings: { rules: [{ when: `time.getHours("Europe/London") in [${hour(0)}, ${hour(1)}]`, use: ['ant/ok/text'] }] },
  },
  unclock: {
    strategy: 'conditional',
    targets: ['up/ok/text', 'ant/ok/text'],
    settings: { rules: [{ when: `time.getHours("Europe/London") in [${hour(5)}, ${hour(6)}]`, use: ['ant/ok/text'] }] },
  },
  spare: ['ant/ok/text?words=4'],
  graded: { strategy: 'auto', targets: ['up/ok/text', 'ant/ok/text'], settings: { easy: 'up/ok/text', hard: 'ant/ok/text' } },
};

let gateway: TestGateway;
const document = (models: object) => ({
  providers: {
    up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { value: 'k' } },
    ant: { like: 'anthropic', baseUrl: gateway.upstream.origin, key: { value: 'k' } },
  },
  models,
});
beforeAll(async () => {
  gateway = await startTestGateway();
  const { ruled, ...others } = MODELS;
  const targets = [...ruled.targets, { model: 'up/fault/status?code=500', name: 'down' }];
  const published = await ask(gateway, 'PUT', '/config', document({ ...others, ruled: { ...ruled, retry: { attempts: 1 }, targets } }));
  if (published.status !== 200) throw new Error(JSON.stringify(published.body));
});
afterAll(() => gateway?.stop());

async function served(model: string, headers: { readonly [name: string]: string } = {}, extra: object = {}) {
  const response = await post(gateway.url, 'openai', model, { headers, extra });
  await response.arrayBuffer();
  const row = await gateway.row(response.headers.get('x-weir-request-id'));
  const difficulty = response.headers.get('x-weir-difficulty');
  return { status: response.status, model: response.headers.get('x-weir-model'), difficulty, facts: (row as { facts?: object }).facts };
}

const metadata = (value: object) => ({ 'x-weir-metadata': JSON.stringify(value) });

describe('rules', () => {
  it('route by what the caller says of the call', async () => {
    expect(await served('ruled', metadata({ plan: 'gold' }))).toMatchObject({ status: 200, model: 'ant/ok/text', facts: { rule: 1 } });
    expect(await served('ruled', metadata({ plan: 'free' }))).toMatchObject({ model: 'up/ok/text', facts: { rule: 'otherwise' } });
  });

  it('count as false where what they ask for is missing', async () => {
    expect(await served('ruled')).toMatchObject({ status: 200, model: 'up/ok/text', facts: { rule: 'otherwise' } });
  });

  it('route by what the operator says of the key, whatever the caller says', async () => {
    const { app } = await makeFamily(gateway, 'ruled');
    const { key } = await makeKey(gateway, { app, name: 'gold', metadata: { plan: 'gold' } });
    const own = { authorization: `Bearer ${key}`, ...metadata({ plan: 'free' }) };
    expect(await served('ruled', own)).toMatchObject({ model: 'ant/ok/text' });
  });

  it('route by the size of the call, with the rest behind', async () => {
    const content = 'Why does the river rise? '.repeat(600);
    expect(await served('ruled', {}, { messages: [{ role: 'user', content }] })).toMatchObject({
      model: 'up/ok/text?words=3',
      facts: { rule: 'large' },
    });
  });

  it('route by a header, and by streaming', async () => {
    expect(await served('ruled', { 'x-team': 'search' })).toMatchObject({ model: 'up/ok/text?words=3', facts: { rule: 3 } });
    expect(await served('ruled', { 'x-team': 'search' }, { stream: true })).toMatchObject({ facts: { rule: 'otherwise' } });
  });

  it('route by tools, to another virtual model', async () => {
    const tools = [{ type: 'function', function: { name: 'lookup', parameters: { type: 'object', properties: {} } } }];
    expect(await served('ruled', {}, { tools })).toMatchObject({ model: 'ant/ok/text?words=4', facts: { rule: 4 } });
  });

  it('ask the next of their own targets where one fails', async () => {
    expect(await served('ruled', metadata({ fails: true }))).toMatchObject({ status: 200, model: 'up/ok/text', facts: { rule: 5 } });
  });

  it('route by the clock of a zone', async () => {
    expect(await served('clock')).toMatchObject({ model: 'ant/ok/text' });
    expect(await served('unclock')).toMatchObject({ model: 'up/ok/text' });
  });

  it('hold for other operations than chat', async () => {
    const response = await fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'ruled', input: 'Hello' }),
    });
    await response.arrayBuffer();
    const row = await gateway.row(response.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ facts: { rule: 'otherwise' } });
  });

  it.each<[object, string, string]>([
    [{ rules: [{ when: 'modle == "x"', use: ['up/a'] }] }, 'models.m.settings.rules[0].when', 'there is no variable "modle"'],
    [{ rules: [{ when: 'model.matches("(a+)+$")', use: ['up/a'] }] }, 'models.m.settings.rules[0].when', '`matches` is not available'],
    [{ rules: [{ when: 'stream', use: ['up/a', 'up/z'] }] }, 'models.m.settings.rules[0].use[1]', '"up/z" is none of the model'],
    [{ rules: [{ when: 'stream', use: ['up/a'] }], otherwise: ['b'] }, 'models.m.settings.otherwise[0]', '"b" is none of the model'],
  ])('with a fault make no configuration: %j', async (settings, where, message) => {
    const models = { m: { strategy: 'conditional', targets: ['up/a'], settings }, b: ['up/b'] };
    const { status, body } = await ask(gateway, 'PUT', '/config', document(models));
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'config_invalid', problems: [{ path: where, message: expect.stringContaining(message) }] });
  });
});

describe('difficulty', () => {
  const HARD = 'Prove that T(n) = 2T(n/2) + n has the closed form n log n + n.\n- explain each step\n- verify it for n = 2, 4 and 8';

  it('sends what is easy to one model and what is hard to the other, and is written down', async () => {
    const easy = await served('graded');
    expect(easy).toMatchObject({ status: 200, model: 'up/ok/text' });
    const hard = await served('graded', {}, { messages: [{ role: 'user', content: HARD }] });
    expect(hard).toMatchObject({ status: 200, model: 'ant/ok/text' });
    const of = ({ facts }: { readonly facts?: object | undefined }) => (facts as { readonly difficulty: number }).difficulty;
    expect(of(easy)).toBeLessThan(0.3);
    expect(of(hard)).toBeGreaterThan(0.7);
    expect([easy.difficulty, hard.difficulty]).toEqual([easy, hard].map((each) => String(of(each))));
  });

  it.each<[object, string]>([
    [{ easy: 'up/a' }, 'models.m.settings'],
    [{ easy: 'up/a', hard: 'up/z' }, 'models.m.settings.hard[0]'],
    [{ tiers: [{ use: 'up/a' }, { use: 'up/a' }] }, 'models.m.settings.tiers[0].below'],
  ])('refuses %j', async (settings, where) => {
    const { status, body } = await ask(gateway, 'PUT', '/config', document({ m: { strategy: 'auto', targets: ['up/a'], settings } }));
    expect(status).toBe(422);
    expect(body).toMatchObject({ problems: [{ path: where }] });
  });
});

describe('the country of a call', () => {
  // It starts a second gateway, which takes its time on a busy machine.
  it('is what the edge says, and unknown where there is none', async () => {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-test-'));
    const deployed = await startGateway({
      stateDir,
      vars: { WEIR_ENV: 'production' },
      secrets: { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: KEY, WEIR_SECRET: STATE_SECRET },
    });
    try {
      const settings = {
        rules: [
          { when: 'country in ["CH", "LI"]', use: ['home'] },
          { when: 'country != ""', use: ['abroad'] },
        ],
        otherwise: ['unknown'],
      };
      const targets = ['home', 'abroad', 'unknown'].map((name) => ({ model: 'sandbox/echo', name }));
      const models = { m: { strategy: 'conditional', targets, settings } };
      const published = await fetch(`${deployed.url}/admin/v1/config`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ models }),
      });
      expect(published.status).toBe(200);
      const ruleFor = async (cf: object | undefined) => {
        const response = await post(deployed.url, 'openai', 'm', cf === undefined ? {} : { headers: { 'mf-cf-blob': JSON.stringify(cf) } });
        expect(response.status).toBe(200);
        await response.arrayBuffer();
        const row = `${deployed.url}/admin/v1/requests/${response.headers.get('x-weir-request-id')}`;
        const read = () => fetch(row, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
        await until(async () => (await read()).ok, 15_000, row);
        return ((await (await read()).json()) as { facts: { rule: unknown } }).facts.rule;
      };
      // As the simulator of the platform is told what the edge would say.
      expect(await ruleFor({ country: 'CH' })).toBe(1);
      expect(await ruleFor({ country: 'US' })).toBe(2);
      expect(await ruleFor(undefined)).toBe('otherwise');
    } finally {
      await deployed.stop();
      await rm(stateDir, { recursive: true, force: true });
    }
  }, 90_000);
});
