import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AUDIT_START, type AuditEntry, type AuditEvent, appended } from './audit.ts';
import { type AuditCheckpoint, base64urlOf, isSigned, type SignedCheckpoint, signedBytes } from './audit-checkpoint.ts';
import { checkpointIn, checkpointLine, entryLine, verifyFile } from './audit-file.ts';

const LENGTH = 12;
const encoder = new TextEncoder();

interface Signer {
  readonly key: string;
  sign(checkpoint: AuditCheckpoint): Promise<SignedCheckpoint>;
}

async function signer(): Promise<Signer> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair;
  const key = base64urlOf(new Uint8Array((await crypto.subtle.exportKey('raw', pair.publicKey)) as ArrayBuffer));
  return {
    key,
    async sign(checkpoint) {
      const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, signedBytes(checkpoint));
      return { ...checkpoint, key, signature: base64urlOf(new Uint8Array(signature)) };
    },
  };
}

const eventAt = (n: number, chain = 'org_1'): AuditEvent => ({
  ...{ chain, actor: 'admin-token', action: 'key.change', subject: 'key_1', change: `chg_${n >> 1}` },
  ...(n % 2 === 0
    ? { phase: 'intent', detail: { from: { name: `ü${n}` }, to: { name: 'a "b" \\ \u2028 😀', tags: [n, null, 0.5] } } }
    : { phase: 'done', detail: { intent: n } }),
});

/** A chain, of which every entry from one on may be another. */
async function chainOf(change: (event: AuditEvent, n: number) => AuditEvent = (event) => event, length = LENGTH): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let n = 0; n < length; n++) entries.push(await appended(entries.at(-1) ?? AUDIT_START, change(eventAt(n), n), 1_000 + n));
  return entries;
}

const headOf = (entries: readonly AuditEntry[]) => {
  const { seq, hash } = entries.at(-1) ?? AUDIT_START;
  return { chain: 'org_1', seq, hash, at: 5 };
};
const written = (entries: readonly AuditEntry[], checkpoint: SignedCheckpoint) =>
  encoder.encode(entries.map(entryLine).join('') + checkpointLine(checkpoint));

let gateway: Signer;
let stranger: Signer;
let entries: AuditEntry[];
let checkpoint: SignedCheckpoint;
let file: Uint8Array;
beforeAll(async () => {
  [gateway, stranger] = await Promise.all([signer(), signer()]);
  entries = await chainOf();
  checkpoint = await gateway.sign(headOf(entries));
  file = written(entries, checkpoint);
});

/** Which line a byte is in, from 1. */
const lineAt = (at: number) => file.subarray(0, at).filter((byte) => byte === 10).length + 1;

