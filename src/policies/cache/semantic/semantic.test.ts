import { beforeEach, describe, expect, it } from 'vitest';
import { type Checks, NO_CHECKS } from '../../../core/cache/checks.ts';
import { LlmCall } from '../../../core/call.ts';
import type { ChatChunk } from '../../../core/chat.ts';
import type { Dialect } from '../../../core/dialect.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { type FakePorts, fakeExchange, fakePorts } from '../../../core/fakes.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { Ports } from '../../../core/ports.ts';
import { anthropic } from '../../../dialects/anthropic/index.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { cache } from '../index.ts';
import { FakeAnswers, FakeChecks, FakeIndex, wordEmbedder } from './fakes.ts';

const KEPT = 'How do I reset a forgotten password?';
const SAME = 'How can I reset a forgotten password?';
const OTHER = 'How do I reset a forgotten username?';
const SERVED = 'up/m';
const who = { keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1' };

let answers: FakeAnswers;
let index: FakeIndex;
let checks: FakeChecks;
let ports: FakePorts;

beforeEach(() => {
  [answers, index, checks, ports] = [new FakeAnswers(), new FakeIndex(), new FakeChecks(), fakePorts()];
});

const bodyOf = (text: Json): JsonObject => ({
  model: 'm',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: text },
  ],
});

interface Asked {
  readonly body?: JsonObject;
  readonly dialect?: Dialect;
  readonly headers?: { readonly [name: string]: string };
  readonly settings?: JsonObject;
  readonly policy?: JsonObject;
  readonly exchange?: Partial<Exchange>;
  readonly ports?: Partial<Ports>;
  /** What the provider says. */
  readonly says?: string;
  readonly chunks?: readonly ChatChunk[];
}

const said = (text: string): ChatChunk[] => [
  { type: 'start' },
  { type: 'text', part: 0, choice: 0, text },
  { type: 'finish', choice: 0, reason: 'stop' },
  { type: 'end' },
];

let calls = 0;

/** One call through the policy, and what became of it. */
async function ask(text: string, asked: Asked = {}) {
  const { dialect = openaiChat, says = 'Use the link below the form.' } = asked;
  const told: { [header: string]: string } = {};
  const { embedder = wordEmbedder, ...otherPorts } = asked.ports ?? {};
  const exchange = fakeExchange({
    id: `req_${calls++}`,
    who,
    destination: async () => ({ model: SERVED, provider: 'up', under: { revision: 1 } }),
    embedder: () => embedder,
    tell: (header, value) => {
      told[header] = value;
    },
    ...asked.exchange,
    ports: { ...ports, answers, vectors: index, checks, ...otherPorts },
  });
  const semantic = { mode: 'on', certainty: 0.5, timeout: 1_000, ...asked.settings };
  const run = cache.open(cache.config.parse({ ttl: 60, ...asked.policy, semantic }), exchange);
  const body = asked.body ?? bodyOf(text);
  const verdict = await run.request?.(LlmCall.read(dialect, JSON.stringify(body), new Headers(asked.headers)));
  const given = verdict !== undefined && 'answer' in verdict;
  if (!given) for (const chunk of asked.chunks ?? said(says)) await run.chunk?.(chunk);
  await run.end?.({ status: 'complete', httpStatus: 200, servedModel: SERVED });
  await ports.settled();
  return { how: given ? told['x-weir-cache'] : 'asked', verdict, told, fact: exchange.notes.cache as JsonObject | undefined };
}

const how = async (text: string, asked: Asked = {}) => (await ask(text, asked)).how;

