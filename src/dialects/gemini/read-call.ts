import type { Chat, Message, Part, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import type { CallAddress, CallHead } from '../../core/dialect.ts';
import {
  invalid,
  optionalNumber,
  optionalString,
  optionalStrings,
  present,
  requiredModel,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { CallLedger } from './call-ids.ts';
import { camelKeys, extraOf, ID, optionalList, optionalMessage } from './fields.ts';
import { readParts, wholeOf } from './read-parts.ts';
import { jsonSchemaOf } from './schema.ts';

/** The URL names the model and the operation; usage is part of every answer. */
export const readHead = (_fields: Fields, address?: CallAddress): CallHead => ({
  model: requiredModel(address?.model),
  stream: address?.stream ?? false,
  wantsUsage: true,
});

/** The fields with a place in the canonical chat; all others travel in `extra`. */
const KNOWN = ['model', 'contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig'];
const CONFIG = [
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'stopSequences',
  'candidateCount',
  'seed',
  'presencePenalty',
  'frequencyPenalty',
];

/** The call; model and streaming stand in its address. Source: https://ai.google.dev/api/generate-content */
export function readCall(came: JsonObject): Chat {
  const body = camelKeys(wrapped(came));
  const config = optionalMessage(body.generationConfig, 'generationConfig') ?? {};
  const format = readFormat(config);
  const thinking = optionalMessage(config.thinkingConfig, 'generationConfig.thinkingConfig') ?? {};
  const choice = readToolConfig(optionalMessage(body.toolConfig, 'toolConfig') ?? {});
  const number = (name: string) => optionalNumber(config[name], `generationConfig.${name}`);
  return {
    model: '',
    messages: readMessages(body),
    tools: (optionalList(body.tools, 'tools') ?? []).flatMap((tool, index) => readTool(tool, `tools[${index}]`)),
    ...present({
      toolChoice: choice.toolChoice,
      maxTokens: number('maxOutputTokens'),
      temperature: number('temperature'),
      topP: number('topP'),
      topK: number('topK'),
      choices: number('candidateCount'),
      seed: number('seed'),
      presencePenalty: number('presencePenalty'),
      frequencyPenalty: number('frequencyPenalty'),
      stop: optionalStrings(config.stopSequences, 'generationConfig.stopSequences'),
      responseFormat: format.format,
      reasoning: readThinking(thinking),
    }),
    stream: false,
    extra: {
      [ID]: {
        ...rest(body, KNOWN),
        ...nested('generationConfig', rest(config, [...CONFIG, ...format.read, 'thinkingConfig'])),
        ...nested('generationConfig.thinkingConfig', rest(thinking, ['thinkingBudget', 'thinkingLevel'])),
        ...nested('toolConfig', choice.left),
      },
    },
  };
}

/** `countTokens` may take the call it counts for whole. Source: https://ai.google.dev/api/tokens */
function wrapped(body: JsonObject): JsonObject {
  const inner = body.generateContentRequest ?? body.generate_content_request;
  return isObject(inner) ? inner : body;
}

/** Fields of a message inside the call, named by their path, so that each one that is lost is named alone. */
const nested = (at: string, fields: JsonObject | undefined): JsonObject =>
  Object.fromEntries(Object.entries(fields ?? {}).map(([name, value]) => [`${at}.${name}`, value]));

function readMessages(body: JsonObject): readonly Message[] {
  const ledger = new CallLedger();
  const contents = optionalList(body.contents, 'contents');
  if (contents === undefined) throw invalid('contents', 'an array');
  const system = body.systemInstruction;
  const instruction = typeof system === 'string' ? { parts: [{ text: system }] } : optionalMessage(system, 'systemInstruction');
  const instructions = readParts(instruction?.parts, 'systemInstruction.parts', ledger);
  return [
    ...(instructions.length === 0 ? [] : [{ role: 'system' as const, content: instructions }]),
    ...joined(contents.map((content, index) => readContent(content, `contents[${index}]`, ledger))),
  ];
}

const ROLES: ReadonlyMap<string, Message['role']> = new Map([
  ['user', 'user'],
  ['model', 'assistant'],
  // What a function answered, in the first version of this API.
  ['function', 'tool'],
  ['system', 'system'],
]);

function readContent(value: Json, at: string, ledger: CallLedger): Message {
  if (typeof value === 'string') return { role: 'user', content: [{ type: 'text', text: value }] };
  const content = optionalMessage(value, at);
  if (content === undefined) throw invalid(at, 'an object');
  const role = ROLES.get(optionalString(content.role, `${at}.role`) || 'user');
  if (role === undefined) throw invalid(`${at}.role`, '"user" or "model"');
  return { role, content: readParts(content.parts, `${at}.parts`, ledger), ...extraOf(rest(content, ['role', 'parts'])) };
}

/** A client that keeps a streamed answer as it came has a content for every event: what was one part is one again. */
function joined(messages: readonly Message[]): readonly Message[] {
  const whole: Message[] = [];
  for (const message of messages) {
    const last = whole.at(-1);
    if (message.role === 'assistant' && last?.role === 'assistant' && last.extra === undefined && message.extra === undefined) {
      whole[whole.length - 1] = { role: 'assistant', content: joinedParts(last.content, message.content) };
    } else whole.push(message);
  }
  return whole;
}

function joinedParts(before: readonly Part[], after: readonly Part[]): readonly Part[] {
  const [next, ...others] = after;
  const last = before.at(-1);
  if (next === undefined) return before;
  const isOneText = last?.type === 'text' && next.type === 'text' && last.signature === undefined && last.extra === undefined;
  const one = isOneText ? { ...next, text: last.text + next.text } : wholeOf(last, next);
  return one === undefined ? [...before, ...after] : [...before.slice(0, -1), one, ...others];
}

function readTool(value: Json, at: string): readonly Tool[] {
  const tool = optionalMessage(value, at);
  if (tool === undefined) throw invalid(at, 'an object');
  const declared = optionalList(tool.functionDeclarations, `${at}.functionDeclarations`) ?? [];
  const others = rest(tool, ['functionDeclarations']);
  return [
    ...declared.map((each, index) => readDeclaration(each, `${at}.functionDeclarations[${index}]`)),
    ...Object.entries(others ?? {}).map(([name, settings]): Tool => ({ type: 'raw', dialect: ID, value: { [name]: settings } })),
  ];
}

function readDeclaration(value: Json, at: string): Tool {
  const declaration = optionalMessage(value, at) ?? {};
  const { parameters, parametersJsonSchema } = declaration;
  return {
    type: 'function',
    name: requiredString(declaration.name, `${at}.name`),
    ...present({
      description: optionalString(declaration.description, `${at}.description`),
      parameters: parametersJsonSchema ?? (parameters === undefined || parameters === null ? undefined : jsonSchemaOf(parameters)),
    }),
    ...extraOf(rest(declaration, ['name', 'description', 'parameters', 'parametersJsonSchema'])),
  };
}

const MODES: ReadonlyMap<string, 'auto' | 'required' | 'none'> = new Map([
  ['AUTO', 'auto'],
  ['ANY', 'required'],
  ['NONE', 'none'],
]);

function readToolConfig(config: JsonObject): { readonly toolChoice?: ToolChoice | undefined; readonly left: JsonObject | undefined } {
  const calling = optionalMessage(config.functionCallingConfig, 'toolConfig.functionCallingConfig') ?? {};
  const names = optionalStrings(calling.allowedFunctionNames, 'toolConfig.functionCallingConfig.allowedFunctionNames') ?? [];
  const mode = MODES.get((asString(calling.mode) ?? '').toUpperCase());
  const [name] = names;
  const isOne = mode === 'required' && names.length === 1 && name !== undefined;
  const known = ['mode', ...(isOne || names.length === 0 ? ['allowedFunctionNames'] : [])];
  const left = {
    ...rest(config, ['functionCallingConfig']),
    ...nested('functionCallingConfig', rest(calling, mode === undefined ? [] : known)),
  };
  const toolChoice = isOne ? { mode: 'tool' as const, name } : mode === undefined ? undefined : { mode };
  return { toolChoice, left };
}

/** The format, and which fields it was read from. A MIME type alone that is not JSON is no format. */
function readFormat(config: JsonObject): { readonly format?: ResponseFormat; readonly read: readonly string[] } {
  const mime = optionalString(config.responseMimeType, 'generationConfig.responseMimeType');
  const read = ['responseMimeType', 'responseSchema', 'responseJsonSchema'];
  const schema = config.responseJsonSchema ?? (isObject(config.responseSchema) ? jsonSchemaOf(config.responseSchema) : undefined);
  if (schema !== undefined && schema !== null && (mime === undefined || mime === JSON_TYPE))
    return { format: { type: 'schema', schema }, read };
  if (mime === JSON_TYPE) return { format: { type: 'json' }, read };
  return { read: mime === 'text/plain' ? ['responseMimeType'] : [] };
}

const JSON_TYPE = 'application/json';

/** A budget of 0 is no thinking, one of -1 as much as the model likes. Source: https://ai.google.dev/gemini-api/docs/thinking */
function readThinking(thinking: JsonObject): Reasoning | undefined {
  const budget = optionalNumber(thinking.thinkingBudget, 'generationConfig.thinkingConfig.thinkingBudget');
  const level = optionalString(thinking.thinkingLevel, 'generationConfig.thinkingConfig.thinkingLevel')?.toLowerCase();
  const effort = level === undefined || level.endsWith('unspecified') ? undefined : level;
  if (budget === undefined) return effort === undefined ? undefined : { effort };
  if (budget === 0) return { mode: 'disabled', ...present({ effort }) };
  return budget < 0 ? { mode: 'adaptive', ...present({ effort }) } : { mode: 'enabled', budgetTokens: budget, ...present({ effort }) };
}
