import { isObject, type JsonObject } from '../../../core/json.ts';
import type { Client } from '../sources/source.ts';
import { codes, RpcError } from './errors.ts';
import { checkHeaders } from './headers.ts';
import type { Message } from './message.ts';
import { objectOf } from './message.ts';
import { isLegacy, isModern, MODERN, meta, SUPPORTED } from './versions.ts';

/** How one POST is to be served. */
export type Inbound =
  | {
      readonly era: 'modern';
      readonly client: Client;
      readonly message: Message;
      /** The client cannot know which headers the tool wants: it called it by way of another. */
      readonly isIndirect?: true;
    }
  | { readonly era: 'legacy'; readonly messages: readonly Message[]; readonly isBatch: boolean };

const KEYS = [meta.version, meta.capabilities];

/**
 * Which of the two ways a POST is of. The body decides and the head must agree: a request that claims the new way is never
 * served the old one, nor the other way round. Throws -32600, -32602, -32020, -32022 with status 400.
 */
export function classify(messages: readonly Message[], isBatch: boolean, headers: Headers): Inbound {
  const version = headers.get('mcp-protocol-version') ?? undefined;
  const [message] = messages;
  if (message === undefined || isBatch) return classifyBatch(messages, isBatch, version);
  const claims = message.type === 'response' ? {} : objectOf(message.params, '_meta');
  const claimed = claims[meta.version];
  const isClaimed = Object.hasOwn(claims, meta.version);
  const headerIsModern = version !== undefined && isModern(version);
  if (message.type === 'response') {
    if (headerIsModern) throw new RpcError(codes.invalidRequest, 'Revision 2026-07-28 has no answers from clients.', { status: 400 });
    return legacy(messages, isBatch, version);
  }
  if (message.type === 'request' && message.method === 'initialize' && !isEnvelope(claims)) {
    if (headerIsModern) throw mismatch('initialize is of older revisions than the header MCP-Protocol-Version names.');
    return { era: 'legacy', messages, isBatch };
  }
  if (!isClaimed) {
    if (!headerIsModern) return legacy(messages, isBatch, version);
    if (message.type === 'notification') return { era: 'modern', client: clientOf(claims, version), message };
    throw envelopeFault(claims);
  }
  if (typeof claimed !== 'string' || (message.type === 'request' && !isComplete(claims))) throw envelopeFault(claims);
  if (version !== undefined && version !== claimed) {
    throw mismatch('The header MCP-Protocol-Version names another revision than the body.');
  }
  if (claimed !== MODERN) throw unsupported(claimed);
  if (message.type === 'request') checkHeaders(headers, message.method, message.params);
  return { era: 'modern', client: clientOf(claims, claimed), message };
}

function classifyBatch(messages: readonly Message[], isBatch: boolean, version: string | undefined): Inbound {
  const isMixed = messages.some((each) => each.type !== 'response' && Object.hasOwn(objectOf(each.params, '_meta'), meta.version));
  if (isMixed || (version !== undefined && version !== '2025-03-26')) {
    throw new RpcError(codes.invalidRequest, 'Only revision 2025-03-26 has batches: send one message at a time.', { status: 400 });
  }
  return { era: 'legacy', messages, isBatch };
}

function legacy(messages: readonly Message[], isBatch: boolean, version: string | undefined): Inbound {
  // The header is of 2025-06-18; who sends none speaks 2025-03-26 or has not been told yet.
  if (version !== undefined && !isLegacy(version)) throw unsupported(version);
  return { era: 'legacy', messages, isBatch };
}

const isComplete = (claims: JsonObject) => typeof claims[meta.version] === 'string' && isObject(claims[meta.capabilities]);
const isEnvelope = (claims: JsonObject) => isComplete(claims) && isModern(String(claims[meta.version]));

const mismatch = (message: string) => new RpcError(codes.headerMismatch, message, { status: 400 });

function envelopeFault(claims: JsonObject): RpcError {
  const missing = KEYS.filter((key) => !Object.hasOwn(claims, key));
  const wrong =
    missing.length > 0 ? missing : KEYS.filter((key) => (key === meta.version ? typeof claims[key] !== 'string' : !isObject(claims[key])));
  return new RpcError(
    codes.invalidParams,
    `params._meta lacks what every request of revision ${MODERN} says, or says it wrong: ${wrong.join(', ')}.`,
    {
      status: 400,
      data: { envelope: { missing: wrong } },
    },
  );
}

export const unsupported = (requested: string) =>
  new RpcError(codes.unsupportedVersion, 'Unsupported protocol version', {
    status: 400,
    data: { supported: SUPPORTED, requested: requested.slice(0, 64) },
  });

function clientOf(claims: JsonObject, version: string): Client {
  const capabilities = claims[meta.capabilities];
  const level = claims[meta.logLevel];
  return {
    era: 'modern',
    version,
    capabilities: isObject(capabilities) ? capabilities : {},
    info: claims[meta.clientInfo],
    logLevel: typeof level === 'string' ? level : undefined,
  };
}
