import { GatewayError } from '../../../core/errors.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';

/** The dialect whose state this folder keeps. */
export const RESPONSES = 'openai-responses';

/** One item of a conversation as it travels: https://platform.openai.com/docs/api-reference/responses/object. */
export type Item = JsonObject;

/** A fresh id of OpenAI's form; `prefix` names what it is of (`resp`, `msg`, `conv`). */
export const newId = (prefix: string): string => `${prefix}_${crypto.randomUUID().replaceAll('-', '')}`;

/** A call's `input` as items: a text is a user's message, and a message may leave out that it is one. Throws `invalid_request`. */
export function inputItems(input: Json | undefined): readonly Item[] {
  if (input === undefined || input === null) return [];
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }];
  if (!isArray(input)) throw new GatewayError('invalid_request', 'input is a text or a list of items.', { param: 'input' });
  return input.map((item, at) => {
    if (!isObject(item)) throw new GatewayError('invalid_request', `input[${at}] is not an object.`, { param: `input[${at}]` });
    if (item.type !== undefined) return item;
    return { type: item.role === undefined ? 'item_reference' : 'message', ...item };
  });
}

const PREFIXES: { readonly [type: string]: string } = {
  message: 'msg',
  reasoning: 'rs',
  function_call: 'fc',
  function_call_output: 'fco',
  custom_tool_call: 'ctc',
  custom_tool_call_output: 'ctco',
  compaction: 'cmp',
};

/** Items as they are kept and listed: each with an id, messages with their content as a list. */
export function listedItems(items: readonly Item[]): readonly Item[] {
  return items.map((item) => {
    const id = asString(item.id) ?? newId(PREFIXES[asString(item.type) ?? ''] ?? 'item');
    if (item.type !== 'message') return { ...item, id };
    const type = item.role === 'assistant' ? 'output_text' : 'input_text';
    const content =
      typeof item.content === 'string'
        ? [{ type, text: item.content, ...(type === 'output_text' ? { annotations: [] } : {}) }]
        : item.content;
    return { ...item, id, status: item.status ?? 'completed', content };
  });
}

/**
 * Items of earlier turns as a later call says them: without the ids under which only their own vendor could look them
 * up. Reasoning that nobody can open again says nothing to a vendor that wants it sealed; `sealedOnly` leaves it out.
 */
export function replayed(items: readonly Item[], sealedOnly: boolean): readonly Item[] {
  return items.flatMap((item) => {
    if (sealedOnly && item.type === 'reasoning' && typeof item.encrypted_content !== 'string') return [];
    const { id: _, status: __, ...said } = item;
    return [said];
  });
}

const ANSWERS: { readonly [type: string]: string } = {
  function_call_output: 'function_call',
  custom_tool_call_output: 'custom_tool_call',
};

/** Refuses a tool's result that answers no call of the conversation, as OpenAI does. Throws `invalid_request`. */
export function checkAnswers(items: readonly Item[]): void {
  const called = new Set<string>();
  for (const item of items) {
    const type = asString(item.type) ?? '';
    const callId = asString(item.call_id) ?? '';
    if (ANSWERS[type] === undefined) called.add(`${type} ${callId}`);
    else if (!called.has(`${ANSWERS[type]} ${callId}`)) {
      throw new GatewayError(
        'invalid_request',
        `No tool call found for ${type.replaceAll('_', ' ')} with call_id ${callId.slice(0, 200)}.`,
        {
          param: 'input',
        },
      );
    }
  }
}

export const idsOf = (items: readonly Item[]): readonly string[] => items.flatMap(({ id }) => asString(id) ?? []);

/** The ids that a call's input only refers to. */
export const referredItems = (items: readonly Item[]): readonly string[] => idsOf(items.filter(({ type }) => type === 'item_reference'));

/** What such an item says itself; without any of it its vendor looks the item up by its id. */
const SAID_BY: { readonly [type: string]: readonly string[] } = {
  reasoning: ['encrypted_content', 'content'],
  image_generation_call: ['result'],
  compaction: ['encrypted_content'],
};

/** The ids of all items that a vendor who keeps them would look up for a call: those it refers to, and those it says without their content. */
export const lookedUpItems = (items: readonly Item[]): readonly string[] => [...new Set(idsOf(items.filter(isLookedUp)))];

function isLookedUp(item: Item): boolean {
  if (item.type === 'item_reference') return true;
  const fields = Object.hasOwn(SAID_BY, asString(item.type) ?? '') ? SAID_BY[asString(item.type) ?? ''] : undefined;
  return fields?.every((field) => isEmpty(item[field])) === true;
}

const isEmpty = (value: Json | undefined) =>
  value === undefined || value === null || value === '' || (isArray(value) && value.length === 0);

/** Whether the text of a body may hold an item with an id; one without costs no parsing. */
export const mayHoldIds = (body: string): boolean => body.includes('"id"') || body.includes('\\u');
