import { z } from 'zod';
import { celMap } from '../../../core/cel/json-values.ts';
import { MOST_CHARACTERS, Rule } from '../../../core/cel/rule.ts';
import { STRING, type Variables } from '../../../core/cel/types.ts';
import type { Caller } from '../sources/source.ts';

/** What conditions can ask of who calls. */
export const callerVariables = {
  caller: {
    kind: 'map',
    members: {
      ...{ org: STRING, team: STRING, app: STRING, key: STRING, user: STRING, run: STRING },
      scopes: { kind: 'list', item: STRING },
      claims: { kind: 'map' },
      metadata: { kind: 'map' },
    },
  },
} as const satisfies Variables;

export interface CallerFacts {
  readonly caller: ReadonlyMap<string, unknown>;
}

/** Who calls, as conditions see it: a user or run that nobody names is `""`, and there are no scopes where the credential knows none. */
export const callerFacts = ({ org, team, app, keyId, user = '', run = '', scopes = [], claims, metadata }: Caller): CallerFacts => ({
  caller: new Map<string, unknown>([
    ...Object.entries({ org, team, app, key: keyId, user, run, scopes }),
    ['claims', celMap(claims)],
    ['metadata', celMap(metadata)],
  ]),
});

/** An expression over the caller alone. Throws a `RuleFault`. */
export const callerRule = (text: string): Rule<CallerFacts> => Rule.compile<CallerFacts>(text, callerVariables);

/**
 * The schema of an expression. It stays text: settings travel as JSON to where they are compiled, which is where they are
 * used (`wrap`).
 */
export const expression = (compile: (text: string) => unknown) =>
  z
    .string()
    .max(MOST_CHARACTERS)
    .superRefine((text, context) => {
      try {
        compile(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: `is not a rule: ${error instanceof Error ? error.message : 'it cannot be read'}` });
      }
    });

export const condition = expression(callerRule).describe(
  'An expression in CEL over `caller`: org, team, app, key, user, run, scopes, claims, metadata.',
);
