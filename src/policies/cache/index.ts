import { definePolicy } from '../../core/policy.ts';
import { CacheRun } from './run.ts';
import { settings } from './settings.ts';

/** Gives an answer again to calls that ask for exactly the same, or for what means the same where that is said; and asks once for calls that come together. */
export const cache = definePolicy({
  name: 'cache',
  config: settings,
  kinds: ['llm'],
  examples: [
    { ttl: 300 },
    { ttl: 3600, stale: 600, share: 'org', temperature: 0, tags: ['faq'] },
    { ttl: 3600, semantic: { mode: 'verify', domain: 'closed', sample: 0.1, maxWrong: 0.02 } },
  ],
  touches: 'reads',
  open: (config, exchange) => new CacheRun(config, exchange),
});
