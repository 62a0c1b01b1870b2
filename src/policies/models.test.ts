import { describe, expect, it } from 'vitest';
import { fakeCall, fakeExchange } from '../core/fakes.ts';
import { models } from './models.ts';

const ask = async (settings: unknown, model: string) => {
  const call = fakeCall({ model });
  const verdict = await models.open(models.config.parse(settings), fakeExchange()).request?.(call);
  return verdict !== undefined && 'refuse' in verdict ? verdict.refuse : verdict !== undefined && 'go' in verdict && verdict.go === call;
};

describe('models', () => {
  it.each([
    ['smart', 'smart', true],
    ['smart', 'smarter', false],
    ['smart', 'my/smart', false],
    ['*', '', true],
    ['openai/*', 'openai/gpt-5', true],
    ['openai/*', 'openai', false],
    ['*mini', 'gpt-5-mini', true],
    ['*mini', 'gpt-5-mini-2', false],
    ['gpt-*-mini*', 'gpt-5-mini-2', true],
    ['a*bc*bc', 'abc', false],
    ['a*bc*bc', 'abcbc', true],
    ['a*a', 'a', false],
    ['a**b', 'ab', true],
    ['*b*c*', 'acb', false],
    ['GPT-5', 'gpt-5', true],
    ['gpt-5.1', 'gpt-5x1', false],
  ])('allowing %s, asked for %s: %s', async (glob, model, passes) => {
    const verdict = await ask({ allow: [glob] }, model);
    if (passes) expect(verdict).toBe(true);
    else expect(verdict).toMatchObject({ code: 'model_not_allowed', status: 403, details: { param: 'model' } });
  });

  it('denies also what is allowed', async () => {
    const settings = { allow: ['gpt-*'], deny: ['*-preview'] };
    expect(await ask(settings, 'gpt-5')).toBe(true);
    expect(await ask(settings, 'gpt-5-preview')).toMatchObject({ code: 'model_not_allowed' });
  });

  it('denies a bare model of any provider, and a provider’s model only there', async () => {
    expect(await ask({ deny: ['gpt-4*'] }, 'openai/gpt-4o')).toMatchObject({ code: 'model_not_allowed' });
    expect(await ask({ deny: ['gpt-4*'] }, 'openrouter/openai/GPT-4o')).toMatchObject({ code: 'model_not_allowed' });
    expect(await ask({ deny: ['openai/*'] }, 'azure/openai/gpt-4o')).toBe(true);
  });

  it('allows everything when it is told nothing', async () => {
    expect(await ask({}, 'any/model')).toBe(true);
  });

  it('names the route and the model, cut short', async () => {
    expect(await ask({ allow: ['a'] }, 'b'.repeat(1000))).toMatchObject({
      message: `Route "llm" does not allow the model "${'b'.repeat(100)}".`,
    });
  });
});
