import { describe, expect, it } from 'vitest';
import { newSigningSecret, SigningSecrets } from './secrets.ts';
import { signedHeaders } from './signature.ts';

describe('a message', () => {
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330_999, body: '{"test": 2432232314}' };

  it('is signed as the libraries for receivers expect it', async () => {
    expect(await signedHeaders(message, ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is signed with each secret, so that a rotation interrupts nothing', async () => {
    const signed = await signedHeaders(message, [newSigningSecret(), 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']);
    const signatures = signed['webhook-signature']?.split(' ');
    expect(signatures).toHaveLength(2);
    expect(signatures?.[1]).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
    await expect(signedHeaders(message, ['secret'])).rejects.toThrow(TypeError);
  });
});

describe('a signing secret', () => {
  it('is of as many bytes as the specification asks for, and another each time', () => {
    const secrets = [newSigningSecret(), newSigningSecret()];
    expect(new Set(secrets).size).toBe(2);
    for (const secret of secrets) expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  it('is stored so that only the deployment can read it, and only for its own webhook', async () => {
    const secrets = new SigningSecrets(['one']);
    const sealed = (await secrets.seal('wh_1', 'whsec_abc')) ?? '';
    expect(sealed).not.toContain('whsec');
    expect(await secrets.open('wh_1', sealed)).toBe('whsec_abc');
    expect(await secrets.open('wh_2', sealed)).toBeUndefined();
    expect(await new SigningSecrets(['two']).open('wh_1', sealed)).toBeUndefined();
    expect(await new SigningSecrets([]).seal('wh_1', 'whsec_abc')).toBeUndefined();
  });

  it('is sealed anew where the deployment has another secret', async () => {
    const sealed = (await new SigningSecrets(['old']).seal('wh_1', 'whsec_abc')) ?? '';
    const both = new SigningSecrets(['new', 'old']);
    const renewed = await both.renewed('wh_1', sealed);
    expect(await new SigningSecrets(['new']).open('wh_1', renewed ?? '')).toBe('whsec_abc');
    expect(await both.renewed('wh_1', renewed ?? '')).toBeUndefined();
  });
});