describe('a question in other words', () => {
  it('is given the answer that was made for the first', async () => {
    expect(await how(KEPT)).toBe('asked');
    const { how: came, verdict, fact, told } = await ask(SAME, { headers: { 'x-weir-explain': '1' } });
    expect(came).toBe('semantic');
    expect(verdict).toMatchObject({ answer: said('Use the link below the form.'), made: { servedModel: SERVED } });
    expect(fact).toMatchObject({ hit: true, semantic: true, of: expect.stringMatching(/^req_/), similarity: expect.any(Number), also: [] });
    expect(told['x-weir-semantic']).toMatch(/^hit; similarity=0\.\d+; certainty=0\.\d+; of=req_\d+$/);
    expect(checks.sum).toEqual({ hits: 1 });
  });

  it('is never kept under its own key, nor found by yet another one', async () => {
    await ask(KEPT);
    await ask(SAME);
    expect(answers.kept.size).toBe(1);
    expect(index.kept.size).toBe(1);
  });

  it('is given it in another dialect and as a stream too', async () => {
    const body = { model: 'm', max_tokens: 9, system: 'Be brief.', messages: [{ role: 'user', content: KEPT }] };
    await ask(KEPT, { dialect: anthropic, body });
    expect(await how(SAME, { body: { ...bodyOf(SAME), max_completion_tokens: 9, stream: true } })).toBe('semantic');
  });

  it('of exactly the same words is an exact hit', async () => {
    await ask(KEPT);
    expect(await how(KEPT)).toBe('hit');
  });

  it.each([
    ['another question', OTHER],
    ['a number more', 'How do I reset a forgotten password 2?'],
    ['the opposite', 'How do I not reset a forgotten password?'],
    ['what points at something', 'How do I reset this forgotten password?'],
  ])('is asked where it is %s', async (_what, text) => {
    await ask(KEPT);
    expect(await how(text)).toBe('asked');
  });

  const message = (content: Json, role = 'user') => ({ role, content });
  const tool = { type: 'function', function: { name: 'look', parameters: {} } };
  const called = { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }] };
  it.each<[string, Asked]>([
    ['another organisation', { exchange: { who: { ...who, org: 'org_2' } } }],
    ['another app', { exchange: { who: { ...who, app: 'app_2' } } }],
    ['another route', { exchange: { route: { name: 'other', kind: 'llm' } } }],
    ['another model asked for', { body: { ...bodyOf(SAME), model: 'n' } }],
    ['another target', { exchange: { destination: async () => ({ model: 'up/n', provider: 'up', under: { revision: 1 } }) } }],
    ['another configuration', { exchange: { destination: async () => ({ model: SERVED, provider: 'up', under: { revision: 2 } }) } }],
    ['another system prompt', { body: { ...bodyOf(SAME), messages: [message('Be long.', 'system'), message(SAME)] } }],
    ['a turn before it', { body: { ...bodyOf(SAME), messages: [message('Be brief.', 'system'), message('Hi'), message(SAME)] } }],
    ['a tool', { body: { ...bodyOf(SAME), tools: [tool] } }],
    ['a format', { body: { ...bodyOf(SAME), response_format: { type: 'json_object' } } }],
    ['a limit', { body: { ...bodyOf(SAME), max_tokens: 100 } }],
    ['a field that nobody knows', { body: { ...bodyOf(SAME), persona: 'pirate' } }],
    ['another embedder', { ports: { embedder: { ...wordEmbedder, id: 'other' } } }],
    ['a text before it in its turn', { body: bodyOf(['Read this.', SAME].map((text) => ({ type: 'text', text }))) }],
    ['another template around it', { body: bodyOf(`Answer like a pirate.\nQuestion: ${SAME}`) }],
  ])('is asked with %s', async (_what, asked) => {
    await ask(KEPT);
    expect(await how(SAME)).toBe('semantic');
    expect(await how(SAME, asked)).toBe('asked');
  });

  it.each<[string, string, JsonObject]>([
    [
      'after a tool was called',
      'tools',
      { messages: [message('x'), called, { role: 'tool', tool_call_id: 'c', content: '1' }, message(SAME)] },
    ],
    ['with a tool that its provider runs', 'tools', { tools: [{ type: 'web_search' }] }],
    [
      'beside a picture',
      'media',
      {
        messages: [
          message([
            { type: 'image_url', image_url: { url: 'https://x.test/1' } },
            { type: 'text', text: SAME },
          ]),
        ],
      },
    ],
    ['several times', 'choices', { n: 2 }],
    ['by lot', 'temperature', { temperature: 0.7 }],
    ['by nobody', 'no-question', { messages: [message('x'), message('It is this:', 'assistant')] }],
  ])('is not looked at %s', async (_what, why, extra) => {
    const body = { ...bodyOf(SAME), ...extra };
    const { how: came, fact } = await ask(SAME, { body });
    expect(came).toBe('asked');
    expect(fact).toMatchObject({ hit: false, why });
    expect(index.kept.size).toBe(0);
  });

  it('is looked at by lot where the operator says so', async () => {
    const hot = { body: { ...bodyOf(KEPT), temperature: 0.7 }, settings: { temperature: 1 } };
    await ask(KEPT, hot);
    expect(await how(SAME, { ...hot, body: { ...bodyOf(SAME), temperature: 0.7 } })).toBe('semantic');
  });

  it.each<[string, Asked]>([
    [
      'called a tool',
      {
        chunks: [
          { type: 'start' },
          { type: 'tool-call', part: 0, choice: 0, id: 'c', name: 't' },
          { type: 'finish', choice: 0, reason: 'tool-calls' },
          { type: 'end' },
        ],
      },
    ],
    ['reached its limit', { chunks: said('x').map((chunk) => (chunk.type === 'finish' ? { ...chunk, reason: 'length' } : chunk)) }],
  ])('is not given an answer that %s', async (_what, asked) => {
    await ask(KEPT, asked);
    expect(index.kept.size).toBe(0);
    expect(await how(SAME)).toBe('asked');
  });

  it('is asked where its caller wants it so, and found by others then', async () => {
    await ask(KEPT);
    expect(await how(SAME, { headers: { 'x-weir-cache': 'off' } })).toBe('asked');
    expect(index.kept.size).toBe(1);
    expect(await how(SAME, { headers: { 'cache-control': 'max-age=0' } })).toBe('asked');
    expect(index.kept.size).toBe(2);
  });

  it('is asked where the answer is older than its caller takes, or than it may be', async () => {
    await ask(KEPT);
    ports.clock.advance(30_000);
    expect(await how(SAME, { headers: { 'cache-control': 'max-age=20' } })).toBe('asked');
    answers.kept.clear();
    index.kept.clear();
    await ask(KEPT, { policy: { stale: 600 } });
    ports.clock.advance(61_000);
    expect(await how(SAME, { policy: { stale: 600 } })).toBe('asked');
  });

  it('is asked where the answer was thrown away, and the question goes too', async () => {
    await ask(KEPT);
    const [key] = answers.kept.keys();
    answers.kept.clear();
    expect(await ask(SAME)).toMatchObject({ how: 'asked', fact: { why: 'gone' } });
    // Another place may not have heard of it yet.
    expect(index.deleted).toEqual([]);
    answers.kept.clear();
    ports.clock.advance(121_000);
    await ask(SAME);
    expect(index.deleted).toContain(key);
  });

  it('is given it to all that ask at the same time', async () => {
    await ask(KEPT);
    const all = await Promise.all([how(SAME), how(SAME), how(SAME)]);
    expect(all).toEqual(['semantic', 'semantic', 'semantic']);
  });

  it('names the next in line, which mean the same', async () => {
    await ask(KEPT);
    await ask(SAME, { headers: { 'x-weir-cache': 'refresh' } });
    const { fact } = await ask('How could I reset a forgotten password?');
    expect(fact?.also).toHaveLength(1);
    expect(fact?.also).not.toContain(fact?.key);
  });
});

