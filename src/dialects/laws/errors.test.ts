import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorCodes, GatewayError } from '../../core/errors.ts';
import { FEW, named } from './cases.ts';
import { sent } from './trial-call.ts';

/** Where a dialect's clients stop at another status than the table's: the only exceptions. */
const OWN_STATUS: { readonly [dialect: string]: { readonly [code in ErrorCode]?: number } } = {
  anthropic: { budget_exceeded: 402, run_stopped: 402 },
};

describe.each(named)('%s, errors', (id, dialect) => {
  const codes = Object.keys(errorCodes).filter((code): code is ErrorCode => code in errorCodes);

  it('keep their message, and the status of the table', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.stringMatching(/^[A-Z][a-z ]{0,30}\.$/), (code, message) => {
        const { status, body } = dialect.writeError(new GatewayError(code, message), 'req_1');
        expect(status).toBe(OWN_STATUS[id]?.[code] ?? errorCodes[code].status);
        expect(dialect.readError(status, sent(body), new Headers()).message).toBe(message);
      }),
      FEW,
    );
  });

  it('never leave a status without an error, whatever the body', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), fc.option(fc.jsonValue(), { nil: undefined }), (status, body) => {
        const error = dialect.readError(status, body === undefined ? undefined : JSON.parse(JSON.stringify(body)), new Headers());
        expect(error.code).toMatch(/^upstream_/);
        expect(error.message).not.toBe('');
        expect(error.status).toBeGreaterThanOrEqual(400);
      }),
      FEW,
    );
  });
});
