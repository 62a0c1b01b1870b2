import type { Counting } from './history.ts';
import type { Bill } from './vendor.ts';

// What the rounds of concurrency.test.ts differ in.

/** Nano-USD a token of output; input costs nothing, so that what a call holds is its output limit times this. */
export const NANO_PER_TOKEN = 10_000;
export const PRICES = { 'm-*': { input: 0, output: NANO_PER_TOKEN / 1_000 } };
/** Output tokens of a call at most. */
export const MOST = 25;
export const outputOf = (call: number): number => 1 + ((call * 7_919) % MOST);
const CENT = 10_000_000;

export interface Round {
  readonly name: string;
  readonly limits: readonly object[];
  /** Where the limits stand; on each key where absent. */
  readonly on?: 'team' | 'org';
  /** Keys that take turns: one of each, or of several apps and teams. */
  readonly keys?: number;
  readonly counting: Counting;
  /** How many fit of those that ask at the same time, of all subjects together. */
  readonly fits: number;
  /** What each call is counted for. */
  readonly subject?: (number: number) => string;
  readonly headers?: (number: number) => { readonly [name: string]: string };
  readonly request: (model: string, number: number) => { readonly path: string; readonly body: object };
  /** The model whose answers are held while it is counted who is let through. */
  readonly model?: string;
  /** What is left is asked for one call after the other until nothing fits, with this model. */
  readonly after?: string;
  /** Whether those who were let through leave instead of waiting for their answers. */
  readonly leave?: true;
}

type Shape = (model: string, text: string) => { readonly path: string; readonly body: object };

const chat: Shape = (model, content) => ({
  path: '/v1/chat/completions',
  body: { model, max_tokens: MOST, messages: [{ role: 'user', content }] },
});
const responses: Shape = (model, input) => ({ path: '/v1/responses', body: { model, max_output_tokens: MOST, input } });
const anthropic: Shape = (model, content) => ({
  path: '/v1/messages',
  body: { model, max_tokens: MOST, messages: [{ role: 'user', content }] },
});
const gemini =
  (verb: string): Shape =>
  (model, text) => ({
    path: `/v1beta/models/${model}:${verb}`,
    body: { contents: [{ role: 'user', parts: [{ text }] }], generationConfig: { maxOutputTokens: MOST } },
  });
const bedrock: Shape = (model, text) => ({
  path: `/model/${encodeURIComponent(model)}/converse`,
  body: { messages: [{ role: 'user', content: [{ text }] }], inferenceConfig: { maxTokens: MOST } },
});
const streamed =
  (shape: Shape): Shape =>
  (model, text) => {
    const { path, body } = shape(model, text);
    return { path, body: { ...body, stream: true } };
  };
const of = (shape: Shape) => (model: string, number: number) => shape(model, `call-${number}`);

const usd: Counting = { limit: CENT, held: MOST * NANO_PER_TOKEN, charged: ({ output }) => output * NANO_PER_TOKEN };
const tokensOut: Counting = { limit: 1_000, held: MOST, charged: ({ output }) => output };
const counted = (limit: number): Counting => ({ limit, held: 1, charged: () => 1 });
const cent = { limits: [{ unit: 'usd', limit: 0.01 }], counting: usd, fits: Math.floor(usd.limit / usd.held) };
const few = (limit: number) => ({ limits: [{ unit: 'requests', limit }], counting: counted(limit), fits: limit });

/** Failed requests come to nothing, and an answer to what its vendor says. */
const onlyAnswered = (counting: Counting): Counting => ({
  ...counting,
  charged: (bill: Bill) => (bill.model.startsWith('m-fail') ? 0 : counting.charged(bill)),
});

export const rounds: readonly Round[] = [
  { name: 'chat', ...cent, request: of(chat), after: 'up/m-ok' },
  { name: 'chat, streamed', ...cent, request: of(streamed(chat)), after: 'up/m-ok' },
  { name: 'responses', ...cent, request: of(responses) },
  { name: 'responses, streamed', ...cent, request: of(streamed(responses)), after: 'up/m-ok' },
  { name: 'anthropic', ...cent, request: of(anthropic), model: 'ant/m-held', after: 'ant/m-ok' },
  { name: 'anthropic, streamed and translated', ...cent, request: of(streamed(anthropic)) },
  { name: 'gemini', ...cent, request: of(gemini('generateContent')), model: 'gem/m-held' },
  { name: 'gemini, streamed and translated', ...cent, request: of(gemini('streamGenerateContent?alt=sse')), after: 'up/m-ok' },
  { name: 'bedrock, translated', ...cent, request: of(bedrock) },
  { name: 'embeddings', ...few(37), request: (model, n) => ({ path: '/v1/embeddings', body: { model, input: `call-${n}` } }) },
  {
    name: 'images',
    ...few(23),
    request: (model, n) => ({ path: '/v1/images/generations', body: { model, prompt: `call-${n}`, n: 1 } }),
  },
  {
    name: 'rerank',
    ...few(41),
    request: (model, n) => ({ path: '/v1/rerank', body: { model, query: `call-${n}`, documents: ['one', 'two'] } }),
  },
  {
    name: 'speech',
    ...few(29),
    request: (model, n) => ({ path: '/v1/audio/speech', body: { model, input: `call-${n}`, voice: 'alloy' } }),
  },
  // The first target fails, and what is held moves to the second.
  { name: 'a target that fails', ...cent, counting: onlyAnswered(usd), request: of(chat), model: 'second', after: 'up/m-ok' },
  { name: 'callers who leave', ...cent, request: of(chat), leave: true, after: 'up/m-ok' },
  {
    name: 'runs',
    limits: [{ unit: 'usd', limit: 0.01, per: 'run' }],
    counting: usd,
    fits: 10 * cent.fits,
    subject: (n) => `run-${n % 10}`,
    headers: (n) => ({ 'x-weir-run': `run-${n % 10}` }),
    request: of(chat),
  },
  {
    name: 'users',
    limits: [{ unit: 'requests', limit: 3, per: 'user' }],
    counting: counted(3),
    fits: 125 * 3,
    subject: (n) => `user-${n % 125}`,
    headers: (n) => ({ 'x-weir-user': `user-${n % 125}` }),
    request: of(chat),
  },
  { name: 'keys of one team', ...cent, on: 'team', keys: 4, request: of(chat), after: 'up/m-ok' },
  {
    name: 'tokens of teams of one organisation',
    limits: [{ unit: 'tokens-out', limit: tokensOut.limit }],
    counting: tokensOut,
    fits: tokensOut.limit / tokensOut.held,
    on: 'org',
    keys: 250,
    request: of(streamed(chat)),
    after: 'up/m-ok',
  },
  {
    name: 'places',
    limits: [{ unit: 'concurrent', limit: 50 }],
    counting: { limit: 50, held: 1, charged: () => 0 },
    fits: 50,
    request: of(chat),
  },
];
