import { estimateTokens } from '../../../../core/estimate.ts';
import { isArray, isObject, type Json, parseJson } from '../../../../core/json.ts';
import { MEDIA_TOKENS } from '../../limits/margins.ts';

/** Over an estimate of text, whose vocabulary is not known. */
const HEADROOM = 1.25;
/** Tokens of a second that is heard, and of one that is spoken: https://platform.openai.com/docs/guides/realtime-costs */
const HEARD = 10;
const SPOKEN = 20;
/** Bytes of base64 for each byte. */
const BASE64 = 4 / 3;

/** Bytes of a second of a session's audio: 8,000 of G.711, and of 16 bits no fewer than 32,000. */
export const SPARSE = 8_000;
export const DENSE = 32_000;

/** Tokens that a caller's frame may add to a conversation, no fewer than it does. */
export function tokensAsked(frame: string | ArrayBuffer, bytesPerSecond: number): number {
  if (typeof frame !== 'string') return Math.ceil((frame.byteLength / bytesPerSecond) * HEARD);
  const event = parseJson(frame);
  return Math.ceil(tokensIn(event ?? null, bytesPerSecond));
}

/** `audio` is base64 wherever it stands, `image_url` a picture; all else is text. */
function tokensIn(value: Json, bytesPerSecond: number): number {
  if (typeof value === 'string') return estimateTokens(value) * HEADROOM;
  if (isArray(value)) return value.reduce<number>((sum, each) => sum + tokensIn(each, bytesPerSecond), 0);
  if (!isObject(value)) return value === null ? 0 : 1;
  let tokens = 0;
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue;
    if (name === 'audio' && typeof each === 'string') tokens += (each.length / BASE64 / bytesPerSecond) * HEARD;
    else if (name === 'image_url') tokens += MEDIA_TOKENS;
    else tokens += estimateTokens(name) + tokensIn(each, bytesPerSecond);
  }
  return tokens;
}

/** Tokens of a piece of an answer. */
export function tokensSaid(delta: string, isAudio: boolean, bytesPerSecond: number): number {
  return isAudio ? (delta.length / BASE64 / bytesPerSecond) * SPOKEN : estimateTokens(delta);
}
