import { describe, expect, it } from 'vitest';
import type { Dialect } from '../core/dialect.ts';
import { fakeCall, fakeDialect, fakeExchange } from '../core/fakes.ts';
import { prompt } from './prompt.ts';

const open = (settings: unknown) => prompt.open(prompt.config.parse(settings), fakeExchange());

describe('prompt', () => {
  it.each([
    ['start', 'Added.\nOwn.'],
    ['end', 'Own.\nAdded.'],
  ])("adds instructions at the %s of the caller's, and keeps the rest of the call", async (at, system) => {
    const body = { model: 'm', stream: true, system: 'Own.', messages: ['Hi'], seed: 7, unknown: { nested: [null, 1.5] } };
    const verdict = await open({ text: 'Added.', at }).request?.(fakeCall(body));
    if (verdict === undefined || !('go' in verdict)) throw new Error('The call should go on.');
    expect(verdict.go.wire.json()).toEqual({ ...body, system });
    expect(verdict.go).toMatchObject({ head: { model: 'm', stream: true } });
  });

  it('adds them before by default', async () => {
    const verdict = await open({ text: 'Added.' }).request?.(fakeCall({ model: 'm', system: 'Own.' }));
    expect(verdict).toHaveProperty('go');
    if (verdict !== undefined && 'go' in verdict) expect(verdict.go.wire.json().system).toBe('Added.\nOwn.');
  });

  it('refuses a call that has no place for them', async () => {
    const { addSystem: _, ...bare } = fakeDialect();
    const dialect: Dialect = bare;
    expect(await open({ text: 'Added.' }).request?.(fakeCall({ model: 'm' }, dialect))).toMatchObject({
      refuse: { code: 'not_supported' },
    });
  });
});
