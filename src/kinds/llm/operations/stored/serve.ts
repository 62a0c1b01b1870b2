import { GatewayError } from '../../../../core/errors.ts';
import type { Exchange } from '../../../../core/exchange.ts';
import type { JsonObject } from '../../../../core/json.ts';
import type { Reply } from '../../../../core/kind.ts';
import { OperationCall } from '../../../../core/operation.ts';
import { DEFAULT_TIMEOUTS, type Plan } from '../../../../core/plan.ts';
import { ByteReader } from '../../../../core/reader.ts';
import type { PolicyChain } from '../../../../core/run.ts';
import { Wire } from '../../../../core/wire.ts';
import { unreachable } from '../../ask.ts';
import { freeCall } from '../../limits/free.ts';
import { requiredBy } from '../../routing/permitted.ts';
import { openLine } from '../../upstream.ts';
import { Form } from '../form/form.ts';
import { relay } from '../relay.ts';
import { lengthOf } from '../serve.ts';
import { type Outgoing, type Place, prepareRequest, sendTo } from '../upstream.ts';
import { leaveBatch, settleBatch, takeBatch } from './batch-hold.ts';
import { checkLines } from './batch-lines.ts';
import { nameOfKind, objectFrom, type StoredAsk, type StoredCall } from './call.ts';
import { StoredIds } from './ids.ts';
import { listOwn } from './list.ts';
import { chosenProvider, storedPlace } from './provider.ts';

/** How policies see it: neither a model nor texts. What a batch holds they see line by line. */
export const storedCall = ({ kind, verb, id, request }: StoredAsk): OperationCall =>
  new OperationCall(
    nameOfKind(kind),
    Wire.of({ action: verb, ...(id === undefined ? {} : { id }) }),
    { model: '', stream: false, wantsUsage: true },
    request.headers,
    'openai',
    { head: () => ({ model: '', stream: false, wantsUsage: true }), texts: (body) => body },
  );

