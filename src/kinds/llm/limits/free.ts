import type { Foreseen } from '../../../core/hold.ts';
import { nanoUsd } from '../../../core/money.ts';

/** A call to a provider that charges nothing for it: lists, files, counts. It takes its place among requests all the same. */
export const freeCall = (provider: string): Foreseen => ({
  provider,
  model: '',
  usage: { input: 0, output: 0 },
  cost: nanoUsd(0),
  isFree: true,
});
