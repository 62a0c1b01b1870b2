import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { EgressRequest } from '../../../../core/ports.ts';
import type { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { encodeHeader, nameField } from '../../wire/headers.ts';
import { type Message, objectOf, requestText, textOf } from '../../wire/message.ts';
import { MODERN, meta } from '../../wire/versions.ts';
import type { Ask, SourceContext } from '../source.ts';
import { questionFor } from './elicitation.ts';
import { arriving, documentOf, Patience, refusalOf, statusError } from './http.ts';
import { ACCEPT, OWN_INFO, type Upstream } from './wire.ts';

/** Times a server may ask back before it has an answer. */
const MOST_ROUNDS = 16;

/** Serves a request on a server without sessions. What it asks back goes to the client in the client's own way. */
export async function askModern(upstream: Upstream, ask: Ask, context: SourceContext): Promise<Wire> {
  if (context.client.era === 'modern') return callModern(upstream, ask, context);
  let { params } = ask;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const result = await callModern(upstream, { ...ask, params }, context);
    const type = textOf(result, 'resultType');
    if (type === 'task') return result;
    if (type !== 'input_required') return result.with({ resultType: undefined, ttlMs: undefined, cacheScope: undefined });
    params = ask.params.with({
      inputResponses: await answersTo(objectOf(result, 'inputRequests'), context),
      requestState: result.fields.get('requestState'),
    });
  }
  throw new GatewayError('upstream_invalid', `The MCP server asked back ${MOST_ROUNDS} times and gave no answer.`);
}

/** Everything that a server asks back, put to the client at once. */
export async function answersTo(requests: JsonObject, context: SourceContext): Promise<JsonObject> {
  const answered = await Promise.all(
    Object.entries(requests).map(async ([key, request]): Promise<[string, Json]> => {
      const method = isObject(request) && typeof request.method === 'string' ? request.method : undefined;
      if (method === undefined) throw new GatewayError('upstream_invalid', 'The MCP server asked back without saying what.');
      const params = isObject(request) && isObject(request.params) ? request.params : {};
      return [key, await context.ask(questionFor({ method, params }, context))];
    }),
  );
  return Object.fromEntries(answered);
}

/** What the client says of itself, where its request does not say it already. */
function withEnvelope(params: Wire, { client }: SourceContext): Wire {
  if (client.era === 'modern') return params;
  return params.with({
    _meta: {
      ...objectOf(params, '_meta'),
      [meta.version]: MODERN,
      [meta.capabilities]: objectOf(params, '_meta')[meta.capabilities] ?? client.capabilities,
      [meta.clientInfo]: client.info ?? OWN_INFO,
      ...(client.logLevel === undefined ? {} : { [meta.logLevel]: client.logLevel }),
    },
  });
}

export function post(upstream: Upstream, { method, params, headers }: Ask, context: SourceContext, signal: AbortSignal, id: string) {
  const body = withEnvelope(params, context);
  const field = nameField(method);
  const name = field === undefined ? undefined : textOf(params, field);
  const request: EgressRequest = {
    url: upstream.url,
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: ACCEPT,
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': encodeHeader(name) }),
    },
    body: requestText(id, method, body),
    signal,
  };
  return upstream.send(request, context);
}

/** Ids are the gateway's own: a server that mixes up its callers' must not mix up their answers. */
export const newId = () => crypto.randomUUID();

async function callModern(upstream: Upstream, ask: Ask, context: SourceContext): Promise<Wire> {
  const { limits } = upstream.home;
  const patience = new Patience(limits, upstream.home.ports.clock, context.signal);
  const id = newId();
  try {
    const response = await post(upstream, ask, context, patience.signal, id);
    if (!response.ok) throw (await refusalOf(response)) ?? statusError(response.status);
    const heard = (message: Message | undefined): Wire | undefined => {
      if (message === undefined) return undefined;
      patience.renew();
      if (message.type === 'notification') context.notify(message.method, message.params.json());
      return message.type === 'response' && message.id === id ? resultOf(message.result, message.error) : undefined;
    };
    // Most answers are one document: then there is no next message to wait for.
    const document = await documentOf(response, limits.result);
    for (const message of document ?? []) {
      const result = heard(message);
      if (result !== undefined) return result;
    }
    if (document === undefined) {
      for await (const { message } of arriving(response, limits.result)) {
        const result = heard(message);
        if (result !== undefined) return result;
      }
    }
    patience.signal.throwIfAborted();
    throw new GatewayError('upstream_interrupted', 'The MCP server ended its stream without an answer.');
  } catch (thrown) {
    patience.signal.throwIfAborted();
    throw thrown;
  } finally {
    patience.end();
  }
}

/** A result, or the server's own error, word for word. */
export function resultOf(result: Wire | undefined, error: JsonObject | undefined): Wire {
  if (result !== undefined) return result;
  const { code, message, data } = error ?? {};
  throw new RpcError(typeof code === 'number' ? code : codes.internal, typeof message === 'string' ? message : '', {
    data,
    isForeign: true,
  });
}
