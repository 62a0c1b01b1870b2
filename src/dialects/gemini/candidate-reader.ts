import type { ChatChunk, Signed } from '../../core/chat.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ArgumentsText } from './args.ts';
import { madeId } from './call-ids.ts';
import { ID } from './fields.ts';
import { type Candidate, type Reading, raws } from './reading.ts';
import { type Hidden, OWN, readHidden, readThoughtSignature } from './thought.ts';

type Chunks = readonly ChatChunk[];

export const newCandidate = (): Candidate => ({ open: undefined, streamed: undefined, hasCalls: false, word: undefined });

const READ = new Set(['index', 'content', 'finishReason']);

export function readCandidate(reading: Reading, choice: number, candidate: Candidate, event: JsonObject): Chunks {
  const content = isObject(event.content) ? event.content : {};
  const parts = isArray(content.parts) ? content.parts.filter(isObject) : [];
  const chunks = parts.flatMap((part) => readPart({ reading, choice, candidate }, part));
  candidate.word = asString(event.finishReason) ?? candidate.word;
  const grounding = isObject(event.groundingMetadata) ? event.groundingMetadata : {};
  if (isArray(grounding.webSearchQueries)) reading.searches = Math.max(reading.searches, grounding.webSearchQueries.length);
  return [...chunks, ...raws(reading, event, READ, ['candidates', String(choice)], '')];
}

/** What is said when a candidate is over: the end of arguments that were still coming. */
export const endCandidate = (choice: number, candidate: Candidate): Chunks => closeCall(choice, candidate);

interface Place {
  readonly reading: Reading;
  readonly choice: number;
  readonly candidate: Candidate;
}

function readPart(place: Place, part: JsonObject): Chunks {
  const riding = readHidden(part.thoughtSignature);
  if (riding !== undefined) {
    const { thoughtSignature: _, ...alone } = part;
    return [...riding.flatMap((each) => readRiding(place, each)), ...(alone.text === '' ? [] : readPart(place, alone))];
  }
  if (isObject(part.functionCall)) return readCall(place, part, part.functionCall);
  if (typeof part.text === 'string' && !hasMore(part)) return readText(place, part, part.text);
  const { reading, choice, candidate } = place;
  const closed = closeCall(choice, candidate);
  candidate.open = undefined;
  const name = Object.keys(part).find((key) => !BESIDE.has(key)) ?? 'part';
  return [...closed, { type: 'raw', dialect: ID, name, value: { choice, part: reading.parts++, content: part } }];
}

const BESIDE = new Set(['thought', 'thoughtSignature']);
const TEXT_FIELDS = new Set(['text', ...BESIDE]);

const hasMore = (part: JsonObject) => Object.keys(part).some((key) => !TEXT_FIELDS.has(key));

const signature = (place: Place, part: number, value: Json | undefined): Chunks => {
  if (typeof value !== 'string' || value === '') return [];
  const { signature: text, issuer } = readThoughtSignature(value);
  return [{ type: 'signature', part, choice: place.choice, signature: text, issuer }];
};

function readText(place: Place, part: JsonObject, text: string): Chunks {
  const { reading, choice, candidate } = place;
  const { thoughtSignature } = part;
  const type = part.thought === true ? 'thinking' : 'text';
  const signed = typeof thoughtSignature === 'string' && thoughtSignature !== '';
  if (text === '' && !signed) return [];
  const continued = candidate.open?.type === type ? candidate.open : undefined;
  if (text === '' && signed) {
    if (type === 'text' && continued === undefined) return hidden(place, readThoughtSignature(thoughtSignature));
  }
  const open = continued ?? { type, part: reading.parts++ };
  candidate.open = signed ? undefined : open;
  return [
    ...closeCall(choice, candidate),
    ...(text === '' && continued !== undefined ? [] : [{ type, part: open.part, choice, text } as const]),
    ...signature(place, open.part, thoughtSignature),
  ];
}

/** A signature that belongs to no text: reasoning that stays hidden. */
function hidden({ reading, choice, candidate }: Place, { signature: data, issuer }: Required<Signed>): Chunks {
  candidate.open = undefined;
  return [...closeCall(choice, candidate), { type: 'redacted-thinking', part: reading.parts++, choice, data, issuer }];
}

/** Reasoning of another vendor's model, brought by a gateway that answered in this dialect. */
function readRiding(place: Place, part: Hidden): Chunks {
  const { issuer = OWN } = part;
  if (part.type === 'redacted-thinking') return hidden(place, { signature: part.data, issuer });
  const { reading, choice, candidate } = place;
  candidate.open = undefined;
  const at = reading.parts++;
  return [
    { type: 'thinking', part: at, choice, text: '' },
    { type: 'signature', part: at, choice, signature: part.signature ?? '', issuer },
  ];
}

/** A call comes whole, or begins with its name and goes on without one until it says so no more. */
function readCall(place: Place, part: JsonObject, call: JsonObject): Chunks {
  const { reading, choice, candidate } = place;
  const name = asString(call.name);
  const goesOn = call.willContinue === true;
  const { streamed } = candidate;
  if ((name === undefined || name === '') && streamed !== undefined) {
    const text = streamed.args.add(call.partialArgs);
    return [
      ...(text === '' ? [] : [toolInput(choice, streamed.part, text)]),
      ...signature(place, streamed.part, part.thoughtSignature),
      ...(goesOn ? [] : closeCall(choice, candidate)),
    ];
  }
  // Without a name, and with nothing to continue, there is nothing to call.
  if (name === undefined || name === '') return [];
  const closed = closeCall(choice, candidate);
  const at = reading.parts++;
  const id = asString(call.id) || madeId(reading.seed, ++reading.calls);
  candidate.open = undefined;
  candidate.hasCalls = true;
  const begun: Chunks = [...closed, { type: 'tool-call', part: at, choice, id, name }, ...signature(place, at, part.thoughtSignature)];
  if (!goesOn && call.partialArgs === undefined) return [...begun, toolInput(choice, at, JSON.stringify(call.args ?? {}))];
  const args = new ArgumentsText();
  const text = args.add(call.partialArgs);
  candidate.streamed = { part: at, args };
  return [...begun, ...(text === '' ? [] : [toolInput(choice, at, text)]), ...(goesOn ? [] : closeCall(choice, candidate))];
}

const toolInput = (choice: number, part: number, text: string): ChatChunk => ({ type: 'tool-input', part, choice, text });

function closeCall(choice: number, candidate: Candidate): Chunks {
  const { streamed } = candidate;
  if (streamed === undefined) return [];
  candidate.streamed = undefined;
  const text = streamed.args.close();
  return text === '' ? [] : [toolInput(choice, streamed.part, text)];
}
