import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

/** What a vendor that thinks says in one turn. */
export interface ReasonedTurn {
  readonly thought: string;
  /** What the vendor wants back, byte for byte. */
  readonly signature: string;
  /** A second, unreadable thought. */
  readonly redacted: string | undefined;
  readonly text: string | undefined;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: { readonly step: number; readonly of: string } }[];
}

/** Turns with tool calls before the last one, which answers. */
export const TOOL_TURNS = 5;
export const ANSWER = 'All five steps are done.';

/** The turn that follows so many others: thoughts with and without text, one call or two, once with a redacted thought. */
export function turnAt(at: number, mark: string): ReasonedTurn {
  const signature = Buffer.from(`signature of ${mark}, turn ${at}: ${'ß∂ƒ'.repeat(at + 1)}`).toString('base64');
  if (at >= TOOL_TURNS) return { thought: 'Done?', signature, redacted: undefined, text: ANSWER, calls: [] };
  const call = (number: number) => ({ id: `toolu_${mark}_${at}_${number}`, name: 'step', input: { step: at * 10 + number, of: 'Zürich' } });
  return {
    thought: `Thought ${at}: "quotes"\nand — more.`,
    signature,
    redacted: at === 3 ? Buffer.from(`redacted ${mark}`).toString('base64') : undefined,
    text: at % 2 === 1 ? `Step ${at}.` : undefined,
    calls: at === 2 ? [call(0), call(1)] : [call(0)],
  };
}

/** How one vendor says turns, and finds them again in the history of a call. */
export interface ReasonerWire {
  /** Whether a request is a call in this wire; and whether it is to be streamed. */
  matches(path: string, body: Body): { readonly stream: boolean } | undefined;
  /** The model's turns in a call's history, each as `said` would say it. */
  history(body: Body): readonly unknown[];
  /** A turn as it must come back. */
  said(turn: ReasonedTurn): unknown;
  answer(turn: ReasonedTurn, stream: boolean): { readonly type: string; readonly body: string | Uint8Array };
  refusal(message: string): object;
}

// biome-ignore lint/suspicious/noExplicitAny: what a client sends is looked into as it came.
export type Body = any;

export interface Reasoner {
  readonly origin: string;
  /** Why calls were refused. */
  readonly refusals: readonly string[];
  /** Bodies of the calls that came, in order. */
  readonly calls: readonly Body[];
  close(): Promise<void>;
}

/**
 * A vendor whose model calls a tool five times, thinking before each, and refuses every call whose history does not hold
 * the thoughts and signatures of its turns exactly as it issued them. Stateless: a turn is known by its number and the
 * mark in the model's name.
 */
export async function startReasoner(wires: readonly ReasonerWire[]): Promise<Reasoner> {
  const refusals: string[] = [];
  const calls: Body[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as Body;
    calls.push(body);
    const { pathname } = new URL(request.url ?? '/', 'http://reasoner');
    const found = wires.map((wire) => ({ wire, call: wire.matches(pathname, body) })).find(({ call }) => call !== undefined);
    if (found?.call === undefined) return response.writeHead(404).end(JSON.stringify({ error: { message: `no such path ${pathname}` } }));
    const { wire, call } = found;
    const mark = markOf(pathname, body);
    const history = wire.history(body);
    const compared = mark.startsWith(WITHOUT_IDS) ? withoutIds : plain;
    const fault = history.findIndex((turn, at) => !isDeepStrictEqual(compared(turn), compared(wire.said(turnAt(at, mark)))));
    if (fault >= 0) {
      const message = `turn ${fault} came back as ${JSON.stringify(history[fault])}, not as ${JSON.stringify(wire.said(turnAt(fault, mark)))}`;
      refusals.push(message);
      return response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(wire.refusal(message)));
    }
    const { type, body: answer } = wire.answer(turnAt(history.length, mark), call.stream);
    response.writeHead(200, { 'content-type': type }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    refusals,
    calls,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** How marks of clients begin whose messages have no ids for tool calls: the ids are then not looked at. */
export const WITHOUT_IDS = 'noid';

const withoutIds = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, each) => (['id', 'toolUseId', 'call_id'].includes(key) ? undefined : each)));

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const markOf = (path: string, body: Body): string => /mark-(\w+)/.exec(`${path} ${body.model ?? ''}`)?.[1] ?? 'none';

async function text(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString() || '{}';
}
