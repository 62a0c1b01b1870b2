import { GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { objectOf, textOf } from '../../wire/message.ts';
import { meta, RELATED_TASK, TASKS_EXTENSION } from '../../wire/versions.ts';
import type { Ask, Era, Offer, SourceContext, SourceStore } from '../source.ts';
import { answersTo } from './modern.ts';

/** Milliseconds between two looks at a task, where its server names none; and at least and most. */
const LOOK_EVERY = 1_000;
const LOOK_SOONEST = 100;
const LOOK_LATEST = 10_000;
/** Tasks of one session that are remembered. */
const MOST_KEPT = 500;

type Request = (ask: Ask, context: SourceContext) => Promise<Wire>;

/**
 * What a server offers of tasks, to clients who speak of them as it does: the two forms (2025-11-25, and the extension of
 * 2026-07-28) are not the same, and a task of the one is none of the other.
 */
export function offeredTo(offer: Offer, server: Era, client: Era): Offer {
  if (server === client) return offer;
  const { tasks: _, extensions, ...rest } = offer.capabilities;
  if (!isObject(extensions)) return { ...offer, capabilities: rest };
  const { [TASKS_EXTENSION]: __, ...others } = extensions;
  return { ...offer, capabilities: { ...rest, extensions: others } };
}

/** Whether capabilities name the extension of 2026-07-28. */
export function hasTasks({ extensions }: JsonObject): boolean {
  return isObject(extensions) && isObject(extensions[TASKS_EXTENSION]);
}

/** Whether a server of the old way runs calls of tools as tasks. */
export function runsTasks({ capabilities: { tasks } }: Offer): boolean {
  const requests = isObject(tasks) ? tasks.requests : undefined;
  return isObject(requests) && isObject(requests.tools) && isObject(requests.tools.call);
}

/** A tool that a server of the old way runs as a task alone, for a client that knows no tasks of that form: it is waited for. */
export async function callAsTask(ask: Ask, context: SourceContext, request: Request): Promise<Wire> {
  const created = await request({ ...ask, params: ask.params.with({ task: {} }) }, context);
  const { taskId } = objectOf(created, 'task');
  if (typeof taskId !== 'string') return created;
  const cancel = () => void request({ method: 'tasks/cancel', params: Wire.of({ taskId }) }, unheard(context)).catch(() => undefined);
  context.signal.addEventListener('abort', cancel, { once: true });
  try {
    const result = await request({ method: 'tasks/result', params: Wire.of({ taskId }) }, context);
    const { [RELATED_TASK]: _, ...rest } = objectOf(result, '_meta');
    return result.with({ _meta: Object.keys(rest).length === 0 ? undefined : rest });
  } finally {
    context.signal.removeEventListener('abort', cancel);
  }
}

/** The same as a client of 2026-07-28 would say it, who knows tasks. */
export function knowingTasks(params: Wire, capabilities: JsonObject): Wire {
  const { extensions } = capabilities;
  const known = { ...capabilities, extensions: { ...(isObject(extensions) ? extensions : {}), [TASKS_EXTENSION]: {} } };
  return params.with({ _meta: { ...objectOf(params, '_meta'), [meta.capabilities]: known } });
}

/** A task that a server of 2026-07-28 made of the call of a client who knows none of its form: it is waited for. */
export async function waitedFor(created: Wire, context: SourceContext, request: Request): Promise<Wire> {
  const taskId = textOf(created, 'taskId');
  if (taskId === undefined) throw invalid('without saying which');
  const ask = (method: string, said: JsonObject, by: SourceContext) => request({ method, params: Wire.of({ taskId, ...said }) }, by);
  const cancel = () => void ask('tasks/cancel', {}, unheard(context)).catch(() => undefined);
  context.signal.addEventListener('abort', cancel, { once: true });
  const answered = new Set<string>();
  try {
    let task = created.json();
    for (;;) {
      const { status, pollIntervalMs } = task;
      if (status === 'completed' && isObject(task.result)) return Wire.of(task.result).with({ resultType: undefined });
      if (status === 'failed') throw failureOf(task.error);
      if (status === 'cancelled') throw new RpcError(codes.internal, 'The MCP server cancelled the task that the call had become.');
      const asked = isObject(task.inputRequests) ? Object.entries(task.inputRequests).filter(([key]) => !answered.has(key)) : [];
      if (status === 'input_required' && asked.length > 0) {
        const inputResponses = await answersTo(Object.fromEntries(asked), context);
        for (const [key] of asked) answered.add(key);
        await ask('tasks/update', { inputResponses }, context);
      } else await pause(typeof pollIntervalMs === 'number' ? pollIntervalMs : LOOK_EVERY, context.signal);
      task = (await ask('tasks/get', {}, context)).json();
    }
  } finally {
    context.signal.removeEventListener('abort', cancel);
  }
}

/** For what is still said when the client has gone. */
const unheard = (context: SourceContext): SourceContext => ({ ...context, signal: AbortSignal.timeout(5_000), notify: () => undefined });

const invalid = (why: string) => new GatewayError('upstream_invalid', `The MCP server made a task of the call ${why}.`);

function failureOf(error: Json | undefined): RpcError {
  const { code, message, data } = isObject(error) ? error : {};
  return new RpcError(typeof code === 'number' ? code : codes.internal, typeof message === 'string' ? message : 'The task failed.', {
    data,
    isForeign: true,
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(LOOK_LATEST, Math.max(LOOK_SOONEST, ms)));
  const gone = () => resolve();
  signal.addEventListener('abort', gone, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', gone);
  signal.throwIfAborted();
}

/**
 * The tasks that one session has made: of a server's list those alone are shown, since the server may know the gateway as
 * one caller, whoever asks through it.
 */
export class OwnTasks {
  readonly #store: SourceStore | undefined;
  readonly #name: string;

  constructor(store: SourceStore | undefined, name: string) {
    this.#store = store;
    this.#name = `tasks ${name}`;
  }

  note(created: Wire): void {
    const { taskId } = objectOf(created, 'task');
    if (typeof taskId !== 'string' || this.#store === undefined) return;
    this.#store.put(this.#name, [...this.#ids(), taskId].slice(-MOST_KEPT));
  }

  /** A page of the server's list without those of others. */
  only(page: Wire): Wire {
    const tasks = page.fields.get('tasks');
    if (!isArray(tasks)) return page;
    const own = this.#ids();
    return page.with({ tasks: tasks.filter((each) => isObject(each) && typeof each.taskId === 'string' && own.includes(each.taskId)) });
  }

  #ids(): readonly string[] {
    const kept = this.#store?.get(this.#name);
    return isArray(kept) ? kept.filter((each) => typeof each === 'string') : [];
  }
}
