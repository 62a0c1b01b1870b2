import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { check, readJson } from '../input.ts';
import { flatMetadata, unkept } from './fields.ts';
import { type FieldProblem, type LitellmLimits, limitsOf } from './limits.ts';
import { modelsOf } from './models.ts';

// What clients send to LiteLLM: pydantic turns texts into numbers where it can, and most clients send every field they know.

const text = z.string().max(512).nullish();
const amount = z.union([z.number(), z.literal('').transform(() => null)]).nullish();

const limits = {
  max_budget: amount,
  soft_budget: amount,
  budget_duration: text,
  budget_limits: z.array(z.looseObject({ max_budget: z.number(), budget_duration: z.string() })).nullish(),
  tpm_limit: amount,
  rpm_limit: amount,
  tpd_limit: amount,
  max_parallel_requests: amount,
};

const shared = {
  ...limits,
  models: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), z.json()).nullish(),
  organization_id: text,
  team_id: text,
  blocked: z.boolean().nullish(),
};

export const keyBody = z.looseObject({
  ...shared,
  key: text,
  key_alias: text,
  key_type: text,
  duration: text,
  user_id: text,
});
export const teamBody = z.looseObject({ ...shared, team_alias: text });
export const oneKey = z.looseObject({ key: z.string().min(1) });
export const manyKeys = z.looseObject({ keys: z.array(z.string()).nullish(), key_aliases: z.array(z.string()).nullish() });

export type KeyBody = z.output<typeof keyBody>;
export type TeamBody = z.output<typeof teamBody>;

/** A body as it is; throws `invalid_request` where it is no object, or a field of the schema is not what it should be. */
export async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<{ readonly body: T; readonly raw: JsonObject }> {
  const raw = (await readJson(request)) ?? {};
  if (!isObject(raw)) throw new GatewayError('invalid_request', 'The body must be a JSON object.');
  return { body: check(schema, raw), raw };
}

/** Throws `invalid_request` with all of them: nothing that is asked for is left out in silence. */
export function refuse(problems: readonly FieldProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  const message = problems.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new GatewayError('invalid_request', `${message}.`, { param: first.field });
}

interface RuleOptions {
  /** The body with every field that was sent. */
  readonly raw: JsonObject;
  /** The fields that can be kept. */
  readonly kept: readonly string[];
  /** What else is wrong. */
  readonly extra?: readonly FieldProblem[];
  /** The body's own when absent. */
  readonly limits?: LitellmLimits;
}

/** What stands in a body of the things that keys and teams have in common, as the admin API takes it. */
export function rulesOf(body: KeyBody | TeamBody, { raw, kept, extra = [], limits = limitsIn(body) }: RuleOptions) {
  const mapped = limitsOf(limits);
  const models = modelsOf(body.models);
  const flat = flatMetadata(body.metadata ?? {});
  const wrong = 'field' in models ? [models] : [];
  refuse([...unkept(raw, kept), ...extra, ...mapped.problems, ...wrong, ...flat.problems]);
  const { flattened } = flat;
  return {
    rules: {
      limits: mapped.limits,
      models: 'models' in models ? models.models : null,
      metadata: flat.metadata,
      disabled: body.blocked === true,
    },
    warnings: [...mapped.warnings, ...flattened.map((name) => `metadata.${name}: kept as the text of its JSON.`)],
  };
}

export function limitsIn(body: KeyBody | TeamBody): LitellmLimits {
  const { max_budget, soft_budget, budget_duration, budget_limits, tpm_limit, rpm_limit, tpd_limit, max_parallel_requests } = body;
  return {
    ...defined({ max_budget, soft_budget, tpm_limit, rpm_limit, tpd_limit, max_parallel_requests }),
    ...(budget_duration == null || budget_duration === '' ? {} : { budget_duration }),
    ...(budget_limits == null ? {} : { budget_limits }),
  };
}

/** Without what was not given. */
function defined(fields: { readonly [name: string]: number | null | undefined }): { readonly [name: string]: number | null } {
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
