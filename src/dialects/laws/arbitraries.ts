import fc from 'fast-check';
import type { Chat, ChatChunk, FinishReason, Issuer, Message, Part, Tool, Usage } from '../../core/chat.ts';

// Instruments for tests. Production code must not import this file.

/** Text with a visible character: some APIs refuse texts without one. */
const words = fc
  .oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constantFrom('é\u2028ü', '"}\n\ndata: x', '[DONE]', '\\'))
  .map((text) => `.${text}`);
const id = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
const name = fc.stringMatching(/^[a-z]{1,8}$/);
const base64 = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => btoa(String.fromCharCode(...bytes)));
const url = name.map((path) => `https://a.example/${path}`);
const jsonObject = fc.dictionary(
  name,
  fc.oneof(fc.integer(), words, fc.boolean(), fc.constant(null), fc.array(fc.integer(), { maxLength: 3 })),
  {
    maxKeys: 4,
  },
);
const jsonText = jsonObject.map((value) => JSON.stringify(value));

const text: fc.Arbitrary<Part> = words.map((value) => ({ type: 'text', text: value }));
const image: fc.Arbitrary<Part> = fc
  .oneof(
    url.map((value) => ({ kind: 'url' as const, url: value })),
    base64.map((data) => ({ kind: 'base64' as const, mediaType: 'image/png', data })),
  )
  .map((source) => ({ type: 'image', source }));
const pdf: fc.Arbitrary<Part> = fc.tuple(base64, name).map(([data, title]) => ({
  type: 'file',
  name: `${title}.pdf`,
  source: { kind: 'base64', mediaType: 'application/pdf', data },
}));

/** What only some dialects can say. */
const oddities: fc.Arbitrary<Part> = fc.oneof(
  words.map((value): Part => ({ type: 'text', text: value, cache: { type: 'ephemeral' } })),
  url.map((value): Part => ({ type: 'image', source: { kind: 'url', url: value }, detail: 'low' })),
  url.map((value): Part => ({ type: 'file', source: { kind: 'url', url: value } })),
  id.map((value): Part => ({ type: 'file', source: { kind: 'file', id: value } })),
  words.map((value): Part => ({ type: 'file', source: { kind: 'text', mediaType: 'text/plain', text: value } })),
  base64.map((data): Part => ({ type: 'audio', data, format: 'wav' })),
);
const thoughts: fc.Arbitrary<Part> = fc.oneof(
  fc.tuple(words, base64).map(([value, signature]): Part => ({ type: 'thinking', text: value, signature })),
  words.map((value): Part => ({ type: 'thinking', text: value })),
  base64.map((data): Part => ({ type: 'redacted-thinking', data })),
);

const several = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 });
const call: fc.Arbitrary<Part> = fc.record({ type: fc.constant('tool-call' as const), id, name, input: jsonText });
const failed = fc.option(fc.boolean(), { nil: undefined, freq: 3 });

function messages(odd: boolean): fc.Arbitrary<readonly Message[]> {
  const user = several(odd ? fc.oneof(text, image, pdf, oddities) : fc.oneof(text, image, pdf)).map(
    (content): Message => ({ role: 'user', content }),
  );
  const thinking = odd ? fc.array(thoughts, { maxLength: 2 }) : fc.constant([]);
  const answer = fc
    .tuple(thinking, several(text), fc.array(call, { maxLength: 3 }), odd ? failed : fc.constant(undefined))
    .map(([thought, said, calls, isError]): readonly Message[] => [
      { role: 'assistant', content: [...thought, ...said, ...calls] },
      ...calls.map(
        (made): Message => ({
          role: 'tool',
          content: [
            {
              type: 'tool-result',
              callId: made.type === 'tool-call' ? made.id : '',
              content: said,
              ...(isError !== undefined && { isError }),
            },
          ],
        }),
      ),
    ]);
  const system = fc.array(several(text), { maxLength: 2 }).map((each) => each.map((content): Message => ({ role: 'system', content })));
  const turns = fc.array(fc.tuple(user, answer), { maxLength: 2 }).map((each) => each.flatMap(([asked, answered]) => [asked, ...answered]));
  const late = odd
    ? fc.array(
        words.map((value): Message => ({ role: 'developer', content: [{ type: 'text', text: value }] })),
        { maxLength: 1 },
      )
    : fc.constant([]);
  return fc.tuple(system, turns, late, user).map(([first, middle, between, last]) => [...first, ...middle, ...between, last]);
}

