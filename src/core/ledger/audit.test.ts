import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../json.ts';
import { AUDIT_START, type AuditEntry, type AuditEvent, appended, verifyChain } from './audit.ts';
import { canonicalJson, digestOf } from './canonical.ts';

async function chain(length: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let n = 0; n < length; n++) {
    const event: AuditEvent = {
      ...{ chain: 'org_1', actor: 'admin', action: 'key.create', subject: `key_${n}`, change: `chg_${n}` },
      ...(n % 2 === 0 ? { phase: 'intent', detail: { to: { name: `k${n}` } } } : { phase: 'done', detail: {} }),
    };
    entries.push(await appended(entries.at(-1) ?? AUDIT_START, event, 1_000 + n));
  }
  return entries;
}

describe('the canonical form', () => {
  it('is that of RFC 8785', () => {
    // Its §3.2.2 and §3.2.3: numbers, escapes, and names in the order of UTF-16.
    expect(canonicalJson({ numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27], literals: [null, true, false] })).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}',
    );
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, ö: 7 })).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    );
  });

  it('is the same for the same value, however it was put together', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as Json);
        expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('has a digest that others make too', async () => {
    // printf '{"a":1}' | sha256sum
    expect(await digestOf({ a: 1 })).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
  });
});

describe('a chain of the audit', () => {
  it('is whole as it was written, and from any entry that is trusted', async () => {
    const entries = await chain(30);
    const { seq, hash } = entries[29] ?? AUDIT_START;
    expect(await verifyChain(entries)).toEqual({ whole: true, head: { seq, hash } });
    expect(await verifyChain(entries.slice(12), entries[11])).toEqual({ whole: true, head: { seq, hash } });
    expect(await verifyChain([])).toEqual({ whole: true, head: AUDIT_START });
  });

  it('names the first entry that was changed, taken out, put in or moved', async () => {
    const entries = await chain(30);
    const place = fc.nat({ max: 28 });
    const changes: readonly ((all: AuditEntry[], at: number) => AuditEntry[])[] = [
      (all, at) => all.with(at, { ...(all[at] as AuditEntry), subject: 'key_other' }),
      (all, at) => all.with(at, { ...(all[at] as AuditEntry), at: 5 }),
      (all, at) => all.with(at, { ...(all[at] as AuditEntry), detail: { to: { name: 'other' } } }),
      (all, at) => all.with(at, { ...(all[at] as AuditEntry), note: 'slipped in' } as AuditEntry),
      (all, at) => all.with(at, { ...(all[at] as AuditEntry), hash: 'f'.repeat(64) }),
      (all, at) => all.toSpliced(at, 1),
      (all, at) => all.toSpliced(at, 0, all[(at + 5) % 30] as AuditEntry),
      (all, at) => all.toSpliced(at, 2, all[at + 1] as AuditEntry, all[at] as AuditEntry),
    ];
    await fc.assert(
      fc.asyncProperty(place, fc.constantFrom(...changes), async (at, change) => {
        expect(await verifyChain(change([...entries], at))).toMatchObject({ whole: false, seq: at + 1 });
      }),
      { numRuns: 500 },
    );
  });

  it('shows by its head what was cut off at its end', async () => {
    const entries = await chain(10);
    const verdict = await verifyChain(entries.slice(0, 8));
    expect(verdict).toMatchObject({ whole: true, head: { seq: 8 } });
    expect(verdict).not.toMatchObject({ head: { hash: entries[9]?.hash } });
  });
});
