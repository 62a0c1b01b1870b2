import type { Candidate } from '../../../core/attempt.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Try } from '../../../core/health.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Plan } from '../../../core/plan.ts';
import { ByteReader, readText } from '../../../core/reader.ts';
import type { Target } from '../../../core/strategy.ts';
import { readStreamError } from '../../../core/vendor-error.ts';
import { type Line, refusedLoss } from '../upstream.ts';
import type { Operation, TranslatedReply, Translation } from './operation.ts';
import { type Outgoing, type Place, placeOf, plannedProvider, prepareRequest, sendTo } from './upstream.ts';

/** Bytes of a whole answer: some hundred pictures as base64, some ten thousand vectors. */
export const REPLY_BYTES = 64 * 1024 * 1024;
/** Calls under way at once where a vendor takes one input at a time; a Worker may wait for six. */
const AT_ONCE = 4;

/** What one target answered. */
export type Answered = { readonly target: Target; readonly at: number; readonly loss: readonly string[] } & (
  | { readonly type: 'json'; readonly text: string; readonly body: JsonObject; readonly reported?: TranslatedReply }
  | { readonly type: 'text'; readonly text: string; readonly contentType: string }
  | {
      readonly type: 'bytes';
      readonly response: Response;
      readonly source: ByteReader;
      readonly first: Uint8Array;
      readonly isEvents: boolean;
      readonly line: Line;
    }
);

export interface Asking {
  readonly call: OperationCall;
  readonly operation: Operation;
  readonly plan: Plan;
  readonly exchange: Exchange;
}

/** Asks one target. The line is the caller's to end; it is handed on with an answer that is still coming. */
export async function ask(
  asking: Asking,
  { target, credential }: Pick<Candidate, 'target' | 'credential'>,
  line: Line,
  trying?: Try,
): Promise<Answered> {
  const { call, operation, plan, exchange } = asking;
  const place = placeOf(plannedProvider(plan, target.provider), operation, target.model);
  const at = () => exchange.ports.clock.now();
  if (place.shape !== call.shape || call.shape !== operation.shape) {
    const translation = operation.translate?.(call, place.shape, target.model);
    if (translation === undefined || call.form !== undefined) {
      throw new GatewayError(
        'not_supported',
        `The provider "${target.provider}" has another form of this operation, which this call cannot be said in.`,
      );
    }
    if (translation.loss.length > 0 && call.headers.get('x-weir-strict') === '1') throw refusedLoss(translation.loss);
    const reported = translation.answer(await askAll(asking, translation, place, { signal: line.signal, credential, trying }));
    const { body, loss = [] } = reported;
    return { type: 'json', target, at: at(), text: JSON.stringify(body), body, reported, loss: [...translation.loss, ...loss] };
  }
  const response = await sendTo(await outgoing(asking, place, target, line.signal, credential), exchange, trying);
  return { target, at: at(), loss: [], ...(await received(response, line)) };
}

function outgoing({ call, operation, exchange }: Asking, place: Place, target: Target, signal: AbortSignal, credential: string) {
  const changes: { readonly [field: string]: Json | undefined } = { ...operation.patch?.(call), model: target.model };
  const { form } = call;
  const request: Outgoing =
    form === undefined
      ? { method: 'POST', url: place.url, body: call.wire.patched(changes), contentType: 'application/json' }
      : {
          method: 'POST',
          url: place.url,
          contentType: form.contentType,
          stream: form.send(editsOf(call, target.model), exchange.ports).stream,
        };
  return prepareRequest(request, place, call.headers, signal, exchange, credential);
}

/** The text fields as policies left them, and the target's own name of the model. */
function editsOf(call: OperationCall, model: string): ReadonlyMap<string, string> {
  const edits = new Map<string, string>();
  for (const [name, value] of Object.entries(call.wire.json())) if (typeof value === 'string') edits.set(name, value);
  return edits.set('model', model);
}

/** The answers to all calls of a translation, in their order. */
async function askAll(
  { call, exchange }: Asking,
  { bodies }: Translation,
  place: Place,
  { signal, credential, trying }: { readonly signal: AbortSignal; readonly credential: string; readonly trying: Try | undefined },
): Promise<JsonObject[]> {
  const replies: JsonObject[] = [];
  for (let from = 0; from < bodies.length; from += AT_ONCE) {
    const some = bodies.slice(from, from + AT_ONCE).map(async (body) => {
      const request = { method: 'POST', url: place.url, body: JSON.stringify(body), contentType: 'application/json' } as const;
      const response = await sendTo(await prepareRequest(request, place, call.headers, signal, exchange, credential), exchange, trying);
      return objectOf(await wholeText(response));
    });
    replies.push(...(await Promise.all(some)));
  }
  return replies;
}

async function received(response: Response, line: Line) {
  const contentType = response.headers.get('content-type') ?? '';
  if (/\bjson\b/i.test(contentType)) {
    const text = await wholeText(response);
    return { type: 'json', text, body: objectOf(text) } as const;
  }
  if (/^text\/html\b/i.test(contentType)) {
    await response.body?.cancel().catch(() => undefined);
    throw new GatewayError('upstream_invalid', 'The provider answered with a page of HTML.');
  }
  const isEvents = /^text\/event-stream\b/i.test(contentType);
  if (!isEvents && /^text\//i.test(contentType)) return { type: 'text', text: await wholeText(response), contentType } as const;
  return { type: 'bytes', ...(await begun(response, isEvents)), isEvents, line } as const;
}

/** Waits for the first bytes: until they come, another target may still answer. */
async function begun(response: Response, isEvents: boolean) {
  if (response.body === null) throw noAnswer();
  const source = new ByteReader(response.body);
  const first = await source.read(READ);
  if (first === undefined) throw noAnswer();
  const error = isEvents ? firstError(new TextDecoder().decode(first)) : undefined;
  if (error !== undefined) {
    await source.cancel(error);
    throw error;
  }
  return { response, source, first };
}

const READ = 64 * 1024;
const noAnswer = () => new GatewayError('upstream_invalid', 'The provider ended its answer before it began.');

/** The error that a stream begins with, if it does. */
function firstError(text: string): GatewayError | undefined {
  const data = /^data:(.*)$/m.exec(text)?.[1];
  const event = data === undefined || !data.includes('"error"') ? undefined : parseJson(data);
  return isObject(event) && (event.type === 'error' || isObject(event.error)) ? readStreamError(event) : undefined;
}

async function wholeText(response: Response): Promise<string> {
  const text = await readText(response, REPLY_BYTES);
  if (text === undefined) throw new GatewayError('upstream_invalid', `The provider sent an answer of more than ${REPLY_BYTES} bytes.`);
  return text;
}

function objectOf(text: string): JsonObject {
  const body = parseJson(text);
  if (!isObject(body)) throw new GatewayError('upstream_invalid', 'The provider answered with something that is not a JSON object.');
  return body;
}
