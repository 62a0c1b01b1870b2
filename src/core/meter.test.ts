import { expect, it } from 'vitest';
import { fakeDialect } from './fakes.ts';
import { Meter } from './meter.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const meter = () => new Meter(fakeDialect({ terminators: ['"completed"', '[DONE]'], replyReader: () => ({ read: () => [] }) }));

it('takes a terminator for the end only when its whole frame has come, however large it is', () => {
  const metered = meter();
  metered.feed(bytes('data: {"type":"delta"}\n\n'));
  expect(metered.sawTerminator()).toBe(false);
  metered.feed(bytes('data: {"type":"completed","output":"the whole'));
  expect(metered.sawTerminator()).toBe(false);
  metered.feed(bytes(' answer once more'));
  expect(metered.sawTerminator()).toBe(false);
  metered.feed(bytes('"}\n'));
  expect(metered.sawTerminator()).toBe(false);
  metered.feed(bytes('\n'));
  expect(metered.sawTerminator()).toBe(true);
});

it('knows a terminator that comes whole, and none that a model only says', () => {
  const metered = meter();
  metered.feed(bytes('data: {"text":"\\"completed\\""}\n\ndata: {"text":"data: [DONE]"}\n\n'));
  expect(metered.sawTerminator()).toBe(false);
  metered.feed(bytes('data: [DONE]\n\n'));
  expect(metered.sawTerminator()).toBe(true);
});
