import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, until } from '../gateway.ts';
import { ask, make, makeFamily, makeKey } from '../tenants.ts';
import { AUDIENCE, type IdentityProvider, startIdentityProvider } from '../upstream/identity-provider.ts';
import { weirAt } from '../weir-command.ts';
import { Browser } from './browser.ts';
import { call, type McpGateway, modern, startMcpGateway } from './gateway.ts';
import { consent, linkIn, type Protected, startProtected } from './protected.ts';
import { type ScriptedIssuer, startScriptedIssuer } from './scripted-issuer.ts';

// Every other way in which a source comes by its credential: the vault, keys that callers store, grants of operators,
// tokens that the gateway gets by itself, and the caller's own token, exchanged.

const VAULT_VALUE = 'good-vault-canary-5555';
const USER_KEY = 'good-user-key-canary-6666';

let gateway: McpGateway;
let server: ScriptedIssuer;
let real: Protected;
let people: IdentityProvider;
let anna: { readonly key: string; readonly org: string };
let ben: { readonly key: string; readonly org: string };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const CLIENT = {
  client_id: 'weir',
  client_secret: 'client-secret-canary-7777',
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'client_secret_basic',
};

beforeAll(async () => {
  [gateway, server, people, real] = await Promise.all([
    startMcpGateway(),
    startScriptedIssuer(),
    startIdentityProvider([]),
    startProtected({ clients: [{ ...CLIENT, grant_types: ['client_credentials'] }] }),
  ]);
  const source = { url: server.url, name: 'desk', prefix: '' };
  const exchange = {
    use: 'token-exchange',
    tokenUrl: `${server.origin}/token`,
    clientId: 'weir',
    clientSecret: { value: 'exchange-secret' },
    audience: 'desk',
  };
  await gateway.publish(
    {
      vault: [{ ...source, key: { vault: 'desk-key' } }],
      keys: [{ ...source, header: 'x-api-key', auth: { use: 'user-key', help: 'You find it under <Settings>.' } }],
      shared: [{ ...source, url: real.url, auth: { use: 'oauth', shared: true } }],
      own: [
        { ...source, url: real.url, auth: { use: 'client-credentials', clientId: 'weir', clientSecret: { value: CLIENT.client_secret } } },
      ],
      exchanged: [{ ...source, auth: exchange }],
    },
    { identities: [{ use: 'jwt', name: 'people', issuer: people.issuer, audience: AUDIENCE, as: { app: 'dev', user: '{claims.sub}' } }] },
  );
  const caller = async (name: string) => {
    const { app, org } = await makeFamily(gateway, name);
    return { key: (await makeKey(gateway, { app, name })).key, org };
  };
  [anna, ben] = await Promise.all([caller('anna'), caller('ben')]);
}, 180_000);
afterAll(() => Promise.all([gateway?.stop(), server?.close(), people?.close(), real?.close()]));
beforeEach(() => server.say({}));

const whoami = (route: string, token: string) => call(gateway.mcp(route), 1, 'whoami', {}, bearer(token));
const said = async (asked: ReturnType<typeof whoami>) => (await asked).messages[0]?.result?.content?.[0]?.text;

