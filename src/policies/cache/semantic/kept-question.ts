import { asNumber, asString, isObject, parseJson } from '../../../core/json.ts';

/** What the index keeps with the direction of a question. */
export interface KeptQuestion {
  readonly text: string;
  /** The request that asked it. */
  readonly request: string;
  /** Milliseconds since the epoch: when its answer was whole. */
  readonly at: number;
}

/** Bytes that an index takes with a vector. */
const MOST_BYTES = 4_096;
const encoder = new TextEncoder();

/** `undefined` where it is too long to be kept. */
export function writeQuestion({ text, request, at }: KeptQuestion): string | undefined {
  const data = JSON.stringify({ text, request, at });
  return encoder.encode(data).length <= MOST_BYTES ? data : undefined;
}

/** `undefined` for what another version has written. */
export function readQuestion(data: string): KeptQuestion | undefined {
  const value = parseJson(data);
  if (!isObject(value)) return undefined;
  const [text, request, at] = [asString(value.text), asString(value.request), asNumber(value.at)];
  return text === undefined || request === undefined || at === undefined ? undefined : { text, request, at };
}
