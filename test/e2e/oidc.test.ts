import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCall } from '../client.ts';
import { ADMIN_TOKEN, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { bearer, call, documented, publish } from '../identities.ts';
import { ask, make, makeFamily } from '../tenants.ts';
import { type IdentityProvider, startIdentityProvider } from '../upstream/identity-provider.ts';

let gateway: TestGateway;
let issuer: IdentityProvider;
let family: { readonly org: string; readonly team: string; readonly app: string };

const entry = () => ({ ...documented('acme'), issuer: issuer.issuer });

beforeAll(async () => {
  [gateway, issuer] = await Promise.all([startTestGateway(), startIdentityProvider(['builds', 'stranger'])]);
  family = await makeFamily(gateway, 'acme');
  await make(gateway, 'apps', {
    name: 'builds',
    team: family.team,
    models: ['up/*', 'by-claims'],
    limits: [{ unit: 'tokens', limit: 1_000_000, window: '1m' }],
  });
  await make(gateway, 'apps', { name: 'web', team: family.team, limits: [{ unit: 'requests', limit: 2, window: 'day', per: 'user' }] });
  const rules = [{ when: 'claims.client_id == "builds"', use: ['ant/ok/text'] }];
  const byClaims = { strategy: 'conditional', targets: ['up/ok/text', 'ant/ok/text'], settings: { rules, otherwise: ['up/ok/text'] } };
  await publish(gateway, [entry()], { models: { 'by-claims': byClaims } });
});
afterAll(() => Promise.all([gateway?.stop(), issuer?.close()]));

describe('tokens of an OpenID provider', () => {
  it('of a client are calls of the app that they name', async () => {
    const token = await issuer.forClient('builds');
    const served = await call(gateway, bearer(token));
    expect(served.status, served.text).toBe(200);
    expect(served.headers.get('ratelimit-policy')).toContain('1000000');
    const row = await gateway.row(served.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ keyId: 'jwt:acme', status: 'complete' });
    const refused = await call(gateway, bearer(token), { model: 'ant/ok/text' });
    expect(refused).toMatchObject({ status: 403, code: 'model_not_allowed' });
    const list = await fetch(`${gateway.url}/v1/models`, { headers: bearer(token) });
    expect(list.status).toBe(200);
  });

  it.each([
    ['x-weir-key', (token: string) => ({ 'x-weir-key': token })],
    ['x-api-key', (token: string) => ({ 'x-api-key': token })],
    ['the password of Basic', (token: string) => ({ authorization: `Basic ${Buffer.from(`oauth2:${token}`).toString('base64')}` })],
  ])('are taken as %s, and never handed on', async (_place, headers) => {
    const token = await issuer.forClient('builds');
    const mark = 'id=jwt-place';
    expect((await call(gateway, headers(token), { model: `up/ok/text?${mark}` })).status).toBe(200);
    const seen = gateway.upstream.journal.of(mark).at(-1);
    expect(`${seen?.rawHeaders.join('\n')}\n${seen?.path}\n${seen?.body}`).not.toContain(token);
  });

  it('leave Authorization to the provider that is asked with it', async () => {
    const token = await issuer.forUser('guest');
    const mark = 'id=jwt-passthrough';
    const served = await call(gateway, { 'x-weir-key': token, ...bearer('sk-of-the-caller') }, { model: `own/ok/text?${mark}` });
    expect(served.status, served.text).toBe(200);
    expect(gateway.upstream.journal.of(mark).at(-1)?.headers.authorization).toBe('Bearer sk-of-the-caller');
    const twice = await call(gateway, { 'x-weir-key': token, ...bearer(token) }, { model: `own/ok/text?${mark}` });
    expect(twice.status).toBe(401);
  });

  it('say where their calls go, where a rule asks for what they claim', async () => {
    const served = async (token: string) => (await call(gateway, bearer(token), { model: 'by-claims' })).headers.get('x-weir-model');
    expect(await served(await issuer.forClient('builds'))).toBe('ant/ok/text');
    expect(await served(await issuer.forUser('reader'))).toBe('up/ok/text');
  });

  it('of people are held to limits of each, whoever else they say they are', async () => {
    const ann = await issuer.forUser('ann');
    const bob = await issuer.forUser('bob');
    for (let count = 0; count < 2; count++) expect((await call(gateway, bearer(ann))).status).toBe(200);
    const refused = await call(gateway, { ...bearer(ann), 'x-weir-user': 'eve' }, { extra: { user: 'mallory' } });
    expect(refused).toMatchObject({ status: 400, code: 'budget_exceeded' });
    // Another token of the same person is the same person.
    expect((await call(gateway, bearer(await issuer.forUser('ann')))).status).toBe(400);
    const served = await call(gateway, bearer(bob));
    expect(served.status).toBe(200);
    expect(await gateway.row(served.headers.get('x-weir-request-id'))).toMatchObject({
      metadata: { person: 'bob@acme.example' },
      user: 'bob@acme.example',
    });
  });

  it('hold to the limit exactly, however many calls of one person come at once', async () => {
    const token = await issuer.forUser('carl');
    const answers = await Promise.all(Array.from({ length: 30 }, () => call(gateway, bearer(token))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(answers.filter(({ code }) => code === 'budget_exceeded')).toHaveLength(28);
  });

  it('are refused without the scope, and of clients that are no app here', async () => {
    const looking = await call(gateway, bearer(await issuer.forClient('builds', 'ai:look')));
    expect(looking).toMatchObject({ status: 403, code: 'not_allowed' });
    expect(looking.message).toContain('scope');
    const stranger = await call(gateway, bearer(await issuer.forClient('stranger')));
    expect(stranger).toMatchObject({ status: 401, code: 'invalid_key' });
  });

  it('cost the issuer one look at its keys, and not another for keys that it does not have', async () => {
    const looks = () => issuer.asked.filter((path) => path === '/jwks').length;
    const [, payload = ''] = (await issuer.forClient('builds')).split('.');
    const before = looks();
    expect(before).toBe(1);
    const forged = Array.from({ length: 50 }, (_each, at) => {
      const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `unknown-${at}`, jku: `${issuer.issuer}/other` })).toString(
        'base64url',
      );
      return `${header}.${payload}.${'A'.repeat(342)}`;
    });
    const answers = await Promise.all(forged.map((token) => call(gateway, bearer(token))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(looks() - before).toBeLessThanOrEqual(1);
    expect(issuer.asked).not.toContain('/other');
  });

  it('that come together before the keys are known cost one look, too', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.forClient('builds')));
    const looks = () => issuer.asked.filter((path) => path === '/jwks').length;
    const before = looks();
    // Another entry than before: nothing is remembered of it.
    await publish(gateway, [{ ...entry(), clockTolerance: 30 }]);
    const answers = await Promise.all(tokens.map((token) => call(gateway, bearer(token))));
    expect(answers.map(({ status }) => status)).toEqual(tokens.map(() => 200));
    expect(looks() - before).toBe(1);
    await publish(gateway, [entry()]);
    expect((await call(gateway, bearer(await issuer.forClient('builds')))).status).toBe(200);
    expect(looks() - before).toBe(1);
  });

  it('end with their app: what is disabled is not served a second later, and answers that flow end', async () => {
    const token = await issuer.forClient('builds');
    const flowing = await openCall(gateway.url, 'openai', 'up/fault/pace?ms=50&words=2000', { headers: bearer(token) });
    const ended = new Promise<string>((resolve) => flowing.response.once('close', () => resolve(flowing.received().toString())));
    await until(() => /w3\b/.test(flowing.received().toString()), 15_000, 'some words');
    const { items } = (await ask(gateway, 'GET', '/apps?name=builds')).body as { items: { id: string }[] };
    await ask(gateway, 'PATCH', `/apps/${items[0]?.id}`, { disabled: true });
    await until(async () => (await call(gateway, bearer(token))).status === 401, 15_000, 'the app is disabled');
    expect(await ended).toMatch(/revoked(?![\s\S]*\[DONE\])/);
    await ask(gateway, 'PATCH', `/apps/${items[0]?.id}`, { disabled: false });
    await until(async () => (await call(gateway, bearer(token))).status === 200, 15_000, 'the app is back');
  });

  it('administer the gateway where they say so, under their own name', async () => {
    const asking = (token: string, init: RequestInit = {}) =>
      fetch(`${gateway.url}/admin/v1/orgs`, { ...init, headers: { ...bearer(token), 'content-type': 'application/json' } });
    expect((await asking(await issuer.forUser('ann'))).status).toBe(403);
    expect((await asking(await issuer.forClient('builds'))).status).toBe(403);
    const root = await issuer.forUser('root');
    const made = await asking(root, { method: 'POST', body: JSON.stringify({ name: 'made-by-root' }) });
    expect(made.status, await made.clone().text()).toBe(201);
    const { id } = (await made.json()) as { id: string };
    const { body } = await ask(gateway, 'GET', `/audit?subject=${id}`);
    expect(body.items).toMatchObject([{ actor: 'jwt:acme:root', action: 'org.create' }]);
    expect((await asking(ADMIN_TOKEN)).status).toBe(200);
  });
});
