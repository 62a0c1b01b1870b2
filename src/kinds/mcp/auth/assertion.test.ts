import { decodeJwt, decodeProtectedHeader, exportPKCS8, generateKeyPair, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { clientAssertion } from './assertion.ts';

const NOW = 1_800_000_000_000;

describe('an assertion', () => {
  it.each(['ES256', 'RS256'])('is signed with the key, %s, for one authorization server and a minute', async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const pem = await exportPKCS8(privateKey);
    const jwt = await clientAssertion(pem, 'weir', 'https://login.example', NOW);
    const { payload } = await jwtVerify(jwt, publicKey, { audience: 'https://login.example', currentDate: new Date(NOW) });
    expect(payload).toMatchObject({ iss: 'weir', sub: 'weir', exp: NOW / 1_000 + 60 });
    expect(decodeProtectedHeader(jwt)).toEqual({ alg, typ: 'JWT' });
    // A Worker secret often has its line breaks written out.
    const flat = await clientAssertion(pem.replaceAll('\n', '\\n'), 'weir', 'https://login.example', NOW);
    expect(decodeJwt(flat).jti).not.toBe(payload.jti);
  });

  it.each(['', 'no key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'])(
    'is not made with what is no key: %s',
    async (pem) => {
      await expect(clientAssertion(pem, 'weir', 'https://login.example', NOW)).rejects.toMatchObject({ code: 'provider_key_missing' });
    },
  );
});
