import { expect, it } from 'vitest';
import { tallied, usageOf, writeUsage } from './usage.ts';

const read = (...usages: Parameters<typeof tallied>[1][]) => usageOf(usages.reduce(tallied, {}));

it('counts what was written to the cache for an hour, which costs more, and the searches that were made', () => {
  const usage = {
    input_tokens: 5,
    cache_read_input_tokens: 100,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
    output_tokens: 7,
    server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
  };
  const counted = { input: 135, output: 7, cacheRead: 100, cacheWrite: 30, cacheWrite1h: 20, searches: 2 };
  expect(read(usage)).toEqual(counted);
  expect(read(writeUsage(counted))).toEqual(counted);
});

it('keeps what an earlier event counted, and names no kind of which there is none', () => {
  const begun = { input_tokens: 5, cache_creation_input_tokens: 30, cache_creation: { ephemeral_1h_input_tokens: 30 }, output_tokens: 1 };
  expect(read(begun, { output_tokens: 9, server_tool_use: { web_search_requests: 1 } })).toEqual({
    input: 35,
    output: 9,
    cacheWrite: 30,
    cacheWrite1h: 30,
    searches: 1,
  });
  const none = { cache_creation: { ephemeral_1h_input_tokens: 0 }, server_tool_use: { web_search_requests: 0 } };
  expect(read({ input_tokens: 5, output_tokens: 1, ...none })).toEqual({ input: 5, output: 1 });
});

it('refuses a part that is more than the whole', () => {
  const usage = { input_tokens: 5, output_tokens: 1, cache_creation_input_tokens: 3, cache_creation: { ephemeral_1h_input_tokens: 4 } };
  expect(read(usage)).toEqual({ input: 8, output: 1, cacheWrite: 3 });
});
