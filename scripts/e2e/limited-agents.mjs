import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gatewayWith, KEY, steps, until } from './scratch.mjs';
import { HELLO, scriptedVendor } from './scripted-vendor.mjs';
import { watched } from './watched.mjs';

// What a coding agent does where its key has reached a limit. Its own start takes as long as the machine needs, so times
// count from its first call to a model until it has ended.

/** Seconds in which the rate limit below comes back. */
const WINDOW = 3;
const SENTENCE = 'leaves no room for this call';

const BASES = {
  'openai-chat': { like: 'openai', base: '/chat/v1', dialects: ['openai-chat'] },
  'openai-responses': { like: 'openai', base: '/responses/v1', dialects: ['openai-responses'] },
  anthropic: { like: 'anthropic', base: '/anthropic/v1' },
  gemini: { like: 'google', base: '/gemini/v1beta', dialects: ['gemini'] },
};

/** A vendor of the agent's own dialect, a hundred thousand tokens a dollar. */
function configuration({ origin }, agent) {
  const { base, ...provider } = BASES[agent.dialect];
  const scripted = { ...provider, baseUrl: origin + base, key: { value: 'vendor-key' }, prices: { '*': { input: 10, output: 10 } } };
  return { providers: { scripted }, models: { [agent.model(agent.dialect)]: 'scripted/scripted', other: 'scripted/scripted' } };
}

/** Drives an agent into a budget that is spent, and into a rate limit that frees soon. */
export async function driveLimited(agent) {
  const binary = await agent.install();
  console.log(agent.title);
  const vendor = await scriptedVendor();
  const gateway = await gatewayWith(configuration(vendor, agent));
  const between = await watched(gateway.url);
  vendor.play([]);
  const around = { agent, binary, gateway, between };
  try {
    await steps([
      ['nothing is reached', () => round(around, [], answered)],
      ['a budget that is spent', () => round(around, [{ unit: 'usd', limit: 0.000001 }], refused)],
      [`a rate limit that frees in ${WINDOW} s`, () => round(around, [{ unit: 'requests', limit: 1, window: `${WINDOW}s` }], waited)],
    ]);
  } finally {
    between.stop();
    vendor.stop();
    await gateway.stop();
  }
}

async function keyWith({ admin }, limits) {
  const body = JSON.stringify({ name: `limited-${Date.now()}`, app: 'dev', ...(limits.length === 0 ? {} : { limits }) });
  return admin('/keys', { method: 'POST', body });
}

/** One run of the agent with a key of its own; what `check` finds of it. */
async function round({ agent, binary, gateway, between }, limits, check) {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-agent-'));
  const [home, work] = [path.join(folder, 'home'), path.join(folder, 'work')];
  await Promise.all([mkdir(home), mkdir(work)]);
  const { id, key } = await keyWith(gateway, limits);
  const seen = between.watch(check.takesAll === true ? () => takeAll(gateway, key) : undefined);
  try {
    const model = agent.model(agent.dialect);
    const ended = await agent.run(binary, { url: between.origin, key, model, prompt: 'Say hello.', home, work });
    const at = Date.now();
    const all = `${ended.out}\n${ended.err}\n${JSON.stringify(seen)}`;
    const rows = await rowsOf(gateway, id);
    const first = seen.find(({ method }) => method === 'POST' || method === 'UPGRADE')?.at ?? at;
    assert.notEqual(ended.code, null, `it ended by itself\n${all}`);
    return `${check(ended, rows, all)}; ${rows.join(' ')}; ended ${((at - first) / 1000).toFixed(1)} s after its first call`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Another caller with the same key, just before the agent asks. */
async function takeAll({ url }, key) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'other', messages: [{ role: 'user', content: 'Hello' }] }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** The statuses of the calls of a key, first to last. The row of a later call by another key comes after all of theirs. */
async function rowsOf({ url, admin }, id) {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'other', messages: [{ role: 'user', content: 'Hello' }] });
  const later = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  await later.text();
  const mark = later.headers.get('x-weir-request-id');
  await until(
    () =>
      admin(`/requests/${mark}`).then(
        () => true,
        () => false,
      ),
    `the row of ${mark}`,
  );
  const { items } = await admin(`/requests?key=${id}&limit=100`);
  return items.map(({ httpStatus }) => httpStatus).toReversed();
}

function answered({ code, text }, _rows, all) {
  assert.equal(code, 0, all);
  assert.equal(text, HELLO, all);
  return 'answered';
}

/** OpenCode asks for a title beside the turn, and for that once more where it got none. */
const MOST_CALLS = 3;

function refused({ code, text, out, err }, rows, all) {
  assert.ok(code !== 0 || text === undefined, `it says that it failed\n${all}`);
  assert.ok(`${out}${err}`.includes(SENTENCE), `it says why\n${all}`);
  assert.ok(rows.every((status) => status >= 400) && rows.length <= MOST_CALLS, `it did not ask again: ${rows.join(' ')}\n${all}`);
  return `ended with ${code}, and says why`;
}

function waited({ code, text }, rows, all) {
  assert.equal(code, 0, all);
  assert.equal(text, HELLO, all);
  assert.ok(rows.includes(429), `it was told to wait\n${all}`);
  return 'waited and was answered';
}
waited.takesAll = true;
