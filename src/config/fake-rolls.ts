import { z } from 'zod';
import { fakeDialect } from '../core/fakes.ts';
import { defineIdentity } from '../core/identity.ts';
import { definePolicy } from '../core/policy.ts';
import type { Provider } from '../core/provider.ts';
import { defineStrategy } from '../core/strategy.ts';
import type { Rolls } from './rolls.ts';

// Small shelves for the tests of the configuration, which must not depend on what is on the real ones.

const unused = (): never => {
  throw new Error('the configuration never calls a provider');
};

const providers: readonly Provider[] = [
  {
    id: 'openai',
    name: 'OpenAI',
    dialects: { 'openai-chat': true },
    baseUrl: 'https://api.openai.com/v1',
    auth: { scheme: 'bearer' },
    secret: 'OPENAI_API_KEY',
    owns: ['gpt-'],
  },
  {
    id: 'anthropic',
    name: 'Anthropic',
    dialects: { anthropic: true },
    baseUrl: 'https://api.anthropic.com/v1',
    auth: { scheme: 'header', name: 'x-api-key' },
    secret: 'ANTHROPIC_API_KEY',
    headers: { 'anthropic-version': '2023-06-01' },
    quirks: { streamUsage: false },
  },
  {
    id: 'both',
    name: 'Both',
    dialects: { 'openai-chat': true, anthropic: 'https://both.example.com/anthropic' },
    baseUrl: 'https://both.example.com/v1',
    auth: { scheme: 'bearer' },
    secret: 'BOTH_API_KEY',
  },
  { id: 'ollama', name: 'Ollama', dialects: { 'openai-chat': true }, baseUrl: 'http://127.0.0.1:11434/v1', auth: { scheme: 'none' } },
  {
    id: 'sandbox',
    name: 'Sandbox',
    dialects: { 'openai-chat': true },
    baseUrl: 'https://sandbox.invalid/v1',
    auth: { scheme: 'none' },
    respond: unused,
  },
];

const order = <T>(targets: T): T => targets;

export const fakeRolls: Rolls = {
  dialects: [fakeDialect({ id: 'openai-chat', path: '/chat/completions' }), fakeDialect({ id: 'anthropic', path: '/v1/messages' })],
  providers,
  policies: [
    definePolicy({
      name: 'mask',
      config: z.object({ words: z.array(z.string()).min(1), shout: z.boolean().default(false) }),
      touches: ({ shout }) => (shout ? 'edits' : 'reads'),
      examples: [{ words: ['a'] }, { words: ['a'], shout: true }],
      open: () => ({}),
    }),
    definePolicy({ name: 'trace', config: z.object({}), touches: 'nothing', examples: [{}], open: () => ({}) }),
  ],
  strategies: [
    defineStrategy({ name: 'failover', config: z.object({}), examples: [{}], order }),
    defineStrategy({ name: 'sticky', config: z.object({ by: z.enum(['key', 'run']) }), examples: [{ by: 'key' }], order }),
  ],
  identities: [
    defineIdentity({
      use: 'badge',
      config: z.strictObject({ colour: z.string(), admin: z.literal(true).optional() }),
      examples: [{ use: 'badge', name: 'b', colour: 'red', as: { app: 'dev' } }],
      facts: ['badge'],
      problems: ({ colour }) => (colour === 'invisible' ? [{ path: 'colour', message: 'cannot be seen' }] : []),
      witness: () => ({ prove: () => undefined }),
    }),
    defineIdentity({
      use: 'anybody',
      config: z.strictObject({}),
      examples: [{ use: 'anybody', name: 'a', as: { app: 'dev' }, limits: [{ unit: 'requests', limit: 1, window: '1m' }] }],
      facts: [],
      anybody: true,
      witness: () => ({ prove: () => ({ facts: {} }) }),
    }),
  ],
};
