import { GatewayError } from '../../../../core/errors.ts';
import type { ApprovalState, Approvals } from '../../../../core/governance.ts';
import type { Json } from '../../../../core/json.ts';
import { digestOf } from '../../../../core/ledger/canonical.ts';
import type { Wire } from '../../../../core/wire.ts';
import type { Ask, SourceContext } from '../../sources/source.ts';
import { objectOf } from '../../wire/message.ts';
import { notMade } from './answers.ts';
import { type Round, unwrapped, wrapped } from './rounds.ts';

/** Milliseconds between two looks at an approval that is waited for, and between two signs of progress. */
const LOOK_EVERY = 1_000;
const TELL_EVERY = 5_000;

/** A call that an operator is asked about. */
export interface OperatorCall {
  /** The source, and the tool as it names it. */
  readonly source: string;
  readonly own: string;
  /** As clients see it. */
  readonly tool: string;
  /** The arguments, as far as a call with others is another one. */
  readonly asked: Json;
  readonly preview: string;
  readonly of: string;
  /** Milliseconds. */
  readonly expires: number;
  readonly wait: number;
}

/** Makes the call where an operator has said yes to it, once; waits for that, and tells how to come back for it. */
export async function byOperator(
  call: OperatorCall,
  round: Round | undefined,
  ask: Ask,
  context: SourceContext,
  make: (ask: Ask) => Promise<Wire>,
): Promise<Wire> {
  const isModern = context.client.era === 'modern';
  const approvals = approvalsOf(context);
  const isBack = isModern && round?.is === 'given' && round.id !== undefined && round.claim !== undefined;
  const state = isBack
    ? // It was said yes to, and the server has asked the client something since: it goes on, once.
      await approvals.goOn(round.id ?? '', round.claim ?? '')
    : await waited(await opened(call, approvals, context), call, approvals, ask, context);
  const { id, status, claim } = state;
  context.call?.note('approval', { by: 'operator', id, status });
  if (status !== 'granted') return refused(state, call);
  const result = await make(isBack ? unwrapped(ask, round) : ask);
  return isModern ? wrapped(result, call.of, { id, ...(claim === undefined ? {} : { claim }) }) : result;
}

function approvalsOf({ call }: SourceContext): Approvals {
  const approvals = call?.ports.governance?.approvals;
  if (approvals === undefined) {
    throw new GatewayError(
      'not_supported',
      'An operator is asked about this tool, and there is no database for it. The operator binds DB.',
    );
  }
  return approvals;
}

async function opened(call: OperatorCall, approvals: Approvals, { caller, principal, call: facts }: SourceContext): Promise<ApprovalState> {
  const { source, own, tool, asked, preview, expires } = call;
  const { org, team, app, keyId, user } = caller;
  const route = facts?.route ?? '';
  const digest = await digestOf(asked);
  return approvals.ask({
    ...{ org, team, app, keyId, user, route, source, tool, digest, preview },
    call: await digestOf({ org, principal, route, source, tool: own, digest }),
    ttl: expires,
  });
}

/** What has become of it when there is nothing more to wait for, or no more time. */
async function waited(
  first: ApprovalState,
  { wait }: OperatorCall,
  approvals: Approvals,
  ask: Ask,
  context: SourceContext,
): Promise<ApprovalState> {
  const { progressToken } = objectOf(ask.params, '_meta');
  let state = first;
  for (let waitedFor = 0; state.status === 'pending' && waitedFor < wait; waitedFor += LOOK_EVERY) {
    if (waitedFor % TELL_EVERY === 0 && (typeof progressToken === 'string' || typeof progressToken === 'number')) {
      const message = `Waiting for an operator to approve the call (${state.id}).`;
      context.notify('notifications/progress', { progressToken, progress: waitedFor / 1_000, total: wait / 1_000, message });
    }
    await paused(Math.min(LOOK_EVERY, wait - waitedFor), context.signal);
    state = await approvals.look(state.id);
  }
  return state;
}

async function paused(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(signal.reason);
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener('abort', gone, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', gone);
  }
}

function refused({ id, status, reason }: ApprovalState, { tool, expires }: OperatorCall): Wire {
  const why = reason === undefined ? '' : ` The operator says: ${reason}`;
  const minutes = Math.round(expires / 60_000);
  switch (status) {
    case 'denied':
      return notMade({
        status,
        id,
        text: `The tool ${tool} was not called: an operator has refused it.${why} Do not try it again in the same way.`,
      });
    case 'expired':
      return notMade({
        status,
        id,
        text: `The tool ${tool} was not called: nobody approved it within ${minutes} minutes. Call it again to ask again.`,
      });
    case 'used':
      return notMade({
        status,
        id,
        text: `The tool ${tool} was not called: another request of yours used the approval. Call it again to ask again.`,
      });
    default:
      return notMade({
        status: 'pending',
        id,
        text: `The tool ${tool} was not called yet: it waits for an operator (${id}). Call it again with the same arguments once it is approved.`,
      });
  }
}
