import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { admin, type GatewayProcess } from '../../ledger/gateway-process.ts';
import type { BreakingVendor, Script } from '../../upstream/breaking-vendor.ts';
import { forms, speech } from '../../upstream/forms.ts';
import type { Case } from './cases.ts';
import { type Fault, SECOND, SECOND_WORDS } from './fault.ts';

/** Calls at the same time of those that are answered at once, and of those that only a time limit ends. */
const AT_ONCE = 32;
const WAITING = 48;
/** Milliseconds: a hundredth of what is usual, and still enough for a machine that has other things to do. */
const TIMEOUT = { firstToken: 2_500, answer: 2_500, idle: 2_500, total: 6_000 };
const PATIENT = { firstToken: 10_000, idle: 10_000, total: 20_000 };
/** Dollars a million tokens: in nano-dollars a token, a thousand times that. */
export const PRICE = { input: 1, output: 10 };

/** What became of one call. */
export interface Outcome {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The connection broke instead of ending. */
  readonly broke: boolean;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
}

export const scriptsOf = (faults: readonly Fault[]): ReadonlyMap<string, Script> =>
  new Map([
    ...faults.map(({ name, script }): [string, Script] => [name, script]),
    [
      SECOND,
      ({ form, stream, respond }) => {
        const answer = speech(SECOND, SECOND_WORDS);
        if (stream) respond(200, { 'content-type': form.streamType }, Buffer.concat(form.frames(answer)));
        else respond(200, { 'content-type': 'application/json' }, form.whole(answer));
      },
    ],
  ]);

/** How the scripts' models are called at the vendor. */
export const firstOf = ({ fault, number }: Case): string => `${fault.name}.${number}`;
export const secondOf = ({ number }: Case): string => `${SECOND}.${number}`;
const modelOf = ({ number }: Case): string => `case-${number}`;

const LIKE: { readonly [dialect: string]: object } = {
  'openai-chat': { like: 'openai', dialects: ['openai-chat'] },
  'openai-responses': { like: 'openai', dialects: ['openai-responses'] },
  anthropic: { like: 'anthropic' },
  gemini: { like: 'google', dialects: ['gemini'] },
  bedrock: { like: 'bedrock', dialects: ['bedrock'], settings: { region: 'eu-central-1' } },
};
const VERSION: { readonly [dialect: string]: string } = { 'openai-chat': '/v1', 'openai-responses': '/v1', gemini: '/v1beta' };

/** Every vendor at its three addresses, and a model for each case. */
export function configOf(cases: readonly Case[], vendor: BreakingVendor): object {
  const origins = { '': vendor.origin, '-closed': vendor.closed, '-slamming': vendor.slamming };
  const providers = forms.flatMap(({ dialect }) =>
    Object.entries(origins).map(([suffix, origin]) => {
      const baseUrl = `${origin}${VERSION[dialect] ?? ''}`;
      return [`${dialect}${suffix}`, { ...LIKE[dialect], baseUrl, key: { value: 'k' }, prices: { '*': { ...PRICE, maxOutput: 4_096 } } }];
    }),
  );
  const models = cases.map((each) => {
    const { fault, way, failover } = each;
    const { dialect } = way.form;
    const first = `${dialect}${fault.at === undefined ? '' : `-${fault.at}`}/${firstOf(each)}`;
    return [
      modelOf(each),
      {
        strategy: 'failover',
        targets: failover ? [first, `${dialect}/${secondOf(each)}`] : [first],
        retry: { attempts: fault.attempts ?? 1 },
        timeout: fault.waits === true ? TIMEOUT : PATIENT,
      },
    ];
  });
  return { providers: Object.fromEntries(providers), models: Object.fromEntries(models) };
}

export interface Key {
  readonly id: string;
  readonly key: string;
}

/** A key whose calls are held to limits of money, of requests and of calls at the same time. */
export async function makeKey({ url }: GatewayProcess): Promise<Key> {
  await admin(url, 'POST', '/apps', { team: 'dev', name: 'matrix' });
  const limits = [
    { unit: 'usd', limit: 1_000 },
    { unit: 'requests', limit: 1_000_000, window: '1m' },
    { unit: 'concurrent', limit: 2 * (AT_ONCE + WAITING) },
  ];
  return admin<Key & { readonly [field: string]: unknown }>(url, 'POST', '/keys', { app: 'matrix', name: 'matrix', limits });
}

/** Makes every call once. */
export async function runAll(cases: readonly Case[], gateway: GatewayProcess, key: Key): Promise<ReadonlyMap<number, Outcome>> {
  const outcomes = new Map<number, Outcome>();
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE + WAITING, timeout: 60_000 });
  const lane = async (own: readonly Case[], width: number) => {
    const waiting = own.values();
    const work = async () => {
      for (const each of waiting) outcomes.set(each.number, await call(each, gateway.url, key.key, agent));
    };
    await Promise.all(Array.from({ length: width }, work));
  };
  try {
    await Promise.all([
      lane(
        cases.filter(({ fault }) => fault.waits !== true),
        AT_ONCE,
      ),
      lane(
        cases.filter(({ fault }) => fault.waits === true),
        WAITING,
      ),
    ]);
  } finally {
    agent.destroy();
  }
  return outcomes;
}

function call(each: Case, url: string, key: string, agent: Agent): Promise<Outcome> {
  const { path, body } = each.way.reader.request(modelOf(each), each.stream);
  const text = JSON.stringify(body);
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const ended = (status: number, headers: IncomingHttpHeaders, broke: boolean) =>
      resolve({ status, headers, bytes: Buffer.concat(pieces), broke, endedAt: Date.now() });
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const asked = httpRequest(url + path, { method: 'POST', agent, headers }, (response) => {
      const { statusCode = 0 } = response;
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => ended(statusCode, response.headers, !response.complete));
      response.on('error', () => ended(statusCode, response.headers, true));
    });
    asked.on('error', () => ended(0, {}, true));
    asked.end(text);
  });
}
