import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// A newcomer follows the READMEs of two shelves: one literal for a provider, one file for a policy, and their lines in
// the rolls. Nothing else of the repository is touched, and everything follows: types, laws, configuration, answers.

const run = promisify(execFile);
const root = path.dirname(import.meta.dirname);

const POLICY = `import { z } from 'zod';
import { definePolicy } from '../core/policy.ts';

/** Writes some letters of an answer large. */
export const shout = definePolicy({
  name: 'shout',
  config: z.strictObject({ letters: z.string().regex(/^[a-z]+$/).default('abcdefghijklmnopqrstuvwxyz') }),
  examples: [{}, { letters: 'aeiou' }],
  touches: 'edits',
  open: ({ letters }, { surface }) => ({
    chunk(chunk) {
      const found = surface.textOf(chunk);
      if (found === undefined) return [chunk];
      return [surface.withText(chunk, found.text.replace(/[a-z]/g, (letter) => (letters.includes(letter) ? letter.toUpperCase() : letter)))];
    },
  }),
});
`;

let copy: string;
let upstream: Server;
const seen: { readonly key: string | undefined; readonly model: string }[] = [];

beforeAll(async () => {
  copy = await mkdtemp(path.join(tmpdir(), 'weir-newcomer-'));
  await copyRepository(copy);
  await addProvider(path.join(copy, 'src', 'providers'));
  await addPolicy(path.join(copy, 'src', 'policies'));
  upstream = await startUpstream();
});

afterAll(async () => {
  upstream?.closeAllConnections();
  upstream?.close();
  await rm(copy, { recursive: true, force: true });
});

/** What a gateway is built, checked and tested from; packages by a link. */
async function copyRepository(to: string): Promise<void> {
  const apart = ['node_modules', '.git', '.weir', '.wrangler', '.dev.vars', 'test', 'docs', 'bench', 'dist', 'coverage'];
  const names = (await readdir(root)).filter((name) => !apart.includes(name));
  await Promise.all(names.map((name) => cp(path.join(root, name), path.join(to, name), { recursive: true })));
  await symlink(path.join(root, 'node_modules'), path.join(to, 'node_modules'), 'dir');
}

/** The literal of the shelf's own README, word for word. */
async function addProvider(shelf: string): Promise<void> {
  const readme = await readFile(path.join(shelf, 'README.md'), 'utf8');
  const literal = /```ts\n(\/\/ src\/providers\/acme\.ts\n[\s\S]*?)```/.exec(readme)?.[1];
  if (literal === undefined) throw new Error('src/providers/README.md shows no literal to begin with');
  await writeFile(path.join(shelf, 'acme.ts'), literal);
  await addToRoll(shelf, 'acme');
}

async function addPolicy(shelf: string): Promise<void> {
  await writeFile(path.join(shelf, 'shout.ts'), POLICY);
  await addToRoll(shelf, 'shout');
}

/** One line that imports it, and its name in the list. */
async function addToRoll(shelf: string, name: string): Promise<void> {
  const roll = path.join(shelf, 'index.ts');
  const before = await readFile(roll, 'utf8');
  const after = before.replace(/\n(?=import )/, `\nimport { ${name} } from './${name}.ts';\n`).replace(/(\[\] = \[)/, `$1${name}, `);
  if (after.split(name).length !== before.split(name).length + 3) throw new Error(`the roll ${roll} is not a plain list`);
  await writeFile(roll, after);
}

/** The smallest vendor that speaks Chat Completions. */
function startUpstream(): Promise<Server> {
  const server = createServer(async (request, response) => {
    const { model, stream } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { model: string; stream?: boolean };
    seen.push({ key: request.headers.authorization, model });
    const base = { id: 'c1', created: 1, model };
    if (stream !== true) {
      response.setHeader('content-type', 'application/json');
      const choices = [{ index: 0, message: { role: 'assistant', content: 'a good day' }, finish_reason: 'stop' }];
      response.end(
        JSON.stringify({ ...base, object: 'chat.completion', choices, usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 } }),
      );
      return;
    }
    response.setHeader('content-type', 'text/event-stream');
    for (const content of ['a go', 'od d', 'ay']) {
      const choices = [{ index: 0, delta: { content }, finish_reason: null }];
      response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices })}\n\n`);
    }
    const choices = [{ index: 0, delta: {}, finish_reason: 'stop' }];
    response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices })}\n\n`);
    response.end('data: [DONE]\n\n');
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const inCopy = (script: string, ...args: string[]) =>
  run(process.execPath, [path.join(root, 'node_modules', script), ...args], { cwd: copy, env: { ...process.env, CI: '1' } }).catch(
    (error: { stdout: string; stderr: string }) => {
      throw new Error(`${script} ${args.join(' ')}\n${error.stdout}\n${error.stderr}`);
    },
  );

describe('a provider in one literal and a policy in one file', () => {
  it('satisfy the compiler', async () => {
    await inCopy('typescript/bin/tsc', '-p', '.');
  }, 60_000);

  it('obey the laws of their shelves', async () => {
    const { stdout } = await inCopy(
      'vitest/vitest.mjs',
      'run',
      '--project',
      'unit',
      '--reporter',
      'verbose',
      'src/providers/laws',
      'src/policies/laws',
    );
    expect(stdout).toContain('acme obeys the laws');
    expect(stdout).toMatch(/shout for .*aeiou/);
  }, 90_000);

  it('can be configured and are at work in an answer', async () => {
    const { startGateway } = (await import(
      pathToFileURL(path.join(copy, 'scripts', 'gateway.mjs')).href
    )) as typeof import('../scripts/gateway.mjs');
    const secrets = { WEIR_ADMIN_TOKEN: 'admin', WEIR_DEV_KEY: 'weir_dev_newcomer', ACME_API_KEY: 'acme-credential' };
    const gateway = await startGateway({ port: 0, stateDir: path.join(copy, '.weir', 'state'), secrets });
    try {
      const { port } = upstream.address() as AddressInfo;
      const document = {
        providers: { acme: { baseUrl: `http://127.0.0.1:${port}/v1` } },
        policies: [{ use: 'shout', letters: 'aeiou' }],
      };
      const send = (method: string, at: string, token: string, body: object) =>
        fetch(gateway.url + at, {
          method,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const published = await send('PUT', '/admin/v1/config', secrets.WEIR_ADMIN_TOKEN, document);
      expect(await published.json()).toMatchObject({ revision: 1 });
      const call = { model: 'acme/m', messages: [{ role: 'user', content: 'Hello' }] };
      const whole = await send('POST', '/v1/chat/completions', secrets.WEIR_DEV_KEY, call);
      expect(await whole.json()).toMatchObject({ choices: [{ message: { content: 'A gOOd dAy' } }] });
      expect(whole.headers.get('x-weir-model')).toBe('acme/m');
      const streamed = await (await send('POST', '/v1/chat/completions', secrets.WEIR_DEV_KEY, { ...call, stream: true })).text();
      const deltas = [...streamed.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join('');
      expect(deltas).toBe('A gOOd dAy');
      expect(streamed.endsWith('data: [DONE]\n\n')).toBe(true);
      expect(seen).toEqual([
        { key: 'Bearer acme-credential', model: 'm' },
        { key: 'Bearer acme-credential', model: 'm' },
      ]);
    } finally {
      await gateway.stop();
    }
  }, 60_000);
});
