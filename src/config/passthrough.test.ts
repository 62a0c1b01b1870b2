import { expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { compile } from './compile.ts';
import { rolls } from './rolls.ts';

const compiled = (providers: object) => compile({ providers }, { revision: 1, local: false, rolls });

function problems(providers: object) {
  try {
    compiled(providers);
    return [];
  } catch (thrown) {
    return thrown instanceof GatewayError ? (thrown.details.problems ?? []).map(({ path }) => path) : [];
  }
}

it("a provider may be asked with the caller's own credential, which is then the only one", () => {
  const plan = compiled({ openai: { key: { passthrough: true } } });
  expect(plan.providers.get('openai')).toMatchObject({ passthrough: true, configured: true });
  expect(plan.providers.get('anthropic')).not.toHaveProperty('passthrough');
  expect(problems({ openai: { key: { passthrough: false } } })).toEqual(['providers.openai.key.passthrough']);
  expect(problems({ openai: { key: { passthrough: true, secret: 'OPENAI_API_KEY' } } })).toEqual(['providers.openai.key']);
});

it('not one whose requests are signed: a signature is of one request', () => {
  expect(problems({ bedrock: { key: { passthrough: true } } })).toContain('providers.bedrock.key.passthrough');
});
