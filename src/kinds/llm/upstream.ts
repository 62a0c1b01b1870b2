import type { LlmCall } from '../../core/call.ts';
import type { Dialect } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { type Json, parseJson } from '../../core/json.ts';
import type { Plan, PlanProvider } from '../../core/plan.ts';
import type { EgressRequest } from '../../core/ports.ts';
import { readText } from '../../core/reader.ts';
import type { Target } from '../../core/strategy.ts';

/** Bytes of a provider's error answer that are read. */
const ERROR_BYTES = 64 * 1024;

/** An upstream call that is under way, ended by its deadline or by us. */
export interface Line {
  readonly signal: AbortSignal;
  abort(reason: GatewayError): void;
  /** The first content has come: the deadline for it no longer holds. */
  answered(): void;
}

/** Opens a line that ends when no content has come within `firstToken` milliseconds. */
export function openLine(firstToken: number): Line {
  const controller = new AbortController();
  let answered = false;
  // Never cleared: clearing costs as much as setting, and the timer goes with the request.
  setTimeout(() => {
    if (!answered) controller.abort(new GatewayError('upstream_timeout', `The provider did not begin to answer within ${firstToken} ms.`));
  }, firstToken);
  return {
    signal: controller.signal,
    abort(reason) {
      answered = true;
      controller.abort(reason);
    },
    answered() {
      answered = true;
    },
  };
}

/** What one target is sent, and in which dialect. */
export interface Dispatch {
  readonly dialect: Dialect;
  readonly provider: PlanProvider;
  readonly request: Omit<EgressRequest, 'signal'>;
  readonly loss: readonly string[];
}

/** The call as a target's provider wants it: patched where the dialect is the same, translated where it is not. */
export function prepare(call: LlmCall, target: Target, plan: Plan, exchange: Exchange): Dispatch {
  const provider = plan.providers.get(target.provider);
  if (provider === undefined) throw new GatewayError('internal', 'A target names a provider that is not in the plan.');
  const spoken = provider.dialects.find(({ dialect }) => dialect.id === call.dialect.id) ?? provider.dialects[0];
  if (spoken === undefined) throw new GatewayError('internal', 'A provider speaks no dialect.');
  const { dialect, baseUrl } = spoken;
  const quirks = provider.provider.quirks ?? {};
  const same = dialect.id === call.dialect.id;
  const written = same ? undefined : dialect.writeCall({ ...call.chat(), model: target.model }, quirks);
  const body =
    written === undefined
      ? call.wire.patched(dialect.patch(call.head, target.model, quirks, call.wire.fields))
      : JSON.stringify(written.body);
  return {
    dialect,
    provider,
    request: { url: baseUrl + dialect.path, method: 'POST', headers: upstreamHeaders(call, provider, exchange), body },
    loss: written?.loss ?? [],
  };
}

/** Built from nothing: only what the provider needs, and of the caller's headers only those it may be handed. */
function upstreamHeaders(call: LlmCall, planned: PlanProvider, exchange: Exchange): Record<string, string> {
  const { provider } = planned;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  for (const name in provider.headers) headers[name.toLowerCase()] = provider.headers[name] ?? '';
  for (const name of provider.forwards ?? []) {
    const value = call.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const via = call.headers.get('via');
  if (via !== null) headers.via = via;
  if (provider.auth.scheme === 'none') return headers;
  const key = planned.credential(exchange.ports.secrets);
  if (key === undefined) {
    throw new GatewayError(
      'provider_key_missing',
      `The provider "${provider.id}" has no credential. The operator sets the secret ${planned.secretName ?? 'that the configuration names'}.`,
    );
  }
  if (provider.auth.scheme === 'bearer') headers.authorization = `Bearer ${key}`;
  else headers[provider.auth.name.toLowerCase()] = key;
  return headers;
}

/** Sends it and returns the provider's success answer; throws the provider's error, read in its own dialect. */
export async function send(dispatch: Dispatch, target: Target, signal: AbortSignal, exchange: Exchange): Promise<Response> {
  const request = { ...dispatch.request, signal };
  const respond = dispatch.provider.provider.respond;
  const response = await (respond === undefined
    ? exchange.ports.egress.send(request)
    : respond(request, target.model, exchange.ports.clock));
  if (response.status >= 200 && response.status < 300) return response;
  const text = await readText(response, ERROR_BYTES).catch(() => undefined);
  const body: Json | undefined = parseJson(text ?? '');
  throw dispatch.dialect.readError(response.status, body, response.headers);
}
