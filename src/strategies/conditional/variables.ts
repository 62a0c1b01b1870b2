import { Rule } from '../../core/cel/rule.ts';
import { BOOL, INT, STRING, type Variables } from '../../core/cel/types.ts';

/** What rules can ask of a call. */
export const variables = {
  model: STRING,
  stream: BOOL,
  dialect: STRING,
  operation: STRING,
  metadata: { kind: 'map' },
  claims: { kind: 'map' },
  headers: { kind: 'map', item: STRING },
  key: STRING,
  app: STRING,
  team: STRING,
  org: STRING,
  user: STRING,
  country: STRING,
  tokens: { kind: 'map', item: INT, fields: ['input', 'output'] },
  tools: { kind: 'list', item: STRING },
  images: INT,
  messages: INT,
  time: { kind: 'timestamp' },
} as const satisfies Variables;

/** What the variables stand for. A getter may throw. */
type Facts = { readonly [name in keyof typeof variables]: unknown };

/** Throws a `RuleFault` that says what is wrong with the text. */
export const routingRule = (text: string): Rule<Facts> => Rule.compile<Facts>(text, variables);
