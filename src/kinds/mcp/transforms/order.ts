import { z } from 'zod';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { runSubject } from '../../../core/ledger/runs.ts';
import type { Wire } from '../../../core/wire.ts';
import type { Source, SourceContext } from '../sources/source.ts';
import { isTaskMethod } from '../tasks.ts';
import { objectOf, textOf } from '../wire/message.ts';
import { notAllowed } from './refusals.ts';
import { defineTransform, handedOn, type TransformHome, written } from './transform.ts';

const name = z.string().min(1).max(256);

const config = z.strictObject({
  after: z
    .record(name, z.union([name, z.array(name).min(1).max(64)]))
    .describe('By the name of a tool: the tools that must have succeeded before it, in the same run or session.'),
});

/** Where a session keeps what was done in it. */
const KEPT = 'order';
/** Of one session. */
const MOST_KEPT = 1_000;

/** What was done where a call belongs to: one owner knows it. */
interface Memory {
  done(steps: readonly string[]): Promise<readonly string[]>;
  note(step: string): Promise<void>;
}

class Ordered {
  readonly #after: ReadonlyMap<string, readonly string[]>;
  /** Tools that others come after. */
  readonly #first: ReadonlySet<string>;
  readonly #source: Source;
  readonly #home: TransformHome;

  constructor(settings: z.output<typeof config>, source: Source, home: TransformHome) {
    this.#after = new Map(Object.entries(settings.after).map(([tool, before]) => [tool, typeof before === 'string' ? [before] : before]));
    this.#first = new Set([...this.#after.values()].flat());
    this.#source = source;
    this.#home = home;
  }

