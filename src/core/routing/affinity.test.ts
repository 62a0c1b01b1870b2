import { describe, expect, it } from 'vitest';
import { Affinities } from './affinity.ts';

describe('where a conversation was answered', () => {
  it('is remembered as long as it is said to be, from its last answer on', () => {
    const affinities = new Affinities();
    expect(affinities.of('c', 0)).toBeUndefined();
    affinities.note('c', 'p/m#1', 0, 100);
    expect(affinities.of('c', 99)).toBe('p/m#1');
    affinities.note('c', 'p/m#1', 99, 100);
    expect(affinities.of('c', 150)).toBe('p/m#1');
    expect(affinities.of('c', 199)).toBeUndefined();
  });

  it('is news where it is new, elsewhere, or half forgotten', () => {
    const affinities = new Affinities();
    expect(affinities.note('c', 'p/m#1', 0, 100)).toBe(true);
    expect(affinities.note('c', 'p/m#1', 10, 100)).toBe(false);
    expect(affinities.note('c', 'p/m#2', 20, 100)).toBe(true);
    expect(affinities.note('c', 'p/m#2', 90, 100)).toBe(true);
  });

  it('is forgotten for the one longest unused, where there are too many', () => {
    const affinities = new Affinities();
    for (let n = 0; n < 5_000; n++) affinities.note(`c${n}`, 'p/m#1', 0, 100);
    affinities.note('c0', 'p/m#1', 1, 100);
    affinities.note('new', 'p/m#1', 1, 100);
    expect([affinities.of('c0', 2), affinities.of('c1', 2), affinities.of('new', 2)]).toEqual(['p/m#1', undefined, 'p/m#1']);
  });
});
