import type { Chat, Message, Part, Tool } from '../../core/chat.ts';
import { asString, isArray, isObject, type Json } from '../../core/json.ts';
import { ID } from './fields.ts';
import { asFunctions, hasGrammar, plainName, SEARCH, SEARCH_CALL, SEARCH_OUTPUT, wrapText } from './own-tools.ts';
import { unseal } from './sealed.ts';

/**
 * The call in words that every dialect has. The tools that the caller runs itself are functions to whoever translates:
 * custom tools, tools in a namespace (where agents put those of MCP servers), and the search that brings more of them.
 * https://platform.openai.com/docs/guides/function-calling, https://platform.openai.com/docs/guides/tools-tool-search
 */
export function plain(chat: Chat): { readonly chat: Chat; readonly loss: readonly string[] } {
  const loss: string[] = [];
  const messages = chat.messages.flatMap(plainMessages);
  const tools = new Map<Tool | string, Tool>();
  for (const entry of [...chat.tools, ...chat.messages.flatMap(foundTools)]) {
    if (entry.type === 'raw' && hasGrammar(entry.value)) loss.push('tools.format');
    for (const tool of plainTools(entry)) tools.set(tool.type === 'function' ? tool.name : tool, tool);
  }
  return { chat: { ...chat, messages, tools: [...tools.values()] }, loss };
}

const plainTools = (tool: Tool): readonly Tool[] =>
  tool.type === 'raw' && tool.dialect === ID ? (asFunctions(tool.value) ?? [tool]) : [tool];

/** Tools that a search has brought are there from then on. */
function foundTools({ content }: Message): readonly Tool[] {
  return content.flatMap((part) => {
    const found = ownItem(part, SEARCH_OUTPUT)?.tools;
    return isArray(found) ? found.map((value): Tool => ({ type: 'raw', dialect: ID, value })) : [];
  });
}

const ownItem = (part: Part, type: string) =>
  part.type === 'raw' && part.dialect === ID && isObject(part.value) && part.value.type === type ? part.value : undefined;

/** One message, or several: what a search found is the answer of a tool, in the midst of what the model did. */
function plainMessages(message: Message): readonly Message[] {
  const messages: { readonly role: Message['role']; readonly content: Part[] }[] = [];
  const seals = message.content.flatMap((part) => sealOf(part) ?? []);
  for (const part of message.content) {
    if (sealOf(part) !== undefined) continue;
    const written = signed(plainPart(part), seals);
    const role = written.type === 'tool-result' ? 'tool' : message.role;
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(written);
    else messages.push({ role, content: [written] });
  }
  return messages.length < 2 ? [{ ...message, content: messages[0]?.content ?? [] }] : messages;
}

/** The signature of a call, where it stands beside a call that only this dialect has. */
function sealOf(part: Part) {
  const seal = unseal(asString(ownItem(part, 'reasoning')?.encrypted_content) ?? '');
  return seal?.kind === 'call' ? seal : undefined;
}

function signed(part: Part, seals: readonly NonNullable<ReturnType<typeof sealOf>>[]): Part {
  const seal = part.type === 'tool-call' ? seals.find(({ callId }) => callId === part.id) : undefined;
  return part.type !== 'tool-call' || seal === undefined ? part : { ...part, signature: seal.signature, issuer: seal.issuer };
}

function plainPart(part: Part): Part {
  if (part.type === 'tool-call') return plainCall(part);
  const call = ownItem(part, SEARCH_CALL);
  const callId = asString(call?.call_id);
  if (call !== undefined && callId !== undefined) {
    return { type: 'tool-call', id: callId, name: SEARCH, input: JSON.stringify(call.arguments ?? {}) };
  }
  const output = ownItem(part, SEARCH_OUTPUT);
  const answered = asString(output?.call_id);
  if (output === undefined || answered === undefined) return part;
  return { type: 'tool-result', callId: answered, content: [{ type: 'text', text: JSON.stringify(namesOf(output.tools)) }] };
}

function plainCall({ custom, extra, ...part }: Extract<Part, { readonly type: 'tool-call' }>): Part {
  const own = extra?.[ID];
  const namespace = isObject(own) ? asString(own.namespace) : undefined;
  const { namespace: _, ...left } = isObject(own) ? own : {};
  const { [ID]: __, ...others } = extra ?? {};
  const kept = { ...others, ...(Object.keys(left).length > 0 && { [ID]: left }) };
  return {
    ...part,
    ...(namespace !== undefined && { name: plainName({ namespace, name: part.name }) }),
    ...(custom && { input: wrapText(part.input) }),
    ...(Object.keys(kept).length > 0 && { extra: kept }),
  };
}

/** What a model is told that a search found: the tools themselves stand among the others. */
const namesOf = (tools: Json | undefined): Json =>
  (isArray(tools) ? tools : []).flatMap((tool) => (asFunctions(tool) ?? []).map(({ name }) => name));
