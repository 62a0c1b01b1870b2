import type { AnswerCache } from '../../core/cache/port.ts';
import { isPurged } from '../../core/cache/purge.ts';
import type { AnswerLabels, StoredAnswer } from '../../core/cache/stored-answer.ts';
import type { Clock } from '../../core/ports.ts';
import type { AnswerMemory } from './memory.ts';
import type { Purges } from './purges.ts';
import type { SealedLayers } from './sealed-layers.ts';

type After = (work: Promise<unknown>) => void;

export interface AnswersOptions {
  readonly clock: Clock;
  readonly memory: AnswerMemory;
  /** Absent: nothing can be thrown away. */
  readonly purges?: Purges | undefined;
  /** Absent: answers are kept in the isolate alone. */
  readonly layers?: SealedLayers | undefined;
}

/** Answers of one isolate, and behind them those of all. */
export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** For one request, whose writes go behind its answer. */
  for(after: After): AnswerCache {
    const { memory, layers, clock } = this.#options;
    return {
      flights: memory.flights,
      digests: memory.digests,
      get: (key, of) => this.#get(key, of, after),
      put: (key, answer) => {
        memory.put(key, answer);
        if (layers !== undefined) after(layers.write(key, answer, clock.now()).catch(() => undefined));
      },
    };
  }

  async #get(key: string, { org }: Pick<AnswerLabels, 'org' | 'app'>, after: After): Promise<StoredAnswer | undefined> {
    const { memory, layers, purges, clock } = this.#options;
    const holds = (answer: StoredAnswer) => answer.of.org === org && answer.until > clock.now();
    const near = memory.get(key);
    const found = near ?? (await layers?.read(key, org).catch(() => undefined));
    if (found === undefined || !holds(found)) return undefined;
    const marks = purges === undefined ? [] : await purges.of(org, after);
    // What may have been thrown away is not given.
    if (marks === undefined) return undefined;
    let answer: StoredAnswer | undefined = found;
    if (near !== undefined && isPurged(key, near, marks)) {
      memory.delete(key);
      // Another isolate may have asked anew since then.
      answer = await layers?.read(key, org).catch(() => undefined);
    }
    if (answer === undefined || !holds(answer) || isPurged(key, answer, marks)) return undefined;
    if (answer !== near) memory.put(key, answer);
    return answer;
  }
}
