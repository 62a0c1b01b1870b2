import { type Cost, costOf, modelAt } from '../../../../catalogue/cost.ts';
import type { Usage } from '../../../../core/chat.ts';
import { GatewayError } from '../../../../core/errors.ts';
import type { Foreseen } from '../../../../core/hold.ts';
import { asNumber, asString, isObject, type JsonObject, parseJson } from '../../../../core/json.ts';
import type { ReplyEnd } from '../../../../core/kind.ts';
import { isWhole } from '../../../../core/ledger/take.ts';
import type { UsageDraft } from '../../../../core/ledger/usage.ts';
import { addUsd, nanoUsd } from '../../../../core/money.ts';
import type { PlanProvider } from '../../../../core/plan.ts';
import { readText } from '../../../../core/reader.ts';
import { addUsage } from '../../../../core/usage.ts';
import { amountsOf, numbersOf } from '../../limits/amounts.ts';
import { foresee } from '../../limits/foresee.ts';
import { freeCall } from '../../limits/free.ts';
import { REPLY_BYTES } from '../attempt.ts';
import { prepareRequest, sendTo } from '../upstream.ts';
import { count, readUsage } from '../usage.ts';
import { callOf } from './batch-lines.ts';
import type { StoredCall } from './call.ts';
import { storedPlace } from './provider.ts';

/** How vendors call the cheaper way of serving, in the catalogue's `factors`. */
const WAY = 'batch';
/** Milliseconds that a batch may take: https://platform.openai.com/docs/api-reference/batch/create, `completion_window`. */
const WINDOW = 24 * 3_600_000;
/** The end of a batch, however it came. */
const OVER = new Set(['completed', 'failed', 'expired', 'cancelled']);

/**
 * Holds for a whole batch before it is submitted: every line as the call that it is, at the price of batches. Nothing
 * where no limits hold. Throws what `CallHold.take` throws, and `invalid_request` where a line cannot be foreseen.
 */
export async function takeBatch(call: StoredCall, planned: PlanProvider, file: string): Promise<Foreseen | undefined> {
  const { hold } = call.exchange;
  if (hold === undefined) return undefined;
  // Its file is asked for first, which takes its place among requests.
  await hold.take(freeCall(planned.provider.id));
  const lines = (await linesOf(call, planned, file)).split('\n');
  let whole: Foreseen | undefined;
  for (const [at, line] of lines.entries()) {
    if (line.trim() !== '') whole = together(whole, await foreseeLine(call, planned, line, at + 1), at + 1);
  }
  if (whole === undefined) throw new GatewayError('invalid_request', 'The batch has no lines.', { param: 'input_file_id' });
  await hold.take(whole);
  return whole;
}

async function linesOf({ request, exchange, line }: StoredCall, planned: PlanProvider, file: string): Promise<string> {
  const place = storedPlace(planned, 'files', `files/${encodeURIComponent(file)}/content`);
  const response = await sendTo(
    await prepareRequest({ method: 'GET', url: place.url }, place, request.headers, line.signal, exchange),
    exchange,
  );
  const text = await readText(response, REPLY_BYTES);
  if (text === undefined)
    throw new GatewayError('request_too_large', `The batch is larger than the ${REPLY_BYTES} bytes that can be foreseen.`);
  return text;
}

async function foreseeLine({ exchange, plan }: StoredCall, planned: PlanProvider, line: string, number: number): Promise<Foreseen> {
  const wire = parseJson(line);
  const { url, body } = isObject(wire) ? wire : {};
  const asked = typeof url === 'string' && isObject(body) ? callOf(url, JSON.stringify(body)) : undefined;
  if (asked === undefined || !isObject(body) || typeof body.model !== 'string') {
    throw badLine(number, 'asks for something whose cost cannot be foreseen, as the limits of this key need');
  }
  const { part: _part, ...foreseen } = await foresee(asked, { provider: planned.provider.id, model: body.model }, plan, exchange, WAY);
  return foreseen;
}

const badLine = (number: number, why: string) =>
  new GatewayError('invalid_request', `Line ${number} of the batch ${why}.`, { param: 'input_file_id' });

/** Limits follow the model that serves: a batch has one, as its vendors want it too. */
function together(before: Foreseen | undefined, line: Foreseen, number: number): Foreseen {
  if (before === undefined) return line;
  if (before.model !== line.model) throw badLine(number, `asks another model than the lines before it, which a key with limits cannot`);
  const { cost: _before, ...rest } = before;
  return {
    ...rest,
    usage: addUsage(before.usage, line.usage),
    toolCalls: (before.toolCalls ?? 0) + (line.toolCalls ?? 0),
    ...(before.cost === undefined || line.cost === undefined ? {} : { cost: addUsd(before.cost, line.cost) }),
  };
}

/**
 * A batch that was accepted goes on at its provider: its hold stays, and what is needed to settle it is remembered with
 * the batch. Where it cannot stay, the batch is charged as it was foreseen with the call that submitted it.
 */
