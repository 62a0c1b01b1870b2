import { compile } from '../../src/config/compile.ts';
import { rolls } from '../../src/config/rolls.ts';
import { AskedDigests } from '../../src/core/cache/digests.ts';
import { Flights } from '../../src/core/cache/flight.ts';
import type { AnswerCache } from '../../src/core/cache/port.ts';
import type { CallAddress } from '../../src/core/dialect.ts';
import type { Identity } from '../../src/core/exchange.ts';
import { fakePorts } from '../../src/core/fakes.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Plan } from '../../src/core/plan.ts';
import { dialects } from '../../src/dialects/index.ts';
import { type OpenedCall, runLlm } from '../../src/door/exchange.ts';
import { llm } from '../../src/kinds/llm/index.ts';

/** One call as it comes to the door, and whose it is. */
export interface Asked {
  readonly dialect: string;
  /** Written as it goes over the wire; an object is written by `JSON.stringify`. */
  readonly body: JsonObject | string;
  readonly address?: CallAddress;
  readonly headers?: { readonly [name: string]: string };
  readonly who?: Partial<Identity>;
  readonly plan?: Plan;
  /** How a call of another operation than chat is read. */
  readonly open?: (request: Request) => OpenedCall;
}

export const CACHE: JsonObject = { use: 'cache', ttl: 300 };
export const up = (more: JsonObject = {}): JsonObject => ({
  like: 'openai',
  baseUrl: 'http://127.0.0.1:9/v1',
  key: { value: 'k' },
  ...more,
});

/** Refuses every call behind the cache: what is looked for there has been said by then, and no provider need be asked. */
const NOBODY: JsonObject = { use: 'models', deny: ['*'] };

/** A configuration in which every model is asked of one provider. */
const documentOf = ({ policies = [CACHE], ...more }: Parts): JsonObject => ({
  providers: { up: up(), other: up(), ant: { like: 'anthropic', baseUrl: 'http://127.0.0.1:9', key: { value: 'k' } } },
  models: { m: ['up/served'], n: ['up/served'] },
  policies: [...policies, NOBODY],
  ...more,
});

/** Parts of a configuration in the place of its own. */
export interface Parts {
  readonly providers?: JsonObject;
  readonly models?: JsonObject;
  readonly policies?: readonly JsonObject[];
  readonly routes?: readonly JsonObject[];
}

export const planOf = (parts: Parts = {}, revision = 1): Plan => compile(documentOf(parts), { revision, local: true, rolls });

const PLAN = planOf();
export const WHO: Identity = { keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1', user: 'ada' };

class KeysOnly implements AnswerCache {
  readonly flights = new Flights(() => 0);
  readonly digests = new AskedDigests();
  key: string | undefined;
  get(key: string) {
    this.key = key;
    return undefined;
  }
  put() {}
}

/** What the call's answer is looked for by, on its whole way from the door through the policies; `undefined` where nobody looks. */
export async function keyOf({ dialect: id, body, address, headers = {}, who = {}, plan = PLAN, open }: Asked): Promise<string | undefined> {
  const answers = new KeysOnly();
  const ports = { ...fakePorts(), answers };
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`no dialect ${id}`);
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await runLlm(llm, {
    request: new Request('http://gateway.test/', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: text,
    }),
    requestId: 'req_1',
    startedAt: 0,
    dialect,
    operation: 'chat',
    ports,
    edge: false,
    identify: () => ({ ...WHO, ...who }),
    renewed: async (known) => known,
    plan: () => plan,
    ...(address === undefined ? {} : { address }),
    ...(open === undefined ? {} : { open: async (request) => open(request) }),
  });
  await response.text();
  await ports.settled();
  return answers.key;
}
