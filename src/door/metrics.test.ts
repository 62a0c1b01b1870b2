import { describe, expect, it } from 'vitest';
import { BOUNDS_MS, type Totals } from '../state/totals.ts';
import { metricsAnswer, metricsText } from './metrics.ts';

const none = BOUNDS_MS.map(() => 0);
const totals: Totals = {
  route: 'llm',
  dialect: 'openai-chat',
  model: 'up/a',
  status: 'complete',
  error: '',
  requests: 2,
  attempts: 3,
  input_tokens: 10,
  output_tokens: 20,
  cache_read_tokens: 4,
  cache_write_tokens: 5,
  reasoning_tokens: 6,
  tool_calls: 1,
  cost: '1333000',
  unpriced: 0,
  cache_hits: 3,
  cache_misses: 2,
  cache_saved: 1_500_000,
  prompt_cache_saved: 2_500_000,
  prompt_cache_surcharge: 1_000,
  duration_ms: 1_250,
  durations: none.map((_, at) => (at < 4 ? 0 : 2)),
  first_tokens: 0,
  first_token_ms: 0,
  first_token_waits: none,
};

const linesOf = (text: string, name: string) => text.split('\n').filter((line) => line.startsWith(name));

describe('the text of a scrape', () => {
  it('tells outcomes apart in the count of requests, and adds up everything else', () => {
    const failed = { ...totals, status: 'partial', error: 'stream_broken', dialect: 'anthropic', requests: 5, cost: '9007199254740993' };
    const text = metricsText([totals, failed], 0);
    expect(linesOf(text, 'weir_requests_total')).toEqual([
      'weir_requests_total{route="llm",provider="up",model="up/a",dialect="openai-chat",status="complete",error=""} 2',
      'weir_requests_total{route="llm",provider="up",model="up/a",dialect="anthropic",status="partial",error="stream_broken"} 5',
    ]);
    expect(linesOf(text, 'weir_attempts_total')).toEqual(['weir_attempts_total{route="llm",provider="up",model="up/a"} 6']);
    expect(linesOf(text, 'weir_cost_usd_total')).toEqual(['weir_cost_usd_total{route="llm",provider="up",model="up/a"} 9007199.256073993']);
    expect(linesOf(text, 'weir_tokens_total').map((line) => line.replace(/^.*kind=/, ''))).toEqual([
      '"input"} 20',
      '"output"} 40',
      '"cache_read"} 8',
      '"cache_write"} 10',
      '"reasoning"} 12',
    ]);
  });

  it('tells what prompt caches saved apart from what writing to them cost', () => {
    const text = metricsText([totals, { ...totals, status: 'partial' }], 0);
    const labels = '{route="llm",provider="up",model="up/a"}';
    expect(linesOf(text, 'weir_prompt_cache_saved_usd_total')).toEqual([`weir_prompt_cache_saved_usd_total${labels} 0.005`]);
    expect(linesOf(text, 'weir_prompt_cache_surcharge_usd_total')).toEqual([`weir_prompt_cache_surcharge_usd_total${labels} 0.000002`]);
  });

  it('has buckets that hold those before them, and leaves out a histogram of nothing', () => {
    const text = metricsText([totals], 0);
    const buckets = linesOf(text, 'weir_request_duration_seconds_bucket').map((line) =>
      /le="(.*)"\} (\d+)$/.exec(line)?.slice(1).join(' '),
    );
    expect(buckets.slice(2, 6)).toEqual(['0.25 0', '0.5 0', '1 2', '2.5 2']);
    expect(buckets.at(-1)).toBe('+Inf 2');
    expect(linesOf(text, 'weir_request_duration_seconds_sum')[0]).toMatch(/ 1\.25$/);
    expect(linesOf(text, 'weir_request_duration_seconds_count')[0]).toMatch(/ 2$/);
    expect(linesOf(text, 'weir_time_to_first_token_seconds')).toEqual([]);
  });

  it('escapes what a label may hold', () => {
    const text = metricsText([{ ...totals, model: 'up/a"b\\c\nd', route: 'ü' }], 3);
    expect(text).toContain('{route="ü",provider="up",model="up/a\\"b\\\\c\\nd"}');
    expect(linesOf(text, 'weir_log_rows_dropped_total')).toEqual(['weir_log_rows_dropped_total 3']);
    expect(text.endsWith('\n')).toBe(true);
  });
});

describe('how places do', () => {
  const seen = { since: 0, failures: 0, pace: { inFlight: 0 } };

  it('is a gauge of each, with its parts apart', () => {
    const text = metricsText([], 0, [
      { ...seen, place: 'up/org/a#key', state: 'closed', pace: { inFlight: 1, firstTokenMs: 250.4 } },
      { ...seen, place: 'up/b#1', state: 'half-open' },
      { ...seen, place: 'up/b#own', state: 'open' },
    ]);
    expect(text).toContain('# TYPE weir_target_state gauge\n');
    expect(linesOf(text, 'weir_target_state')).toEqual([
      'weir_target_state{provider="up",model="org/a",credential="key"} 0',
      'weir_target_state{provider="up",model="b",credential="1"} 1',
      'weir_target_state{provider="up",model="b",credential="own"} 2',
    ]);
    expect(linesOf(text, 'weir_target_first_token_seconds')).toEqual([
      'weir_target_first_token_seconds{provider="up",model="org/a",credential="key"} 0.25',
    ]);
  });
});

describe('metrics are told to', () => {
  const scrape = (authorization: string | undefined, tokens: { adminToken?: string; metricsToken?: string }) =>
    metricsAnswer(new Request('http://gateway/metrics', authorization === undefined ? {} : { headers: { authorization } }), {
      ...tokens,
      clock: { now: () => 0 },
      plan: () => {
        throw new Error('nobody asks for it');
      },
    });

  it.each<[string, string | undefined, { adminToken?: string; metricsToken?: string }, string]>([
    ['nobody, where no token is set', 'Bearer ', {}, 'invalid_key'],
    ['nobody, where the tokens are empty', 'Bearer ', { adminToken: '', metricsToken: '' }, 'invalid_key'],
    ['not who shows nothing', undefined, { adminToken: 'a', metricsToken: 'm' }, 'missing_key'],
    ['not who shows another', 'Bearer x', { adminToken: 'a', metricsToken: 'm' }, 'invalid_key'],
    ['not who shows it bare', 'm', { adminToken: 'a', metricsToken: 'm' }, 'invalid_key'],
    // Here there is no database, which is asked for after the token.
    ['who shows the admin token', 'Bearer a', { adminToken: 'a', metricsToken: 'm' }, 'not_supported'],
    ['who shows the token of the metrics', 'bearer m', { adminToken: 'a', metricsToken: 'm' }, 'not_supported'],
    ['who shows it where there is no other', 'Bearer m', { metricsToken: 'm' }, 'not_supported'],
  ])('%s', async (_who, authorization, tokens, code) => {
    await expect(scrape(authorization, tokens)).rejects.toMatchObject({ code });
  });
});
