import type { GatewayError } from '../errors.ts';
import type { RefusalKind } from '../plan.ts';

/**
 * What kind of refusal of the call itself an error is, where another target may not share it: its window is longer, or
 * its rules are others. Vendors say it by codes (OpenAI, Azure, Mistral) or in words (Anthropic, Gemini, Bedrock).
 */
export function refusalOf({ code, message, details }: GatewayError): RefusalKind | undefined {
  if (code !== 'upstream_rejected') return undefined;
  const said = `${details.vendorCode ?? ''} ${details.vendorType ?? ''}`.toLowerCase();
  // Messages of vendors are bounded, and looked at for fixed words only.
  const words = message.toLowerCase();
  if (WINDOW.some((sign) => said.includes(sign)) || WINDOW_WORDS.some((sign) => words.includes(sign))) return 'context-window';
  if (refusesContent(`${said} ${words}`)) return 'content-policy';
  return undefined;
}

/** Whether a vendor's words say that it refuses the content, whatever the status: some say so with 403. */
export const refusesContent = (said: string): boolean => {
  const words = said.toLowerCase();
  return [...CONTENT, ...CONTENT_WORDS, ...MODERATION_WORDS].some((sign) => words.includes(sign));
};

const WINDOW = ['context_length_exceeded', 'context_window', 'string_above_max_length', 'request_too_large'];
const WINDOW_WORDS = [
  'prompt is too long',
  'context length',
  'context window',
  'maximum context',
  'input is too long',
  'input token count',
  'too many input tokens',
  'exceeds the maximum number of tokens',
  'exceed context limit',
];
const CONTENT = ['content_filter', 'content_policy_violation', 'responsibleaipolicyviolation', 'moderation_blocked', 'content_policy'];
const CONTENT_WORDS = ['content management policy', 'content policy', 'usage policies', 'safety system', 'blocked by content filtering'];
/** OpenRouter's, which answers 403: https://openrouter.ai/docs/api-reference/errors */
const MODERATION_WORDS = ['flagged', 'moderation'];
