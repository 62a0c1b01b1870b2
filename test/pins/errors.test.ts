import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { errorsPage } from '../../scripts/errors-page.ts';
import { errorCodes } from '../../src/core/errors.ts';

it('docs/errors.md is current: `npm run docs` writes it', () => {
  expect(readFileSync(path.join(import.meta.dirname, '../../docs/errors.md'), 'utf8')).toBe(errorsPage());
});

// Clients script against these. A code may be added; one that is here stays, with its status, until a major version.
it('the codes and their statuses are these', () => {
  expect(Object.fromEntries(Object.entries(errorCodes).map(([code, { status }]) => [code, status]))).toEqual({
    address_refused: 502,
    already_exists: 409,
    approval_over: 409,
    budget_exceeded: 400,
    client_unanswered: 408,
    config_invalid: 422,
    conflict: 412,
    connection_needed: 424,
    content_refused: 400,
    event_too_large: 502,
    headers_too_large: 431,
    idempotency_conflict: 409,
    idempotency_mismatch: 422,
    insufficient_scope: 403,
    internal: 500,
    invalid_json: 400,
    invalid_key: 401,
    invalid_request: 400,
    loop_detected: 508,
    method_not_allowed: 405,
    missing_key: 401,
    model_not_allowed: 403,
    model_not_found: 404,
    not_allowed: 403,
    not_found: 404,
    not_supported: 501,
    overloaded: 503,
    previous_response_not_found: 404,
    provider_key_missing: 503,
    rate_limited: 429,
    request_too_large: 413,
    run_stopped: 400,
    state_off: 501,
    tool_quarantined: 400,
    translation_loss: 400,
    unsupported_media_type: 415,
    upgrade_required: 426,
    upstream_authorization: 502,
    upstream_credential: 502,
    upstream_error: 502,
    upstream_interrupted: 502,
    upstream_invalid: 502,
    upstream_overloaded: 503,
    upstream_rate_limited: 429,
    upstream_rejected: 400,
    upstream_timeout: 504,
    upstream_unavailable: 503,
    upstream_unreachable: 502,
    url_too_long: 414,
  });
});

it('what may be tried again is what may succeed', () => {
  const retryable = Object.entries(errorCodes).flatMap(([code, facts]) => (facts.retryable ? code : []));
  expect(retryable.sort()).toEqual([
    'client_unanswered',
    'idempotency_conflict',
    'internal',
    'overloaded',
    'rate_limited',
    'upstream_error',
    'upstream_interrupted',
    'upstream_invalid',
    'upstream_overloaded',
    'upstream_rate_limited',
    'upstream_timeout',
    'upstream_unavailable',
    'upstream_unreachable',
  ]);
});
