import type { HandOn } from '../../core/drain.ts';
import type { DrainObject } from './drain-object.ts';

/** Each call has an object of its own, near to where it came in. */
export const handOnTo =
  (namespace: DurableObjectNamespace<DrainObject<object>>): HandOn =>
  (request, call) =>
    namespace.get(namespace.newUniqueId()).serve(request, call);
