import { isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { EgressRequest, PlatformModels } from '../../core/ports.ts';
import type { Bound, ProviderSettings } from '../../core/provider.ts';
import { readText } from '../../core/reader.ts';
import { inputsOf } from './inputs.ts';
import { completionOf, embeddingsOf, errorOf } from './reply.ts';
import { chunksOf } from './stream.ts';

/** Bytes of an answer that is not a stream. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A provider's own calls, made with what the platform binds; the settings' account is somebody's on the network. */
export const throughBinding = ({ account }: ProviderSettings, models: PlatformModels | undefined): Bound | undefined =>
  account !== undefined || models === undefined ? undefined : (request, model, clock) => ask(models, request, model, clock.now());

/** One call, and its answer in the form of OpenAI's chat completions, whatever the model's own form is. */
async function ask(models: PlatformModels, { body, signal }: EgressRequest, model: string, now: number): Promise<Response> {
  const parsed = parseJson(typeof body === 'string' ? body : new TextDecoder().decode(body));
  const call = isObject(parsed) ? parsed : {};
  if (call.input !== undefined) return embed(models, call.input, model, signal);
  const response = await models.run(model, inputsOf(call), signal);
  const type = response.headers.get('content-type') ?? '';
  const identity = { id: `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`, model, created: Math.floor(now / 1000) };
  if (response.ok && response.body !== null && /^text\/event-stream\b/i.test(type)) {
    return new Response(response.body.pipeThrough(chunksOf(identity)), { headers: { 'content-type': 'text/event-stream' } });
  }
  const answer = parseJson((await readText(response, MOST_BYTES)) ?? '') ?? null;
  return response.ok ? json(completionOf(answer, identity), 200) : json(errorOf(answer), response.status);
}

/** One call for embeddings, which the binding's models take as `text`, and its answer in OpenAI's form. */
async function embed(models: PlatformModels, input: Json, model: string, signal: AbortSignal): Promise<Response> {
  const response = await models.run(model, { text: input }, signal);
  const answer = parseJson((await readText(response, MOST_BYTES)) ?? '') ?? null;
  return response.ok ? json(embeddingsOf(answer, model), 200) : json(errorOf(answer), response.status);
}

const json = (body: JsonObject, status: number) => Response.json(body, { status });
