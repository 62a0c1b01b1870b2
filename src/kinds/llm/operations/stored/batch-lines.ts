import { LlmCall } from '../../../../core/call.ts';
import { GatewayError } from '../../../../core/errors.ts';
import type { Canon } from '../../../../core/exchange.ts';
import { isObject, type JsonObject, parseJson } from '../../../../core/json.ts';
import { OperationCall } from '../../../../core/operation.ts';
import type { Plan, Requirement } from '../../../../core/plan.ts';
import type { PolicyChain } from '../../../../core/run.ts';
import { Wire } from '../../../../core/wire.ts';
import { dialects } from '../../../../dialects/index.ts';
import { permittedIn } from '../../routing/permitted.ts';
import { operations } from '../index.ts';

/** Dialects of chat whose calls a batch may hold, by their path. */
const CHAT = new Map([
  ['chat/completions', 'openai-chat'],
  ['responses', 'openai-responses'],
]);

/** What a batch's lines are held to. */
export interface LineRules {
  /** What the route asks of every target. */
  readonly required: readonly Requirement[];
  /** The provider that will run them. */
  readonly provider: string;
  readonly plan: Plan;
  /** Absent where the route has no policies. */
  readonly chain: PolicyChain | undefined;
}

/**
 * The lines of a batch's input as its provider will get them: each line is a call, held to the route's policies as if it
 * had come alone, and its model named as the provider names it.
 * https://platform.openai.com/docs/api-reference/batch/request-input
 */
export async function checkLines(text: string, rules: LineRules): Promise<string> {
  const lines = text.split('\n');
  const out: string[] = [];
  for (const [at, line] of lines.entries()) out.push(line.trim() === '' ? line : await checkLine(line, at + 1, rules));
  return out.join('\n');
}

async function checkLine(line: string, number: number, rules: LineRules): Promise<string> {
  const fault = (why: string) => new GatewayError('invalid_request', `Line ${number} of the batch ${why}.`, { param: 'file' });
  const wire = parseJson(line);
  if (!isObject(wire) || typeof wire.url !== 'string' || !isObject(wire.body)) throw fault('is not a request with `url` and `body`');
  const { chain } = rules;
  let body: JsonObject = wire.body;
  if (chain !== undefined) {
    const call = callOf(wire.url, JSON.stringify(body));
    if (call === undefined) throw fault(`asks ${wire.url.slice(0, 64)}, which the policies of this route cannot look into`);
    const admitted = await chain.admit(call);
    if ('answer' in admitted) throw fault('is answered by a policy, which a batch cannot hold');
    body = admitted.call.wire.json();
  }
  const model = typeof body.model === 'string' ? modelAt(body.model, rules) : body.model;
  if (model === undefined && typeof body.model === 'string')
    throw fault(`asks for a model that the provider "${rules.provider}" does not serve`);
  if (model === body.model && body === wire.body) return line;
  return Wire.read(line).patched({ body: { ...body, model } });
}

/** The call of a line; `undefined` where nothing is known of calls there. */
export function callOf(url: string, body: string): Canon['llm']['call'] | undefined {
  const path = url.replace(/^(?:\/v1)*\//, '');
  const dialect = dialects.find(({ id }) => id === CHAT.get(path));
  if (dialect !== undefined) return LlmCall.read(dialect, body, NO_HEADERS);
  const operation = operations.find((each) => each.path === path);
  return operation === undefined ? undefined : OperationCall.read(operation.name, body, NO_HEADERS, operation.shape, operation);
}

const NO_HEADERS = new Headers();

/** The provider's own name of a model; `undefined` where the name stands for others' models only. */
function modelAt(name: string, { plan, provider, required }: LineRules): string | undefined {
  const virtual = plan.models.get(name);
  if (virtual !== undefined) return permittedIn(virtual, plan, required).find((target) => target.provider === provider)?.model;
  const slash = name.indexOf('/');
  const named = slash < 0 ? undefined : name.slice(name.startsWith('@') ? 1 : 0, slash);
  if (named === undefined || !plan.providers.has(named)) return name;
  return named === provider ? name.slice(slash + 1) : undefined;
}
