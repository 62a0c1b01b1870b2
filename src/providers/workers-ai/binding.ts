import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { EgressRequest, PlatformModels } from '../../core/ports.ts';
import type { Bound, ProviderSettings } from '../../core/provider.ts';
import { readText } from '../../core/reader.ts';
import { inputsOf } from './inputs.ts';
import { completionOf, errorOf } from './reply.ts';
import { chunksOf } from './stream.ts';

/** Bytes of an answer that is not a stream. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A provider's own calls, made with what the platform binds; the settings' account is somebody's on the network. */
export const throughBinding = ({ account }: ProviderSettings, models: PlatformModels | undefined): Bound | undefined =>
  account !== undefined || models === undefined ? undefined : (request, model, clock) => ask(models, request, model, clock.now());

/** One call, and its answer in the form of OpenAI's chat completions, whatever the model's own form is. */
async function ask(models: PlatformModels, { body, signal }: EgressRequest, model: string, now: number): Promise<Response> {
  const call = parseJson(typeof body === 'string' ? body : new TextDecoder().decode(body));
  const response = await models.run(model, inputsOf(isObject(call) ? call : {}), signal);
  const type = response.headers.get('content-type') ?? '';
  const identity = { id: `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`, model, created: Math.floor(now / 1000) };
  if (response.ok && response.body !== null && /^text\/event-stream\b/i.test(type)) {
    return new Response(response.body.pipeThrough(chunksOf(identity)), { headers: { 'content-type': 'text/event-stream' } });
  }
  const answer = parseJson((await readText(response, MOST_BYTES)) ?? '') ?? null;
  return response.ok ? json(completionOf(answer, identity), 200) : json(errorOf(answer), response.status);
}

const json = (body: JsonObject, status: number) => Response.json(body, { status });
