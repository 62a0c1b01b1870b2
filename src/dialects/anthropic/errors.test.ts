import { describe, expect, it } from 'vitest';
import { type ErrorCode, GatewayError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import { anthropic } from './index.ts';

const read = (status: number, type: string, headers: HeadersInit = {}) =>
  anthropic.readError(status, { type: 'error', error: { type, message: 'In their words.' }, request_id: 'r' }, new Headers(headers));

describe('an error of Anthropic read', () => {
  it.each([
    [400, 'invalid_request_error', 'upstream_rejected', 400],
    [401, 'authentication_error', 'upstream_credential', 502],
    [402, 'billing_error', 'upstream_credential', 502],
    [403, 'permission_error', 'upstream_credential', 502],
    [404, 'not_found_error', 'upstream_rejected', 404],
    [413, 'request_too_large', 'upstream_rejected', 413],
    [429, 'rate_limit_error', 'upstream_rate_limited', 429],
    [500, 'api_error', 'upstream_error', 502],
    [503, 'api_error', 'upstream_overloaded', 503],
    [529, 'overloaded_error', 'upstream_overloaded', 503],
    [500, 'overloaded_error', 'upstream_overloaded', 503],
  ])('%i %s is %s', (status, type, code, own) => {
    expect(read(status, type)).toMatchObject({ code, status: own, message: 'In their words.', details: { vendorType: type } });
  });

  it.each([
    [undefined, 'The provider answered with status 418.'],
    [null, 'The provider answered with status 418.'],
    ['Teapot', 'Teapot'],
    [{ error: 'Teapot' }, 'Teapot'],
    [{ message: 'Teapot' }, 'Teapot'],
    [{ detail: 'Teapot' }, 'Teapot'],
    [{ error: { message: 'Teapot' } }, 'Teapot'],
    [{ error: { message: 5 } }, 'The provider answered with status 418.'],
  ])('takes the message out of %j', (body: Json | undefined, message) => {
    expect(anthropic.readError(418, body, new Headers())).toMatchObject({ code: 'upstream_rejected', status: 418, message });
  });

  it.each([
    ['7', 7],
    ['0.5', 0.5],
    ['99999', undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['Wed, 21 Oct 2026 07:28:10 GMT', 10],
    ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
  ])('waits by `retry-after: %s`', (value, seconds) => {
    const error = read(429, 'rate_limit_error', { 'retry-after': value, date: 'Wed, 21 Oct 2026 07:28:00 GMT' });
    expect(error.details.retryAfter).toBe(seconds);
  });
});

describe('an error written for Anthropic', () => {
  it.each(['budget_exceeded', 'run_stopped'] as const)('that nobody should ask again after is one of billing: %s', (code) => {
    const { status, body } = anthropic.writeError(new GatewayError(code, 'No room.'), 'req_1');
    expect([status, body]).toEqual([
      402,
      { type: 'error', error: { type: 'billing_error', message: 'No room.', code }, request_id: 'req_1' },
    ]);
  });

  it.each([
    ['invalid_request', 400, 'invalid_request_error'],
    ['missing_key', 401, 'authentication_error'],
    ['not_allowed', 403, 'permission_error'],
    ['model_not_found', 404, 'not_found_error'],
    ['method_not_allowed', 405, 'invalid_request_error'],
    ['request_too_large', 413, 'request_too_large'],
    ['rate_limited', 429, 'rate_limit_error'],
    ['overloaded', 503, 'overloaded_error'],
    ['provider_key_missing', 503, 'api_error'],
    ['upstream_timeout', 504, 'timeout_error'],
    ['upstream_credential', 502, 'api_error'],
    ['internal', 500, 'api_error'],
  ] satisfies [ErrorCode, number, string][])('%s is %i %s', (code, status, type) => {
    const error = new GatewayError(code, 'Do this.');
    const body = { type: 'error', error: { type, message: 'Do this.', code }, request_id: 'req_1' };
    expect(anthropic.writeError(error, 'req_1')).toEqual({ status, body });
    expect(anthropic.errorFrame(error, 'req_1')).toBe(`event: error\ndata: ${JSON.stringify(body)}\n\n`);
  });

  it("keeps the provider's own status, message and type where the request is at fault", () => {
    const { status, body } = anthropic.writeError(read(422, 'conflict_error'), 'req_1');
    expect(status).toBe(422);
    expect(body).toMatchObject({ error: { type: 'conflict_error', message: 'In their words.' } });
    expect(anthropic.writeError(read(400, 'odd'), 'req_1').body).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(anthropic.writeError(read(401, 'authentication_error'), 'req_1').body).toMatchObject({ error: { type: 'api_error' } });
  });
});
