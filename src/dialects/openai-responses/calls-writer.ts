import { present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { type OwnTool, SEARCH_CALL, unwrapText } from './own-tools.ts';
import { addItem, type Chunk, type Events, endItem, type ItemStatus, type OpenCall, type Writing } from './writing.ts';

/** How a call of a tool is said, by the tool's kind. */
interface CallForm {
  readonly prefix: string;
  item(call: Pick<OpenCall, 'callId' | 'tool'>, input: string): JsonObject;
  /** The event of a piece of input, where pieces are told. */
  readonly delta?: string;
  /** The event that says the input whole. */
  done?(call: OpenCall, input: string): JsonObject;
}

const forms: { readonly [kind in OwnTool['kind']]: CallForm } = {
  function: {
    prefix: 'fc',
    item: ({ callId, tool: { name, namespace } }, input) => ({
      type: 'function_call',
      call_id: callId,
      ...present({ namespace }),
      name,
      arguments: input,
    }),
    delta: 'response.function_call_arguments.delta',
    done: ({ tool: { name } }, input) => ({ type: 'response.function_call_arguments.done', name, arguments: input }),
  },
  custom: {
    prefix: 'ctc',
    item: ({ callId, tool: { name, namespace } }, input) => ({
      type: 'custom_tool_call',
      call_id: callId,
      ...present({ namespace }),
      name,
      input,
    }),
    delta: 'response.custom_tool_call_input.delta',
    done: (_, input) => ({ type: 'response.custom_tool_call_input.done', input }),
  },
  search: {
    prefix: 'tsc',
    item: ({ callId }, input) => ({ type: SEARCH_CALL, execution: 'client', call_id: callId, arguments: objectOf(input) }),
  },
};

const objectOf = (input: string): Json => {
  const read = parseJson(input);
  return isObject(read) ? read : {};
};

/** Begins a call. What other dialects call a function may be more to this caller: its own tools tell. */
export function openCall(writing: Writing, { part, id: callId, name, custom }: Chunk<'tool-call'>): Events {
  writing.callIds.set(part, callId);
  const tool: OwnTool = custom ? { kind: 'custom', name } : (writing.tools().get(name) ?? { kind: 'function', name });
  const wrapped = custom !== true && tool.kind === 'custom';
  const form = forms[tool.kind];
  const { index, id, event } = addItem(writing, form.prefix, { status: 'in_progress', ...form.item({ callId, tool }, '') });
  writing.calls.set(part, { index, id, callId, tool, wrapped, input: '' });
  return [event];
}

export function callInput(writing: Writing, { part, text }: Chunk<'tool-input'>): Events {
  if (text === '') return [];
  const call = writing.calls.get(part);
  if (call === undefined) {
    // The item has ended with content of another kind, and cannot begin again.
    writing.loss.add('tool_calls.function.arguments');
    return [];
  }
  call.input += text;
  // A text inside JSON is known when the JSON has ended.
  return call.wrapped ? [] : deltaOf(call, text);
}

function deltaOf({ id, index, tool }: OpenCall, delta: string): Events {
  const type = forms[tool.kind].delta;
  return type === undefined || delta === '' ? [] : [{ type, item_id: id, output_index: index, delta }];
}

export function closeCalls(writing: Writing, status: ItemStatus): Events {
  const events = [...writing.calls.values()].flatMap((call) => {
    const form = forms[call.tool.kind];
    const input = wholeInput(call, status);
    const told = call.wrapped ? deltaOf(call, input) : [];
    const done = form.done === undefined ? [] : [{ item_id: call.id, output_index: call.index, ...form.done(call, input) }];
    return [...told, ...done, endItem(writing, call.index, { id: call.id, status, ...form.item(call, input) })];
  });
  writing.calls.clear();
  return events;
}

function wholeInput({ tool, wrapped, input }: OpenCall, status: ItemStatus): string {
  if (wrapped) return unwrapText(input);
  // Clients parse the arguments: none are an empty object, unless the answer was cut off before any came.
  return tool.kind !== 'custom' && input === '' && status === 'completed' ? '{}' : input;
}
