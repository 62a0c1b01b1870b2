import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claudeCode } from './e2e/agents/claude-code.mjs';
import { codex, codexWebSocket } from './e2e/agents/codex.mjs';
import { geminiCli } from './e2e/agents/gemini-cli.mjs';
import { opencode, opencodeMessages } from './e2e/agents/opencode.mjs';
import { driveLimited } from './e2e/limited-agents.mjs';
import { gatewayWith, KEY, steps } from './e2e/scratch.mjs';
import { HELLO, LOOK, proofOf, scriptedVendor, wires } from './e2e/scripted-vendor.mjs';
import { watched } from './e2e/watched.mjs';

// `npm run e2e:agents [-- claude|codex|gemini|opencode …]`: real coding agents, headless, through the gateway, against a
// scripted vendor: a prompt, and a file read with the agent's own tool. Once where the vendor speaks the agent's dialect,
// and in every other dialect, where each call and answer is translated. An extra: it installs some 100 to 400 MB an agent
// once, and is no part of `npm run check`.
//
// `npm run e2e:agents -- limits [claude|codex|gemini|opencode …]`: what they do where a budget is spent, and where a rate
// limit frees in a few seconds.

const AGENTS = [claudeCode, codex, codexWebSocket, geminiCli, opencode];

const asked = process.argv.slice(2);
const wanted = asked.filter((name) => name !== 'limits');
const unknown = wanted.find((name) => !AGENTS.some((agent) => agent.name === name));
if (unknown !== undefined) {
  console.error(`There is no agent "${unknown}": ${[...new Set(AGENTS.map(({ name }) => name))].join(', ')}.`);
  process.exit(1);
}

/** A provider and a model for each dialect. */
function configuration({ origin }, agent) {
  const key = { value: 'vendor-key' };
  const providers = {
    'openai-chat': { like: 'openai', baseUrl: `${origin}/chat/v1`, dialects: ['openai-chat'], key },
    'openai-responses': { like: 'openai', baseUrl: `${origin}/responses/v1`, dialects: ['openai-responses'], key },
    anthropic: { like: 'anthropic', baseUrl: `${origin}/anthropic/v1`, key },
    gemini: { like: 'google', baseUrl: `${origin}/gemini/v1beta`, dialects: ['gemini'], key },
  };
  // Beside the known ids, which stay what they are.
  const named = Object.entries(providers).map(([dialect, provider]) => [`scripted-${dialect}`, provider]);
  const models = Object.keys(providers).map((dialect) => [agent.model(dialect), `scripted-${dialect}/scripted`]);
  return { providers: Object.fromEntries(named), models: Object.fromEntries(models) };
}

async function drive(agent) {
  const binary = await agent.install();
  console.log(agent.title);
  const vendor = await scriptedVendor();
  const gateway = await gatewayWith(configuration(vendor, agent));
  const between = await watched(gateway.url);
  const around = { agent, binary, vendor, gateway, between, rows: 0, losses: new Map() };
  // Its own dialect first.
  const dialects = wires
    .map(({ dialect }) => dialect)
    .sort((one, other) => Number(other === agent.dialect) - Number(one === agent.dialect));
  try {
    await steps(
      dialects.flatMap((dialect) => [
        [`${dialect}: a prompt`, () => round(around, dialect, () => [])],
        [`${dialect}: a file read with its tool`, () => round(around, dialect, agent.steps)],
        ...(agent.ownSteps === undefined || dialect === agent.dialect
          ? []
          : [[`${dialect}: tools that only its own dialect has`, () => round(around, dialect, agent.ownSteps)]]),
      ]),
    );
  } finally {
    between.stop();
    vendor.stop();
    await gateway.stop();
  }
  for (const [dialect, lost] of around.losses) console.log(`  x-weir-loss, ${dialect}: ${[...lost].join(', ') || 'none'}`);
}

/** One run of the agent, in a folder and a home of its own. */
async function round(around, dialect, stepsOf) {
  const { agent, binary, vendor, between } = around;
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-agent-'));
  const [home, work] = [path.join(folder, 'home'), path.join(folder, 'work')];
  const file = path.join(work, 'proof.txt');
  const proof = `proof-${randomBytes(6).toString('hex')} Zürich 👩‍🚀`;
  await Promise.all([mkdir(home), mkdir(work)]);
  await writeFile(file, `${proof}\n`);
  const played = stepsOf(file);
  const prompt = played.length > 0 ? `${LOOK}: what does proof.txt say?` : 'Say hello.';
  const calls = vendor.play(played);
  const seen = between.watch();
  try {
    const ended = await agent.run(binary, { url: between.origin, key: KEY, model: agent.model(dialect), prompt, home, work });
    const all = `${ended.out}\n${ended.err}\n${JSON.stringify(seen)}`;
    noteLosses(around.losses, dialect, seen);
    assert.equal(ended.code, 0, `it ended with ${ended.code}\n${all}`);
    assert.equal(ended.text, played.length > 0 ? `The file says: ${proof}` : HELLO, all);
    assert.ok(ended.usage.input > 0 && ended.usage.output > 0, `usage reached the agent: ${JSON.stringify(ended.usage)}`);
    if (stepsOf === agent.ownSteps) assert.ok(existsSync(path.join(work, agent.made)), `the agent made ${agent.made}`);
    checkAnswers(seen, agent);
    checkVendor(calls, dialect, played, proof);
    return await checkLog(around, calls);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function noteLosses(losses, dialect, seen) {
  const known = losses.get(dialect) ?? new Set();
  for (const { loss } of seen) for (const lost of loss?.split(/,\s*/) ?? []) known.add(lost);
  losses.set(dialect, known);
}

function checkAnswers(seen, { overWebSocket = false }) {
  assert.deepEqual(
    seen.filter(({ status }) => status >= 400),
    [],
    'no call was refused',
  );
  assert.equal(
    seen.some(({ method, status }) => method === 'UPGRADE' && status === 101),
    overWebSocket,
    'the transport that was configured',
  );
}

function checkVendor(calls, dialect, played, proof) {
  assert.deepEqual(
    calls.flatMap(({ unknown: path }) => path ?? []),
    [],
    'nothing was asked that the vendor does not have',
  );
  assert.ok(
    calls.every((call) => call.dialect === dialect),
    'all calls came in the dialect of the vendor',
  );
  const told = calls.flatMap((call) => call.told ?? []);
  assert.equal(told.length, played.length, 'the result of every tool reached the vendor once');
  if (played.length > 0) assert.equal(proofOf(told.at(-1)), proof, 'as the tool returned it');
}

/** Every call has one row in the log. */
async function checkLog(around, calls) {
  const all = await around.gateway.requests(around.rows + calls.length);
  assert.equal(all.length, around.rows + calls.length, `one row a call: ${JSON.stringify(all)}`);
  around.rows = all.length;
  const rows = all.slice(0, calls.length);
  assert.deepEqual([...new Set(rows.map(({ status }) => status))], ['complete']);
  const signed = calls.some((call) => call.told !== undefined && call.signed) ? ', signed' : '';
  return `${calls.length} calls, ${rows.map(({ lane }) => lane ?? 'whole').join(' ')}${signed}`;
}

const isWanted = ({ name }) => wanted.length === 0 || wanted.includes(name);
if (asked.includes('limits')) for (const agent of [...AGENTS, opencodeMessages].filter(isWanted)) await driveLimited(agent);
else for (const agent of AGENTS.filter(isWanted)) await drive(agent);
