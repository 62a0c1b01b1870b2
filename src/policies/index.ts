import type { Policy } from '../core/policy.ts';
import { cache } from './cache/index.ts';
import { loop } from './loop.ts';
import { models } from './models.ts';
import { prompt } from './prompt.ts';
import { terms } from './terms.ts';

export const policies: readonly Policy[] = [cache, loop, models, prompt, terms];
