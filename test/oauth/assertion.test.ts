import type { JWTPayload } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { modern } from '../mcp/gateway.ts';
import { type Client, type OAuthGateway, redeemAt, register, startOAuthGateway, type Tokens } from './fixture.ts';
import { type ScriptedProvider, startScriptedProvider } from './scripted-provider.ts';

// Enterprise-managed authorization: the provider of an organisation says by an assertion that a client may act for a person,
// and nobody has to sign in or consent.

let oauth: OAuthGateway;
let provider: ScriptedProvider;
let client: Client;
let url: string;
let everything: string;

beforeAll(async () => {
  [oauth, provider] = await Promise.all([startOAuthGateway(), startScriptedProvider('weir')]);
  url = oauth.url;
  everything = `${url}/mcp/everything`;
  await oauth.publish({ assertions: [{ issuer: provider.issuer }] });
  client = await register(url, { token_endpoint_auth_method: 'client_secret_post', client_name: 'Managed' });
}, 120_000);
afterAll(() => Promise.all([oauth?.stop(), provider?.close()]));

const good = (): JWTPayload => ({
  aud: url,
  client_id: client.client_id,
  resource: everything,
  scope: 'mcp:use',
  email: 'sam@acme.example',
  department: 'builds',
});

const exchange = (assertion: string, more: Record<string, string> = {}) =>
  redeemAt(url, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    client_id: client.client_id,
    client_secret: client.client_secret ?? '',
    assertion,
    ...more,
  });

it('is said in the metadata, where the operator takes assertions', async () => {
  const metadata = (await (await fetch(`${url}/.well-known/oauth-authorization-server`)).json()) as Record<string, unknown>;
  expect(metadata).toMatchObject({
    grant_types_supported: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
    authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
  });
});

it('gives an access token as that person, and no refresh token', async () => {
  const response = await exchange(await provider.assertion(good()));
  expect(response.status, await response.clone().text()).toBe(200);
  const tokens = (await response.json()) as Tokens;
  expect(tokens).toMatchObject({ scope: 'mcp:use', resource: everything, token_type: 'Bearer' });
  expect(tokens.refresh_token).toBeUndefined();
  const called = await modern(everything, 1, 'tools/list', {}, { authorization: `Bearer ${tokens.access_token}` });
  expect(called.status, called.text).toBe(200);
  expect(await oauth.gateway.row(called.headers.get('x-weir-request-id'))).toMatchObject({
    keyId: 'oauth:people',
    user: 'sam@acme.example',
  });
});

it('takes an assertion once, of twenty at the same time', async () => {
  const assertion = await provider.assertion(good());
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(assertion)));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
});

it.each<[string, JWTPayload, string | undefined, Record<string, string>, string]>([
  ['for another server', { aud: 'https://elsewhere.example' }, undefined, {}, 'invalid_grant'],
  ['of another client', { client_id: 'another' }, undefined, {}, 'invalid_grant'],
  ['of another provider', { iss: 'https://elsewhere.example' }, undefined, {}, 'invalid_grant'],
  ['that is an ID token', {}, 'JWT', {}, 'invalid_grant'],
  ['that is over', { exp: 1_700_000_000 }, undefined, {}, 'invalid_grant'],
  ['that is good for an hour', { exp: Math.floor(Date.now() / 1000) + 3_600 }, undefined, {}, 'invalid_grant'],
  ['without a name of its own', { jti: '' }, undefined, {}, 'invalid_grant'],
  ['for a person who is no app here', { department: 'nobody' }, undefined, {}, 'invalid_grant'],
  ['for no resource', { resource: 'https://elsewhere.example/mcp' }, undefined, {}, 'invalid_target'],
  ['for another resource than is asked for', {}, undefined, { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
  ['for less than is asked for', {}, undefined, { scope: 'mcp:use mcp:multiple' }, 'invalid_scope'],
  ['by a client without its secret', {}, undefined, { client_secret: 'wrong' }, 'invalid_client'],
])('refuses one %s', async (_case, claims, type, more, error) => {
  const response = await exchange(await provider.assertion({ ...good(), ...claims }, type), more);
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
  expect(await response.json()).toMatchObject({ error });
});

it('refuses what is none, and everything where the operator takes none', async () => {
  expect(await (await exchange('not.a.token')).json()).toMatchObject({ error: 'invalid_grant' });
  await oauth.publish();
  expect(await (await exchange(await provider.assertion(good()))).json()).toMatchObject({ error: 'unsupported_grant_type' });
});
