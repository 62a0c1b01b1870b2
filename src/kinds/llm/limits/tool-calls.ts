import type { Chat, Part } from '../../../core/chat.ts';
import { isObject } from '../../../core/json.ts';

/**
 * The tool calls that were carried out since the model last spoke: the results at the end of a conversation. Known
 * before the call is sent, and counted once each, since the next call has a newer answer before its own.
 */
export function toolCallsIn({ messages }: Chat): number {
  let results = 0;
  for (const { role, content } of messages) {
    if (role === 'assistant') results = 0;
    else for (const part of content) if (isResult(part)) results += 1;
  }
  return results;
}

/** Results of tools that one vendor alone has keep its own form: `computer_call_output`, `web_search_tool_result`. */
const isResult = (part: Part): boolean =>
  part.type === 'tool-result' ||
  (part.type === 'raw' && isObject(part.value) && typeof part.value.type === 'string' && /_(?:output|tool_result)$/.test(part.value.type));