export async function leaveBatch({ exchange }: StoredCall, foreseen: Foreseen | undefined): Promise<LeftBatch> {
  if (foreseen === undefined) return { note: {}, end: {} };
  const left = await exchange.hold?.leave(WINDOW);
  if (left !== undefined) return { note: { hold: { id: left.id, usage: { ...left.usage } } }, end: {} };
  const { usage, cost } = foreseen;
  return { note: {}, end: { usage: { ...usage, estimated: true }, ...(cost === undefined ? {} : { cost }) } };
}

interface LeftBatch {
  /** What is remembered with the batch. */
  readonly note: JsonObject;
  /** What the call that submitted it came to. */
  readonly end: Pick<ReplyEnd, 'usage' | 'cost'>;
}

/**
 * What a batch came to, once its vendor says: settled when it is looked at after its end, and exactly once, since a hold
 * ends once. Until then it counts as it was foreseen; one that nobody looks at, or whose vendor never says, for good.
 */
export async function settleBatch(call: StoredCall, planned: PlanProvider, id: string, object: JsonObject): Promise<void> {
  const { ids, exchange } = call;
  const provider = planned.provider.id;
  const { hold } = await ids.noteOf('batch', { provider, id });
  const held = isObject(hold) ? readHeld(hold) : undefined;
  const ledger = exchange.ports.ledger?.(exchange.who.org, false);
  if (held === undefined || ledger === undefined) return;
  try {
    const usage = cameTo(object);
    if (usage === undefined) {
      await ledger.extend(held.id, WINDOW);
      return;
    }
    const { cost: _cost, priceVersion: _version, ...draft } = held.usage;
    const cost = costOfBatch(planned, modelOf(held.usage), usage, object, exchange.ports.clock.now());
    const report = { ...draft, ...numbersOf(usage), ...cost, status: 'complete' } as const;
    await ledger.settle(held.id, { actual: amountsOf(usage, cost?.cost ?? held.usage.cost ?? 0), usage: report });
    await ids.own('batch', provider, [{ ...object, id }]);
  } catch (cause) {
    // The next look settles it; the batch itself is there to be read.
    console.error(`What the batch ${id} came to could not be told to the ledger`, cause);
  }
}

/** The provider's own name of the model of a batch. */
const modelOf = ({ model = '' }: UsageDraft): string => model.slice(model.indexOf('/') + 1);

/** `undefined` while it is not known. A batch of which no line was answered costs nothing. */
function cameTo(object: JsonObject): Usage | undefined {
  if (typeof object.status !== 'string' || !OVER.has(object.status)) return undefined;
  const usage = readUsage(object);
  if (usage !== undefined) return usage;
  const { request_counts: counts } = object;
  const answered = isObject(counts) ? count(counts.completed) : undefined;
  return object.status === 'failed' || answered === 0 ? { input: 0, output: 0 } : undefined;
}

/** Rates that depend on the length of a request are those of its usual line: a batch is no request of a million tokens. */
function costOfBatch(planned: PlanProvider, model: string, usage: Usage, object: JsonObject, at: number): Cost | undefined {
  const { request_counts: counts } = object;
  const isTiered = modelAt(planned, model, at)?.price?.tiers !== undefined;
  const lines = isTiered && isObject(counts) ? Math.max(1, count(counts.completed) ?? 1) : 1;
  const each = Object.fromEntries(Object.entries(usage).map(([name, value]) => [name, typeof value === 'number' ? value / lines : value]));
  const line: Usage = { ...usage, ...each };
  const cost = costOf(planned, model, line, at, WAY) ?? costOf(planned, model, line, at);
  return cost === undefined ? undefined : { ...cost, cost: nanoUsd(Math.round(cost.cost * lines)) };
}

/** What was remembered with the batch. */
function readHeld({ id, usage }: JsonObject): { readonly id: string; readonly usage: UsageDraft } | undefined {
  if (typeof id !== 'string' || !isObject(usage)) return undefined;
  const [requestId, startedAt] = [asString(usage.requestId), asNumber(usage.startedAt)];
  const [org, team, app, keyId] = [asString(usage.org), asString(usage.team), asString(usage.app), asString(usage.keyId)];
  if (requestId === undefined || startedAt === undefined || org === undefined || team === undefined) return undefined;
  if (app === undefined || keyId === undefined) return undefined;
  const texts = (['user', 'run', 'route', 'model'] as const).flatMap((name) => {
    const text = asString(usage[name]);
    return text === undefined ? [] : [[name, text] as const];
  });
  const toolCalls = asNumber(usage.toolCalls);
  const cost = asNumber(usage.cost);
  return {
    id,
    usage: {
      ...{ requestId, startedAt, org, team, app, keyId },
      ...Object.fromEntries(texts),
      ...(isWhole(toolCalls) ? { toolCalls } : {}),
      ...(isWhole(cost) ? { cost } : {}),
    },
  };
}
