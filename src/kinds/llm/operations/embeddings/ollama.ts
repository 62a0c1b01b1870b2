import { count } from '../usage.ts';
import type { EmbeddingShape } from './call.ts';
import { vectorsOf } from './vectors.ts';

/** https://docs.ollama.com/api/embed */
export const ollama: EmbeddingShape = {
  write: ({ inputs, dimensions, purpose, title, others }, model) => ({
    bodies: [{ model, input: inputs, ...(dimensions === undefined ? {} : { dimensions }) }],
    loss: [...(purpose === undefined ? [] : ['input_type']), ...(title === undefined ? [] : ['title']), ...others],
  }),
  read([reply = {}], { inputs }, model) {
    const input = count(reply.prompt_eval_count);
    return {
      model,
      vectors: vectorsOf(reply.embeddings, inputs.length),
      ...(input === undefined ? {} : { usage: { input, output: 0 } }),
    };
  },
};
