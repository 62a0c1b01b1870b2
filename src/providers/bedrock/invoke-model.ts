import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import { GatewayError } from '../../core/errors.ts';
import { type EventStreamMessage, encodeEvent, eventOf, eventstream, isException, MessageSplitter } from '../../core/eventstream.ts';
import type { Framing } from '../../core/framing.ts';
import { asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { Transport } from '../../core/provider.ts';
import { Frame, FrameSplitter, joinBytes } from '../../core/sse.ts';
import { betasOf } from './betas.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** Fields of Anthropic's API that Bedrock's schema of it refuses as extra. */
const REFUSED = ['metadata', 'service_tier', 'container', 'inference_geo'] as const;

/**
 * Anthropic's Messages API as Bedrock carries it: the model in the path, a version of its own in the body, beta
 * features in the body, and the events of a stream wrapped in base64. Nothing else is translated, so nothing is lost
 * that Converse has no word for. Other makers' models know nothing of this body.
 * Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
 */
export const invokeModel: Transport = {
  serves: (model) => /(?:^|[./])anthropic\./.test(model),
  url: ({ baseUrl, model, stream }) => `${baseUrl}/model/${encodeURIComponent(model)}/${stream ? 'invoke-with-response-stream' : 'invoke'}`,
  patch(_call, caller) {
    const { taken } = betasOf(caller);
    return {
      model: undefined,
      stream: undefined,
      ...Object.fromEntries(REFUSED.map((field) => [field, undefined])),
      anthropic_version: 'bedrock-2023-05-31',
      ...(taken.length > 0 && { anthropic_beta: taken }),
    };
  },
  omits: (caller, has) => [...REFUSED.filter(has), ...betasOf(caller).refused.map((name) => `anthropic-beta.${name}`)],
  framing: {
    ...eventstream,
    id: 'invoke-model',
    splitter: (limit) => new MessageSplitter((_bytes, message) => unwrapped(message), limit),
    encode: wrapped,
  } satisfies Framing,
};

/** `{"bytes": base64 of an event's JSON}` as the server-sent event it is in Anthropic's own API. */
function unwrapped(message: EventStreamMessage): Frame | undefined {
  const [type, data] = eventOf(message);
  const payload = parseJson(data);
  if (isException(type)) return errorFrame(type, isObject(payload) ? payload : {});
  const base64 = isObject(payload) ? asString(payload.bytes) : undefined;
  if (base64 === undefined) return undefined;
  const bytes = decodeBase64(base64);
  const text = bytes === undefined ? '' : decoder.decode(bytes);
  const event = parseJson(text);
  if (!isObject(event)) throw new GatewayError('upstream_invalid', 'The provider sent an event that is not JSON.');
  // Line ends between the parts of a JSON text would end the line of data.
  return Frame.of(`event: ${asString(event.type) ?? 'message'}\ndata: ${text.replace(/[\r\n]+/g, ' ')}\n\n`);
}

/** Exceptions in the words of Anthropic's API. */
const ERROR_TYPES: ReadonlyMap<string, string> = new Map([
  ['throttlingexception', 'rate_limit_error'],
  ['serviceunavailableexception', 'overloaded_error'],
  ['modeltimeoutexception', 'timeout_error'],
  ['validationexception', 'invalid_request_error'],
]);

function errorFrame(type: string, payload: JsonObject): Frame {
  const message = asString(payload.message) ?? asString(payload.originalMessage) ?? 'The provider broke off with an error.';
  const error = { type: ERROR_TYPES.get(type.toLowerCase()) ?? 'api_error', message };
  return Frame.of(`event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`);
}

/** Server-sent events of Anthropic's API as Bedrock sends them. */
function wrapped(events: string): Uint8Array {
  const frames = new FrameSplitter(Number.POSITIVE_INFINITY).push(encoder.encode(events));
  return joinBytes(
    ...frames.flatMap(({ data }) =>
      data === undefined ? [] : [encodeEvent('chunk', JSON.stringify({ bytes: encodeBase64(encoder.encode(data)) }))],
    ),
  );
}
