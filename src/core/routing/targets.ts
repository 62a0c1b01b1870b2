import type { PlanOption, VirtualModel } from '../plan.ts';
import type { Target } from '../strategy.ts';

/** Every target that a virtual model may come to, those of nested ones included, in the order of the document. */
export function targetsIn({ options }: Pick<VirtualModel, 'options'>): readonly Target[] {
  return options.flatMap((option: PlanOption) => ('virtual' in option ? targetsIn(option.virtual) : [option]));
}