describe('whatever fails', () => {
  const never = () => new Promise<never>(() => undefined);
  const broken = () => Promise.reject(new Error('away'));
  it.each<[string, Asked, string]>([
    ['no index', { ports: { vectors: undefined } }, 'unavailable'],
    ['nobody who counts', { ports: { checks: undefined } }, 'unavailable'],
    ['no embedder', { exchange: { embedder: () => undefined } }, 'no-embedder'],
    ['an embedder that fails', { ports: { embedder: { ...wordEmbedder, embed: broken } } }, 'failed'],
    [
      'an embedder that throws',
      {
        exchange: {
          embedder: () => {
            throw new Error('none');
          },
        },
      },
      'failed',
    ],
    ['an embedder that hangs', { ports: { embedder: { ...wordEmbedder, embed: never } } }, 'late'],
    [
      'an embedder that knows no word',
      { ports: { embedder: { ...wordEmbedder, embed: (texts) => texts.map(() => new Int8Array(64)) } } },
      'no-words',
    ],
    ['an index that is down', { ports: { vectors: { nearest: broken, put: broken, delete: broken } } }, 'failed'],
    ['an index that hangs', { ports: { vectors: { nearest: never, put: never, delete: never } } }, 'late'],
    ['counts that hang', { ports: { checks: { of: never, note: () => undefined } } }, 'late'],
    ['counts that are not known', { ports: { checks: { of: () => undefined, note: () => undefined } } }, 'unknown'],
  ])('is a miss within the deadline: %s', async (_what, asked, why) => {
    await ask(KEPT);
    // What goes behind the answer may hang: nobody waits for it.
    const late = { ...asked, settings: { timeout: 30 }, ports: { ...asked.ports, after: () => undefined } };
    const { how: came, fact } = await ask(SAME, late);
    expect(came).toBe('asked');
    expect(fact).toMatchObject({ hit: false, semantic: false, why });
  });

  it('of what another version has kept is passed over', async () => {
    await ask(KEPT);
    for (const [name, { place, entry }] of index.kept) index.kept.set(name, { place, entry: { ...entry, data: '{"question":1}' } });
    expect(await how(SAME)).toBe('asked');
  });
});

