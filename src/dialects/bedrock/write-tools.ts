import type { Chat, Tool } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, nameOfUnion, ownExtra } from './fields.ts';
import { cachePointOf, type Writing } from './write-content.ts';
import type { Turn } from './write-messages.ts';

/**
 * `toolConfig`, where there are tools. The API knows no choice `none`, and refuses turns with tool blocks in a call
 * without tools: tools are left out where no turn needs them, and made from the names in the turns where the caller
 * gave none.
 * Source: API reference, `ToolConfiguration`.
 */
export function writeTools(chat: Chat, turns: readonly Turn[], thinks: boolean, writing: Writing): JsonObject | undefined {
  const { loss } = writing;
  const used = usedTools(turns);
  const given = chat.tools.flatMap((tool) => writeTool(tool, writing));
  // That several may be called at once is the default, and all there is.
  if (chat.parallelToolCalls === false && given.length > 0) loss.add('parallel_tool_calls');
  if (given.length === 0) {
    if (chat.toolChoice?.mode === 'required' || chat.toolChoice?.mode === 'tool') loss.add('tool_choice');
    if (used.length === 0) return undefined;
    loss.add('tools');
    return { tools: used.map((name) => ({ toolSpec: { name, inputSchema: { json: { type: 'object' } } } })) };
  }
  if (chat.toolChoice?.mode === 'none') {
    loss.add(used.length === 0 ? 'tools' : 'tool_choice');
    return used.length === 0 ? undefined : { tools: given };
  }
  return { tools: given, ...present({ toolChoice: writeChoice(chat, thinks, loss) }) };
}

function writeTool(tool: Tool, writing: Writing): readonly JsonObject[] {
  const { loss } = writing;
  if (tool.type === 'raw') {
    if (tool.dialect === ID && isObject(tool.value)) return [tool.value];
    loss.add(`tools.${isObject(tool.value) && typeof tool.value.type === 'string' ? tool.value.type : nameOfUnion(tool.value)}`);
    return [];
  }
  const spec = {
    ...ownExtra(tool.extra, 'tools.', loss),
    name: tool.name,
    // An empty description is refused.
    ...present({ description: tool.description === '' ? undefined : tool.description }),
    inputSchema: { json: schemaOf(tool.parameters) },
    ...present({ strict: tool.strict }),
  };
  return [{ toolSpec: spec }, ...cachePointOf(tool, writing)];
}

/** A schema is required and must say that it describes an object; elsewhere a tool without arguments may leave it out. */
function schemaOf(parameters: Json | undefined): JsonObject {
  if (!isObject(parameters)) return { type: 'object', properties: {} };
  return parameters.type === undefined ? { type: 'object', ...parameters } : parameters;
}

/** A thinking Claude may not be forced: docs.claude.com, "Extended thinking", "Tool use". */
function writeChoice({ toolChoice }: Chat, thinks: boolean, loss: Set<string>): JsonObject | undefined {
  switch (toolChoice?.mode) {
    case 'auto':
      return { auto: {} };
    case 'required':
    case 'tool':
      if (!thinks) return toolChoice.mode === 'tool' ? { tool: { name: toolChoice.name } } : { any: {} };
      loss.add('tool_choice');
      return undefined;
    default:
      return undefined;
  }
}

/** The names of the tools that the turns call, each once. */
function usedTools(turns: readonly Turn[]): readonly string[] {
  const names = turns.flatMap(({ content }) =>
    content.flatMap(({ toolUse }) => (isObject(toolUse) && typeof toolUse.name === 'string' ? [toolUse.name] : [])),
  );
  return [...new Set(names)];
}
