import { isObject, parseJson } from '../../core/json.ts';
import type { Clock, EgressRequest } from '../../core/ports.ts';
import type { Provider } from '../../core/provider.ts';
import { anthropicForm } from './anthropic.ts';
import { type Ask, SandboxFault } from './ask.ts';
import { type Form, type Reply, usageOf } from './form.ts';
import { isToken, models, play, readModel } from './models.ts';
import { openaiForm } from './openai.ts';
import { halfBody, pace, sleep, streamSteps } from './stream.ts';

/**
 * A provider inside the gateway: models that need no key, no network and no account, say the same to the same
 * question, and fail when asked to. Every answer says that it comes from here. The address is never called
 * (RFC 2606 reserves `.invalid`).
 */
export const sandbox = {
  id: 'sandbox',
  name: 'Weir sandbox',
  dialects: { 'openai-chat': true, anthropic: true },
  baseUrl: 'https://sandbox.invalid/v1',
  auth: { scheme: 'none' },
  quirks: { reasoningField: 'reasoning_content' },
  models: Object.keys(models),
  respond,
} as const satisfies Provider;

async function respond(request: EgressRequest, model: string, clock: Clock): Promise<Response> {
  const { pathname } = new URL(request.url);
  const form = pathname.endsWith('/messages') ? anthropicForm : openaiForm;
  try {
    if (request.method !== 'POST' || !/\/(?:messages|chat\/completions)$/.test(pathname)) {
      throw new SandboxFault(404, 'The sandbox answers chat completions and messages, by POST.');
    }
    return await answer(form, readBody(request), model, clock, request);
  } catch (error) {
    if (error instanceof SandboxFault) return refusal(form, error);
    throw error;
  }
}

function readBody({ body = '' }: EgressRequest) {
  const json = parseJson(typeof body === 'string' ? body : new TextDecoder().decode(body));
  if (!isObject(json)) throw new SandboxFault(400, 'The body is not a JSON object.');
  return json;
}

async function answer(form: Form, body: ReturnType<typeof readBody>, model: string, clock: Clock, { signal }: EgressRequest) {
  const { name, given } = readModel(model);
  const ask = form.read(body);
  const steps = play(ask, name, given);
  const reply: Reply = {
    id: idOf(ask),
    model: `sandbox/${model.replace(/^sandbox\//, '')}`,
    created: Math.floor(clock.now() / 1000),
    wantsUsage: ask.wantsUsage,
    steps,
    usage: usageOf(ask, steps, given),
  };
  const speed = pace(name, given);
  if (ask.stream) {
    return respondWith(form, name, reply, 'text/event-stream', streamSteps(steps, form.writer(reply), form.errorFrame, speed, signal));
  }
  await sleep(speed.first + speed.delay * Math.max(steps.filter(isToken).length - 1, 0), signal);
  signal.throwIfAborted();
  const fail = steps.find((step) => step.do === 'fail');
  if (fail?.mode === 'event') throw fail.fault;
  const json = JSON.stringify(form.whole(reply));
  return respondWith(form, name, reply, 'application/json', fail === undefined ? json : halfBody(json, fail.mode));
}

function respondWith(form: Form, name: string, reply: Reply, type: string, body: BodyInit): Response {
  const headers = { 'content-type': type, 'x-weir-sandbox': name, [form.requestIdHeader]: `req_${reply.id}` };
  return new Response(body, { headers });
}

function refusal(form: Form, fault: SandboxFault): Response {
  const { retryAfter } = fault.details;
  return Response.json(form.error(fault), {
    status: fault.status,
    headers: { 'x-weir-sandbox': 'error', ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) },
  });
}

/** The same question has the same id. */
function idOf({ model, lastText, messages }: Ask): string {
  let hash = 0x811c9dc5;
  for (const letter of `${model}\n${messages}\n${lastText.slice(0, 4096)}`)
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return `sandbox${(hash >>> 0).toString(16).padStart(8, '0')}`;
}
