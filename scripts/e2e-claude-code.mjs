import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gatewayWith, installed, KEY, steps } from './e2e/scratch.mjs';
import { FINAL, scriptedVendor } from './e2e/scripted-vendor.mjs';

// `npm run e2e:claude-code`: the real coding agent, headless, through the gateway, against a scripted vendor that has it
// write a file. Once where the vendor speaks the agent's own dialect, once where every call and answer is translated.
// An extra: it installs some 360 MB once, and is no part of `npm run check`.

const VERSION = '2.1.329';
const CONTENT = 'written through the gateway: Zürich 👩‍🚀\n';

/** One run of the agent, in a folder and a home of its own; its JSON answer. */
async function agent(binary, gateway, model, folder) {
  const home = path.join(folder, 'home');
  const work = path.join(folder, 'work');
  await Promise.all([mkdir(home), mkdir(work)]);
  const child = spawn(binary, ['-p', 'Write the file.', '--model', model, '--output-format', 'json', '--allowedTools', 'Write'], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: home,
      // The agent refuses to use tools as root unless it is told that it stands in a box of its own.
      IS_SANDBOX: '1',
      ANTHROPIC_BASE_URL: gateway.url,
      ANTHROPIC_AUTH_TOKEN: KEY,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    },
  });
  const timer = setTimeout(() => child.kill(), 120_000);
  const [out, err, code] = await Promise.all([
    child.stdout.toArray(),
    child.stderr.toArray(),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  clearTimeout(timer);
  assert.equal(code, 0, `the agent ended with ${code}\n${Buffer.concat(out)}\n${Buffer.concat(err)}`);
  return JSON.parse(Buffer.concat(out).toString());
}

async function roundTrip(binary, model, dialect) {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-agent-'));
  const file = path.join(folder, 'work', 'proof.txt');
  const vendor = await scriptedVendor({ file_path: file, content: CONTENT });
  const gateway = await gatewayWith({
    providers: {
      native: { like: 'anthropic', baseUrl: vendor.origin, key: { value: 'vendor-key' } },
      foreign: { like: 'openai', baseUrl: `${vendor.origin}/v1`, key: { value: 'vendor-key' } },
    },
    models: { native: 'native/scripted', foreign: 'foreign/scripted' },
  });
  try {
    const answer = await agent(binary, gateway, model, folder);
    assert.equal(answer.is_error, false, JSON.stringify(answer));
    assert.equal(answer.result, FINAL);
    assert.equal(await readFile(file, 'utf8'), CONTENT);
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0, 'usage reached the agent');
    const turns = vendor.calls.filter(({ asks }) => asks);
    assert.ok(
      turns.every((call) => call.dialect === dialect && call.stream),
      'every turn was streamed, in the dialect of the vendor',
    );
    assert.equal(turns.filter(({ told }) => told !== undefined).length, 1, 'the result of the tool reached the vendor once');
    const rows = await gateway.requests(vendor.calls.length);
    assert.deepEqual([...new Set(rows.map(({ status }) => status))], ['complete']);
    return `${vendor.calls.length} calls, ${rows.map(({ lane }) => lane ?? 'whole').join(' ')}`;
  } finally {
    vendor.stop();
    await gateway.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const folder = await installed('claude-code', [`@anthropic-ai/claude-code@${VERSION}`]);
// The package's own command is put there by an install script; the binary is in the package of the platform.
const binary = path.join(folder, 'node_modules', '@anthropic-ai', `claude-code-${process.platform}-${process.arch}`, 'claude');
console.log(`Claude Code ${VERSION}`);
await steps([
  ['writes a file when the vendor speaks its dialect', () => roundTrip(binary, 'native', 'anthropic')],
  ['writes a file when every answer is translated from Chat Completions', () => roundTrip(binary, 'foreign', 'openai-chat')],
]);
