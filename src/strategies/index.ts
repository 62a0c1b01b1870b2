import type { Strategy } from '../core/strategy.ts';
import { auto } from './auto/index.ts';
import { canary } from './canary.ts';
import { conditional } from './conditional/index.ts';
import { cost } from './cost.ts';
import { failover } from './failover.ts';
import { headroom } from './headroom.ts';
import { latency } from './latency.ts';
import { leastBusy } from './least-busy.ts';
import { semantic } from './semantic/index.ts';
import { weighted } from './weighted.ts';

export const strategies: readonly Strategy[] = [
  failover,
  weighted,
  canary,
  latency,
  cost,
  leastBusy,
  headroom,
  conditional,
  auto,
  semantic,
];