describe('an exported chain', { timeout: 60_000 }, () => {
  it('is whole as it was written, and of no entries', async () => {
    expect(await verifyFile(file)).toEqual({ whole: true, chain: 'org_1', entries: LENGTH, checkpoint, open: 0 });
    const empty = await gateway.sign(headOf([]));
    expect(await verifyFile(written([], empty), { key: gateway.key })).toMatchObject({ whole: true, entries: 0 });
    const open = await chainOf(undefined, 5);
    expect(await verifyFile(written(open, await gateway.sign(headOf(open))))).toMatchObject({ whole: true, open: 1 });
  });

  it('shows any byte that was changed, by its line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (place, by) => {
        const at = place % file.length;
        const changed = file.slice();
        changed[at] = (changed[at] ?? 0) ^ by;
        const verdict = await verifyFile(changed);
        expect(verdict).toMatchObject({ whole: false, line: lineAt(at) });
      }),
      { numRuns: 2_000 },
    );
  });

  it('shows any bytes that were taken out or put in', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.oneof(
          bytes,
          fc.constantFrom(' ', '\n', '\r', '\u00a0').map((text) => encoder.encode(text)),
        ),
        async (place, more) => {
          const at = place % (file.length + 1);
          expect((await verifyFile(new Uint8Array([...file.subarray(0, at), ...more, ...file.subarray(at)]))).whole).toBe(false);
          const out = place % (file.length - more.length + 1);
          expect((await verifyFile(new Uint8Array([...file.subarray(0, out), ...file.subarray(out + more.length)]))).whole).toBe(false);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('shows that it was cut off, wherever', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (place) => {
        expect((await verifyFile(file.subarray(0, place % file.length))).whole).toBe(false);
      }),
      { numRuns: 500 },
    );
    const cut = written(entries.slice(0, 7), checkpoint);
    expect(await verifyFile(cut)).toEqual({ whole: false, fault: 'missing', line: 8, seq: 8 });
  });

  const single: readonly [string, (all: AuditEntry[], at: number) => Promise<AuditEntry[]> | AuditEntry[], string][] = [
    ['a field changed', (all, at) => all.with(at, { ...(all[at] as AuditEntry), subject: 'key_2' }), 'changed'],
    ['its time changed', (all, at) => all.with(at, { ...(all[at] as AuditEntry), at: 7 }), 'changed'],
    ['its number changed', (all, at) => all.with(at, { ...(all[at] as AuditEntry), seq: 99 }), 'changed'],
    ['its outcome changed', (all, at) => all.with(at, { ...(all[at] as AuditEntry), phase: 'unknown' }), 'changed'],
    ['a field added', (all, at) => all.with(at, { ...(all[at] as AuditEntry), note: 'x' } as AuditEntry), 'changed'],
    ['gone', (all, at) => all.toSpliced(at, 1), 'missing'],
    ['twice', (all, at) => all.toSpliced(at, 0, all[at === 0 ? 1 : at - 1] as AuditEntry), 'moved'],
    ['behind the next', (all, at) => all.toSpliced(at, 2, all[at + 1] as AuditEntry, all[at] as AuditEntry), 'moved'],
    [
      'written anew with a hash of its own',
      async (all, at) => all.with(at, await appended(all[at - 1] ?? AUDIT_START, { ...eventAt(at), actor: 'nobody' }, 9)),
      'replaced',
    ],
    [
      'written anew for another place',
      async (all, at) => all.with(at, await appended({ seq: at, hash: 'f'.repeat(64) }, eventAt(at), 1_000 + at)),
      'replaced',
    ],
  ];
  it.each(single)('names the entry that is %s', async (_what, change, fault) => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: LENGTH - 2 }), async (at) => {
        const verdict = await verifyFile(written(await change([...entries], at), checkpoint));
        expect(verdict).toEqual({ whole: false, fault, line: at + 1, seq: at + 1 });
      }),
      { numRuns: 50 },
    );
  });

  it('names the last entry too', async () => {
    const at = LENGTH - 1;
    const forged = await appended(entries[at - 1] ?? AUDIT_START, { ...eventAt(at), actor: 'nobody' }, 9);
    expect(await verifyFile(written(entries.with(at, forged), checkpoint))).toMatchObject({ fault: 'replaced', seq: LENGTH });
    const more = [...entries, await appended(headOf(entries), eventAt(LENGTH), 9)];
    expect(await verifyFile(written(more, checkpoint))).toMatchObject({ whole: false, fault: 'moved', seq: LENGTH + 1 });
  });

  it('shows that it was written anew from any entry on, hashes and all, by who did not sign', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: LENGTH - 1 }), async (from) => {
        const forged = await chainOf((event, n) => (n === from ? { ...event, actor: 'nobody' } : event));
        expect((await verifyFile(written(forged, checkpoint))).whole).toBe(false);
        // With a checkpoint that claims to be the gateway's.
        expect(await verifyFile(written(forged, { ...checkpoint, ...headOf(forged) }))).toMatchObject({ whole: false, fault: 'signature' });
        // With one of one's own: only who knows the key sees it.
        const own = written(forged, await stranger.sign(headOf(forged)));
        expect(await verifyFile(own)).toMatchObject({ whole: true });
        expect(await verifyFile(own, { key: gateway.key })).toMatchObject({ whole: false, fault: 'key' });
      }),
      { numRuns: 60 },
    );
  });

  it('shows by what was kept that it was cut off or written anew, and signed again', async () => {
    const kept = await gateway.sign(headOf(entries.slice(0, 8)));
    expect(await verifyFile(file, { key: gateway.key, kept })).toMatchObject({ whole: true });
    const shorter = entries.slice(0, 6);
    const cut = written(shorter, await gateway.sign(headOf(shorter)));
    expect(await verifyFile(cut, { key: gateway.key, kept })).toMatchObject({ whole: false, fault: 'rewritten', seq: 7 });
    const forged = await chainOf((event, n) => (n === 3 ? { ...event, actor: 'nobody' } : event));
    const anew = written(forged, await gateway.sign(headOf(forged)));
    expect(await verifyFile(anew, { key: gateway.key, kept })).toMatchObject({ whole: false, fault: 'rewritten', seq: 8 });
    expect(await verifyFile(written([], await gateway.sign(headOf([]))), { kept })).toMatchObject({ whole: false });
    expect(await verifyFile(file, { kept: { ...kept, chain: 'org_2' } })).toMatchObject({ whole: false, fault: 'rewritten' });
  });

  it('may be the rest of what was checked before', async () => {
    const kept = await gateway.sign(headOf(entries.slice(0, 8)));
    const rest = written(entries.slice(8), checkpoint);
    expect(await verifyFile(rest, { kept })).toMatchObject({ whole: true, entries: 4 });
    expect(await verifyFile(rest)).toMatchObject({ whole: false, fault: 'missing', seq: 1, line: 1 });
    expect(await verifyFile(written(entries.slice(9), checkpoint), { kept })).toMatchObject({
      whole: false,
      fault: 'missing',
      seq: 9,
      line: 1,
    });
    const nothing = written([], checkpoint);
    expect(await verifyFile(nothing, { kept: checkpoint })).toMatchObject({ whole: true, entries: 0 });
    expect(await verifyFile(nothing, { kept })).toMatchObject({ whole: false, fault: 'missing', seq: 9 });
  });

  it('is of one chain', async () => {
    const other = await chainOf((event) => ({ ...event, chain: 'org_2' }));
    const swapped = written(other, await gateway.sign(headOf(other)));
    expect(await verifyFile(swapped)).toEqual({ whole: false, fault: 'mixed', line: 1, seq: 1 });
  });

  it('is none where there is nothing, or nothing of the kind', async () => {
    for (const text of ['', '\n', '{}\n', 'null\n', '[]\n', '{"checkpoint":{}}\n', '{"checkpoint":1e999}\n', '\ufeff']) {
      expect(await verifyFile(encoder.encode(text)), text).toMatchObject({ whole: false, line: 1 });
    }
    expect(await verifyFile(new Uint8Array([0xff, 0x0a]))).toMatchObject({ whole: false, fault: 'form' });
  });
});

