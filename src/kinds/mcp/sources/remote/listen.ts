import type { JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { MODERN, meta } from '../../wire/versions.ts';
import type { ListenFilter, SourceContext } from '../source.ts';
import { arriving, refusalOf, statusError } from './http.ts';
import { newId, post } from './modern.ts';
import { OWN_INFO, type Upstream } from './wire.ts';

/** Listens to a server of the new way until nobody wants to hear it any more, or it has nothing more to tell. */
export async function listenModern(upstream: Upstream, filter: ListenFilter, context: SourceContext): Promise<void> {
  const { client } = context;
  const params = Wire.of({
    notifications: wanted(filter),
    _meta: {
      [meta.version]: MODERN,
      [meta.capabilities]: client.capabilities,
      [meta.clientInfo]: client.info ?? OWN_INFO,
      ...(client.logLevel === undefined ? {} : { [meta.logLevel]: client.logLevel }),
    },
  });
  const asked = { ...context, client: { ...client, era: 'modern' } } as const;
  const response = await post(upstream, { method: 'subscriptions/listen', params }, asked, context.signal, newId());
  if (!response.ok) throw (await refusalOf(response)) ?? statusError(response.status);
  for await (const { message } of arriving(response, upstream.home.limits.result)) {
    if (message?.type === 'response') return;
    if (message?.type === 'notification') context.notify(message.method, message.params.json());
  }
}

function wanted(filter: ListenFilter): JsonObject {
  const { toolsListChanged, promptsListChanged, resourcesListChanged, resourceSubscriptions, taskIds } = filter;
  return {
    ...(toolsListChanged === true ? { toolsListChanged } : {}),
    ...(promptsListChanged === true ? { promptsListChanged } : {}),
    ...(resourcesListChanged === true ? { resourcesListChanged } : {}),
    ...(resourceSubscriptions === undefined || resourceSubscriptions.length === 0 ? {} : { resourceSubscriptions }),
    ...(taskIds === undefined || taskIds.length === 0 ? {} : { taskIds }),
  };
}
