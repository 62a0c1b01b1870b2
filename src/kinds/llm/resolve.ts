import { GatewayError } from '../../core/errors.ts';
import { DEFAULT_BREAKER } from '../../core/health.ts';
import { DEFAULT_ATTEMPTS, DEFAULT_TIMEOUTS, type Plan, type VirtualModel } from '../../core/plan.ts';
import type { Target } from '../../core/strategy.ts';

/** How a model without an entry of its own is tried. */
const PLAIN = {
  retry: { attempts: DEFAULT_ATTEMPTS, on: [] },
  timeout: DEFAULT_TIMEOUTS,
  require: {},
  breaker: DEFAULT_BREAKER,
} as const satisfies Pick<VirtualModel, 'retry' | 'timeout' | 'require' | 'breaker'>;

/** What a model name stands for: one that the configuration describes, or one target as it is. */
export type Resolved = Omit<VirtualModel, 'strategy' | 'settings'> & Partial<Pick<VirtualModel, 'strategy' | 'settings'>>;

/**
 * Virtual models first, then `provider/model` (`@provider/model` is read as the same), then bare names whose prefix
 * belongs to a provider with a credential (`gpt-…`, `claude-…`). Throws `model_not_found`.
 */
export function resolveModel(plan: Plan, name: string): Resolved {
  const virtual = plan.models.get(name);
  if (virtual !== undefined) return virtual;
  const target = named(plan, name) ?? owned(plan, name);
  if (target === undefined) {
    throw new GatewayError(
      'model_not_found',
      `There is no model "${name.slice(0, 200)}". Name a virtual model or "provider/model"; GET /v1/models lists them.`,
      {
        param: 'model',
      },
    );
  }
  return { ...PLAIN, name, options: [target] };
}

function named(plan: Plan, name: string): Target | undefined {
  const slash = name.indexOf('/');
  if (slash <= 0 || slash === name.length - 1) return undefined;
  const provider = name.slice(name.startsWith('@') ? 1 : 0, slash);
  return plan.providers.has(provider) ? { provider, model: name.slice(slash + 1) } : undefined;
}

function owned(plan: Plan, name: string): Target | undefined {
  for (const { provider, configured } of plan.providers.values()) {
    if (configured && provider.owns?.some((prefix) => name.startsWith(prefix))) return { provider: provider.id, model: name };
  }
  return undefined;
}
