import type { ErrorCode, errorCodes, GatewayError } from '../errors.ts';

/**
 * What an error says of the place that was asked. `failure`: it does not do its work. `rest`: it does, and wants to be
 * left alone for a while. `credential`: what it was asked with is not good there. `nothing`: it is somebody else's doing.
 */
export type Bearing = 'failure' | 'rest' | 'credential' | 'nothing';

/** The codes that say that the provider is at fault: all others are somebody else's doing. */
type UpstreamCode = { [Code in ErrorCode]: (typeof errorCodes)[Code]['fault'] extends 'upstream' ? Code : never }[ErrorCode];

/** Each of them has its say here: a new one does not compile without. */
const bearings: { readonly [Code in UpstreamCode]: Bearing } = {
  upstream_error: 'failure',
  upstream_overloaded: 'failure',
  upstream_unreachable: 'failure',
  upstream_invalid: 'failure',
  upstream_interrupted: 'failure',
  upstream_timeout: 'failure',
  upstream_rate_limited: 'rest',
  upstream_credential: 'credential',
  upstream_authorization: 'nothing',
  // The gateway's own word for having asked nobody.
  upstream_unavailable: 'nothing',
  // A call can bring it about by what it asks for, and so could one caller for all.
  event_too_large: 'nothing',
};

const bearingByCode: ReadonlyMap<string, Bearing> = new Map(Object.entries(bearings));

/** Where callers bring their own credentials, how these stand says nothing of the place: one caller's must not close it to others. */
export function bearingOf(error: GatewayError, isOwn: boolean): Bearing {
  const bearing = bearingByCode.get(error.code) ?? 'nothing';
  if (bearing !== 'rest' && bearing !== 'credential') return bearing;
  if (isOwn) return 'nothing';
  // A quota that is used up does not come back by waiting: it is the credential that is of no use.
  return bearing === 'rest' && !error.retryable ? 'credential' : bearing;
}

/** Milliseconds: without a wish, and the longest that is granted. */
const USUAL_REST = 1_000;
const LONGEST_REST = 60_000;

/** Milliseconds for which a place is left alone that asked for `retryAfter` seconds. */
export function restFor(retryAfter: number | undefined): number {
  if (retryAfter === undefined || Number.isNaN(retryAfter) || retryAfter < 0) return USUAL_REST;
  return Math.min(LONGEST_REST, Math.ceil(retryAfter * 1000));
}
