import { describe, expect, it } from 'vitest';
import { addressFault } from '../core/address.ts';
import { providers } from './index.ts';

const DIALECTS = [
  'openai-chat',
  'openai-responses',
  'anthropic',
  'bedrock',
  'gemini',
  'ollama',
  'cohere',
  'openai-completions',
  'ai-sdk-gateway',
];
const isLoopback = (url: string) => new URL(url).hostname === '127.0.0.1';
/** With its settings filled in. */
const basesOf = ({ baseUrl, dialects, settings = {} }: (typeof providers)[number]) =>
  [baseUrl, ...Object.values(dialects).filter((base) => typeof base === 'string')].map((base) =>
    base.replace(/\{([a-zA-Z]+)\}/g, (whole, name: string) => (name in settings ? (settings[name]?.default ?? 'setting') : whole)),
  );

describe('every provider', () => {
  it('has an id and a name of its own', () => {
    for (const field of ['id', 'name'] as const) expect(new Set(providers.map((provider) => provider[field])).size).toBe(providers.length);
  });

  it.each(providers)('$id obeys the laws', (provider) => {
    expect(provider.id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    expect(Object.keys(provider.dialects).length + Object.keys(provider.operations ?? {}).length).toBeGreaterThan(0);
    for (const dialect of Object.keys(provider.dialects)) expect(DIALECTS).toContain(dialect);
    for (const base of basesOf(provider)) {
      const url = new URL(base);
      // In normal form, without a trailing slash, query, fragment or credentials.
      expect(url.href.replace(/\/$/, '')).toBe(base);
      expect(url.search + url.hash).toBe('');
      expect(addressFault(url, isLoopback(base))).toBeUndefined();
      // The gateway appends the dialect's path itself.
      expect(base).not.toMatch(/\/(?:messages|completions)$/);
    }
    for (const name of [...(provider.forwards ?? []), ...Object.keys(provider.headers ?? {})]) expect(name).toMatch(/^[a-z0-9-]+$/);
    // A caller's key belongs to the gateway.
    for (const name of provider.forwards ?? [])
      expect(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie']).not.toContain(name);
  });

  it.each(providers)('$id names its secret, or needs none', ({ auth, secret }) => {
    if (auth.scheme === 'none') expect(secret).toBeUndefined();
    else expect(secret).toMatch(/^[A-Z][A-Z0-9_]*_(?:API_KEY|TOKEN)$/);
    if (auth.scheme === 'header') expect(auth.name).toMatch(/^[a-z0-9-]+$/);
  });

  it.each(providers)('$id asks for a key unless it is local or inside', (provider) => {
    const inside = provider.respond !== undefined;
    expect(provider.auth.scheme === 'none').toBe(inside || isLoopback(provider.baseUrl));
    expect(inside).toBe(provider.id === 'sandbox');
  });

  it('shares no secret with another', () => {
    const secrets = providers.flatMap(({ secret }) => secret ?? []);
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  it('owns prefixes that no other owns, not even in part', () => {
    const owned = providers.flatMap(({ id, owns = [] }) => owns.map((prefix) => ({ id, prefix })));
    expect(owned.length).toBeGreaterThan(10);
    for (const one of owned) {
      expect(one.prefix).toMatch(/^@?[A-Za-z0-9][A-Za-z0-9.-]*\/?$/);
      for (const other of owned) if (one !== other) expect(other.prefix.startsWith(one.prefix)).toBe(false);
    }
  });
});
