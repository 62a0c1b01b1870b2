import { GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';

/** One thing that an agent says it can do. */
export interface Skill {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly examples: readonly string[];
}

/** Where an agent is asked, and how. */
export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string;
  readonly binding: 'JSONRPC' | 'HTTP+JSON';
  /** Of the protocol: 1.0, or 0.3 as it was before. */
  readonly version: '1.0' | '0.3';
  /** Of an address that serves several agents (1.0, "AgentInterface"). */
  readonly tenant: string | undefined;
}

export interface Card {
  readonly name: string;
  readonly description: string;
  readonly skills: readonly Skill[];
  readonly endpoint: Endpoint;
}

/** Where a host says which agent it has (RFC 8615; A2A 1.0, "Agent Card"). */
const WELL_KNOWN = '/.well-known/agent-card.json';
const MOST_SKILLS = 100;

/** The address of the card: a host's own, unless another is written. */
export function cardUrl(written: string): string {
  const url = new URL(written);
  return url.pathname === '/' && url.search === '' ? new URL(WELL_KNOWN, url).href : url.href;
}

const invalid = (why: string) => new GatewayError('upstream_invalid', `The agent's card cannot be used: ${why}.`);

/** Reads a card of 1.0 or 0.3. What it says of itself is asked nowhere but at `origins`. Throws `upstream_invalid`. */
export function readCard(text: string, origins: readonly string[]): Card {
  const card = parseJson(text);
  if (!isObject(card)) throw invalid('it is no JSON object');
  const endpoints = [...modernEndpoints(card), ...formerEndpoints(card)];
  if (endpoints.length === 0) throw invalid('it names no address that is asked by JSON-RPC or HTTP+JSON in A2A 1.0 or 0.3');
  const endpoint = endpoints.find(({ url }) => origins.includes(originOf(url) ?? ''));
  if (endpoint === undefined) throw invalid('the agent is asked at another origin, which the operator would have to list in `origins`');
  return {
    name: textIn(card, 'name') ?? 'agent',
    description: textIn(card, 'description') ?? '',
    skills: (isArray(card.skills) ? card.skills : []).flatMap(skillOf).slice(0, MOST_SKILLS),
    endpoint,
  };
}

const originOf = (url: string): string | undefined => URL.parse(url)?.origin;
const textIn = (value: JsonObject, field: string): string | undefined => {
  const text = value[field];
  return typeof text === 'string' && text !== '' ? text : undefined;
};

function skillOf(value: Json): readonly Skill[] {
  if (!isObject(value)) return [];
  const id = textIn(value, 'id');
  if (id === undefined) return [];
  const examples = (isArray(value.examples) ? value.examples : []).filter((each) => typeof each === 'string');
  return [{ id, name: textIn(value, 'name') ?? id, description: textIn(value, 'description') ?? '', examples }];
}

function modernEndpoints({ supportedInterfaces }: JsonObject): readonly Endpoint[] {
  return (isArray(supportedInterfaces) ? supportedInterfaces : []).flatMap((each) => {
    if (!isObject(each)) return [];
    const version = /^1(?:\.|$)/.test(textIn(each, 'protocolVersion') ?? '') ? '1.0' : undefined;
    return endpointOf(textIn(each, 'url'), textIn(each, 'protocolBinding'), version, textIn(each, 'tenant'));
  });
}

/** Of 0.3: one address of its own, and others beside it. */
function formerEndpoints(card: JsonObject): readonly Endpoint[] {
  if (!/^0\.3(?:\.|$)/.test(textIn(card, 'protocolVersion') ?? '')) return [];
  const { additionalInterfaces: others } = card;
  return [
    ...endpointOf(textIn(card, 'url'), textIn(card, 'preferredTransport') ?? 'JSONRPC', '0.3'),
    ...(isArray(others) ? others : []).flatMap((each) =>
      isObject(each) ? endpointOf(textIn(each, 'url'), textIn(each, 'transport'), '0.3') : [],
    ),
  ].filter(({ binding }) => binding === 'JSONRPC');
}

function endpointOf(
  url: string | undefined,
  binding: string | undefined,
  version: Endpoint['version'] | undefined,
  tenant?: string,
): readonly Endpoint[] {
  if (url === undefined || version === undefined || (binding !== 'JSONRPC' && binding !== 'HTTP+JSON')) return [];
  return [{ url: url.replace(/\/+$/, ''), binding, version, tenant }];
}
