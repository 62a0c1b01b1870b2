import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import rateLimit from '../fixtures/gemini-429-retry-info.json';
import { gemini } from './index.ts';

const none = new Headers();
const status = (code: number, word: string, details: JsonObject[] = []) => ({ error: { code, message: 'Said.', status: word, details } });

describe("a provider's errors", () => {
  it('say when to come again', () => {
    expect(gemini.readError(429, rateLimit, none)).toMatchObject({
      code: 'upstream_rate_limited',
      message: 'You exceeded your current quota, please check your plan.',
      details: { retryAfter: 34.4, vendorType: 'RESOURCE_EXHAUSTED' },
    });
    expect(gemini.readError(429, [rateLimit], new Headers({ 'retry-after': '2' })).details.retryAfter).toBe(2);
  });

  it.each([
    [400, 'INVALID_ARGUMENT', 'upstream_rejected'],
    [404, 'NOT_FOUND', 'upstream_rejected'],
    [403, 'PERMISSION_DENIED', 'upstream_credential'],
    [500, 'INTERNAL', 'upstream_error'],
    [503, 'UNAVAILABLE', 'upstream_overloaded'],
    [504, 'DEADLINE_EXCEEDED', 'upstream_timeout'],
  ])('of status %i, %s, are %s', (code, word, expected) => {
    expect(gemini.readError(code, status(code, word), none).code).toBe(expected);
  });

  it('are the operator’s where the key is not valid, whatever the status', () => {
    const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' };
    expect(gemini.readError(400, status(400, 'INVALID_ARGUMENT', [info]), none).code).toBe('upstream_credential');
    expect(gemini.readError(401, { error: { message: 'Bad key AIzaSyA1234567890abcdef' } }, none).message).not.toContain('AIza');
  });
});

describe("the gateway's errors", () => {
  it('are google.rpc.Status, with what clients script against in its details', () => {
    const error = new GatewayError('rate_limited', 'Slow down.', { retryAfter: 7, param: 'x' });
    expect(gemini.writeError(error, 'req_1')).toEqual({
      status: 429,
      body: {
        error: {
          code: 429,
          message: 'Slow down.',
          status: 'RESOURCE_EXHAUSTED',
          details: [
            { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'rate_limited', domain: 'weir' },
            { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId: 'req_1' },
            { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: 'x', description: 'Slow down.' }] },
            { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7s' },
          ],
        },
      },
    });
  });

  it("keep the vendor's word for what is wrong with the call, and not for what is not", () => {
    const word = (error: GatewayError) => JSON.stringify(gemini.writeError(error, 'r').body);
    expect(word(gemini.readError(400, status(400, 'FAILED_PRECONDITION'), none))).toContain('"FAILED_PRECONDITION"');
    expect(word(new GatewayError('upstream_rejected', 'No.', { status: 400, vendorType: 'invalid_request_error' }))).toContain(
      '"INVALID_ARGUMENT"',
    );
  });
});
