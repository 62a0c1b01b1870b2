import { LlmCall } from '../../../core/call.ts';
import { GatewayError } from '../../../core/errors.ts';
import { asString, isArray, isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import type { Reply } from '../../../core/kind.ts';
import { readText } from '../../../core/reader.ts';
import { nameOf, type Target } from '../../../core/strategy.ts';
import { Wire } from '../../../core/wire.ts';
import { Ask } from '../ask.ts';
import { charge } from '../charge.ts';
import { isTranslated, openLine, prepare, send } from '../upstream.ts';
import { sealedCompaction } from './compaction.ts';
import { inputItems, listedItems, newId, RESPONSES } from './items.ts';
import { outputOf } from './kept.ts';

const COMPACT_BYTES = 16 * 1024 * 1024;

const INSTRUCTION =
  'Write down everything of the conversation above that is needed to go on with it: what was asked, what was decided and why, what was done and found, names, numbers, paths and code that will be needed word for word, and what is still open. Answer with these notes alone.';

/**
 * `POST /v1/responses/compact`: the vendor's own where the first target has it. Elsewhere a model of the targets writes
 * a summary, and it travels with the caller, sealed. Source: developers.openai.com, "Conversation state", compaction.
 */
export async function compact(ask: Ask, targets: readonly Target[]): Promise<Reply> {
  return (await compactAtVendor(ask, targets)) ?? summarised(ask, targets);
}

async function compactAtVendor(ask: Ask, [target]: readonly Target[]): Promise<Reply | undefined> {
  const { call, plan, exchange } = ask;
  if (target === undefined || isTranslated(target, RESPONSES, plan)) return undefined;
  const dispatch = prepare(call, target, plan, exchange);
  if (dispatch.dialect.id !== call.dialect.id || dispatch.provider.provider.respond !== undefined) return undefined;
  const [path = '', query] = dispatch.request.url.split('?', 2);
  const url = `${path}/compact${query === undefined ? '' : `?${query}`}`;
  const line = openLine(ask.routed.resolved.timeout.total);
  try {
    const response = await send({ ...dispatch, request: { ...dispatch.request, url } }, target, line.signal, exchange);
    const body = await readText(response, COMPACT_BYTES);
    if (body === undefined) throw new GatewayError('upstream_invalid', 'The provider sent a larger answer than any model gives.');
    const read = parseJson(body);
    const usage = isObject(read) ? dispatch.dialect.replyUsage(read) : undefined;
    return replyOf(target, body, 1, [], { ...(usage === undefined ? {} : { usage }) });
  } catch (thrown) {
    // Many servers speak Responses and do not know this path.
    if (thrown instanceof GatewayError && (thrown.status === 404 || thrown.status === 405) && thrown.code === 'upstream_rejected')
      return undefined;
    throw thrown;
  } finally {
    line.answered();
  }
}

async function summarised(ask: Ask, targets: readonly Target[]): Promise<Reply> {
  const { exchange, chain, plan, routed, deadline } = ask;
  const body = ask.call.wire.json();
  const items = inputItems(body.input);
  const call = summaryCall(ask.call, body);
  const { answer, attempts } = await new Ask(call, exchange, chain, plan, routed, deadline, {
    call,
    targets,
    keepers: [],
    loss: [],
  }).whole(targets);
  const said = parseJson(answer.reply.body);
  const summary = isObject(said) ? textOf(said) : '';
  if (summary === '') throw new GatewayError('upstream_invalid', 'The model wrote no summary of the conversation.');
  const compaction = { id: newId('cmp'), type: 'compaction', encrypted_content: await sealedCompaction(summary, exchange) };
  const kept = listedItems(items.filter(({ type, role }) => type === 'message' && role === 'user'));
  const resource = {
    id: newId('resp'),
    object: 'response.compaction',
    created_at: Math.floor(exchange.ports.clock.now() / 1000),
    output: [...kept, compaction],
    usage: isObject(said) ? said.usage : null,
  };
  const loss = ['compaction.native', ...answer.dispatch.loss, ...answer.reply.loss];
  const { usage } = answer.reply;
  return replyOf(answer.target, JSON.stringify(resource), attempts, loss, { usage, ...charge(ask, answer, usage) });
}

/** The call that asks for the summary: the whole conversation, without tools, and one question at its end. */
function summaryCall(call: LlmCall, { model, input, instructions }: JsonObject): LlmCall {
  const question = { type: 'message', role: 'user', content: [{ type: 'input_text', text: INSTRUCTION }] };
  const body = { model, ...(instructions == null ? {} : { instructions }), input: [...inputItems(input), question], store: false };
  const read = LlmCall.read(call.dialect, Wire.of(body), call.headers);
  // What the call does not need is not named as lost.
  return read.withChat({ ...read.chat(), extra: {} });
}

function textOf(response: JsonObject): string {
  return outputOf(response)
    .flatMap((item) => (item.type === 'message' && isArray(item.content) ? item.content : []))
    .flatMap((part) => (isObject(part) && part.type === 'output_text' ? (asString(part.text) ?? []) : []))
    .join('\n');
}

function replyOf(target: Target, body: string, attempts: number, loss: readonly string[], known: Partial<Awaited<Reply['done']>>): Reply {
  const servedModel = nameOf(target);
  return {
    status: 200,
    contentType: 'application/json',
    body,
    stream: false,
    servedModel,
    attempts,
    loss,
    done: { status: 'complete', servedModel, attempts, ...known },
  };
}
