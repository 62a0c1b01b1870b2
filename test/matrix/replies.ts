import type { ChatChunk, FinishReason, Usage } from '../../src/core/chat.ts';
import type { Json } from '../../src/core/json.ts';
import { parseJson } from '../../src/core/json.ts';

/** One thing an answer may hold, and what tells whether it is still there. */
export interface ReplyCase {
  readonly name: string;
  readonly chunks: readonly ChatChunk[];
  probe(chunks: readonly ChatChunk[]): Json;
  /** What is still the same where a dialect has another way to say it. */
  nearly?(chunks: readonly ChatChunk[]): Json;
}

const USAGE: Usage = { input: 31, output: 12 };
const start: ChatChunk = { type: 'start', id: 'msg_1', model: 'model-a', created: 1_800_000_000 };
const finish = (reason: FinishReason, more: object = {}): ChatChunk => ({ type: 'finish', choice: 0, reason, ...more });
const whole = (content: readonly ChatChunk[], reason: FinishReason = 'stop', usage: Usage = USAGE): readonly ChatChunk[] => [
  start,
  ...content,
  finish(reason),
  { type: 'usage', usage },
  { type: 'end' },
];

const text = (value: string, part = 0): ChatChunk => ({ type: 'text', part, choice: 0, text: value });
const thinking = (value: string, part = 0): ChatChunk => ({ type: 'thinking', part, choice: 0, text: value });
const call = (part: number, id: string, name: string): ChatChunk => ({ type: 'tool-call', part, choice: 0, id, name });
const input = (part: number, ...pieces: readonly string[]): readonly ChatChunk[] =>
  pieces.map((piece) => ({ type: 'tool-input', part, choice: 0, text: piece }));

const ofType = <Type extends ChatChunk['type']>(chunks: readonly ChatChunk[], type: Type) =>
  chunks.filter((chunk): chunk is Extract<ChatChunk, { readonly type: Type }> => chunk.type === type);
const joined = (type: 'text' | 'thinking' | 'refusal') => (chunks: readonly ChatChunk[]) =>
  ofType(chunks, type)
    .map((chunk) => chunk.text)
    .join('');
const calls = (chunks: readonly ChatChunk[]): Json =>
  ofType(chunks, 'tool-call').map(({ name, part }) => {
    const written = ofType(chunks, 'tool-input')
      .filter((chunk) => chunk.part === part)
      .map((chunk) => chunk.text)
      .join('');
    return [name, parseJson(written === '' ? '{}' : written) ?? written];
  });
const reason = (chunks: readonly ChatChunk[]): Json => ofType(chunks, 'finish').at(-1)?.reason ?? null;
/** Reasons that some dialects have one word for. */
const WORD: { readonly [reason in FinishReason]?: FinishReason } = {
  'stop-sequence': 'stop',
  pause: 'stop',
  other: 'stop',
  refusal: 'content-filter',
  'context-window': 'length',
};
const kind = (chunks: readonly ChatChunk[]): Json => {
  const said = ofType(chunks, 'finish').at(-1)?.reason;
  return said === undefined ? null : (WORD[said] ?? said);
};
const totals = (chunks: readonly ChatChunk[]): Json => counts('input', 'output')(chunks);
const counts =
  (...names: readonly (keyof Usage)[]) =>
  (chunks: readonly ChatChunk[]): Json => {
    const usage = ofType(chunks, 'usage').at(-1)?.usage;
    return names.map((name) => usage?.[name] ?? 0);
  };
const signatures = (chunks: readonly ChatChunk[]): Json => [
  ...ofType(chunks, 'signature').map(({ signature, issuer }) => [signature, issuer ?? null]),
  ...ofType(chunks, 'redacted-thinking').map(({ data, issuer }) => [data, issuer ?? null]),
];

const reasons: readonly FinishReason[] = [
  'stop',
  'stop-sequence',
  'length',
  'content-filter',
  'refusal',
  'pause',
  'context-window',
  'other',
];
const SIGNATURE = 'ErcBCkgIBxABGAIiQL8=';

