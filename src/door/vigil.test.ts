import { describe, expect, it } from 'vitest';
import type { Identity } from '../core/exchange.ts';
import { fakePorts } from '../core/fakes.ts';
import type { Pulse } from '../core/ledger/holds.ts';
import type { AccessTokens } from '../core/oauth.ts';
import { CallVigil, type VigilOptions } from './vigil.ts';

const NOW = 1_800_000_000_000;
const who: Identity = {
  ...{ keyId: 'oauth:people', org: 'acme', team: 'builds', app: 'app', principal: 'acme/app', generation: 1 },
  token: { id: 'user:grant:token', expiresAt: NOW + 60_000 },
};

interface Given extends Partial<Pick<VigilOptions, 'endless' | 'run' | 'renewed'>> {
  /** What the grant answers, one look after the other; what is no number is refused or lost. */
  readonly grant?: readonly (number | undefined | Error)[];
  readonly pulse?: Partial<Pulse> | Error;
  readonly who?: Identity;
}

function watching({ grant = [], pulse = {}, who: asks = who, run, renewed = async () => asks, endless }: Given = {}) {
  const base = fakePorts({ now: NOW });
  const answers = [...grant];
  let asked = 0;
  const holds: AccessTokens['holds'] = async () => {
    asked += 1;
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const ports = {
    ...base,
    accessTokens: { mayBe: () => true, find: async () => undefined, holds },
    pulse: async (): Promise<Pulse> => {
      if (pulse instanceof Error) throw pulse;
      return { generation: 1, stopped: [], ...pulse };
    },
  };
  const vigil = new CallVigil({ ports, who: asks, run, renewed, ...(endless === undefined ? {} : { endless }) });
  return { ports, vigil, asked: () => asked, look: async () => (await vigil.look())?.code };
}

const LATER = NOW + 1_000_000;

describe('an answer to a caller with an access token', () => {
  it('goes on while the grant lasts, and ends when token or grant was revoked', async () => {
    const { look } = watching({ grant: [LATER, LATER, undefined] });
    expect([await look(), await look(), await look(), await look()]).toEqual([undefined, undefined, 'invalid_key', 'invalid_key']);
  });

  it('is looked after once a second at most, behind what asks', async () => {
    const { vigil, ports, asked } = watching({ grant: [undefined] });
    ports.clock.advance(999);
    expect(vigil.verdict()).toBeUndefined();
    await ports.settled();
    expect(asked()).toBe(0);
    ports.clock.advance(1);
    expect(vigil.verdict()).toBeUndefined();
    expect(vigil.verdict()).toBeUndefined();
    await ports.settled();
    expect(asked()).toBe(1);
    expect(vigil.verdict()?.code).toBe('invalid_key');
  });

  it('that has no more to lose goes on: a grant that ended by itself was not revoked', async () => {
    const { look, ports, asked } = watching({ grant: [NOW + 120_000, undefined] });
    expect(await look()).toBeUndefined();
    ports.clock.advance(120_000);
    expect([await look(), await look()]).toEqual([undefined, undefined]);
    expect(asked()).toBe(1);
  });

  it('ends where the grant is revoked after the token has expired', async () => {
    const { look, ports } = watching({ grant: [LATER, LATER, undefined] });
    expect(await look()).toBeUndefined();
    ports.clock.advance(90_000);
    expect([await look(), await look()]).toEqual([undefined, 'invalid_key']);
  });

  it('without an end of its own ends with the grant', async () => {
    const { look, ports } = watching({ grant: [NOW + 120_000, undefined], endless: true });
    expect(await look()).toBeUndefined();
    ports.clock.advance(130_000);
    expect(await look()).toBe('invalid_key');
  });

  it('goes on where the grant cannot be asked, and hears what else has become of its caller', async () => {
    expect(await watching({ grant: [new Error('lost')] }).look()).toBeUndefined();
    const changed = { grant: [new Error('lost')], pulse: { generation: 2 }, renewed: async () => undefined };
    expect(await watching(changed).look()).toBe('invalid_key');
    expect(await watching({ grant: [undefined], pulse: new Error('lost') }).look()).toBe('invalid_key');
  });

  it('is still that token when the caller was looked up anew', async () => {
    const { token: _, ...renewed } = { ...who, generation: 2 };
    const { look } = watching({ grant: [LATER, undefined], pulse: { generation: 2 }, renewed: async () => renewed });
    expect([await look(), await look()]).toEqual([undefined, 'invalid_key']);
  });
});

it('an answer to a caller with a key asks no grant', async () => {
  const { token: _, ...key } = { ...who, keyId: 'key_1' };
  const { look, asked } = watching({ grant: [undefined], who: key });
  expect([await look(), asked()]).toEqual([undefined, 0]);
});