/** As it was: nothing of what came since. */
function restore<T>(map: Map<string, T>, entries: readonly (readonly [string, T])[]): void {
  map.clear();
  for (const [name, value] of entries) map.set(name, value);
}

describe('the modes', () => {
  const known = (counts: Partial<Checks>) => {
    checks.known = { ...NO_CHECKS, ...counts };
  };

  it.each([
    ['the same', 'Use the link below the form!', { checked: 1, wrong: 0 }],
    ['different', 'Never.', { checked: 1, wrong: 1 }],
  ])('in shadow nothing is given, and what would have been is compared: %s', async (result, says, counted) => {
    await ask(KEPT);
    const { how: came, fact } = await ask(SAME, { settings: { mode: 'shadow' }, says });
    expect(came).toBe('asked');
    expect(fact).toMatchObject({
      hit: false,
      semantic: false,
      why: 'shadow',
      of: expect.any(String),
      result: result === 'the same' ? 'same' : result,
    });
    expect(checks.sum).toEqual(counted);
  });

  /** What the provider says when it is asked again: the call, made once more. */
  const again = (says: string) => async () => {
    await ask(SAME, { settings: { mode: 'verify' }, headers: { 'x-weir-cache': 'refresh' }, says });
  };

  it.each([
    ['the same', 'Use the link, it is below the form.', 0],
    ['different', 'Never.', 1],
  ])('in verify it is given, and asked again behind that: %s', async (_what, says, wrong) => {
    await ask(KEPT);
    const { how: came } = await ask(SAME, { settings: { mode: 'verify' }, exchange: { again: again(says) } });
    expect(came).toBe('semantic');
    expect(checks.sum).toEqual({ hits: 1, asked: 1, checked: 1, wrong });
    // Its own answer is its own from now on.
    expect(await ask(SAME)).toMatchObject({ how: 'hit', verdict: { answer: said(says) } });
  });

  it('in verify no more are asked again than are drawn, and than a day may have', async () => {
    await ask(KEPT);
    const mode = { mode: 'verify', minChecks: 10 };
    known({ checked: 1_000 });
    const kept = [...answers.kept];
    const entries = [...index.kept];
    for (let call = 0; call < 100; call++) {
      await ask(SAME, { settings: { ...mode, sample: 0.2 }, exchange: { again: again('Use the link.') } });
      restore(answers.kept, kept);
      restore(index.kept, entries);
    }
    expect(checks.sum.hits).toBe(100);
    expect(checks.sum.asked).toBeGreaterThan(8);
    expect(checks.sum.asked).toBeLessThan(35);
    const before = checks.sum.asked;
    known({ askedToday: 1_000 });
    await ask(SAME, { settings: mode, exchange: { again: again('Use the link.') } });
    expect(checks.sum).toMatchObject({ asked: before });
  });

  it('stop giving where too many were wrong, go on to compare, and give again when that is over', async () => {
    await ask(KEPT);
    known({ checked: 200, wrong: 10 });
    for (const mode of ['on', 'verify'])
      expect(await ask(SAME, { settings: { mode }, says: 'Never.', headers: { 'x-weir-cache': '' } })).toMatchObject({
        how: mode === 'on' ? 'asked' : 'hit',
      });
    expect(checks.sum).toEqual({ checked: 1, wrong: 1 });
    known({ checked: 400, wrong: 10 });
    expect(await how('How could I reset a forgotten password?')).toBe('semantic');
  });
});
