import type { Chat, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { writeOptions } from './options.ts';
import { cacheOptions, writePartOptions } from './part-options.ts';
import { writePrompt } from './write-prompt.ts';

/** Model and streaming are said in the headers. */
export function writeCall(chat: Chat): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const own = Object.entries(ownExtra(chat.extra, '', loss));
  if (chat.choices !== undefined && chat.choices > 1) loss.add('n');
  const isOption = (name: string) => name.startsWith('providerOptions.');
  const said: JsonObject = present({
    prompt: writePrompt(chat.messages, loss),
    maxOutputTokens: chat.maxTokens,
    temperature: chat.temperature,
    topP: chat.topP,
    topK: chat.topK,
    presencePenalty: chat.presencePenalty,
    frequencyPenalty: chat.frequencyPenalty,
    stopSequences: chat.stop,
    seed: chat.seed,
    tools: writeTools(chat.tools, loss),
    toolChoice: chat.toolChoice === undefined ? undefined : writeToolChoice(chat.toolChoice),
    responseFormat: chat.responseFormat === undefined ? undefined : writeFormat(chat.responseFormat),
    reasoning: chat.reasoning?.effort,
    providerOptions: writeOptions(chat, Object.fromEntries(own.filter(([name]) => isOption(name)))),
  });
  return { body: { ...Object.fromEntries(own.filter(([name]) => !isOption(name))), ...said }, loss: [...loss] };
}

function writeTools(tools: readonly Tool[], loss: Set<string>): readonly JsonObject[] | undefined {
  const written = tools.flatMap<JsonObject>((tool) => writeTool(tool, loss) ?? []);
  return written.length === 0 ? undefined : written;
}

function writeTool(tool: Tool, loss: Set<string>): JsonObject | undefined {
  if (tool.type === 'raw') {
    if (tool.dialect === ID && isObject(tool.value)) return tool.value;
    loss.add(`tools.${(isObject(tool.value) && asString(tool.value.type)) || 'raw'}`);
    return undefined;
  }
  const { providerOptions, ...extra } = ownExtra(tool.extra, 'tools.', loss);
  return {
    ...extra,
    type: 'function',
    name: tool.name,
    ...present({ description: tool.description, inputSchema: tool.parameters ?? { type: 'object' }, strict: tool.strict }),
    ...writePartOptions(isObject(providerOptions) ? providerOptions : undefined, cacheOptions(tool.cache)),
  };
}

const writeToolChoice = (choice: ToolChoice): JsonObject =>
  choice.mode === 'tool' ? { type: 'tool', toolName: choice.name } : { type: choice.mode };

const writeFormat = (format: ResponseFormat): JsonObject =>
  format.type === 'json'
    ? { type: 'json' }
    : { type: 'json', ...present({ schema: format.schema, name: format.name, description: format.description }) };
