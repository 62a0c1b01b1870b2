import { env, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';
import { ClientRegistry } from './client-registry.ts';
import type { OAuthClients } from './clients-object.ts';

const DAY = 86_400_000;

function withRegistry<T>(most: number, use: (registry: ClientRegistry) => T): Promise<T> {
  return runInDurableObject(env.OAUTH_CLIENTS.getByName(crypto.randomUUID()), (_object: OAuthClients, state) =>
    use(new ClientRegistry(state.storage.sql, most)),
  );
}

const client = (id: string, digest?: string) => ({
  id,
  record: `record of ${id}`,
  ...(digest === undefined ? {} : { digest, answer: `answer of ${id}` }),
});

it('knows the same registration again', () =>
  withRegistry(10, (registry) => {
    expect(registry.register(client('a', 'd'), 1)).toBe('answer of a');
    expect(registry.register(client('b', 'd'), 2)).toBe('answer of a');
    expect([registry.count(), registry.find('b', 3)]).toEqual([1, undefined]);
    expect(registry.register(client('c'), 3)).toBe('');
    expect(registry.count()).toBe(2);
  }));

it('holds ten thousand to its bound, and lets go first what nobody ever signed in with', () =>
  withRegistry(20, (registry) => {
    for (let at = 0; at < 5; at++) {
      registry.register(client(`used-${at}`), at);
      registry.note(`used-${at}`, at);
    }
    for (let at = 0; at < 10_000; at++) expect(registry.register(client(`flood-${at}`, `digest ${at}`), 10 + at)).toBeDefined();
    expect(registry.count()).toBe(20);
    for (let at = 0; at < 5; at++) expect(registry.find(`used-${at}`, 20_000)).toBeDefined();
    expect(registry.find('flood-9999', 20_000)).toBeDefined();
    expect(registry.find('flood-0', 20_000)).toBeUndefined();
  }));

it('has no room where all are in use', () =>
  withRegistry(3, (registry) => {
    for (const id of ['a', 'b', 'c']) {
      registry.register(client(id), 1);
      registry.note(id, 1);
    }
    expect(registry.register(client('d'), 2)).toBeUndefined();
    expect(registry.count()).toBe(3);
  }));

it('forgets after a day what was never used, and after ninety what was', () =>
  withRegistry(10, (registry) => {
    registry.register(client('never'), 0);
    registry.register(client('used'), 0);
    registry.note('used', DAY / 2);
    expect([registry.find('never', DAY - 1), registry.find('never', DAY)]).toEqual(['record of never', undefined]);
    expect(registry.find('used', 90 * DAY)).toBe('record of used');
    registry.note('used', 80 * DAY);
    expect(registry.find('used', 169 * DAY)).toBe('record of used');
    expect(registry.find('used', 171 * DAY)).toBeUndefined();
    registry.register(client('next'), 200 * DAY);
    expect(registry.count()).toBe(1);
  }));
