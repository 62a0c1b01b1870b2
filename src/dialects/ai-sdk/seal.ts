import type { Issuer } from '../../core/chat.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mergedOptions, WEIR } from './fields.ts';

/**
 * What a vendor wants back with a part. This dialect needs no wrapping: the metadata of a part is kept by provider, so
 * that every signature stands under the name of the family that issued it, as the SDK's own providers have it.
 */
export interface Seal {
  readonly issuer: Issuer;
  readonly signature?: string;
  /** The part is nothing but this: thinking that is hidden. */
  readonly redacted?: string;
}

/** Signatures without a family that is known stand under the gateway's own name. */
export const OWN: Issuer = 'other';

/** Where the SDK's provider of each family keeps a signature. */
const SLOTS: { readonly [issuer in Issuer]: { readonly provider: string; readonly name: string } } = {
  anthropic: { provider: 'anthropic', name: 'signature' },
  gemini: { provider: 'google', name: 'thoughtSignature' },
  openai: { provider: 'openai', name: 'reasoningEncryptedContent' },
  bedrock: { provider: 'bedrock', name: 'signature' },
  other: { provider: WEIR, name: 'signature' },
};

/** The names that each family's providers use, their own first. */
const PROVIDERS: ReadonlyMap<string, Issuer> = new Map([
  ['anthropic', 'anthropic'],
  ['google', 'gemini'],
  ['vertex', 'gemini'],
  ['googleVertex', 'gemini'],
  ['openai', 'openai'],
  ['azure', 'openai'],
  ['bedrock', 'bedrock'],
  ['amazonBedrock', 'bedrock'],
  [WEIR, 'other'],
]);

const REDACTED = 'redactedData';

/** The seal as metadata of a part, or as its options in a call. */
export function sealed({ issuer, signature, redacted }: Seal): JsonObject {
  const { provider, name } = SLOTS[issuer];
  return mergedOptions({ [provider]: redacted === undefined ? { [name]: signature } : { [REDACTED]: redacted } }) ?? {};
}

/** The seal among options or metadata, and what else is there. */
export function takeSeal(options: Json | undefined): { readonly seal?: Seal; readonly left: JsonObject | undefined } {
  if (!isObject(options)) return { left: undefined };
  for (const [provider, issuer] of PROVIDERS) {
    const settings = options[provider];
    if (!isObject(settings)) continue;
    const { name } = SLOTS[issuer];
    const { [name]: signature, [REDACTED]: redacted, ...others } = settings;
    const left = mergedOptions({ ...options, [provider]: others });
    if (typeof redacted === 'string' && redacted !== '') return { seal: { issuer, redacted }, left };
    if (typeof signature === 'string' && signature !== '') return { seal: { issuer, signature }, left };
  }
  return { left: mergedOptions(options) };
}
