import { holdsNumbers } from '../../core/cache/exact-numbers.ts';
import type { LlmCall } from '../../core/call.ts';
import type { Dialect, Quirks } from '../../core/dialect.ts';
import { GatewayError, outOfTime } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { type Framing, sse } from '../../core/framing.ts';
import type { Try } from '../../core/health.ts';
import { type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Plan, PlanPromptCache, PlanProvider } from '../../core/plan.ts';
import type { EgressRequest, Secrets } from '../../core/ports.ts';
import type { Bound, ProviderCall } from '../../core/provider.ts';
import { readText } from '../../core/reader.ts';
import { hashOf } from '../../core/stable-hash.ts';
import type { Target } from '../../core/strategy.ts';
import type { Wire } from '../../core/wire.ts';

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
    if (!answered) controller.abort(outOfTime(`The provider did not begin to answer within ${firstToken} ms.`));
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
  /** How its stream is cut, if it is one. */
  readonly framing: Framing;
  /** For providers that sign; elsewhere it stands in the headers. */
  readonly credential: string | undefined;
  readonly provider: PlanProvider;
  /** Present where the call does not go over the network. */
  readonly respond?: Bound | undefined;
  readonly request: Omit<EgressRequest, 'signal'>;
  readonly loss: readonly string[];
}

/**
 * The call as a target's provider wants it: patched where the dialect is the same, translated where it is not, and with
 * its beginning marked for the vendor's cache where `promptCache` says so.
 */
export function prepare(
  call: LlmCall,
  target: Target,
  plan: Plan,
  exchange: Exchange,
  credentialName?: string,
  promptCache?: PlanPromptCache | false,
): Dispatch {
  const provider = plan.providers.get(target.provider);
  if (provider === undefined) throw new GatewayError('internal', 'A target names a provider that is not in the plan.');
  const { dialect, baseUrl, transport } = spokenFor(provider, call.dialect.id, target.model);
  const quirks = provider.provider.quirks ?? {};
  const asItCame = dialect.id === call.dialect.id;
  const written = asItCame ? undefined : translated(call, target.model, dialect, quirks);
  const omitted = transport?.omits?.(call.headers, (field) => call.wire.fields.get(field) !== undefined) ?? [];
  const loss = [...(written?.loss ?? []), ...omitted];
  if (loss.length > 0 && call.headers.get('x-weir-strict') === '1') throw refusedLoss(loss);
  const { model } = target;
  const { stream } = call.head;
  const carried: ProviderCall = { baseUrl, dialect: dialect.id, model, stream, settings: provider.settings };
  const extra = transport?.patch?.(carried, call.headers);
  const mark = marking(dialect, { model, quirks, promptCache, owner: exchange.who.principal });
  const body =
    written === undefined
      ? forwarded(call, mark, (fields) => ({ ...dialect.patch(call.head, model, quirks, fields), ...extra }))
      : JSON.stringify({ ...mark(written.body), ...extra });
  const url = transport?.url?.(carried) ?? baseUrl + (dialect.pathOf?.(model, stream) ?? dialect.path);
  const { bound, respond = bound?.(provider.settings, exchange.ports.models) } = provider.provider;
  const needsNoKey = respond !== undefined && bound !== undefined;
  const { headers, credential } = needsNoKey
    ? { headers: {} }
    : upstreamHeaders(call.headers, provider, exchange.ports.secrets, credentialName);
  return {
    dialect,
    framing: transport?.framing ?? dialect.framing ?? sse,
    provider,
    respond,
    credential,
    request: { url, method: 'POST', headers: Object.assign(headers, dialect.headersOf?.(model, stream)), body },
    loss,
  };
}

/** The caller's own body with the fields changed that must be. Where JavaScript does not hold its numbers nothing more is touched. */
function forwarded(
  { wire }: LlmCall,
  mark: (body: JsonObject) => JsonObject,
  patch: (fields: Wire['fields']) => { readonly [field: string]: Json | undefined },
): string {
  if (mark === unmarked || !holdsNumbers(wire.text)) return wire.patched(patch(wire.fields));
  const before = wire.json();
  const after = mark(before);
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  const marked = wire.with(Object.fromEntries(changed.map((name) => [name, after[name]])));
  return marked.patched(patch(marked.fields));
}

const unmarked = (body: JsonObject): JsonObject => body;

/** Marks the beginning of a body for the vendor's cache, where that is wanted and there is a way to say it. */
function marking(
  dialect: Dialect,
  { model, quirks, promptCache, owner }: { model: string; quirks: Quirks; promptCache: PlanPromptCache | false | undefined; owner: string },
): (body: JsonObject) => JsonObject {
  if (promptCache === undefined || promptCache === false || dialect.markPrefix === undefined) return unmarked;
  const { ttl } = promptCache;
  const keyFor = (prefix: string) => `weir-${hashOf(JSON.stringify([owner, model, prefix]))}`;
  return (body) => dialect.markPrefix?.(body, { model, quirks, keyFor, ...(ttl === undefined ? {} : { ttl }) }) ?? body;
}

