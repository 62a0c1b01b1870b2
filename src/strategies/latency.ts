import { z } from 'zod';
import type { TargetHealth } from '../core/health.ts';
import { byHealth, healthyFirst, rising, withHealth } from '../core/ordering.ts';
import { defineStrategy, type Target } from '../core/strategy.ts';

const config = z.strictObject({
  tolerance: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('Only targets at most so much slower than the fastest are drawn: 0.5 is half as slow again. Absent: all are.'),
  explore: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe(
      'The part of the calls that goes to targets whose times are not known, as long as there are any; and a tenth of it to others than the fastest, whose times may have changed.',
    ),
});

/** Of what is explored, the part that looks at known times anew. */
const AGAIN = 0.1;

interface Seen {
  readonly target: Target;
  readonly health: TargetHealth;
  readonly index: number;
}

interface Timed extends Seen {
  /** Milliseconds that this call is expected to take there, times the calls that share it. */
  readonly ms: number;
}

/**
 * The faster of two that are drawn comes first, the rest behind it by time. Were it always the fastest, all isolates would
 * run to it at once, and make it the slowest (power of two choices: Mitzenmacher, 2001). A time is the peak-sensitive
 * average of the first token and the length of the answer at the usual speed, for each call that is already under way.
 */
export const latency = defineStrategy({
  name: 'latency',
  config,
  examples: [{}, { tolerance: 0.5 }, { explore: 0.02 }],
  order(targets, { tolerance, explore }, _call, _exchange, tools) {
    const seen = withHealth(targets, tools).map((each, index) => ({ ...each, index }));
    const { closed, open } = byHealth(seen);
    const { known, unknown } = timed(closed, tools.size().output);
    const news = shuffled(unknown, tools.random).sort((a, b) => a.health.inFlight - b.health.inFlight);
    const point = tools.random();
    const isNew = news.length > 0 && (known.length === 0 || point < explore);
    const isOld = !isNew && known.length > 1 && point < explore * AGAIN;
    const [tried, ...later] = isNew ? news : [];
    const timely = isOld ? oneOfTheRest(known, tools.random) : drawTwo(known, tolerance, tools.random);
    const placed: readonly (Seen | Timed)[] = tried === undefined ? [...timely, ...news, ...open] : [tried, ...known, ...later, ...open];
    return healthyFirst(
      placed.map((each, at) => ({ ...each, why: whyOf(each, at === 0 && (isNew || isOld)) })),
      tools,
    );
  },
});

function whyOf(each: Seen | Timed, isTried: boolean): string {
  const time = 'ms' in each ? `${each.ms < 10 ? each.ms.toPrecision(2) : Math.round(each.ms)} ms expected` : 'its time is not known';
  return isTried ? `${time}: asked to learn it` : time;
}

/** Those whose time is known, fastest first, and the others: what has been failing is not what it was. */
function timed(targets: readonly Seen[], output: number) {
  const isUnknown = ({ health }: Seen) => health.firstTokenMs === undefined || health.state === 'half-open';
  const unknown = targets.filter(isUnknown);
  const speeds = targets.flatMap(({ health: { tokensPerSecond = 0 } }) => (tokensPerSecond > 0 ? [tokensPerSecond] : []));
  // A speed that was not seen yet counts as the best of the others: it is seen with the next answer.
  const best = Math.max(0, ...speeds);
  const known = targets.flatMap((each): Timed[] => {
    const { firstTokenMs, tokensPerSecond = 0, inFlight } = each.health;
    if (firstTokenMs === undefined || isUnknown(each)) return [];
    const speed = tokensPerSecond > 0 ? tokensPerSecond : best;
    const answer = speed > 0 ? (output / speed) * 1000 : 0;
    return [{ ...each, ms: (Math.max(0, firstTokenMs) + answer) * (inFlight + 1) }];
  });
  return { known: known.sort((a, b) => rising(a.ms, b.ms) || a.index - b.index), unknown };
}

/** Fastest first; the faster of two drawn ones in front. */
function drawTwo(known: readonly Timed[], tolerance: number | undefined, random: () => number): readonly Timed[] {
  const [fastest] = known;
  if (fastest === undefined) return known;
  const most = tolerance === undefined ? known.length : known.filter(({ ms }) => ms <= fastest.ms * (1 + tolerance)).length;
  const one = Math.floor(random() * most);
  const other = most < 2 ? one : (one + 1 + Math.floor(random() * (most - 1))) % most;
  const at = Math.min(one, other);
  return [...known.slice(at, at + 1), ...known.slice(0, at), ...known.slice(at + 1)];
}

/** One that is not the fastest in front, whichever. */
function oneOfTheRest(known: readonly Timed[], random: () => number): readonly Timed[] {
  const at = 1 + Math.floor(random() * (known.length - 1));
  return [...known.slice(at, at + 1), ...known.slice(0, at), ...known.slice(at + 1)];
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, point: random() }))
    .sort((a, b) => a.point - b.point)
    .map(({ item }) => item);
}
