import { GatewayError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { compile } from './compile.ts';
import { fakeRolls as rolls } from './fake-rolls.ts';
import type { Problem } from './problems.ts';

// How the tests of the configuration compile documents. Production code must not import this file.

export const deployed = (document: unknown): Plan => compile(document, { revision: 7, local: false, rolls });
export const local = (document: unknown): Plan => compile(document, { revision: 7, local: true, rolls });

/** What is wrong with a document, by who compiles it; nothing where it makes a plan. */
export function problemsOf(make: () => unknown): readonly Problem[] {
  try {
    make();
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'config_invalid') return thrown.details.problems ?? [];
    throw thrown;
  }
  return [];
}

export const pathsOf = (document: unknown, compiler = deployed) => problemsOf(() => compiler(document)).map(({ path }) => path);
