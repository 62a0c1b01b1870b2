import { spawn } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closedPort } from '../ports.ts';
import { Browser } from './browser.ts';
import { allow, type OAuthGateway, register, startOAuthGateway } from './fixture.ts';

// The part of the official conformance suite that tests authorization servers. It prints where somebody should sign in,
// and waits for them to come back.

let oauth: OAuthGateway;
beforeAll(async () => {
  oauth = await startOAuthGateway();
}, 180_000);
afterAll(() => oauth?.stop());

const cli = path.join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js');

it('passes every scenario', { timeout: 90_000 }, async () => {
  const port = await closedPort();
  const callback = `http://127.0.0.1:${port}/callback`;
  const client = await register(oauth.url, { redirect_uris: [callback] });
  const args = [cli, 'authorization', '--url', oauth.url, '--client-id', client.client_id, '-p', String(port)];
  const suite = spawn(process.execPath, [...args, '--resource', `${oauth.url}/mcp/everything`], { env: { ...process.env, NO_COLOR: '1' } });
  let text = '';
  let seen = 0;
  const visit = async () => {
    for (const [asked] of [...text.matchAll(/https?:\/\/\S+\/oauth\/authorize\?\S+/g)].slice(seen)) {
      seen += 1;
      const back = await allow(new Browser(), asked, 'ann', callback);
      await (await fetch(back)).text();
    }
  };
  const listen = (chunk: Buffer) => {
    text += chunk.toString();
    visit().catch((error: unknown) => suite.kill(String(error) === '' ? 'SIGTERM' : 'SIGKILL'));
  };
  suite.stdout.on('data', listen);
  suite.stderr.on('data', listen);
  const code = await new Promise<number | null>((resolve) => suite.once('close', resolve));
  expect(seen, text).toBeGreaterThan(0);
  expect([...text.matchAll(/^✗ .*/gm)].map(([line]) => line)).toEqual([]);
  expect([...text.matchAll(/^✓ /gm)].length, text).toBeGreaterThanOrEqual(2);
  expect(code, text).toBe(0);
});
