import type { Identity } from '../core/exchange.ts';
import type { Json } from '../core/json.ts';
import type { RequestRecord } from '../core/ports.ts';
import type { McpSettings } from '../kinds/mcp/settings.ts';
import type { McpEnd } from '../kinds/mcp/watch.ts';
import type { Inbound } from '../kinds/mcp/wire/classify.ts';
import { textOf } from '../kinds/mcp/wire/message.ts';
import { metadataOf, userOf } from './call-facts.ts';
import { costOf, type McpRequest, priceVersionOf, statusOf } from './mcp-account.ts';

/** What is known of a POST, whichever of its requests is told of. */
export interface McpLogged {
  readonly who: Identity;
  readonly headers: Headers;
  readonly route: string;
  readonly run: string | undefined;
  readonly settings: McpSettings | undefined;
  readonly revision: number;
  readonly era: Inbound['era'] | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly httpStatus: number;
  /** What policies and sources noted. */
  readonly notes: { readonly [fact: string]: Json };
}

/** The row of one request to an MCP server. */
export function mcpRecord(call: McpRequest, end: McpEnd, logged: McpLogged): RequestRecord {
  const { who, headers, route, run, settings, era, startedAt, endedAt, httpStatus } = logged;
  const { method, params } = call.request;
  const { tool } = call;
  const name = textOf(params, 'name') ?? textOf(params, 'uri');
  const known = tool ?? name;
  const source = known === undefined ? undefined : settings?.sourceOf(known);
  const { outcome, code, errorCode } = end;
  const cost = costOf(call, end);
  const user = userOf(who, headers, undefined);
  const metadata = metadataOf(headers, who.metadata);
  return {
    id: call.id,
    startedAt,
    durationMs: endedAt - startedAt,
    route,
    dialect: 'mcp',
    status: statusOf(end),
    httpStatus,
    stream: false,
    attempts: 1,
    ...{ org: who.org, team: who.team, app: who.app, keyId: who.keyId },
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(tool === undefined ? {} : { toolCalls: 1 }),
    ...(cost === undefined ? {} : { cost, priceVersion: priceVersionOf(logged.revision) }),
    ...(user === undefined ? {} : { user }),
    ...(run === undefined ? {} : { run }),
    ...(metadata === undefined ? {} : { metadata }),
    facts: {
      ...logged.notes,
      ...end.notes,
      mcp: {
        method: method.slice(0, 128),
        ...(name === undefined ? {} : { name: name.slice(0, 256) }),
        ...(tool === undefined ? {} : { tool }),
        ...(source === undefined ? {} : { source }),
        ...(era === undefined ? {} : { era }),
        outcome,
        ...(code === undefined ? {} : { code }),
      },
    },
  };
}
