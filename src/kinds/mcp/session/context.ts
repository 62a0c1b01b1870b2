import type { SessionInstruments } from '../../../core/session.ts';
import type { Client, SourceContext } from '../sources/source.ts';
import { codes, RpcError, UNANSWERED } from '../wire/errors.ts';
import type { SessionAsk } from './ask.ts';
import type { Note } from './noted.ts';

/** A request inside of a session, as sources see it: nobody hears what they tell, and nobody can be asked. */
export const contextOf = (
  { requestId, route, who, attribution, principal, caller, token, trace }: SessionAsk,
  client: Client,
  signal: AbortSignal,
  { ports, chat }: SessionInstruments,
  note: Note = () => undefined,
): SourceContext => ({
  call: {
    ...{ requestId, route, who, ports, note },
    chat: (body, left) => chat({ who, headers: attribution, body, signal: left }),
  },
  client,
  principal,
  caller,
  token,
  signal,
  trace,
  notify: () => undefined,
  ask: () => Promise.reject(new RpcError(codes.internal, 'The client cannot be asked here.', UNANSWERED)),
});