export const replyCases: readonly ReplyCase[] = [
  { name: 'text', chunks: whole([text('Rain, '), text('4 °C.')]), probe: joined('text') },
  {
    name: 'text: long unicode',
    chunks: whole(
      '𝒳 é 漢字 עברית 🧑‍🚀 '
        .repeat(60)
        .match(/.{1,7}/gsu)
        ?.map((piece) => text(piece)) ?? [],
    ),
    probe: joined('text'),
  },
  { name: 'text: line separators, quotes, backslashes', chunks: whole([text('a\u2028b"\\\n\ndata: [DONE]\n\n')]), probe: joined('text') },
  { name: 'empty content', chunks: whole([]), probe: (chunks) => [reason(chunks), chunks.at(-1)?.type ?? null] },
  { name: 'tool call', chunks: whole([call(0, 'call_1', 'get_weather'), ...input(0, '{"city":"Zürich"}')], 'tool-calls'), probe: calls },
  {
    name: 'tool call: streamed arguments',
    chunks: whole([call(0, 'call_1', 'get_weather'), ...input(0, '{"ci', 'ty":"Zü', 'rich","days":[1,2', ',3]}')], 'tool-calls'),
    probe: calls,
  },
  { name: 'tool call: no arguments', chunks: whole([call(0, 'call_1', 'get_time')], 'tool-calls'), probe: calls },
  {
    name: 'tool calls: parallel',
    chunks: whole(
      [call(0, 'call_1', 'get_weather'), ...input(0, '{"city":"Bern"}'), call(1, 'call_2', 'get_weather'), ...input(1, '{"city":"Basel"}')],
      'tool-calls',
    ),
    probe: calls,
  },
  {
    name: 'text, then a tool call',
    chunks: whole([text('Let me look.'), call(1, 'call_1', 'get_weather'), ...input(1, '{"city":"Bern"}')], 'tool-calls'),
    probe: (chunks) => [joined('text')(chunks), calls(chunks)],
  },
  { name: 'tool call: its end', chunks: whole([call(0, 'call_1', 'get_time'), ...input(0, '{}')], 'tool-calls'), probe: reason },
  {
    name: 'thinking',
    chunks: whole([thinking('Hm, '), thinking('Zürich.'), text('Rain.', 1)]),
    probe: (chunks) => [joined('thinking')(chunks), joined('text')(chunks)],
  },
  ...(['anthropic', 'gemini', 'openai'] as const).flatMap((issuer): readonly ReplyCase[] => [
    {
      name: `thinking: signature of ${issuer}`,
      chunks: whole([thinking('Hm.'), { type: 'signature', part: 0, choice: 0, signature: SIGNATURE, issuer }, text('Rain.', 1)]),
      probe: signatures,
    },
    {
      name: `thinking with tools: signature of ${issuer}`,
      chunks: whole(
        [
          thinking('Hm.'),
          { type: 'signature', part: 0, choice: 0, signature: SIGNATURE, issuer },
          call(1, 'call_1', 'get_time'),
          ...input(1, '{}'),
        ],
        'tool-calls',
      ),
      probe: (chunks) => [signatures(chunks), calls(chunks)],
    },
  ]),
  {
    name: 'tool call: its own signature (gemini)',
    chunks: whole(
      [call(0, 'call_1', 'get_time'), ...input(0, '{}'), { type: 'signature', part: 0, choice: 0, signature: SIGNATURE, issuer: 'gemini' }],
      'tool-calls',
    ),
    probe: (chunks) => [signatures(chunks), calls(chunks)],
    // In a block of its own before the call, marked as the call's.
    nearly: (chunks) => [ofType(chunks, 'signature').length + ofType(chunks, 'redacted-thinking').length, calls(chunks)],
  },
  {
    name: 'redacted thinking (anthropic)',
    chunks: whole([{ type: 'redacted-thinking', part: 0, choice: 0, data: SIGNATURE, issuer: 'anthropic' }, text('Rain.', 1)]),
    probe: signatures,
  },
  {
    name: 'refusal',
    chunks: whole([{ type: 'refusal', part: 0, choice: 0, text: 'I will not.' }], 'refusal'),
    probe: (chunks) => joined('refusal')(chunks) + joined('text')(chunks),
  },
  ...reasons.map((each): ReplyCase => ({ name: `end: ${each}`, chunks: whole([text('Rain.')], each), probe: reason, nearly: kind })),
  { name: 'usage', chunks: whole([text('Rain.')]), probe: counts('input', 'output') },
  {
    name: 'usage: cached input',
    chunks: whole([text('Rain.')], 'stop', { input: 1400, output: 12, cacheRead: 1024 }),
    probe: counts('input', 'output', 'cacheRead'),
    nearly: totals,
  },
  {
    name: 'usage: input written to a cache',
    chunks: whole([text('Rain.')], 'stop', { input: 1400, output: 12, cacheWrite: 1024 }),
    probe: counts('input', 'output', 'cacheWrite'),
    nearly: totals,
  },
  {
    name: 'usage: reasoning',
    chunks: whole([text('Rain.')], 'stop', { input: 31, output: 112, reasoning: 100 }),
    probe: counts('input', 'output', 'reasoning'),
    nearly: totals,
  },
];
