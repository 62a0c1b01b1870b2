import type { Chat, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { writeStreamOptions } from '../../core/openai/fields.ts';
import { ID, ownExtra } from './fields.ts';
import { writeMessages } from './write-messages.ts';

export function writeCall(chat: Chat, quirks: Quirks): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const tools = chat.tools.flatMap<JsonObject>((tool) => writeTool(tool, loss) ?? []);
  const { stream_options: streamOptions, ...extra } = ownExtra(chat.extra, '', loss);
  if (chat.topK !== undefined) loss.add('top_k');
  if (chat.reasoning?.budgetTokens !== undefined) loss.add('reasoning.budget_tokens');
  if (chat.reasoning?.mode !== undefined) loss.add('reasoning.mode');
  const said: JsonObject = {
    model: chat.model,
    messages: writeMessages(chat.messages, quirks, loss),
    stream: chat.stream ? true : undefined,
    stream_options: chat.stream ? writeStreamOptions(streamOptions, quirks) : undefined,
    tools: tools.length === 0 ? undefined : tools,
    ...writeToolUse(chat, tools.length > 0, loss),
    [quirks.maxTokensField ?? 'max_completion_tokens']: chat.maxTokens,
    temperature: chat.temperature,
    top_p: chat.topP,
    stop: chat.stop,
    n: chat.choices,
    seed: chat.seed,
    presence_penalty: chat.presencePenalty,
    frequency_penalty: chat.frequencyPenalty,
    response_format: chat.responseFormat === undefined ? undefined : writeFormat(chat.responseFormat, quirks, loss),
    reasoning_effort: chat.reasoning?.effort,
    user: chat.user,
  };
  return { body: { ...extra, ...present(said) }, loss: [...loss] };
}

/** Usage in the stream is what the gateway meters by: it asks for it whether or not the caller did. */
/** How tools are to be used: OpenAI refuses to be told where there are none. */
function writeToolUse(chat: Chat, hasTools: boolean, loss: Set<string>): JsonObject {
  if (!hasTools) {
    if (chat.toolChoice !== undefined) loss.add('tool_choice');
    if (chat.parallelToolCalls !== undefined) loss.add('parallel_tool_calls');
    return {};
  }
  return present({
    tool_choice: chat.toolChoice === undefined ? undefined : writeToolChoice(chat.toolChoice),
    parallel_tool_calls: chat.parallelToolCalls,
  });
}

const writeToolChoice = (choice: ToolChoice): Json =>
  choice.mode === 'tool' ? { type: 'function', function: { name: choice.name } } : choice.mode;

function writeTool(tool: Tool, loss: Set<string>): JsonObject | undefined {
  if (tool.type === 'raw') {
    if (tool.dialect === ID && isObject(tool.value)) return tool.value;
    loss.add(`tools.${(isObject(tool.value) && asString(tool.value.type)) || 'raw'}`);
    return undefined;
  }
  if (tool.cache !== undefined) loss.add('cache_control');
  const { function: fields, ...left } = ownExtra(tool.extra, 'tools.', loss);
  return {
    ...left,
    type: 'function',
    function: {
      ...(isObject(fields) && fields),
      ...present({ name: tool.name, description: tool.description, parameters: tool.parameters, strict: tool.strict }),
    },
  };
}

function writeFormat(format: ResponseFormat, quirks: Quirks, loss: Set<string>): JsonObject {
  if (format.type === 'json') return { type: 'json_object' };
  if (quirks.jsonSchema === false) {
    loss.add('response_format.json_schema');
    return { type: 'json_object' };
  }
  const { name, description, schema, strict } = format;
  // The API asks for a name; other dialects know none.
  return { type: 'json_schema', json_schema: present({ name: name ?? 'response', description, schema, strict }) };
}
