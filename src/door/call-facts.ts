import type { LlmOperation } from '../core/call.ts';
import type { Dialect } from '../core/dialect.ts';
import type { Canon, Identity } from '../core/exchange.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../core/json.ts';
import type { Wire } from '../core/wire.ts';
import { dialects } from '../dialects/index.ts';
import { shapeOf } from '../dialects/shape.ts';

/** Headers that name the run a call belongs to, Weir's own first. */
const RUN_HEADERS = ['x-weir-run', 'x-session-id', 'helicone-session-id', 'cf-aig-session-id', 'x-litellm-trace-id'];

/** The dialect of a body that came on the path of the other of OpenAI's two; the path's own in every other case. */
export function spokenDialect(dialect: Dialect, operation: LlmOperation, { fields }: Wire): Dialect {
  if (operation !== 'chat' || !(dialect.id === 'openai-chat' || dialect.id === 'openai-responses')) return dialect;
  const shape = shapeOf(fields);
  return shape === undefined || shape === dialect.id ? dialect : (dialects.find(({ id }) => id === shape) ?? dialect);
}

/** Whose call it is among the users of an app: whom the credential names, which the caller cannot choose, or else the caller. */
export function userOf(who: Identity, headers: Headers, call: Canon['llm']['call'] | undefined): string | undefined {
  if (who.user !== undefined) return who.user.slice(0, 256);
  const named = headers.get('x-weir-user');
  if (named !== null && named !== '') return named.slice(0, 256);
  const user = call === undefined ? undefined : fieldOf(call, 'user');
  return typeof user === 'string' && user !== '' ? user.slice(0, 256) : undefined;
}

/** A field of the body. One that is no JSON is its provider's to refuse. */
function fieldOf(call: Canon['llm']['call'], name: string): Json | undefined {
  try {
    return call.wire.fields.get(name);
  } catch {
    return undefined;
  }
}

/** What the caller calls the run that a call belongs to. */
export function runOf(headers: Headers): string | undefined {
  for (const name of RUN_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== '') return value.slice(0, 256);
  }
  return undefined;
}

/**
 * What a call is attributed to. `x-weir-metadata`: a flat JSON object of at most 4 KB; anything else is left out rather
 * than refused. What the operator says of the caller stands over it: nobody shifts costs onto another team.
 */
export function metadataOf(headers: Headers, operators: JsonObject = {}): JsonObject | undefined {
  const text = headers.get('x-weir-metadata');
  const value = text === null || text.length > 4096 ? undefined : parseJson(text);
  const isFlat = isObject(value) && Object.values(value).every((each) => typeof each !== 'object' || each === null);
  const metadata = { ...(isFlat ? value : undefined), ...operators };
  return isFlat || Object.keys(operators).length > 0 ? metadata : undefined;
}
