import type { JsonObject } from '../../../core/json.ts';
import { editFields, modelHead, type Operation } from './operation.ts';
import { count, numeric, readUsage } from './usage.ts';

/** What the API takes where a call names no model (https://platform.openai.com/docs/api-reference/images). */
const DEFAULT_MODEL = 'dall-e-2';

const head: Operation['head'] = (body) => modelHead({ ...body, model: body.model ?? DEFAULT_MODEL });

/** One picture unless the call says otherwise. */
export const picturesOf = ({ n }: JsonObject): number => Math.max(1, Math.ceil(count(numeric(n)) ?? 1));

const asked = (body: JsonObject) => ({ images: picturesOf(body) });

/** Partial pictures of a streamed answer are not further pictures: the events count none. */
const usage: Operation['usage'] = (reply) => {
  const tokens = readUsage(reply);
  if (!Array.isArray(reply.data)) return tokens;
  return { input: 0, output: 0, ...tokens, images: reply.data.length };
};

export const imageGeneration: Operation = {
  name: 'image-generation',
  path: 'images/generations',
  shape: 'openai',
  head,
  texts: editFields(['prompt']),
  asked,
  usage,
};

export const imageEdit: Operation = {
  name: 'image-edit',
  path: 'images/edits',
  shape: 'openai',
  formTexts: ['prompt'],
  head,
  texts: editFields(['prompt']),
  asked,
  usage,
};

export const imageVariation: Operation = {
  name: 'image-variation',
  path: 'images/variations',
  shape: 'openai',
  formTexts: [],
  head,
  texts: (body) => body,
  asked,
  usage,
};
