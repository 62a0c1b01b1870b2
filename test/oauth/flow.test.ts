import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, modern } from '../mcp/gateway.ts';
import { Browser } from './browser.ts';
import {
  allow,
  authorizeUrl,
  CALLBACK,
  type OAuthGateway,
  pkce,
  redeemAt,
  refreshForm,
  register,
  startOAuthGateway,
  type Tokens,
  tokensFor,
} from './fixture.ts';

let oauth: OAuthGateway;
beforeAll(async () => {
  oauth = await startOAuthGateway();
}, 180_000);
afterAll(() => oauth?.stop());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('discovery', () => {
  it('leads from a challenge over the resource to the authorization server', async () => {
    const refused = await call(`${oauth.url}/mcp/everything`, 1, 'test_simple_text', {}, { authorization: '' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer scope="mcp:use", resource_metadata="${oauth.url}/.well-known/oauth-protected-resource/mcp/everything"`,
    );
    const resource = await (await fetch(`${oauth.url}/.well-known/oauth-protected-resource/mcp/everything`)).json();
    expect(resource).toEqual({
      resource: `${oauth.url}/mcp/everything`,
      resource_name: 'everything',
      bearer_methods_supported: ['header'],
      authorization_servers: [oauth.url],
      scopes_supported: ['mcp:use'],
    });
    const whole = await (await fetch(`${oauth.url}/.well-known/oauth-protected-resource`)).json();
    expect(whole).toMatchObject({ resource: oauth.url, authorization_servers: [oauth.url] });
    const server = await fetch(`${oauth.url}/.well-known/oauth-authorization-server`);
    expect(await server.json()).toEqual({
      issuer: oauth.url,
      authorization_endpoint: `${oauth.url}/oauth/authorize`,
      token_endpoint: `${oauth.url}/oauth/token`,
      revocation_endpoint: `${oauth.url}/oauth/revoke`,
      registration_endpoint: `${oauth.url}/oauth/register`,
      scopes_supported: ['mcp:use', 'mcp:multiple'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
    });
  });
});

describe('signing in', () => {
  it('asks for consent, signs in at the organisation, and gives tokens that call tools as that person', async () => {
    const client = await register(oauth.url);
    const { verifier, challenge } = pkce();
    const browser = new Browser();
    const back = await allow(browser, authorizeUrl(oauth.url, { client, challenge, state: 'of the client' }));
    const [consent] = browser.pages;
    expect(consent?.text).toContain('A client of the tests');
    expect(consent?.text).toContain('127.0.0.1:51234');
    expect(consent?.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'nonce-[\w-]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(consent?.text).not.toContain('<script');
    expect(back.searchParams.get('state')).toBe('of the client');
    expect(back.searchParams.get('iss')).toBe(oauth.url);
    const code = back.searchParams.get('code') ?? '';
    const response = await redeemAt(oauth.url, {
      grant_type: 'authorization_code',
      client_id: client.client_id,
      code,
      redirect_uri: CALLBACK,
      code_verifier: verifier,
    });
    expect(response.status, await response.clone().text()).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const tokens = (await response.json()) as Tokens;
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'mcp:use', resource: `${oauth.url}/mcp/everything` });
    const called = await call(`${oauth.url}/mcp/everything`, 1, 'test_simple_text', {}, bearer(tokens.access_token));
    expect(called.status, called.text).toBe(200);
    expect(called.messages[0]?.result.content[0].text).toContain('simple text');
    const row = await oauth.gateway.row(called.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ keyId: 'oauth:people', user: 'ann@acme.example', route: 'everything' });
  });

  it('gives tokens that are refreshed, and good for one resource alone', async () => {
    const { client, tokens } = await tokensFor(oauth.url);
    const refreshed = await redeemAt(oauth.url, refreshForm(client, tokens.refresh_token));
    expect(refreshed.status).toBe(200);
    const next = (await refreshed.json()) as Tokens;
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    expect((await modern(`${oauth.url}/mcp/everything`, 1, 'tools/list', {}, bearer(next.access_token))).status).toBe(200);
    const other = await modern(`${oauth.url}/mcp/other`, 1, 'tools/list', {}, bearer(next.access_token));
    expect(other.status).toBe(401);
    expect(other.headers.get('www-authenticate')).toContain('error="invalid_token"');
    const models = await fetch(`${oauth.url}/v1/models`, { headers: bearer(next.access_token) });
    expect(models.status).toBe(401);
  });

  it('gives tokens for the gateway itself, where those are asked for', async () => {
    const { tokens } = await tokensFor(oauth.url, { resource: oauth.url, scope: '' });
    expect((await fetch(`${oauth.url}/v1/models`, { headers: bearer(tokens.access_token) })).status).toBe(200);
    expect((await modern(`${oauth.url}/mcp/everything`, 1, 'tools/list', {}, bearer(tokens.access_token))).status).toBe(401);
  });

  it('tells a client that it was not allowed', async () => {
    const client = await register(oauth.url);
    const browser = new Browser();
    await browser.open(authorizeUrl(oauth.url, { client, challenge: pkce().challenge }));
    const back = new URL(await browser.send({ decision: 'deny' }, CALLBACK));
    expect(Object.fromEntries(back.searchParams)).toMatchObject({ error: 'access_denied', state: 'st', iss: oauth.url });
  });
});
