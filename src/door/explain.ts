import type { AdminDeps, ExplainAsk } from '../admin/deps.ts';
import { LlmCall } from '../core/call.ts';
import type { Dialect } from '../core/dialect.ts';
import { GatewayError } from '../core/errors.ts';
import type { Canon, Identity } from '../core/exchange.ts';
import type { Embedder } from '../core/meaning/embedder.ts';
import type { Plan } from '../core/plan.ts';
import type { Ports } from '../core/ports.ts';
import { Wire } from '../core/wire.ts';
import { dialects } from '../dialects/index.ts';
import type { KeyRing } from '../identity/api-key/ring.ts';
import type { AppRing } from '../identity/apps/ring.ts';
import { dryPorts, dryRun } from '../kinds/llm/explain/dry-run.ts';
import { llm } from '../kinds/llm/index.ts';
import { openJson } from '../kinds/llm/operations/open.ts';
import { metadataOf, runOf, spokenDialect, userOf } from './call-facts.ts';
import { operationPaths } from './operations.ts';
import { llmPaths, llmPatterns } from './paths.ts';
import { routeFor } from './route.ts';
import { checkRun } from './vigil.ts';

type After = (work: Promise<unknown>) => void;

export interface ExplainDeps {
  readonly keys: KeyRing;
  readonly apps: AppRing;
  readonly ledger: AdminDeps['ledger'];
  newRequestId(): string;
  plan(after: After): Promise<Plan> | Plan;
  ports(after: After): Ports;
}

/** Who calls that are of nobody in particular: nothing limits them. */
const NOBODY: Identity = { keyId: '', org: '', team: '', app: '', principal: '' };

/** Says what would become of a call, as `AdminDeps.explain`. Throws what its caller would be told of it before it is routed. */
export async function explainCall(asked: ExplainAsk, deps: ExplainDeps, after: After) {
  const who = asked.as === undefined ? NOBODY : await identityOf(asked.as, deps);
  const plan = await deps.plan(after);
  const { name, kind, policies } = routeFor(plan, who);
  const call = opened(asked);
  const real = deps.ports(after);
  if (plan.vault !== undefined) await real.unlock?.(who.org, plan.vault);
  const { headers } = asked;
  const run = runOf(headers);
  if (run !== undefined && who !== NOBODY && real.pulse !== undefined) await checkRun(real, who, run);
  const metadata = metadataOf(headers, who.metadata);
  const user = userOf(who, headers, call);
  const { ledger } = deps;
  const explained = await dryRun({
    call,
    plan,
    policies,
    exchange: {
      id: deps.newRequestId(),
      who,
      route: { name, kind },
      surface: llm.surface,
      ports: dryPorts(real, who !== NOBODY),
      signal: new AbortController().signal,
      embedder: (model) => dryEmbedder(model, real.embedder),
      ...(run === undefined ? {} : { run }),
      ...(user === undefined ? {} : { user }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(asked.country === undefined ? {} : { country: asked.country }),
    },
    look: ledger === undefined ? undefined : (takes) => ledger(who.org).look(takes),
  });
  return { route: name, ...said(call), ...explained };
}

/** The one that asks nobody. */
function dryEmbedder(model: string | undefined, own: Embedder | undefined): Embedder | undefined {
  if (model === undefined) return own;
  throw new GatewayError('not_supported', 'No provider is asked for vectors while a call is only explained.');
}

/** What the call says of itself. */
const said = ({ dialect, operation, head: { model, stream } }: Canon['llm']['call']) => ({
  ...(dialect === undefined ? {} : { dialect: dialect.id }),
  operation,
  model,
  stream,
});

async function identityOf(as: NonNullable<ExplainAsk['as']>, { keys, apps }: ExplainDeps): Promise<Identity> {
  const who = 'key' in as ? await keys.current(as.key) : await apps.current(as);
  if (who === undefined) throw new GatewayError('invalid_key', `The ${'key' in as ? 'key' : 'app'} is disabled, or holds no more.`);
  return who;
}

/** The call as it would be read on its path. */
function opened({ path, headers, body }: ExplainAsk): Canon['llm']['call'] {
  const { pathname, searchParams } = new URL(path, 'http://weir');
  const text = JSON.stringify(body);
  const fixed = llmPaths.find((each) => each.path === pathname);
  if (fixed !== undefined) {
    const wire = Wire.read(text);
    return LlmCall.read(spokenDialect(dialectOf(fixed.dialect), fixed.operation, wire), wire, headers, fixed.operation);
  }
  const operation = operationPaths.get(pathname);
  if (operation !== undefined) return openJson(operation, text, headers);
  for (const pattern of llmPatterns) {
    const read = pattern.read(pathname, searchParams, headers);
    if (read !== undefined) return LlmCall.read(dialectOf(read.dialect), Wire.read(text), headers, read.operation, read.address);
  }
  throw new GatewayError('invalid_request', 'No call that could be explained is served at this path.', { param: 'path' });
}

function dialectOf(id: string): Dialect {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new GatewayError('internal', `There is no dialect ${id}.`);
  return dialect;
}