const tool: fc.Arbitrary<Tool> = fc.record(
  {
    type: fc.constant('function' as const),
    name,
    description: words,
    strict: fc.boolean(),
    parameters: jsonObject.map((properties) => ({ type: 'object', properties })),
  },
  { requiredKeys: ['type', 'name', 'parameters'] },
);

/** How tools may be used: nothing is said about them where there are none. */
const toolUse = fc.oneof(
  fc.constant({ tools: [] }),
  several(tool).chain((tools) =>
    fc.record(
      {
        tools: fc.constant(tools),
        toolChoice: fc.oneof(
          fc.constantFrom({ mode: 'auto' as const }, { mode: 'none' as const }, { mode: 'required' as const }),
          fc.constantFrom(...tools).map((chosen) => ({ mode: 'tool' as const, name: chosen.type === 'function' ? chosen.name : '' })),
        ),
        parallelToolCalls: fc.boolean(),
      },
      { requiredKeys: ['tools'] },
    ),
  ),
);

const settings = {
  temperature: fc.constantFrom(0, 0.5, 1),
  topP: fc.constantFrom(0.1, 0.95, 1),
  stop: several(words),
  user: id,
};
const oddSettings = {
  ...settings,
  temperature: fc.constantFrom(0, 1, 1.5),
  topK: fc.integer({ min: 1, max: 100 }),
  choices: fc.integer({ min: 2, max: 4 }),
  seed: fc.integer(),
  presencePenalty: fc.constantFrom(-1, 0.5),
  frequencyPenalty: fc.constantFrom(-1, 0.5),
  responseFormat: fc.oneof(
    fc.constant({ type: 'json' as const }),
    fc.record({ type: fc.constant('schema' as const), schema: jsonObject, name }),
  ),
};

/**
 * How hard to think is left out: dialects measure it in words or in tokens, and what is made of the one in the other
 * is for each dialect's own tests.
 */
const chat = (odd: boolean): fc.Arbitrary<Chat> =>
  fc
    .tuple(
      messages(odd),
      toolUse,
      odd ? fc.record(oddSettings, { requiredKeys: [] }) : fc.record(settings, { requiredKeys: [] }),
      fc.record({ model: name, stream: fc.boolean(), maxTokens: fc.integer({ min: 1, max: 10_000 }) }),
    )
    .map(([conversation, use, optional, head]) => ({ messages: conversation, ...use, ...optional, ...head, extra: {} }));

/** A call that every dialect can say. */
export const commonChat = chat(false);
/** A call with what only some dialects can say. */
export const anyChat = chat(true);

/** An answer before it is cut into chunks. */
export interface Answer {
  readonly thinking: readonly { readonly text: string; readonly signature?: string; readonly data?: string; readonly issuer?: Issuer }[];
  readonly texts: readonly string[];
  readonly calls: readonly {
    readonly id: string;
    readonly name: string;
    readonly input: string;
    readonly signature?: string;
    readonly issuer?: Issuer;
  }[];
  readonly reason: FinishReason;
  readonly usage: Usage;
}

const signed = fc.record({ text: words, signature: base64 });
const usage: fc.Arbitrary<Usage> = fc
  .tuple(fc.nat(5000), fc.nat(5000), fc.nat(5000), fc.nat(5000), fc.nat(5000))
  .map(([fresh, cacheRead, cacheWrite, spoken, reasoning]) => ({
    input: fresh + cacheRead + cacheWrite,
    output: spoken + reasoning,
    cacheRead,
    cacheWrite,
    reasoning,
  }));

