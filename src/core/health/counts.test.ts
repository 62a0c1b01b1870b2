import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorCodes, GatewayError } from '../errors.ts';
import { bearingOf, restFor } from './counts.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];
const error = (code: ErrorCode, details = {}) => new GatewayError(code, 'x', details);

describe('what an error says of a place', () => {
  it('is nothing where it is the fault of the caller or the gateway', () => {
    const others = codes.filter((code) => errorCodes[code].fault !== 'upstream');
    expect(others.length).toBeGreaterThan(20);
    for (const code of others) expect(bearingOf(error(code), false), code).toBe('nothing');
  });

  it('is that it fails where it broke, was late, or answered something else', () => {
    const failures = codes.filter((code) => bearingOf(error(code), false) === 'failure');
    expect(failures.sort()).toEqual([
      'upstream_error',
      'upstream_interrupted',
      'upstream_invalid',
      'upstream_overloaded',
      'upstream_timeout',
      'upstream_unreachable',
    ]);
  });

  it('is a rest after a rate limit, and the credential where the quota is used up', () => {
    expect(bearingOf(error('upstream_rate_limited'), false)).toBe('rest');
    expect(bearingOf(error('upstream_rate_limited', { retryable: false }), false)).toBe('credential');
    expect(bearingOf(error('upstream_credential'), false)).toBe('credential');
  });

  it('is nothing where callers bring their own credentials, unless the place itself fails', () => {
    expect(bearingOf(error('upstream_credential'), true)).toBe('nothing');
    expect(bearingOf(error('upstream_rate_limited'), true)).toBe('nothing');
    expect(bearingOf(error('upstream_rate_limited', { retryable: false }), true)).toBe('nothing');
    expect(bearingOf(error('upstream_overloaded'), true)).toBe('failure');
  });
});

it.each([
  [2, 2_000],
  [0.25, 250],
  [0, 0],
  [undefined, 1_000],
  [-5, 1_000],
  [Number.NaN, 1_000],
  [1e9, 60_000],
  [Number.POSITIVE_INFINITY, 60_000],
])('a place that asks for %s seconds rests for %s ms', (asked, rests) => {
  expect(restFor(asked)).toBe(rests);
});
