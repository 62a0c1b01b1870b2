import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { weirAt } from '../weir-command.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const weir = (args: readonly string[], env: { readonly [name: string]: string } = {}) => weirAt(gateway.url, args, env);

async function json(...args: string[]): Promise<{ readonly [field: string]: unknown }> {
  const { code, out, err } = await weir([...args, '--json']);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
}

describe('weir', () => {
  it('makes organisations, teams, apps and keys, and lists, rotates, disables and deletes them', async () => {
    const org = await json('orgs', 'create', 'acme', '--limits', '[{"unit":"usd","limit":25,"window":"month"}]');
    expect(org).toMatchObject({ name: 'acme', limits: [{ unit: 'usd', limit: 25, window: 'month' }] });
    expect(await json('teams', 'create', 'red', '--org', 'acme')).toMatchObject({ org: org.id });
    const app = await json('apps', 'create', 'bot', '--team', 'red', '--metadata', '{"cost":"c1"}', '--ips', '192.0.2.0/24,::1');
    expect(app).toMatchObject({ metadata: { cost: 'c1' }, ips: ['192.0.2.0/24', '::1'] });
    const key = await json(
      'keys',
      'create',
      'first',
      '--app',
      'bot',
      '--models',
      'smart,sandbox/*',
      '--expires',
      '2999-01-01',
      '--environment',
      'test',
    );
    expect(key).toMatchObject({ app: app.id, models: ['smart', 'sandbox/*'], expiresAt: Date.parse('2999-01-01') });
    expect(key.key).toMatch(/^weir_test_/);

    const second = await json('keys', 'rotate', String(key.id), '--overlap', '0s');
    expect(second.id).toBe(key.id);
    expect(second.key).not.toBe(key.key);
    expect(await json('keys', 'disable', String(key.id))).toMatchObject({ disabled: true });
    expect(await json('keys', 'list', '--org', 'acme', '--disabled')).toMatchObject({ items: [{ id: key.id }], next: null });
    expect(await json('keys', 'enable', String(key.id))).toMatchObject({ disabled: false });
    expect(await json('keys', 'list', '--app', 'bot', '--disabled')).toEqual({ items: [], next: null });
    expect(await json('keys', 'delete', String(key.id))).toEqual({ id: key.id, deleted: true });
    expect((await json('orgs', 'list', '--limit', '1')).next).toEqual(expect.any(String));
  }, 60_000);

  it('speaks to people', async () => {
    const made = await weir(['orgs', 'create', 'people']);
    expect(made.out).toMatch(/^id +org_\w+\nname +people\n/);
    expect((await weir(['orgs', 'list', '--name', 'peop'])).out).toMatch(/^org_\w+ +people\n$/);
    expect((await weir(['orgs', 'list', '--name', 'nobody'])).out).toBe('None.\n');
    expect((await weir(['--help'])).out).toContain('WEIR_ADMIN_TOKEN');
  });

  it.each<[string[], number, RegExp]>([
    [['keys', 'create', 'x', '--app', 'nobody'], 1, /app: names no app/],
    [['keys', 'rotate', 'key_none'], 1, /no key of this id/],
    [['keys', 'create', 'x', '--app', 'dev', '--ips', 'x', '--countries', 'y'], 1, /ips\[0\][\s\S]*countries\[0\]/],
    [['keys', 'create', 'x', '--limits', '{'], 2, /--limits is not JSON/],
    [['keys', 'create'], 2, /needs a name/],
    [['keys', 'explode', 'x'], 2, /no command "keys explode"/],
    [['orgs', 'rotate', 'x'], 2, /no command "orgs rotate"/],
    [['planets', 'list'], 2, /no command "planets"/],
    [['orgs', 'list', '--planet', 'x'], 2, /planet/],
    [['orgs', 'create', 'a', 'b'], 2, /"b" is too much/],
  ])('%j fails with %d', async (args, code, message) => {
    const ran = await weir(args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
    expect(ran.out).toBe('');
  });

  it('says whose fault it is that nothing was answered, and never shows the token', async () => {
    const wrong = await weir(['orgs', 'list'], { WEIR_ADMIN_TOKEN: 'wrong-token' });
    expect([wrong.code, wrong.err]).toEqual([1, 'This is neither the admin token nor a token of an administrator.\n']);
    const away = await weir(['orgs', 'list'], { WEIR_URL: `http://127.0.0.1:${gateway.closedPort}` });
    expect(away.code).toBe(1);
    expect(away.err).toMatch(/not reached/);
    const elsewhere = await weir(['orgs', 'list'], { WEIR_URL: gateway.upstream.origin });
    expect(elsewhere.err).toMatch(/WEIR_URL/);
    for (const { err } of [wrong, away, elsewhere]) expect(err).not.toMatch(/wrong-token|canary/);
    const none = await weir(['orgs', 'list'], { WEIR_ADMIN_TOKEN: '' });
    expect([none.code, none.err]).toEqual([2, 'WEIR_ADMIN_TOKEN is not set, and .dev.vars has none.\n']);
  });
});
