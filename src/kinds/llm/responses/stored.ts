import { GatewayError } from '../../../core/errors.ts';
import { sse } from '../../../core/framing.ts';
import { isArray, isObject, parseJson } from '../../../core/json.ts';
import type { Plan } from '../../../core/plan.ts';
import { readText } from '../../../core/reader.ts';
import { freeCall } from '../limits/free.ts';
import { type Dispatch, send, upstreamHeaders } from '../upstream.ts';
import { idsOf, RESPONSES } from './items.ts';
import { isBound, outputOf, ResponseStore, type StoredResponse } from './kept.ts';
import {
  jsonAnswer,
  onlyMethods,
  page,
  type ResourceAnswer,
  type ResourceExchange,
  type ResourceRequest,
  type ServeResource,
  unknownId,
} from './resource.ts';

/**
 * `/v1/responses/{id}` and below: what is kept here is answered here; what a provider keeps is asked of that provider,
 * and only for the key whose response it is.
 */
export const serveStoredResponse: ServeResource = async (request, exchange, plan) => {
  const [id = '', part] = request.at;
  const allowed = methodsOf(part);
  if (allowed === undefined || request.at.length > 2) throw new GatewayError('not_found', 'Nothing is served at this path.');
  if (!allowed.includes(request.method)) throw onlyMethods(allowed.join(', '));
  const store = ResponseStore.need(exchange, plan.state);
  const kept = await store.response(id);
  if (kept === undefined) throw unknownId('Response', id);
  if (!isBound(kept)) return answerHere(id, kept, request, store);
  const answer = await known(await atProvider(kept.provider, request, exchange, plan), id, store);
  if (request.method === 'DELETE') await store.delete(id);
  return answer;
};

function methodsOf(part: string | undefined): readonly string[] | undefined {
  switch (part) {
    case undefined:
      return ['GET', 'DELETE'];
    case 'input_items':
      return ['GET'];
    case 'cancel':
      return ['POST'];
    default:
      return undefined;
  }
}

async function answerHere(
  id: string,
  kept: StoredResponse,
  { method, at, query }: ResourceRequest,
  store: ResponseStore,
): Promise<ResourceAnswer> {
  if (at[1] === 'cancel') {
    throw new GatewayError('invalid_request', 'Only a response that was created with background=true can be cancelled.');
  }
  if (at[1] === 'input_items') {
    // All that the response was made from: what it continues, and what was new.
    const all = (await store.history(id)) ?? [...kept.input, ...outputOf(kept.response)];
    return jsonAnswer(page(all.slice(0, all.length - outputOf(kept.response).length), query));
  }
  if (method === 'DELETE') {
    await store.delete(id);
    return jsonAnswer({ id, object: 'response', deleted: true });
  }
  if (query.get('stream') === 'true') {
    throw new GatewayError('not_supported', 'This response was not created in the background, and is not streamed again.', {
      param: 'stream',
    });
  }
  return jsonAnswer(kept.response);
}

/** Bytes of a response that is looked into. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The ids that a caller is told here, of an answer made in the background or of what it was made from, may be referred to. */
async function known(answer: ResourceAnswer, id: string, store: ResponseStore): Promise<ResourceAnswer> {
  if (answer.status !== 200 || typeof answer.body === 'string' || !answer.contentType.startsWith('application/json')) return answer;
  const body = await readText(new Response(answer.body), MOST_BYTES);
  if (body === undefined) throw new GatewayError('upstream_invalid', 'The provider sent a larger response than any model gives.');
  const told = parseJson(body);
  const items = isObject(told) ? [...outputOf(told), ...(isArray(told.data) ? told.data.filter((item) => isObject(item)) : [])] : [];
  await store.bindItems(id, idsOf(items));
  return { ...answer, body };
}

async function atProvider(id: string, request: ResourceRequest, exchange: ResourceExchange, plan: Plan): Promise<ResourceAnswer> {
  const provider = plan.providers.get(id);
  const spoken = provider?.dialects.find(({ dialect }) => dialect.id === RESPONSES);
  if (provider === undefined || spoken === undefined) {
    throw new GatewayError('not_found', `The provider "${id}" that keeps this response is not configured any more.`);
  }
  const { dialect, baseUrl, transport } = spoken;
  const carried = { baseUrl, dialect: dialect.id, model: '', stream: false, settings: provider.settings };
  const [path = '', own] = (transport?.url?.(carried) ?? baseUrl + dialect.path).split('?', 2);
  const query = [own, request.query.toString()].filter(Boolean).join('&');
  const url = `${path}/${request.at.map(encodeURIComponent).join('/')}${query === '' ? '' : `?${query}`}`;
  const method = request.method === 'DELETE' || request.method === 'POST' ? request.method : 'GET';
  const { headers, credential } = upstreamHeaders(request.headers, provider, exchange.ports.secrets);
  const dispatch: Dispatch = { dialect, framing: sse, provider, credential, request: { url, method, headers }, loss: [] };
  await exchange.hold?.take(freeCall(id));
  const response = await send(dispatch, { provider: id, model: '' }, exchange.signal, exchange);
  const contentType = response.headers.get('content-type') ?? 'application/json';
  return { status: response.status, contentType, body: response.body ?? '' };
}
