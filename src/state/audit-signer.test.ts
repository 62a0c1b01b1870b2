import { describe, expect, it } from 'vitest';
import { isSigned } from '../core/ledger/audit-checkpoint.ts';
import { AuditSigner } from './audit-signer.ts';

const checkpoint = { chain: 'org_1', seq: 3, hash: 'a'.repeat(64), at: 5 };

describe('the signer of the audit', () => {
  it('has the key of its secret, wherever and whenever it runs', async () => {
    const [key] = await new AuditSigner(['one']).keys();
    expect(key).toMatch(/^[\w-]{43}$/);
    const signed = await new AuditSigner(['one']).sign(checkpoint);
    expect(signed).toEqual({ ...checkpoint, key, signature: expect.stringMatching(/^[\w-]{86}$/) });
    expect(signed !== undefined && (await isSigned(signed))).toBe(true);
    expect(await new AuditSigner(['two']).keys()).not.toContain(key);
  });

  it('signs with the secret in use, and goes on showing the key of the one before', async () => {
    const [before] = await new AuditSigner(['old']).keys();
    const signer = new AuditSigner(['new', 'old']);
    const keys = await signer.keys();
    expect(keys).toEqual([(await new AuditSigner(['new']).keys())[0], before]);
    expect((await signer.sign(checkpoint))?.key).toBe(keys[0]);
  });

  it('signs nothing without a secret', async () => {
    expect(await new AuditSigner([]).keys()).toEqual([]);
    expect(await new AuditSigner([]).sign(checkpoint)).toBeUndefined();
  });
});
