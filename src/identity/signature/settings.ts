import { z } from 'zod';
import { decodeBase64 } from '../../core/base64.ts';
import { SECRET_NAME } from '../../core/secret-name.ts';

const id = z.string().min(1).max(256).describe('What callers send as keyid.');

const key = z.union(
  [
    z.strictObject({
      id,
      secret: z
        .strictObject({ secret: z.string().regex(SECRET_NAME, { error: 'is not the name of a secret that may be used here' }) })
        .describe('Shared with the caller, for hmac-sha256: 32 bytes at least.'),
    }),
    z.strictObject({
      id,
      publicKey: z
        .string()
        .refine((text) => decodeBase64(text)?.length === 32, { error: 'is not an Ed25519 public key: 32 bytes in base64 or base64url' })
        .describe('The caller’s Ed25519 public key, for ed25519: 32 bytes in base64 or base64url.'),
    }),
  ],
  { error: 'must be {"id": …, "secret": {"secret": "NAME"}} or {"id": …, "publicKey": …}' },
);

export const settings = z.strictObject({
  keys: z
    .array(key)
    .min(1)
    .max(1000)
    .refine((keys) => new Set(keys.map((each) => each.id)).size === keys.length, { error: 'must have an id of their own each' })
    .describe('Whose signatures are taken.'),
  maxAge: z.int().min(1).max(3600).optional().describe('Seconds for which a signature is good; 300 when absent.'),
});

export type SignatureSettings = z.output<typeof settings>;
export type SigningKey = SignatureSettings['keys'][number];
