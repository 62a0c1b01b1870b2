import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KEY } from '../gateway.ts';
import { call, initialize, modern, post } from '../mcp/gateway.ts';
import { type OAuthGateway, startOAuthGateway, tokensFor } from './fixture.ts';

let oauth: OAuthGateway;
let everything: string;
beforeAll(async () => {
  oauth = await startOAuthGateway();
  everything = `${oauth.url}/mcp/everything`;
}, 180_000);
afterAll(() => oauth?.stop());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const challengeFor = (scope: string) =>
  `Bearer error="insufficient_scope", scope="${scope}", resource_metadata="${oauth.url}/.well-known/oauth-protected-resource/mcp/everything"`;

describe('scopes of a route', () => {
  it('are needed by tokens for every request, and by tools besides: all are named at once', async () => {
    const { tokens } = await tokensFor(oauth.url, { scope: 'mcp:multiple' });
    expect(tokens.scope).toBe('mcp:multiple');
    const list = await modern(everything, 1, 'tools/list', {}, bearer(tokens.access_token));
    expect([list.status, list.headers.get('www-authenticate')]).toEqual([403, challengeFor('mcp:use')]);
    const { tokens: base } = await tokensFor(oauth.url);
    const allowed = await call(everything, 2, 'test_simple_text', {}, bearer(base.access_token));
    expect(allowed.status).toBe(200);
    const refused = await call(everything, 3, 'test_multiple_content_types', {}, bearer(base.access_token));
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([403, challengeFor('mcp:use mcp:multiple')]);
    expect(refused.messages[0]).toMatchObject({ id: 3, error: { data: { code: 'insufficient_scope' } } });
    const listed = await modern(everything, 4, 'tools/list', {}, bearer(base.access_token));
    expect(listed.messages[0]?.result.tools.map(({ name }: { name: string }) => name)).toContain('test_multiple_content_types');
    const { tokens: both } = await tokensFor(oauth.url, { scope: 'mcp:use mcp:multiple' });
    expect((await call(everything, 5, 'test_multiple_content_types', {}, bearer(both.access_token))).status).toBe(200);
  });

  it('hold in sessions of older clients, in every message and every batch', async () => {
    const { tokens } = await tokensFor(oauth.url);
    const { session } = await initialize(everything, {}, bearer(tokens.access_token));
    const asked = (id: number, name: string) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } });
    expect((await post(everything, asked(1, 'test_simple_text'), session)).status).toBe(200);
    const refused = await post(everything, asked(2, 'test_multiple_content_types'), session);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([403, challengeFor('mcp:use mcp:multiple')]);
  });

  it('are what every request needs, for clients that ask for none', async () => {
    const { tokens } = await tokensFor(oauth.url, { scope: '' });
    expect(tokens.scope).toBe('mcp:use');
  });

  it('do not hold for keys, which know none', async () => {
    expect((await call(everything, 1, 'test_multiple_content_types', {}, bearer(KEY))).status).toBe(200);
  });

  it('are given to whom the operator lets have them', async () => {
    const scopes = { 'mcp:multiple': { description: 'Several things', claims: { groups: 'platform' } } };
    onTestFinished(() => oauth.publish());
    await oauth.publish({ scopes });
    const ask = async (person: string) => (await tokensFor(oauth.url, { scope: 'mcp:use mcp:multiple unknown', person })).tokens.scope;
    expect(await ask('ann')).toBe('mcp:use');
    expect(await ask('root')).toBe('mcp:use mcp:multiple');
  });
});

describe('tokens of other issuers', () => {
  it('are held to what they say in scope or scp, and those that say none have none', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const jwt = {
      use: 'jwt',
      name: 'inside',
      issuer: 'inside',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k' }] },
      audience: 'weir',
      as: { org: 'acme', app: 'builds' },
    };
    await oauth.publish({}, { identities: [jwt] });
    const status = async (claims: JWTPayload, tool: string) => {
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer('inside')
        .setAudience('weir')
        .setExpirationTime('5m')
        .sign(privateKey);
      return (await call(everything, 1, tool, {}, bearer(token))).status;
    };
    expect(await status({}, 'test_simple_text')).toBe(403);
    expect(await status({ scope: 'mcp:use' }, 'test_simple_text')).toBe(200);
    expect(await status({ scope: 'mcp:use' }, 'test_multiple_content_types')).toBe(403);
    expect(await status({ scp: ['mcp:use', 'mcp:multiple'] }, 'test_multiple_content_types')).toBe(200);
  });
});
