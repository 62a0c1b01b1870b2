import { describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { rolls } from './rolls.ts';

const secrets = { get: (name: string) => ({ A: 'a', B: 'b' })[name] };
const planned = (openai: object) =>
  compile({ providers: { openai } }, { revision: 1, local: true, rolls, secrets }).providers.get('openai');

describe('credentials of a provider', () => {
  it('are one, named key, unless there are several', () => {
    for (const entry of [{}, { key: { secret: 'A' } }, { keys: [{ secret: 'A' }] }]) expect(planned(entry)?.credentials).toEqual(['key']);
    expect(planned({ key: { passthrough: true } })?.credentials).toEqual(['own']);
  });

  it('are named by their places, and each is its own secret', () => {
    const provider = planned({ keys: [{ secret: 'A' }, { secret: 'B' }, { secret: 'UNSET' }, { value: 'literal' }] });
    expect(provider?.credentials).toEqual(['1', '2', '3', '4']);
    expect(provider?.credentials.map((name) => provider.credential(secrets, name))).toEqual(['a', 'b', undefined, 'literal']);
    expect(provider?.credential(secrets)).toBe('a');
    expect(provider?.credential(secrets, 'unknown')).toBe('a');
  });

  it('are written one way or the other, and are the gateway’s own', () => {
    expect(() => planned({ key: { secret: 'A' }, keys: [{ secret: 'B' }] })).toThrow('has both key and keys');
    expect(() => planned({ keys: [{ secret: 'A' }, { passthrough: true }] })).toThrow('is for key alone');
    const deployed = { providers: { openai: { keys: [{ secret: 'A' }, { value: 'x' }] } } };
    expect(() => compile(deployed, { revision: 1, local: false, rolls })).toThrow('keys[1].value');
  });

  it('may be each organisation’s own: what it keeps, by the names that the document says', () => {
    const written = { providers: { openai: { keys: [{ secret: 'A' }, { vault: 'kept' }] }, groq: { key: { vault: 'other' } } } };
    const plan = compile(written, { revision: 1, local: false, rolls, secrets });
    expect(plan.vault).toEqual(['kept', 'other']);
    const [openai, groq] = ['openai', 'groq'].map((name) => plan.providers.get(name));
    expect(openai?.vault).toEqual({ 2: 'kept' });
    expect(groq?.vault).toEqual({ key: 'other' });
    const vault = { org: 'org_a', get: (name: string) => `${name} of org_a` };
    expect(openai?.credential({ ...secrets, vault }, '2')).toBe('kept of org_a');
    expect(groq?.credential({ ...secrets, vault })).toBe('other of org_a');
    // The secret that the built-in provider would have is not taken in its place.
    expect(groq?.credential({ get: () => 'a secret' })).toBeUndefined();
    expect(planned({})?.vault).toBeUndefined();
  });
});
