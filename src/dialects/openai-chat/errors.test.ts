import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { openaiChat } from './index.ts';

const read = (status: number, body?: Json, headers: { readonly [name: string]: string } = {}) =>
  openaiChat.readError(status, body, new Headers(headers));

describe("a provider's error", () => {
  it("keeps the vendor's words where the caller must act", () => {
    const error = read(400, {
      error: {
        message: "Unsupported parameter: 'max_tokens'",
        type: 'invalid_request_error',
        param: 'max_tokens',
        code: 'unsupported_parameter',
      },
    });
    expect(error).toMatchObject({
      code: 'upstream_rejected',
      status: 400,
      retryable: false,
      message: "Unsupported parameter: 'max_tokens'",
    });
    expect(error.details).toEqual({
      status: 400,
      param: 'max_tokens',
      vendorType: 'invalid_request_error',
      vendorCode: 'unsupported_parameter',
    });
    expect(read(400, { error: { message: 'Too long', code: 'context_length_exceeded' } }).details.vendorCode).toBe(
      'context_length_exceeded',
    );
  });

  it.each([
    [400, 'upstream_rejected', 400, false],
    [401, 'upstream_credential', 502, false],
    [402, 'upstream_rate_limited', 429, false],
    [403, 'upstream_credential', 502, false],
    [404, 'upstream_rejected', 404, false],
    [408, 'upstream_error', 502, true],
    [409, 'upstream_error', 502, true],
    [413, 'upstream_rejected', 413, false],
    [422, 'upstream_rejected', 422, false],
    [429, 'upstream_rate_limited', 429, true],
    [500, 'upstream_error', 502, true],
    [502, 'upstream_error', 502, true],
    [503, 'upstream_overloaded', 503, true],
    [504, 'upstream_error', 502, true],
    [529, 'upstream_overloaded', 503, true],
  ] as const)('of status %i is %s', (given, code, status, retryable) => {
    expect(read(given)).toMatchObject({ code, status, retryable, message: `The provider answered with status ${given}.` });
  });

  it('is not retried where a quota is used up', () => {
    const error = read(
      429,
      { error: { message: 'Quota', type: 'insufficient_quota', code: 'insufficient_quota' } },
      { 'retry-after': '5' },
    );
    expect(error).toMatchObject({ code: 'upstream_rate_limited', retryable: false });
    expect(error.details.retryAfter).toBeUndefined();
  });

  it('does not hand on what it quotes of a key', () => {
    const about = (key: string) =>
      read(401, { error: { message: `Incorrect API key provided: ${key}. See https://platform.openai.com/account.` } });
    for (const key of ['sk-abcd********************wxyz', 'sk-proj-0123456789abcdefghij']) {
      expect(about(key).message).toBe('Incorrect API key provided: ***. See https://platform.openai.com/account.');
      expect(about(key).details).toEqual({});
    }
  });

  it.each<[Json | undefined, string]>([
    ['Plain text', 'Plain text'],
    [{ message: 'Bare' }, 'Bare'],
    [{ error: 'In a string' }, 'In a string'],
    [{ detail: 'FastAPI' }, 'FastAPI'],
    [{ detail: [{ loc: ['body', 'model'], msg: 'field required' }, { msg: 'other' }] }, 'body.model: field required; other'],
    [{ object: 'error', message: { detail: [{ loc: ['body'], msg: 'Mistral' }] } }, 'body: Mistral'],
    [[{ error: { code: 400, message: 'Gemini' } }], 'Gemini'],
    [{ success: false, errors: [{ code: 1, message: 'Cloudflare' }] }, 'Cloudflare'],
    ['<html>secret</html>', 'The provider answered with status 400.'],
    [null, 'The provider answered with status 400.'],
    [undefined, 'The provider answered with status 400.'],
    [[], 'The provider answered with status 400.'],
    [{ error: null }, 'The provider answered with status 400.'],
    [{ error: { message: 7 } }, 'The provider answered with status 400.'],
  ])('is read from %j', (body, message) => {
    expect(read(400, body).message).toBe(message);
  });

  it.each<[{ readonly [name: string]: string }, number | undefined]>([
    [{ 'retry-after': '2' }, 2],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1.5],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:10 GMT', date: 'Wed, 21 Oct 2026 07:28:00 GMT' }, 10],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:10 GMT' }, undefined],
    [{ 'retry-after': '1e9' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'NaN' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ])('says when to try again: %j', (headers, seconds) => {
    expect(read(429, {}, headers).details.retryAfter).toBe(seconds);
    expect(read(503, {}, headers).details.retryAfter).toBe(seconds);
  });
});

describe('an error written for OpenAI chat', () => {
  it.each([
    [
      new GatewayError('invalid_request', 'Bad', { param: 'stop' }),
      400,
      { type: 'invalid_request_error', param: 'stop', code: 'invalid_request' },
    ],
    [new GatewayError('invalid_key', 'Bad'), 401, { type: 'authentication_error', param: null, code: 'invalid_key' }],
    [new GatewayError('not_allowed', 'Bad'), 403, { type: 'permission_error', param: null, code: 'not_allowed' }],
    [new GatewayError('model_not_found', 'Bad'), 404, { type: 'not_found_error', param: null, code: 'model_not_found' }],
    [new GatewayError('request_too_large', 'Bad'), 413, { type: 'invalid_request_error', param: null, code: 'request_too_large' }],
    [new GatewayError('rate_limited', 'Bad'), 429, { type: 'rate_limit_error', param: null, code: 'rate_limited' }],
    [new GatewayError('upstream_timeout', 'Bad'), 504, { type: 'server_error', param: null, code: 'upstream_timeout' }],
    [
      new GatewayError('upstream_rejected', 'Bad', { vendorType: 'BadRequestError', vendorCode: 'context_length_exceeded' }),
      400,
      { type: 'BadRequestError', param: null, code: 'context_length_exceeded' },
    ],
  ])('has the shape that its clients know: %s', (error, status, fields) => {
    const body = { error: { message: 'Bad', ...fields }, request_id: 'req_1' };
    expect(openaiChat.writeError(error, 'req_1')).toEqual({ status, body });
    expect(openaiChat.errorFrame(error, 'req_1')).toBe(`data: ${JSON.stringify(body)}\n\n`);
  });
});
