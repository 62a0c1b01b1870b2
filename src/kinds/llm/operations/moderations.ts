import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import { modelHead, type Operation } from './operation.ts';
import { readUsage } from './usage.ts';

/** What OpenAI's own SDK leaves out: the vendor's current model then (https://platform.openai.com/docs/api-reference/moderations). */
const DEFAULT_MODEL = 'omni-moderation-latest';

export const moderations: Operation = {
  name: 'moderations',
  path: 'moderations',
  shape: 'openai',
  head: (body) => modelHead({ ...body, model: body.model ?? DEFAULT_MODEL }),
  texts: (body, edit) => {
    const input = editInput(body.input, edit);
    return input === body.input ? body : { ...body, input };
  },
  // The vendor reports none, and charges nothing.
  usage: readUsage,
};

/** A text, a list of texts, or a list of `{type: "text", text}` and pictures. */
function editInput(input: Json | undefined, edit: (text: string) => string): Json | undefined {
  if (typeof input === 'string') return edit(input);
  if (!isArray(input)) return input;
  const edited = input.map((each) => editItem(each, edit));
  return edited.some((each, at) => each !== input[at]) ? edited : input;
}

function editItem(item: Json, edit: (text: string) => string): Json | JsonObject {
  if (typeof item === 'string') return edit(item);
  if (!isObject(item) || typeof item.text !== 'string') return item;
  const text = edit(item.text);
  return text === item.text ? item : { ...item, text };
}
