import { compile, type Facts, type Term } from './compile.ts';
import { refuse } from './fault.ts';
import { parse } from './parser.ts';
import type { Variables } from './types.ts';

/** UTF-16 units of an expression. */
export const MOST_CHARACTERS = 2_000;
/** Of a reason that is told. */
const MOST_REASON = 200;

/** What a rule said of a call. Where it could not be worked out it counts as false. */
export type Verdict = { readonly holds: boolean; readonly fault?: undefined } | { readonly holds: false; readonly fault: string };

const TRUE: Verdict = { holds: true };
const FALSE: Verdict = { holds: false };

/**
 * One expression in the Common Expression Language (https://github.com/google/cel-spec), compiled. What is misspelt, and
 * types that do not fit, are found when it is read. It takes time in proportion to its own length and to what a call
 * sends, and no more. `Known`: what its variables stand for; a getter may throw.
 */
export class Rule<Known extends object> {
  readonly #term: Term;

  private constructor(term: Term) {
    this.#term = term;
  }

  /** Throws a `RuleFault` that says what is wrong with it. */
  static compile<Known extends object>(text: string, variables: Variables & { readonly [name in keyof Known]: unknown }): Rule<Known> {
    if (text.length > MOST_CHARACTERS) throw refuse(`it is longer than ${MOST_CHARACTERS} characters`);
    const term = compile(parse(text), { variables });
    const { kind } = term.type;
    if (kind !== 'bool' && kind !== 'dyn') throw refuse(`it gives a value of type ${kind}, and a rule is true or false`);
    return new Rule<Known>(term);
  }

  /** Never throws. */
  judge(facts: Known): Verdict {
    try {
      const value = this.#term.run(facts as Facts, undefined);
      if (typeof value === 'boolean') return value ? TRUE : FALSE;
      return { holds: false, fault: 'it gives neither true nor false' };
    } catch (error) {
      return { holds: false, fault: (error instanceof Error ? error.message : String(error)).slice(0, MOST_REASON) };
    }
  }
}
