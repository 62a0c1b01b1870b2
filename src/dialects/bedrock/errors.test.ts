import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import { bedrock } from './index.ts';

describe("Bedrock's errors", () => {
  const typed = (type: string) => new Headers({ 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/` });

  it.each([
    ['ThrottlingException', 429, 'upstream_rate_limited', 429],
    ['ServiceQuotaExceededException', 400, 'upstream_rate_limited', 429],
    ['ServiceUnavailableException', 503, 'upstream_overloaded', 503],
    ['ModelNotReadyException', 429, 'upstream_overloaded', 503],
    ['ModelTimeoutException', 408, 'upstream_timeout', 504],
    ['ModelErrorException', 424, 'upstream_error', 502],
    ['InternalServerException', 500, 'upstream_error', 502],
    ['AccessDeniedException', 403, 'upstream_credential', 502],
    ['InvalidSignatureException', 403, 'upstream_credential', 502],
    ['ValidationException', 400, 'upstream_rejected', 400],
    ['ResourceNotFoundException', 404, 'upstream_rejected', 404],
  ])('%s means what it says', (type, status, code, ours) => {
    expect(bedrock.readError(status, { message: 'Why.' }, typed(type))).toMatchObject({
      code,
      status: ours,
      message: 'Why.',
      details: { vendorType: type },
    });
  });

  it('are known by the body too, and by the status where nothing else tells', () => {
    const bare = new Headers();
    expect(bedrock.readError(400, { __type: 'com.amazon#ThrottlingException', Message: 'Slow.' }, bare)).toMatchObject({
      code: 'upstream_rate_limited',
      message: 'Slow.',
    });
    expect(bedrock.readError(400, { message: 'The provided model identifier is invalid.' }, bare)).toMatchObject({
      code: 'upstream_rejected',
      status: 400,
    });
    expect(bedrock.readError(504, '<html>', bare)).toMatchObject({ code: 'upstream_timeout' });
    expect(bedrock.readError(500, undefined, bare).message).toBe('The provider answered with status 500.');
    expect(bedrock.readError(429, {}, new Headers({ 'retry-after': '7' })).details.retryAfter).toBe(7);
  });
});

describe('errors for clients of Bedrock', () => {
  it.each([
    [new GatewayError('invalid_request', 'Bad.'), 400, 'ValidationException'],
    [new GatewayError('invalid_key', 'No.'), 401, 'UnrecognizedClientException'],
    [new GatewayError('not_allowed', 'No.'), 403, 'AccessDeniedException'],
    [new GatewayError('model_not_found', 'None.'), 404, 'ResourceNotFoundException'],
    [new GatewayError('rate_limited', 'Slow.'), 429, 'ThrottlingException'],
    [new GatewayError('overloaded', 'Full.'), 503, 'ServiceUnavailableException'],
    [new GatewayError('upstream_timeout', 'Late.'), 504, 'ModelTimeoutException'],
    [new GatewayError('upstream_error', 'Broken.'), 502, 'InternalServerException'],
    [
      new GatewayError('upstream_rejected', 'No such.', { vendorType: 'ResourceNotFoundException', status: 400 }),
      400,
      'ResourceNotFoundException',
    ],
    [new GatewayError('upstream_rejected', 'No.', { vendorType: 'invalid_request_error', status: 400 }), 400, 'ValidationException'],
  ])('$code is of the class that their SDKs know', (error, status, type) => {
    expect(bedrock.writeError(error, 'req_1')).toEqual({
      status,
      body: { message: error.message, __type: type, weirCode: error.code, requestId: 'req_1' },
      headers: { 'x-amzn-errortype': type, 'x-amzn-requestid': 'req_1' },
    });
  });
});
