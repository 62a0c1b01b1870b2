import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { Wire } from '../../core/wire.ts';
import type { Sealer } from './seal.ts';
import { hasTasks } from './sources/remote/tasks.ts';
import type { Ask, Client, SourceContext } from './sources/source.ts';
import { codes, RpcError } from './wire/errors.ts';
import { objectOf, textOf } from './wire/message.ts';
import { RELATED_TASK, TASKS_EXTENSION } from './wire/versions.ts';

/** Of each era, the methods that are about tasks: 2025-11-25, "Tasks", and the extension of 2026-07-28. */
const METHODS: { readonly [era in Client['era']]: readonly string[] } = {
  modern: ['tasks/get', 'tasks/update', 'tasks/cancel'],
  legacy: ['tasks/get', 'tasks/list', 'tasks/result', 'tasks/cancel'],
};
const USE = 'task';
const CURSOR = 'cursor tasks';
/** Milliseconds for which a cursor is good. */
const CURSOR_FOR = 3_600_000;
/** Ids that are remembered, for what servers tell of tasks by themselves. */
const MOST_SHOWN = 2_000;

export const isTaskMethod = (method: string): boolean => method.startsWith('tasks/');

/** Where a task runs, by the id that its client has. Anybody could have written it: who may use it is told by its signature. */
interface Place {
  readonly source: string;
  readonly own: string;
}

/** A server with a list of tasks. */
export interface TaskSource {
  readonly name: string;
  request(ask: Ask, context: SourceContext): Promise<Wire>;
}

export const unknownTask = () => new RpcError(codes.invalidParams, 'There is no such task, or it is not yours.');
const notFound = (method: string) => new RpcError(codes.methodNotFound, `Method not found: ${method.slice(0, 128)}`, { status: 404 });

/** The source that an id names, before it is known whether it is good. */
export const sourceOfTask = (id: string | undefined): string | undefined => (id === undefined ? undefined : readId(id)?.place.source);

function readId(id: string): { readonly place: Place; readonly text: string; readonly signature: string } | undefined {
  const [signature = '', encoded = '', ...rest] = id.split('.');
  const bytes = rest.length > 0 || id.length > 4_096 ? undefined : decodeBase64(encoded.replaceAll('-', '+').replaceAll('_', '/'));
  const text = bytes === undefined ? '' : new TextDecoder().decode(bytes);
  const said = parseJson(text);
  const [source, own] = isArray(said) ? said : [];
  return typeof source === 'string' && typeof own === 'string' ? { place: { source, own }, text, signature } : undefined;
}

/**
 * The tasks of several servers as those of one. A task's id says where it runs and is signed for who has it: shown by
 * anybody else it is the id of nothing. The same task has the same id each time.
 */
export class Tasks {
  /** By principal, source and own id: what servers tell by themselves is passed on under the id that its client knows. */
  readonly #shown = new Map<string, string>();

  /** Throws where the client cannot ask this: -32601 where there are no tasks, -32021 where it has not said that it knows them. */
  check(method: string, { era, capabilities }: Client, offered: readonly JsonObject[]): void {
    if (!METHODS[era].includes(method)) throw notFound(method);
    if (era === 'legacy') {
      if (!offered.some(({ tasks }) => isObject(tasks))) throw notFound(method);
      return;
    }
    if (!offered.some(hasTasks)) throw notFound(method);
    if (!hasTasks(capabilities)) throw missingExtension();
  }

  /** Where a task of this caller runs. Throws -32602 for any other. */
  async place(id: string | undefined, context: SourceContext, sealer: Sealer): Promise<Place> {
    const said = id === undefined ? undefined : readId(id);
    if (id === undefined || said === undefined || (await sealer.sign(USE, said.text)) !== said.signature) throw unknownTask();
    this.#remember(said.place, id, context);
    return said.place;
  }

  /** A result with the ids of tasks as the client knows them. `asked`: the id it asked with, where it asked for one task. */
  async exposed(result: Wire, source: string, context: SourceContext, sealer: Sealer, asked?: string): Promise<Wire> {
    const changes: { [field: string]: Json } = {};
    const id = (own: string) => this.#id({ source, own }, context, sealer);
    const taskId = textOf(result, 'taskId');
    if (taskId !== undefined && (asked !== undefined || textOf(result, 'resultType') === 'task'))
      changes.taskId = asked ?? (await id(taskId));
    const task = objectOf(result, 'task');
    if (typeof task.taskId === 'string' && typeof task.status === 'string') changes.task = { ...task, taskId: await id(task.taskId) };
    const meta = objectOf(result, '_meta');
    const related = relatedIn(meta);
    if (related !== undefined) changes._meta = { ...meta, [RELATED_TASK]: { taskId: asked ?? (await id(related)) } };
    return Object.keys(changes).length === 0 ? result : result.with(changes);
  }

