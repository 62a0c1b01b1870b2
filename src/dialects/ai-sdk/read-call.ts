import type { Chat, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import {
  invalid,
  optionalArray,
  optionalBoolean,
  optionalCount,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  present,
  requiredObject,
  requiredString,
  rest,
} from '../../core/fields.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { extraOf, ID } from './fields.ts';
import { type CallOptions, readOptions } from './options.ts';
import { readPartOptions } from './part-options.ts';
import { readPrompt } from './read-prompt.ts';

/**
 * The fields with a place in the canonical chat; all others travel in `extra`. `headers` are those that the client has
 * put on the request itself.
 */
const KNOWN = [
  'prompt',
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'presencePenalty',
  'frequencyPenalty',
  'stopSequences',
  'seed',
  'tools',
  'toolChoice',
  'responseFormat',
  'reasoning',
  'providerOptions',
  'headers',
];

/** The options of a call. Source: `LanguageModelV4CallOptions` of https://github.com/vercel/ai/tree/main/packages/provider */
export function readCall(body: JsonObject): Chat {
  const { extra, strict, reasoning, ...options } = readOptions(body.providerOptions);
  const effort = optionalString(body.reasoning, 'reasoning');
  const thinks = present({ ...reasoning, ...(effort !== undefined && effort !== 'provider-default' && { effort }) });
  return {
    model: '',
    messages: readPrompt(body.prompt),
    tools: (optionalArray(body.tools, 'tools') ?? []).map((tool, index) => readTool(tool, `tools[${index}]`)),
    ...present({
      ...options,
      toolChoice: readToolChoice(body.toolChoice),
      maxTokens: optionalCount(body.maxOutputTokens, 'maxOutputTokens'),
      temperature: optionalNumber(body.temperature, 'temperature'),
      topP: optionalNumber(body.topP, 'topP'),
      topK: optionalNumber(body.topK, 'topK'),
      presencePenalty: optionalNumber(body.presencePenalty, 'presencePenalty'),
      frequencyPenalty: optionalNumber(body.frequencyPenalty, 'frequencyPenalty'),
      stop: optionalStrings(body.stopSequences, 'stopSequences'),
      seed: optionalNumber(body.seed, 'seed'),
      responseFormat: readFormat(body.responseFormat, strict),
      reasoning: Object.keys(thinks).length === 0 ? undefined : thinks,
    }),
    stream: false,
    extra: withOwn(extra, leftOver(body)),
  };
}

/** Raw chunks are left out unless they are asked for. */
function leftOver(body: JsonObject): JsonObject | undefined {
  return rest(body, body.includeRawChunks === false ? [...KNOWN, 'includeRawChunks'] : KNOWN);
}

const withOwn = (extra: CallOptions['extra'], left: JsonObject | undefined): CallOptions['extra'] =>
  left === undefined ? extra : { ...extra, [ID]: { ...extra[ID], ...left } };

function readTool(value: Json, at: string): Tool {
  const tool = requiredObject(value, at);
  if (tool.type !== 'function') return { type: 'raw', dialect: ID, value: tool };
  const { cache, left } = readPartOptions(tool.providerOptions, `${at}.providerOptions`);
  const strict = optionalBoolean(tool.strict, `${at}.strict`);
  const description = optionalString(tool.description, `${at}.description`);
  const others = { ...rest(tool, TOOL_FIELDS), ...(left !== undefined && { providerOptions: left }) };
  return {
    type: 'function',
    name: requiredString(tool.name, `${at}.name`),
    // The form before the current version said `parameters`.
    ...present({ description, parameters: tool.inputSchema ?? tool.parameters ?? undefined, strict, cache }),
    ...extraOf(Object.keys(others).length === 0 ? undefined : others),
  };
}

const TOOL_FIELDS = ['type', 'name', 'description', 'inputSchema', 'parameters', 'strict', 'providerOptions'];

function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  const choice = optionalObject(value, 'toolChoice');
  if (choice === undefined) return undefined;
  const { type } = choice;
  if (type === 'auto' || type === 'none' || type === 'required') return { mode: type };
  if (type === 'tool') return { mode: 'tool', name: requiredString(choice.toolName, 'toolChoice.toolName') };
  throw invalid('toolChoice.type', '"auto", "none", "required" or "tool"');
}

function readFormat(value: Json | undefined, strict: boolean | undefined): ResponseFormat | undefined {
  const format = optionalObject(value, 'responseFormat');
  if (format === undefined || format.type === 'text') return undefined;
  if (format.type !== 'json') throw invalid('responseFormat.type', '"text" or "json"');
  if (format.schema === undefined || format.schema === null) return { type: 'json' };
  const name = optionalString(format.name, 'responseFormat.name');
  const description = optionalString(format.description, 'responseFormat.description');
  return { type: 'schema', schema: format.schema, ...present({ name, description, strict }) };
}
