import { describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../core/base64.ts';
import type { ChatChunk } from '../../core/chat.ts';
import { eventstream } from '../../core/eventstream.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { Frame } from '../../core/sse.ts';
import recordedAnswers from '../fixtures/bedrock-answers.json';
import recordedStreams from '../fixtures/bedrock-streams.json';
import { bedrock } from './index.ts';
import { carrier } from './signatures.ts';

type Event = readonly [type: string, payload: Json];
const frame = ([type, payload]: Event) => Frame.of(`event: ${type}\ndata: ${JSON.stringify(payload)}\n\n`);
const CLAUDE = 'us.anthropic.claude-3-7-sonnet-20250219-v1:0';

function read(events: readonly Event[], model?: string): readonly ChatChunk[] {
  const reader = bedrock.replyReader(model);
  return [...events.flatMap((event) => reader.read(frame(event))), ...(reader.close?.() ?? [])];
}

/** The recordings write an event as an object with one member. */
const eventsOf = (lines: readonly object[]): readonly Event[] => lines.map((line) => Object.entries(line)[0] as [string, Json]);

const stop = (stopReason: string): Event => ['messageStop', { stopReason }];
const text = (said: string, contentBlockIndex = 0): Event => ['contentBlockDelta', { contentBlockIndex, delta: { text: said } }];
const reasoning = (reasoningContent: JsonObject, contentBlockIndex = 0): Event => [
  'contentBlockDelta',
  { contentBlockIndex, delta: { reasoningContent } },
];
const finishOf = (chunks: readonly ChatChunk[]) => chunks.find((chunk) => chunk.type === 'finish');
const usageOf = (chunks: readonly ChatChunk[]) => chunks.findLast((chunk) => chunk.type === 'usage')?.usage;

/** What an answer says, however it is cut. */
function summary(chunks: readonly ChatChunk[]) {
  const inputs = new Map<number, string>();
  for (const chunk of chunks) if (chunk.type === 'tool-input') inputs.set(chunk.part, (inputs.get(chunk.part) ?? '') + chunk.text);
  const joined = (type: 'text' | 'thinking') => chunks.flatMap((chunk) => (chunk.type === type ? [chunk.text] : [])).join('');
  return {
    text: joined('text'),
    thinking: joined('thinking'),
    calls: chunks.flatMap((chunk) =>
      chunk.type === 'tool-call' ? [[chunk.id, chunk.name, JSON.parse(inputs.get(chunk.part) ?? 'null') as Json]] : [],
    ),
    reason: finishOf(chunks)?.reason,
    end: chunks.at(-1)?.type,
  };
}

describe('recorded answers of Bedrock', () => {
  it.each(Object.entries(recordedStreams))('stream %s', (_name, lines) => {
    const chunks = read(eventsOf(lines));
    const said = summary(chunks);
    expect(said.end).toBe('end');
    expect(said.text !== '' || said.calls.length > 0).toBe(true);
    // In the vendor's own bytes they say the same.
    const bytes = eventstream.encode(
      eventsOf(lines)
        .map((event) => frame(event).text)
        .join(''),
    );
    const reader = bedrock.replyReader();
    const framed = eventstream
      .splitter()
      .push(bytes)
      .flatMap((each) => reader.read(each));
    expect([...framed, ...(reader.close?.() ?? [])]).toEqual(chunks);
  });

  it.each(Object.entries(recordedAnswers))('answer %s', (_name, body) => {
    const said = summary(bedrock.readReply(body));
    expect(said.end).toBe('end');
    expect(said.text !== '' || said.calls.length > 0).toBe(true);
    expect(usageOf(bedrock.readReply(body))).toEqual(bedrock.replyUsage(body));
  });

  it('hold reasoning with its signature, text without a start, and usage behind the end', () => {
    const chunks = read(eventsOf(recordedStreams.reasoning), CLAUDE);
    expect(summary(chunks)).toMatchObject({ thinking: expect.stringContaining("So there are 3 r's."), reason: 'stop' });
    const signature = chunks.find((chunk) => chunk.type === 'signature');
    expect(signature).toMatchObject({ part: 0, issuer: 'anthropic', signature: expect.stringMatching(/^Ep0CCkgI/) });
    expect(chunks.map(({ type }) => type).slice(-3)).toEqual(['finish', 'usage', 'end']);
    expect(usageOf(chunks)).toEqual({ input: 51, output: 94 });
  });

  it('call a tool without arguments with an empty object', () => {
    expect(summary(read(eventsOf(recordedStreams['tool-no-args']))).calls).toEqual([['tool-use-id', 'updateIssueList', {}]]);
    expect(summary(bedrock.readReply(recordedAnswers['tool-no-args'])).calls).toEqual([['tool-use-id', 'updateIssueList', {}]]);
  });
});

describe('usage', () => {
  const metadata = (usage: JsonObject): Event => ['metadata', { usage, metrics: { latencyMs: 5 } }];

  it('counts what was read from and written to the cache as input', () => {
    const counts = {
      inputTokens: 2,
      outputTokens: 5,
      totalTokens: 1329,
      cacheReadInputTokens: 1000,
      cacheWriteInputTokens: 322,
      cacheDetails: [
        { ttl: '1h', inputTokens: 300 },
        { ttl: '5m', inputTokens: 22 },
      ],
    };
    expect(usageOf(read([stop('end_turn'), metadata(counts)]))).toEqual({
      input: 1324,
      output: 5,
      cacheRead: 1000,
      cacheWrite: 322,
      cacheWrite1h: 300,
    });
  });

  it('refuses numbers that cannot be', () => {
    for (const counts of [
      { inputTokens: -5, outputTokens: 1 },
      { inputTokens: 1e12, outputTokens: 1 },
      { inputTokens: 1.5, outputTokens: 1 },
      {},
    ]) {
      expect(usageOf(read([stop('end_turn'), metadata(counts)]))).toBeUndefined();
    }
    expect(usageOf(read([metadata({ inputTokens: 1, outputTokens: 1, cacheReadInputTokens: -1 }), stop('end_turn')]))).toEqual({
      input: 1,
      output: 1,
    });
  });
});

describe('the end', () => {
  it.each([
    ['end_turn', 'stop', undefined],
    ['tool_use', 'tool-calls', undefined],
    ['max_tokens', 'length', undefined],
    ['stop_sequence', 'stop-sequence', undefined],
    ['content_filtered', 'content-filter', undefined],
    ['guardrail_intervened', 'content-filter', 'guardrail_intervened'],
    ['model_context_window_exceeded', 'context-window', undefined],
    ['malformed_model_output', 'error', undefined],
    ['malformed_tool_use', 'error', 'malformed_tool_use'],
    ['something_new', 'other', 'something_new'],
  ])('reads %s as %s', (word, reason, vendor) => {
    const finish = finishOf(read([stop(word)]));
    expect(finish).toMatchObject({ reason });
    expect(finish?.vendor).toBe(vendor);
    // What has a word of its own is written as it came.
    if (reason !== 'other') {
      const { body } = bedrock.writeReply(read([stop(word)]), { id: 'r', model: 'm', created: 0, wantsUsage: true });
      expect(body.stopReason).toBe(word);
    }
  });

  it('comes with the end of the stream alone, and only where the answer was complete', () => {
    expect(read([text('a'), stop('end_turn')]).at(-1)).toEqual({ type: 'end' });
    expect(read([text('a')]).map(({ type }) => type)).toEqual(['start', 'text']);
    const reader = bedrock.replyReader();
    reader.read(frame(stop('end_turn')));
    expect(reader.close?.()).toEqual([{ type: 'end' }]);
    expect(reader.close?.()).toEqual([]);
  });

  it('may be an exception, after which there is nothing', () => {
    const chunks = read([text('a'), ['throttlingException', { message: 'Slow down.' }], stop('end_turn')]);
    expect(chunks.at(-1)).toMatchObject({ type: 'error', error: { code: 'upstream_rate_limited', message: 'Slow down.' } });
    expect(read([['modelStreamErrorException', { originalMessage: 'Broke.' }]])).toMatchObject([
      { type: 'error', error: { code: 'upstream_error', message: 'Broke.' } },
    ]);
    expect(read([['brandNewException', 'x']])).toMatchObject([{ type: 'error', error: { code: 'upstream_error' } }]);
  });

  it('says the stop sequence, in a stream and in an answer', () => {
    const fields = (additional: JsonObject) =>
      finishOf(read([['messageStop', { stopReason: 'stop_sequence', additionalModelResponseFields: additional }]]));
    expect(fields({ delta: { stop_sequence: 'END' } })).toMatchObject({ stopSequence: 'END' });
    expect(fields({ stop_sequence: 'END' })).toMatchObject({ stopSequence: 'END' });
    expect(fields({ delta: { stop_sequence: null } })).not.toHaveProperty('stopSequence');
  });
});

describe('what only this dialect knows', () => {
  const rawsOf = (chunks: readonly ChatChunk[]) => chunks.flatMap((chunk) => (chunk.type === 'raw' ? [chunk.name] : []));
  const options = { id: 'r', model: 'm', created: 0, wantsUsage: true };

  it('is handed on, and comes back as it was', () => {
    const citation = { title: 'A', location: { documentPage: { documentIndex: 0, start: 1, end: 2 } } };
    const trace = { guardrail: { actionReason: 'none' } };
    const body = {
      output: {
        message: {
          role: 'assistant',
          content: [
            { citationsContent: { content: [{ text: 'Cited.' }], citations: [citation] } },
            { image: { format: 'png', source: { bytes: 'AAAA' } } },
            { toolUse: { toolUseId: 's', name: 'code', input: { a: 1 }, type: 'server_tool_use' } },
          ],
        },
      },
      stopReason: 'end_turn',
      usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
      metrics: { latencyMs: 0 },
      additionalModelResponseFields: { top: 1 },
      trace,
      serviceTier: { type: 'flex' },
    };
    const chunks = bedrock.readReply(body);
    expect(new Set(rawsOf(chunks))).toEqual(
      new Set(['citations', 'image', 'toolUse', 'contentBlockStop', 'additionalModelResponseFields', 'trace', 'serviceTier']),
    );
    expect(bedrock.writeReply(chunks, options)).toEqual({ body, loss: [] });
    const writer = bedrock.replyWriter(options);
    const again = bedrock.replyReader();
    const events = eventstream.splitter().push(eventstream.encode(chunks.map((chunk) => writer.write(chunk)).join('')));
    expect(bedrock.writeReply([...events.flatMap((each) => again.read(each)), ...(again.close?.() ?? [])], options).body).toEqual(body);
  });

  it('says nothing of the usual, nor of how long Bedrock took', () => {
    const chunks = read([
      stop('end_turn'),
      ['metadata', { metrics: { latencyMs: 9 }, serviceTier: { type: 'default' }, performanceConfig: { latency: 'standard' } }],
    ]);
    expect(rawsOf(chunks)).toEqual([]);
  });

  it('passes over what is not known yet, and refuses what is no event', () => {
    expect(read([['somethingNew', {}], text('a'), stop('end_turn')]).map(({ type }) => type)).toEqual(['start', 'text', 'finish', 'end']);
    const reader = bedrock.replyReader();
    expect(() => reader.read(Frame.of('event: messageStart\ndata: nonsense\n\n'))).toThrow(
      expect.objectContaining({ code: 'upstream_invalid' }),
    );
    expect(() => reader.read(Frame.of('data: {}\n\n'))).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
    expect(() => bedrock.readReply({ message: 'nothing' })).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
  });
});

describe('signatures', () => {
  const ofKind = (chunks: readonly ChatChunk[], type: ChatChunk['type']) => chunks.filter((chunk) => chunk.type === type);

  it("are Anthropic's where the model's id names Anthropic, and Bedrock's elsewhere", () => {
    const signed = (model?: string) =>
      ofKind(read([reasoning({ text: 'Hm.' }), reasoning({ signature: 'c2ln' }), stop('end_turn')], model), 'signature');
    expect(signed(CLAUDE)).toEqual([{ type: 'signature', part: 0, choice: 0, signature: 'c2ln', issuer: 'anthropic' }]);
    for (const model of ['us.amazon.nova-2-lite-v1:0', 'arn:aws:bedrock:us-east-1:1:application-inference-profile/x', undefined]) {
      expect(signed(model)).toEqual([{ type: 'signature', part: 0, choice: 0, signature: 'c2ln', issuer: 'bedrock' }]);
    }
  });

  it('of another family come out of their wrapping', () => {
    const signature = wrapSignature('Zm9v', 'gemini', 'bedrock');
    expect(ofKind(read([reasoning({ text: 'Hm.' }), reasoning({ signature })], CLAUDE), 'signature')).toMatchObject([
      { signature: 'Zm9v', issuer: 'gemini' },
    ]);
  });

  it('may be all there is of reasoning', () => {
    expect(read([reasoning({ signature: 'c2ln' }), text('a', 1)]).slice(1)).toMatchObject([
      { type: 'signature', part: 0 },
      { type: 'text', part: 1 },
    ]);
  });

  it("are the text of Anthropic's own API where Claude's reasoning is redacted", () => {
    const redactedContent = encodeBase64(new TextEncoder().encode('EtMFCkgICxABGAIqQA=='));
    expect(ofKind(read([reasoning({ redactedContent })], CLAUDE), 'redacted-thinking')).toMatchObject([
      { data: 'EtMFCkgICxABGAIqQA==', issuer: 'anthropic' },
    ]);
    expect(ofKind(read([reasoning({ redactedContent })]), 'redacted-thinking')).toMatchObject([
      { data: redactedContent, issuer: 'bedrock' },
    ]);
    // No text at all: it stays as it is.
    expect(ofKind(read([reasoning({ redactedContent: '//8=' })], CLAUDE), 'redacted-thinking')).toMatchObject([
      { data: '//8=', issuer: 'bedrock' },
    ]);
  });

  it('of calls and texts stand on them again, before or behind', () => {
    const call = (id: string, index: number): Event => [
      'contentBlockStart',
      { contentBlockIndex: index, start: { toolUse: { toolUseId: id, name: 'f' } } },
    ];
    const chunks = read([
      text('Said.'),
      reasoning({ redactedContent: carrier('', 'dGV4dA==', 'gemini') }, 1),
      reasoning({ redactedContent: carrier('a', 'YQ==', 'gemini') }, 2),
      call('a', 3),
      call('b', 4),
      reasoning({ redactedContent: carrier('b', 'Yg==', 'openai') }, 5),
    ]);
    expect(ofKind(chunks, 'signature')).toEqual([
      { type: 'signature', part: 0, choice: 0, signature: 'dGV4dA==', issuer: 'gemini' },
      { type: 'signature', part: 1, choice: 0, signature: 'YQ==', issuer: 'gemini' },
      { type: 'signature', part: 2, choice: 0, signature: 'Yg==', issuer: 'openai' },
    ]);
    expect(ofKind(chunks, 'redacted-thinking')).toEqual([]);
  });
});

describe('frames', () => {
  const framed = (event: Event) => eventstream.splitter().push(eventstream.encode(frame(event).text));
  const shout = (said: string) => said.toUpperCase();

  it.each([frame(text('quiet')), ...framed(text('quiet'))])('are edited in the framing they came in', (each) => {
    const edited = bedrock.frameTexts(each, shout);
    expect(JSON.parse(edited.data ?? '')).toEqual({ contentBlockIndex: 0, delta: { text: 'QUIET' } });
    const splitter = each.bytes[0] === 0 ? eventstream.splitter() : undefined;
    expect(splitter === undefined ? Frame.of(edited.text).data : splitter.push(edited.bytes)[0]?.data).toBe(edited.data);
    expect(bedrock.frameTexts(each, (said) => said)).toBe(each);
  });

  it('are left alone where they hold no text of the answer', () => {
    for (const event of [stop('end_turn'), reasoning({ text: 'signed' }), text('')]) {
      const one = frame(event);
      expect(bedrock.frameTexts(one, (said) => `${said}!`)).toBe(one);
    }
  });

  it('are notable where they say how it came out', () => {
    const isNotable = (event: Event) => [frame(event), ...framed(event)].map((each) => bedrock.notable.test(each.text));
    for (const event of [stop('end_turn'), ['metadata', {}] as const, ['throttlingException', {}] as const])
      expect(isNotable(event)).toEqual([true, true]);
    for (const event of [text('event of messageStop and metadata'), reasoning({ text: 'x' })])
      expect(isNotable(event)).toEqual([false, false]);
  });
});

it('reads a JSON answer of an object only', () => {
  expect(isObject(recordedAnswers.text)).toBe(true);
  expect(() => bedrock.replyUsage('text')).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
});