  /** A page of the tasks of all of these: the first pages of all of them, then the second ones. */
  async list(among: readonly TaskSource[], cursor: string | undefined, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const from = cursor === undefined ? undefined : await openCursor(cursor, sealer);
    const asked = from === undefined ? among : among.filter(({ name }) => from.has(name));
    const pages = await Promise.all(
      asked.map(async ({ name, request }) => {
        const own = from?.get(name);
        const page = (await request({ method: 'tasks/list', params: Wire.of(own === undefined ? {} : { cursor: own }) }, context)).json();
        const tasks = isArray(page.tasks) ? page.tasks.filter(isObject) : [];
        return { name, next: page.nextCursor, tasks: await Promise.all(tasks.map((task) => this.#listed(task, name, context, sealer))) };
      }),
    );
    const next = pages.flatMap(({ name, next: own }) => (typeof own === 'string' ? [[name, own]] : []));
    const tasks = pages.flatMap((page) => page.tasks);
    return Wire.of(next.length === 0 ? { tasks } : { tasks, nextCursor: await sealer.seal(CURSOR, { next }, CURSOR_FOR) });
  }

  async #listed(task: JsonObject, source: string, context: SourceContext, sealer: Sealer): Promise<JsonObject> {
    return typeof task.taskId === 'string' ? { ...task, taskId: await this.#id({ source, own: task.taskId }, context, sealer) } : task;
  }

  /** What a server tells and asks in between, with the ids that the client knows: of a task that it does not know, nothing. */
  inside(context: SourceContext, source: string): SourceContext {
    return {
      ...context,
      notify: (method, params) => {
        const shown = this.#told(method, params, source, context);
        if (shown !== undefined) context.notify(method, shown);
      },
      ask: async ({ method, params }) => {
        const own = relatedIn(params._meta);
        if (own === undefined) return context.ask({ method, params });
        const answer = await context.ask({ method, params: this.#related(params, source, context) });
        const meta = isObject(answer._meta) ? answer._meta : {};
        return Object.hasOwn(meta, RELATED_TASK) ? { ...answer, _meta: { ...meta, [RELATED_TASK]: { taskId: own } } } : answer;
      },
    };
  }

  #told(method: string, params: JsonObject, source: string, context: SourceContext): JsonObject | undefined {
    const related = this.#related(params, source, context);
    if (method !== 'notifications/tasks/status' && method !== 'notifications/tasks') return related;
    const { taskId } = params;
    const id = typeof taskId === 'string' ? this.#shown.get(keyOf({ source, own: taskId }, context)) : undefined;
    return id === undefined ? undefined : { ...related, taskId: id };
  }

  #related(params: JsonObject, source: string, context: SourceContext): JsonObject {
    const own = relatedIn(params._meta);
    if (own === undefined || !isObject(params._meta)) return params;
    const { [RELATED_TASK]: _, ...rest } = params._meta;
    const id = this.#shown.get(keyOf({ source, own }, context));
    return { ...params, _meta: id === undefined ? rest : { ...rest, [RELATED_TASK]: { taskId: id } } };
  }

  async #id(place: Place, context: SourceContext, sealer: Sealer): Promise<string> {
    const text = JSON.stringify([place.source, place.own]);
    const encoded = encodeBase64(new TextEncoder().encode(text)).replaceAll('+', '-').replaceAll('/', '_');
    const id = `${await sealer.sign(USE, text)}.${encoded}`;
    this.#remember(place, id, context);
    return id;
  }

  #remember(place: Place, id: string, context: SourceContext): void {
    if (this.#shown.size >= MOST_SHOWN) this.#shown.clear();
    this.#shown.set(keyOf(place, context), id);
  }
}

const keyOf = ({ source, own }: Place, { principal }: SourceContext) => JSON.stringify([principal, source, own]);

async function openCursor(cursor: string, sealer: Sealer): Promise<ReadonlyMap<string, string>> {
  const next = (await sealer.open(CURSOR, cursor))?.next;
  if (!isArray(next)) throw new RpcError(codes.invalidParams, 'The cursor is none of this list, or it is too old: begin anew.');
  return new Map(
    next.flatMap((entry) => {
      const [name, own] = isArray(entry) ? entry : [];
      return typeof name === 'string' && typeof own === 'string' ? [[name, own] as const] : [];
    }),
  );
}

/** The server's own id of the task that a message belongs to. */
function relatedIn(meta: Json | undefined): string | undefined {
  const related = isObject(meta) ? meta[RELATED_TASK] : undefined;
  return isObject(related) && typeof related.taskId === 'string' ? related.taskId : undefined;
}

export const missingExtension = () =>
  new RpcError(codes.missingCapability, `The request does not say that its client knows the extension ${TASKS_EXTENSION}.`, {
    status: 400,
    data: { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
  });
