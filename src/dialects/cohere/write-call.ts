import type { Chat, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type JsonObject } from '../../core/json.ts';
import { ownExtra } from './fields.ts';
import { writeMessages } from './write-messages.ts';

export function writeCall(chat: Chat): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const extra = ownExtra(chat.extra, '', loss);
  const tools = chosenTools(chat, loss);
  const written = tools.flatMap<JsonObject>((tool) => writeTool(tool, loss) ?? []);
  nameLosses(chat, loss);
  const said = {
    model: chat.model,
    messages: writeMessages(chat.messages, loss),
    stream: chat.stream,
    tools: written.length === 0 ? undefined : written,
    strict_tools: writeStrict(tools, loss),
    tool_choice: writeToolChoice(chat.toolChoice, written.length > 0, loss),
    max_tokens: chat.maxTokens,
    stop_sequences: chat.stop,
    temperature: chat.temperature,
    seed: chat.seed,
    frequency_penalty: writePenalty(chat.frequencyPenalty, 'frequency_penalty', loss),
    presence_penalty: writePenalty(chat.presencePenalty, 'presence_penalty', loss),
    k: chat.topK,
    p: chat.topP,
    response_format: chat.responseFormat === undefined ? undefined : writeFormat(chat.responseFormat, loss),
    thinking: chat.reasoning === undefined ? undefined : writeThinking(chat.reasoning, loss),
  };
  return { body: { ...extra, ...present(said) }, loss: [...loss] };
}

/** One tool cannot be named as the choice: it is the only one to choose from then. */
function chosenTools({ tools, toolChoice }: Chat, loss: Set<string>): readonly Tool[] {
  if (toolChoice?.mode !== 'tool') return tools;
  loss.add('tool_choice');
  return tools.filter((tool) => tool.type === 'function' && tool.name === toolChoice.name);
}

function writeToolChoice(choice: ToolChoice | undefined, hasTools: boolean, loss: Set<string>): string | undefined {
  if (choice === undefined || choice.mode === 'auto') return undefined;
  if (hasTools) return choice.mode === 'none' ? 'NONE' : 'REQUIRED';
  loss.add('tool_choice');
  return undefined;
}

function writeTool(tool: Tool, loss: Set<string>): JsonObject | undefined {
  if (tool.type === 'raw') {
    loss.add(`tools.${(isObject(tool.value) && asString(tool.value.type)) || 'raw'}`);
    return undefined;
  }
  if (tool.cache !== undefined) loss.add('cache_control');
  const { function: fields, ...left } = ownExtra(tool.extra, 'tools.', loss);
  const { name, description, parameters } = tool;
  return {
    ...left,
    type: 'function',
    function: { ...(isObject(fields) && fields), name, ...present({ description, parameters: parameters ?? NO_PARAMETERS }) },
  };
}

const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} };

/** Strictness is of all tools or of none. */
function writeStrict(tools: readonly Tool[], loss: Set<string>): true | undefined {
  const strict = tools.filter((tool) => tool.type === 'function' && tool.strict === true);
  if (strict.length > 0 && strict.length === tools.length) return true;
  if (strict.length > 0) loss.add('tools.strict');
  return undefined;
}

/** Penalties are 0–1 here. */
function writePenalty(penalty: number | undefined, name: string, loss: Set<string>): number | undefined {
  if (penalty === undefined) return undefined;
  const allowed = Math.min(1, Math.max(0, penalty));
  if (allowed !== penalty) loss.add(name);
  return allowed;
}

function writeFormat(format: ResponseFormat, loss: Set<string>): JsonObject {
  if (format.type === 'json') return { type: 'json_object' };
  if (format.description !== undefined) loss.add('response_format.json_schema.description');
  return { type: 'json_object', json_schema: format.schema };
}

/** Models that reason do so unless they are told not to: adaptive thinking is what they do when nothing is said. */
function writeThinking({ effort, mode, budgetTokens }: Reasoning, loss: Set<string>): JsonObject | undefined {
  if (mode === 'disabled' || effort === 'none') return { type: 'disabled' };
  if (effort !== undefined) loss.add('reasoning_effort');
  if (budgetTokens !== undefined) return { type: 'enabled', token_budget: budgetTokens };
  return mode === 'enabled' ? { type: 'enabled' } : undefined;
}

function nameLosses(chat: Chat, loss: Set<string>): void {
  if (chat.parallelToolCalls !== undefined) loss.add('parallel_tool_calls');
  if ((chat.choices ?? 1) > 1) loss.add('n');
  if (chat.user !== undefined) loss.add('user');
}
