import { expect, it } from 'vitest';
import { wishOf } from './wish.ts';

it.each<[{ readonly [name: string]: string }, object]>([
  [{}, { isOff: false, isFresh: false }],
  [{ 'x-weir-cache': ' OFF ' }, { isOff: true, isFresh: false }],
  [{ 'x-weir-cache': 'refresh' }, { isOff: false, isFresh: true }],
  [{ 'x-weir-cache': 'on' }, { isOff: false, isFresh: false }],
  [{ 'cache-control': 'no-store' }, { isOff: true, isFresh: false }],
  [{ 'cache-control': 'No-Cache, max-age=5' }, { isOff: false, isFresh: true, maxAge: 5 }],
  [{ 'cache-control': 'max-age=0' }, { isOff: false, isFresh: true, maxAge: 0 }],
  [{ 'cache-control': 'max-age="60"' }, { isOff: false, isFresh: false, maxAge: 60 }],
  [{ 'cache-control': 'max-age=soon, only-if-cached' }, { isOff: false, isFresh: false }],
])('reads %o', (headers, wish) => {
  expect(wishOf(new Headers(headers))).toEqual(wish);
});
