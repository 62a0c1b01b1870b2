import { GatewayError } from '../../core/errors.ts';
import { DEFAULT_ATTEMPTS, DEFAULT_TIMEOUTS, type Plan, type Timeouts } from '../../core/plan.ts';
import type { Strategy, Target } from '../../core/strategy.ts';

/** The targets a model name stands for, and how they are to be tried. */
export interface Resolved {
  readonly targets: readonly Target[];
  readonly strategy?: { readonly strategy: Strategy; readonly settings: unknown };
  readonly attempts: number;
  readonly timeout: Timeouts;
}

/**
 * Virtual models first, then `provider/model` (`@provider/model` is read as the same), then bare names whose prefix
 * belongs to a provider with a credential (`gpt-…`, `claude-…`). Throws `model_not_found`.
 */
export function resolveModel(plan: Plan, name: string): Resolved {
  const virtual = plan.models.get(name);
  if (virtual !== undefined) {
    return {
      targets: virtual.targets,
      strategy: { strategy: virtual.strategy, settings: virtual.settings },
      attempts: virtual.retry.attempts,
      timeout: virtual.timeout,
    };
  }
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
  return { targets: [target], attempts: DEFAULT_ATTEMPTS, timeout: DEFAULT_TIMEOUTS };
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
