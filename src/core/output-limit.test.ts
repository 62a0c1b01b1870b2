import { expect, it } from 'vitest';
import { withLimit } from './output-limit.ts';

it('sets a limit, lowers a higher one and keeps a lower one', () => {
  expect(withLimit({ a: 1 }, ['max'], 10)).toEqual({ a: 1, max: 10 });
  expect(withLimit({ max: 11 }, ['max'], 10)).toEqual({ max: 10 });
  const low = { max: 9 };
  expect(withLimit(low, ['max'], 10)).toBe(low);
});

it('reaches into objects and leaves what stands beside', () => {
  expect(withLimit({ options: { top: 1 } }, ['options', 'max'], 10)).toEqual({ options: { top: 1, max: 10 } });
  expect(withLimit({}, ['options', 'max'], 10)).toEqual({ options: { max: 10 } });
  const low = { options: { max: 3 } };
  expect(withLimit(low, ['options', 'max'], 10)).toBe(low);
});

it('takes a negative number for no limit, as engines do', () => {
  expect(withLimit({ max: -1 }, ['max'], 10)).toEqual({ max: 10 });
});
