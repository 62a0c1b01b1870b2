import type { PlatformModels } from '../core/ports.ts';

/** What is used of the `AI` binding: https://developers.cloudflare.com/workers-ai/configuration/bindings/ */
export interface AiBinding {
  run(model: string, inputs: object, options: { readonly returnRawResponse: true; readonly signal: AbortSignal }): Promise<unknown>;
}

/**
 * The models behind the `AI` binding. The answer is asked for as it came, so that a refusal keeps its status; where a
 * version of the binding reads it all the same, it is put back into a response.
 */
export const platformModels = (ai: AiBinding): PlatformModels => ({
  async run(model, inputs, signal) {
    const answer = await ai.run(model, inputs, { returnRawResponse: true, signal });
    if (answer instanceof Response) return answer;
    if (answer instanceof ReadableStream) return new Response(answer, { headers: { 'content-type': 'text/event-stream' } });
    return Response.json(answer);
  },
});
