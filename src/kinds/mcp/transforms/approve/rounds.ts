import { isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import type { Ask, Question } from '../../sources/source.ts';
import { textOf } from '../../wire/message.ts';

// A modern client is answered with a question and comes back with the answer and with what it was given to keep
// (`requestState`). The gateway seals that for the caller and for this very request: what stands in it is its own word.

/** Under which the client's answer comes back. */
const KEY = 'weir/approval';

/** What was kept of an approval while its client was away: whether somebody was asked, or has said yes. */
export interface Round {
  readonly is: 'asked' | 'given';
  /** Whose it is: a source may stand behind several approvals. */
  readonly of: string;
  /** Of what an operator has granted: it is good for going on once. */
  readonly id?: string;
  readonly claim?: string;
  /** The state of what stands behind, which it wants back. */
  readonly inner?: string;
}

export function roundOf({ params }: Ask, of: string): Round | undefined {
  const state = textOf(params, 'requestState');
  const said = state === undefined ? undefined : parseJson(state);
  const round = isObject(said) ? said.weirApproval : undefined;
  if (!isObject(round) || round.of !== of || (round.is !== 'asked' && round.is !== 'given')) return undefined;
  const texts = Object.fromEntries(
    (['id', 'claim', 'inner'] as const).flatMap((name) => (typeof round[name] === 'string' ? [[name, round[name]]] : [])),
  );
  return { is: round.is, of, ...texts };
}

const written = (round: Round): string => JSON.stringify({ weirApproval: { ...round } });

/** The question as a modern client gets it. */
export const questioned = (question: Question, of: string): Wire =>
  Wire.of({
    resultType: 'input_required',
    inputRequests: { [KEY]: { method: question.method, params: question.params } },
    requestState: written({ is: 'asked', of }),
  });

/** What the client answered. */
export function answered({ params }: Ask): Json | undefined {
  const answers = params.fields.get('inputResponses');
  return isObject(answers) ? answers[KEY] : undefined;
}

/** The request as it goes on: with the state of what stands behind, and without what was only between gateway and client. */
export function unwrapped(ask: Ask, round: Round | undefined): Ask {
  if (round === undefined) return ask;
  const answers = ask.params.fields.get('inputResponses');
  const { [KEY]: _, ...rest }: JsonObject = isObject(answers) ? answers : {};
  const inputResponses = Object.keys(rest).length === 0 ? undefined : rest;
  return { ...ask, params: ask.params.with({ requestState: round.inner, inputResponses }) };
}

/** A result that asks back again: the client must bring the yes with it the next time too. */
export function wrapped(result: Wire, of: string, granted: Pick<Round, 'id' | 'claim'> = {}): Wire {
  if (textOf(result, 'resultType') !== 'input_required') return result;
  const inner = textOf(result, 'requestState');
  return result.with({ requestState: written({ ...granted, is: 'given', of, ...(inner === undefined ? {} : { inner }) }) });
}
