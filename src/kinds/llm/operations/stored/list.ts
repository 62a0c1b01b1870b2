import type { JsonObject } from '../../../../core/json.ts';
import type { PlanProvider } from '../../../../core/plan.ts';
import { itemsOf, nameOfKind, objectFrom, type StoredCall } from './call.ts';
import { storedPlace } from './provider.ts';

const DEFAULT_LIMIT = 20;
const MOST = 100;
/** Pages of the provider's list that are searched for one page of an app's own. */
const PAGES = 10;
/** What callers may ask of the provider's list. */
const PASSED = ['order', 'purpose'];

/**
 * A key's own objects among all that the provider's credential has made: the provider's list, page by page, without what
 * belongs to others.
 */
export async function listOwn(call: StoredCall, planned: PlanProvider): Promise<JsonObject> {
  const query = new URL(call.request.url).searchParams;
  const asked = Number(query.get('limit') ?? DEFAULT_LIMIT);
  const limit = Number.isInteger(asked) && asked > 0 ? asked : DEFAULT_LIMIT;
  const { id: provider } = planned.provider;
  const own: JsonObject[] = [];
  let after = await cursorOf(call, query.get('after'));
  let more = true;
  for (let page = 0; page < PAGES && more && own.length <= limit; page++) {
    const reply = await pageOf(call, planned, query, after);
    const items = itemsOf(reply);
    const ids = items.flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
    const owned = await call.ids.owned(call.kind, provider, ids);
    own.push(...items.filter(({ id }) => typeof id === 'string' && owned.has(id)));
    after = ids.at(-1);
    more = reply.has_more === true && after !== undefined;
  }
  const shown = await Promise.all(own.slice(0, limit).map((item) => call.ids.wrapObject(call.kind, provider, item)));
  const [first, last] = [shown[0]?.id ?? null, shown.at(-1)?.id ?? null];
  return { object: 'list', data: shown, first_id: first, last_id: last, has_more: own.length > limit || (more && own.length > 0) };
}

/** The provider's own id of the object that the page begins behind. */
async function cursorOf({ ids, kind }: StoredCall, after: string | null): Promise<string | undefined> {
  return after === null ? undefined : (await ids.unwrap(kind, after)).id;
}

function pageOf(call: StoredCall, planned: PlanProvider, query: URLSearchParams, after: string | undefined): Promise<JsonObject> {
  const name = nameOfKind(call.kind);
  const place = storedPlace(planned, name, name);
  const url = new URL(place.url);
  url.searchParams.set('limit', String(MOST));
  for (const field of PASSED) {
    const value = query.get(field);
    if (value !== null) url.searchParams.set(field, value);
  }
  if (after !== undefined) url.searchParams.set('after', after);
  return objectFrom(call, place, { method: 'GET', url: url.href });
}
