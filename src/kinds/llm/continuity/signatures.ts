import type { LlmCall } from '../../../core/call.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Plan } from '../../../core/plan.ts';
import type { KeptEntry } from '../../../core/ports.ts';
import type { Keeper } from './keeper.ts';
import { type Naming, restoreTurns, type SignedTurn, TurnListener, turnAsJson, turnOfJson, unsignedTurns } from './signed-turn.ts';

const KIND = 'turn';
/** Turns that are looked up at most; the vendors that want signatures back want those of the latest turns. */
const TURNS = 90;

/**
 * Dialects whose documented messages hold reasoning and its signature, so that every client of theirs that keeps its
 * history sends it back. Clients of all others build messages from text and tool calls alone.
 */
const HAVE_PLACE: ReadonlySet<string> = new Set(['anthropic', 'openai-responses', 'gemini', 'bedrock', 'ai-sdk-gateway']);

/** Dialects whose tool calls have no ids that every client sends back. */
const NAMELESS: ReadonlySet<string> = new Set(['ollama']);

const namingIn = (call: LlmCall): Naming => ({ byId: !NAMELESS.has(call.dialect.id) });

export const forgetsSignatures = (dialect: string): boolean => !HAVE_PLACE.has(dialect);

/**
 * The call with the signed parts of its history that its caller's dialect has no place for. Costs nothing without tool
 * calls in the history; what cannot be looked up stays away, as if it had never been kept.
 */
export async function withSignatures(call: LlmCall, exchange: Exchange): Promise<LlmCall> {
  const { continuity } = exchange.ports;
  if (continuity === undefined || !forgetsSignatures(call.dialect.id)) return call;
  const naming = namingIn(call);
  const keys = unsignedTurns(call.chat(), naming).slice(0, TURNS);
  if (keys.length === 0) return call;
  try {
    const turns = new Map<string, SignedTurn>();
    for (const [key, value] of await continuity.get(exchange.who.principal, KIND, keys)) {
      const turn = turnOfJson(value);
      if (turn !== undefined) turns.set(key, turn);
    }
    const chat = restoreTurns(call.chat(), turns, naming);
    return chat === call.chat() ? call : call.withChat(chat);
  } catch (thrown) {
    exchange.note('continuity.read', GatewayError.from(thrown).message);
    return call;
  }
}

/** Remembers the signed parts of an answer's turn with tool calls: the next call must bring them back. */
export function signatureKeeper(call: LlmCall, exchange: Exchange, plan: Plan): Keeper | undefined {
  const { continuity, clock } = exchange.ports;
  const { state } = plan;
  if (continuity === undefined || !forgetsSignatures(call.dialect.id) || state.signatures === 0) return undefined;
  const listener = new TurnListener(call.chat(), namingIn(call));
  return {
    hear: (chunk) => listener.hear(chunk),
    settle() {
      const expiresAt = clock.now() + state.signatures;
      const entries = [...listener.turns()].map(([id, turn]): KeptEntry => ({ kind: KIND, id, value: turnAsJson(turn), expiresAt }));
      if (entries.length === 0) return undefined;
      return continuity.put(exchange.who.principal, entries, state).catch((thrown: unknown) => {
        exchange.note('continuity.write', GatewayError.from(thrown).message);
      });
    },
  };
}
