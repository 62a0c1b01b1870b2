import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ChatChunk } from '../../src/core/chat.ts';
import type { Dialect } from '../../src/core/dialect.ts';
import { callerFraming, type Framing } from '../../src/core/framing.ts';
import { isObject, type Json, parseJson } from '../../src/core/json.ts';
import type { Frame } from '../../src/core/sse.ts';
import { dialects } from '../../src/dialects/index.ts';
import recordings from './recordings.json' with { type: 'json' };

/** One recorded answer, in the form in which a provider would send it. */
export type Recorded = { readonly name: string; readonly dialect: Dialect } & (
  | { readonly form: 'stream'; readonly bytes: Uint8Array; readonly frames: readonly Frame[] }
  | { readonly form: 'json'; readonly body: Json }
);

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
/** Where an answer ends of which a recording holds several. */
const ENDS: ReadonlySet<string> = new Set(['message_stop', 'response.completed', 'response.incomplete']);
const OPTIONS = { id: 'id-of-the-gateway', model: 'model-of-the-gateway', created: 1_700_000_000, wantsUsage: true };

export const readFixture = (name: string): string => readFileSync(path.join(FIXTURES, name), 'utf8');
export const readFixtureJson = (name: string): Json => parseJson(readFixture(name)) ?? null;

/** Every recorded answer of a chat, by name. */
export const recorded: readonly Recorded[] = Object.entries(recordings).flatMap(([name, how]) => {
  const dialect = dialects.find(({ id }) => id === how);
  return dialect === undefined ? [] : load(name, dialect);
});

function load(name: string, dialect: Dialect): readonly Recorded[] {
  const text = readFixture(name);
  if (name.endsWith('.json')) return [{ name, dialect, form: 'json', body: parseJson(text) ?? null }];
  // The recording lost the blank line at its end.
  if (name.endsWith('.sse')) return [{ name, dialect, ...streamOf(dialect, `${text.trimEnd()}\n\n`) }];
  const payloads = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(whole);
  const answers = answersOf(payloads);
  return answers.map((answer, at) => ({
    name: answers.length === 1 ? name : `${name}#${at + 1}`,
    dialect,
    ...streamOf(dialect, eventsOf(dialect, answer)),
  }));
}

function streamOf(dialect: Dialect, events: string) {
  const bytes = callerFraming(dialect).encode(events);
  return { form: 'stream' as const, bytes, frames: framesOf(dialect, bytes) };
}

/** Two lines of one recording lost their last brace. */
function whole(line: string): string {
  return parseJson(line) === undefined && parseJson(`${line}}`) !== undefined ? `${line}}` : line;
}

/** Some recordings hold every answer of a conversation, one after the other. */
function answersOf(payloads: readonly string[]): readonly (readonly string[])[] {
  const end = payloads.findIndex((payload) => ENDS.has(typeOf(payload))) + 1;
  return end === 0 || end === payloads.length ? [payloads] : [payloads.slice(0, end), ...answersOf(payloads.slice(end))];
}

/** The payloads as the events that the vendor sent: what was recorded of them is their data alone. */
function eventsOf({ id }: Dialect, payloads: readonly string[]): string {
  switch (id) {
    case 'openai-chat':
    case 'openai-completions':
      return [...payloads, '[DONE]'].map((payload) => `data: ${payload}\n\n`).join('');
    case 'gemini':
      return payloads.map((payload) => `data: ${payload}\n\n`).join('');
    case 'bedrock':
      // The recordings name the event as a field around its payload.
      return payloads
        .map((payload) =>
          Object.entries(objectOf(payload))
            .map(([event, data]) => sse(event, JSON.stringify(data)))
            .join(''),
        )
        .join('');
    default:
      return payloads.map((payload) => sse(typeOf(payload), payload)).join('');
  }
}

function sse(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}

function objectOf(payload: string) {
  const value = parseJson(payload);
  return isObject(value) ? value : {};
}

function typeOf(payload: string): string {
  return String(objectOf(payload).type);
}

/** The frames that come out of the splitter when the bytes arrive cut at these places. */
export function framesOf(dialect: Dialect, bytes: Uint8Array, cuts: readonly number[] = []): readonly Frame[] {
  const framing: Framing = callerFraming(dialect);
  const splitter = framing.splitter();
  const ends = [...cuts, bytes.length];
  return ends.flatMap((end, at) => splitter.push(bytes.subarray(ends[at - 1] ?? 0, end)));
}

export function chunksOf(frames: readonly Frame[], dialect: Dialect): readonly ChatChunk[] {
  const reader = dialect.replyReader();
  const chunks = frames.flatMap((frame) => reader.read(frame));
  return [...chunks, ...(reader.close?.() ?? [])];
}

export const decode = (answer: Recorded): readonly ChatChunk[] =>
  answer.form === 'json' ? answer.dialect.readReply(answer.body) : chunksOf(answer.frames, answer.dialect);

/** The answer as a client of that dialect would understand it, and what the client is told was lost. */
export function translated(
  answer: Recorded,
  dialect: Dialect,
): { readonly chunks: readonly ChatChunk[]; readonly loss: readonly string[] } {
  const chunks = decode(answer);
  if (answer.form === 'json') {
    const { body, loss } = dialect.writeReply(chunks, OPTIONS);
    return { chunks: dialect.readReply(JSON.parse(JSON.stringify(body))), loss };
  }
  const writer = dialect.replyWriter(OPTIONS);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  return { chunks: chunksOf(framesOf(dialect, callerFraming(dialect).encode(text)), dialect), loss: [...writer.loss] };
}
