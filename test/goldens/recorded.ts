import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ChatChunk } from '../../src/core/chat.ts';
import type { Dialect } from '../../src/core/dialect.ts';
import { isArray, isObject, type Json, parseJson } from '../../src/core/json.ts';
import { type Frame, FrameSplitter } from '../../src/core/sse.ts';
import { anthropic } from '../../src/dialects/anthropic/index.ts';
import { openaiChat } from '../../src/dialects/openai-chat/index.ts';

/** One recorded answer, in the form in which a provider would send it. */
export type Recorded = { readonly name: string; readonly dialect: Dialect } & (
  | { readonly form: 'stream'; readonly bytes: Uint8Array }
  | { readonly form: 'json'; readonly body: Json }
);

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const encoder = new TextEncoder();

/** All recorded answers, by name. */
export const recorded: readonly Recorded[] = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(json|chunks\.txt|sse)$/.test(name))
  .sort()
  .flatMap(load);

export const otherThan = (dialect: Dialect): Dialect => (dialect === anthropic ? openaiChat : anthropic);

function load(name: string): readonly Recorded[] {
  const text = readFileSync(path.join(FIXTURES, name), 'utf8');
  // The recording lost the blank line at its end.
  if (name.endsWith('.sse')) return [{ name, dialect: openaiChat, form: 'stream', bytes: encoder.encode(`${text.trimEnd()}\n\n`) }];
  if (name.endsWith('.json')) {
    const body = parseJson(text) ?? null;
    return [{ name, dialect: dialectOf(body, name), form: 'json', body }];
  }
  const answers = answersOf(text.split('\n').filter((line) => line.trim() !== ''));
  return answers.map((payloads, at) => ({
    name: answers.length === 1 ? name : `${name}#${at + 1}`,
    form: 'stream',
    ...framed(payloads, name),
  }));
}

/** Some recordings hold every answer of a conversation, one after the other. */
function answersOf(payloads: readonly string[]): readonly (readonly string[])[] {
  const end = payloads.findIndex((payload) => typeOf(parseJson(payload)) === 'message_stop') + 1;
  return end === 0 || end === payloads.length ? [payloads] : [payloads.slice(0, end), ...answersOf(payloads.slice(end))];
}

function framed(payloads: readonly string[], name: string): { readonly dialect: Dialect; readonly bytes: Uint8Array } {
  const events = payloads.map((payload) => parseJson(payload) ?? null);
  const dialect = dialectOf(events.find((event) => typeOf(event) !== 'ping') ?? null, name);
  const frames = payloads.map((payload, at) => `${dialect === anthropic ? `event: ${typeOf(events[at])}\n` : ''}data: ${payload}\n\n`);
  if (dialect === openaiChat) frames.push('data: [DONE]\n\n');
  return { dialect, bytes: encoder.encode(frames.join('')) };
}

function typeOf(event: Json | undefined): Json | undefined {
  return isObject(event) ? event.type : undefined;
}

function dialectOf(answer: Json, name: string): Dialect {
  if (isObject(answer) && isArray(answer.choices)) return openaiChat;
  if (isObject(answer) && (answer.type === 'message' || answer.type === 'message_start')) return anthropic;
  throw new Error(`${name} is an answer of no known dialect`);
}

/** The frames that come out of the splitter when the bytes arrive cut at these places. */
export function framesOf(bytes: Uint8Array, cuts: readonly number[] = []): readonly Frame[] {
  const splitter = new FrameSplitter();
  const ends = [...cuts, bytes.length];
  return ends.flatMap((end, at) => splitter.push(bytes.subarray(ends[at - 1] ?? 0, end)));
}

export function chunksOf(frames: readonly Frame[], dialect: Dialect): readonly ChatChunk[] {
  const reader = dialect.replyReader();
  return frames.flatMap((frame) => reader.read(frame));
}

export const decode = (answer: Recorded): readonly ChatChunk[] =>
  answer.form === 'json' ? answer.dialect.readReply(answer.body) : chunksOf(framesOf(answer.bytes), answer.dialect);

/** The answer in another dialect and back: what a client of that dialect would understand. */
export function translated(answer: Recorded, dialect: Dialect): readonly ChatChunk[] {
  const options = { id: 'id-of-the-gateway', model: 'model-of-the-gateway', created: 1_700_000_000, wantsUsage: true };
  const chunks = decode(answer);
  if (answer.form === 'json') return dialect.readReply(dialect.writeReply(chunks, options).body);
  const writer = dialect.replyWriter(options);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  return chunksOf(framesOf(encoder.encode(text)), dialect);
}
