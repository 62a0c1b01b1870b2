import { type Answer, INPUT_TOKENS, type UsageScript } from './answer.ts';
import { anthropicWire } from './anthropic-wire.ts';
import { events, message, whole } from './bedrock-wire.ts';
import { SSE } from './faults.ts';
import { geminiWire } from './gemini-wire.ts';
import { openaiWire } from './openai-wire.ts';
import { responsesWire } from './responses-wire.ts';
import type { Wire } from './wire.ts';

/** A vendor's error answer, but for its status. */
interface WrittenError {
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** A vendor's wire format down to the bytes, so that streams of text and of binary messages can be spoilt alike. */
export interface Form {
  readonly dialect: string;
  /** What the path asks for; `undefined` where it is not of this vendor. */
  asks(path: string): { readonly model?: string; readonly stream?: boolean } | undefined;
  readonly streamType: string;
  /** Whether a stream says itself that it is over. */
  readonly hasTerminator: boolean;
  frames(answer: Answer): readonly Buffer[];
  whole(answer: Answer): string;
  error(status: number, text: string): WrittenError;
  errorFrame(text: string): Buffer;
}

const JSON_TYPE = { 'content-type': 'application/json' };

const ofWire = (dialect: string, wire: Wire, hasTerminator: boolean): Form => ({
  dialect,
  asks(path) {
    const url = new URL(path, 'http://vendor');
    return wire.address === undefined ? (url.pathname === wire.path ? {} : undefined) : wire.address(url);
  },
  streamType: SSE['content-type'],
  hasTerminator,
  frames: (answer) => wire.frames(answer, true).map((frame) => Buffer.from(frame)),
  whole: (answer) => JSON.stringify(wire.whole(answer)),
  error: (status, text) => ({ headers: JSON_TYPE, body: JSON.stringify(wire.error(status, text)) }),
  errorFrame: (text) => Buffer.from(wire.errorFrame(text)),
});

const CONVERSE = /^\/model\/([^/]+)\/converse(-stream)?$/;
/** Source: API reference, "Common error types" and the errors of Converse. */
const EXCEPTIONS: { readonly [status: number]: string } = {
  400: 'ValidationException',
  401: 'UnrecognizedClientException',
  402: 'AccessDeniedException',
  403: 'AccessDeniedException',
  408: 'ModelTimeoutException',
  413: 'ValidationException',
  422: 'ValidationException',
  429: 'ThrottlingException',
  503: 'ServiceUnavailableException',
};

const converse: Form = {
  dialect: 'bedrock',
  asks(path) {
    const [, model, streams] = CONVERSE.exec(path) ?? [];
    return model === undefined ? undefined : { model: decodeURIComponent(model), stream: streams !== undefined };
  },
  streamType: 'application/vnd.amazon.eventstream',
  hasTerminator: false,
  frames: (answer) => events(answer).map(([type, payload]) => Buffer.from(message(type, payload))),
  whole: (answer) => JSON.stringify(whole(answer)),
  error: (status, text) => ({
    headers: { ...JSON_TYPE, 'x-amzn-errortype': `${EXCEPTIONS[status] ?? 'InternalServerException'}:http://internal.amazon.com/coral/` },
    body: JSON.stringify({ message: text }),
  }),
  errorFrame: (text) => Buffer.from(message('serviceUnavailableException', { message: text }, 'exception')),
};

export const forms: readonly Form[] = [
  ofWire('openai-chat', openaiWire, true),
  ofWire('openai-responses', responsesWire, true),
  ofWire('anthropic', anthropicWire, true),
  ofWire('gemini', geminiWire, false),
  converse,
];

/** `say0 say1 …`: whose words they are stands in every one of them. */
export const sentence = (say: string, words: number): string[] =>
  Array.from({ length: words }, (_, at) => (at === 0 ? `${say}0` : ` ${say}${at}`));

/** An answer of so many words, a token each. */
export function speech(say: string, words: number, usage: UsageScript['kind'] = 'last'): Answer {
  const counted = usage === 'absurd' ? { input: -5, output: -1 } : { input: INPUT_TOKENS, output: words };
  return {
    id: `${say}-answer`,
    model: 'm',
    finish: 'stop',
    pieces: [{ type: 'text', deltas: sentence(say, words) }],
    usage: { kind: usage, ...counted },
  };
}

/** The frames up to the one with that word, which is not among them. */
export function before(frames: readonly Buffer[], word: string): readonly Buffer[] {
  const at = frames.findIndex((frame) => frame.includes(word));
  if (at < 0) throw new Error(`no frame says ${word}`);
  return frames.slice(0, at);
}