/** The call in another dialect, and what that has no words for. */
export function translated(call: LlmCall, model: string, dialect: Dialect, quirks: Quirks): ReturnType<Dialect['writeCall']> {
  const { chat, loss } = call.dialect.plain?.(call.chat()) ?? { chat: call.chat(), loss: [] };
  const written = dialect.writeCall({ ...chat, model }, quirks);
  return { body: written.body, loss: [...loss, ...written.loss] };
}

/** The caller's own dialect where the provider speaks it for this model, its native one elsewhere. */
export function spokenFor({ dialects }: PlanProvider, id: string, model: string): PlanProvider['dialects'][number] {
  const able = dialects.filter(({ transport }) => transport?.serves?.(model) ?? true);
  const spoken = able.find(({ dialect }) => dialect.id === id) ?? able[0];
  if (spoken === undefined) throw new GatewayError('not_supported', 'The provider of this model does not serve chat.');
  return spoken;
}

/** Whether a target is asked in another dialect than the caller's. */
export function isTranslated(target: Target, dialect: string, plan: Plan): boolean {
  const planned = plan.providers.get(target.provider);
  return planned !== undefined && spokenFor(planned, dialect, target.model).dialect.id !== dialect;
}

export const refusedLoss = (loss: readonly string[]) =>
  new GatewayError(
    'translation_loss',
    `This provider cannot be told everything the call says, and x-weir-strict refuses to leave it out: ${loss.join(', ')}.`,
  );

/** Built from nothing: only what the provider needs, and of the caller's headers only those it may be handed. */
export function upstreamHeaders(
  caller: Headers,
  planned: PlanProvider,
  secrets: Secrets,
  credentialName?: string,
): { readonly headers: Record<string, string>; readonly credential?: string } {
  const { provider } = planned;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  for (const name in provider.headers) headers[name.toLowerCase()] = provider.headers[name] ?? '';
  for (const name of provider.forwards ?? []) {
    const value = caller.get(name);
    if (value !== null) headers[name] = value;
  }
  const via = caller.get('via');
  if (via !== null) headers.via = via;
  if (planned.missing.length > 0) {
    const names = planned.missing.map((name) => `settings.${name}`).join(' and ');
    throw new GatewayError(
      'provider_key_missing',
      `The provider "${provider.id}" is not set up. The operator gives it ${names} in the configuration.`,
    );
  }
  if (planned.passthrough === true) return { headers: Object.assign(headers, ownCredential(caller, provider.id)) };
  if (provider.auth.scheme === 'none') return { headers };
  const key = planned.credential(secrets, credentialName);
  if (key === undefined) {
    throw new GatewayError('provider_key_missing', `The provider "${provider.id}" has no credential. ${remedyOf(planned, credentialName)}`);
  }
  if (provider.auth.scheme === 'bearer') headers.authorization = `Bearer ${key}`;
  else if (provider.auth.scheme === 'header') headers[provider.auth.name.toLowerCase()] = key;
  else return { headers, credential: key };
  return { headers };
}

function remedyOf({ credentials, vault, secretName }: PlanProvider, name: string | undefined): string {
  const kept = vault?.[name ?? credentials[0] ?? ''];
  return kept === undefined
    ? `The operator sets the secret ${secretName ?? 'that the configuration names'}.`
    : `The operator writes the credential "${kept}" of the organisation into the vault (POST /admin/v1/credentials).`;
}

/** Where vendors' clients put their credential. */
const CREDENTIALS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key'] as const;
/** Any key of this gateway, whoever's it is. */
const GATEWAY_KEY = /\bweir_(?:live|dev|test|admin)_/;

/** The caller's own credential. The gateway's key is never handed on: it must have come apart from it, and not in both places. */
function ownCredential(caller: Headers, id: string): Record<string, string> {
  const key = caller.get('x-weir-key')?.trim() ?? '';
  const own = CREDENTIALS.flatMap((name) => {
    const value = caller.get(name);
    return key === '' || value === null || value.includes(key) || GATEWAY_KEY.test(value) ? [] : [[name, value] as const];
  });
  if (own.length > 0) return Object.fromEntries(own);
  throw new GatewayError(
    'missing_key',
    `The provider "${id}" is asked with the caller's own credential: send the gateway key as x-weir-key, and the provider's where its clients put it.`,
  );
}

/** Sends it and returns the provider's success answer; throws the provider's error, read in its own dialect. */
export async function send(
  dispatch: Dispatch,
  target: Target,
  signal: AbortSignal,
  exchange: Pick<Exchange, 'ports'>,
  trying?: Try,
): Promise<Response> {
  const { clock, egress } = exchange.ports;
  const { sign } = dispatch.provider.provider;
  const { respond } = dispatch;
  const unsigned = dispatch.request;
  const signed =
    sign === undefined || dispatch.credential === undefined
      ? unsigned
      : await sign(unsigned, dispatch.credential, { clock, egress, settings: dispatch.provider.settings, signal });
  const request = { ...signed, signal };
  const response = await (respond === undefined ? egress.send(request) : respond(request, target.model, clock));
  trying?.heard(response.headers);
  if (response.status >= 200 && response.status < 300) return response;
  const text = await readText(response, ERROR_BYTES).catch(() => undefined);
  const body: Json | undefined = parseJson(text ?? '');
  throw dispatch.dialect.readError(response.status, body, response.headers);
}
