import type { Policy } from '../core/policy.ts';
import { loop } from './loop.ts';
import { models } from './models.ts';
import { prompt } from './prompt.ts';
import { terms } from './terms.ts';

export const policies: readonly Policy[] = [loop, models, prompt, terms];
