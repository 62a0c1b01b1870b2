import { type Checks, proofsOf, standingOf } from '../core/cache/checks.ts';
import type { Plan } from '../core/plan.ts';

/** A number that goes up and down, of each of some things. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: { readonly [label: string]: string }; readonly value: number }[];
}

type Counted = Checks & { readonly org: string; readonly route: string };

/** What came of answers that were given by meaning in the last thirty days, of each organisation and route. */
export function semanticGauges(counted: readonly Counted[], plan: Plan): readonly Gauge[] {
  const proofs = proofsOf(plan);
  const all = counted.map((each) => {
    const proof = proofs.get(each.route);
    const { serves, wrongShare } = standingOf(each, proof ?? { mode: 'shadow', maxWrong: 0, minChecks: 0 });
    return { ...each, ...wrongShare, serving: serves ? 1 : 0 };
  });
  const gauge = (name: string, help: string, value: (each: (typeof all)[number]) => number): Gauge => ({
    name: `semantic_${name}`,
    help,
    samples: all.map((each) => ({ labels: { org: each.org, route: each.route }, value: value(each) })),
  });
  return [
    gauge('hits', 'Calls that were given an answer by meaning in the last thirty days.', ({ hits }) => hits),
    gauge(
      'checked',
      'Answers given by meaning of which it is known whether they were right, in the last thirty days.',
      ({ checked }) => checked,
    ),
    gauge('wrong', 'Of those: they were not.', ({ wrong }) => wrong),
    gauge('wrong_share_low', 'Lower end of the 95 % interval of the share of wrong answers.', ({ low }) => low),
    gauge('wrong_share_high', 'Upper end of it, which must not be above the limit of the route.', ({ high }) => high),
    gauge('serving', 'Whether the route gives answers by meaning now.', ({ serving }) => serving),
  ];
}
