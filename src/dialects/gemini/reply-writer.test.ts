import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { Frame, FrameSplitter } from '../../core/sse.ts';
import { gemini } from './index.ts';

const options = { id: 'gw-1', model: 'm', created: 1, wantsUsage: true };
const choice = 0;

function stream(chunks: readonly ChatChunk[]) {
  const writer = gemini.replyWriter(options);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  const frames = new FrameSplitter().push(new TextEncoder().encode(text));
  const events = frames.map(({ data }) => parseJson(data ?? '')).filter(isObject);
  return { text, events, loss: [...writer.loss] };
}
const partsOf = (events: readonly JsonObject[]) =>
  events.flatMap(({ candidates }) => (candidates as { content: { parts: JsonObject[] } }[]).flatMap(({ content }) => content.parts));

const answer: readonly ChatChunk[] = [
  { type: 'start', id: 'r', model: 'served' },
  { type: 'thinking', part: 0, choice, text: 'Hm' },
  { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'anthropic' },
  { type: 'text', part: 1, choice, text: 'Look' },
  { type: 'tool-call', part: 2, choice, id: 'a', name: 'f' },
  { type: 'tool-call', part: 3, choice, id: 'b', name: 'g' },
  { type: 'tool-input', part: 2, choice, text: '{"x"' },
  { type: 'tool-input', part: 3, choice, text: '{}' },
  { type: 'tool-input', part: 2, choice, text: ':1}' },
  { type: 'finish', choice, reason: 'tool-calls' },
  { type: 'usage', usage: { input: 10, output: 7, reasoning: 3, cacheRead: 4 } },
  { type: 'end' },
];

describe('an answer written in the dialect', () => {
  it('calls functions whole, says why it ended and what it cost in its last event', () => {
    const { events, loss } = stream(answer);
    expect(partsOf(events)).toEqual([
      { text: 'Hm', thought: true },
      { text: '', thought: true, thoughtSignature: btoa('@weir:anthropic:c2ln') },
      { text: 'Look' },
      { functionCall: { id: 'a', name: 'f', args: { x: 1 } } },
      { functionCall: { id: 'b', name: 'g', args: {} } },
      { text: '' },
    ]);
    expect(events.at(-1)).toEqual({
      candidates: [{ content: { parts: [{ text: '' }], role: 'model' }, finishReason: 'STOP', index: 0 }],
      usageMetadata: {
        promptTokenCount: 10,
        candidatesTokenCount: 4,
        totalTokenCount: 17,
        cachedContentTokenCount: 4,
        thoughtsTokenCount: 3,
      },
      modelVersion: 'served',
      responseId: 'r',
    });
    expect(loss).toEqual([]);
  });

  it('is one candidate with all its parts as JSON', () => {
    const { body } = gemini.writeReply(answer, options);
    expect(body.candidates).toEqual([
      {
        content: {
          role: 'model',
          parts: [
            { text: 'Hm', thought: true, thoughtSignature: btoa('@weir:anthropic:c2ln') },
            { text: 'Look' },
            { functionCall: { id: 'a', name: 'f', args: { x: 1 } } },
            { functionCall: { id: 'b', name: 'g', args: {} } },
          ],
        },
        finishReason: 'STOP',
        index: 0,
      },
    ]);
  });

  it('lets reasoning without text ride on the part that follows, since clients drop parts without text', () => {
    const hidden: readonly ChatChunk[] = [
      { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'anthropic' },
      { type: 'redacted-thinking', part: 1, choice, data: 'ZGF0YQ==', issuer: 'anthropic' },
      { type: 'text', part: 2, choice, text: 'a' },
      { type: 'text', part: 2, choice, text: 'b' },
      { type: 'redacted-thinking', part: 3, choice, data: 'bW9yZQ==', issuer: 'anthropic' },
      { type: 'tool-call', part: 4, choice, id: 'a', name: 'f' },
      { type: 'finish', choice, reason: 'tool-calls' },
      { type: 'end' },
    ];
    const parts = partsOf(stream(hidden).events).slice(0, -1);
    expect(parts.map(({ text, functionCall }) => text ?? isObject(functionCall))).toEqual(['a', 'b', true]);
    const { messages } = gemini.readCall({ contents: [{ role: 'model', parts }] });
    expect(messages[0]?.content).toMatchObject([
      { type: 'thinking', text: '', signature: 'c2ln', issuer: 'anthropic' },
      { type: 'redacted-thinking', data: 'ZGF0YQ==', issuer: 'anthropic' },
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
      { type: 'redacted-thinking', data: 'bW9yZQ==', issuer: 'anthropic' },
      { type: 'tool-call', id: 'a' },
    ]);
  });

  it('names what it cannot say', () => {
    const { loss } = stream([
      { type: 'raw', dialect: 'anthropic', name: 'server_tool_use', value: {} },
      { type: 'tool-call', part: 0, choice, id: 'a', name: 'f', custom: true },
      { type: 'tool-input', part: 0, choice, text: 'plain' },
      { type: 'usage', usage: { input: 1, output: 1, cacheWrite: 1 } },
      { type: 'finish', choice, reason: 'pause', stopSequence: 'x' },
      { type: 'end' },
    ]);
    expect(loss.sort()).toEqual([
      'finish_reason',
      'finish_reason.pause',
      'server_tool_use',
      'stop_sequence',
      'tool_calls.custom',
      'usage.cache_write',
    ]);
  });

  it('breaks off in an error that every version of the libraries sees', () => {
    const error = new GatewayError('upstream_overloaded', 'Busy.', { retryAfter: 3 });
    const { text } = stream([
      { type: 'text', part: 0, choice, text: 'a' },
      { type: 'error', error },
      { type: 'text', part: 0, choice, text: 'b' },
      { type: 'end' },
    ]);
    // What stands behind the last blank line must not be empty: that alone tells the older ones.
    expect(text).toMatch(/"status":"UNAVAILABLE".*"retryDelay":"3s".*\}\n\n: broken off\n$/);
    expect(text).not.toContain('finishReason');
    expect(() => gemini.writeReply([{ type: 'error', error }], options)).toThrow('Busy.');
  });

  it('is edited frame by frame in its own line ends', () => {
    const came = Frame.of('data: {"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b","thought":true},{"text":""}]}}]}\r\n\r\n');
    expect(gemini.frameTexts(came, (text) => `${text}!`).text).toBe(came.text.replace('"a"', '"a!"'));
    expect(gemini.frameTexts(came, (text) => text)).toBe(came);
  });
});
