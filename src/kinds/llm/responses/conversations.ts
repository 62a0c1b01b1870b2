import { GatewayError } from '../../../core/errors.ts';
import { asString, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import { type Item, inputItems, listedItems, newId } from './items.ts';
import { ResponseStore } from './kept.ts';
import { jsonAnswer, onlyMethods, page, type ResourceAnswer, type ResourceRequest, type ServeResource, unknownId } from './resource.ts';

/** Items that may be added at once: https://platform.openai.com/docs/api-reference/conversations/create. */
const MOST_ITEMS = 20;

/**
 * `/v1/conversations` and below. A conversation is kept here whatever provider answers in it, so that it can go on with
 * any of them.
 */
export const serveConversations: ServeResource = async (request, exchange, plan) => {
  const store = ResponseStore.need(exchange, plan.state);
  const [id, part, item] = request.at;
  if (id === undefined) {
    if (request.method !== 'POST') throw onlyMethods('POST');
    return create(request, store, Math.floor(exchange.ports.clock.now() / 1000));
  }
  const conversation = await store.conversation(id);
  if (conversation === undefined) throw unknownId('Conversation', id);
  if (part === undefined) return one(id, conversation, request, store);
  if (part !== 'items' || request.at.length > 3) throw new GatewayError('not_found', 'Nothing is served at this path.');
  return item === undefined ? items(id, request, store) : oneItem(id, item, conversation, request, store);
};

async function create({ body = {} }: ResourceRequest, store: ResponseStore, created: number): Promise<ResourceAnswer> {
  const id = newId('conv');
  const conversation = { id, object: 'conversation', created_at: created, metadata: metadataOf(body) };
  const given = itemsOf(body.items ?? []);
  await store.keepConversation(id, conversation);
  await store.appendItems(id, given);
  return jsonAnswer(conversation);
}

async function one(
  id: string,
  conversation: JsonObject,
  { method, body = {} }: ResourceRequest,
  store: ResponseStore,
): Promise<ResourceAnswer> {
  switch (method) {
    case 'GET':
      return jsonAnswer(conversation);
    case 'DELETE':
      await store.deleteConversation(id);
      return jsonAnswer({ id, object: 'conversation.deleted', deleted: true });
    case 'POST': {
      const changed = { ...conversation, metadata: metadataOf(body) };
      await store.keepConversation(id, changed);
      return jsonAnswer(changed);
    }
    default:
      throw onlyMethods('GET, POST, DELETE');
  }
}

async function items(id: string, { method, query, body = {} }: ResourceRequest, store: ResponseStore): Promise<ResourceAnswer> {
  if (method === 'GET') return jsonAnswer(page(await store.conversationItems(id), query));
  if (method !== 'POST') throw onlyMethods('GET, POST');
  const added = itemsOf(body.items);
  await store.appendItems(id, added);
  return jsonAnswer(page(added, new URLSearchParams({ order: 'asc', limit: '100' })));
}

async function oneItem(
  id: string,
  itemId: string,
  conversation: JsonObject,
  { method }: ResourceRequest,
  store: ResponseStore,
): Promise<ResourceAnswer> {
  if (method === 'DELETE') {
    if (!(await store.deleteItem(id, itemId))) throw unknownId('Item', itemId);
    return jsonAnswer(conversation);
  }
  if (method !== 'GET') throw onlyMethods('GET, DELETE');
  const item = (await store.conversationItems(id)).find((each) => each.id === itemId);
  if (item === undefined) throw unknownId('Item', itemId);
  return jsonAnswer(item);
}

function itemsOf(value: Json | undefined): readonly Item[] {
  const given = inputItems(value);
  if (given.length <= MOST_ITEMS && typeof value !== 'string') return listedItems(given);
  throw new GatewayError('invalid_request', `items is a list of at most ${MOST_ITEMS} items.`, { param: 'items' });
}

/** Sixteen pairs of text: https://platform.openai.com/docs/api-reference/conversations/object. */
function metadataOf({ metadata }: JsonObject): JsonObject {
  if (metadata === undefined || metadata === null) return {};
  const pairs = isObject(metadata) ? Object.entries(metadata) : undefined;
  if (
    pairs !== undefined &&
    pairs.length <= 16 &&
    pairs.every(([key, value]) => key.length <= 64 && (asString(value)?.length ?? 513) <= 512)
  ) {
    return Object.fromEntries(pairs);
  }
  throw new GatewayError('invalid_request', 'metadata has at most 16 texts, names up to 64 and values up to 512 characters.', {
    param: 'metadata',
  });
}
