import type { LlmCall } from '../../core/call.ts';
import type { StreamEnd } from '../../core/closing.ts';
import type { ReplyWriter } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Chunk, Exchange } from '../../core/exchange.ts';
import type { Framing } from '../../core/framing.ts';
import type { PolicyChain } from '../../core/run.ts';

export interface GivenTools {
  readonly call: LlmCall;
  readonly exchange: Exchange;
  readonly chain: PolicyChain;
  readonly writer: ReplyWriter;
  readonly framing: Framing;
  /** Milliseconds of silence after which the caller gets a ping. */
  readonly ping: number;
}

/**
 * Writes an answer as it comes to the caller who asked for a stream: all that there is at a time in one write, pings while
 * nothing comes, and where it fails one typed error and no success.
 */
export async function carryGiven(
  writable: WritableStream<Uint8Array>,
  answer: AsyncIterable<readonly Chunk[]>,
  tools: GivenTools,
): Promise<StreamEnd> {
  const { call, exchange, framing, ping } = tools;
  const { clock } = exchange.ports;
  const out = writable.getWriter();
  let writtenAt = clock.now();
  const send = async (bytes: Uint8Array) => {
    await out.write(bytes).catch((cause: unknown) => {
      throw new Gone(cause);
    });
    writtenAt = clock.now();
  };
  try {
    for await (const pieces of answer) {
      const verdict = exchange.vigil?.verdict();
      if (verdict !== undefined) throw verdict;
      const events = await written(pieces, tools);
      if (events !== '') await send(framing.encode(events));
      else if (framing.ping !== undefined && clock.now() - writtenAt >= ping) await send(framing.ping);
    }
    if (exchange.signal.aborted) throw new Gone(undefined);
    await out.close().catch(() => undefined);
    return { status: 'complete' };
  } catch (thrown) {
    if (thrown instanceof Gone) {
      await out.abort().catch(() => undefined);
      return { status: 'aborted' };
    }
    const error = GatewayError.from(thrown);
    const told = await send(framing.encode(call.dialect.errorFrame(error, exchange.id))).then(
      () => out.close().then(() => true),
      () => false,
    );
    return told ? { status: 'partial', error } : { status: 'aborted' };
  }
}

/** The caller has left. */
class Gone extends Error {
  constructor(cause: unknown) {
    super('The caller left.', { cause });
  }
}

async function written(pieces: readonly Chunk[], { chain, writer }: GivenTools): Promise<string> {
  let events = '';
  for (const piece of pieces) for (const chunk of await chain.chunk(piece)) events += writer.write(chunk);
  return events;
}
