import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, endings, streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { anthropicWire } from '../upstream/anthropic-wire.ts';
import { openaiWire } from '../upstream/openai-wire.ts';
import { expected } from '../upstream/server.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const PARALLEL = 32;
const wires = { openai: openaiWire, anthropic: anthropicWire } as const;

/** Runs a check for every number below `count`, many at a time; gives back what went wrong. */
async function each(count: number, check: (at: number) => Promise<string | undefined>): Promise<string[]> {
  const wrong: string[] = [];
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < count; at = next++) {
      const fault = await check(at).catch((thrown: unknown) => `threw ${thrown}`);
      if (fault !== undefined) wrong.push(`byte ${at}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return wrong;
}

/** The typed error that a stream ends in, whichever dialect; what may stand before it closes the line that was cut. */
const TAIL: { readonly [dialect in Dialect]: RegExp } = {
  openai: /^\n{0,2}data: \{"error":.*\}\n\n$/,
  anthropic: /^\n{0,2}event: error\ndata: \{"type":"error".*\}\n\n$/,
};

/** Bytes of the frames that are whole within the first `at` bytes and that a caller sees. */
function wholeFrames(sent: readonly string[], visible: readonly string[], at: number): number {
  let end = 0;
  let seen = 0;
  for (const frame of sent) {
    end += Buffer.byteLength(frame);
    if (end > at) break;
    if (visible.includes(frame)) seen += Buffer.byteLength(frame);
  }
  return seen;
}

/** Where the first frame with content ends: up to there a failure is an error of its own, and not the end of a stream. */
function firstContentEnd(frames: readonly string[]): number {
  const first = frames.findIndex((frame) => frame.includes('Z'));
  return Buffer.byteLength(frames.slice(0, first + 1).join(''));
}

/** Enough to see what is wrong. */
const some = (wrong: readonly string[]) => ({ count: wrong.length, first: wrong.slice(0, 4) });
const NONE = { count: 0, first: [] };

interface Case {
  readonly name: string;
  readonly dialect: Dialect;
  readonly provider: string;
  readonly asksUsage: boolean;
  readonly how: 'reset' | 'end';
}

const cases: readonly Case[] = [
  { name: 'OpenAI, bytes untouched, reset', dialect: 'openai', provider: 'up', asksUsage: true, how: 'reset' },
  { name: 'OpenAI, usage hidden, clean end', dialect: 'openai', provider: 'up', asksUsage: false, how: 'end' },
  { name: 'Anthropic, bytes untouched, clean end', dialect: 'anthropic', provider: 'ant', asksUsage: true, how: 'end' },
];

describe('an upstream that dies at any byte of its stream', () => {
  it.each(cases)('leaves a prefix of its bytes, and then exactly one ending: $name', async ({ dialect, provider, asksUsage, how }) => {
    const wire = wires[dialect];
    const sent = expected('ok/short', wire, true);
    // What a caller would see of the whole stream, frame by frame; the hidden chunk is not in it.
    const visible = expected('ok/short', wire, asksUsage);
    const early = firstContentEnd(sent.frames);
    const extra = asksUsage && dialect === 'openai' ? { stream_options: { include_usage: true } } : {};
    const wrong = await each(sent.bytes.length, async (at) => {
      const answer = await streamed(gateway.url, dialect, `${provider}/fault/cut?content=short&at=${at}&how=${how}`, { extra });
      if (answer.status !== 200)
        return answer.status === 502 && at < early ? undefined : `status ${answer.status} ${answer.text.slice(0, 200)}`;
      const { done, errors, rest } = endings(answer.bytes);
      if (rest !== '') return `ends inside an event: ${JSON.stringify(rest)}`;
      if (done + errors.length !== 1) return `${done} terminators and ${errors.length} errors: ${JSON.stringify(answer.text.slice(-300))}`;
      const bytes = Buffer.from(answer.bytes);
      let common = 0;
      while (common < bytes.length && bytes[common] === visible.bytes[common]) common++;
      const least = wholeFrames(sent.frames, visible.frames, at);
      if (common < least) return `${common} of at least ${least} bytes are the upstream's own`;
      const tail = bytes.subarray(common).toString();
      if (done === 1) return tail === '' || tail === '\n' || tail === '\n\n' ? undefined : `after the terminator: ${JSON.stringify(tail)}`;
      // The tail may share its first bytes with what would have come: the error begins at a line of its own.
      const from = answer.text.lastIndexOf(dialect === 'openai' ? 'data: {"error"' : 'event: error');
      return TAIL[dialect].test(answer.text.slice(from)) && from >= 0 ? undefined : `tail ${JSON.stringify(tail)}`;
    });
    expect(some(wrong)).toEqual(NONE);
  });

  it.each([
    { to: 'anthropic' as const, provider: 'up', wire: openaiWire },
    { to: 'openai' as const, provider: 'ant', wire: anthropicWire },
  ])('leaves a translation of a prefix, and then exactly one ending: $provider to $to', async ({ to, provider, wire }) => {
    const { bytes: sent, frames } = expected('ok/short', wire);
    const early = firstContentEnd(frames);
    const whole = saidIn((await streamed(gateway.url, to, `${provider}/ok/short`)).text);
    // Every seventh byte: the framing below is the same as above, byte for byte.
    const wrong = await each(Math.floor(sent.length / 7), async (seventh) => {
      const at = seventh * 7;
      const answer = await streamed(gateway.url, to, `${provider}/fault/cut?content=short&at=${at}&how=end`);
      if (answer.status !== 200) return answer.status === 502 && at < early ? undefined : `status ${answer.status}`;
      const { done, errors, rest } = endings(answer.bytes);
      if (rest !== '') return `ends inside an event: ${JSON.stringify(rest)}`;
      if (done + errors.length !== 1) return `${done} terminators and ${errors.length} errors`;
      const said = saidIn(answer.text);
      return whole.startsWith(said) ? undefined : `said ${JSON.stringify(said)}`;
    });
    expect(some(wrong)).toEqual(NONE);
  });
});

/** The text a client of either dialect reads. */
function saidIn(stream: string): string {
  return [...stream.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, data = '']) => JSON.parse(data) as { choices?: { delta: { content?: string } }[]; delta?: { text?: string } })
    .map(({ choices, delta }) => choices?.[0]?.delta.content ?? delta?.text ?? '')
    .join('');
}
