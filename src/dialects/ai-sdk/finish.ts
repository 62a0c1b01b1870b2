import type { ChatChunk, FinishReason } from '../../core/chat.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { WEIR } from './fields.ts';

type Finish = Extract<ChatChunk, { readonly type: 'finish' }>;

const UNIFIED: { readonly [reason in FinishReason]: string } = {
  stop: 'stop',
  'stop-sequence': 'stop',
  length: 'length',
  'context-window': 'length',
  'tool-calls': 'tool-calls',
  'content-filter': 'content-filter',
  refusal: 'content-filter',
  // The SDK's own provider of the vendor that pauses says so too.
  pause: 'stop',
  error: 'error',
  other: 'other',
};

const isReason = (word: string): word is FinishReason => Object.hasOwn(UNIFIED, word);

/** Why an answer ended: a word for all vendors, and the vendor's own. */
export function writeFinish({ reason, vendor, stopSequence }: Omit<Finish, 'choice' | 'type'>): JsonObject {
  return {
    finishReason: { unified: UNIFIED[reason], raw: vendor ?? reason },
    ...(stopSequence !== undefined && { providerMetadata: { [WEIR]: { stopSequence } } }),
  };
}

/** A word that is the gateway's own says more than the unified one; `interrupted` is none of an answer that ended. */
export function readFinish(value: Json | undefined, metadata: Json | undefined): Finish {
  const finish = isObject(value) ? value : { unified: value };
  const unified = asString(finish.unified) ?? 'other';
  const raw = asString(finish.raw);
  const weir = isObject(metadata) && isObject(metadata[WEIR]) ? metadata[WEIR] : {};
  const stopSequence = asString(weir.stopSequence);
  const common = { type: 'finish' as const, choice: 0, ...(stopSequence !== undefined && { stopSequence }) };
  if (raw !== undefined && isReason(raw) && UNIFIED[raw] === unified) return { ...common, reason: raw };
  const reason = isReason(unified) ? unified : unified === 'interrupted' ? 'error' : 'other';
  return { ...common, reason, ...(raw !== undefined && { vendor: raw }) };
}
