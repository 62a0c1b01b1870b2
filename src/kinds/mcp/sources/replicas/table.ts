import { isObject, type JsonObject } from '../../../../core/json.ts';
import { canonicalJson } from '../../../../core/ledger/canonical.ts';
import type { Listing } from '../source.ts';

/** What one replica lists. */
export interface Listed {
  readonly replica: number;
  readonly items: readonly JsonObject[];
}

/** One thing of a list, and who has it as it is shown. */
export interface Row {
  readonly item: JsonObject;
  readonly replicas: readonly number[];
}

/** What makes two tools of the same name one: all that is said of them, or only what they take. */
export type Equality = 'whole' | 'input';

/** The things of several lists by their names. Where two say different things of one, what the first says is shown, and only who says the same has it. */
export function tableOf(what: Listing, lists: readonly Listed[], equality: Equality): ReadonlyMap<string, Row> {
  const rows = new Map<string, { readonly item: JsonObject; readonly says: string; readonly replicas: number[] }>();
  for (const { replica, items } of lists) {
    for (const item of items) {
      const name = keyOf(what, item);
      if (name === undefined) continue;
      const says = saysOf(what, item, equality);
      const row = rows.get(name);
      if (row === undefined) rows.set(name, { item, says, replicas: [replica] });
      else if (row.says === says && !row.replicas.includes(replica)) row.replicas.push(replica);
    }
  }
  return rows;
}

function keyOf(what: Listing, { name, uri, uriTemplate }: JsonObject): string | undefined {
  const key = what === 'resources' ? uri : what === 'resources/templates' ? uriTemplate : name;
  return typeof key === 'string' ? key : undefined;
}

/** Without what is not the thing's own: `_meta` may say which server it is of. */
function saysOf(what: Listing, { _meta: _, ...item }: JsonObject, equality: Equality): string {
  return canonicalJson(what === 'tools' && equality === 'input' ? (item.inputSchema ?? null) : item);
}

/** Whether calling the tool twice does no more than calling it once, by its own account (2026-07-28, "ToolAnnotations"). */
export const isRepeatable = ({ annotations }: JsonObject): boolean =>
  isObject(annotations) && (annotations.readOnlyHint === true || annotations.idempotentHint === true);
