import { expect, it } from 'vitest';
import { GatewayError } from '../errors.ts';
import { readError } from '../vendor-error.ts';
import { refusalOf } from './refusals.ts';

const rejected = (message: string, vendorCode?: string) =>
  new GatewayError('upstream_rejected', message, { status: 400, ...(vendorCode === undefined ? {} : { vendorCode }) });

it.each([
  [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    'context_length_exceeded',
    'context-window',
  ],
  ['prompt is too long: 210000 tokens > 200000 maximum', undefined, 'context-window'],
  ['The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).', undefined, 'context-window'],
  ['Input is too long for requested model.', undefined, 'context-window'],
  ["The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", 'content_filter', 'content-policy'],
  ['Output blocked by content filtering policy', undefined, 'content-policy'],
  ['Input was flagged by moderation', undefined, 'content-policy'],
  ['Unknown parameter: foo', 'unknown_parameter', undefined],
  ['max_tokens is too large: 100000', undefined, undefined],
] as const)('%s is %s %s', (message, code, kind) => {
  expect(refusalOf(rejected(message, code))).toBe(kind);
});

it('only a refusal of the call itself is one', () => {
  expect(refusalOf(new GatewayError('upstream_error', 'prompt is too long'))).toBeUndefined();
});

it('what a vendor refuses for its content with 403 says nothing of the credential', () => {
  const read = (message: string) => readError(403, { error: { message } }, new Headers()).code;
  expect(read('Your input was flagged by moderation.')).toBe('upstream_rejected');
  expect(read('The key has no access to this model.')).toBe('upstream_credential');
});
