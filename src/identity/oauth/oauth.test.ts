import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { fakePorts } from '../../core/fakes.ts';
import { type AccessToken, resourceAt } from '../../core/oauth.ts';
import { oauth } from './oauth.ts';

const TOKEN = 'weir_oauth_a.b.c.d';
const ONE: AccessToken = {
  id: 'user:grant:token',
  resource: 'https://gateway.example/mcp/one',
  scopes: ['use'],
  client: 'client',
  claims: { sub: 'ann' },
  expiresAt: 2_000_000_000_000,
};

async function prove(url: string, found: AccessToken | undefined, settings: object = {}, token: string | undefined = TOKEN) {
  const mayBe = (text: string) => text.startsWith('weir_oauth_');
  const ports = { ...fakePorts(), accessTokens: { mayBe, find: async () => found, holds: async () => undefined } };
  const witness = oauth.witness(oauth.config.parse(settings), 'people');
  const shown = { request: new Request(url), mostBody: 1, ...(token === undefined ? {} : { token }) };
  return Promise.resolve(witness.prove(shown, ports)).catch((thrown: unknown) => {
    if (thrown instanceof GatewayError) return thrown.code;
    throw thrown;
  });
}

describe('an access token', () => {
  it('is good for its own resource, with what it says of the person and its client', async () => {
    expect(await prove('https://gateway.example/mcp/one', ONE)).toEqual({
      facts: { claims: { sub: 'ann' }, client: { id: 'client' } },
      scopes: ['use'],
      token: { id: 'user:grant:token', expiresAt: 2_000_000_000_000 },
    });
    expect(await prove('https://gateway.example/mcp/one/sse', ONE)).toMatchObject({ scopes: ['use'] });
    expect(await prove('https://gateway.example/mcp/one', { ...ONE, key: 'key_1' })).toMatchObject({ key: 'key_1' });
  });

  it.each([
    ['another server', 'https://gateway.example/mcp/two'],
    ['a server whose name begins alike', 'https://gateway.example/mcp/one2'],
    ['the gateway itself', 'https://gateway.example/v1/models'],
    ['another host', 'https://other.example/mcp/one'],
    ['another scheme', 'http://gateway.example/mcp/one'],
  ])('is not good for %s', async (_case, url) => {
    expect(await prove(url, ONE)).toBe('invalid_key');
  });

  it('is told by the address that the operator gives, where requests come to another one', async () => {
    const settings = { issuer: 'https://gateway.example' };
    expect(await prove('http://inside:8787/mcp/one', ONE, settings)).toMatchObject({ scopes: ['use'] });
    expect(await prove('http://inside:8787/mcp/two', ONE, settings)).toBe('invalid_key');
  });

  it('that nobody knows is refused, and what is none is for others to judge', async () => {
    expect(await prove('https://gateway.example/mcp/one', undefined)).toBe('invalid_key');
    expect(await prove('https://gateway.example/mcp/one', ONE, {}, 'weir_live_key')).toBeUndefined();
  });
});

it.each([
  ['/mcp/one', 'o/mcp/one'],
  ['/mcp/one/messages', 'o/mcp/one'],
  ['/mcp/one/more', 'o'],
  ['/mcp/', 'o'],
  ['/v1/mcp/one', 'o'],
  ['/', 'o'],
])('the resource at %s is %s', (path, resource) => {
  expect(resourceAt(path, 'o')).toBe(resource);
});

it.each([
  [{ issuer: 'https://ai.acme.example/' }, 'issuer'],
  [{ issuer: 'https://ai.acme.example/path' }, 'issuer'],
  [{ issuer: 'http://ai.acme.example' }, 'issuer'],
  [{ login: { issuer: 'http://login.acme.example', clientId: 'x' } }, 'login.issuer'],
  [{ login: { issuer: 'https://login.acme.example', clientId: 'x', scopes: ['email'] } }, 'login.scopes'],
  [{ assertions: [{ issuer: 'https://10.0.0.1' }] }, 'assertions.0'],
])('%j is refused at %s', (settings, path) => {
  expect(oauth.problems?.(oauth.config.parse(settings), { local: false }).map((each) => each.path)).toEqual([path]);
});
