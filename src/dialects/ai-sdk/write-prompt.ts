import type { Message, Part } from '../../core/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { ID, ownExtra, WEIR } from './fields.ts';
import { writeMedia } from './media.ts';
import { cacheOptions, writePartOptions } from './part-options.ts';
import { OWN, sealed } from './seal.ts';
import { writeOutput } from './tool-output.ts';

/** Instructions are a text each; what tools answered has messages of its own. */
export function writePrompt(messages: readonly Message[], loss: Set<string>): readonly JsonObject[] {
  const nameOfCall = new Map<string, string>();
  for (const { content } of messages) for (const part of content) if (part.type === 'tool-call') nameOfCall.set(part.id, part.name);
  return messages.flatMap<JsonObject>((message) => {
    if (message.name !== undefined) loss.add('messages.name');
    const extra = ownExtra(message.extra, 'messages.', loss);
    if (message.role === 'system' || message.role === 'developer') return writeSystem(message.content, extra, loss);
    const results = message.content.filter((part) => part.type === 'tool-result');
    const others = message.content.filter((part) => part.type !== 'tool-result');
    const answered = results.map((result) => writeResult(result, nameOfCall.get(result.callId) ?? '', loss));
    const said = others.flatMap<JsonObject>((part) => writePart(part, loss) ?? []);
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    return [
      ...(answered.length === 0 ? [] : [{ ...extra, role: 'tool', content: answered }]),
      ...(said.length === 0 ? [] : [{ ...extra, role, content: said }]),
    ];
  });
}

function writeSystem(parts: readonly Part[], extra: JsonObject, loss: Set<string>): readonly JsonObject[] {
  return parts.flatMap((part) => {
    if (part.type !== 'text') {
      loss.add(`messages.content.${part.type}`);
      return [];
    }
    if (part.signature !== undefined) loss.add('thinking.signature');
    const options = isObject(extra.providerOptions) ? extra.providerOptions : undefined;
    return [{ ...extra, role: 'system', content: part.text, ...optionsOf(part, loss, options) }];
  });
}

function writePart(part: Exclude<Part, { type: 'tool-result' }>, loss: Set<string>): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      if (part.citations !== undefined) loss.add('messages.content.annotations');
      return { type: 'text', text: part.text, ...optionsOf(part, loss, sealOf(part, loss)) };
    case 'image':
      return { ...writeMedia(part), ...optionsOf(part, loss, part.detail === undefined ? {} : { openai: { imageDetail: part.detail } }) };
    case 'file':
      return { ...writeMedia(part), ...optionsOf(part, loss) };
    case 'audio':
      return writeMedia(part);
    case 'thinking':
      return { type: 'reasoning', text: part.text, ...writePartOptions(sealOf(part, loss), itemOptions(part.id)) };
    case 'redacted-thinking':
      return writeRedacted(part, loss);
    case 'refusal':
      return { type: 'text', text: part.text };
    case 'tool-call':
      return writeToolCall(part, loss);
    case 'raw':
      if (part.dialect === ID && isObject(part.value)) return part.value;
      loss.add(`messages.content.${(isObject(part.value) && typeof part.value.type === 'string' && part.value.type) || part.dialect}`);
      return undefined;
  }
}

interface Kept {
  readonly cache?: JsonObject;
  readonly extra?: JsonObject;
}

function optionsOf({ cache, extra }: Kept, loss: Set<string>, more?: JsonObject) {
  const own = ownExtra(extra, 'messages.content.', loss).providerOptions;
  return writePartOptions(isObject(own) ? own : undefined, cacheOptions(cache), more);
}

const itemOptions = (id: string | undefined) => (id === undefined ? undefined : { openai: { itemId: id } });

/** The signature that may go out with a part: one that is somebody else's would be refused. */
function sealOf(
  { signature, issuer = OWN }: Extract<Part, { type: 'text' }> | Extract<Part, { type: 'thinking' | 'tool-call' }>,
  loss: Set<string>,
) {
  if (signature === undefined) return undefined;
  if (issuer === OWN) return sealed({ issuer, signature });
  loss.add('thinking.signature');
  return undefined;
}

function writeRedacted({ data, issuer = OWN }: Extract<Part, { type: 'redacted-thinking' }>, loss: Set<string>): JsonObject | undefined {
  if (issuer === OWN) return { type: 'reasoning', text: '', ...writePartOptions(sealed({ issuer, redacted: data })) };
  loss.add('thinking.signature');
  return undefined;
}

function writeToolCall(part: Extract<Part, { type: 'tool-call' }>, loss: Set<string>): JsonObject {
  if (part.custom) loss.add('messages.tool_calls.custom');
  const input = part.custom ? part.input : (parseJson(part.input.trim() === '' ? '{}' : part.input) ?? part.input);
  return { type: 'tool-call', toolCallId: part.id, toolName: part.name, input, ...optionsOf(part, loss, sealOf(part, loss)) };
}

function writeResult(result: Extract<Part, { type: 'tool-result' }>, toolName: string, loss: Set<string>): JsonObject {
  const { output, said } = writeOutput(result, loss);
  const flag = said ? undefined : { [WEIR]: { isError: result.isError } };
  return { type: 'tool-result', toolCallId: result.callId, toolName, output, ...optionsOf(result, loss, flag) };
}
