import type { Chat, Message, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import type { CallAddress, CallHead } from '../../core/dialect.ts';
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
  requiredModel,
  requiredObject,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { withCachePoint } from './cache.ts';
import { extraOf, ID } from './fields.ts';
import { issuerOf } from './models.ts';
import { readContent } from './read-content.ts';

/** Model and operation stand in the path alone. Usage is part of every answer: a caller always wants it. */
export function readHead(_fields: Fields, address?: CallAddress): CallHead {
  return { model: requiredModel(address?.model), stream: address?.stream ?? false, wantsUsage: true };
}

/** The fields with a place in the canonical chat; all others travel in `extra`. */
const KNOWN = ['modelId', 'messages', 'system', 'toolConfig', 'inferenceConfig', 'additionalModelRequestFields', 'outputConfig'];

/** Source: API reference, Converse and ConverseStream, request body. */
export function readCall(body: JsonObject, model?: string): Chat {
  const issuer = issuerOf(model);
  const { settings, left } = readSettings(body);
  const messages = optionalArray(body.messages, 'messages') ?? [];
  return {
    model: model ?? '',
    messages: [
      ...(body.system === undefined || body.system === null
        ? []
        : [{ role: 'system' as const, content: readContent(body.system, 'system', issuer) }]),
      ...messages.map((message, index): Message => {
        const at = `messages.${index}`;
        const { role, content, ...others } = requiredObject(message, at);
        if (role !== 'user' && role !== 'assistant' && role !== 'system') throw invalid(`${at}.role`, '"user", "assistant" or "system"');
        const own = rest(others, []);
        // The extra of instructions among the turns, even an empty one, keeps their place when they are written here again.
        return { role, content: readContent(content, `${at}.content`, issuer), ...extraOf(role === 'system' ? (own ?? {}) : own) };
      }),
    ],
    ...readTools(body.toolConfig),
    ...settings,
    stream: false,
    // Present even when empty: it says that the call came in this dialect, and its settings are meant as it means them.
    extra: { [ID]: { ...rest(body, KNOWN), ...left } },
  };
}

/** Settings that are objects: what has a place in the canonical form, and what is left of each. */
function readSettings(body: JsonObject) {
  const inference = optionalObject(body.inferenceConfig, 'inferenceConfig') ?? {};
  const additional = optionalObject(body.additionalModelRequestFields, 'additionalModelRequestFields') ?? {};
  const output = optionalObject(body.outputConfig, 'outputConfig') ?? {};
  const topK = typeof additional.top_k === 'number' ? additional.top_k : undefined;
  const thinking = readThinking(additional.thinking);
  const effort = optionalString(output.effort, 'outputConfig.effort');
  const responseFormat = readFormat(output.textFormat);
  const reasoning: Reasoning = { ...thinking, ...present({ effort }) };
  return {
    settings: present({
      maxTokens: optionalCount(inference.maxTokens, 'inferenceConfig.maxTokens'),
      temperature: optionalNumber(inference.temperature, 'inferenceConfig.temperature'),
      topP: optionalNumber(inference.topP, 'inferenceConfig.topP'),
      stop: optionalStrings(inference.stopSequences, 'inferenceConfig.stopSequences'),
      topK,
      reasoning: Object.keys(reasoning).length === 0 ? undefined : reasoning,
      responseFormat,
    }),
    left: present({
      inferenceConfig: rest(inference, ['maxTokens', 'temperature', 'topP', 'stopSequences']),
      additionalModelRequestFields: rest(additional, [
        ...(topK === undefined ? [] : ['top_k']),
        ...(thinking === undefined ? [] : ['thinking']),
      ]),
      outputConfig: rest(output, responseFormat === undefined ? ['effort'] : ['effort', 'textFormat']),
    }),
  };
}

/** Anthropic's `thinking`; `undefined` for one that says more than the canonical form can. */
function readThinking(value: Json | undefined): Reasoning | undefined {
  if (!isObject(value) || rest(value, ['type', 'budget_tokens']) !== undefined) return undefined;
  const { type: mode, budget_tokens: budget } = value;
  if (mode !== 'enabled' && mode !== 'adaptive' && mode !== 'disabled') return undefined;
  return { mode, ...present({ budgetTokens: optionalCount(budget, 'additionalModelRequestFields.thinking.budget_tokens') }) };
}

/** The schema is JSON in a string here. */
function readFormat(value: Json | undefined): ResponseFormat | undefined {
  const structure = isObject(value) && value.type === 'json_schema' && isObject(value.structure) ? value.structure.jsonSchema : undefined;
  if (!isObject(structure) || typeof structure.schema !== 'string') return undefined;
  const schema = parseJson(structure.schema);
  const at = 'outputConfig.textFormat.structure.jsonSchema';
  if (schema === undefined) throw invalid(`${at}.schema`, 'a JSON schema as text');
  return {
    type: 'schema',
    schema,
    ...present({
      name: optionalString(structure.name, `${at}.name`),
      description: optionalString(structure.description, `${at}.description`),
    }),
  };
}

function readTools(value: Json | undefined): { readonly tools: readonly Tool[]; readonly toolChoice?: ToolChoice } {
  const config = optionalObject(value, 'toolConfig') ?? {};
  const tools: Tool[] = [];
  for (const [index, tool] of (optionalArray(config.tools, 'toolConfig.tools') ?? []).entries()) {
    const last = tools.at(-1);
    const cached = isObject(tool) && last?.type === 'function' ? withCachePoint(last, tool.cachePoint ?? null) : undefined;
    if (cached === undefined) tools.push(readTool(tool, `toolConfig.tools.${index}`));
    else tools[tools.length - 1] = cached;
  }
  return { tools, ...present({ toolChoice: readToolChoice(config.toolChoice) }) };
}

function readTool(tool: Json, at: string): Tool {
  const spec = requiredObject(tool, at).toolSpec;
  if (!isObject(spec)) return { type: 'raw', dialect: ID, value: tool };
  return {
    type: 'function',
    name: requiredString(spec.name, `${at}.toolSpec.name`),
    ...present({
      description: optionalString(spec.description, `${at}.toolSpec.description`),
      parameters: isObject(spec.inputSchema) ? spec.inputSchema.json : undefined,
      strict: optionalBoolean(spec.strict, `${at}.toolSpec.strict`),
    }),
    ...extraOf(rest(spec, ['name', 'description', 'inputSchema', 'strict'])),
  };
}

function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  const choice = optionalObject(value, 'toolConfig.toolChoice');
  if (choice === undefined) return undefined;
  if (isObject(choice.tool)) return { mode: 'tool', name: requiredString(choice.tool.name, 'toolConfig.toolChoice.tool.name') };
  if (isObject(choice.any)) return { mode: 'required' };
  if (isObject(choice.auto)) return { mode: 'auto' };
  throw invalid('toolConfig.toolChoice', 'auto, any or tool');
}
