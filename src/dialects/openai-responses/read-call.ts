import type { Chat, Message, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import {
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  present,
  requiredModel,
  requiredObject,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf, ID } from './fields.ts';
import { readItems } from './read-items.ts';

/** The fields with a place in the canonical chat; all others travel in `extra`. */
const KNOWN = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'temperature',
  'top_p',
  'text',
  'reasoning',
  'user',
  'store',
  'include',
  'background',
  'truncation',
]);

/** Source: https://platform.openai.com/docs/api-reference/responses/create. */
export function readCall(body: JsonObject): Chat {
  const toolChoice = readToolChoice(body.tool_choice);
  const text = optionalObject(body.text, 'text') ?? {};
  const reasoning = optionalObject(body.reasoning, 'reasoning') ?? {};
  const effort = optionalString(reasoning.effort, 'reasoning.effort');
  const { format, left } = readFormat(text);
  const extra = {
    ...rest(body, KNOWN),
    ...present({
      tool_choice: toolChoice === undefined ? (body.tool_choice ?? undefined) : undefined,
      text: left,
      reasoning: rest(reasoning, ['effort']),
      include: readInclude(body),
      stream_options: readStreamOptions(body),
      store: body.store === true ? true : undefined,
      background: body.background === true ? true : undefined,
      truncation: body.truncation === 'disabled' ? undefined : (body.truncation ?? undefined),
    }),
  };
  return {
    model: requiredModel(body.model),
    messages: [...readInstructions(body.instructions), ...readItems(body.input)],
    tools: (optionalArray(body.tools, 'tools') ?? []).map((tool, index) => readTool(requiredObject(tool, `tools[${index}]`), index)),
    ...present({
      toolChoice,
      parallelToolCalls: optionalBoolean(body.parallel_tool_calls, 'parallel_tool_calls'),
      maxTokens: optionalNumber(body.max_output_tokens, 'max_output_tokens'),
      temperature: optionalNumber(body.temperature, 'temperature'),
      topP: optionalNumber(body.top_p, 'top_p'),
      responseFormat: format,
      reasoning: effort === undefined ? undefined : { effort },
      user: optionalString(body.user, 'user'),
      store: body.store === false ? (false as const) : undefined,
    }),
    stream: optionalBoolean(body.stream, 'stream') ?? false,
    // Also where it is empty: the call was one of this dialect.
    extra: { [ID]: extra },
  };
}

function readInstructions(value: Json | undefined): readonly Message[] {
  const text = optionalString(value, 'instructions') ?? '';
  return text === '' ? [] : [{ role: 'system', content: [{ type: 'text', text }] }];
}

const ENCRYPTED = 'reasoning.encrypted_content';

/** Encrypted reasoning is what a caller gets from every provider who keeps nothing: asking for it is nothing that could be lost. */
function readInclude({ include, store }: JsonObject): Json | undefined {
  const wanted = optionalArray(include, 'include') ?? [];
  const left = store === false ? wanted.filter((entry) => entry !== ENCRYPTED) : wanted;
  return left.length === 0 ? undefined : left;
}

/** Streams are padded by OpenAI alone, unless it is told not to. */
function readStreamOptions(body: JsonObject): JsonObject | undefined {
  const options = optionalObject(body.stream_options, 'stream_options') ?? {};
  return rest(options, options.include_obfuscation === false ? ['include_obfuscation'] : []);
}

const TOOL_FIELDS = ['type', 'name', 'description', 'parameters', 'strict'];

function readTool(tool: JsonObject, index: number): Tool {
  if (tool.type !== 'function') return { type: 'raw', dialect: ID, value: tool };
  const at = `tools[${index}]`;
  return {
    type: 'function',
    name: requiredString(tool.name, `${at}.name`),
    ...present({
      description: optionalString(tool.description, `${at}.description`),
      parameters: tool.parameters ?? undefined,
      strict: optionalBoolean(tool.strict, `${at}.strict`),
    }),
    ...extraOf(rest(tool, TOOL_FIELDS)),
  };
}

/** `undefined` for an absent choice and for one of a kind that only this dialect knows. */
function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === 'auto' || value === 'none' || value === 'required') return { mode: value };
  if (!isObject(value) || value.type !== 'function') return undefined;
  return { mode: 'tool', name: requiredString(value.name, 'tool_choice.name') };
}

/** `text` is the default format, and says nothing. */
function readFormat(text: JsonObject): { readonly format: ResponseFormat | undefined; readonly left: JsonObject | undefined } {
  const given = optionalObject(text.format, 'text.format');
  const left = rest(text, ['format']);
  if (given === undefined || given.type === 'text') return { format: undefined, left };
  if (given.type === 'json_object') return { format: { type: 'json' }, left };
  if (given.type !== 'json_schema') return { format: undefined, left: { ...left, format: given } };
  return {
    left,
    format: {
      type: 'schema',
      schema: given.schema ?? {},
      ...present({
        name: optionalString(given.name, 'text.format.name'),
        description: optionalString(given.description, 'text.format.description'),
        strict: optionalBoolean(given.strict, 'text.format.strict'),
      }),
    },
  };
}
