import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { dialects } from '../../src/dialects/index.ts';
import { readFixtureJson, recorded } from './recorded.ts';
import recordings from './recordings.json' with { type: 'json' };

// Every file of the AI SDK's recorded answers (`fixtures/NOTICE`) is in `recordings.json`: under the dialect it is read
// in, as an `operation` (`usage.test.ts`), as an `error`, or as `unserved`, for one of these reasons.

const UNSERVED: readonly (readonly [files: RegExp, reason: string])[] = [
  [/^google\/interactions__/, "Google's Interactions API, which is neither `generateContent` nor any other dialect of the roll"],
  [/\/skills__/, "the vendors' management of skills: no model answers"],
  [/\/speech-translation__/, 'events of sessions over WebSockets: they are relayed as they come, and are no answer to a call'],
  [
    /^google-vertex\/google-vertex-embedding\.json$/,
    "Vertex AI's `:predict`; Gemini's embeddings are asked for through `batchEmbedContents`",
  ],
  [
    /^amazon-bedrock\/reranking__/,
    "the Rerank API of Bedrock's agent runtime; reranking goes through `InvokeModel`, which answers otherwise",
  ],
  [/^groq\/groq-transcription-text\.json$/, 'plain text, with its status and headers beside it: nothing is read of it'],
];

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const filesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .filter((name) => /\.(json|chunks\.txt|sse)$/.test(name))
    .sort();

const all: readonly (readonly [name: string, how: string])[] = Object.entries(recordings);
const unserved = all.flatMap(([name, how]) => (how === 'unserved' ? [name] : []));

describe('recorded answers of real vendors', () => {
  it('are each read in some way, or left out for a reason', () => {
    const ways = new Set([...dialects.map(({ id }) => id), 'operation', 'error', 'unserved']);
    expect(all.filter(([, how]) => !ways.has(how))).toEqual([]);
    expect(all).toHaveLength(284);
    for (const name of unserved) expect(UNSERVED.filter(([files]) => files.test(name))).toHaveLength(1);
    for (const [files] of UNSERVED) expect(unserved.some((name) => files.test(name))).toBe(true);
  });

  it('are all here, and no others, save those that are left out', () => {
    const served = all.flatMap(([name, how]) => (how === 'unserved' ? [] : [name]));
    expect(filesBelow(FIXTURES)).toEqual(served.toSorted());
  });

  it('are of every vendor that has a dialect, in streams and whole', () => {
    const forms = (id: string) => new Set(recorded.filter(({ dialect }) => dialect.id === id).map(({ form }) => form));
    for (const { id } of dialects) {
      // Nobody recorded Ollama; the AI SDK's protocol is between its clients and gateways.
      if (id !== 'ollama' && id !== 'ai-sdk-gateway') expect(forms(id)).toEqual(new Set(['stream', 'json']));
    }
  });

  // `WEIR_RECORDINGS` names a folder with all of the test data, to see what a newer version of it has more.
  const folder = process.env.WEIR_RECORDINGS ?? '';
  it.runIf(existsSync(folder))('are all that there are', () => {
    expect(filesBelow(folder)).toEqual(all.map(([name]) => name).toSorted());
  });
});

const dialectNamed = (id: string) => {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`no dialect ${id}`);
  return dialect;
};

describe('recorded errors', () => {
  it.each([
    [
      'openai/responses__openai-error.1.json',
      'openai-responses',
      429,
      // A quota that is used up does not come back within a retry.
      { code: 'upstream_rate_limited', retryable: false, details: { vendorCode: 'insufficient_quota' } },
    ],
    [
      'openai/responses__reasoning-model-temperature-error.json',
      'openai-responses',
      400,
      { code: 'upstream_rejected', retryable: false, details: { param: 'temperature' } },
    ],
    [
      'openai/chat__reasoning-model-legacy-parameter-error.json',
      'openai-chat',
      400,
      { code: 'upstream_rejected', retryable: false, details: { param: 'max_tokens', vendorCode: 'unsupported_parameter' } },
    ],
    [
      'openai/image__gpt-image-response-format-error.json',
      'openai-chat',
      400,
      { code: 'upstream_rejected', retryable: false, details: { param: 'response_format', vendorCode: 'unknown_parameter' } },
    ],
    ['google/google-429-retry-info.json', 'gemini', 429, { code: 'upstream_rate_limited', retryable: true, details: { retryAfter: 34.4 } }],
  ] as const)('%s', (name, id, status, expected) => {
    expect(recordings[name]).toBe('error');
    expect(dialectNamed(id).readError(status, readFixtureJson(name), new Headers())).toMatchObject(expected);
  });

  it('are all tried', () => {
    expect(all.filter(([, how]) => how === 'error')).toHaveLength(5);
    expect(all.filter(([, how]) => how === 'operation')).toHaveLength(8);
  });
});
