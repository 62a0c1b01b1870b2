import type { ChatChunk } from '../../src/core/chat.ts';
import type { Dialect, ReplyWriterOptions } from '../../src/core/dialect.ts';
import { GatewayError } from '../../src/core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../src/core/json.ts';
import { type Frame, FrameSplitter } from '../../src/core/sse.ts';
import { dialects } from '../../src/dialects/index.ts';
import { decode, recorded } from '../goldens/recorded.ts';
import { replyCases } from '../matrix/replies.ts';

/** An answer as it was understood, before it is written for a client. */
export interface Understood {
  readonly name: string;
  readonly chunks: readonly ChatChunk[];
}

export const OPTIONS: ReplyWriterOptions = { id: 'req_01k', model: 'model-of-the-gateway', created: 1_800_000_000, wantsUsage: true };

/** The frames that these chunks are in a stream of this dialect. */
export function framesOf(chunks: readonly ChatChunk[], dialect: Dialect, options = OPTIONS): readonly Frame[] {
  const writer = dialect.replyWriter(options);
  return new FrameSplitter().push(new TextEncoder().encode(chunks.map((chunk) => writer.write(chunk)).join('')));
}

/** The objects in the data of these frames. */
export const objectsIn = (frames: readonly Frame[]): readonly JsonObject[] =>
  frames.flatMap(({ data }) => {
    const value = data === undefined ? undefined : parseJson(data);
    return isObject(value) ? [value] : [];
  });

export const hasFailed = ({ chunks }: Understood) => chunks.some(({ type }) => type === 'error');

/** Whether something in it stays as the vendor said it when it is written in this dialect. */
export const isOwn = ({ chunks }: Understood, dialect: Dialect) =>
  chunks.some((chunk) => chunk.type === 'raw' && chunk.dialect === dialect.id);

/** The JSON answer as it is on the wire. */
export const bodyOf = (chunks: readonly ChatChunk[], dialect: Dialect, options = OPTIONS): JsonObject =>
  sent(dialect.writeReply(chunks, options).body);

const sent = (body: JsonObject): JsonObject => JSON.parse(JSON.stringify(body));

function read(frames: readonly Frame[], dialect: Dialect): readonly ChatChunk[] {
  const reader = dialect.replyReader();
  const chunks = frames.flatMap((frame) => reader.read(frame));
  return [...chunks, ...(reader.close?.() ?? [])];
}

const start: ChatChunk = { type: 'start', id: 'msg_1', model: 'model-a', created: 1_800_000_000 };
const text: ChatChunk = { type: 'text', part: 0, choice: 0, text: 'Rain.' };
const finish: ChatChunk = { type: 'finish', choice: 0, reason: 'stop' };
const end: ChatChunk = { type: 'end' };
const error = (code: 'upstream_error' | 'upstream_timeout' | 'rate_limited', details = {}): ChatChunk => ({
  type: 'error',
  error: new GatewayError(code, 'It broke.', details),
});

/** What no provider need say and the kernel may hand over all the same. */
const others: readonly (readonly [string, readonly ChatChunk[]])[] = [
  ['nothing', [start, finish, end]],
  ['no usage', [start, text, finish, end]],
  ['two choices', [start, text, { ...text, choice: 1 }, finish, { ...finish, choice: 1, reason: 'length' }, end]],
  [
    'a custom tool',
    [
      start,
      { type: 'tool-call', part: 0, choice: 0, id: 'call_1', name: 'shell', custom: true },
      { type: 'tool-input', part: 0, choice: 0, text: 'ls -l' },
      { ...finish, reason: 'tool-calls' },
      end,
    ],
  ],
  ['an answer given up', [start, text, { ...finish, reason: 'error' }, end]],
  ['a stop sequence', [start, text, { ...finish, reason: 'stop-sequence', stopSequence: 'STOP' }, end]],
  ['an error at once', [error('upstream_error')]],
  ['an error in the middle', [start, text, error('upstream_timeout')]],
  ['an error of the vendor', [start, text, error('rate_limited', { vendorCode: 'insufficient_quota', vendorType: 'insufficient_quota' })]],
];

/** Every case of the matrix as every dialect's reader understands it, streamed and whole. */
function fromMatrix(): readonly Understood[] {
  return dialects.flatMap((dialect) =>
    replyCases.flatMap(({ name, chunks }) => [
      { name: `${name}, streamed by ${dialect.id}`, chunks: read(framesOf(chunks, dialect), dialect) },
      { name: `${name}, whole from ${dialect.id}`, chunks: dialect.readReply(bodyOf(chunks, dialect)) },
    ]),
  );
}

/** The first of those that say the same. */
const distinct = (all: readonly Understood[]): readonly Understood[] => [
  ...new Map(all.toReversed().map((each) => [JSON.stringify(each.chunks), each])).values(),
];

export const understood: readonly Understood[] = distinct([
  ...others.map(([name, chunks]) => ({ name, chunks })),
  ...fromMatrix(),
  ...recorded.map((answer) => ({ name: answer.name, chunks: decode(answer) })),
]);
