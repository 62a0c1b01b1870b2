import type { Chat, Reasoning, ResponseFormat, Tool } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { writeMessages } from './write-messages.ts';

export function writeCall(chat: Chat): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const { options: ownOptions, ...extra } = ownExtra(chat.extra, '', loss);
  const options = { ...(isObject(ownOptions) && ownOptions), ...writeOptions(chat) };
  nameLosses(chat, loss);
  const said = {
    model: chat.model,
    messages: writeMessages(chat.messages, loss),
    // Absent would mean true.
    stream: chat.stream,
    tools: writeTools(chat, loss),
    format: chat.responseFormat === undefined ? undefined : writeFormat(chat.responseFormat, loss),
    think: chat.reasoning === undefined ? undefined : writeThink(chat.reasoning, loss),
    options: Object.keys(options).length === 0 ? undefined : options,
  };
  return { body: { ...extra, ...present(said) }, loss: [...loss] };
}

const writeOptions = (chat: Chat): JsonObject =>
  present({
    num_predict: chat.maxTokens,
    temperature: chat.temperature,
    top_p: chat.topP,
    top_k: chat.topK,
    seed: chat.seed,
    stop: chat.stop,
    presence_penalty: chat.presencePenalty,
    frequency_penalty: chat.frequencyPenalty,
  });

/** There is no choice among tools: not to use any is to have none. */
function writeTools({ tools, toolChoice }: Chat, loss: Set<string>): readonly JsonObject[] | undefined {
  if (toolChoice !== undefined && toolChoice.mode !== 'auto') loss.add('tool_choice');
  if (toolChoice?.mode === 'none') return undefined;
  const written = tools.flatMap<JsonObject>((tool) => writeTool(tool, loss) ?? []);
  return written.length === 0 ? undefined : written;
}

function writeTool(tool: Tool, loss: Set<string>): JsonObject | undefined {
  if (tool.type === 'raw') {
    if (tool.dialect === ID && isObject(tool.value)) return tool.value;
    loss.add(`tools.${(isObject(tool.value) && asString(tool.value.type)) || 'raw'}`);
    return undefined;
  }
  if (tool.cache !== undefined) loss.add('cache_control');
  if (tool.strict === true) loss.add('tools.strict');
  const { function: fields, ...left } = ownExtra(tool.extra, 'tools.', loss);
  const { name, description, parameters } = tool;
  return {
    ...left,
    type: 'function',
    function: { ...(isObject(fields) && fields), name, ...present({ description, parameters: parameters ?? NO_PARAMETERS }) },
  };
}

/** The server refuses a tool without. */
const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} };

function writeFormat(format: ResponseFormat, loss: Set<string>): Json {
  if (format.type === 'json') return 'json';
  if (format.description !== undefined) loss.add('response_format.json_schema.description');
  return format.schema;
}

/** The levels that the server takes, for the words of others. */
const LEVELS: ReadonlyMap<string, Json> = new Map<string, Json>([
  ['none', false],
  ['minimal', 'low'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'max'],
  ['max', 'max'],
]);

/** Adaptive thinking is what a model does when nothing is said. */
function writeThink({ effort, mode, budgetTokens }: Reasoning, loss: Set<string>): Json | undefined {
  if (budgetTokens !== undefined) loss.add('reasoning.budget_tokens');
  if (mode === 'disabled') return false;
  const level = effort === undefined ? undefined : LEVELS.get(effort);
  if (effort !== undefined && level === undefined) loss.add('reasoning_effort');
  return level ?? (mode === 'enabled' ? true : undefined);
}

function nameLosses(chat: Chat, loss: Set<string>): void {
  if (chat.parallelToolCalls !== undefined) loss.add('parallel_tool_calls');
  if ((chat.choices ?? 1) > 1) loss.add('n');
  if (chat.user !== undefined) loss.add('user');
}