/** Serves one call for files or batches, at the credential that made what it names. */
export async function serveStored(ask: StoredAsk, exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply> {
  exchange.note('operation', `${nameOfKind(ask.kind)}.${ask.verb}`);
  const line = openLine(DEFAULT_TIMEOUTS.total);
  const call: StoredCall = { ...ask, ids: new StoredIds(exchange), exchange, plan, line };
  try {
    switch (ask.verb) {
      case 'create':
        return await (ask.kind === 'file' ? upload(call, chain) : submit(call));
      case 'list':
        return json(await listOwn(call, providerFor(call)));
      default:
        return await onOne(call);
    }
  } catch (thrown) {
    const error = unreachable(line.signal.aborted ? line.signal.reason : thrown);
    line.abort(error);
    throw error;
  }
}

function providerFor({ request, plan, kind, exchange }: StoredCall) {
  const named = request.headers.get('x-weir-provider') ?? new URL(request.url).searchParams.get('provider') ?? undefined;
  return chosenProvider(plan, named, nameOfKind(kind), requiredBy(exchange, plan));
}

async function upload(call: StoredCall, chain: PolicyChain): Promise<Reply> {
  const { request, plan, exchange } = call;
  const planned = providerFor(call);
  const form = Form.of(request, plan.limits.body);
  await form.readUntil(['purpose'], 'send `purpose` before the file');
  const edits = new Map<string, string>();
  if (form.fields.purpose === 'batch') {
    await form.hold('the lines of a batch must be looked at');
    const required = requiredBy(exchange, plan);
    const rules = { provider: planned.provider.id, plan, required, chain: chain.isEmpty ? undefined : chain };
    edits.set('file', await checkLines(form.fileText('file'), rules));
  }
  const { stream } = form.send(edits, exchange.ports);
  const place = storedPlace(planned, 'files', 'files');
  try {
    return await stored(call, place, { method: 'POST', url: place.url, contentType: form.contentType, stream });
  } catch (thrown) {
    throw form.fault ?? thrown;
  }
}

/** A batch runs where its input lies. */
async function submit(call: StoredCall): Promise<Reply> {
  const { body = {}, ids, plan } = call;
  const { input_file_id: wrapped } = body;
  if (typeof wrapped !== 'string') throw new GatewayError('invalid_request', '`input_file_id` must be a file.', { param: 'input_file_id' });
  const input = await ids.unwrap('file', wrapped);
  // Only what was uploaded for a batch has been looked at line by line.
  if ((await ids.noteOf('file', input)).purpose !== 'batch') {
    throw new GatewayError('invalid_request', '`input_file_id` must be a file that was uploaded with the purpose `batch`.', {
      param: 'input_file_id',
    });
  }
  const planned = chosenProvider(plan, input.provider, 'batches', requiredBy(call.exchange, plan));
  const foreseen = await takeBatch(call, planned, input.id);
  const place = storedPlace(planned, 'batches', 'batches');
  const sent = JSON.stringify({ ...body, input_file_id: input.id });
  const object = await objectFrom(call, place, { method: 'POST', url: place.url, contentType: 'application/json', body: sent });
  const { note, end } = await leaveBatch(call, foreseen);
  await ids.own('batch', planned.provider.id, [object], note);
  return { ...json(await ids.wrapObject('batch', planned.provider.id, object)), done: { status: 'complete', attempts: 1, ...end } };
}

/** Sends what makes an object, and remembers whose it is. */
async function stored(call: StoredCall, place: Place, outgoing: Outgoing): Promise<Reply> {
  const object = await objectFrom(call, place, outgoing);
  const { id } = place.planned.provider;
  await call.ids.own(call.kind, id, [object]);
  return json(await call.ids.wrapObject(call.kind, id, object));
}

async function onOne(call: StoredCall): Promise<Reply> {
  const { kind, verb, id: wrapped = '', ids, plan } = call;
  const { provider, id } = await ids.unwrap(kind, wrapped);
  const planned = plan.providers.get(provider);
  if (planned === undefined) throw new GatewayError('not_found', `The provider that made this ${kind} is no longer configured.`);
  const name = nameOfKind(kind);
  const tail = verb === 'content' || verb === 'cancel' ? `/${verb}` : '';
  const place = storedPlace(planned, name, `${name}/${encodeURIComponent(id)}${tail}`);
  try {
    if (verb === 'content') return await content(call, place);
    const method = verb === 'delete' ? 'DELETE' : verb === 'cancel' ? 'POST' : 'GET';
    const object = await objectFrom(call, place, { method, url: place.url });
    // What a batch wrote is the key's own too, and shows up in its list of files.
    if (kind === 'batch') {
      await ids.own('file', provider, outputsOf(object));
      await settleBatch(call, planned, id, object);
    }
    return json(await ids.wrapObject(kind, provider, object));
  } catch (thrown) {
    throw inCallersWords(thrown, id, wrapped);
  }
}

const outputsOf = ({ output_file_id, error_file_id }: JsonObject): readonly JsonObject[] =>
  [output_file_id, error_file_id].flatMap((id) => (typeof id === 'string' ? [{ id, purpose: 'batch_output' }] : []));

/** A vendor's message names its own id, which the caller has never seen. */
function inCallersWords(thrown: unknown, id: string, wrapped: string): unknown {
  if (!(thrown instanceof GatewayError) || !thrown.message.includes(id)) return thrown;
  return new GatewayError(thrown.code, thrown.message.replaceAll(id, wrapped), thrown.details);
}

/** Types that a browser would run on the gateway's own origin. */
const ACTIVE = /html|xml|svg|script/i;

async function content(call: StoredCall, place: Place): Promise<Reply> {
  const { request, exchange, plan, line } = call;
  const outgoing = { method: 'GET', url: place.url } as const;
  await exchange.hold?.take(freeCall(place.planned.provider.id));
  const response = await sendTo(await prepareRequest(outgoing, place, request.headers, line.signal, exchange), exchange);
  line.answered();
  const type = response.headers.get('content-type') ?? 'application/octet-stream';
  const { readable, writable } = exchange.ports.pipe(lengthOf(response));
  const source = response.body === null ? undefined : new ByteReader(response.body);
  const first = await source?.read(64 * 1024);
  const { clock } = exchange.ports;
  const done =
    source === undefined
      ? writable.close().then(() => ({ status: 'complete' as const }))
      : relay(source, first, writable, {
          clock,
          ping: plan.limits.ping,
          idle: DEFAULT_TIMEOUTS.idle,
          deadline: clock.now() + DEFAULT_TIMEOUTS.total,
          caller: exchange.signal,
          abort: (reason) => line.abort(reason),
        });
  return {
    status: 200,
    contentType: ACTIVE.test(type) ? 'application/octet-stream' : type,
    headers: { 'content-disposition': 'attachment', 'x-content-type-options': 'nosniff' },
    body: readable,
    stream: false,
    attempts: 1,
    loss: [],
    done: done.then((end) => ({ ...end, attempts: 1 })),
  };
}

const json = (object: JsonObject): Reply => ({
  status: 200,
  contentType: 'application/json',
  body: JSON.stringify(object),
  stream: false,
  attempts: 1,
  loss: [],
  done: { status: 'complete', attempts: 1 },
});