describe('a checkpoint', () => {
  it('is signed for what it says, and in one way only', async () => {
    expect(await isSigned(checkpoint)).toBe(true);
    for (const other of [
      { seq: 11 },
      { at: 6 },
      { chain: 'org_2' },
      { hash: '0'.repeat(64) },
      { key: stranger.key },
      { key: 'x' },
      { key: 'A'.repeat(43) },
    ]) {
      expect(await isSigned({ ...checkpoint, ...other }), JSON.stringify(other)).toBe(false);
    }
    // The same bytes, written otherwise: the last of 86 characters has four bits to spare.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const { signature } = checkpoint;
    const spare = alphabet[alphabet.indexOf(signature.at(-1) ?? '') ^ 1];
    for (const other of [`${signature.slice(0, -1)}${spare}`, `${signature}==`, signature.slice(1)]) {
      expect(await isSigned({ ...checkpoint, signature: other })).toBe(false);
    }
  });

  it('is read from what it was written as', () => {
    expect(checkpointIn(JSON.parse(checkpointLine(checkpoint)))).toEqual(checkpoint);
    for (const other of [undefined, null, {}, { checkpoint: {} }, { checkpoint, more: 1 }, { checkpoint: { ...checkpoint, more: 1 } }]) {
      expect(checkpointIn(other === undefined ? undefined : JSON.parse(JSON.stringify(other)))).toBeUndefined();
    }
  });
});
