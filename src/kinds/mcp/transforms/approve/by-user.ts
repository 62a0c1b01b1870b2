import { isObject, type Json } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';
import type { Ask, Client, Question, SourceContext } from '../../sources/source.ts';
import { RpcError } from '../../wire/errors.ts';
import { notMade, type Refusal } from './answers.ts';
import { answered, questioned, type Round, unwrapped, wrapped } from './rounds.ts';

/** A call that its own user is asked about. */
export interface UserCall {
  /** The tool as clients see it. */
  readonly tool: string;
  readonly preview: string;
  readonly message?: string | undefined;
  /** Which of several approvals. */
  readonly of: string;
}

/** Asks the user by way of the client, and makes the call where they say yes. */
export async function byUser(
  call: UserCall,
  round: Round | undefined,
  ask: Ask,
  context: SourceContext,
  make: (ask: Ask) => Promise<Wire>,
): Promise<Wire> {
  const tell = (status: string) => context.call?.note('approval', { by: 'user', status });
  const refuse = (refusal: Refusal) => {
    tell(refusal.status);
    return notMade(refusal);
  };
  if (!canBeAsked(context.client)) {
    const text = `The tool ${call.tool} is only called when its user agrees, and this client cannot ask its user (it has no form elicitation).`;
    return refuse({ status: 'unasked', text });
  }
  if (context.client.era === 'modern') {
    if (round?.is !== 'given') {
      const answer = round === undefined ? undefined : answered(ask);
      if (answer === undefined) return questioned(questionOf(call), call.of);
      if (!isYes(answer)) return refuse(refusalOf(answer, call));
    }
    tell('granted');
    return wrapped(await make(unwrapped(ask, round)), call.of);
  }
  const answer = await asked(call, context);
  if (typeof answer === 'string') return refuse({ status: 'unasked', text: `The tool ${call.tool} was not called: ${answer}` });
  if (!isYes(answer)) return refuse(refusalOf(answer, call));
  tell('granted');
  return make(ask);
}

/** The answer; a text that says why there is none. */
async function asked(call: UserCall, context: SourceContext): Promise<Json> {
  try {
    return await context.ask(questionOf(call));
  } catch (thrown) {
    if (thrown instanceof RpcError) return `its user could not be asked. ${thrown.message}`;
    throw thrown;
  }
}

/** An elicitation by a form without fields: yes and no are the answers that the protocol has for every form. */
function questionOf({ tool, preview, message }: UserCall): Question {
  const text = `${message ?? 'May this tool be called?'}\n\n${tool}\n${preview}`;
  return { method: 'elicitation/create', params: { message: text, requestedSchema: { type: 'object', properties: {} } } };
}

const isYes = (answer: Json): boolean => isObject(answer) && answer.action === 'accept';

const refusalOf = (answer: Json, { tool }: UserCall): Refusal =>
  isObject(answer) && answer.action === 'decline'
    ? { status: 'denied', text: `The tool ${tool} was not called: its user has said no. Do not try it again in the same way.` }
    : { status: 'cancelled', text: `The tool ${tool} was not called: its user was asked and has neither said yes nor no.` };

/** 2025-11-25 has forms and addresses apart; who says neither has forms. */
function canBeAsked({ capabilities }: Client): boolean {
  const { elicitation } = capabilities;
  return isObject(elicitation) && (isObject(elicitation.form) || !isObject(elicitation.url));
}
