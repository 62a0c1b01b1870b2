import type { Strategy } from '../core/strategy.ts';
import { failover } from './failover.ts';
import { weighted } from './weighted.ts';

export const strategies: readonly Strategy[] = [failover, weighted];
