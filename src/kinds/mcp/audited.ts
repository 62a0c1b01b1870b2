import { GatewayError } from '../../core/errors.ts';
import type { CallAudit } from '../../core/governance.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { digestOf } from '../../core/ledger/canonical.ts';
import type { Wire } from '../../core/wire.ts';
import type { Ask, Source, SourceContext } from './sources/source.ts';
import { handedOn } from './transforms/transform.ts';
import { RpcError } from './wire/errors.ts';
import { textOf } from './wire/message.ts';

/** What stands in the audit of a source's calls beside what every call says of itself. */
export interface AuditedHome {
  readonly name: string;
  /** A tool's name as clients see it. */
  exposed(own: string): string;
}

/**
 * A source whose calls of tools are in the audit of their organisation, each with what became of it; also those that a
 * transform has refused. Where the audit cannot be written nothing is called. The answer waits for its entry.
 */
export const audited = (source: Source, home: AuditedHome): Source => ({
  ...handedOn(source),
  ...(source.speaks === undefined ? {} : { speaks: source.speaks }),
  request: (ask, context) => (ask.method === 'tools/call' ? call(source, home, ask, context) : source.request(ask, context)),
});

async function call(source: Source, home: AuditedHome, ask: Ask, context: SourceContext): Promise<Wire> {
  const audit = auditOf(context);
  await audit.ready(context.caller.org);
  const digest = await digestOf(ask.params.fields.get('arguments') ?? {});
  const noted: { approval?: Json } = {};
  const note = (fact: string, value: Json) => {
    if (fact === 'approval') noted.approval = value;
    context.call?.note(fact, value);
  };
  const inside = context.call === undefined ? context : { ...context, call: { ...context.call, note } };
  const tell = (outcome: Outcome) => audit.note(entryOf(outcome, { home, ask, context, digest, approval: noted.approval }));
  try {
    const result = await source.request(ask, inside);
    await tell(outcomeOf(result, noted.approval));
    return result;
  } catch (thrown) {
    await tell(context.signal.aborted ? { outcome: 'cancelled' } : failureOf(thrown));
    throw thrown;
  }
}

interface Outcome {
  readonly outcome: 'complete' | 'tool-error' | 'input-required' | 'not-approved' | 'error' | 'cancelled';
  /** Of an error: the gateway's own, and the number of the protocol. */
  readonly code?: string | undefined;
  readonly rpcCode?: number;
}

interface Called {
  readonly home: AuditedHome;
  readonly ask: Ask;
  readonly context: SourceContext;
  readonly digest: string;
  readonly approval: Json | undefined;
}

function entryOf(outcome: Outcome, { home, ask, context, digest, approval }: Called) {
  const { org, team, app, keyId, user, run } = context.caller;
  const own = textOf(ask.params, 'name') ?? '';
  const detail: JsonObject = {
    ...{ route: context.call?.route, request: context.call?.requestId, source: home.name, name: own.slice(0, 256), digest },
    ...{ team, app, user, run, approval, ...outcome },
  };
  const isDone = ['complete', 'tool-error', 'input-required'].includes(outcome.outcome);
  return { org, actor: keyId, tool: home.exposed(own).slice(0, 256), isDone, detail: said(detail) };
}

/** What is not there stands not in the chain either. */
const said = (detail: JsonObject): JsonObject => Object.fromEntries(Object.entries(detail).filter(([, value]) => value !== undefined));

/** What was not approved is told by who asked for it: a server could say so of anything. */
function outcomeOf(result: Wire, approval: Json | undefined): Outcome {
  if (textOf(result, 'resultType') === 'input_required') return { outcome: 'input-required' };
  if (!result.fields.has('isError') || result.fields.get('isError') !== true) return { outcome: 'complete' };
  return { outcome: isObject(approval) && approval.status !== 'granted' ? 'not-approved' : 'tool-error' };
}

function failureOf(thrown: unknown): Outcome {
  if (!(thrown instanceof RpcError)) return { outcome: 'error', code: GatewayError.from(thrown).code };
  const own = isObject(thrown.data) ? thrown.data.code : undefined;
  return { outcome: 'error', rpcCode: thrown.code, ...(typeof own === 'string' ? { code: own } : {}) };
}

function auditOf({ call }: SourceContext): CallAudit {
  const audit = call?.ports.governance?.audit;
  if (audit === undefined)
    throw new GatewayError('not_supported', 'Calls of this route are audited, and no ledger is bound for it. The operator binds LEDGER.');
  return audit;
}