export const answers: fc.Arbitrary<Answer> = fc.record({
  thinking: fc.oneof(
    fc.array(
      fc.oneof(
        signed,
        base64.map((data) => ({ text: '', data })),
      ),
      { maxLength: 3 },
    ),
    words.map((value) => [{ text: value }]),
  ),
  texts: fc.array(words, { maxLength: 2 }),
  calls: fc.uniqueArray(fc.record({ id, name, input: fc.oneof(jsonText, fc.constant('')) }), { maxLength: 3, selector: (made) => made.id }),
  reason: fc.constantFrom<FinishReason[]>(
    'stop',
    'stop-sequence',
    'length',
    'tool-calls',
    'content-filter',
    'refusal',
    'pause',
    'context-window',
    'error',
    'other',
  ),
  usage,
});

const issuer = fc.constantFrom<Issuer[]>('anthropic', 'gemini', 'openai', 'bedrock', 'other');
/** Gemini signs its parts and hides none. */
const hider = fc.constantFrom<Issuer[]>('anthropic', 'openai', 'bedrock', 'other');
/** Long enough to stand nowhere by chance. */
const seal = fc.uint8Array({ minLength: 16, maxLength: 40 }).map((bytes) => btoa(String.fromCharCode(...bytes)));
const sealed = fc.oneof(
  fc.record({ text: words, signature: seal, issuer }),
  fc.record({ text: fc.constant(''), data: seal, issuer: hider }),
);
const signedCall = fc
  .record({ id, name, input: jsonText, signature: seal, issuer })
  .chain((full) => fc.boolean().map((isSigned) => (isSigned ? full : { id: full.id, name: full.name, input: full.input })));

/** An answer with signatures of any family, on its thinking and on its calls. */
export const signedAnswers: fc.Arbitrary<Answer> = fc.record({
  thinking: fc.array(sealed, { maxLength: 3 }),
  texts: fc.array(words, { minLength: 1, maxLength: 2 }),
  calls: fc.uniqueArray(signedCall, { maxLength: 3, selector: (made) => made.id }),
  reason: fc.constant('stop' as const),
  usage,
});

/** Where texts are cut: used up one after the other, over and over. */
export const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });

/** The answer as the chunks of a stream, its texts cut to these lengths; calls that are made in parallel take turns. */
export function chunksOf(answer: Answer, lengths: readonly number[]): readonly ChatChunk[] {
  let turn = 0;
  const pieces = (value: string) => {
    const cut: string[] = [];
    for (let at = 0; at < value.length; ) {
      const length = lengths[turn++ % lengths.length] ?? 1;
      cut.push(value.slice(at, at + length));
      at += length;
    }
    return cut;
  };
  let next = 0;
  const choice = 0;
  const chunks: ChatChunk[] = [{ type: 'start', id: 'r_1', model: 'served' }];
  const by = (whose: Issuer | undefined) => (whose === undefined ? {} : { issuer: whose });
  for (const { text: thought, signature, data, issuer: whose } of answer.thinking) {
    const part = next++;
    if (data !== undefined) chunks.push({ type: 'redacted-thinking', part, choice, data, ...by(whose) });
    for (const piece of pieces(thought)) chunks.push({ type: 'thinking', part, choice, text: piece });
    if (signature !== undefined) chunks.push({ type: 'signature', part, choice, signature, ...by(whose) });
  }
  for (const said of answer.texts) {
    const part = next++;
    for (const piece of pieces(said)) chunks.push({ type: 'text', part, choice, text: piece });
  }
  const inputs = answer.calls.map(({ id: callId, name: called, input, signature, issuer: whose }) => {
    const part = next++;
    chunks.push({ type: 'tool-call', part, choice, id: callId, name: called });
    if (signature !== undefined) chunks.push({ type: 'signature', part, choice, signature, ...by(whose) });
    return pieces(input).map((piece): ChatChunk => ({ type: 'tool-input', part, choice, text: piece }));
  });
  for (let at = 0; inputs.some((each) => at < each.length); at++) for (const each of inputs) chunks.push(...each.slice(at, at + 1));
  return [
    ...chunks,
    { type: 'usage', usage: { ...answer.usage, output: 0, reasoning: 0 } },
    { type: 'finish', choice, reason: answer.reason },
    { type: 'usage', usage: answer.usage },
    { type: 'end' },
  ];
}
