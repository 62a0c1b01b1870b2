import { z } from 'zod';
import type { Rule } from '../../../../core/cel/rule.ts';
import { matchesGlob } from '../../../../core/glob.ts';
import type { JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import type { Ask, Caller } from '../../sources/source.ts';
import { failed } from '../../sources/tool-result.ts';
import { textOf } from '../../wire/message.ts';
import { type ArgumentFacts, argumentFacts, argumentRule, MOST_VALUES } from '../argument-facts.ts';
import { argumentsOf } from '../arguments-of.ts';
import { expression } from '../caller.ts';
import { notAllowed } from '../refusals.ts';
import { defineTransform, handedOn, written } from '../transform.ts';
import { ArgumentSchema, schemaFault } from './schema.ts';

const rule = z.strictObject({
  must: expression(argumentRule).describe('An expression in CEL over `args` and `caller` that must be true.'),
  say: z.string().min(1).max(1_024).describe('What the caller is told where it is not: what to do instead.'),
});

const config = z.strictObject({
  tools: z
    .record(
      z.string().min(1).max(256),
      z.strictObject({
        schema: z.record(z.string(), z.json()).optional().describe('A JSON Schema (2020-12) that the arguments must fit.'),
        rules: z.array(rule).max(64).optional().describe('All of them must be true.'),
      }),
    )
    .describe('By names of tools, with * for any text: what arguments must meet before a call goes on.'),
});

type Said = z.output<typeof config>['tools'][string];

/** What must hold for the tools that a pattern names. */
class Demand {
  readonly #schema: ArgumentSchema | undefined;
  readonly #rules: readonly { readonly must: Rule<ArgumentFacts>; readonly say: string }[];

  constructor({ schema, rules = [] }: Said) {
    this.#schema = schema === undefined ? undefined : new ArgumentSchema(schema);
    this.#rules = rules.map(({ must, say }) => ({ must: argumentRule(must), say }));
  }

  faults(args: JsonObject): readonly string[] {
    return this.#schema?.faults(args) ?? [];
  }

  /** Throws where the operator does not allow it. */
  check(args: JsonObject, caller: Caller): void {
    if (this.#rules.length === 0) return;
    const facts = argumentFacts(args, caller);
    if (facts === undefined)
      throw notAllowed(`The arguments hold more than ${MOST_VALUES} values, which are too many to be checked: send fewer.`);
    for (const { must, say } of this.#rules) {
      const { holds, fault } = must.judge(facts);
      if (!holds) throw notAllowed(fault === undefined ? say : `${say} (${fault})`);
    }
  }
}

/** What a model is told that got the arguments wrong: it may try again (2025-11-25, "Error Handling" of tools). */
const misfit = (faults: readonly string[]): Wire =>
  Wire.of({
    ...failed(`The arguments do not fit what this tool takes here. Correct them and call it again:\n- ${faults.join('\n- ')}`),
    _meta: { 'weir/refused': { code: 'invalid_request' } },
  });

/** The arguments of a call, or why they are not let through. */
function judged(ask: Ask, demands: readonly Demand[], caller: Caller): Wire | undefined {
  const args = argumentsOf(ask).json();
  const faults = demands.flatMap((demand) => demand.faults(args));
  if (faults.length > 0) return misfit(faults);
  for (const demand of demands) demand.check(args, caller);
  return undefined;
}

/** What arguments must meet before a call goes on. */
export const args = defineTransform({
  use: 'arguments',
  config,
  examples: [
    {
      tools: {
        transfer: {
          schema: {
            type: 'object',
            properties: { currency: { enum: ['EUR', 'CHF'] }, to: { type: 'string', pattern: '^[A-Z]{2}[0-9]{13,32}$' } },
          },
          rules: [
            { must: 'args.amount <= 1000 || "finance" in caller.scopes', say: 'More than 1,000 needs the scope "finance": transfer less.' },
          ],
        },
      },
    },
    { tools: { '*_file': { rules: [{ must: 'args.path.startsWith("/shared/")', say: 'Only files under /shared/ can be used.' }] } } },
  ],
  problems: ({ tools }) =>
    Object.entries(tools).flatMap(([tool, { schema, rules }]) => {
      const fault = schema === undefined ? undefined : schemaFault(schema);
      if (fault !== undefined) return [{ path: 'tools', message: `of "${tool}", schema ${fault}` }];
      return schema === undefined && rules === undefined ? [{ path: 'tools', message: `of "${tool}" must have schema or rules` }] : [];
    }),
  wrap({ tools }, source, home) {
    // Made when they are first needed: a schema that was refused is never compiled.
    let demands: readonly (readonly [string, Demand])[] | undefined;
    const demandsOf = (own: string): readonly Demand[] => {
      demands ??= Object.entries(tools).map(([glob, said]) => [glob, new Demand(said)] as const);
      const name = written(home).name(own).toLowerCase();
      return demands.filter(([glob]) => matchesGlob(glob, name)).map(([, demand]) => demand);
    };
    return {
      ...handedOn(source),
      async request(ask, context) {
        const wanted = ask.method === 'tools/call' ? demandsOf(textOf(ask.params, 'name') ?? '') : [];
        const refused = wanted.length === 0 ? undefined : judged(ask, wanted, context.caller);
        return refused ?? source.request(ask, context);
      },
    };
  },
});
