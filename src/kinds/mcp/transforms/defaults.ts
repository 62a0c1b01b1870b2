import { z } from 'zod';
import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { Ask, Caller } from '../sources/source.ts';
import { textOf } from '../wire/message.ts';
import { argumentsOf, withArguments } from './arguments-of.ts';
import { filled, placeFault, placesIn, Unfilled } from './filled.ts';
import { notAllowed } from './refusals.ts';
import { defineTransform, handedOn, remembered, written } from './transform.ts';

const value = z.json();
const argument = z.union([z.strictObject({ default: value }), z.strictObject({ fixed: value })]);

const config = z.strictObject({
  tools: z
    .record(z.string().min(1).max(256), z.record(z.string().min(1).max(256), argument))
    .describe(
      'By the names of tools and of their arguments: `default` is sent where the caller sends none; `fixed` always, and the argument is not shown. Texts may hold places such as `{{caller.user}}`.',
    ),
});

interface Given {
  readonly name: string;
  readonly value: Json;
  readonly isFixed: boolean;
}

const givenOf = (name: string, said: z.output<typeof argument>): Given =>
  'fixed' in said ? { name, value: said.fixed, isFixed: true } : { name, value: said.default, isFixed: false };

/** The schema as callers see it: without what is fixed, and with nothing required that has a value already. */
function shown(schema: JsonObject, given: readonly Given[]): JsonObject {
  const { properties, required, ...rest } = schema;
  const before = isObject(properties) ? properties : {};
  const known = new Map(given.map((each) => [each.name, each]));
  const entries = Object.entries(before).flatMap(([name, property]): [string, Json][] => {
    const each = known.get(name);
    if (property === undefined || each?.isFixed === true) return [];
    const isPlain = each !== undefined && placesIn(each.value).length === 0;
    return [[name, isPlain && isObject(property) ? { ...property, default: each.value } : property]];
  });
  const left = isArray(required) ? required.filter((name) => typeof name !== 'string' || !known.has(name)) : [];
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: Object.fromEntries(entries) }),
    ...(left.length === 0 ? {} : { required: left }),
  };
}

function filledIn(ask: Ask, given: readonly Given[], caller: Caller): Ask {
  const args = argumentsOf(ask);
  const wanted = given.filter(({ name, isFixed }) => isFixed || !args.fields.has(name));
  if (wanted.length === 0) return ask;
  return withArguments(ask, args.with(Object.fromEntries(wanted.map((each) => [each.name, valueFor(each, caller)]))));
}

function valueFor({ name, value: template }: Given, caller: Caller): Json {
  try {
    return filled(template, caller);
  } catch (thrown) {
    if (!(thrown instanceof Unfilled)) throw thrown;
    throw notAllowed(
      `The gateway fills in the argument "${name}" of this tool from ${thrown.place}, which your credential does not say: use one that does, or ask the operator.`,
    );
  }
}

/** Arguments that callers need not send, or must not. */
export const defaults = defineTransform({
  use: 'defaults',
  config,
  examples: [
    { tools: { search_web: { region: { default: 'eu' }, limit: { default: 10 } } } },
    {
      tools: {
        search_web: { region: { fixed: '{{caller.claims.region|caller.team}}' } },
        list_crm: { filter: { fixed: { owner: '{{caller.user}}' } } },
      },
    },
  ],
  problems: ({ tools }) =>
    Object.entries(tools).flatMap(([tool, given]) =>
      Object.entries(given).flatMap(([name, said]) => {
        const fault = placeFault(givenOf(name, said).value);
        return fault === undefined ? [] : [{ path: 'tools', message: `of "${tool}", argument "${name}" ${fault}` }];
      }),
    ),
  wrap({ tools }, source, home) {
    const all = new Map(
      Object.entries(tools).map(([tool, given]) => [tool, Object.entries(given).map(([name, said]) => givenOf(name, said))]),
    );
    const of = (own: string) => all.get(written(home).name(own));
    const listed = remembered((item) => {
      const given = typeof item.name === 'string' ? of(item.name) : undefined;
      return given === undefined || !isObject(item.inputSchema) ? item : { ...item, inputSchema: shown(item.inputSchema, given) };
    });
    return {
      ...handedOn(source),
      async list(what, cursor, context) {
        const page = await source.list(what, cursor, context);
        return what === 'tools' ? { ...page, items: page.items.map(listed) } : page;
      },
      async request(ask, context) {
        const given = ask.method === 'tools/call' ? of(textOf(ask.params, 'name') ?? '') : undefined;
        return source.request(given === undefined ? ask : filledIn(ask, given, context.caller), context);
      },
    };
  },
});
