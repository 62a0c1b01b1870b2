import type { LlmCall } from '../../../core/call.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { asString, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { Plan } from '../../../core/plan.ts';
import type { Awaitable } from '../../../core/policy.ts';
import type { Target } from '../../../core/strategy.ts';
import type { Continued } from '../continued.ts';
import { isTranslated } from '../upstream.ts';
import { holdsOwnCompaction, openedCompactions } from './compaction.ts';
import { checkAnswers, type Item, inputItems, lookedUpItems, mayHoldIds, RESPONSES, referredItems, replayed } from './items.ts';
import { ResponseKeeper } from './keeper.ts';
import { isBound, ResponseStore } from './kept.ts';

/** What a call says of the state that it continues and leaves. */
interface Wishes {
  readonly store: boolean;
  readonly previous: string | undefined;
  readonly conversation: string | undefined;
  readonly background: boolean;
}

/**
 * A Responses call with the state that its provider lacks: the conversation that it continues is put into its input,
 * and its answer is kept. Where the provider keeps state itself ids pass through, those of responses and of items, and
 * only whose they are is checked and recorded.
 */
export function continueResponse(call: LlmCall, targets: readonly Target[], exchange: Exchange, plan: Plan): Awaitable<Continued> {
  const wishes = readWishes(call);
  const able = wishes.background ? inBackground(targets, plan) : targets;
  const translated = able.some((target) => isTranslated(target, RESPONSES, plan));
  const plain = wishes.previous === undefined && wishes.conversation === undefined && !holdsOwnCompaction(call.wire.text);
  if (!plain || translated) return withState(call, able, wishes, exchange, plan);
  const looked = mayHoldIds(call.wire.text) ? lookedUpItems(inputItems(call.wire.fields.get('input'))) : [];
  if (looked.length === 0) return passed(call, able, wishes, exchange, plan);
  // What an item says of itself is nobody's secret; what a provider would look up by its id may be another app's.
  return checkOwned(looked, exchange, plan).then(() => passed(call, able, wishes, exchange, plan));
}

/** A call that says all, or whose provider knows the rest. */
function passed(call: LlmCall, targets: readonly Target[], wishes: Wishes, exchange: Exchange, plan: Plan): Continued {
  const store = wishes.store && call.operation === 'chat' ? ResponseStore.of(exchange, plan.state) : undefined;
  const kept = { input: [], store: true };
  return { call, targets, keepers: store === undefined ? [] : [new ResponseKeeper(kept, store, exchange)], loss: [] };
}

async function withState(call: LlmCall, targets: readonly Target[], wishes: Wishes, exchange: Exchange, plan: Plan): Promise<Continued> {
  const body = call.wire.json();
  const { previous, conversation } = wishes;
  const isNative = targets.some((target) => !isTranslated(target, RESPONSES, plan));
  const bound = previous === undefined ? undefined : await boundTargets(previous, targets, exchange, plan);
  const history = bound === undefined ? await historyOf(wishes, exchange, plan) : undefined;
  const given = await withReferred(inputItems(body.input), targets, exchange, plan);
  const input = await openedCompactions(given, exchange);
  const store = ResponseStore.of(exchange, plan.state);
  const whole = bound === undefined ? joined(call, body, history, input, isNative) : call;
  const kept = { input, store: wishes.store, previous, conversation };
  const isLost = wishes.store && store === undefined && !isNative;
  return {
    call: whole,
    targets: bound?.targets ?? targets,
    ...(bound?.credential === undefined ? {} : { credential: bound.credential }),
    keepers: call.operation === 'chat' ? [new ResponseKeeper(kept, store, exchange)] : [],
    loss: isLost ? ['store'] : [],
  };
}

function readWishes({ wire: { fields } }: LlmCall): Wishes {
  const previous = asString(fields.get('previous_response_id'));
  const conversation = conversationId(fields.get('conversation'));
  if (previous !== undefined && conversation !== undefined) {
    throw new GatewayError('invalid_request', 'previous_response_id and conversation cannot both be given.', { param: 'conversation' });
  }
  return { store: fields.get('store') !== false, previous, conversation, background: fields.get('background') === true };
}

function conversationId(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  const id = isObject(value) ? asString(value.id) : asString(value);
  if (id === undefined)
    throw new GatewayError('invalid_request', 'conversation is an id, or an object with one.', { param: 'conversation' });
  return id;
}