  async call(...[ask, context]: Parameters<Source['request']>): Promise<Wire> {
    const tool = written(this.#home).name(textOf(ask.params, 'name') ?? '');
    const before = this.#after.get(tool);
    const memory = this.#memory(context);
    if (before !== undefined) await this.#check(tool, before, memory);
    const result = await this.#source.request(ask, context);
    if (memory === undefined || !this.#first.has(tool)) return result;
    const task = taskIn(result);
    if (task !== undefined) await remember(memory, this.#begun(task, tool));
    else if (isDone(result)) await remember(memory, this.#step(tool));
    return result;
  }

  /** A request about a task: where it has come to its end, so has the call that became it. */
  async task(...[ask, context]: Parameters<Source['request']>): Promise<Wire> {
    const result = await this.#source.request(ask, context);
    const id = textOf(ask.params, 'taskId');
    const memory = id !== undefined && hasSucceeded(ask.method, result) ? this.#memory(context) : undefined;
    if (id === undefined || memory === undefined) return result;
    const begun = [...this.#first].map((tool) => [tool, this.#begun(id, tool)] as const);
    const known = new Set(await memory.done(begun.map(([, step]) => step)).catch(unremembered));
    for (const [tool, step] of begun) if (known.has(step)) await remember(memory, this.#step(tool));
    return result;
  }

  async #check(tool: string, before: readonly string[], memory: Memory | undefined): Promise<void> {
    const order = `"${tool}" may be called only after ${listed(before)} succeeded`;
    if (memory === undefined) {
      throw notAllowed(
        `${order} in the same run, and this call belongs to none: send the header x-weir-run, with the same name in every call of the run.`,
      );
    }
    const done = new Set(await memory.done(before.map((each) => this.#step(each))));
    const missing = before.filter((each) => !done.has(this.#step(each)));
    if (missing.length > 0) throw notAllowed(`${order} in the same run or session. Call ${listed(missing)} first.`);
  }

  /** At a source two may have tools of one name; at the route names are everybody's. */
  #step(tool: string): string {
    return this.#home.isRoute ? tool : JSON.stringify([this.#home.name, tool]);
  }

  /** That a call of a tool has become a task of its server. */
  #begun(task: string, tool: string): string {
    return JSON.stringify([this.#home.name, 'task', task, tool]);
  }

  /** A run where the call names one, else the session of a client that has sessions. */
  #memory({ call, caller, client }: SourceContext): Memory | undefined {
    const { app, org, run } = caller;
    if (run !== undefined && call !== undefined) {
      const { steps } = call.ports;
      if (steps === undefined)
        throw new GatewayError('not_supported', 'The order of tools is kept by a ledger, which this deployment has not got.');
      const subject = runSubject(app, run);
      const at = (step: string) => JSON.stringify(['mcp', call.route, step]);
      return {
        async done(wanted) {
          const made = new Set(await steps.made(org, subject, wanted.map(at)));
          return wanted.filter((step) => made.has(at(step)));
        },
        note: (step) => steps.note(org, subject, [at(step)]),
      };
    }
    const { kept } = this.#home;
    // Calls of clients without sessions may share one: it is none of theirs.
    if (kept === undefined || client.era !== 'legacy') return undefined;
    const known = () => {
      const value = kept.get(KEPT);
      return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
    };
    return {
      done: async (wanted) => wanted.filter((step) => known().includes(step)),
      note: async (step) => kept.put(KEPT, [...known().filter((each) => each !== step), step].slice(-MOST_KEPT)),
    };
  }
}

/** What was done is done: where it cannot be remembered, it has to be done again before what comes after it. */
const remember = (memory: Memory, step: string): Promise<unknown> => memory.note(step).catch(unremembered);

function unremembered(cause: unknown): readonly string[] {
  console.error('A step of a run could not be remembered', cause);
  return [];
}

/** The task that a call became: of 2025-11-25 in `task`, of the extension of 2026-07-28 in the result itself. */
function taskIn(result: Wire): string | undefined {
  if (textOf(result, 'resultType') === 'task') return textOf(result, 'taskId');
  const { taskId } = objectOf(result, 'task');
  return typeof taskId === 'string' ? taskId : undefined;
}

/** Of 2025-11-25 the result is asked for by itself; in the extension it stands in the task that is complete. */
function hasSucceeded(method: string, said: Wire): boolean {
  if (method === 'tasks/result') return isDone(said);
  return (
    method === 'tasks/get' &&
    textOf(said, 'status') === 'completed' &&
    isObject(said.fields.get('result')) &&
    objectOf(said, 'result').isError !== true
  );
}

/** A call that asked back, became a task or failed has not been done. */
const isDone = (result: Wire): boolean =>
  (textOf(result, 'resultType') ?? 'complete') === 'complete' && !result.fields.has('task') && result.fields.get('isError') !== true;

function listed(names: readonly string[]): string {
  const quoted = names.map((each) => `"${each}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} and ${last}`;
}

/** Tools that come after a tool that is named, and so on, as far as it goes. */
function comesBack(after: z.output<typeof config>['after'], from: string): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let tool = open.pop(); tool !== undefined; tool = open.pop()) {
    const before = Object.hasOwn(after, tool) ? after[tool] : undefined;
    for (const each of before === undefined ? [] : [before].flat()) {
      if (each === from) return true;
      if (!seen.has(each)) open.push(each);
      seen.add(each);
    }
  }
  return false;
}

/** Tools that may be called only after others. */
export const order = defineTransform({
  use: 'order',
  config,
  examples: [{ after: { deploy: ['run_tests', 'review'] } }, { after: { search_file: 'list_file', delete_file: 'search_file' } }],
  problems: ({ after }) =>
    Object.keys(after)
      .filter((tool) => comesBack(after, tool))
      .map((tool) => ({ path: 'after', message: `lets "${tool}" come after itself, so that nobody could ever call it` })),
  wrap(settings, source, home) {
    const ordered = new Ordered(settings, source, home);
    return {
      ...handedOn(source),
      request(ask, context) {
        if (ask.method === 'tools/call') return ordered.call(ask, context);
        return isTaskMethod(ask.method) ? ordered.task(ask, context) : source.request(ask, context);
      },
    };
  },
});
