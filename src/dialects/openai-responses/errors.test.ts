import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { openaiResponses } from './index.ts';

const read = (status: number, body: Parameters<typeof openaiResponses.readError>[1], headers = {}) =>
  openaiResponses.readError(status, body, new Headers(headers));

describe('errors of a provider', () => {
  it('keep its words and the field', () => {
    const error = { message: 'Unsupported parameter: temperature.', type: 'invalid_request_error', param: 'temperature', code: null };
    expect(read(400, { error })).toMatchObject({
      code: 'upstream_rejected',
      message: error.message,
      details: { status: 400, param: 'temperature', vendorType: 'invalid_request_error' },
    });
    expect(read(422, { detail: [{ loc: ['body', 'input'], msg: 'missing' }] })).toMatchObject({ message: 'body.input: missing' });
    expect(read(502, '<html>')).toMatchObject({ code: 'upstream_error', message: 'The provider answered with status 502.' });
  });

  it('say when to come back, and when not to', () => {
    expect(read(429, { error: { message: 'Slow.', code: 'rate_limit_exceeded' } }, { 'retry-after': '3' })).toMatchObject({
      code: 'upstream_rate_limited',
      retryable: true,
      details: { retryAfter: 3 },
    });
    expect(read(429, { error: { message: 'Spent.', code: 'insufficient_quota' } }).retryable).toBe(false);
  });

  it('show no key', () => {
    const { code, message } = read(401, { error: { message: 'Incorrect API key provided: sk-proj-************abcd1234.' } });
    expect(code).toBe('upstream_credential');
    expect(message).not.toContain('sk-proj');
  });
});

it('errors of the gateway are in the form that SDKs of OpenAI read', () => {
  const error = new GatewayError('invalid_request', '`input` must be a string.', { param: 'input' });
  expect(openaiResponses.writeError(error, 'req_1')).toEqual({
    status: 400,
    body: {
      error: { message: '`input` must be a string.', type: 'invalid_request_error', param: 'input', code: 'invalid_request' },
      request_id: 'req_1',
    },
  });
});
