import { describe, expect, it } from 'vitest';
import { compile } from '../../src/config/compile.ts';
import { rolls } from '../../src/config/rolls.ts';
import { LlmCall } from '../../src/core/call.ts';
import type { ChatChunk } from '../../src/core/chat.ts';
import type { Dialect } from '../../src/core/dialect.ts';
import { fakeExchange, fakePorts } from '../../src/core/fakes.ts';
import { callerFraming } from '../../src/core/framing.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Ports } from '../../src/core/ports.ts';
import { PolicyChain } from '../../src/core/run.ts';
import { dialects } from '../../src/dialects/index.ts';
import { isAddressed, sent } from '../../src/dialects/laws/trial-call.ts';
import { renderAnswer } from '../../src/kinds/llm/render.ts';
import { writerOptions } from '../../src/kinds/llm/whole.ts';
import { cache } from '../../src/policies/cache/index.ts';
import { Answers } from '../../src/state/cache/answers.ts';
import type { Layer } from '../../src/state/cache/layers.ts';
import { AnswerMemory } from '../../src/state/cache/memory.ts';
import { SealedLayers } from '../../src/state/cache/sealed-layers.ts';
import { decode, recorded } from './recorded.ts';
import { summarise } from './summary.ts';

// Every recorded answer that may be kept, kept sealed, found by another isolate and written in every dialect, as a stream
// and whole: to the letter what the answer gives when it is translated without the cache between.

const SERVED = 'up/served';
const plan = compile({}, { revision: 1, local: true, rolls });
const settings = cache.config.parse({ ttl: 300, maxBytes: 8 * 1024 * 1024 });

class Kept implements Layer {
  readonly #kept = new Map<string, Uint8Array>();
  async read(name: string) {
    return this.#kept.get(name);
  }
  async write(name: string, bytes: Uint8Array) {
    this.#kept.set(name, bytes);
  }
}

/** The ports of an isolate with nothing in its memory. */
function isolate(layer: Layer) {
  const ports = fakePorts();
  const { clock, after } = ports;
  const answers = new Answers({ clock, memory: new AnswerMemory(clock), layers: new SealedLayers([layer], 'secret') });
  return { ...ports, answers: answers.for(after) };
}

const exchangeOf = (ports: Ports) => fakeExchange({ ports, destination: async () => ({ model: SERVED, provider: 'up', under: null }) });
const chainOf = (exchange: ReturnType<typeof exchangeOf>) => new PolicyChain([{ policy: cache, settings, touches: 'reads' }], exchange);

/** The same call in any dialect. */
function callIn(dialect: Dialect, stream: boolean): LlmCall {
  const content = [{ type: 'text' as const, text: 'Hello' }];
  const said = { model: 'm', messages: [{ role: 'user' as const, content }], tools: [], maxTokens: 4_096, stream, extra: {} };
  // Who asks for reasoning in so many words is given an answer of its own.
  const { include: _, ...written }: JsonObject = sent(dialect.writeCall(said, {}).body);
  const body = dialect.id === 'openai-responses' ? { ...written, store: false } : written;
  return LlmCall.read(dialect, JSON.stringify(body), new Headers(), 'chat', isAddressed(dialect) ? { model: 'm', stream } : undefined);
}

async function keep(chunks: readonly ChatChunk[], dialect: Dialect, layer: Layer): Promise<void> {
  const ports = isolate(layer);
  const chain = chainOf(exchangeOf(ports));
  await chain.admit(callIn(dialect, true));
  for (const chunk of chunks) await chain.chunk(chunk);
  await chain.end({ status: 'complete', httpStatus: 200, servedModel: SERVED });
  await ports.settled();
}

/** What a caller is given of it; `undefined` where that is nothing. */
async function given(dialect: Dialect, stream: boolean, layer: Layer) {
  const exchange = exchangeOf(isolate(layer));
  const chain = chainOf(exchange);
  const call = callIn(dialect, stream);
  const admitted = await chain.admit(call);
  const reply = 'answer' in admitted ? await renderAnswer(admitted, call, exchange, chain, plan) : undefined;
  await chain.end({ status: 'aborted', httpStatus: 499 });
  return reply === undefined ? undefined : { bytes: Buffer.from(await new Response(reply.body).arrayBuffer()), loss: reply.loss };
}

/** What it gives without the cache. */
function direct(chunks: readonly ChatChunk[], dialect: Dialect, stream: boolean) {
  const options = writerOptions(exchangeOf(fakePorts()), callIn(dialect, stream), SERVED);
  if (!stream) {
    const { body, loss } = dialect.writeReply(chunks, options);
    return { bytes: Buffer.from(JSON.stringify(body)), loss };
  }
  const writer = dialect.replyWriter(options);
  const events = callerFraming(dialect).encode(chunks.map((chunk) => writer.write(chunk)).join(''));
  return { bytes: Buffer.from(events), loss: [...writer.loss] };
}

const WHOLE: ReadonlySet<string | null> = new Set(['stop', 'stop-sequence', 'tool-calls']);

/** Whether an answer is one that others may be given, by what the table of recorded answers says of it. */
function mayBeKept(chunks: readonly ChatChunk[]): boolean {
  const { finish, error, ended } = summarise(chunks);
  const starts = chunks.filter(({ type }) => type === 'start').length;
  return WHOLE.has(finish) && error === null && ended && starts < 2 && chunks.every(({ type }) => type !== 'refusal');
}

const isOfOneDialect = (chunks: readonly ChatChunk[]) =>
  chunks.some(({ type }) => type === 'raw' || type === 'signature' || type === 'redacted-thinking');

const keepable = recorded.filter((answer) => mayBeKept(decode(answer)));

describe('recorded answers that are given again', () => {
  it('are most of them, in every dialect', () => {
    expect(keepable.length).toBeGreaterThan(180);
    expect(keepable.filter((answer) => !isOfOneDialect(decode(answer))).length).toBeGreaterThan(100);
  });

  it.each(keepable)('are what they are without the cache, in every dialect and mode: $name', async (answer) => {
    const chunks = decode(answer);
    const layer = new Kept();
    await keep(chunks, answer.dialect, layer);
    for (const dialect of dialects) {
      for (const stream of [true, false]) {
        const again = await given(dialect, stream, layer);
        const isSayable = !isOfOneDialect(chunks) || dialect.id === answer.dialect.id;
        expect(again !== undefined, dialect.id).toBe(isSayable);
        if (again === undefined) continue;
        const expected = direct(chunks, dialect, stream);
        expect(again.bytes.toString(), dialect.id).toBe(expected.bytes.toString());
        expect(again.loss).toEqual(expected.loss);
      }
    }
  });

  it.each(recorded.filter((answer) => !keepable.includes(answer)))(
    'are not those that broke off, reached a limit or refused: $name',
    async (answer) => {
      const layer = new Kept();
      await keep(decode(answer), answer.dialect, layer);
      expect(await given(answer.dialect, false, layer)).toBeUndefined();
    },
  );
});
