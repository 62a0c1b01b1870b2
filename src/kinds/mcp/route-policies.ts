import { isObject } from '../../core/json.ts';
import type { PlanPolicy } from '../../core/plan.ts';
import { policies } from '../../policies/index.ts';
import type { McpDocument } from './settings.ts';

/** The policies of a route whose document was checked before, for where it is compiled anew. */
export const policiesOf = ({ policies: written = [] }: Pick<McpDocument, 'policies'>): readonly PlanPolicy[] =>
  written.map(({ use, ...rest }) => {
    const policy = policies.find(({ name }) => name === use);
    // Without one of its policies a route must not be served.
    if (policy === undefined || !isObject(rest)) throw new Error(`a session was asked to hold the policy "${use}", which it does not know`);
    const settings = policy.config.parse(rest);
    return { policy, settings, touches: typeof policy.touches === 'function' ? policy.touches(settings) : policy.touches };
  });
