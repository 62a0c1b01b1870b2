import { GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';
import type { Listing, Page } from '../source.ts';

const FIELDS: { readonly [what in Listing]: string } = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  'resources/templates': 'resourceTemplates',
};

export const fieldOf = (what: Listing): string => FIELDS[what];

/** A page as the server has it. Throws `upstream_invalid` where it is none; of too many things, those beyond `most` are left out. */
export function readPage(result: Wire, what: Listing, most: number): Page {
  const said = result.json();
  const items = said[fieldOf(what)];
  if (!isArray(items)) throw new GatewayError('upstream_invalid', `The MCP server answered ${what}/list without a list.`);
  const { nextCursor, ttlMs, cacheScope, _meta } = said;
  return {
    items: items.filter(isObject).slice(0, most),
    ...(typeof nextCursor === 'string' ? { nextCursor } : {}),
    ...(typeof ttlMs === 'number' ? { ttlMs } : {}),
    ...(typeof cacheScope === 'string' ? { cacheScope } : {}),
    ...(isObject(_meta) ? { meta: _meta } : {}),
  };
}
