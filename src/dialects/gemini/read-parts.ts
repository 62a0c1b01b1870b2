import type { Part, Signed } from '../../core/chat.ts';
import { invalid, optionalObject, optionalString, present, requiredObject, requiredString, rest } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { CallLedger } from './call-ids.ts';
import { camelKeys, extraOf, ID, optionalList, optionalMessage } from './fields.ts';
import { readFileData, readInlineData } from './media.ts';
import { OWN, readHidden, readThoughtSignature } from './thought.ts';
import { readToolResponse } from './tool-response.ts';

/** The parts of a content. Source: https://ai.google.dev/api/caching#Part */
export function readParts(value: Json | undefined, at: string, ledger: CallLedger): readonly Part[] {
  const parts: Part[] = [];
  for (const [index, part] of (optionalList(value, at) ?? []).entries()) {
    // Google's own libraries take a bare string for a text.
    if (typeof part === 'string') parts.push({ type: 'text', text: part });
    else if (isObject(part)) readRiding(parts, camelKeys(part), part, `${at}[${index}]`, ledger);
    else throw invalid(`${at}[${index}]`, 'a part');
  }
  return parts;
}

/** A part, and before it the hidden reasoning that rides on it. */
function readRiding(parts: Part[], part: JsonObject, came: JsonObject, at: string, ledger: CallLedger): void {
  const hidden = readHidden(part.thoughtSignature);
  const { thoughtSignature: _, ...alone } = part;
  parts.push(...(hidden ?? []));
  if (hidden === undefined) add(parts, readPart(part, came, at, ledger));
  else if (alone.text !== '') add(parts, readPart(alone, alone, at, ledger));
}

/** Takes a part into the list, or into the last of it. */
function add(parts: Part[], part: Part): void {
  const whole = wholeOf(parts.at(-1), part);
  if (whole === undefined) parts.push(part);
  else parts[parts.length - 1] = whole;
}

/**
 * The one part that two are. In streams a thought comes in pieces, its signature last and on a part without text, and so
 * does that of a text: clients keep the pieces as they came.
 */
export function wholeOf(last: Part | undefined, next: Part): Part | undefined {
  if (last?.type === 'thinking') {
    return next.type === 'thinking' && last.signature === undefined ? { ...next, text: last.text + next.text } : undefined;
  }
  if (last?.type !== 'text' || last.signature !== undefined || last.text === '') return undefined;
  return next.type === 'redacted-thinking' && next.issuer === OWN ? { ...last, signature: next.data, issuer: OWN } : undefined;
}

function readPart(part: JsonObject, came: JsonObject, at: string, ledger: CallLedger): Part {
  for (const [kind, read] of readers) {
    if (part[kind] === undefined || part[kind] === null) continue;
    return read(part, `${at}.${kind}`, ledger) ?? { type: 'raw', dialect: ID, value: came };
  }
  return { type: 'raw', dialect: ID, value: came };
}

/** One reader a kind of part; `undefined` where it says something that the canonical form has no place for. */
type PartReader = (part: JsonObject, at: string, ledger: CallLedger) => Part | undefined;

const readers: readonly (readonly [kind: string, read: PartReader])[] = [
  ['functionCall', readFunctionCall],
  ['functionResponse', readFunctionResponse],
  ['inlineData', (part, at) => readInlineData(requiredObject(part.inlineData, at), rest(part, ['inlineData', 'thought']), at)],
  ['fileData', (part, at) => readFileData(requiredObject(part.fileData, at), rest(part, ['fileData', 'thought']), at)],
  ['text', readText],
];

function carried(part: JsonObject, at: string): Required<Signed> | undefined {
  const text = optionalString(part.thoughtSignature, at.replace(/[^.]+$/, 'thoughtSignature'));
  return text === undefined || text === '' ? undefined : readThoughtSignature(text);
}

const signed = (signature: Required<Signed> | undefined) =>
  signature === undefined ? {} : { signature: signature.signature, issuer: signature.issuer };

const TEXT_FIELDS = ['text', 'thought', 'thoughtSignature'];

function readText(part: JsonObject, at: string): Part | undefined {
  const text = requiredString(part.text, at);
  const signature = carried(part, at);
  const left = rest(part, TEXT_FIELDS);
  if (signature !== undefined && text === '' && part.thought !== true) {
    return { type: 'redacted-thinking', data: signature.signature, issuer: signature.issuer };
  }
  if (part.thought !== true) return { type: 'text', text, ...signed(signature), ...extraOf(left) };
  return left === undefined ? { type: 'thinking', text, ...signed(signature) } : undefined;
}

function readFunctionCall(part: JsonObject, at: string, ledger: CallLedger): Part {
  const call = optionalMessage(part.functionCall, at) ?? {};
  const name = requiredString(call.name, `${at}.name`);
  const left = { ...rest(part, ['functionCall', 'thoughtSignature', 'thought']), ...rest(call, ['id', 'name', 'args']) };
  return {
    type: 'tool-call',
    id: ledger.call(optionalString(call.id, `${at}.id`), name),
    name,
    input: JSON.stringify(optionalObject(call.args, `${at}.args`) ?? {}),
    ...signed(carried(part, at)),
    ...extraOf(Object.keys(left).length === 0 ? undefined : left),
  };
}

function readFunctionResponse(part: JsonObject, at: string, ledger: CallLedger): Part {
  const answer = optionalMessage(part.functionResponse, at) ?? {};
  const name = asString(answer.name) ?? '';
  const { id, isKnown } = ledger.answer(optionalString(answer.id, `${at}.id`), name);
  const { texts, isError } = readToolResponse(answer.response);
  const left = {
    ...rest(part, ['functionResponse']),
    ...rest(answer, ['id', 'name', 'response', 'parts']),
    // The name says which call is answered, unless there is no such call.
    ...(isKnown || name === '' ? {} : { name }),
  };
  return {
    type: 'tool-result',
    callId: id,
    content: [
      ...texts.map((text): Part => ({ type: 'text', text })),
      ...(optionalList(answer.parts, `${at}.parts`) ?? []).map((media, index) => readMedia(media, `${at}.parts[${index}]`)),
    ],
    ...present({ isError: isError || undefined }),
    ...extraOf(Object.keys(left).length === 0 ? undefined : left),
  };
}

/** Pictures and files that a function answered with. */
function readMedia(value: Json, at: string): Part {
  const part = optionalMessage(value, at) ?? {};
  const read = isObject(part.inlineData)
    ? readInlineData(part.inlineData, rest(part, ['inlineData']), `${at}.inlineData`)
    : isObject(part.fileData)
      ? readFileData(part.fileData, rest(part, ['fileData']), `${at}.fileData`)
      : undefined;
  return read ?? { type: 'raw', dialect: ID, value };
}