function inBackground(targets: readonly Target[], plan: Plan): readonly Target[] {
  const able = targets.filter((target) => !isTranslated(target, RESPONSES, plan));
  if (able.length > 0) return able;
  throw new GatewayError('not_supported', 'This model does not answer in the background: leave background out, and stream instead.', {
    param: 'background',
  });
}

export const notFound = (what: string, id: string) =>
  new GatewayError('previous_response_not_found', `${what} with id '${id.slice(0, 200)}' not found.`, {
    param: what === 'Conversation' ? 'conversation' : 'previous_response_id',
    vendorType: 'invalid_request_error',
  });

/** The targets that keep a response, where a provider does; `undefined` where it is kept here. Throws where it is nobody's. */
async function boundTargets(
  id: string,
  targets: readonly Target[],
  exchange: Exchange,
  plan: Plan,
): Promise<{ readonly targets: readonly Target[]; readonly credential: string | undefined } | undefined> {
  const kept = await ResponseStore.need(exchange, plan.state).response(id);
  if (kept === undefined) throw notFound('Previous response', id);
  if (!isBound(kept)) return undefined;
  const own = targets.filter((target) => target.provider === kept.provider && !isTranslated(target, RESPONSES, plan));
  if (own.length > 0) return { targets: own, credential: kept.credential };
  throw new GatewayError(
    'invalid_request',
    `The response '${id.slice(0, 200)}' is kept by the provider "${kept.provider}", which does not serve this model. Send the whole conversation as input.`,
    { param: 'previous_response_id' },
  );
}

async function historyOf({ previous, conversation }: Wishes, exchange: Exchange, plan: Plan): Promise<readonly Item[] | undefined> {
  if (previous !== undefined) {
    const history = await ResponseStore.need(exchange, plan.state).history(previous);
    if (history === undefined) throw notFound('Previous response', previous);
    return history;
  }
  if (conversation === undefined) return undefined;
  const store = ResponseStore.need(exchange, plan.state);
  if ((await store.conversation(conversation)) === undefined) throw notFound('Conversation', conversation);
  return store.conversationItems(conversation);
}

/** Throws where an item of an input is none of this app's. */
async function checkOwned(ids: readonly string[], exchange: Exchange, plan: Plan): Promise<void> {
  const foreign = ids.length === 0 ? undefined : await ResponseStore.need(exchange, plan.state).foreignItem(ids);
  if (foreign !== undefined) throw notFound('Item', foreign);
}

/** Items that the input only refers to, in the place of the references, unless all targets can look them up themselves: then only whose they are is checked. */
async function withReferred(input: readonly Item[], targets: readonly Target[], exchange: Exchange, plan: Plan): Promise<readonly Item[]> {
  const translated = targets.filter((target) => isTranslated(target, RESPONSES, plan));
  if (translated.length < targets.length) await checkOwned(lookedUpItems(input), exchange, plan);
  const ids = referredItems(input);
  if (ids.length === 0 || translated.length === 0) return input;
  const found = await ResponseStore.need(exchange, plan.state).items(ids);
  return input.map((item) => {
    if (item.type !== 'item_reference') return item;
    const referred = found.get(asString(item.id) ?? '');
    if (referred === undefined) throw notFound('Item', asString(item.id) ?? '');
    return referred;
  });
}

/** Fields that are served here, and so are no loss to a provider that does not know them. */
const SERVED_HERE = ['store', 'previous_response_id', 'conversation', 'metadata'];

function joined(call: LlmCall, body: JsonObject, history: readonly Item[] | undefined, input: readonly Item[], isNative: boolean): LlmCall {
  if (history !== undefined) checkAnswers([...history, ...input]);
  const items = history === undefined ? input : [...replayed(history, isNative), ...input];
  const same = history === undefined && typeof body.input === 'string';
  const { previous_response_id: _, conversation: __, ...left } = body;
  const whole = call.withBody(same ? left : { ...left, input: items });
  const chat = whole.chat();
  const extra = chat.extra[RESPONSES];
  if (extra === undefined) return whole;
  const kept = Object.fromEntries(Object.entries(extra).filter(([name]) => !SERVED_HERE.includes(name)));
  return whole.withChat({ ...chat, extra: { ...chat.extra, [RESPONSES]: kept } });
}
