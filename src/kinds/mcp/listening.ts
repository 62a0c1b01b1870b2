import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { Wire } from '../../core/wire.ts';
import type { Outlet } from './outlet.ts';
import type { Sealer } from './seal.ts';
import { hasTasks } from './sources/remote/tasks.ts';
import type { ListenFilter, SourceContext } from './sources/source.ts';
import { missingExtension } from './tasks.ts';
import type { VirtualServer } from './virtual.ts';
import { codes, RpcError } from './wire/errors.ts';
import { notificationText, type RpcRequest, resultText } from './wire/message.ts';
import { meta } from './wire/versions.ts';

/** Milliseconds in which changes of the same list are told as one. */
const TOGETHER = 100;
/** Addresses that one client listens to at most. */
const MOST_SUBSCRIPTIONS = 1_000;

/** Of a filter and the capability that lets a server honour it. */
const CHANGES = {
  toolsListChanged: { capability: 'tools', method: 'notifications/tools/list_changed' },
  promptsListChanged: { capability: 'prompts', method: 'notifications/prompts/list_changed' },
  resourcesListChanged: { capability: 'resources', method: 'notifications/resources/list_changed' },
} as const;
type Change = keyof typeof CHANGES;
const changes = Object.keys(CHANGES) as readonly Change[];

/** Everything that servers with these capabilities can tell. */
export const wholeFilter = (capabilities: JsonObject, resourceSubscriptions: readonly string[]): ListenFilter => ({
  ...Object.fromEntries(
    changes.filter((change) => can(capabilities, CHANGES[change].capability, 'listChanged')).map((change) => [change, true]),
  ),
  resourceSubscriptions,
});

/** What a client is told of lists that may all have changed. */
export const changesOf = (filter: ListenFilter): readonly string[] =>
  changes.filter((change) => filter[change] === true).map((change) => CHANGES[change].method);

function can(capabilities: JsonObject, name: string, what: string): boolean {
  const capability = capabilities[name];
  return isObject(capability) && capability[what] === true;
}

/** What a client asks for. Throws -32602. */
export function readFilter(params: Wire): ListenFilter {
  const said = params.fields.get('notifications');
  if (!isObject(said)) throw new RpcError(codes.invalidParams, 'params.notifications must say what to listen to.');
  const uris = said.resourceSubscriptions ?? [];
  if (!isArray(uris) || !uris.every((uri) => typeof uri === 'string') || uris.length > MOST_SUBSCRIPTIONS) {
    throw new RpcError(codes.invalidParams, `resourceSubscriptions must be at most ${MOST_SUBSCRIPTIONS} addresses.`);
  }
  const tasks = said.taskIds ?? [];
  if (!isArray(tasks) || !tasks.every((id) => typeof id === 'string') || tasks.length > MOST_SUBSCRIPTIONS) {
    throw new RpcError(codes.invalidParams, `taskIds must be at most ${MOST_SUBSCRIPTIONS} ids.`);
  }
  return {
    ...Object.fromEntries(changes.filter((change) => said[change] === true).map((change) => [change, true])),
    resourceSubscriptions: uris.map(String),
    ...(tasks.length === 0 ? {} : { taskIds: tasks.map(String) }),
  };
}

/** The part of a filter that servers with these capabilities honour. */
function honoured(filter: ListenFilter, capabilities: JsonObject): ListenFilter {
  const { resourceSubscriptions = [], taskIds = [] } = filter;
  return {
    ...Object.fromEntries(
      changes
        .filter((each) => filter[each] === true && can(capabilities, CHANGES[each].capability, 'listChanged'))
        .map((each) => [each, true]),
    ),
    ...(resourceSubscriptions.length > 0 && can(capabilities, 'resources', 'subscribe') ? { resourceSubscriptions } : {}),
    ...(taskIds.length > 0 && hasTasks(capabilities) ? { taskIds } : {}),
  };
}

/** Serves `subscriptions/listen`: what the client wanted, and nothing else, each stamped with the request it belongs to. */
export async function serveListen(
  server: VirtualServer,
  { id, params }: RpcRequest,
  context: SourceContext,
  outlet: Outlet,
  sealer: Sealer,
): Promise<void> {
  const filter = readFilter(params);
  if (filter.taskIds !== undefined && !hasTasks(context.client.capabilities)) throw missingExtension();
  const { offer } = await server.offer(context);
  const granted = honoured(filter, offer.capabilities);
  const stamp = { [meta.subscription]: id };
  const send = (method: string, said: JsonObject) => {
    const own = isObject(said._meta) ? said._meta : {};
    outlet.tell(notificationText(method, { ...said, _meta: { ...own, ...stamp } }), true);
  };
  send('notifications/subscriptions/acknowledged', { notifications: asJson(granted) });
  const together = new Together(send);
  try {
    const told = {
      ...context,
      notify: (method: string, said: JsonObject) => isWanted(granted, method, said) && together.tell(method, said),
    };
    await server.listen(granted, told, sealer);
  } finally {
    together.flush();
  }
  if (!context.signal.aborted) outlet.finish(resultText(id, Wire.of({ resultType: 'complete', _meta: stamp })));
}

const asJson = ({ resourceSubscriptions, taskIds, ...rest }: ListenFilter): JsonObject => ({
  ...rest,
  ...(taskIds === undefined ? {} : { taskIds: [...taskIds] }),
  ...(resourceSubscriptions === undefined ? {} : { resourceSubscriptions: [...resourceSubscriptions] }),
});

function isWanted(filter: ListenFilter, method: string, { uri, taskId }: JsonObject): boolean {
  if (method === 'notifications/tasks') return typeof taskId === 'string' && (filter.taskIds ?? []).includes(taskId);
  if (method === 'notifications/resources/updated')
    return typeof uri === 'string' && (filter.resourceSubscriptions ?? []).some((each) => uri.startsWith(each));
  return changes.some((change) => filter[change] === true && CHANGES[change].method === method);
}

/** Changes of the same thing that come one upon the other are told once. */
export class Together {
  readonly #send: (method: string, params: JsonObject) => void;
  readonly #waiting = new Map<string, { readonly method: string; readonly params: JsonObject }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (method: string, params: JsonObject) => void) {
    this.#send = send;
  }

  tell(method: string, params: JsonObject): void {
    const { uri = '' }: { readonly uri?: Json } = params;
    const isChange = method.endsWith('/list_changed') || method.endsWith('/updated');
    if (!isChange) {
      this.#send(method, params);
      return;
    }
    this.#waiting.set(`${method} ${String(uri)}`, { method, params });
    this.#timer ??= setTimeout(() => this.flush(), TOGETHER);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { method, params } of waiting) this.#send(method, params);
  }
}
