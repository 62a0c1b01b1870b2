import { z } from 'zod';
import { patternFault } from '../../../../core/bounded-pattern.ts';
import { matchesGlob } from '../../../../core/glob.ts';
import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { Ask, Source, SourceContext } from '../../sources/source.ts';
import { RpcError } from '../../wire/errors.ts';
import { textOf } from '../../wire/message.ts';
import { argumentsOf, withArguments } from '../arguments-of.ts';
import { defineTransform, handedOn, remembered, type TransformHome, written } from '../transform.ts';
import { cutFrom, eachRead, eachText, pathOf } from './paths.ts';
import { cutObject, cutResult, type ResultCut } from './results.ts';
import { TextMask } from './texts.ts';

const path = z
  .string()
  .max(512)
  .regex(/^[^.]+(?:\.[^.]+){0,31}$/, { error: 'is no path: names with dots between them, as customer.email' });
const paths = z.array(path).min(1).max(256).optional();

const side = z
  .strictObject({
    remove: paths.describe('Members that are taken away, as `customer.email`: lists are gone through, `*` is any member.'),
    mask: paths.describe('Members whose value is replaced.'),
    terms: z
      .array(z.string().min(1).max(256))
      .min(1)
      .max(1_000)
      .optional()
      .describe('Words that are replaced in texts, whatever their case.'),
    patterns: z
      .array(z.string().max(500))
      .min(1)
      .max(64)
      .optional()
      .describe('Regular expressions for what is replaced in texts, without repetitions that have no end: `INV-\\d{4,12}`.'),
  })
  .optional();

const config = z.strictObject({
  tools: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(256)
    .optional()
    .describe('Names of the tools that it is for, with * for any text; all of them, and prompts and resources, when absent.'),
  arguments: side.describe('What servers are not told.'),
  results: side.describe('What callers are not told.'),
  with: z.string().max(64).optional().describe('What stands in the place of what is masked; "[redacted]" when absent.'),
});

type Side = z.output<typeof side>;

const cutOf = (written: NonNullable<Side>, mask: string): ResultCut => ({
  remove: (written.remove ?? []).map(pathOf),
  mask: (written.mask ?? []).map(pathOf),
  with: mask,
  texts: new TextMask({ terms: written.terms ?? [], patterns: written.patterns ?? [], with: mask }),
});

const nothing = () => undefined;

class Redacted {
  readonly #out: ResultCut | undefined;
  readonly #back: ResultCut | undefined;
  readonly #tools: readonly string[] | undefined;
  readonly #source: Source;
  readonly #home: TransformHome;

  constructor(settings: z.output<typeof config>, source: Source, home: TransformHome) {
    const { with: mask = '[redacted]', tools } = settings;
    this.#out = settings.arguments && cutOf(settings.arguments, mask);
    this.#back = settings.results && cutOf(settings.results, mask);
    this.#tools = tools;
    this.#source = source;
    this.#home = home;
  }

