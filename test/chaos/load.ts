import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { anthropic } from '../faults/matrix/readers/anthropic.ts';
import { bedrock } from '../faults/matrix/readers/bedrock.ts';
import { gemini } from '../faults/matrix/readers/gemini.ts';
import { openaiChat } from '../faults/matrix/readers/openai-chat.ts';
import { openaiResponses } from '../faults/matrix/readers/openai-responses.ts';
import type { Reader, Reading } from '../faults/matrix/readers/reading.ts';

export const readers: readonly Reader[] = [openaiChat(false), openaiChat(true), anthropic, openaiResponses, gemini, bedrock];

/** One call as its caller saw it. */
export interface Answered {
  readonly reader: Reader;
  readonly stream: boolean;
  /** 0 where the connection broke before any. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What was read of it; a connection that broke is a problem. */
  readonly reading: Reading;
  readonly bytes: Buffer;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds to the first byte of content, and to the end. */
  readonly firstMs: number;
  readonly ms: number;
}

export interface Call {
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly reader: Reader;
  readonly stream: boolean;
  readonly agent: Agent;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: object;
}

export const connections = (most: number): Agent => new Agent({ keepAlive: true, maxSockets: most, timeout: 60_000 });

/** Makes one call, and never rejects. */
export function call({ url, key, model, reader, stream, agent, headers = {}, body }: Call): Promise<Answered> {
  const asked = reader.request(model, stream);
  const text = JSON.stringify({ ...asked.body, ...body });
  const at = Date.now();
  const from = performance.now();
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let first: number | undefined;
    const ended = (status: number, given: IncomingHttpHeaders, broke: boolean) => {
      const bytes = Buffer.concat(pieces);
      const ms = performance.now() - from;
      const reading = broke ? unread('the connection broke') : readingOf(reader, stream, status, given, bytes);
      resolve({ reader, stream, status, headers: given, reading, bytes, at, firstMs: first ?? ms, ms });
    };
    const sent = {
      'x-weir-key': key,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      ...headers,
    };
    const request = httpRequest(url + asked.path, { method: 'POST', agent, headers: sent }, (response) => {
      const { statusCode = 0 } = response;
      response.on('data', (piece: Buffer) => {
        first ??= performance.now() - from;
        pieces.push(piece);
      });
      response.on('end', () => ended(statusCode, response.headers, !response.complete));
      response.on('error', () => ended(statusCode, response.headers, true));
    });
    request.on('error', () => ended(0, {}, true));
    request.end(text);
  });
}

const unread = (problem: string): Reading => ({ text: '', done: false, errors: [], torn: 0, problems: [problem] });

function readingOf(reader: Reader, stream: boolean, status: number, headers: IncomingHttpHeaders, bytes: Buffer): Reading {
  if (stream && status === 200) return reader.stream(bytes);
  try {
    const body: unknown = JSON.parse(bytes.toString());
    return status === 200 ? reader.whole(body) : reader.refusal(body, headers);
  } catch {
    return unread(`not JSON: ${bytes.toString().slice(0, 80)}`);
  }
}

/** Keeps so many calls under way until it is time to stop. */
export async function keepCalling(
  width: number,
  until: () => boolean,
  next: (number: number) => Promise<Answered>,
): Promise<readonly Answered[]> {
  const answers: Answered[] = [];
  let number = 0;
  const work = async () => {
    while (!until()) answers.push(await next(number++));
  };
  await Promise.all(Array.from({ length: width }, work));
  return answers;
}

export const attemptsOf = ({ headers }: Answered): number => Number(headers['x-weir-attempts'] ?? 0);

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
