import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** What an OpenID provider may get wrong, or have done to it. */
export interface Script {
  /** `iss` of the answer that goes over the browser; `null`: none. */
  iss?: string | null;
  error?: string;
  nonce?: string;
  audience?: string;
  /** Of the userinfo. */
  sub?: string;
  /** Who signed the ID token. */
  forged?: boolean;
}

export interface ScriptedProvider {
  readonly issuer: string;
  script: Script;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** An identity assertion (ID-JAG) of its own. */
  assertion(claims: JWTPayload, type?: string): Promise<string>;
  close(): Promise<void>;
}

/** An OpenID provider that signs everybody in at once, and does wrong what it is told to. */
export async function startScriptedProvider(clientId: string): Promise<ScriptedProvider> {
  const [good, other] = await Promise.all([generateKeyPair('RS256', { extractable: true }), generateKeyPair('RS256')]);
  const jwk = { ...(await exportJWK(good.publicKey)), alg: 'RS256', use: 'sig', kid: 'k' };
  const asked: string[] = [];
  const nonces = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', issuer);
    asked.push(url.pathname);
    const { script } = provider;
    const json = (body: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/.well-known/openid-configuration') {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        userinfo_endpoint: `${issuer}/userinfo`,
        jwks_uri: `${issuer}/jwks`,
        authorization_response_iss_parameter_supported: true,
        token_endpoint_auth_methods_supported: ['client_secret_post'],
      });
    }
    if (url.pathname === '/jwks') return json({ keys: [jwk] });
    if (url.pathname === '/authorize') {
      const back = new URL(url.searchParams.get('redirect_uri') ?? '');
      const code = crypto.randomUUID();
      nonces.set(code, url.searchParams.get('nonce') ?? '');
      back.searchParams.set('state', url.searchParams.get('state') ?? '');
      if (script.error === undefined) back.searchParams.set('code', code);
      else back.searchParams.set('error', script.error);
      if (script.iss !== null) back.searchParams.set('iss', script.iss ?? issuer);
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === '/token') {
      let body = '';
      for await (const chunk of request) body += chunk;
      const form = new URLSearchParams(body);
      if (form.get('client_secret') === null || (form.get('code_verifier') ?? '').length < 43)
        return json({ error: 'invalid_client' }, 401);
      const token = new SignJWT({ nonce: script.nonce ?? nonces.get(form.get('code') ?? '') })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(issuer)
        .setSubject('sam')
        .setAudience(script.audience ?? clientId)
        .setExpirationTime('5m')
        .setIssuedAt();
      return json({
        access_token: 'at',
        token_type: 'Bearer',
        id_token: await token.sign(script.forged ? other.privateKey : good.privateKey),
      });
    }
    if (url.pathname === '/userinfo') {
      return json({ sub: script.sub ?? 'sam', email: 'sam@acme.example', department: 'builds', groups: ['people'] });
    }
    return json({}, 404);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: ScriptedProvider = {
    issuer,
    script: {},
    asked,
    assertion: (claims, typ = 'oauth-id-jag+jwt') =>
      new SignJWT({
        iss: issuer,
        sub: 'sam',
        jti: crypto.randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        exp: Math.floor(Date.now() / 1000) + 120,
        ...claims,
      })
        .setProtectedHeader({ alg: 'RS256', kid: 'k', typ })
        .sign(good.privateKey),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return provider;
}