  /** As it is listed: a result that was cut need not fit what the tool says of its results. */
  shown(item: JsonObject): JsonObject {
    if (this.#back === undefined || typeof item.name !== 'string' || !this.#isFor(item.name)) return item;
    const { outputSchema: _, ...rest } = item;
    return rest;
  }

  async request(ask: Ask, context: SourceContext) {
    const back = this.#concerns(ask) ? this.#back : undefined;
    const asked = this.#out !== undefined && this.#concerns(ask) ? cutAsk(ask, this.#out) : ask;
    if (back === undefined) return this.#source.request(asked, context);
    try {
      return cutResult(await this.#source.request(asked, hearing(context, back)), back);
    } catch (thrown) {
      throw thrown instanceof RpcError ? cutError(thrown, back) : thrown;
    }
  }

  /** What a server tells by itself comes without the name of a tool, as results of tasks do. */
  hears(context: SourceContext): SourceContext {
    return this.#back === undefined ? context : hearing(context, this.#back);
  }

  #isFor(own: string): boolean {
    const name = written(this.#home).name(own).toLowerCase();
    return this.#tools === undefined || this.#tools.some((glob) => matchesGlob(glob, name));
  }

  /** Results of tasks come without the name of their tool: any may be one that is meant. */
  #concerns({ method, params }: Ask): boolean {
    if (method === 'tools/call') return this.#isFor(textOf(params, 'name') ?? '');
    return this.#tools === undefined || method.startsWith('tasks/');
  }
}

/** What leaves for the server: arguments, and what its questions were answered with. */
function cutAsk(ask: Ask, cut: ResultCut): Ask {
  const over = (value: Json) => (cut.texts.isNothing ? value : eachText(value, cut.texts.over));
  const cutArguments = (given: Ask): Ask => {
    if (!given.params.fields.has('arguments')) return given;
    const args = argumentsOf(given);
    const changes: { [name: string]: Json | undefined } = {};
    const left = over(cutFrom(args.json(), { ...cut, taken: nothing }));
    for (const [name, value] of Object.entries(args.json())) {
      const now = isObject(left) ? left[name] : undefined;
      if (now !== value) changes[name] = now;
    }
    return Object.keys(changes).length === 0 ? given : withArguments(given, args.with(changes));
  };
  const after = ask.method === 'tools/call' || ask.method === 'prompts/get' ? cutArguments(ask) : ask;
  const responses = after.params.fields.get('inputResponses');
  const answered = responses === undefined ? undefined : over(responses);
  return answered === responses || answered === undefined ? after : { ...after, params: after.params.with({ inputResponses: answered }) };
}

/** What is told and asked while a call runs is read by the same people and models as its result. */
function hearing(context: SourceContext, cut: ResultCut): SourceContext {
  const over = (params: JsonObject) => eachRead(params, cut.texts.over);
  const heard = (method: string, params: JsonObject) => {
    if (method.startsWith('notifications/tasks')) return cutObject(params, cut);
    return method.endsWith('/message') || method.endsWith('/progress') ? over(params) : params;
  };
  return {
    ...context,
    notify: (method, params) => context.notify(method, heard(method, params)),
    ask: (question) => context.ask({ ...question, params: over(question.params) }),
  };
}

function cutError({ code, message, data, status, isForeign }: RpcError, { texts }: ResultCut): RpcError {
  return new RpcError(code, texts.over(message), {
    isForeign,
    ...(data === undefined ? {} : { data: eachText(data, texts.over) }),
    ...(status === undefined ? {} : { status }),
  });
}

/** What servers are not told, and what callers are not. */
export const redact = defineTransform({
  use: 'redact',
  config,
  examples: [
    { tools: ['crm_*'], results: { remove: ['*.internal'], mask: ['customer.email'] } },
    { arguments: { remove: ['why'], terms: ['Project Falcon'] }, results: { patterns: ['INV-\\d{4,12}'] }, with: '***' },
  ],
  problems: ({ arguments: out, results: back }) => [
    ...(out === undefined && back === undefined ? [{ path: 'results', message: 'must be given, or arguments' }] : []),
    ...[...Object.entries({ arguments: out, results: back })].flatMap(([at, said]) =>
      (said?.patterns ?? []).flatMap((pattern) => {
        const fault = patternFault(pattern) ?? (new RegExp(pattern, 'u').test('') ? 'fits the empty text' : undefined);
        return fault === undefined ? [] : [{ path: at, message: `has the pattern ${JSON.stringify(pattern)}, which ${fault}` }];
      }),
    ),
  ],
  wrap(settings, source, home) {
    // Made when it is first needed: a pattern that was refused is never compiled.
    let opened: Redacted | undefined;
    const redacted = () => {
      opened ??= new Redacted(settings, source, home);
      return opened;
    };
    const shown = remembered((item) => redacted().shown(item));
    return {
      ...handedOn(source),
      async list(what, cursor, context) {
        const page = await source.list(what, cursor, context);
        return what === 'tools' ? { ...page, items: page.items.map(shown) } : page;
      },
      request: async (ask, context) => redacted().request(ask, context),
      ...(source.listen === undefined
        ? {}
        : { listen: (filter, context) => source.listen?.(filter, redacted().hears(context)) ?? Promise.resolve() }),
    };
  },
});
