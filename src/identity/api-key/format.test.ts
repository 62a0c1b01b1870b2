import { describe, expect, it } from 'vitest';
import { environments, idOfKey, newKey, shownKey } from './format.ts';

describe('a key', () => {
  it.each(environments)('says its environment and its id: %s', (environment) => {
    const { id, key } = newKey(environment);
    expect(key).toMatch(new RegExp(`^weir_${environment}_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$`));
    expect(idOfKey(key)).toBe(id);
    expect(key.startsWith(shownKey(environment, id).slice(0, -1))).toBe(true);
    expect(idOfKey(newKey(environment, id).key)).toBe(id);
  });

  it('is never the same twice', () => {
    const made = Array.from({ length: 2_000 }, () => newKey('live').key);
    expect(new Set(made).size).toBe(made.length);
    // Every digit comes about as often as any other: 62 of them, 49 random ones a key and more.
    const counts = new Map<string, number>();
    for (const digit of made.map((key) => key.slice(27, 70)).join('')) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    expect(counts.size).toBe(62);
    const mean = (2_000 * 43) / 62;
    for (const count of counts.values()) expect(Math.abs(count - mean)).toBeLessThan(6 * Math.sqrt(mean));
  });

  it('is not what was mistyped, cut off or added to, wherever', () => {
    const { key } = newKey('dev');
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === '7' ? '8' : '7';
      expect(idOfKey(key.slice(0, at) + other + key.slice(at + 1)), `digit ${at}`).toBeUndefined();
      expect(idOfKey(key.slice(0, at)), `cut at ${at}`).toBeUndefined();
      expect(idOfKey(key.slice(0, at) + key.slice(at + 1)), `without ${at}`).toBeUndefined();
    }
    for (const wrong of [`${key} `, ` ${key}`, `${key}x`, `${key}\n`, key.toUpperCase(), `Bearer ${key}`, '']) {
      expect(idOfKey(wrong)).toBeUndefined();
    }
    // Two digits that changed places, which people do.
    const at = [...key].findIndex((digit, index) => index > 30 && digit !== key[index + 1]);
    expect(idOfKey(key.slice(0, at) + key[at + 1] + key[at] + key.slice(at + 2))).toBeUndefined();
  });
});
