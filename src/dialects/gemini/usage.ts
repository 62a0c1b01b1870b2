import type { Usage } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** More tokens than any answer can have: a vendor's slip, not a count. */
const MOST_TOKENS = 1e9;

const tokens = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_TOKENS ? value : undefined;

/**
 * Usage of `usageMetadata`; `undefined` while the prompt has not been counted. The prompt includes what was cached, and
 * leaves out what the vendor's own tools fed in; candidates leave out thoughts. Zeros are left out by protobuf's JSON.
 * Source: https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function readUsage(value: Json | undefined, searches?: number): Usage | undefined {
  if (!isObject(value)) return undefined;
  const prompt = tokens(value.promptTokenCount);
  if (prompt === undefined) return undefined;
  const input = prompt + (tokens(value.toolUsePromptTokenCount) ?? 0);
  const reasoning = tokens(value.thoughtsTokenCount);
  const cached = tokens(value.cachedContentTokenCount);
  return {
    input,
    output: outputOf(value, input, reasoning ?? 0),
    ...present({
      cacheRead: cached !== undefined && cached <= input ? cached : undefined,
      reasoning,
      ...modalities(value.promptTokensDetails, 'audioInput', 'imageInput'),
      ...modalities(value.candidatesTokensDetails, 'audioOutput', 'imageOutput'),
      searches: searches === 0 ? undefined : searches,
    }),
  };
}

function outputOf(value: JsonObject, input: number, thoughts: number): number {
  const candidates = tokens(value.candidatesTokenCount);
  const total = tokens(value.totalTokenCount);
  if (candidates === undefined) return Math.max(thoughts, total === undefined ? 0 : total - input);
  // Some of the vendor's lookalikes count thoughts among the candidates; the total tells.
  return total === input + candidates && thoughts <= candidates ? candidates : candidates + thoughts;
}

function modalities(details: Json | undefined, audio: keyof Usage, image: keyof Usage): { readonly [kind: string]: number | undefined } {
  const of = (modality: string) => {
    const found = isArray(details) ? details.find((each) => isObject(each) && asString(each.modality) === modality) : undefined;
    return isObject(found) ? tokens(found.tokenCount) : undefined;
  };
  return { [audio]: of('AUDIO'), [image]: of('IMAGE') };
}

export function writeUsage(usage: Usage, loss: Set<string>): JsonObject {
  const { input, output, cacheRead, cacheWrite, reasoning, audioInput, imageInput, audioOutput, imageOutput } = usage;
  // Clients of this API refuse fields they do not know.
  if ((cacheWrite ?? 0) > 0) loss.add('usage.cache_write');
  return {
    promptTokenCount: input,
    candidatesTokenCount: output - Math.min(output, reasoning ?? 0),
    totalTokenCount: input + output,
    ...present({
      cachedContentTokenCount: cacheRead,
      thoughtsTokenCount: reasoning,
      promptTokensDetails: details(input, audioInput, imageInput),
      candidatesTokensDetails: details(output - (reasoning ?? 0), audioOutput, imageOutput),
    }),
  };
}

function details(all: number, audio: number | undefined, image: number | undefined): Json | undefined {
  if (audio === undefined && image === undefined) return undefined;
  const text = Math.max(0, all - (audio ?? 0) - (image ?? 0));
  const counts = Object.entries({ TEXT: text, AUDIO: audio, IMAGE: image });
  return counts.flatMap(([modality, tokenCount]) => (tokenCount === undefined ? [] : [{ modality, tokenCount }]));
}
