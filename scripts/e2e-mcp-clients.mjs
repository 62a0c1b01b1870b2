import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { claudeCode } from './e2e/agents/claude-code.mjs';
import { codex } from './e2e/agents/codex.mjs';
import { jsonLines, launch } from './e2e/agents/launch.mjs';
import { gatewayWith, installed, KEY, steps, until } from './e2e/scratch.mjs';
import { LOOK, scriptedVendor } from './e2e/scripted-vendor.mjs';

// `npm run e2e:mcp-clients [-- inspector|claude|codex …]`: clients of MCP as people have them, headless, through the gateway
// to `server-everything`, each set up by `weir configure --write` in a home of its own. The agents' models are a scripted
// vendor behind the same gateway, which asks for the tool. An extra: it installs some hundred MB once, and is no part of
// `npm run check`.

const INSPECTOR = '2.12.0';
const root = path.dirname(import.meta.dirname);
const run = promisify(execFile);
const wanted = process.argv.slice(2);

/** Starts a server of npm's over HTTP. */
async function everything() {
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
  const entry = path.join(root, 'node_modules', '@modelcontextprotocol', 'server-everything', 'dist', 'index.js');
  const child = spawn(process.execPath, [entry, 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  await until(
    () =>
      fetch(url).then(
        () => true,
        () => false,
      ),
    'server-everything listens',
    20_000,
  );
  return { url, stop: () => child.kill() };
}

const vendor = await scriptedVendor();
const server = await everything();
const key = { value: 'vendor-key' };
const gateway = await gatewayWith({
  providers: {
    'scripted-anthropic': { like: 'anthropic', baseUrl: `${vendor.origin}/anthropic/v1`, key },
    'scripted-chat': { like: 'openai', baseUrl: `${vendor.origin}/chat/v1`, dialects: ['openai-chat'], key },
  },
  models: { scripted: 'scripted-anthropic/scripted', 'gpt-5.5-scripted': 'scripted-chat/scripted' },
  routes: [
    { name: 'llm', kind: 'llm' },
    { name: 'team', kind: 'mcp', sources: [{ kind: 'remote', url: server.url, prefix: 'every' }], prices: { '*__echo': 0.001 } },
  ],
});

/** What a person has: a home and a project, with what `weir configure` wrote into them. */
async function person(client, ...more) {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-mcp-'));
  const [home, work] = [path.join(folder, 'home'), path.join(folder, 'work')];
  await Promise.all([mkdir(home), mkdir(work)]);
  if (client !== undefined) {
    const env = { ...process.env, HOME: home, WEIR_URL: gateway.url };
    await run(process.execPath, [path.join(root, 'scripts', 'weir.mjs'), 'configure', client, 'team', '--write', ...more], {
      cwd: work,
      env,
    });
  }
  return { home, work, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** The calls of a tool that came since, as the log has them. */
async function logged(since, tool) {
  const at = `/requests?limit=100&mcp_method=tools/call&tool=${tool}&since=${since}`;
  await until(async () => (await gateway.admin(at)).items.length > 0, `a call of ${tool} in the log`);
  const { items } = await gateway.admin(at);
  assert.deepEqual([...new Set(items.map(({ status }) => status))], ['complete']);
  assert.ok(
    items.every(({ cost }) => cost === 1_000_000),
    'each at its price',
  );
  const { facts } = items[0];
  return `${items.length} calls, ${facts.mcp.era}, ${facts.mcp.outcome}`;
}

const newProof = () => `proof-${randomBytes(6).toString('hex')} Zürich 👩‍🚀`;

async function inspector() {
  const folder = await installed('inspector', [`@modelcontextprotocol/inspector@${INSPECTOR}`]);
  const binary = path.join(folder, 'node_modules', '.bin', 'mcp-inspector');
  const ask = async (era, ...args) => {
    const { home, work, remove } = await person();
    const target = [`${gateway.url}/mcp/team`, '--transport', 'http', '--header', `Authorization: Bearer ${KEY}`, '--protocol-era', era];
    const ended = await launch(process.execPath, [binary, '--cli', ...target, ...args], { cwd: work, env: { HOME: home } });
    await remove();
    assert.equal(ended.code, 0, `${ended.out}\n${ended.err}`);
    return JSON.parse(ended.out);
  };
  console.log(`MCP Inspector ${INSPECTOR}`);
  await steps(
    ['legacy', 'auto', 'modern'].flatMap((era) => [
      [
        `${era}: lists tools, prompts and resources`,
        async () => {
          const { tools } = await ask(era, '--method', 'tools/list');
          assert.ok(tools.some(({ name }) => name === 'every__echo'));
          const { prompts } = await ask(era, '--method', 'prompts/list');
          const { resources } = await ask(era, '--method', 'resources/list');
          return `${tools.length} tools, ${prompts.length} prompts, ${resources.length} resources`;
        },
      ],
      [
        `${era}: calls a tool`,
        async () => {
          const [since, proof] = [Date.now(), newProof()];
          const called = ['--method', 'tools/call', '--tool-name', 'every__echo', '--tool-arg', `message=${proof}`];
          const { content } = await ask(era, ...called);
          assert.equal(content[0].text, `Echo: ${proof}`);
          return logged(since, 'every__echo');
        },
      ],
    ]),
  );
}

/** An agent that is asked to look, and whose model asks for the tool. */
async function look(agent, binary, model, played, launched) {
  const since = Date.now();
  const proof = newProof();
  const { home, work, remove } = await person(agent, '--llm', '--model', model);
  const calls = vendor.play(played(proof));
  try {
    const { code, text, all } = await launched(binary, { home, work, prompt: `${LOOK}: what does the server say?` });
    assert.equal(code, 0, all);
    assert.equal(text, `The file says: ${proof}`, `${all}\n${JSON.stringify(calls)}`);
    return await logged(since, 'every__echo');
  } finally {
    await remove();
  }
}

async function claude() {
  const binary = await claudeCode.install();
  console.log(claudeCode.title);
  const launched = async (command, { home, work, prompt }) => {
    const args = ['-p', prompt, '--mcp-config', '.mcp.json', '--allowedTools', 'mcp__team__every__echo', '--output-format', 'json'];
    const env = {
      HOME: home,
      IS_SANDBOX: '1',
      WEIR_KEY: KEY,
      ANTHROPIC_AUTH_TOKEN: KEY,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: 'scripted',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      // Else tools of servers are found by a search first.
      ENABLE_TOOL_SEARCH: 'false',
    };
    const { out, err, code } = await launch(command, args, { cwd: work, env });
    return { code, text: code === 0 ? JSON.parse(out).result : undefined, all: `${out}\n${err}` };
  };
  await steps([
    [
      'a tool of the gateway, asked for by its model',
      () => look('claude', binary, 'scripted', (proof) => [{ mcp__team__every__echo: { message: proof } }], launched),
    ],
  ]);
}

async function codexCli() {
  const binary = await codex.install();
  console.log(codex.title);
  const launched = async (command, { home, work, prompt }) => {
    const args = ['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt];
    const { out, err, code } = await launch(command, args, { cwd: work, env: { HOME: home, WEIR_KEY: KEY } });
    const text = jsonLines(out).findLast(({ item }) => item?.type === 'agent_message')?.item.text;
    return { code, text, all: `${out}\n${err}` };
  };
  const played = (proof) => [{ tool_search: { query: 'echo' } }, { mcp__team__every__echo: { message: proof } }];
  await steps([
    ['a tool of the gateway, searched for and called by its model', () => look('codex', binary, 'gpt-5.5-scripted', played, launched)],
  ]);
}

const CLIENTS = { inspector, claude, codex: codexCli };
try {
  for (const [name, drive] of Object.entries(CLIENTS)) if (wanted.length === 0 || wanted.includes(name)) await drive();
} finally {
  vendor.stop();
  server.stop();
  await gateway.stop();
}
