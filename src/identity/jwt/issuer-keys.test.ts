import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { claims, ISSUER, makePairs, NOW, pair, refusal, rsa, setUp } from './fakes.ts';
import { AGAIN_AFTER, FRESH, LAST_RESORT } from './issuer-keys.ts';

beforeAll(makePairs);

describe('keys of an issuer', () => {
  beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
  afterEach(() => void vi.restoreAllMocks());

  it('are fetched once for all that come at the same time', async () => {
    const { prove, fetched } = setUp();
    const tokens = await Promise.all(Array.from({ length: 20 }, (_each, jti) => rsa(claims({ jti: String(jti) }))));
    await Promise.all(tokens.map(prove));
    expect(fetched()).toBe(1);
  });

  it('are fetched again for one that is not known, once a minute at most, however many ask', async () => {
    const { prove, publish, fetched, ports } = setUp({ keys: [pair('other').jwk] });
    const ids = ['rsa', '../../x', 'https://evil.example/jwks', "' OR 1=1 --", '\u0000', 'x'.repeat(10_000), '__proto__', ''];
    for (let round = 0; round < 20; round++) {
      for (const kid of ids)
        expect(await refusal(prove(await rsa(claims({ round }), { kid }))), kid.slice(0, 20)).toMatchObject({ code: 'invalid_key' });
    }
    expect(fetched()).toBe(1);
    publish([pair('rsa').jwk]);
    ports.clock.advance(AGAIN_AFTER - 1);
    expect(await refusal(prove(await rsa()))).toMatchObject({ code: 'invalid_key' });
    ports.clock.advance(1);
    expect(await prove(await rsa())).toBeDefined();
    expect(fetched()).toBe(2);
    expect(await refusal(prove(await rsa(claims(), { kid: 'yet another' })))).toMatchObject({ code: 'invalid_key' });
    expect(fetched()).toBe(2);
  });

  it('are renewed behind the requests, and stay good for an hour while the issuer is silent', async () => {
    let down = false;
    const respond = (url: string) => {
      if (down) return new Response('no', { status: 500 });
      return url.endsWith('/jwks')
        ? Response.json({ keys: [pair('rsa').jwk] })
        : Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` });
    };
    const { prove, fetched, ports } = setUp({ respond });
    const token = (jti: string) => rsa(claims({ jti, exp: NOW + 10_000 }));
    await prove(await token('1'));
    ports.clock.advance(FRESH);
    await prove(await token('2'));
    await ports.settled();
    expect(fetched()).toBe(2);
    down = true;
    ports.clock.advance(LAST_RESORT - 1);
    expect(await prove(await token('3'))).toBeDefined();
    await ports.settled();
    ports.clock.advance(AGAIN_AFTER);
    expect(await refusal(prove(await token('4')))).toMatchObject({ code: 'overloaded', status: 503 });
    down = false;
    ports.clock.advance(AGAIN_AFTER);
    expect(await prove(await token('5'))).toBeDefined();
  });

  it.each([
    ['another issuer’s discovery', () => Response.json({ issuer: `${ISSUER}/`, jwks_uri: `${ISSUER}/jwks` })],
    ['a page', () => new Response('<html>')],
    ['a list', () => Response.json([])],
    ['too much', () => new Response(`{"issuer":"${ISSUER}","x":"${'x'.repeat(70_000)}"}`)],
    ['nothing', () => new Response(null, { status: 404 })],
  ])('are not taken from %s', async (_what, answer) => {
    const { prove, ports } = setUp({ respond: answer });
    expect(await refusal(prove(await rsa()))).toMatchObject({ code: 'overloaded' });
    // And the issuer is left alone for a while.
    const before = ports.sent.length;
    expect(await refusal(prove(await rsa()))).toMatchObject({ code: 'overloaded' });
    expect(ports.sent).toHaveLength(before);
  });
});
