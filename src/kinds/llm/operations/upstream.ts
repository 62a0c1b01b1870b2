import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Try } from '../../../core/health.ts';
import { type Json, parseJson } from '../../../core/json.ts';
import type { OperationName, OperationRoute } from '../../../core/operation.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import type { EgressRequest } from '../../../core/ports.ts';
import { readText } from '../../../core/reader.ts';
import { openaiChat } from '../../../dialects/openai-chat/index.ts';
import { upstreamHeaders } from '../upstream.ts';

/** Bytes of a provider's error answer that are read. */
const ERROR_BYTES = 64 * 1024;
const NATIVE = 'openai-chat';

/** Where a provider serves an operation. */
export interface Place {
  readonly planned: PlanProvider;
  /** As a URL reference of the base. */
  readonly url: string;
  readonly shape: string;
}

interface Wanted {
  readonly name: OperationName;
  /** Below the base URL, unless the provider's literal says otherwise. */
  readonly path: string;
  readonly shape: string;
}

export function plannedProvider(plan: Plan, id: string): PlanProvider {
  const planned = plan.providers.get(id);
  if (planned === undefined) throw new GatewayError('internal', 'A target names a provider that is not in the plan.');
  return planned;
}

/** Throws `not_supported` where the provider does not serve it. */
export function placeOf(planned: PlanProvider, wanted: Wanted, model: string): Place {
  const { provider } = planned;
  const named: OperationRoute | false | undefined = provider.operations?.[wanted.name];
  const own = named === false || named === undefined ? undefined : { route: named, base: baseOf(planned, named) };
  // A route in a dialect that is not spoken at this address does not hold there; OpenAI's form is what most servers have.
  const found = own?.base === undefined ? { route: {} as OperationRoute, base: baseIn(planned, NATIVE) } : own;
  if (named === false || found.base === undefined || provider.respond !== undefined) {
    throw new GatewayError('not_supported', `The provider "${provider.id}" does not serve ${wanted.name.replaceAll('-', ' ')} here.`);
  }
  const reference = (found.route.path ?? wanted.path).replaceAll('{model}', model.split('/').map(encodeURIComponent).join('/'));
  // A reference is resolved by RFC 3986: `../` may go above the version segment, never to another host.
  const url = new URL(reference, `${found.base}/`);
  return { planned, url: url.href, shape: found.route.shape ?? wanted.shape };
}

const baseIn = ({ dialects }: PlanProvider, id: string) => dialects.find(({ dialect }) => dialect.id === id)?.baseUrl;

/** Where a provider's literal puts an operation: at a dialect's address, or for one that has no chat at its only one. */
function baseOf(planned: PlanProvider, route: OperationRoute): string | undefined {
  if (route.dialect !== undefined) return baseIn(planned, route.dialect);
  return baseIn(planned, NATIVE) ?? (planned.dialects.length === 0 ? planned.provider.baseUrl : undefined);
}

export type Outgoing = Pick<EgressRequest, 'method' | 'url' | 'body' | 'stream'> & { readonly contentType?: string };

/** The call with the provider's credential, and of the caller's headers those it may be handed. */
export async function prepareRequest(
  { contentType, ...outgoing }: Outgoing,
  { planned }: Place,
  caller: Headers,
  signal: AbortSignal,
  { ports }: Exchange,
  credentialName?: string,
): Promise<EgressRequest> {
  const { headers, credential } = upstreamHeaders(caller, planned, ports.secrets, credentialName);
  if (contentType === undefined) delete headers['content-type'];
  else headers['content-type'] = contentType;
  const { sign } = planned.provider;
  const request = { ...outgoing, headers };
  const tools = { clock: ports.clock, egress: ports.egress, settings: planned.settings, signal };
  return { ...(sign === undefined || credential === undefined ? request : await sign(request, credential, tools)), signal };
}

/** Sends it and returns the success answer; throws the provider's error. Vendors' shapes of errors are read by what they hold. */
export async function sendTo(request: EgressRequest, exchange: Exchange, trying?: Try): Promise<Response> {
  const response = await exchange.ports.egress.send(request);
  trying?.heard(response.headers);
  if (response.status >= 200 && response.status < 300) return response;
  throw await errorOf(response);
}

export async function errorOf(response: Response): Promise<GatewayError> {
  const text = await readText(response, ERROR_BYTES).catch(() => undefined);
  const body: Json | undefined = parseJson(text ?? '');
  return openaiChat.readError(response.status, body, response.headers);
}
