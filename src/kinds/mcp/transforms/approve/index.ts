import { z } from 'zod';
import { holdsNumbers } from '../../../../core/cache/exact-numbers.ts';
import type { Rule } from '../../../../core/cel/rule.ts';
import { shown } from '../../../../core/hidden-text.ts';
import { hashOf } from '../../../../core/stable-hash.ts';
import type { Wire } from '../../../../core/wire.ts';
import type { Ask, Source, SourceContext } from '../../sources/source.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { textOf } from '../../wire/message.ts';
import { type ArgumentFacts, argumentFacts, argumentRule } from '../argument-facts.ts';
import { argumentsOf } from '../arguments-of.ts';
import { callerFacts, expression } from '../caller.ts';
import { Lists } from '../lists.ts';
import { Sieve, toolLists } from '../sieve.ts';
import { defineTransform, handedOn, type TransformHome, written } from '../transform.ts';
import { byOperator } from './by-operator.ts';
import { byUser } from './by-user.ts';
import { previewOf } from './preview.ts';
import { roundOf } from './rounds.ts';

const config = z.strictObject({
  by: z
    .enum(['user', 'operator'])
    .describe('"user": who sits before the client is asked through it (elicitation). "operator": somebody with the admin API.'),
  tools: toolLists.shape.deny.describe('Of which tools, by name, by what they say of themselves, for whom; of every tool when absent.'),
  when: expression(argumentRule)
    .optional()
    .describe(
      'An expression in CEL over `args` and `caller`: calls for which it is false need nobody. One that cannot be judged needs somebody.',
    ),
  message: z.string().min(1).max(1_000).optional().describe('What a user is asked, before the name of the tool and its arguments.'),
  expires: z
    .int()
    .min(1_000)
    .max(604_800_000)
    .optional()
    .describe('Milliseconds an operator has to decide, and after that the caller to use it; 600,000 when absent.'),
  wait: z
    .int()
    .min(0)
    .max(600_000)
    .optional()
    .describe('Milliseconds a call waits for the operator before its caller is told to come back; 30,000 when absent.'),
});

type Settings = z.output<typeof config>;

/** Calls that a person must have said yes to. */
class Approving {
  readonly #settings: Settings;
  readonly #source: Source;
  readonly #home: TransformHome;
  readonly #lists: Lists;
  readonly #sieve: Sieve | undefined;
  readonly #when: Rule<ArgumentFacts> | undefined;
  readonly #of: string;

  constructor(settings: Settings, source: Source, home: TransformHome) {
    this.#settings = settings;
    this.#source = source;
    this.#home = home;
    this.#lists = new Lists(source, home);
    this.#sieve = settings.tools === undefined ? undefined : new Sieve({ deny: settings.tools });
    this.#when = settings.when === undefined ? undefined : argumentRule(settings.when);
    this.#of = hashOf(JSON.stringify([home.isRoute, settings]));
  }

  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const own = textOf(ask.params, 'name');
    if (ask.method !== 'tools/call' || own === undefined || !(await this.#isMeant(own, context))) return this.#source.request(ask, context);
    const { by, message, expires = 600_000, wait = 30_000 } = this.#settings;
    const args = argumentsOf(ask);
    if (!this.#isFor(args, context)) return this.#source.request(ask, context);
    // Numbers that JavaScript rounds are told apart as they are written.
    const asked = holdsNumbers(args.text) ? args.json() : [args.json(), args.text];
    const tool = shown(this.#home.exposed(own));
    const round = roundOf(ask, this.#of);
    const make = (passed: Ask) => this.#source.request(passed, context);
    const call = { of: this.#of, tool, preview: previewOf(args) };
    if (by === 'user') return byUser({ ...call, message }, round, ask, context, make);
    return byOperator({ ...call, source: this.#home.name, own, asked, expires, wait }, round, ask, context, make);
  }

  forget(): void {
    this.#lists.forget();
  }

  /** Whether these arguments need somebody's yes. Where that cannot be found out they do, as where JavaScript would round what is asked of. */
  #isFor(args: Wire, { caller }: SourceContext): boolean {
    if (this.#when === undefined || !holdsNumbers(args.text)) return true;
    const facts = argumentFacts(args.json(), caller);
    if (facts === undefined) return true;
    const { holds, fault } = this.#when.judge(facts);
    return holds || fault !== undefined;
  }

  /** Throws -32602 for a tool that its source does not list: nobody could say yes to what nobody can see. */
  async #isMeant(own: string, context: SourceContext): Promise<boolean> {
    const screen = this.#sieve?.for(callerFacts(context.caller));
    const names = [written(this.#home).name(own)];
    if (screen !== undefined && !screen.looks && screen.passes(names, {})) return false;
    const item = await this.#lists.find('tools', own, context);
    if (item === undefined) throw new RpcError(codes.invalidParams, `Unknown tool: ${this.#home.exposed(own).slice(0, 128)}`);
    return screen === undefined || !screen.passes(names, item);
  }
}

/** Calls of tools that are made when a person has said yes to them. */
export const approve = defineTransform({
  use: 'approve',
  config,
  examples: [
    { by: 'user', tools: [{ annotations: { destructiveHint: true } }], message: 'The assistant wants to change something.' },
    { by: 'operator', tools: ['transfer'], when: 'args.amount > 1000' },
    { by: 'operator', tools: ['delete_*', { name: 'transfer', when: 'caller.team != "finance"' }], expires: 900_000, wait: 0 },
  ],
  problems: ({ by, message, expires, wait }) => [
    ...(by === 'operator' && message !== undefined ? [{ path: 'message', message: 'is for users: operators see the call itself' }] : []),
    ...(by === 'user' && expires !== undefined ? [{ path: 'expires', message: 'is for operators: users are waited for ten minutes' }] : []),
    ...(by === 'user' && wait !== undefined ? [{ path: 'wait', message: 'is for operators: users are waited for ten minutes' }] : []),
  ],
  wrap(settings, source, home) {
    const approving = new Approving(settings, source, home);
    const { listen } = source;
    return {
      ...handedOn(source),
      request: (ask, context) => approving.request(ask, context),
      ...(listen === undefined
        ? {}
        : {
            listen: (filter, context) => {
              const notify: SourceContext['notify'] = (method, params) => {
                if (method.endsWith('/list_changed')) approving.forget();
                context.notify(method, params);
              };
              return source.listen?.(filter, { ...context, notify }) ?? Promise.resolve();
            },
          }),
    };
  },
});