describe('a key in the vault', () => {
  it('is that of the organisation of whoever calls, and nobody else is shown it', async () => {
    const before = await whoami('vault', anna.key);
    expect(before.messages[0]?.error).toMatchObject({
      data: { code: 'provider_key_missing' },
      message: expect.stringContaining('desk-key'),
    });
    const made = await ask(gateway, 'POST', '/credentials', { org: anna.org, name: 'desk-key', value: VAULT_VALUE });
    expect(made).toMatchObject({ status: 201, body: { name: 'desk-key', org: anna.org, revision: 1 } });
    expect(await said(whoami('vault', anna.key))).toBe(`shown Bearer ${VAULT_VALUE}`);
    expect((await whoami('vault', ben.key)).messages[0]?.error?.data?.code).toBe('provider_key_missing');
    const other = await make(gateway, 'credentials', { org: ben.org, name: 'desk-key', value: 'good-of-ben' });
    await until(async () => (await said(whoami('vault', ben.key))) === 'shown Bearer good-of-ben', 15_000, 'it is known');
    await ask(gateway, 'PATCH', `/credentials/${other.id}`, { value: 'good-of-ben-2' });
    expect(await said(whoami('vault', ben.key))).toBe('shown Bearer good-of-ben-2');
    expect((await ask(gateway, 'DELETE', `/credentials/${other.id}`)).status).toBe(200);
    expect((await whoami('vault', ben.key)).messages[0]?.error?.data?.code).toBe('provider_key_missing');
  });

  it('stands in no answer of the admin API, and in no file of the deployment', async () => {
    const { body } = await ask(gateway, 'GET', `/credentials?org=${anna.org}`);
    const [{ id } = { id: '' }] = body.items as { id: string }[];
    const answers = await Promise.all(
      [`/credentials/${id}`, '/credentials', '/audit?limit=100', `/audit/export?org=${anna.org}`, '/requests?limit=100', '/config'].map(
        async (at) => (await gateway.admin(at)).text(),
      ),
    );
    answers.push(JSON.stringify((await ask(gateway, 'PATCH', `/credentials/${id}`, { description: 'of the desk' })).body));
    expect(answers.join('\n')).toContain('desk-key');
    expect(answers.join('\n')).not.toContain('canary-5555');
    const files = readdirSync(gateway.stateDir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    const bytes = files.map((each) => readFileSync(path.join(each.parentPath, each.name)));
    expect(bytes.some((each) => each.includes('desk-key'))).toBe(true);
    expect(bytes.some((each) => each.includes('canary-5555'))).toBe(false);
  });

  it('is written, listed and deleted at the command line, from its input', async () => {
    const weir = (args: readonly string[], input?: string) => weirAt(gateway.url, args, {}, input);
    const set = await weir(['credentials', 'set', 'typed', '--org', anna.org], 'good-typed-canary\n');
    expect(set).toMatchObject({ code: 0, out: expect.stringContaining('revision 1') });
    const again = await weir(['credentials', 'set', 'typed', '--org', anna.org, '--json'], 'good-typed-canary-2\n');
    const { id, revision } = JSON.parse(again.out);
    expect(revision).toBe(2);
    expect((await weir(['credentials', 'list', '--org', anna.org])).out).toMatch(/typed +2/);
    expect((await weir(['credentials', 'delete', id])).out).toContain('is deleted');
    expect(`${set.out}${again.out}`).not.toContain('canary');
    expect((await weir(['credentials', 'set', 'typed'], 'x')).code).toBe(2);
    expect((await weir(['connections', 'list'])).code).toBe(0);
  });

  it('is refused where it could not be shown, and where one of its name is there', async () => {
    const post = (parts: object) => ask(gateway, 'POST', '/credentials', { org: anna.org, name: 'x', value: 'v', ...parts });
    expect(await post({ value: 'a\nb' })).toMatchObject({ status: 400, body: { param: 'value' } });
    expect(await post({ name: 'a b' })).toMatchObject({ status: 400, body: { param: 'name' } });
    expect(await post({ name: 'desk-key' })).toMatchObject({ status: 409, body: { code: 'already_exists' } });
  });
});

describe('keys that callers store', () => {
  const at = () => `${gateway.url}/oauth/connect/keys/desk`;

  it('are asked for on a page, each one of its own, and shown in the header that the source has', async () => {
    const told = await whoami('keys', anna.key);
    expect(told.messages[0]?.result).toMatchObject({ isError: true });
    const browser = new Browser();
    const page = await browser.open(linkIn(told.text));
    expect(page.text).toContain('You find it under &lt;Settings&gt;.');
    expect((await browser.submit(page, { key: 'ümlaut' })).text).toContain('That is no key');
    expect((await browser.submit(page, { key: USER_KEY })).text).toContain('is connected');
    expect(await said(whoami('keys', anna.key))).toBe(`shown ${USER_KEY}`);
    expect((await whoami('keys', ben.key)).messages[0]?.result.isError).toBe(true);
  });

  it('are stored, seen and forgotten by the API, and asked for again where the server refuses them', async () => {
    const put = (key: string) => fetch(at(), { method: 'PUT', headers: bearer(ben.key), body: JSON.stringify({ key }) });
    expect(await (await put('wrong')).json()).toEqual({ route: 'keys', source: 'desk', use: 'user-key', connected: true });
    expect(linkIn((await whoami('keys', ben.key)).text)).not.toBe('');
    await put('good-key-of-ben');
    expect(await said(whoami('keys', ben.key))).toBe('shown good-key-of-ben');
    const shown = await (await fetch(at(), { headers: bearer(ben.key) })).text();
    expect(shown).not.toContain('good-key');
    await fetch(at(), { method: 'DELETE', headers: bearer(ben.key) });
    expect((await whoami('keys', ben.key)).messages[0]?.result.isError).toBe(true);
    expect(await said(whoami('keys', anna.key))).toBe(`shown ${USER_KEY}`);
  });

  it('are listed for the operator without what they are, and taken back', async () => {
    const { body } = await ask(gateway, 'GET', `/connections?org=${anna.org}&source=desk`);
    expect(body.items).toMatchObject([{ org: anna.org, route: 'keys', source: 'desk', kind: 'key', user: null }]);
    expect(JSON.stringify(body)).not.toContain('canary');
    const [{ id } = { id: '' }] = body.items as { id: string }[];
    expect((await ask(gateway, 'DELETE', `/connections/${id}`)).status).toBe(200);
    expect((await whoami('keys', anna.key)).messages[0]?.result.isError).toBe(true);
    expect((await ask(gateway, 'DELETE', `/connections/${id}`)).status).toBe(404);
  });
});

describe('a grant of an operator', () => {
  it('is of all callers of its organisation and of no other', async () => {
    const before = await whoami('shared', anna.key);
    expect(before.messages[0]?.error?.data?.code).toBe('connection_needed');
    expect(linkIn(before.text)).toBe('');
    const link = await ask(gateway, 'POST', '/connections', { org: anna.org, route: 'shared', source: 'desk' });
    await consent(String(link.body.url), 'operator');
    expect(await said(whoami('shared', anna.key))).toBe('operator with tools:read');
    expect((await whoami('shared', ben.key)).messages[0]?.error?.data?.code).toBe('connection_needed');
    expect((await ask(gateway, 'POST', '/connections', { org: anna.org, route: 'keys', source: 'desk' })).status).toBe(404);
  });
});

describe('a token of the gateway itself', () => {
  it('is got from the authorization server of the server, once for all callers, by a secret that goes nowhere else', async () => {
    expect(await said(whoami('own', anna.key))).toContain('weir with');
    const before = real.tokenRequests.length;
    const texts = await Promise.all(Array.from({ length: 20 }, () => said(whoami('own', anna.key))));
    expect(new Set(texts).size).toBe(1);
    expect(real.tokenRequests).toHaveLength(before);
    const asked = real.tokenRequests.find(({ form }) => form.get('grant_type') === 'client_credentials');
    expect(Object.fromEntries(asked?.form ?? [])).toEqual({ grant_type: 'client_credentials', resource: real.url, scope: 'tools:read' });
    expect(JSON.stringify(real.shown)).not.toContain('canary');
  });
});

describe("the caller's own token", () => {
  it('is exchanged where the operator says, and never shown to the server', async () => {
    const token = await people.forUser('carla');
    const text = await said(whoami('exchanged', token));
    expect(text).toMatch(/^shown Bearer upstream-token-\d+$/);
    const form = server.tokens.at(-1);
    expect(Object.fromEntries(form ?? [])).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'desk',
      resource: server.url,
    });
    expect(server.shown.join('\n')).not.toContain(token);
    expect(server.arrived.filter((each) => each.includes(token)).every((each) => each.startsWith('POST /token'))).toBe(true);
    // The same caller, another token: what was got for the first is not shown for the second.
    const again = await people.forUser('carla');
    expect(await said(whoami('exchanged', again))).not.toBe(text);
    expect(await said(whoami('exchanged', await people.forUser('dirk')))).not.toBe(text);
  });

  it('is wanted: keys of the gateway are exchanged for nothing', async () => {
    const before = server.tokens.length;
    const refused = await whoami('exchanged', anna.key);
    expect(refused.messages[0]?.error?.data?.code).toBe('not_allowed');
    expect(server.tokens).toHaveLength(before);
  });

  it('grants nothing where the token endpoint refuses it', async () => {
    server.say({ tokenStatus: 400, token: { error: 'invalid_grant' } });
    const refused = await whoami('exchanged', await people.forUser('emma'));
    expect(refused.messages[0]?.error).toMatchObject({ data: { code: 'upstream_authorization' } });
  });
});

it('no key of a caller and no admin token ever reached anybody', async () => {
  await modern(gateway.mcp('keys'), 1, 'tools/list', {}, bearer(anna.key));
  const everything = `${server.arrived.join('\n')}\n${JSON.stringify([real.shown, real.tokenRequests.map(({ form, authorization }) => [`${form}`, authorization])])}`;
  for (const secret of [anna.key, ben.key, ADMIN_TOKEN]) expect(everything).not.toContain(secret);
});

it('the gateway says what it is as a client, at one address', async () => {
  const response = await fetch(`${gateway.url}/oauth/client-metadata.json`);
  expect(await response.json()).toMatchObject({
    client_id: `${gateway.url}/oauth/client-metadata.json`,
    redirect_uris: [`${gateway.url}/oauth/connect/callback`],
    token_endpoint_auth_method: 'none',
  });
});
